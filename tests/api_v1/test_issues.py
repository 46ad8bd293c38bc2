"""One issue in API 1.0: GET, POST, PUT, DELETE."""

from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import APP, OPEN, Answer, Api, Start
from tests.rows import add_comment, define, start_import
from tracker.access import accounts, repositories, tokens
from tracker.settings import Limits, Settings

ISSUES = f"{OPEN.replace('/2.0', '/1.0')}/issues"
PRIVATE = f"{APP.replace('/2.0', '/1.0')}/issues"

WRONG = [
    ("title", ""),
    ("title", "  "),
    ("title", "x" * 256),
    ("title", "a\0b"),
    ("title", 7),
    ("title", None),
    ("content", "a\0b"),
    ("content", {"raw": "that is how 2.0 says it"}),
    ("status", "reopened"),
    ("status", ""),
    ("status", None),
    ("priority", "urgent"),
    ("kind", "Bug"),
    ("kind", ["bug"]),
    ("responsible", "nobody-of-that-name"),
    ("responsible", {"username": 7}),
    ("responsible", {"nickname": "dora"}),
    ("responsible", "a\0b"),
    ("component", "unknown"),
    ("milestone", 3),
    ("version", {"name": "unknown"}),
]


async def create(api: Api, path: str = ISSUES, who: str = "bob", **members: Any) -> Any:
    """Post a form that must be accepted; the issue."""
    answer = await api("POST", path, who, data={"title": "It hurts", **members})
    assert answer.status == 200, answer
    return answer.body


async def edit(api: Api, who: str = "bob", **members: Any) -> Any:
    """Put a form that must be accepted to the first issue; the issue."""
    answer = await api("PUT", f"{ISSUES}/1", who, data=members)
    assert answer.status == 200, answer
    return answer.body


async def test_a_title_is_enough(api: Api) -> None:
    issue = await create(api)
    assert issue["local_id"] == 1
    assert (issue["title"], issue["content"]) == ("It hurts", "")
    assert (issue["status"], issue["priority"]) == ("new", "major")
    none = {"version": None, "component": None, "milestone": None}
    assert issue["metadata"] == {"kind": "bug", **none}
    assert issue["reported_by"]["username"] == "bob"
    assert "responsible" not in issue
    assert (issue["comment_count"], issue["follower_count"]) == (0, 1)
    assert issue["resource_uri"] == ISSUES + "/1"
    assert issue["is_spam"] is False
    assert await api.get(f"{ISSUES}/1") == issue


@pytest.mark.parametrize("how", ["data", "json"])
async def test_everything_that_a_client_may_say_is_kept(api: Api, how: str) -> None:
    for kind, name in (("component", "UI & more"), ("milestone", "M1"), ("version", "1.0")):
        await define(api, "alice/open", kind, name)
    said = {
        "title": "a=b & ü 課題",
        "content": "line\r\nline +%",
        "status": "on hold",
        "priority": "blocker",
        "kind": "proposal",
        "responsible": "dora",
        "component": "UI & more",
        "milestone": "M1",
        "version": "1.0",
        "is_spam": "true",
        "local_id": "99",
        "reported_by": "alice",
        "anything": "else",
    }
    answer = await api("POST", ISSUES, "bob", **{how: said})
    assert answer.status == 200
    issue = answer.body
    for name in ("title", "content", "status", "priority"):
        assert issue[name] == said[name]
    for name in ("kind", "component", "milestone", "version"):
        assert issue["metadata"][name] == said[name]
    assert issue["responsible"]["username"] == "dora"
    assert issue["reported_by"]["username"] == "bob"
    assert (issue["local_id"], issue["is_spam"]) == (1, False)


@pytest.mark.parametrize("status", ["submitted", "closed", "on hold", "wontfix"])
async def test_every_state_of_the_tracker_is_a_status(api: Api, status: str) -> None:
    await create(api, status=status)
    assert (await api.get(f"{ISSUES}/1"))["status"] == status


async def test_a_put_changes_what_it_names_and_nothing_else(api: Api) -> None:
    before = await create(api, content="text", responsible="dora", priority="minor")
    after = await edit(api, status="resolved")
    changing = ("status", "utc_last_updated", "comment_count")
    for issue in (before, after):
        issue["changing"] = [issue.pop(name) for name in changing]
    assert after.pop("changing")[::2] == ["resolved", 1]
    before.pop("changing")
    assert after == before


