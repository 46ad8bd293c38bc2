"""PUT /2.0/repositories/{workspace}/{repo_slug}/issues/{issue_id}."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from service.http import keys
from tests.api_v2.test_create_issue import wrong_values
from tests.conftest import APP, OPEN, Api
from tests.rows import define
from tracker import clock
from tracker.access import repositories

ISSUE = f"{APP}/issues/1"

SMILE = "\N{SMILING FACE WITH SUNGLASSES}"


@pytest.fixture(autouse=True)
async def issue(api: Api) -> Any:
    """bob's issue that has everything."""
    for kind in ("component", "milestone", "version"):
        await define(api, "alice/app", kind, "One", "Two")
    return await api.post(
        f"{APP}/issues",
        "bob",
        {
            "title": "Before",
            "content": {"raw": "text", "markup": "creole"},
            "state": "open",
            "kind": "task",
            "priority": "minor",
            "assignee": "dora",
            "component": "One",
            "milestone": "One",
            "version": "One",
        },
    )


@pytest.fixture
def stopped_clock() -> Iterator[None]:
    """A clock that stands in the past."""
    clock.set_source(lambda: datetime(2001, 2, 3, tzinfo=UTC))
    yield
    clock.set_source(None)


async def put(api: Api, payload: object, who: str = "bob", path: str = ISSUE) -> Any:
    """The issue with that put into it."""
    answer = await api("PUT", path, who, json=payload)
    assert answer.status == 200, answer
    return answer.body


async def changes(api: Api, path: str = ISSUE) -> list[Any]:
    """What was changed about the issue."""
    values: list[Any] = (await api.get(f"{path}/changes", "alice"))["values"]
    return values


async def test_what_is_not_said_stays_and_the_whole_issue_comes_back(api: Api, issue: Any) -> None:
    answered = await put(api, {"state": "resolved"})
    moved = {"state": "resolved", "updated_on": answered["updated_on"]}
    assert answered == {**issue, **moved}
    assert answered["updated_on"] > issue["updated_on"]
    assert await api.get(ISSUE, "bob") == answered


@pytest.mark.parametrize("name", ["assignee", "component", "milestone", "version"])
async def test_null_clears_what_may_be_empty(api: Api, issue: Any, name: str) -> None:
    answered = await put(api, {name: None})
    assert answered == {**issue, name: None, "updated_on": answered["updated_on"]}
    [change] = await changes(api)
    assert {value["new"] for value in change["changes"].values()} == {""}
    assert change["changes"][name]["old"] == ("dora" if name == "assignee" else "One")


async def test_everything_that_a_client_may_say_is_put(api: Api) -> None:
    alice = await api.get("/2.0/user", "alice")
    answered = await put(
        api,
        {
            "type": "issue",
            "title": "After",
            "content": {"raw": "**new**", "markup": "markdown"},
            "state": "on hold",
            "kind": "bug",
            "priority": "blocker",
            "assignee": {"uuid": alice["uuid"]},
            "component": {"name": "Two"},
            "milestone": "Two",
            "version": {"name": "Two"},
        },
    )
    assert answered["title"] == "After"
    assert answered["content"]["html"] == "<p><strong>new</strong></p>"
    words = (answered["state"], answered["kind"], answered["priority"])
    assert words == ("on hold", "bug", "blocker")
    assert answered["assignee"]["uuid"] == alice["uuid"]
    assert {answered[kind]["name"] for kind in ("component", "milestone", "version")} == {"Two"}


async def test_one_edit_is_one_change_that_names_all_that_it_touched(api: Api) -> None:
    dora, alice = [await api.get("/2.0/user", name) for name in ("dora", "alice")]
    answered = await put(
        api,
        {
            "state": "closed",
            "title": "After",
            "content": "new",
            "assignee": "alice",
            "version": "Two",
        },
    )
    [change] = await changes(api)
    assert change["changes"] == {
        "content": {"old": "text", "new": "new"},
        "title": {"old": "Before", "new": "After"},
        "assignee": {"old": "dora", "new": "alice"},
        "assignee_account_id": {"old": dora["account_id"], "new": alice["account_id"]},
        "state": {"old": "open", "new": "closed"},
        "version": {"old": "One", "new": "Two"},
    }
    assert change["message"]["raw"] is None
    assert change["user"]["nickname"] == "bob"
    assert change["created_on"] == answered["updated_on"]
    [comment] = (await api.get(f"{ISSUE}/comments", "bob"))["values"]
    assert (comment["id"], comment["content"]) == (change["id"], change["message"])
    assert comment["created_on"] == change["created_on"]
    assert comment["updated_on"] is None


