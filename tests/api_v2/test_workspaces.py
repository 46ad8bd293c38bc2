"""Workspaces, and who is in them."""

from typing import Any

import pytest

from tests.conftest import OPEN, Api
from tracker.access import accounts, repositories, tokens, workspaces

ALICE = "/2.0/workspaces/alice"


def slugs(page: Any) -> list[str]:
    """The workspaces on a page, whichever shape it has."""
    return [value.get("workspace", value)["slug"] for value in page["values"]]


def people(page: Any) -> list[str]:
    """The members on a page."""
    return [value["user"]["nickname"] for value in page["values"]]


async def _hide(api: Api) -> None:
    """Leave nothing public in alice's workspace."""
    assert (await api("PUT", OPEN, "alice", json={"is_private": True})).status == 200


async def test_a_workspace_shows_itself_and_where_its_lists_are(api: Api) -> None:
    shown = await api.get(ALICE)
    assert (shown["slug"], shown["name"], shown["is_private"]) == ("alice", "alice", False)
    assert await api.get(f"/2.0/workspaces/{shown['uuid'].upper()}") == shown
    assert await api.get("/2.0/workspaces/ALICE") == shown
    for name in ("self", "members", "projects", "repositories", "owners"):
        path = shown["links"][name]["href"].removeprefix(api.url)
        assert (await api("GET", path, "bob")).status == 200
    owners = await api.get(shown["links"]["owners"]["href"].removeprefix(api.url), "bob")
    assert people(owners) == ["alice"]


async def test_a_workspace_is_seen_by_its_people_and_by_all_if_something_is_public(
    api: Api,
) -> None:
    await _hide(api)
    await accounts.create(api.db, "root", is_admin=True)
    api.world.tokens["root"] = await tokens.create(api.db, "root")
    for who in ("alice", "bob", "dora", "root"):
        assert (await api.get(ALICE, who))["is_private"] is True
    for who in (None, "charlie"):
        assert (await api("GET", ALICE, who)).status == 404


@pytest.mark.parametrize("who", [None, "bob"])
@pytest.mark.parametrize(
    "tail", ["", "/members", "/members/x", "/permissions", "/permissions/repositories", "/projects"]
)
async def test_an_invisible_workspace_is_answered_like_an_absent_one(
    api: Api, who: str | None, tail: str
) -> None:
    hidden = await api("GET", f"/2.0/workspaces/charlie{tail}", who)
    absent = await api("GET", f"/2.0/workspaces/nothing{tail}", who)
    assert hidden.status == absent.status == 404
    assert hidden.body["error"]["message"] == "No workspace with identifier 'charlie'."
    assert str(hidden.body).replace("charlie", "nothing") == str(absent.body)
    assert set(hidden.headers) == set(absent.headers)


async def test_everybody_has_the_workspaces_where_he_is_something(api: Api) -> None:
    await workspaces.create(api.db, "empty", owner="bob", name="Empty")
    for path in ("/2.0/workspaces", "/2.0/user/workspaces", "/2.0/user/permissions/workspaces"):
        assert slugs(await api.get(path, "alice")) == ["alice"]
        assert slugs(await api.get(path, "bob")) == ["alice", "empty"]
        assert slugs(await api.get(f"{path}?role=owner", "bob")) == ["empty"]
        assert slugs(await api.get(f"{path}?role=collaborator", "dora")) == ["alice"]
        assert slugs(await api.get(f"{path}?sort=-workspace.slug", "bob")) == ["empty", "alice"]
        assert slugs(await api.get(f'{path}?q=permission="owner"', "bob")) == ["empty"]
        assert slugs(await api.get(path, "charlie")) == ["charlie"]
        assert (await api("GET", path)).status == 401
        assert (await api("GET", f"{path}?role=king", "bob")).status == 400


async def test_what_somebody_is_in_a_workspace(api: Api) -> None:
    await workspaces.create(api.db, "empty", owner="bob", name="Empty")
    page = await api.get("/2.0/user/permissions/workspaces", "bob")
    assert [value["permission"] for value in page["values"]] == ["member", "owner"]
    assert people(page) == ["bob", "bob"]
    page = await api.get("/2.0/user/workspaces", "bob")
    assert [value["administrator"] for value in page["values"]] == [False, True]


