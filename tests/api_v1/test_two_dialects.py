"""One tracker, two dialects: what is written in either is shown in both."""

from typing import Any

import pytest

from tests.api_v1.test_issues import ISSUES, create
from tests.conftest import OPEN, Api
from tests.rows import define

NEW_ISSUES = f"{OPEN}/issues"

FIELDS = [
    # in 1.0, its value there; in 2.0, what is sent there; what a change of it is called
    ("title", "Other", "title", "Other", "title"),
    ("content", "= other =", "content", {"raw": "= other ="}, "content"),
    ("status", "on hold", "state", "on hold", "state"),
    ("priority", "trivial", "priority", "trivial", "priority"),
    ("kind", "proposal", "kind", "proposal", "kind"),
    ("responsible", "dora", "assignee", {"username": "dora"}, "assignee"),
    ("component", "one", "component", {"name": "one"}, "component"),
    ("milestone", "one", "milestone", {"name": "one"}, "milestone"),
    ("version", "one", "version", {"name": "one"}, "version"),
]


@pytest.fixture(autouse=True)
async def issue(api: Api) -> None:
    """Every test has bob's issue, and a component, a milestone and a version."""
    for kind in ("component", "milestone", "version"):
        await define(api, "alice/open", kind, "one")
    await create(api)


async def _old(api: Api, name: str, number: int = 1) -> Any:
    """What 1.0 shows of a member: people by name, nothing as an empty text."""
    issue = await api.get(f"{ISSUES}/{number}")
    if name in issue["metadata"]:
        return issue["metadata"][name] or ""
    value = issue.get(name, "")
    return value["username"] if name == "responsible" and value else value


async def _new(api: Api, name: str, number: int = 1) -> Any:
    """The same of what 2.0 shows."""
    value = (await api.get(f"{NEW_ISSUES}/{number}"))[name]
    if isinstance(value, dict):
        return value.get("raw", value.get("nickname", value.get("name")))
    return value or ""


async def _change(api: Api) -> Any:
    """The only change of the issue."""
    [change] = (await api.get(f"{NEW_ISSUES}/1/changes"))["values"]
    return change


@pytest.mark.parametrize(("old", "value", "new", "sent", "called"), FIELDS)
async def test_a_field_that_is_written_in_1_0_is_a_change_in_2_0(
    api: Api, old: str, value: str, new: str, sent: object, called: str
) -> None:
    before = await _new(api, new)
    answer = await api("PUT", f"{ISSUES}/1", "bob", data={old: value})
    assert answer.status == 200
    assert await _new(api, new) == value == await _old(api, old)
    change = await _change(api)
    assert change["changes"][called]["new"] == value
    assert change["user"]["nickname"] == "bob"
    [comment] = await api.get(f"{ISSUES}/1/comments")
    assert (comment["comment_id"], comment["content"]) == (change["id"], None)
    if not before:
        await api("PUT", f"{ISSUES}/1", "bob", data={old: ""})
        assert await _new(api, new) == "" == await _old(api, old)


@pytest.mark.parametrize(("old", "value", "new", "sent", "called"), FIELDS)
async def test_a_field_that_is_written_in_2_0_is_shown_in_1_0(
    api: Api, old: str, value: str, new: str, sent: object, called: str
) -> None:
    before = await _old(api, old)
    answer = await api("PUT", f"{NEW_ISSUES}/1", "bob", json={new: sent})
    assert answer.status == 200
    assert await _old(api, old) == value
    assert (await api.get(f"{ISSUES}/1"))["comment_count"] == 1
    if not before:
        await api("PUT", f"{NEW_ISSUES}/1", "bob", json={new: None})
        assert await _old(api, old) == ""


@pytest.mark.parametrize(("old", "value", "new", "sent", "called"), FIELDS)
async def test_an_issue_that_is_made_in_one_is_the_same_in_the_other(
    api: Api, old: str, value: str, new: str, sent: object, called: str
) -> None:
    await create(api, **{old: value})
    await api.post(NEW_ISSUES, "bob", {"title": "made", new: sent})
    for number in (2, 3):
        assert await _new(api, new, number) == value == await _old(api, old, number)


@pytest.mark.parametrize(("old", "value", "new", "sent", "called"), FIELDS)
async def test_both_give_the_same_verdict_on_the_same_edit(
    api: Api, old: str, value: str, new: str, sent: object, called: str
) -> None:
    for who, status in ((None, 401), ("charlie", 403), ("reader", 403)):
        assert (await api("PUT", f"{ISSUES}/1", who, data={old: value})).status == status
        assert (await api("PUT", f"{NEW_ISSUES}/1", who, json={new: sent})).status == status
    text = old in ("title", "content")
    statuses = [
        (await api("PUT", f"{ISSUES}/1", "dora", data={old: value})).status,
        (await api("PUT", f"{NEW_ISSUES}/1", "dora", json={new: sent})).status,
    ]
    assert statuses == ([403, 403] if text else [200, 200])


