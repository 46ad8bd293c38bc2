"""Filters and the search of 1.0's list, as they come over HTTP."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import Api
from tests.rows import define

LIST = "/1.0/repositories/alice/open/issues"


@pytest.fixture
async def filled(api: Api) -> Api:
    """Six issues; nothing is set of the last one, whose reporter has gone."""
    for kind in ("component", "milestone", "version"):
        await define(api, "alice/open", kind, "M1", "~M")
    drafts: list[dict[str, Any]] = [
        {"title": "It does not work", "kind": "bug", "state": "open", "assignee": "alice"},
        {"title": "100% of a_b", "kind": "task", "state": "on hold", "milestone": {"name": "M1"}},
        {"title": "100 times axb", "state": "closed", "content": {"raw": "GRÖSSE of the Hay"}},
        {"title": "Cafe\u0301 İstanbul", "state": "submitted", "component": {"name": "M1"}},
        {"title": "課題", "priority": "blocker", "content": {"raw": "Work\r\nat home"}},
        {"title": "!x", "version": {"name": "~M"}},
    ]
    for n, draft in enumerate(drafts):
        await api.post("/2.0/repositories/alice/open/issues", ("bob", "alice")[n % 2], draft)
    await api.db.run("UPDATE issue SET reporter_id = NULL WHERE number = 6")
    return api


async def found(api: Api, query: str) -> list[int]:
    """The numbers of the issues that are left, of which count says as many."""
    page = await api.get(f"{LIST}?sort=local_id&{query}")
    numbers = [item["local_id"] for item in page["issues"]]
    assert page["count"] == len(numbers)
    assert (await api.get(f"{LIST}?limit=0&{query}"))["count"] == len(numbers)
    return numbers


async def wrong(api: Api, queries: Mapping[str, list[int]]) -> list[str]:
    """Which of these queries leave other issues than those of these numbers, and which ones."""
    others = []
    for query, numbers in queries.items():
        # The operators as they are, and encoded.
        for safe in ("=&!~^$", "=&"):
            left = await found(api, quote(query, safe=safe))
            if left != numbers:
                others.append(f"{query} with {safe}: {left}")
    return others


async def test_a_text_is_what_is_asked_for_or_has_it_in_it_before_it_or_behind_it(
    filled: Api,
) -> None:
    queries = {
        "title=It does not work": [1],
        "title=it does not work": [],
        "title=!It does not work": [2, 3, 4, 5, 6],
        "title=~WORK": [1],
        "title=!~WORK": [2, 3, 4, 5, 6],
        "title=^it": [1],
        "title=^does": [],
        "title=$WORK": [1],
        "title=$wor": [],
        "title=~%": [2],
        "title=~_": [2],
        "title=^100": [2, 3],
        "title=^1__": [],
        "title=$a_b": [2],
        "title=$a?b": [],
        "title=~*": [],
        "title=~CAFÉ": [4],
        "title=^cafe\u0301": [4],
        "title=^cafe": [],
        "title=$i\u0307STANBUL": [4],
        "title=~題": [5],
        "title=$題": [5],
        "title=!!x": [1, 2, 3, 4, 5],
        "title=~!": [6],
        "title=~": [1, 2, 3, 4, 5, 6],
        "title=^": [1, 2, 3, 4, 5, 6],
        "title=$": [1, 2, 3, 4, 5, 6],
        "title=!~": [],
        "title=": [],
        "content=~größe": [3],
        "content=^grösse": [3],
        "content=$hay": [3],
        "content=": [1, 2, 4, 6],
        "content=!": [3, 5],
        "content=!~o": [1, 2, 4, 6],
        "content=Work\r\nat home": [5],
    }
    assert await wrong(filled, queries) == []


async def test_people_are_found_by_their_names_or_parts_of_them(filled: Api) -> None:
    queries = {
        "reported_by=bob": [1, 3, 5],
        "reported_by=Bob": [],
        "reported_by=!bob": [2, 4, 6],
        "reported_by=~LIC": [2, 4],
        "reported_by=!~lic": [1, 3, 5, 6],
        "reported_by=^a": [2, 4],
        "reported_by=$b": [1, 3, 5],
        "reported_by=nobody": [],
        "reported_by=": [6],
        "reported_by=!": [1, 2, 3, 4, 5],
        "responsible=alice": [1],
        "responsible=!alice": [2, 3, 4, 5, 6],
        "responsible=": [2, 3, 4, 5, 6],
        "responsible=!": [1],
        "responsible=zoe": [],
    }
    assert await wrong(filled, queries) == []


async def test_categories_are_found_by_their_whole_names(filled: Api) -> None:
    queries = {
        "milestone=M1": [2],
        "milestone=m1": [],
        "milestone=!M1": [1, 3, 4, 5, 6],
        "milestone=": [1, 3, 4, 5, 6],
        "milestone=!": [2],
        "milestone=M2": [],
        "milestone=!M2": [1, 2, 3, 4, 5, 6],
        "component=M1": [4],
        "component=!": [4],
        "version=M1": [],
        "version=": [1, 2, 3, 4, 5],
        "version=!": [6],
    }
    assert await wrong(filled, queries) == []


async def test_words_are_found_as_they_are(filled: Api) -> None:
    queries = {
        "kind=bug": [1, 3, 4, 5, 6],
        "kind=!bug": [2],
        "status=open": [1],
        "status=on hold": [2],
        "status=closed": [3],
        "status=!submitted": [1, 2, 3, 5, 6],
        "priority=blocker": [5],
        "priority=!major": [5],
    }
    assert await wrong(filled, queries) == []


async def test_values_of_one_field_are_alternatives_and_several_fields_count_together(
    filled: Api,
) -> None:
    """A "not" is an alternative like any other."""
    queries = {
        "status=open&status=closed": [1, 3],
        "status=open&status=!open": [1, 2, 3, 4, 5, 6],
        "status=!open&status=!closed": [1, 2, 3, 4, 5, 6],
        "title=^100&title=$work": [1, 2, 3],
        "milestone=&milestone=M1": [1, 2, 3, 4, 5, 6],
        "status=new&kind=bug": [5, 6],
        "status=open&kind=!bug&title=~work": [],
        "status=open&kind=bug&title=~work": [1],
        "status=open&status=closed&reported_by=bob&content=~hay": [3],
    }
    assert await wrong(filled, queries) == []


async def test_a_search_wants_every_word_in_the_title_or_in_the_content(filled: Api) -> None:
    queries = {
        "search=WORK": [1, 5],
        "search=work home": [5],
        "search=  hay\t100 ": [3],
        "search=100%": [2],
        "search=a_b": [2],
        "search=grösse axb": [3],
        "search=課": [5],
        "search=work hay": [],
        "search=of&kind=task": [2],
        "search=~work": [],
    }
    assert await wrong(filled, queries) == []


async def test_a_blank_may_be_a_plus_sign(filled: Api) -> None:
    for query in ("status=on+hold", "status=on%20hold", "search=100%25+a_b"):
        assert await found(filled, query) == [2], query


async def test_the_answer_repeats_what_was_asked(filled: Api) -> None:
    query = (
        "title=~a&status=open&kind=!bug&status=!on+hold&title=$%25&milestone=&search=each++thread"
    )
    page = await filled.get(f"{LIST}?{query}")
    assert [*page["filter"].items()] == [
        ("title", [["~", "a"], ["$", "%"]]),
        ("status", [["", "open"], ["!", "on hold"]]),
        ("kind", [["!", "bug"]]),
        ("milestone", [["", ""]]),
    ]
    assert page["search"] == "each  thread"
    for blank in ("", "search=", "search=++%09"):
        page = await filled.get(f"{LIST}?{blank}")
        assert (page["count"], page["filter"], page["search"]) == (6, {}, None)


WRONG = [
    (
        "kind=~bug",
        "kind",
        '"~" (contains) can\'t be asked of it, only "!" (is not) or a value',
    ),
    (
        "status=open&milestone=!~M",
        "milestone",
        '"!~" (contains not) can\'t be asked of it, only "!" (is not) or a value',
    ),
    (
        "responsible=^a",
        "responsible",
        '"^" (begins with) can\'t be asked of it, only "!" (is not) or a value',
    ),
    ("kind=fish", "kind", "must be one of: bug, enhancement, proposal, task"),
    ("kind=", "kind", "must be one of: bug, enhancement, proposal, task"),
    ("priority=!high", "priority", "must be one of: trivial, minor, major, critical, blocker"),
    (
        "status=Open",
        "status",
        "must be one of: closed, duplicate, invalid, new, on hold, open, resolved, submitted,"
        " wontfix",
    ),
    ("title=%00", "title", "Null characters are not allowed."),
    ("search=x%00", "search", "Null characters are not allowed."),
    (
        f"content=~{'x' * 2049}",
        "content",
        "Ensure this value has at most 2048 bytes (it has 2049).",
    ),
    (
        "status=open&" + "title=x&" * 50,
        "title",
        "more than 50 filters and words to search for",
    ),
    (
        "status=open&search=" + "+x" * 50,
        "search",
        "more than 50 filters and words to search for",
    ),
]
"""Queries, what is wrong in each, and what is said of it."""


async def test_a_filter_that_is_wrong_is_named(api: Api) -> None:
    for query, name, words in WRONG:
        answer = await api("GET", f"{LIST}?{query}")
        assert answer.status == 400, query
        assert answer.body == {"error": {"message": f"{name}: {words}", "fields": {name: [words]}}}


STRANGE = (
    "%x",
    "%zz",
    "' OR 1=1 --",
    '"; DROP TABLE issue; --',
    ":tracker",
    "$1",
    "{text}",
    "😀" * 300,
    "\u202e",
    "%EF%BF%BE",
)


async def test_strange_values_find_nothing_and_break_nothing(filled: Api) -> None:
    for name in ("title", "reported_by", "component", "search"):
        for value in STRANGE:
            answer = await filled("GET", f"{LIST}?{name}={quote(value, safe='%')}")
            if (name, value) == ("component", "$1"):
                assert answer.status == 400
            else:
                assert (answer.status, answer.body["count"]) == (200, 0), (name, value)
    assert (await filled.get(LIST))["count"] == 6


async def test_fifty_filters_are_answered(filled: Api) -> None:
    query = "&".join(f"title=~{n}" for n in range(25)) + "&search=" + "1+" * 25
    assert await found(filled, query) == [2, 3]