async def test_log_rows_are_in_the_words_of_archives(api: Api) -> None:
    dora = await api.get("/2.0/user", "dora")
    await put(api, {"state": "new", "assignee": None, "component": None, "kind": "bug"})
    rows = await api.db.all("SELECT field, changed_from, changed_to FROM log ORDER BY ordinal")
    assert [tuple(row[name] for name in row.keys()) for row in rows] == [  # noqa: SIM118 - a row
        ("kind", "task", "bug"),
        ("responsible", "dora", ""),
        ("responsible_account_id", dora["account_id"], ""),
        ("status", "open", "new"),
        ("component", "One", ""),
    ]


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"state": "open"},
        {"title": "Before", "content": "text"},
        {"content": {"raw": "text", "markup": "creole"}},
        {"assignee": "dora", "component": "One", "milestone": {"name": "One"}},
        {"links": {}, "votes": 3},
        {"content": {}},
        {"title": "Before", "content": {}},
    ],
    ids=repr,
)
async def test_where_nothing_differs_nothing_is_written(
    api: Api, issue: Any, payload: object
) -> None:
    assert await put(api, payload) == issue
    assert await changes(api) == []


async def test_an_issue_as_it_was_read_can_be_put_back(api: Api, issue: Any) -> None:
    assert await put(api, issue) == issue
    await repositories.set_member(api.db, await api.repository("alice/app"), "dora", None)
    assert await put(api, issue) == issue
    assert (await put(api, {**issue, "title": "After"}))["assignee"] == issue["assignee"]


async def test_a_text_keeps_its_markup_unless_another_is_said(api: Api) -> None:
    assert (await put(api, {"content": "= a ="}))["content"]["html"].startswith("<h1")
    assert (await put(api, {"content": {"raw": "= b ="}}))["content"]["markup"] == "creole"
    answered = await put(api, {"content": {"raw": "= b =", "markup": "plaintext"}})
    assert answered["content"]["markup"] == "plaintext"
    assert "<h1" not in answered["content"]["html"]
    assert (await changes(api))[-1]["changes"] == {"content": {"old": "= b =", "new": "= b ="}}


async def test_html_that_was_kept_goes_with_its_text(api: Api) -> None:
    await api.get(ISSUE, "bob")
    await api.app[keys.CONTENTS].close()
    [row] = await api.db.all("SELECT content_html FROM issue")
    assert "text" in row["content_html"]
    await put(api, {"content": "fresh"})
    assert "fresh" in (await api.get(ISSUE, "bob"))["content"]["html"]
    await put(api, {"content": None})
    assert (await api.get(ISSUE, "bob"))["content"]["html"] == ""


async def test_long_values_are_cut_as_bitbuckets_and_kept_whole(api: Api) -> None:
    whole = SMILE * 300
    await put(api, {"content": whole})
    await put(api, {"content": whole + "!"})
    first, second = await changes(api)
    assert first["changes"]["content"] == {"old": "text", "new": SMILE * 254}
    assert second["changes"]["content"] == {"old": SMILE * 254, "new": SMILE * 254}
    rows = await api.db.all("SELECT whole_from, whole_to FROM log ORDER BY comment_id")
    assert [(row[0], row[1]) for row in rows] == [(None, whole), (whole, whole + "!")]