@pytest.mark.parametrize(("how", "nothing"), [("data", ""), ("json", ""), ("json", None)])
async def test_an_empty_text_or_null_clears(api: Api, how: str, nothing: str | None) -> None:
    members = {"responsible": "dora"}
    for kind in ("component", "milestone", "version"):
        await define(api, "alice/open", kind, "one")
        members[kind] = "one"
    await create(api, **members, content="text")
    cleared = dict.fromkeys((*members, "content"), nothing)
    answer = await api("PUT", f"{ISSUES}/1", "bob", **{how: cleared})
    assert answer.status == 200
    assert "responsible" not in answer.body
    assert answer.body["content"] == ""
    assert set(answer.body["metadata"].values()) == {"bug", None}


async def test_an_issue_that_is_made_with_empty_members_has_none(api: Api) -> None:
    repository = await api.repository("alice/open")
    await define(api, "alice/open", "component", "usual")
    await api.db.run(
        "UPDATE tracker SET default_component = 'usual' WHERE id = :id",
        {"id": repository.tracker_id},
    )
    assert (await create(api))["metadata"]["component"] == "usual"
    issue = await create(api, component="", responsible="", content="")
    assert issue["metadata"]["component"] is None


async def test_an_edit_that_alters_nothing_leaves_no_trace(api: Api) -> None:
    before = await create(api, content="text", responsible="dora")
    assert await edit(api) == before
    assert await edit(api, title="It hurts", content="text", responsible="dora") == before


@pytest.mark.parametrize(("name", "value"), WRONG)
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_what_breaks_a_rule_is_named_as_it_was_sent(
    api: Api, method: str, name: str, value: Any
) -> None:
    before = await create(api)
    path = ISSUES if method == "POST" else f"{ISSUES}/1"
    answer = await api(method, path, "bob", json={"title": "fine", name: value})
    assert answer.status == 400
    assert list(answer.body) == ["error"]
    error = answer.body["error"]
    assert list(error["fields"]) == [name]
    assert error["message"] == f"{name}: {error['fields'][name][0]}"
    assert await api.get(f"{ISSUES}/1") == before
    assert (await api("GET", f"{ISSUES}/2")).status == 404


async def test_a_form_is_held_to_the_same_rules(api: Api) -> None:
    await create(api)
    for members, name in (
        ({"status": "reopened"}, "status"),
        ({"content.raw": "text"}, "content"),
        ({"responsible": "charlie"}, "responsible"),
    ):
        answer = await api("PUT", f"{ISSUES}/1", "bob", data=members)
        assert answer.status == 400
        assert list(answer.body["error"]["fields"]) == [name]


async def test_texts_are_as_long_as_the_settings_allow(start: Start, settings: Settings) -> None:
    api = await start(replace(settings, limits=Limits(content_bytes=10)))
    await create(api, content="x" * 10)
    await api("POST", f"{ISSUES}/1/comments", "bob", data={"content": "x" * 10})
    for method, path in (
        ("POST", ISSUES),
        ("PUT", f"{ISSUES}/1"),
        ("POST", f"{ISSUES}/1/comments"),
        ("PUT", f"{ISSUES}/1/comments/1"),
    ):
        answer = await api(method, path, "bob", data={"title": "t", "content": "é" * 5 + "x"})
        assert answer.status == 400
        assert list(answer.body["error"]["fields"]) == ["content"]


async def test_a_new_issue_needs_a_title(api: Api) -> None:
    answer = await api("POST", ISSUES, "bob", data={"content": "text"})
    assert answer.status == 400
    assert answer.body["error"]["fields"] == {"title": ["Missing data for required field."]}


async def test_what_is_no_body_at_all_is_refused(api: Api) -> None:
    await create(api)
    for method, path in (("POST", ISSUES), ("PUT", f"{ISSUES}/1")):
        for body in (b"[]", b"{", b"\xff", b""):
            headers = {"Content-Type": "application/json"}
            assert (await api(method, path, "bob", data=body, headers=headers)).status == 400
        headers = {"Content-Type": "text/xml"}
        assert (await api(method, path, "bob", data=b"<issue/>", headers=headers)).status == 415


