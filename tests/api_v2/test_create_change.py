"""POST .../issues/{issue_id}/changes."""

from typing import Any

import pytest

from tests.conftest import APP, OPEN, Api
from tests.rows import define

ISSUE = f"{APP}/issues/1"
CHANGES = f"{ISSUE}/changes"


@pytest.fixture(autouse=True)
async def issue(api: Api) -> Any:
    """bob's issue, and what it can be filed under."""
    for kind in ("component", "milestone", "version"):
        await define(api, "alice/app", kind, "One", "Two")
    return await api.post(
        f"{APP}/issues",
        "bob",
        {"title": "Before", "content": "text", "assignee": "dora", "component": "One"},
    )


async def test_it_is_done_and_answered_with_its_address(api: Api) -> None:
    payload = {
        "type": "issue_change",
        "changes": {"state": {"old": "whatever", "new": "resolved"}, "kind": {"new": "task"}},
        "message": {"raw": "It is **done**"},
    }
    answer = await api("POST", CHANGES, "bob", json=payload)
    assert answer.status == 201
    change = answer.body
    url = f"{api.url}{CHANGES}/{change['id']}"
    assert answer.headers["Location"] == change["links"]["self"]["href"] == url
    assert change["changes"] == {
        "kind": {"old": "bug", "new": "task"},
        "state": {"old": "new", "new": "resolved"},
    }
    assert change["message"]["html"] == "<p>It is <strong>done</strong></p>"
    assert change["user"]["nickname"] == "bob"
    assert await api.get(f"{CHANGES}/{change['id']}", "bob") == change
    comment = await api.get(f"{ISSUE}/comments/{change['id']}", "bob")
    assert comment["content"] == change["message"]
    issue = await api.get(ISSUE, "bob")
    assert (issue["state"], issue["kind"]) == ("resolved", "task")
    assert issue["updated_on"] == change["created_on"]
    assert issue["edited_on"] is None


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("title", "Before", "After"),
        ("content", "text", "new"),
        ("state", "new", "on hold"),
        ("kind", "bug", "proposal"),
        ("priority", "major", "trivial"),
        ("assignee", "dora", "alice"),
        ("assignee", "dora", ""),
        ("assignee", "dora", None),
        ("assignee_account_id", "dora", "alice"),
        ("assignee_account_id", "dora", ""),
        ("component", "One", "Two"),
        ("component", "One", ""),
        ("component", "One", None),
        ("milestone", "", "One"),
        ("version", "", "Two"),
        ("content", "text", ""),
    ],
)
async def test_everything_is_changed_by_its_name(
    api: Api, name: str, old: str, new: str | None, wrapped: bool
) -> None:
    if name == "assignee_account_id":
        ids = {who: (await api.get("/2.0/user", who))["account_id"] for who in ("dora", "alice")}
        old, new = ids[old], ids.get(str(new), "")
    value = {"new": new} if wrapped else new
    change = await api.post(CHANGES, "bob", {"changes": {name: value}})
    assert change["changes"][name] == {"old": old, "new": new or ""}
    assert change["message"]["raw"] is None
    issue = await api.get(ISSUE, "bob")
    shown = issue["assignee" if name == "assignee_account_id" else name]
    if isinstance(shown, dict):
        member = {"assignee": "nickname", "assignee_account_id": "account_id", "content": "raw"}
        shown = shown[member.get(name, "name")]
    assert (shown or "") == (new or "")


async def test_what_a_change_says_can_be_said_again_with_the_sides_swapped(api: Api) -> None:
    payload = {"changes": {"state": "closed", "assignee": "alice", "component": None}}
    done = (await api.post(CHANGES, "bob", payload))["changes"]
    back = {name: {"old": value["new"], "new": value["old"]} for name, value in done.items()}
    assert (await api.post(CHANGES, "bob", {"changes": back}))["changes"] == back


async def test_an_account_id_goes_before_a_name(api: Api) -> None:
    alice = (await api.get("/2.0/user", "alice"))["account_id"]
    changes = {"assignee": {"new": "bob"}, "assignee_account_id": {"new": alice}}
    change = await api.post(CHANGES, "bob", {"changes": changes})
    assert change["changes"]["assignee"]["new"] == "alice"