@pytest.mark.parametrize(
    ("payload", "is_edited"),
    [({"title": "After"}, True), ({"content": "new"}, True), ({"state": "new"}, False)],
    ids=repr,
)
async def test_only_an_edit_of_title_or_text_is_one_of_the_issue_itself(
    api: Api, payload: object, is_edited: bool
) -> None:
    answered = await put(api, payload)
    expected = answered["updated_on"] if is_edited else None
    assert answered["edited_on"] == expected
    [row] = await api.db.all("SELECT content_updated_on FROM issue")
    assert row["content_updated_on"] == expected


@pytest.mark.usefixtures("stopped_clock")
async def test_no_time_goes_backwards_when_the_clock_does(api: Api, issue: Any) -> None:
    answered = await put(api, {"title": "After"})
    assert answered["updated_on"] == answered["edited_on"] == issue["updated_on"]
    comment = await api.post(f"{ISSUE}/comments", "bob", {"content": "later"})
    assert comment["created_on"] == issue["updated_on"]


async def test_an_edited_issue_is_found_by_what_it_says_now(api: Api) -> None:
    async def found(text: str) -> int:
        query = {"q": f'title ~ "{text}" OR content.raw ~ "{text}"'}
        size: int = (await api.get(f"{APP}/issues", "bob", params=query))["size"]
        return size

    await put(api, {"title": "Größer"})
    await put(api, {"content": "fresh"})
    assert [await found(text) for text in ("GRÖSSER", "fresh", "text", "before")] == [1, 1, 0, 0]


async def test_parallel_edits_of_different_things_all_survive(api: Api) -> None:
    for n in range(60):
        state, priority = ("new", "major") if n % 2 else ("open", "minor")
        await asyncio.gather(
            put(api, {"title": f"{n}"}),
            put(api, {"state": state}, "alice"),
            put(api, {"priority": priority}, "dora"),
        )
        answered = await api.get(ISSUE, "bob")
        found = (answered["title"], answered["state"], answered["priority"])
        assert found == (f"{n}", state, priority)


@pytest.mark.parametrize(
    ("who", "own", "text", "rest"),
    [
        ("alice", False, 200, 200),
        ("bob", False, 200, 200),
        ("dora", False, 403, 200),
        ("dora", True, 200, 200),
        ("charlie", False, 403, 403),
        ("charlie", True, 200, 403),
    ],
)
async def test_who_may_edit_what(api: Api, who: str, own: bool, text: int, rest: int) -> None:
    reporter = who if own else "alice" if who == "bob" else "bob"
    made = await api.post(f"{OPEN}/issues", reporter, {"title": "Open"})
    path = f"{OPEN}/issues/{made['id']}"
    for payload in (
        {"title": "x"},
        {"content": "x"},
        {"content": {"raw": "x", "markup": "creole"}},
    ):
        assert (await api("PUT", path, who, json=payload)).status == text
    uuid = (await api.get("/2.0/user", who))["uuid"]
    for payload in ({"state": "closed"}, {"priority": "minor"}, {"assignee": {"uuid": uuid}}):
        assert (await api("PUT", path, who, json=payload)).status == rest
    assert len(await changes(api, path)) == 3 * [text, rest].count(200)


async def test_whoever_is_refused_is_told_what_he_lacks(api: Api) -> None:
    made = await api.post(f"{OPEN}/issues", "bob", {"title": "Open"})
    path = f"{OPEN}/issues/{made['id']}"
    for payload, words in (
        ({"title": "x"}, "This needs write access to alice/open."),
        ({"state": "closed"}, "This needs membership of alice/open."),
    ):
        answer = await api("PUT", path, "charlie", json=payload)
        assert (answer.status, answer.body["error"]["message"]) == (403, words)


async def test_what_stays_as_it_is_needs_no_permission(api: Api) -> None:
    made = await api.post(f"{OPEN}/issues", "charlie", {"title": "Mine"})
    path = f"{OPEN}/issues/{made['id']}"
    answered = await put(api, {**made, "title": "Still mine"}, "charlie", path)
    assert answered["title"] == "Still mine"
    answer = await api("PUT", path, "charlie", json={**made, "title": "x", "state": "closed"})
    assert answer.status == 403
    assert await api.get(path) == answered


