"""sort: the order of every list, and what is not one."""

import re
from typing import Any

import pytest

from tests.api_v2.test_queries import LISTS
from tests.conftest import OPEN, Api
from tests.rows import add_attachment, add_comment, define
from tracker import catalogues
from tracker.database.migrations import schema

ISSUES = f"{OPEN}/issues"


async def order(api: Api, path: str, sort: str, key: str = "id") -> list[Any]:
    """The ids (or names) of a list in that order, walked in pages of two."""
    path, found = f"{path}?sort={sort}&pagelen=2", []
    while True:
        page = await api.get(path)
        found += [value[key] for value in page["values"]]
        if "next" not in page:
            assert len(found) == page["size"]
            return found
        path = page["next"].removeprefix(api.url)


@pytest.fixture
async def issues(api: Api) -> Api:
    """Five issues."""
    await define(api, "alice/open", "component", "b", "a", "B")
    drafts: list[dict[str, Any]] = [
        {"title": "b", "priority": "minor", "component": "b", "kind": "task"},
        {"title": "é", "priority": "blocker", "assignee": "bob", "state": "on hold"},
        {"title": "B", "priority": "trivial", "component": "a", "kind": "bug"},
        {"title": "b", "priority": "critical", "assignee": "alice", "component": "B"},
        {"title": "課", "priority": "minor", "assignee": "bob", "state": "closed"},
    ]
    for draft in drafts:
        await api.post(ISSUES, "bob", draft)
    await api.db.run(
        """UPDATE issue SET votes = number % 3,
                  updated_on = '2013-04-0' || (10 - number) || 'T00:00:00.000000+00:00',
                  edited_on = CASE WHEN number > 2 THEN created_on END"""
    )
    return api


@pytest.mark.parametrize(
    ("sort", "numbers"),
    [
        ("id", [1, 2, 3, 4, 5]),
        ("title", [3, 1, 4, 2, 5]),
        ("priority", [3, 1, 5, 4, 2]),
        ("kind", [2, 3, 4, 5, 1]),
        ("state", [5, 1, 3, 4, 2]),
        ("votes", [3, 1, 4, 2, 5]),
        ("created_on", [1, 2, 3, 4, 5]),
        ("updated_on", [5, 4, 3, 2, 1]),
    ],
)
async def test_issues_are_sorted_both_ways(issues: Api, sort: str, numbers: list[int]) -> None:
    assert await order(issues, ISSUES, sort) == numbers
    assert await order(issues, ISSUES, f"-{sort}") == numbers[::-1]


@pytest.mark.parametrize(
    ("sort", "numbers"),
    [
        ("component", [4, 3, 1, 2, 5]),
        ("-component.name", [1, 3, 4, 5, 2]),
        ("assignee.nickname", [4, 2, 5, 1, 3]),
        ("-assignee.display_name", [5, 2, 4, 3, 1]),
        ("edited_on", [3, 4, 5, 1, 2]),
        ("-edited_on", [5, 4, 3, 2, 1]),
        ("milestone", [1, 2, 3, 4, 5]),
        ("-version.name", [5, 4, 3, 2, 1]),
    ],
)
async def test_nulls_are_last_in_both_directions(
    issues: Api, sort: str, numbers: list[int]
) -> None:
    assert await order(issues, ISSUES, sort) == numbers


async def test_issues_come_newest_update_first_unless_asked_otherwise(issues: Api) -> None:
    usual = await issues.get(ISSUES)
    assert [issue["id"] for issue in usual["values"]] == [1, 2, 3, 4, 5]
    assert (await issues.get(f"{ISSUES}?sort=-updated_on"))["values"] == usual["values"]
    assert (await issues.get(f"{ISSUES}?sort="))["values"] == usual["values"]


async def test_comments_and_changes_are_sorted(api: Api) -> None:
    await api.post(ISSUES, "bob", {"title": "x"})
    for number, hour in ((31, 5), (32, 4), (33, 5), (34, 1)):
        logs = [("status", "new", "open"), ("kind", "bug", "task")]
        await add_comment(api, "alice/open", 1, number, content="x", logs=logs)
        await api.db.run(
            "UPDATE comment SET created_on = :time WHERE id = :id",
            {"time": f"2013-04-25T0{hour}:00:00.000000+00:00", "id": number},
        )
    for tail in ("comments", "changes"):
        path = f"{ISSUES}/1/{tail}"
        assert [value["id"] for value in (await api.get(path))["values"]] == [31, 32, 33, 34]
        assert await order(api, path, "created_on") == [34, 32, 31, 33]
        assert await order(api, path, "-created_on") == [33, 31, 32, 34]
        assert await order(api, path, "-id") == [34, 33, 32, 31]
        assert await order(api, path, "user.nickname") == [31, 32, 33, 34]
    change = (await api.get(f"{ISSUES}/1/changes?sort=-created_on"))["values"][0]
    assert list(change["changes"]) == ["state", "kind"]


async def test_attachments_and_definitions_are_sorted(api: Api) -> None:
    await api.post(ISSUES, "bob", {"title": "x"})
    for ordinal, name in enumerate(("b", "a", "C")):
        await add_attachment(api, "alice/open", 1, ordinal, name, None)
    path = f"{ISSUES}/1/attachments"
    assert [value["name"] for value in (await api.get(path))["values"]] == ["b", "a", "C"]
    assert await order(api, path, "name", "name") == ["C", "a", "b"]
    await define(api, "alice/open", "version", "1.10", "1.9", "2")
    assert await order(api, f"{OPEN}/versions", "-name", "name") == ["2", "1.9", "1.10"]


PUBLIC = {
    "issues": catalogues.ISSUES,
    "issues/1/comments": catalogues.COMMENTS,
    "issues/1/changes": catalogues.CHANGES,
    "issues/1/attachments": catalogues.ATTACHMENTS,
    **{f"{kind}s": catalogue for kind, catalogue in catalogues.CATEGORIES.items()},
}
COLUMNS = sorted(set(re.findall(r"^ {4}([a-z_0-9]+) +[A-Z]+", schema(), re.MULTILINE)))


@pytest.mark.parametrize("tail", LISTS)
async def test_no_column_of_the_schema_is_a_sort_unless_answers_show_it(
    api: Api, tail: str
) -> None:
    assert {"tracker_id", "password_hash", "content_raw", "title"} <= set(COLUMNS)
    await api.post(ISSUES, "bob", {"title": "x"})
    for column in COLUMNS:
        for path in (column, f"-{column}", f"user.{column}", f"issue.{column}", f"i.{column}"):
            answer = await api("GET", f"{OPEN}/{tail}?sort={path}")
            public = PUBLIC[tail].columns.get(path.removeprefix("-"))
            if public is None or not public.sortable:
                assert answer.status == 400, path
                assert list(answer.body["error"]["fields"]) == ["sort"]
            else:
                assert answer.status == 200, path


@pytest.mark.parametrize("tail", LISTS)
async def test_every_public_field_sorts_or_says_that_it_has_no_order(api: Api, tail: str) -> None:
    await api.post(ISSUES, "bob", {"title": "x"})
    for path, column in PUBLIC[tail].columns.items():
        answer = await api("GET", f"{OPEN}/{tail}?sort=-{path}")
        assert answer.status == (200 if column.sortable else 400), path


async def test_several_fields_are_refused(api: Api) -> None:
    answer = await api("GET", f"{ISSUES}?sort=id,title")
    said = "a list can be sorted by one field only"
    assert answer.status == 400
    assert answer.body["error"] == {"message": f"sort: {said}", "fields": {"sort": [said]}}
