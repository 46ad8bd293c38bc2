"""The list of issues in API 1.0: its shape, its parts, its order, and who is told what."""

from typing import Any
from urllib.parse import quote

import pytest

from tests import archives
from tests.archives import comment, issue, sample
from tests.conftest import Api, Start
from tests.rows import add_comment, define
from tests.tracker.conftest import Core
from tracker import database
from tracker.access import repositories, workspaces
from tracker.settings import Settings

LIST = "/1.0/repositories/alice/open/issues"
PISTON = "/1.0/repositories/jespern/django-piston/issues"
ITEM_KEYS = [
    "status",
    "priority",
    "title",
    "reported_by",
    "utc_last_updated",
    "responsible",
    "comment_count",
    "metadata",
    "content",
    "created_on",
    "local_id",
    "follower_count",
    "utc_created_on",
    "resource_uri",
    "is_spam",
]


async def numbers(api: Api, query: str, who: str | None = None) -> list[int]:
    """The issues that the list has."""
    page = await api.get(f"{LIST}?{query}", who)
    return [item["local_id"] for item in page["issues"]]


async def refused(api: Api, query: str) -> dict[str, list[str]]:
    """The fields of the answer that says what is wrong."""
    answer = await api("GET", f"{LIST}?{query}")
    assert answer.status == 400, answer
    fields: dict[str, list[str]] = answer.body["error"]["fields"]
    name, [words] = next(iter(fields.items()))
    assert answer.body == {"error": {"message": f"{name}: {words}", "fields": fields}}
    return fields


# The two lists that the documentation of 1.0 shows


def someone(monkeypatch: pytest.MonkeyPatch, username: str, display_name: str) -> dict[str, str]:
    """Somebody in the archives of this test."""
    monkeypatch.setitem(archives.USERNAMES, f"557058:{username}", username)
    return {"display_name": display_name, "account_id": f"557058:{username}"}


@pytest.fixture
async def piston(settings: Settings, start: Start, monkeypatch: pytest.MonkeyPatch) -> Api:
    """The issues of the documentation, and one that its filters don't leave."""
    patrick = someone(monkeypatch, "patrickk", "sehmaschine")
    josh = someone(monkeypatch, "j00bar", "Joshua Ginsberg")
    jesper = someone(monkeypatch, "jespern", "Jesper Noehr")
    jono = someone(monkeypatch, "jonozzz", "jonozzz")
    tracker = sample(
        issues=[
            issue(
                76,
                status="open",
                kind="enhancement",
                title="posting XML doesn´t work",
                content="I´ve succesfully implemented piston\r\n\r\n{{{\r\n#!python\r\n}}}",
                reporter=patrick,
                assignee=josh,
                created_on="2009-10-02T10:03:06.400000+00:00",
                updated_on="2012-07-04T11:14:53.900000+00:00",
                watchers=[],
            ),
            issue(
                141,
                title="get_absolute_url not working anymore in tip version",
                content="From what I've seen so far",
                reporter=jono,
                assignee=jesper,
                created_on="2010-07-29T03:01:02+00:00",
                updated_on="2011-03-02T19:45:16+00:00",
                watchers=[jono],
            ),
            issue(142, status="open", title="Homework"),
        ],
        comments=[comment(7, on=141)],
        logs=[],
        attachments=[],
    )
    db = await database.connect(settings.database, durable=False)
    try:
        await workspaces.create(db, "jespern", owner="alice")
        await repositories.create(db, "jespern/django-piston")
        core = Core(db, settings)
        await core.take(core.archive(tracker, "1.0", "2.0", files={}), "jespern/django-piston")
    finally:
        await db.close()
    return await start(settings)


def person(username: str, first: str, last: str = "") -> dict[str, Any]:
    """A profile without what is our own: the address of the picture."""
    return {
        "username": username,
        "first_name": first,
        "last_name": last,
        "display_name": f"{first} {last}".strip() or username,
        "is_team": False,
        "resource_uri": f"/1.0/users/{username}",
    }


def without_pictures(page: dict[str, Any]) -> dict[str, Any]:
    """The list as the documentation could know it."""
    for item in page["issues"]:
        for member in ("reported_by", "responsible"):
            assert item[member].pop("avatar").startswith("http")
    return page


async def test_the_documentations_first_list_as_nobody_sees_it(piston: Api) -> None:
    page = await piston.get(f"{PISTON}?status=open&kind=!bug&title=~work")
    assert without_pictures(page) == {
        "count": 1,
        "filter": {"status": [["", "open"]], "kind": [["!", "bug"]], "title": [["~", "work"]]},
        "search": None,
        "issues": [
            {
                "status": "open",
                "priority": "major",
                "title": "posting XML doesn´t work",
                "reported_by": person("patrickk", "sehmaschine"),
                "utc_last_updated": "2012-07-04 11:14:53+00:00",
                "responsible": person("j00bar", "Joshua", "Ginsberg"),
                "metadata": {
                    "kind": "enhancement",
                    "version": None,
                    "component": None,
                    "milestone": None,
                },
                "content": "I´ve succesfully implemented piston\r\n\r\n{{{\r\n#!python\r\n}}}",
                "created_on": "2009-10-02 12:03:06",
                "local_id": 76,
                "utc_created_on": "2009-10-02 10:03:06+00:00",
                "resource_uri": "/1.0/repositories/jespern/django-piston/issues/76",
                "is_spam": False,
            }
        ],
    }
    assert [*page] == ["count", "filter", "search", "issues"]
    assert [*page["filter"]] == ["status", "kind", "title"]
    counters = ("comment_count", "follower_count")
    assert [*page["issues"][0]] == [key for key in ITEM_KEYS if key not in counters]


