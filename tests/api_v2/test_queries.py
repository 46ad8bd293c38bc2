"""q on every list: which items it leaves, by every field that their JSON has."""

import re
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import APP, OPEN, Api
from tests.rows import add_attachment, add_comment, define
from tracker import catalogues, clock

ISSUES = f"{OPEN}/issues"


async def found(api: Api, path: str, q: str, key: str = "id") -> list[Any]:
    """The ids (or names) that q leaves of a list, of which size counts as many."""
    page = await api.get(f"{path}?sort={key}&pagelen=100&q={quote(q, safe='')}")
    assert page["size"] == len(page["values"])
    return [value[key] for value in page["values"]]


async def people(api: Api) -> dict[str, dict[str, Any]]:
    """What answers show of alice and bob."""
    return {name: await api.get("/2.0/user", name) for name in ("alice", "bob")}


@pytest.fixture
async def issues(api: Api) -> Api:
    """Four issues: 2 and 3 are filed and assigned, 4 has everything unusual."""
    for kind in ("component", "milestone", "version"):
        await define(api, "alice/open", kind, f"{kind} A", f"{kind} B")
    drafts: list[dict[str, Any]] = [
        {"title": "First"},
        {"title": "Second", "state": "open", "component": "component A", "assignee": "bob"},
        {"title": "Third", "milestone": {"name": "milestone B"}, "version": "version A"},
        {
            "title": "fourth 100%",
            "kind": "task",
            "priority": "blocker",
            "state": "on hold",
            "content": {"raw": "Größe is a_b", "markup": "creole"},
            "assignee": "alice",
        },
    ]
    for number, draft in enumerate(drafts, 1):
        await api.post(ISSUES, "bob" if number % 2 else "alice", draft)
        await api.db.run(
            "UPDATE issue SET votes = :n, created_on = :time WHERE number = :n",
            {"n": number, "time": f"2013-04-0{number}T12:00:00.000000+00:00"},
        )
    return api


@pytest.mark.parametrize(
    ("q", "numbers"),
    [
        ("id > 2", [3, 4]),
        ("id IN (1, 4, 99)", [1, 4]),
        ("id NOT IN (1, 4, 99)", [2, 3]),
        ('title="Second"', [2]),
        ('title = "second"', []),
        ('title ~ "F"', [1, 4]),
        ('title !~ "f" AND title != "Third"', [2]),
        ('title ~ "%"', [4]),
        ('content.raw ~ "GRÖSSE"', [4]),
        ('content.raw ~ "A_B"', [4]),
        ('content.raw ~ "axb"', []),
        ('content.raw = ""', [1, 2, 3]),
        ('content.markup = "creole"', [4]),
        ('state="new" OR state="on hold"', [1, 3, 4]),
        ('state ~ "O"', [2, 4]),
        ('kind != "bug"', [4]),
        ('priority > "major"', [4]),
        ('priority <= "major" and priority > "minor"', [1, 2, 3]),
        ("votes >= 2.5", [3, 4]),
        ("watches = 1", [1, 2, 3, 4]),
        ("created_on > 2013-04-02", [2, 3, 4]),
        ("created_on >= 2013-04-02T14:00:00+02:00 AND created_on < 2013-04-03T12:00", [2]),
        ("updated_on > 2013-04-25", [1, 2, 3, 4]),
        ("edited_on = null", [1, 2, 3, 4]),
        ("edited_on != null OR edited_on > 2013-04-25", []),
        ('component = "component A"', [2]),
        ('component != "component A"', [1, 3, 4]),
        ('component.name ~ "A"', [2]),
        ('milestone.name = "milestone B" and version = "version A"', [3]),
        ("component = null AND milestone = null AND version = null", [1, 4]),
        ("assignee = null", [1, 3]),
        ("assignee != null", [2, 4]),
        ('assignee.nickname = "bob"', [2]),
        ('assignee.nickname != "bob"', [1, 3, 4]),
        ('reporter.username = "bob"', [1, 3]),
        ('reporter.display_name ~ "ALI"', [2, 4]),
        ('title = "First" OR title = "Second" AND id = 1', [1]),
        ('(title = "First" OR title = "Second") AND id = 2', [2]),
    ],
)
async def test_issues_are_found_by_what_they_show(issues: Api, q: str, numbers: list[int]) -> None:
    assert await found(issues, ISSUES, q) == numbers