@pytest.mark.parametrize(
    "text",
    [
        {"message": {"raw": "said"}},
        {"content": {"raw": "said"}},
        {"message": "said"},
        {"message": {"raw": None}, "content": "said"},
        {"message": None, "content": {"raw": "said", "markup": "markdown"}},
        {"message": {}, "content": {"raw": "said"}},
        {"message": "said", "content": {}},
    ],
    ids=repr,
)
async def test_what_is_said_is_the_text_of_its_comment(api: Api, text: dict[str, Any]) -> None:
    change = await api.post(CHANGES, "dora", {"changes": {"state": "open"}, **text})
    assert change["message"]["raw"] == "said"
    [comment] = (await api.get(f"{ISSUE}/comments", "bob"))["values"]
    assert comment["content"] == change["message"]


@pytest.mark.parametrize(
    "text",
    [
        {},
        {"message": None},
        {"message": ""},
        {"message": {}},
        {"message": {"raw": None}},
        {"message": {"raw": None, "markup": "markdown"}},
        {"content": {}},
        {"content": {"raw": ""}},
        {"content": {"raw": None}},
        {"content": {}, "message": {}},
    ],
    ids=repr,
)
async def test_an_empty_text_says_nothing(api: Api, text: dict[str, Any]) -> None:
    change = await api.post(CHANGES, "dora", {"changes": {"state": "open"}, **text})
    assert change["message"]["raw"] is None


@pytest.mark.parametrize("changes", [{}, {"changes": {}}, {"changes": {"state": "new"}}], ids=repr)
async def test_a_text_with_nothing_to_change_is_kept_as_a_comment(
    api: Api, changes: dict[str, Any]
) -> None:
    answer = await api("POST", CHANGES, "dora", json={**changes, "message": "lost?"})
    assert (answer.status, answer.body["changes"]) == (201, {})
    address = answer.headers["Location"]
    assert answer.body["links"]["self"]["href"] == address
    comment = await api.get(address.removeprefix(api.url), "dora")
    assert comment["content"] == answer.body["message"]
    assert (await api.get(CHANGES, "bob"))["size"] == 0


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"changes": {}},
        {"message": None},
        {"message": {"raw": ""}},
        {"message": {}},
        {"changes": {}, "content": {}},
        {"changes": {}, "content": {"raw": None}},
        {"changes": {"state": {"new": "new"}, "title": "Before"}},
        {"state": "closed"},
    ],
    ids=repr,
)
async def test_who_changes_nothing_and_says_nothing_is_told_so(
    api: Api, issue: Any, payload: object
) -> None:
    answer = await api("POST", CHANGES, "bob", json=payload)
    assert answer.status == 400
    assert list(answer.body["error"]["fields"]) == ["changes"]
    assert await api.get(ISSUE, "bob") == issue
    assert (await api.get(f"{ISSUE}/comments", "bob"))["size"] == 0


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("status", " Did you mean state?"),
        ("responsible", ""),
        ("attachment", ""),
        ("", ""),
        ("State", " Did you mean state?"),
        ("assigne", " Did you mean assignee?"),
    ],
)
async def test_a_name_that_means_nothing_is_refused_and_a_near_one_is_named(
    api: Api, issue: Any, name: str, hint: str
) -> None:
    payload = {"changes": {name: {"new": "resolved"}, "kind": "task"}, "message": "m"}
    answer = await api("POST", CHANGES, "bob", json=payload)
    assert answer.status == 400
    assert answer.body["error"]["fields"] == {f"changes.{name}": [f"This can't be changed.{hint}"]}
    assert await api.get(ISSUE, "bob") == issue


async def test_a_name_without_end_is_not_said_again_in_full(api: Api) -> None:
    answer = await api("POST", CHANGES, "bob", json={"changes": {"x" * 1_000_000: 1}})
    assert list(answer.body["error"]["fields"]) == [f"changes.{'x' * 50}"]