async def test_the_documentations_second_list_as_somebody_sees_it(piston: Api) -> None:
    page = await piston.get(f"{PISTON}?status=!open&title=~work", "charlie")
    assert without_pictures(page) == {
        "count": 1,
        "filter": {"status": [["!", "open"]], "title": [["~", "work"]]},
        "search": None,
        "issues": [
            {
                "status": "new",
                "priority": "major",
                "title": "get_absolute_url not working anymore in tip version",
                "reported_by": person("jonozzz", ""),
                "utc_last_updated": "2011-03-02 19:45:16+00:00",
                "responsible": person("jespern", "Jesper", "Noehr"),
                "comment_count": 1,
                "metadata": {
                    "kind": "bug",
                    "version": None,
                    "component": None,
                    "milestone": None,
                },
                "content": "From what I've seen so far",
                "created_on": "2010-07-29 05:01:02",
                "local_id": 141,
                "follower_count": 1,
                "utc_created_on": "2010-07-29 03:01:02+00:00",
                "resource_uri": "/1.0/repositories/jespern/django-piston/issues/141",
                "is_spam": False,
            }
        ],
    }
    assert [*page["issues"][0]] == ITEM_KEYS


# Counters, parts, orders


@pytest.fixture
async def seven(api: Api) -> Api:
    """Seven issues of bob's, which differ in everything that lists are sorted by."""
    for kind in ("component", "milestone", "version"):
        await define(api, "alice/open", kind, "Beta", "alpha")
    names = (None, "alpha", "Beta")
    for n in range(1, 8):
        draft = {
            "title": f"Issue {n * 3 % 7}",
            "state": ("new", "on hold", "open")[n % 3],
            "kind": ("task", "bug")[n % 2],
            "priority": ("blocker", "minor", "critical", "trivial")[n % 4],
            "component": names[n % 3] and {"name": names[n % 3]},
            "milestone": names[(n + 1) % 3] and {"name": names[(n + 1) % 3]},
            "version": names[n // 2 % 3] and {"name": names[n // 2 % 3]},
            "assignee": (None, "alice", "bob")[n % 3],
        }
        await api.post("/2.0/repositories/alice/open/issues", "bob", draft)
        await api.db.run(
            """UPDATE issue SET created_on = :created, updated_on = :updated, watches = :watches
                WHERE number = :n""",
            {
                "n": n,
                "created": f"2013-04-0{8 - n}T12:00:00.000000+00:00",
                "updated": f"2013-05-0{n * 5 % 7 + 1}T12:00:00.000000+00:00",
                "watches": n * 4 % 7,
            },
        )
    return api


async def test_the_newest_update_is_first_and_the_count_is_of_all(seven: Api) -> None:
    page = await seven.get(f"{LIST}?limit=3")
    assert (page["count"], page["filter"], page["search"]) == (7, {}, None)
    assert [item["local_id"] for item in page["issues"]] == [4, 1, 5]


async def test_comments_are_counted_for_whoever_has_signed_in(seven: Api) -> None:
    for number, comment_id in ((2, 10), (2, 11), (5, 12)):
        await add_comment(seven, "alice/open", number, comment_id, content="Yes")
    await add_comment(seven, "alice/open", 5, 13, logs=[("status", "new", "open")])
    page = await seven.get(f"{LIST}?sort=local_id", "charlie")
    assert [item["comment_count"] for item in page["issues"]] == [0, 2, 0, 0, 2, 0, 0]
    assert [item["follower_count"] for item in page["issues"]] == [4, 1, 5, 2, 6, 3, 0]
    for item in (await seven.get(LIST))["issues"]:
        assert not {"comment_count", "follower_count"} & item.keys()


async def test_an_issue_of_nobody_for_nobody_has_neither_member(seven: Api) -> None:
    await seven.db.run("UPDATE issue SET reporter_id = NULL WHERE number = 3")
    [item] = (await seven.get(f"{LIST}?reported_by="))["issues"]
    assert item["local_id"] == 3
    assert not {"reported_by", "responsible"} & item.keys()


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("local_id", [1, 2, 3, 4, 5, 6, 7]),
        ("title", [7, 5, 3, 1, 6, 4, 2]),
        ("status", [3, 6, 1, 4, 7, 2, 5]),
        ("priority", [3, 7, 1, 5, 2, 6, 4]),
        ("kind", [1, 3, 5, 7, 2, 4, 6]),
        ("component", [2, 5, 1, 4, 7, 3, 6]),
        ("milestone", [1, 4, 7, 3, 6, 2, 5]),
        ("version", [4, 5, 2, 3, 1, 6, 7]),
        ("responsible", [1, 4, 7, 2, 5, 3, 6]),
        ("reported_by", [1, 2, 3, 4, 5, 6, 7]),
        ("created_on", [7, 6, 5, 4, 3, 2, 1]),
        ("utc_created_on", [7, 6, 5, 4, 3, 2, 1]),
        ("utc_last_updated", [7, 3, 6, 2, 5, 1, 4]),
        ("follower_count", [7, 2, 4, 6, 1, 3, 5]),
    ],
)
async def test_sorted_by_each_field_in_both_directions(
    seven: Api, sort: str, found: list[int]
) -> None:
    unset = {"component": 2, "milestone": 2, "version": 3, "responsible": 2}.get(sort, 0)
    known, unknown = found[: 7 - unset], found[7 - unset :]
    assert await numbers(seven, f"sort={sort}") == found
    assert await numbers(seven, f"sort=-{sort}") == known[::-1] + unknown[::-1]