@pytest.mark.parametrize("member", ["uuid", "account_id", "display_name", "nickname"])
async def test_issues_are_found_by_every_name_of_a_person(issues: Api, member: str) -> None:
    person = (await people(issues))["bob"][member]
    assert await found(issues, ISSUES, f'reporter.{member} = "{person}"') == [1, 3]
    assert await found(issues, ISSUES, f'assignee.{member} IN ("{person}", null)') == [1, 2, 3]


async def test_somebody_with_an_alias_is_found_by_what_is_shown(issues: Api) -> None:
    repository = await issues.repository("alice/open")
    await issues.db.run(
        """INSERT INTO alias SELECT :tracker, id, 'kevin', '557058:k', 'Kevin K.', '' FROM account
            WHERE username = 'bob'""",
        {"tracker": repository.tracker_id},
    )
    shown = (await issues.get(f"{ISSUES}/1"))["reporter"]
    assert (shown["nickname"], shown["display_name"]) == ("kevin", "Kevin K.")
    assert await found(issues, ISSUES, 'reporter.nickname = "kevin"') == [1, 3]
    assert await found(issues, ISSUES, 'reporter.display_name = "Kevin K."') == [1, 3]
    assert await found(issues, ISSUES, 'reporter.account_id = "557058:k"') == [1, 3]
    assert await found(issues, ISSUES, 'reporter.nickname = "bob"') == []


async def test_a_category_is_found_by_its_id(issues: Api) -> None:
    components = (await issues.get(f"{OPEN}/components"))["values"]
    assert await found(issues, ISSUES, f"component.id = {components[0]['id']}") == [2]


async def test_comments_are_found_by_what_they_show(api: Api) -> None:
    path = f"{ISSUES}/1/comments"
    await api.post(ISSUES, "bob", {"title": "x"})
    first = (await api.post(path, "bob", {"content": {"raw": "Ünï", "markup": "creole"}}))["id"]
    second = (await api.post(path, "alice", {"content": "plain"}))["id"]
    third = second + 10
    await add_comment(api, "alice/open", 1, third)
    bob = (await people(api))["bob"]["uuid"]
    for q, ids in (
        ('content.raw ~ "ÜNÏ"', [first]),
        ('content.raw !~ "ÜNÏ"', [second, third]),
        ("content.raw = null", [third]),
        ('content.markup != "markdown"', [first]),
        (f'user.uuid = "{bob}"', [first]),
        ("user = null", [third]),
        ('user.nickname != "alice"', [first, third]),
        (f"id >= {second}", [second, third]),
        ("created_on > 2020-01-01", [first, second]),
        ("updated_on = null", [first, second, third]),
    ):
        assert await found(api, path, q) == ids, q


async def test_changes_are_found_by_what_they_changed(api: Api) -> None:
    path = f"{ISSUES}/1/changes"
    await api.post(ISSUES, "bob", {"title": "x"})
    changes: dict[int, list[tuple[str, str | None, str | None]]] = {
        11: [("status", "new", "open"), ("responsible", "None", "kevin")],
        12: [("state", "open", "resolved"), ("status", "resolved", "closed")],
        13: [("attachment", "here", "a.png"), ("milestone", "M1", "None")],
        14: [("title", "None", "Some"), ("content", None, "x")],
    }
    for number, logs in changes.items():
        await add_comment(api, "alice/open", 1, number, content=f"Text {number}", logs=logs)
    await add_comment(api, "alice/open", 1, 15, content="no change")
    for q, ids in (
        ('changes.state.new = "open"', [11]),
        ('changes.state.old = "open" AND changes.state.new = "closed"', [12]),
        ('changes.state.new = "resolved"', []),
        ("changes.state != null", [11, 12]),
        ("changes.state = null", [13, 14]),
        ('changes.state.new != "open"', [12, 13, 14]),
        ('changes.assignee.old = "" AND changes.assignee.new ~ "KEV"', [11]),
        ('changes.milestone.new = ""', [13]),
        ('changes.title.old = "None"', [14]),
        ('changes.content.old = ""', [14]),
        ('changes.attachment.new = "a.png"', [13]),
        ('message.raw ~ "text 1"', [11, 12, 13, 14]),
        ("user = null AND id < 13", [11, 12]),
        ("created_on = 2013-04-25T15:39:39.417474", [11, 12, 13, 14]),
    ):
        assert await found(api, path, q) == ids, q