async def test_an_issue_that_nobody_reported_and_without_a_text_can_be_edited(
    api: Api, issue: Any
) -> None:
    await api.db.run("UPDATE issue SET reporter_id = NULL, content_raw = NULL, assignee_id = NULL")
    assert (await put(api, {"content": "", "assignee": None}))["updated_on"] == issue["updated_on"]
    assert (await api("PUT", ISSUE, "dora", json={"title": "After"})).status == 403
    answered = await put(api, {"content": "new"})
    assert (answered["reporter"], answered["content"]["raw"]) == (None, "new")
    [change] = await changes(api)
    assert change["changes"] == {"content": {"old": "", "new": "new"}}


@pytest.mark.parametrize(("name", "value"), wrong_values(), ids=lambda value: repr(value)[:40])
async def test_a_value_that_breaks_a_rule_is_refused_by_name(
    api: Api, issue: Any, name: str, value: object
) -> None:
    answer = await api("PUT", ISSUE, "bob", json={"kind": "bug", name: value})
    assert answer.status == 400
    [field] = answer.body["error"]["fields"]
    assert field.split(".")[0] == name
    assert await api.get(ISSUE, "bob") == issue


@pytest.mark.parametrize("kind", ["component", "milestone", "version"])
async def test_what_another_tracker_defines_is_as_unknown_as_what_nobody_does(
    api: Api, kind: str
) -> None:
    [foreign] = await define(api, "charlie/x", kind, "Theirs")
    given = ({"id": foreign}, {"id": 999_999}, {"name": "Theirs"}, {"name": "Nothing"})
    answers = [await api("PUT", ISSUE, "bob", json={kind: value}) for value in given]
    assert {answer.status for answer in answers} == {400}
    assert all(answer.body == answers[0].body for answer in answers)
    assert list(answers[0].body["error"]["fields"]) == [kind]


async def test_who_may_not_see_the_repository_is_as_unknown_as_nobody(api: Api) -> None:
    names = ("charlie", "nobody", "eve")
    answers = [await api("PUT", ISSUE, "bob", json={"assignee": name}) for name in names]
    assert [answer.status for answer in answers] == [400] * 3
    assert all(answer.body == answers[0].body for answer in answers)


async def test_what_only_the_server_decides_is_ignored(api: Api, issue: Any) -> None:
    sent = {
        "id": 77,
        "number": 77,
        "repository": {"full_name": "charlie/x"},
        "reporter": {"username": "alice"},
        "created_on": "2001-01-01T00:00:00+00:00",
        "updated_on": "2001-01-01T00:00:00+00:00",
        "edited_on": "2001-01-01T00:00:00+00:00",
        "votes": 99,
        "watches": 99,
        "links": {"self": {"href": "http://evil.example/"}},
        "type": "repository",
        "metadata": {"kind": "bug"},
        "tracker_id": 1,
    }
    assert await put(api, sent) == issue


async def test_an_absent_issue_can_not_be_edited(api: Api) -> None:
    answer = await api("PUT", f"{APP}/issues/2", "bob", json={"title": "t"})
    assert answer.status == 404
    assert answer.body["error"]["message"] == "No Issue matches the given query."


async def test_the_markup_alone_can_be_changed(api: Api) -> None:
    await api.post(f"{OPEN}/issues", "bob", {"title": "t", "content": "**b**"})
    payload = {"content": {"markup": "plaintext"}}
    content = (await api("PUT", f"{OPEN}/issues/1", "bob", json=payload)).body["content"]
    assert (content["raw"], content["markup"]) == ("**b**", "plaintext")
    assert content["html"] == "<p>**b**</p>"


async def test_an_empty_text_means_nobody_and_nothing(api: Api) -> None:
    """A form has no other way to say it."""
    await define(api, "alice/open", "component", "UI")
    given = {"title": "t", "assignee": "bob", "component": "UI"}
    await api.post(f"{OPEN}/issues", "bob", given)
    answer = await api("PUT", f"{OPEN}/issues/1", "bob", data={"assignee": "", "component": ""})
    assert (answer.body["assignee"], answer.body["component"]) == (None, None)
