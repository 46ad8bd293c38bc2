"""POST /2.0/repositories/{workspace}/{repo_slug}/issues."""

import asyncio
from typing import Any

import pytest

from tests.conftest import APP, OPEN, Api
from tests.rows import define, start_import
from tracker import issues
from tracker.access import accounts, repositories, rights, tokens


async def test_a_title_is_enough(api: Api) -> None:
    issue = await api.post(f"{APP}/issues", "bob", {"title": "It hurts"})
    assert issue["id"] == 1
    assert issue["title"] == "It hurts"
    assert issue["content"] == {"type": "rendered", "raw": "", "markup": "markdown", "html": ""}
    assert (issue["state"], issue["kind"], issue["priority"]) == ("new", "bug", "major")
    assert [issue[name] for name in ("assignee", "component", "milestone", "version")] == [None] * 4
    assert issue["reporter"]["nickname"] == "bob"
    assert issue["created_on"] == issue["updated_on"]
    assert issue["edited_on"] is None
    assert (issue["votes"], issue["watches"]) == (0, 1)


async def test_the_answer_names_the_address_where_the_same_issue_is(api: Api) -> None:
    answer = await api("POST", f"{APP}/issues", "bob", json={"title": "Here"})
    assert answer.status == 201
    assert answer.headers["Location"] == f"{api.url}{APP}/issues/1"
    assert await api.get(answer.headers["Location"].removeprefix(api.url), "bob") == answer.body


async def test_everything_that_a_client_may_say_is_kept(api: Api) -> None:
    [component] = await define(api, "alice/app", "component", "UI")
    [milestone] = await define(api, "alice/app", "milestone", "M1")
    await define(api, "alice/app", "version", "1.0")
    dora = (await api.get("/2.0/user", "dora"))["uuid"]
    issue = await api.post(
        f"{APP}/issues",
        "alice",
        {
            "type": "issue",
            "title": "All of it",
            "content": {"raw": "= head =", "markup": "creole", "html": "ignored"},
            "state": "on hold",
            "kind": "proposal",
            "priority": "blocker",
            "assignee": {"uuid": dora},
            "component": {"name": "UI"},
            "milestone": {"id": milestone},
            "version": "1.0",
        },
    )
    assert issue["content"]["raw"] == "= head ="
    assert issue["content"]["markup"] == "creole"
    assert "<h1" in issue["content"]["html"]
    assert (issue["state"], issue["kind"], issue["priority"]) == ("on hold", "proposal", "blocker")
    assert issue["assignee"]["uuid"] == dora
    assert issue["component"] == {
        "type": "component",
        "name": "UI",
        "links": {"self": {"href": f"{api.url}{APP}/components/{component}"}},
    }
    assert issue["milestone"]["name"] == "M1"
    assert issue["version"]["name"] == "1.0"


@pytest.mark.parametrize(("content", "raw"), [("just text", "just text"), (None, ""), ({}, "")])
async def test_content_may_be_a_plain_string_null_or_empty(
    api: Api, content: object, raw: str
) -> None:
    issue = await api.post(f"{APP}/issues", "bob", {"title": "t", "content": content})
    assert issue["content"]["raw"] == raw


@pytest.mark.parametrize("text", ["a\r\nb\tc\n", "課題 ünï 🧑‍🚒 e\u0301 \u202eback", " ", "\u2028"])
async def test_text_comes_back_to_the_byte(api: Api, text: str) -> None:
    title = f"x{text}".rstrip()
    made = await api.post(f"{APP}/issues", "bob", {"title": title, "content": {"raw": text}})
    issue = await api.get(f"{APP}/issues/{made['id']}", "bob")
    assert (issue["title"], issue["content"]["raw"]) == (title, text)


@pytest.mark.parametrize("by", ["uuid", "account_id", "username", "nickname"])
async def test_an_assignee_is_named_by_any_of_his_names(api: Api, by: str) -> None:
    dora = {**await api.get("/2.0/user", "dora")}
    issue = await api.post(f"{APP}/issues", "bob", {"title": "t", "assignee": {by: dora[by]}})
    assert issue["assignee"]["uuid"] == dora["uuid"]