async def test_attachments_are_found_by_name(api: Api) -> None:
    await api.post(ISSUES, "bob", {"title": "x"})
    for ordinal, name in enumerate(("b.PNG", "a.png", "c.txt")):
        await add_attachment(api, "alice/open", 1, ordinal, name, None)
    path = f"{ISSUES}/1/attachments"
    assert await found(api, path, 'name ~ ".png"', "name") == ["a.png", "b.PNG"]
    assert await found(api, path, 'name IN ("c.txt")', "name") == ["c.txt"]


@pytest.mark.parametrize("tail", ["components", "milestones", "versions"])
async def test_definitions_are_found_by_name_and_id(api: Api, tail: str) -> None:
    ids = await define(api, "alice/open", tail.removesuffix("s"), "Web", "API", "web api")
    path = f"{OPEN}/{tail}"
    assert await found(api, path, 'name ~ "API"') == [ids[1], ids[2]]
    assert await found(api, path, f'id = {ids[0]} OR name = "API"') == ids[:2]


LISTS = (
    "issues",
    "issues/1/comments",
    "issues/1/changes",
    "issues/1/attachments",
    "components",
    "milestones",
    "versions",
)


@pytest.mark.parametrize("tail", LISTS)
async def test_a_mistake_answers_400_and_names_q(api: Api, tail: str) -> None:
    await api.post(ISSUES, "bob", {"title": "x"})
    answer = await api("GET", f'{OPEN}/{tail}?q=nam ~ "x" OR')
    said = "column 13: expected a field, but q ends here"
    assert answer.status == 400
    assert answer.body == {
        "type": "error",
        "error": {"message": f"q: {said}", "fields": {"q": [said]}},
    }


@pytest.mark.parametrize("tail", LISTS)
async def test_an_empty_q_asks_for_nothing(api: Api, tail: str) -> None:
    await api.post(ISSUES, "bob", {"title": "x"})
    path = f"{OPEN}/{tail}"
    assert (await api.get(f"{path}?q="))["values"] == (await api.get(path))["values"]


async def test_next_keeps_q_and_the_walk_stays_inside_it(issues: Api) -> None:
    page = await issues.get(f"{ISSUES}?q=assignee = null&sort=-id&pagelen=1")
    assert (page["size"], [issue["id"] for issue in page["values"]]) == (2, [3])
    page = await issues.get(page["next"].removeprefix(issues.url))
    assert (page["size"], [issue["id"] for issue in page["values"]]) == (2, [1])
    assert "next" not in page


async def test_a_new_issue_is_found_at_once_and_a_stranger_finds_nothing(api: Api) -> None:
    await api.post(f"{APP}/issues", "bob", {"title": "NEEDLE"})
    path = f'{APP}/issues?q=title ~ "needle"'
    assert (await api.get(path, "dora"))["size"] == 1
    assert (await api("GET", path, "charlie")).status == 404
    assert (await api("GET", path)).status == 404


def paths(value: Any, path: str = "") -> set[str]:
    """The paths of the values in a JSON document, lists left out."""
    if isinstance(value, dict):
        return {inner for name, one in value.items() for inner in paths(one, f"{path}.{name}")}
    return set() if isinstance(value, list) else {path.removeprefix(".")}


NOT_ASKED = re.compile(
    r"(.*\.)?(type|links|html|repository|issue)(\..*)?|(content|message)\.markup"
)


async def test_every_value_that_an_answer_shows_can_be_asked_for(issues: Api) -> None:
    """But constants, addresses, HTML and what all items of a list have in common."""
    await add_comment(issues, "alice/open", 2, 77, content="x", logs=[("status", "new", "open")])
    await issues.db.run("UPDATE comment SET account_id = (SELECT min(id) FROM account)")
    for tail, catalogue in (
        ("issues/2", catalogues.ISSUES),
        ("issues/2/comments/77", catalogues.COMMENTS),
        ("issues/2/changes/77", catalogues.CHANGES),
    ):
        shown = paths(await issues.get(f"{OPEN}/{tail}"))
        asked = {path for path in shown if not NOT_ASKED.fullmatch(path)}
        assert asked <= set(catalogue.columns), tail