def _wrong() -> list[tuple[str, Any]]:
    shapes: list[Any] = [[], {}, 1, True, 1.5, ["x"], {"old": "x"}]
    names = ("title", "content", "state", "kind", "priority", "assignee", "component", "version")
    cases = [(f"changes.{name}", value) for name in names for value in shapes]
    cases += [(f"changes.{name}", {"new": value}) for name in names for value in shapes]
    cases += [(f"changes.{name}", {"new": ""}) for name in ("title", "state", "kind", "priority")]
    cases += [(f"changes.{name}", None) for name in ("title", "state", "kind", "priority")]
    cases += [("changes.title", "x" * 256), ("changes.state", "done"), ("changes.content", "a\0")]
    cases += [("changes", value) for value in (None, [], "x", 1, True)]
    cases += [(name, value) for name in ("message", "content") for value in ([], 1, True)]
    cases += [(name, {"text": "x"}) for name in ("message", "content")]
    cases += [("message", {"raw": value}) for value in (1, [], {}, "a\0")]
    cases += [("message", {"raw": "x", "markup": value}) for value in ("rst", None, 1)]
    return cases


@pytest.mark.parametrize(("name", "value"), _wrong(), ids=lambda value: repr(value)[:40])
async def test_a_value_that_breaks_a_rule_is_refused_by_name(
    api: Api, issue: Any, name: str, value: object
) -> None:
    payload: dict[str, Any] = {"changes": {"kind": "task"}, "message": "m"}
    *parents, member = name.split(".")
    (payload["changes"] if parents else payload)[member] = value
    answer = await api("POST", CHANGES, "bob", json=payload)
    assert answer.status == 400
    [field] = answer.body["error"]["fields"]
    assert f"{field}.".startswith(f"{name}.")
    assert answer.body["error"]["message"].startswith(f"{field}: ")
    assert await api.get(ISSUE, "bob") == issue


@pytest.mark.parametrize("kind", ["component", "milestone", "version"])
async def test_what_another_tracker_defines_is_as_unknown_as_what_nobody_does(
    api: Api, kind: str
) -> None:
    await define(api, "charlie/x", kind, "Theirs")
    answers = [
        await api("POST", CHANGES, "bob", json={"changes": {kind: {"new": name}}, "message": "m"})
        for name in ("Theirs", "Nothing")
    ]
    assert [answer.status for answer in answers] == [400, 400]
    assert answers[0].body == answers[1].body
    assert (await api.get(f"{ISSUE}/comments", "bob"))["size"] == 0


@pytest.mark.parametrize(
    ("who", "payload", "status"),
    [
        ("charlie", {"message": "m"}, 201),
        ("charlie", {"changes": {"state": "new"}, "message": "m"}, 201),
        ("charlie", {"changes": {"state": "closed"}, "message": "m"}, 403),
        ("charlie", {"changes": {"title": "x"}}, 403),
        ("dora", {"changes": {"state": "closed", "assignee": "dora"}}, 201),
        ("dora", {"changes": {"title": "x"}}, 403),
        ("bob", {"changes": {"title": "x"}}, 201),
    ],
    ids=repr,
)
async def test_permissions_are_those_of_an_edit(
    api: Api, who: str, payload: object, status: int
) -> None:
    await api.post(f"{OPEN}/issues", "alice", {"title": "Open"})
    answer = await api("POST", f"{OPEN}/issues/1/changes", who, json=payload)
    assert answer.status == status
    size = (await api.get(f"{OPEN}/issues/1/comments"))["size"]
    assert size == (1 if status == 201 else 0)


async def test_what_only_the_server_decides_is_ignored(api: Api) -> None:
    sent = {
        "changes": {"state": "open"},
        "id": 9,
        "user": {"username": "alice"},
        "created_on": "2001-01-01T00:00:00+00:00",
        "issue": {"id": 2},
        "links": {},
    }
    change = await api.post(CHANGES, "bob", sent)
    assert change["id"] != 9
    assert change["user"]["nickname"] == "bob"
    assert change["created_on"] > "2020"
    assert change["issue"]["id"] == 1


async def test_changes_of_an_absent_issue_are_absent(api: Api) -> None:
    answer = await api("POST", f"{APP}/issues/2/changes", "bob", json={"message": "m"})
    assert answer.status == 404
    assert answer.body["error"]["message"] == "No Issue matches the given query."