async def test_members_may_change_what_is_not_text_and_only_writers_the_text(api: Api) -> None:
    await create(api)
    assert (await edit(api, "dora", status="open", responsible="dora"))["status"] == "open"
    for members in ({"title": "other"}, {"content": "other"}, {"title": "other", "kind": "task"}):
        assert (await api("PUT", f"{ISSUES}/1", "dora", data=members)).status == 403
    assert (await api("PUT", f"{ISSUES}/1", "charlie", data={"status": "closed"})).status == 403
    assert (await edit(api, "alice", title="other"))["title"] == "other"


async def test_whoever_reported_it_edits_his_own_text(api: Api) -> None:
    await create(api, who="charlie")
    assert (await edit(api, "charlie", title="mine"))["title"] == "mine"
    assert (await api("PUT", f"{ISSUES}/1", "charlie", data={"status": "open"})).status == 403


async def test_a_deleted_issue_is_gone_and_its_number_is_not_used_again(api: Api) -> None:
    await create(api)
    answer = await api("DELETE", f"{ISSUES}/1", "bob")
    assert (answer.status, answer.body) == (204, "")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    answer = await api("GET", f"{ISSUES}/1", "bob")
    assert answer.status == 404
    assert answer.body == {
        "error": {"message": "Not Found", "detail": "No Issue matches the given query."}
    }
    assert (await api("DELETE", f"{ISSUES}/1", "bob")).status == 404
    assert (await create(api))["local_id"] == 2


async def test_only_writers_delete(api: Api) -> None:
    await create(api, who="charlie")
    for who, status in ((None, 401), ("charlie", 403), ("dora", 403), ("reader", 403)):
        assert (await api("DELETE", f"{ISSUES}/1", who)).status == status
    await create(api, PRIVATE)
    assert (await api("DELETE", f"{PRIVATE}/1", "charlie")).status == 404


async def test_nobody_sees_both_counters_of_a_single_issue(api: Api) -> None:
    await create(api)
    await add_comment(api, "alice/open", 1, 70, content="text")
    await add_comment(api, "alice/open", 1, 71, logs=[("status", "new", "open")])
    for who in (None, "charlie", "alice"):
        issue = await api.get(f"{ISSUES}/1", who)
        assert (issue["comment_count"], issue["follower_count"]) == (2, 1)


async def test_an_issue_that_nobody_reported_has_no_such_member(api: Api) -> None:
    await create(api)
    await api.db.run("UPDATE issue SET reporter_id = NULL, content_raw = NULL")
    issue = await api.get(f"{ISSUES}/1")
    assert "reported_by" not in issue
    assert issue["content"] == ""


async def test_nothing_is_written_while_an_import_replaces_the_tracker(api: Api) -> None:
    await create(api)
    await start_import(api, "alice/open")
    for method, path in (("POST", ISSUES), ("PUT", f"{ISSUES}/1"), ("DELETE", f"{ISSUES}/1")):
        answer = await api(method, path, "bob", data={"title": "other"})
        assert answer.status == 409
        assert "Retry-After" in answer.headers
    assert (await api.get(f"{ISSUES}/1"))["title"] == "It hurts"


async def test_the_address_says_the_names_that_are_right_now(api: Api) -> None:
    await create(api)
    repository = await api.repository("alice/open")
    await api("PUT", OPEN, "alice", json={"name": "other"})
    for name in ("open", "OTHER"):
        path = f"/1.0/repositories/Alice/{name}/issues/1"
        issue = await api.get(path)
        assert issue["resource_uri"] == "/1.0/repositories/alice/other/issues/1"
    assert (await api.repository("alice/other")).id == repository.id


async def test_whoever_was_removed_is_shown_and_can_not_be_chosen_again(api: Api) -> None:
    await create(api, PRIVATE, responsible="dora")
    repository = await api.repository("alice/app")
    await repositories.set_member(api.db, repository, "dora", None)
    assert (await api.get(f"{PRIVATE}/1", "bob"))["responsible"]["username"] == "dora"
    answer = await api("POST", PRIVATE, "bob", data={"title": "t", "responsible": "charlie"})
    assert answer.body["error"]["fields"] == {"responsible": ["There is no such person here."]}


async def test_an_issue_can_be_put_back_when_whoever_is_responsible_was_removed(api: Api) -> None:
    await create(api, PRIVATE, responsible="dora")
    await repositories.set_member(api.db, await api.repository("alice/app"), "dora", None)
    sent = {"title": "After", "responsible": "dora"}
    answer = await api("PUT", f"{PRIVATE}/1", "bob", data=sent)
    assert answer.status == 200, answer
    assert (answer.body["title"], answer.body["responsible"]["username"]) == ("After", "dora")