async def test_a_whole_person_as_it_was_read_is_an_assignee(api: Api) -> None:
    reporter = (await api.post(f"{APP}/issues", "bob", {"title": "t"}))["reporter"]
    issue = await api.post(f"{APP}/issues", "alice", {"title": "t", "assignee": reporter})
    assert issue["assignee"] == reporter


@pytest.mark.parametrize("name", ["nobody", "charlie", "eve"])
async def test_who_may_not_see_the_repository_is_as_unknown_as_nobody(api: Api, name: str) -> None:
    answer = await api("POST", f"{APP}/issues", "bob", json={"title": "t", "assignee": name})
    assert answer.status == 400
    assert answer.body["error"] == {
        "message": "assignee: There is no such person here.",
        "fields": {"assignee": ["There is no such person here."]},
    }


async def test_a_stranger_can_be_assigned_where_everybody_can_see(api: Api) -> None:
    uuid = (await api.get("/2.0/user", "charlie"))["uuid"]
    issue = await api.post(f"{OPEN}/issues", "bob", {"title": "t", "assignee": {"uuid": uuid}})
    assert issue["assignee"]["nickname"] == "charlie"


async def test_a_name_finds_nobody_who_has_nothing_to_do_with_the_tracker(api: Api) -> None:
    """Otherwise everybody could find out who has an account."""
    refused = [
        await api("POST", f"{OPEN}/issues", "bob", json={"title": "t", "assignee": name})
        for name in ("charlie", "nobody")
    ]
    assert [(answer.status, answer.body) for answer in refused] == 2 * [(400, refused[0].body)]
    await api.post(f"{OPEN}/issues", "charlie", {"title": "mine"})
    issue = await api.post(f"{OPEN}/issues", "bob", {"title": "t", "assignee": "charlie"})
    assert issue["assignee"]["nickname"] == "charlie"


@pytest.mark.parametrize("by", ["username", "nickname"])
@pytest.mark.parametrize("place", [APP, OPEN])
async def test_a_name_does_not_tell_who_administers_pail(api: Api, place: str, by: str) -> None:
    await accounts.create(api.db, "root", is_admin=True)
    api.world.tokens["root"] = await tokens.create(api.db, "root")
    refused = [
        await api("POST", f"{place}/issues", "alice", json={"title": "t", "assignee": {by: name}})
        for name in ("root", "nobody")
    ]
    assert [(answer.status, answer.body) for answer in refused] == 2 * [(400, refused[0].body)]
    uuid = (await api.get("/2.0/user", "root"))["uuid"]
    for where in ({"uuid": uuid}, {by: "root"}):  # after the first time root is in the tracker
        issue = await api.post(f"{place}/issues", "alice", {"title": "t", "assignee": where})
        assert issue["assignee"]["nickname"] == "root"


@pytest.mark.parametrize("kind", ["component", "milestone", "version"])
async def test_what_another_tracker_defines_is_as_unknown_as_what_nobody_does(
    api: Api, kind: str
) -> None:
    [foreign] = await define(api, "charlie/x", kind, "Theirs")
    message = f"There is no such {kind} in this tracker."
    for given in (foreign, 999_999, "Theirs", "Nothing"):
        value = {"id": given} if isinstance(given, int) else {"name": given}
        answer = await api("POST", f"{APP}/issues", "bob", json={"title": "t", kind: value})
        assert answer.status == 400
        assert answer.body["error"]["fields"] == {kind: [message]}
        assert answer.body["error"]["message"] == f"{kind}: {message}"


async def test_a_refused_issue_uses_up_no_number(api: Api) -> None:
    await api("POST", f"{APP}/issues", "bob", json={"title": "t", "assignee": "nobody"})
    assert (await api.post(f"{APP}/issues", "bob", {"title": "t"}))["id"] == 1