async def test_parts_of_every_size_have_each_issue_once(seven: Api) -> None:
    for query in ("", "sort=-kind&", "kind=bug&kind=task&"):
        whole = await numbers(seven, query)
        for limit in (1, 2, 3, 7, 50):
            walked = [
                number
                for start in range(0, 9, limit)
                for number in await numbers(seven, f"{query}limit={limit}&start={start}")
            ]
            assert walked == whole
    assert sorted(whole) == [1, 2, 3, 4, 5, 6, 7]


async def test_fifteen_unless_asked_and_never_more_than_fifty(api: Api) -> None:
    for n in range(52):
        await api.post("/2.0/repositories/alice/open/issues", "bob", {"title": f"Issue {n}"})
    for query, size in (
        ("", 15),
        ("limit=16", 16),
        ("limit=007", 7),
        ("limit=50", 50),
        ("limit=51", 50),
        (f"limit=1{'0' * 30}", 50),
        (f"limit={'9' * 5000}", 50),
        ("limit=2&limit=3", 2),
        ("start=50", 2),
        ("start=52", 0),
        (f"start={2**63}", 0),
        (f"start={'9' * 5000}", 0),
        (f"start={'9' * 30}&limit=50&sort=title", 0),
        ("limit=0&start=9", 0),
        ("limit=&start=&format=", 15),
    ):
        page = await api.get(f"{LIST}?{query}")
        assert (page["count"], len(page["issues"])) == (52, size), query


@pytest.mark.parametrize("name", ["limit", "start"])
@pytest.mark.parametrize("text", ["-1", "+1", "1.0", "1e1", " 1", "1_0", "x", "١", "%00"])
async def test_what_is_no_size_is_refused(api: Api, name: str, text: str) -> None:
    assert await refused(api, f"{name}={quote(text, safe='%')}") == {
        name: ["Must be a whole number, 0 or more."]
    }


async def test_a_badge_gets_its_count_and_no_issue(seven: Api) -> None:
    assert await seven.get(f"{LIST}?limit=0&status=new&status=open") == {
        "count": 4,
        "filter": {"status": [["", "new"], ["", "open"]]},
        "search": None,
        "issues": [],
    }
    assert (await seven.get(f"{LIST}?limit=0"))["count"] == 7


async def test_a_sort_that_is_none_is_refused_with_a_guess(api: Api) -> None:
    assert await refused(api, "sort=follow_count") == {
        "sort": ['unknown field "follow_count"; did you mean "follower_count"?']
    }
    assert await refused(api, "sort=-content") == {
        "sort": ['unknown field "content"; did you mean "component"?']
    }
    assert await refused(api, "sort=%00") == {"sort": ['unknown field "\0"']}


async def test_parameters_that_nobody_knows_say_nothing(seven: Api) -> None:
    usual = await seven.get(LIST)
    for query in (
        "format=json",
        "callback=x&timestamp=17&_=1",
        "fields=count&q=!&page=x&pagelen=x",
        "Status=x&local_id=1&sort=&search=&=",
        "%00=%00",
    ):
        assert await seven.get(f"{LIST}?{query}") == usual, query


async def test_a_list_has_a_tag_and_is_not_sent_to_whoever_has_it(seven: Api) -> None:
    answer = await seven("GET", f"{LIST}?kind=bug")
    again = await seven(
        "GET", f"{LIST}?kind=bug", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert (again.status, again.body) == (304, "")
    head = await seven("HEAD", f"{LIST}?kind=bug")
    assert (head.status, head.body) == (200, "")


async def test_whoever_may_not_see_the_tracker_does_not_learn_what_matches(api: Api) -> None:
    private = "/1.0/repositories/alice/app/issues"
    await api.post("/2.0/repositories/alice/app/issues", "alice", {"title": "secret"})
    for who in (None, "charlie"):
        for query in ("", "?limit=0", "?title=~secret", "?search=secret"):
            answer = await api("GET", private + query, who)
            assert answer.status == 404
            assert answer.body["error"]["message"] == "Not Found"
    assert (await api.get(f"{private}?search=secret", "dora"))["count"] == 1