async def test_members_are_the_owner_and_those_of_its_repositories(api: Api) -> None:
    page = await api.get(f"{ALICE}/members", "dora")
    assert people(page) == ["alice", "bob", "dora"]
    assert page["size"] == 3
    permissions = await api.get(f"{ALICE}/permissions", "dora")
    assert [value["permission"] for value in permissions["values"]] == ["owner", "member", "member"]
    for value in page["values"]:
        path = value["links"]["self"]["href"].removeprefix(api.url)
        assert await api.get(path, "dora") == value


async def test_members_can_be_asked_for(api: Api) -> None:
    bob = (await api.get("/2.0/user", "bob"))["uuid"]
    query = f'q=user.uuid="{bob}"'
    assert people(await api.get(f"{ALICE}/members?{query}", "dora")) == ["bob"]
    owners = await api.get(f'{ALICE}/permissions?q=permission="owner"', "dora")
    assert people(owners) == ["alice"]
    names = await api.get(f"{ALICE}/members?sort=-user.display_name&pagelen=2", "dora")
    assert people(names) == ["dora", "bob"]
    rest = await api.get(names["next"].removeprefix(api.url), "dora")
    assert people(rest) == ["alice"]
    assert (await api("GET", f'{ALICE}/members?q=user.email~"a"', "dora")).status == 400


async def test_a_member_of_a_repository_that_you_may_not_see_is_none_to_you(api: Api) -> None:
    secret = await repositories.create(api.db, "alice/secret", private=True)
    await repositories.set_member(api.db, secret, "charlie", "read")
    charlie = (await api.get("/2.0/user", "charlie"))["uuid"]
    assert people(await api.get(f"{ALICE}/members", "dora")) == ["alice", "bob", "dora"]
    assert (await api("GET", f"{ALICE}/members/{charlie}", "dora")).status == 404
    assert people(await api.get(f"{ALICE}/members", "alice")) == [
        "alice",
        "bob",
        "charlie",
        "dora",
    ]
    assert (await api.get(f"{ALICE}/members/{charlie}", "alice"))["user"]["uuid"] == charlie


async def test_a_member_is_found_by_uuid_and_account_id_and_not_by_name(api: Api) -> None:
    bob = await api.get("/2.0/user", "bob")
    for member in (bob["uuid"], bob["uuid"].upper(), bob["account_id"]):
        assert (await api.get(f"{ALICE}/members/{member}", "dora"))["user"]["nickname"] == "bob"
    charlie = (await api.get("/2.0/user", "charlie"))["uuid"]
    answers = [
        await api("GET", f"{ALICE}/members/{member}", "dora")
        for member in ("bob", charlie, "{00000000-0000-0000-0000-000000000000}", "%27 OR 1=1")
    ]
    assert {answer.status for answer in answers} == {404}
    assert len({str(answer.body) for answer in answers}) == 1


async def test_strangers_learn_nothing_about_members(api: Api) -> None:
    needed = {"members": "member", "permissions": "member", "permissions/repositories": "owner"}
    for tail, role in needed.items():
        assert (await api("GET", f"{ALICE}/{tail}")).status == 401
        answer = await api("GET", f"{ALICE}/{tail}", "charlie")
        assert answer.status == 403
        assert answer.body["error"]["message"] == f"Only {role}s of alice may do this."


async def test_there_are_no_projects_hooks_or_groups(api: Api) -> None:
    page = await api.get(f"{ALICE}/projects")
    assert (page["size"], page["values"]) == (0, [])
    for path in (
        f"{ALICE}/hooks",
        f"{ALICE}/projects/ABC",
        "/2.0/hook_events",
        f"{OPEN}/hooks",
        f"{OPEN}/src",
        f"{OPEN}/pullrequests/1",
    ):
        answer = await api("GET", path, "alice")
        assert answer.status == 404
        assert answer.body["error"]["message"] == "Resource not found"