async def test_times_are_kept_in_the_form_that_queries_compare(api: Api) -> None:
    created = (await api.post(ISSUES, "bob", {"title": "x"}))["created_on"]
    assert await found(api, ISSUES, f"created_on = {created}") == [1]
    assert await found(api, ISSUES, f"created_on > {clock.shifted(seconds=60)}") == []


TIMES = [
    "2013-04-02",
    "2013-04-02T12:00",
    "2013-04-02T12:00:00",
    "2013-04-02T12:00:00Z",
    "2013-04-02t12:00:00.000z",
    "2013-04-02T14:00:00+02:00",
    "2013-04-02T14:00+0200",
    "2013-04-02T14:00 02:00",
    "2013-04-02T07:00:00.0000000-05",
]


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("operator", ["=", "!=", "<", "<=", ">", ">="])
async def test_a_time_may_stand_in_quotes(issues: Api, time: str, operator: str) -> None:
    bare = await found(issues, ISSUES, f"created_on {operator} {time}")
    assert await found(issues, ISSUES, f'created_on {operator} "{time}"') == bare
    assert 0 < len(bare) < 4 or operator in ("=", "!=")


async def test_times_in_quotes_may_stand_among_others(issues: Api) -> None:
    two, four = "2013-04-02T12:00", "2013-04-04T12:00"
    for q, numbers in (
        (f'created_on IN ("{two}", {four})', [2, 4]),
        (f'created_on NOT IN ("{two}", "{four}", null)', [1, 3]),
        (f'(created_on = "{two}" OR edited_on = "{two}") AND title != "{two}"', [2]),
        (f'title = "{two}"', []),
    ):
        assert await found(issues, ISSUES, q) == numbers, q


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (ISSUES, "updated_on"),
        (f"{ISSUES}/1/comments", "created_on"),
        (f"{ISSUES}/1/changes", "created_on"),
        ("/2.0/repositories", "updated_on"),
        ("/2.0/repositories/alice", "created_on"),
        ("/2.0/workspaces", "created_on"),
    ],
)
async def test_a_time_may_stand_in_quotes_in_every_list(api: Api, path: str, field: str) -> None:
    await api.post(ISSUES, "bob", {"title": "t"})
    await api.post(f"{ISSUES}/1/changes", "bob", {"changes": {"kind": "task"}, "message": "m"})
    for q, is_found in ((f'{field} > "2017-02-01T00:00+02:00"', True), (f'{field} < "2017"', None)):
        answer = await api("GET", path, "bob", params={"q": q})
        if is_found:
            assert answer.body["size"] > 0
        else:
            assert answer.status == 400
            assert "is compared with a time" in answer.body["error"]["message"]
    before = await api.get(path, "bob", params={"q": f'{field} <= "2017-02-01"'})
    assert before["size"] == 0


async def test_an_unknown_field_is_refused_in_bitbuckets_words(api: Api) -> None:
    answer = await api("GET", ISSUES, params={"q": 'title = "t" AND closed_on > 2017-02-01'})
    said = (
        'Field ".values.closed_on" does not support filtering'
        ' (column 17; did you mean "created_on"?)'
    )
    assert (answer.status, answer.body["error"]["message"]) == (400, said)
    assert answer.body["error"]["fields"] == {"q": [said]}


async def test_type_and_issue_can_be_asked_for(api: Api) -> None:
    await api.post(f"{OPEN}/issues", "bob", {"title": "t"})
    await api.post(f"{OPEN}/issues/1/comments", "bob", {"content": "c"})
    for path, q, size in (
        ("issues", 'type = "issue"', 1),
        ("issues", 'type = "comment"', 0),
        ("issues/1/comments", "issue.id = 1", 1),
        ("issues/1/comments", "issue.id = 2", 0),
    ):
        assert (await api.get(f"{OPEN}/{path}", params={"q": q}))["size"] == size


async def test_what_has_only_members_is_named_with_one_of_them(api: Api) -> None:
    await api.post(f"{OPEN}/issues", "bob", {"title": "t"})
    answer = await api("GET", f"{OPEN}/issues/1/changes", params={"q": 'changes.state="open"'})
    assert answer.status == 400
    assert '"changes.state.' in answer.body["error"]["message"]
    assert "uuid" not in answer.body["error"]["message"]