async def test_everybody_who_sees_it_may_name_himself(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await accounts.create(api.db, "zadmin", is_admin=True)
    monkeypatch.setitem(api.world.tokens, "zadmin", await tokens.create(api.db, "zadmin"))
    for path, who in ((PRIVATE, "zadmin"), (ISSUES, "zadmin"), (ISSUES, "charlie")):
        made = await create(api, path, who, responsible=who)
        assert made["responsible"]["username"] == who
        answer = await api("POST", path, "alice", data={"title": "t", "responsible": "eve"})
        assert answer.status == 400


@pytest.mark.parametrize("version", ["1.0", "2.0"])
async def test_a_name_means_the_account_also_where_somebody_of_an_archive_has_it(
    api: Api, version: str
) -> None:
    await create(api, PRIVATE, responsible="dora")
    workspace = (await api.repository("alice/app")).workspace_id
    await api.db.run(
        """INSERT INTO account (uuid, workspace_id, username, account_id, display_name, nickname,
                                created_on)
           VALUES ('{archived}', :workspace, 'bob', 'archived', 'Bob B.', 'bob', '2013')""",
        {"workspace": workspace},
    )
    await api.db.run(
        """UPDATE issue SET assignee_id = (SELECT id FROM account WHERE uuid = '{archived}')"""
    )
    assert (await api.get(f"{PRIVATE}/1", "bob"))["responsible"]["display_name"] == "Bob B."
    path = PRIVATE.replace("1.0", version)
    sent = {"responsible": "bob", "assignee": {"username": "bob"}}
    assert (await api("PUT", f"{path}/1", "bob", json=sent)).status == 200
    assert (await api.get(f"{PRIVATE}/1", "bob"))["responsible"]["display_name"] == "bob"


async def test_an_issue_may_be_sent_back_as_it_was_read(api: Api) -> None:
    await define(api, "alice/app", "component", "UI", "API")
    await create(api, PRIVATE, kind="task", component="UI", responsible="dora")
    read = await api.get(f"{PRIVATE}/1", "bob")
    assert (await api("PUT", f"{PRIVATE}/1", "bob", json=read)).body == read
    assert await api.get(f"{PRIVATE}/1/comments", "bob") == []
    read["metadata"] |= {"component": "API", "kind": "proposal"}
    read["responsible"] = {"username": "bob"}
    after = (await api("PUT", f"{PRIVATE}/1", "bob", json=read)).body
    assert after["metadata"] == read["metadata"]
    assert after["responsible"]["username"] == "bob"


async def test_what_stands_beside_metadata_goes_before_it(api: Api) -> None:
    await create(api, PRIVATE)
    sent = {"kind": "task", "metadata": {"kind": "proposal", "component": None}}
    after = (await api("PUT", f"{PRIVATE}/1", "bob", json=sent)).body
    assert after["metadata"]["kind"] == "task"
    answer = await api("PUT", f"{PRIVATE}/1", "bob", json={"metadata": {"kind": "idea"}})
    assert (answer.status, [*answer.body["error"]["fields"]]) == (400, ["kind"])
    for empty in (None, {}, {"title": "no place for it", "status": "open"}):
        answer = await api("PUT", f"{PRIVATE}/1", "bob", json={"metadata": empty})
        assert (answer.status, answer.body) == (200, after)
    for strange in ("text", ["kind"], 7, False):
        answer = await api("PUT", f"{PRIVATE}/1", "bob", json={"metadata": strange})
        assert (answer.status, [*answer.body["error"]["fields"]]) == (400, ["metadata"])


@pytest.mark.parametrize("number", ["0", "2", "9" * 18, "9" * 400])
async def test_an_absent_issue_is_absent_whatever_is_asked(api: Api, number: str) -> None:
    await create(api)
    answers: list[Answer] = [
        await api(method, f"{ISSUES}/{number}{rest}", "alice", data=data)
        for rest in ("", "/comments", "/followers")
        for method, data in (("GET", None), ("PUT", {"title": "t"}), ("DELETE", None))
        if method == "GET" or not rest
    ]
    answers.append(await api("POST", f"{ISSUES}/{number}/comments", "bob", data={"content": "c"}))
    for answer in answers:
        assert answer.status == 404
        assert answer.body["error"]["detail"] == "No Issue matches the given query."
