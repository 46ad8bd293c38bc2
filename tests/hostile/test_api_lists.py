"""Every list: what q, sort, page and the rest can be made to say, and walks along it."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import pytest

from service.api_v2.dialect import V2
from tests.api_v2.test_sorting import COLUMNS
from tests.conformance.places import places
from tests.conftest import Answer, Api
from tests.hostile.routes import API, LISTS, Places, Route, dump, is_refused, send
from tests.hostile.test_queries import BOMBS, INJECTIONS
from tracker.access import repositories
from tracker.query import Catalogue, Column, Type
from tracker.settings import Settings

WHO = (None, "charlie", "dora", "bob", "alice")

NO_TEXT = ("%ED%A0%80", "%FF")
"""Bytes that are no UTF-8."""

GARBAGE = {
    "page": ["0", "-1", "1e2", "1_0", "%2B1", "01", "1.0", "x", "%D9%A1", "9" * 5000, "", "%00"],
    "q": ["%00", "%ED%A0%80", "%FF", "(", "=", "a%3D", "%22", *map(quote, BOMBS.values())],
    "sort": ["%00", "%ED%A0%80", "-", "--", "id,id", "__class__", "1", "%2Bid", "9" * 5000, "*"],
    "after": ["", "x", "%00", "%FF", "W10", "bnVsbA", "W251bGxd", "W1tdXQ", "W3RydWVd", "W" * 5000],
    "fields": [
        "a" * 5000,
        "a," * 2000 + "b",
        ".".join("a" * 20),
        "*.*.*," * 10,
        ",".join("a" * 60),
    ],
}
"""What lists refuse, by parameter."""

GARBAGE["pagelen"] = [*GARBAGE["page"], "101", "2147483648", "9223372036854775808"]
GARBAGE["q"] += [quote(text, safe="") for text in INJECTIONS]
GARBAGE["sort"] += [quote(text, safe="") for text in INJECTIONS]
GARBAGE["page"] += ["1000000000", "2147483648", "9223372036854775807", "9223372036854775808"]

OLD_LIST = "/1.0/repositories/{workspace}/{repo_slug}/issues"
"""The only list of API 1.0 that can be asked for parts."""

ROLES = ["x", "%00", "%ED%A0%80", "", "owner,member", quote("' OR 1=1 --"), "OWNER", "9" * 5000]


def catalogue(route: Route) -> Catalogue:
    """What a list can be asked for."""
    assert route.endpoint is not None
    assert route.endpoint.catalogue is not None
    return route.endpoint.catalogue


@pytest.fixture
async def filled(api: Api) -> Places:
    """One of everything in alice's two repositories, and secrets in charlie's."""
    await places(api, "alice/open")
    await api.post("/2.0/repositories/charlie/x/issues", "charlie", {"title": "SECRET"})
    await api.db.run("UPDATE repository SET description = 'SECRET' WHERE slug = 'x'")
    return await places(api, "alice/app")


async def ask(api: Api, route: Route, there: Places, who: str | None, query: str = "") -> Answer:
    """A list as somebody sees it."""
    return await send(api, route, route.at(there, query), who)


@pytest.mark.parametrize("route", LISTS, ids=str)
async def test_garbage_in_a_parameter_is_refused(
    api: Api, settings: Settings, filled: Places, route: Route
) -> None:
    before = dump(settings.database)
    parameters = dict(GARBAGE)
    if route.endpoint is not None and route.endpoint.parameters is not None:
        parameters["role"] = ROLES
    wrong = []
    for name, values in parameters.items():
        for value in values:
            for query in (f"{name}={value}", f"x=1&{name}={value}&{name}=1"):
                if name in ("q", "sort") and value == "":
                    continue
                answer = await ask(api, route, filled, "alice", query)
                if not is_refused(answer, 400):
                    wrong.append(f"{query[:60]}: {answer}")
    assert wrong == []
    assert dump(settings.database) == before


async def test_garbage_in_a_parameter_harms_no_other_route(
    api: Api, settings: Settings, filled: Places
) -> None:
    before = dump(settings.database)
    wrong = []
    for route in API:
        if route in LISTS or route.is_unsafe:
            continue
        plain = await ask(api, route, filled, "alice")
        for name, values in {**GARBAGE, "role": ROLES}.items():
            for value in values if route.api == V2.prefixes[0] else values[:3]:
                answer = await ask(api, route, filled, "alice", f"{name}={value}")
                # `fields` is read everywhere in API 2.0, the others by lists only; but what is no
                # text is refused by everything.
                means = ["sort"] if route.path == OLD_LIST else []
                means += ["fields"] if route.api == V2.prefixes[0] else []
                refused = name in means or value in NO_TEXT
                if answer.status != (400 if refused else plain.status):
                    wrong.append(f"{route} {name}={value[:40]}: {answer}")
    assert wrong == []
    assert dump(settings.database) == before


OLD_GARBAGE = {
    "limit": ["-1", "1e2", "1_0", "%2B1", "1.0", "x", "%D9%A1", "%00", "%20", "-" + "9" * 5000],
    "sort": GARBAGE["sort"],
    "kind": ["*", "new", "~bug", "%00", "%5Ebug", "$bug", "!~bug", "BUG"],
    "status": ["done", "on+holds", "~new", "&status=new" * 500, "%00"],
    "version": ["~x", "%5Ex", "$x", "!~x", "x" * 5000],
    "responsible": ["~x", "%5Ex", "$x", "!~x", "x" * 5000],
    "title": ["%00", "~%00", *NO_TEXT],
    "content": ["%00", "!%00", *NO_TEXT],
    "search": ["%00", "x+%00", *NO_TEXT],
}
"""What the list of API 1.0 refuses, by parameter."""

OLD_GARBAGE["start"] = OLD_GARBAGE["limit"]


async def test_garbage_in_a_filter_of_the_old_api_is_refused(
    api: Api, settings: Settings, filled: Places
) -> None:
    before = dump(settings.database)
    [route] = [each for each in API if str(each) == f"GET {OLD_LIST}"]
    wrong = []
    for name, values in OLD_GARBAGE.items():
        for value in values:
            answer = await ask(api, route, filled, "alice", f"{name}={value}")
            if not is_refused(answer, 400):
                wrong.append(f"{name}={value[:40]}: {answer}")
    assert wrong == []
    assert dump(settings.database) == before


@pytest.mark.parametrize("name", ["title", "content", "reported_by", "responsible", "milestone"])
async def test_what_is_no_garbage_is_a_text_in_a_filter_of_the_old_api(
    api: Api, settings: Settings, filled: Places, name: str
) -> None:
    before = dump(settings.database)
    [route] = [each for each in API if str(each) == f"GET {OLD_LIST}"]
    wrong = []
    for text in [quote(text, safe="") for text in INJECTIONS if not text.startswith("$")]:
        for operator, count in (("", 0), ("!", 2)):
            answer = await ask(api, route, filled, "alice", f"{name}={operator}{text}")
            if answer.status != 200 or answer.body["count"] != count:
                wrong.append(f"{name}={operator}{text}: {answer}")
        found = await ask(api, route, filled, "alice", f"search={text}")
        if found.status != 200 or found.body["issues"]:
            wrong.append(f"search={text}: {found}")
    assert wrong == []
    assert dump(settings.database) == before


def _always(name: str, column: Column) -> str | None:
    """A condition on a field that holds for everything, in the words of its type."""
    word = column.words[0] if column.words else ""
    value = {
        Type.TEXT: '"zzz"',
        Type.WORD: f'"{word}"',
        Type.NUMBER: "5",
        Type.TIME: "2013-04-25",
        Type.FLAG: "true",
        Type.OBJECT: "null",
    }[column.holds]
    return f"{name} = {value} OR {name} != {value}"


@pytest.mark.parametrize("route", LISTS, ids=str)
async def test_no_condition_leads_out_of_a_list_and_its_size_counts_what_is_seen(
    api: Api, filled: Places, route: Route
) -> None:
    wrong = []
    for who in WHO:
        everything = await ask(api, route, filled, who, "pagelen=100")
        if everything.status != 200:
            continue
        seen = everything.body
        if who != "charlie" and "SECRET" in json.dumps(seen):
            wrong.append(f"{who} sees what is charlie's")
        if seen["size"] != len(seen["values"]):
            wrong.append(f"{who}: size {seen['size']} of {len(seen['values'])}")
        for name, column in catalogue(route).columns.items():
            q = quote(f"{_always(name, column)}", safe="")
            for query in (f"q={q}", f"q={q}&sort={name if column.sortable else ''}"):
                found = await ask(api, route, filled, who, f"pagelen=100&{query}")
                if found.status != 200 or _keys(found.body) != _keys(seen):
                    wrong.append(f"{who} {query}: {found}")
    assert wrong == []


def _keys(page: Any) -> list[str]:
    """What a page holds, whatever its order."""
    return [str(page["size"]), *sorted(json.dumps(value) for value in page["values"])]


@pytest.mark.parametrize("route", LISTS, ids=str)
async def test_nothing_sorts_or_is_asked_for_but_what_is_shown(
    api: Api, filled: Places, route: Route
) -> None:
    public = catalogue(route).columns
    wrong = []
    for column in COLUMNS:
        for name in (column, f"user.{column}", f"owner.{column}", f"w.{column}"):
            if name in public:
                continue
            for parameter, query in (("sort", f"-{name}"), ("q", f"{name} != null")):
                answer = await ask(api, route, filled, "alice", f"{parameter}={quote(query)}")
                if not is_refused(answer, 400) or list(answer.body["error"]["fields"]) != [
                    parameter
                ]:
                    wrong.append(f"{parameter}={query}: {answer}")
    assert wrong == []


@pytest.mark.parametrize("route", LISTS, ids=str)
async def test_wildcards_of_the_database_are_letters_like_others(
    api: Api, filled: Places, route: Route
) -> None:
    wrong = []
    for name, column in catalogue(route).columns.items():
        if column.holds is not Type.TEXT:
            continue
        for text in ("%", "__", "\\\\", "[a-z]", "*", "?", "%%", "a%"):
            q = quote(f'{name} ~ "{text}"', safe="")
            found = await ask(api, route, filled, "alice", f"q={q}")
            if found.status != 200 or found.body["size"] != 0:
                wrong.append(f'{name} ~ "{text}": {found}')
    assert wrong == []


# Walks

Step = Callable[[Api, int], Awaitable[object]]


async def _add_repository(api: Api, number: int) -> None:
    await repositories.create(api.db, f"alice/more-{number}")


async def _remove_repository(api: Api, number: int) -> None:
    answer = await api("DELETE", f"/2.0/repositories/alice/more-{number}", "alice")
    assert answer.status == 204


async def _add_comment(api: Api, number: int) -> None:
    path = "/2.0/repositories/alice/open/issues/1/comments"
    await api.post(path, "alice", {"content": f"{number}"})


async def _remove_comment(api: Api, number: int) -> None:
    path = "/2.0/repositories/alice/open/issues/1/comments"
    found = await api.get(f'{path}?q=content.raw="{number}"')
    assert (await api("DELETE", f"{path}/{found['values'][0]['id']}", "alice")).status == 204


async def _add_issue(api: Api, number: int) -> None:
    await api.post("/2.0/repositories/alice/open/issues", "alice", {"title": f"{number}"})


async def _remove_issue(api: Api, number: int) -> None:
    path = "/2.0/repositories/alice/open/issues"
    found = await api.get(f'{path}?q=title="{number}"')
    assert (await api("DELETE", f"{path}/{found['values'][0]['id']}", "alice")).status == 200


WALKS: dict[str, tuple[str, Step, Step, Callable[[Any], str]]] = {
    "repositories": (
        "/2.0/repositories/alice?",
        _add_repository,
        _remove_repository,
        lambda value: str(value["slug"]).removeprefix("more-"),
    ),
    "comments": (
        "/2.0/repositories/alice/open/issues/1/comments?",
        _add_comment,
        _remove_comment,
        lambda value: str(value["content"]["raw"]),
    ),
    "issues": (
        "/2.0/repositories/alice/open/issues?",
        _add_issue,
        _remove_issue,
        lambda value: str(value["title"]),
    ),
}
"""By name: a list, how it gets and loses an item, and which one an item is."""


@pytest.mark.parametrize("name", WALKS)
@pytest.mark.parametrize("sort", ["", "sort=created_on", "sort=-created_on"])
async def test_a_walk_sees_once_what_is_there_throughout(api: Api, name: str, sort: str) -> None:
    path, add, remove, which = WALKS[name]
    await api.post("/2.0/repositories/alice/open/issues", "alice", {"title": "first"})
    for number in range(10, 22):
        await add(api, number)
    seen: list[str] = []
    doomed, fresh = [11, 20, 14, 17], 30
    address = f"{path}pagelen=2&{sort}"
    while True:
        page = await api.get(address, "alice")
        seen += [which(value) for value in page["values"]]
        if "next" not in page:
            break
        address = page["next"].removeprefix(api.url)
        if doomed:
            await remove(api, doomed.pop())
            await add(api, fresh)
            fresh += 1
    assert len(seen) == len(set(seen))
    assert {str(number) for number in (10, 12, 13, 15, 16, 18, 19, 21)} <= set(seen)
    beyond = await api.get(f"{path}pagelen=2&page=999999", "alice")
    assert beyond["values"] == []
    assert beyond["size"] == (await api.get(f"{path}pagelen=100", "alice"))["size"]