async def test_what_only_the_server_decides_is_ignored(api: Api) -> None:
    sent = {
        "title": "t",
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
        "metadata": {"kind": "task"},
        "tracker_id": 1,
    }
    issue = await api.post(f"{APP}/issues", "bob", sent)
    assert issue["id"] == 1
    assert issue["repository"]["full_name"] == "alice/app"
    assert issue["reporter"]["nickname"] == "bob"
    assert issue["created_on"] > "2020"
    assert issue["updated_on"] > "2020"
    assert issue["edited_on"] is None
    assert (issue["votes"], issue["watches"]) == (0, 1)
    assert issue["links"]["self"]["href"] == f"{api.url}{APP}/issues/1"
    assert (issue["type"], issue["kind"]) == ("issue", "bug")


def wrong_values() -> list[tuple[str, Any]]:
    """Members of an issue, each with a value that it can't have."""
    shapes: list[Any] = [[], {}, 1, True, {"a": {"b": []}}, ["x"], 1.5]
    cases: list[tuple[str, Any]] = []
    for name in ("title", "content", "state", "kind", "priority"):
        cases += [(name, value) for value in shapes if (name, value) != ("content", {})]
    for name in ("assignee", "component", "milestone", "version"):
        cases += [(name, value) for value in shapes]
    cases += [(name, None) for name in ("title", "state", "kind", "priority")]
    cases += [(name, "") for name in ("title", "state", "kind", "priority")]
    cases += [("title", " \n"), ("title", "x" * 256), ("title", "a\0b")]
    cases += [("kind", "Bug"), ("state", "done"), ("priority", "high")]
    cases += [("content", {"raw": value}) for value in (None, 1, [], {})]
    cases += [("content", {"raw": "x", "markup": value}) for value in ("html", None, 1)]
    cases += [("content", "a\0b")]
    cases += [("milestone", {"id": value}) for value in ("x", -1, 1 << 52, 1 << 53, True, 1.5)]
    cases += [("assignee", {"uuid": value}) for value in (1, [], {}, "x\0")]
    return cases


@pytest.mark.parametrize(("name", "value"), wrong_values(), ids=lambda value: repr(value)[:40])
async def test_a_value_that_breaks_a_rule_is_refused_by_name(
    api: Api, name: str, value: object
) -> None:
    answer = await api("POST", f"{APP}/issues", "bob", json={"title": "t", name: value})
    assert answer.status == 400
    [field] = answer.body["error"]["fields"]
    assert field.split(".")[0] == name
    assert answer.body["error"]["message"].startswith(f"{field}: ")


async def test_the_longest_title_passes_and_the_next_is_refused_in_bitbuckets_words(
    api: Api,
) -> None:
    assert (await api("POST", f"{APP}/issues", "bob", json={"title": "ä" * 255})).status == 201
    answer = await api("POST", f"{APP}/issues", "bob", json={"title": "ä" * 288})
    text = "Ensure this value has at most 255 characters (it has 288)."
    assert answer.body == {
        "type": "error",
        "error": {"message": f"title: {text}", "fields": {"title": [text]}},
    }


async def test_the_tracker_fills_in_its_defaults(api: Api) -> None:
    await define(api, "alice/app", "component", "UI")
    repository = await api.repository("alice/app")
    await api.db.run(
        """UPDATE tracker SET default_kind = 'task', default_component = 'UI',
                  default_milestone = 'undeclared',
                  default_assignee_id = (SELECT id FROM account WHERE username = 'dora')
            WHERE id = :id""",
        {"id": repository.tracker_id},
    )
    issue = await api.post(f"{APP}/issues", "bob", {"title": "t"})
    assert issue["kind"] == "task"
    assert issue["component"]["name"] == "UI"
    assert issue["milestone"] is None
    assert issue["assignee"]["nickname"] == "dora"
    explicit = {"title": "t", "kind": "bug", "component": None, "assignee": None}
    other = await api.post(f"{APP}/issues", "bob", explicit)
    assert (other["kind"], other["component"], other["assignee"]) == ("bug", None, None)