async def test_times_and_counters_are_the_same(api: Api) -> None:
    await api("PUT", f"{OPEN}/issues/1/watch", "dora")
    await api.post(f"{NEW_ISSUES}/1/comments", "alice", {"content": "hm"})
    old, new = await api.get(f"{ISSUES}/1"), await api.get(f"{NEW_ISSUES}/1")
    for name, called in (("utc_created_on", "created_on"), ("utc_last_updated", "updated_on")):
        assert old[name].replace(" ", "T")[:19] == new[called][:19]
    assert old["follower_count"] == new["watches"] == 3
    assert old["comment_count"] == 1


async def test_a_comment_of_1_0_is_one_of_2_0(api: Api) -> None:
    answer = await api("POST", f"{ISSUES}/1/comments", "dora", data={"content": "first"})
    path = f"/comments/{answer.body['comment_id']}"
    shown = await api.get(f"{NEW_ISSUES}/1{path}")
    assert (shown["content"]["raw"], shown["user"]["nickname"]) == ("first", "dora")
    assert shown["content"]["markup"] == "markdown"
    await api("PUT", f"{ISSUES}/1{path}", "dora", data={"content": "second"})
    shown = await api.get(f"{NEW_ISSUES}/1{path}")
    assert shown["content"]["raw"] == "second"
    assert shown["updated_on"] is not None
    await api("DELETE", f"{ISSUES}/1{path}", "dora")
    assert (await api("GET", f"{NEW_ISSUES}/1{path}")).status == 404


async def test_a_comment_of_2_0_is_one_of_1_0(api: Api) -> None:
    written = {"content": {"raw": "= first =", "markup": "creole"}}
    comment = await api.post(f"{NEW_ISSUES}/1/comments", "dora", written)
    path = f"/comments/{comment['id']}"
    assert (await api.get(f"{ISSUES}/1{path}"))["content"] == "= first ="
    await api("PUT", f"{ISSUES}/1{path}", "dora", data={"content": "= second ="})
    shown = await api.get(f"{NEW_ISSUES}/1{path}")
    assert (shown["content"]["raw"], shown["content"]["markup"]) == ("= second =", "creole")
    await api("DELETE", f"{NEW_ISSUES}/1{path}", "dora")
    assert (await api("GET", f"{ISSUES}/1{path}")).status == 404


async def test_a_change_with_a_message_is_a_comment_that_says_it(api: Api) -> None:
    sent = {"changes": {"state": {"new": "closed"}}, "message": {"raw": "done"}}
    change = await api.post(f"{NEW_ISSUES}/1/changes", "bob", sent)
    [comment] = await api.get(f"{ISSUES}/1/comments")
    assert (comment["comment_id"], comment["content"]) == (change["id"], "done")
    assert (await api.get(f"{ISSUES}/1"))["status"] == "closed"


async def test_an_issue_keeps_its_markup_when_1_0_changes_its_text(api: Api) -> None:
    sent = {"title": "t", "content": {"raw": "= old =", "markup": "creole"}}
    await api.post(NEW_ISSUES, "bob", sent)
    await api("PUT", f"{ISSUES}/2", "bob", data={"content": "= new ="})
    content = (await api.get(f"{NEW_ISSUES}/2"))["content"]
    assert (content["raw"], content["markup"]) == ("= new =", "creole")
    assert "<h1" in content["html"]


async def test_an_issue_that_is_deleted_in_one_is_gone_in_the_other(api: Api) -> None:
    await create(api)
    await api("DELETE", f"{ISSUES}/1", "bob")
    assert (await api("GET", f"{NEW_ISSUES}/1")).status == 404
    await api("DELETE", f"{NEW_ISSUES}/2", "bob")
    for rest in ("", "/comments", "/followers"):
        assert (await api("GET", f"{ISSUES}/2{rest}")).status == 404


async def test_whoever_watches_in_2_0_follows_in_1_0(api: Api) -> None:
    await api("PUT", f"{NEW_ISSUES}/1/watch", "alice")
    await api("DELETE", f"{NEW_ISSUES}/1/watch", "bob")
    found = await api.get(f"{ISSUES}/1/followers")
    assert [follower["username"] for follower in found["followers"]] == ["alice"]
    await api("POST", f"{ISSUES}/1/comments", "dora", data={"content": "hm"})
    assert (await api("GET", f"{NEW_ISSUES}/1/watch", "dora")).status == 204