async def test_a_hundred_at_once_get_the_numbers_from_1_to_100(api: Api) -> None:
    made = await asyncio.gather(
        *(api.post(f"{APP}/issues", "bob", {"title": f"{n}"}) for n in range(100))
    )
    assert sorted(issue["id"] for issue in made) == list(range(1, 101))
    assert (await api.get(f"{APP}/issues?pagelen=1", "bob"))["size"] == 100


async def test_a_write_that_is_cancelled_at_any_moment_leaves_the_next_one_working(
    api: Api,
) -> None:
    repository = await api.repository("alice/app")
    bob = rights.Actor((await api.db.all("SELECT id FROM account WHERE username = 'bob'"))[0]["id"])
    for step in range(60):
        task = asyncio.create_task(
            issues.create(api.db, bob, repository, issues.NewIssue(title=f"cancelled {step}"))
        )
        await asyncio.sleep(step / 20_000)
        task.cancel()
        await asyncio.wait([task])
    made = await api.post(f"{APP}/issues", "bob", {"title": "after"})
    page = await api.get(f"{APP}/issues?pagelen=100", "bob")
    numbers = sorted(issue["id"] for issue in page["values"])
    assert numbers == list(range(1, made["id"] + 1))
    assert page["size"] == made["id"]


async def test_nothing_is_written_while_an_import_replaces_the_tracker(api: Api) -> None:
    await api.post(f"{APP}/issues", "bob", {"title": "before"})
    comment = await api.post(f"{APP}/issues/1/comments", "bob", {"content": "before"})
    await start_import(api, "alice/app")
    payload = {"title": "t", "content": "c"}
    for method, tail in (
        ("POST", ""),
        ("PUT", "/1"),
        ("DELETE", "/1"),
        ("POST", "/1/comments"),
        ("PUT", f"/1/comments/{comment['id']}"),
        ("DELETE", f"/1/comments/{comment['id']}"),
        ("POST", "/1/changes"),
        ("PUT", "/1/vote"),
    ):
        answer = await api(method, f"{APP}/issues{tail}", "bob", json=payload)
        assert answer.status == 409
        assert int(answer.headers["Retry-After"]) > 0
    assert (await api.get(f"{APP}/issues", "bob"))["size"] == 1
    assert (await api("POST", f"{OPEN}/issues", "bob", json={"title": "t"})).status == 201


async def test_a_disconnecting_client_harms_nobody(api: Api) -> None:
    body = b'{"title": "gone"}'
    head = (
        f"POST {APP}/issues HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {api.world.tokens['bob']}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    for _ in range(50):
        _, writer = await asyncio.open_connection(api.client.host, api.client.port)
        writer.write(head.encode() + body)
        await writer.drain()
        writer.transport.abort()
    assert (await api("POST", f"{APP}/issues", "bob", json={"title": "here"})).status == 201


async def test_a_person_of_the_archive_can_be_assigned_in_his_workspace_only(api: Api) -> None:
    await api.db.run(
        """INSERT INTO account (uuid, workspace_id, username, account_id, display_name, nickname,
                                created_on)
           SELECT '{00000000-0000-0000-0000-000000000001}', id, 'old-hand', '557058:x', 'Old Hand',
                  'old-hand', created_on FROM workspace WHERE slug = 'alice'"""
    )
    given = {"title": "t", "assignee": {"account_id": "557058:x"}}
    issue = await api.post(f"{APP}/issues", "bob", given)
    assert issue["assignee"]["account_id"] == "557058:x"
    answer = await api(
        "POST",
        "/2.0/repositories/charlie/x/issues",
        "charlie",
        json={"title": "t", "assignee": {"account_id": "557058:x"}},
    )
    assert answer.status == 400


async def test_a_member_who_lost_access_can_write_no_more(api: Api) -> None:
    await repositories.set_member(api.db, await api.repository("alice/app"), "bob", None)
    assert (await api("POST", f"{APP}/issues", "bob", json={"title": "t"})).status == 404
