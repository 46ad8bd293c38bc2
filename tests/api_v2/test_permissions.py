"""permissions-config of a repository, and lists of permissions."""

from typing import Any

import pytest

from tests.conftest import APP, OPEN, Api
from tracker.access import accounts, repositories
from tracker.database import sqlite

USERS = f"{APP}/permissions-config/users"


async def uuid(api: Api, who: str) -> str:
    """The UUID of one of the people."""
    return str((await api.get("/2.0/user", who))["uuid"])


def grants(page: Any) -> list[tuple[str, str, str]]:
    """Who may do what where, on a page."""
    return [
        (value["repository"]["full_name"], value["user"]["nickname"], value["permission"])
        for value in page["values"]
    ]


async def test_the_members_of_a_repository_are_listed_for_its_administrators(api: Api) -> None:
    page = await api.get(USERS, "alice")
    assert grants(page) == [("alice/app", "bob", "write"), ("alice/app", "dora", "read")]
    assert grants(await api.get(f'{USERS}?q=permission>="write"', "alice")) == grants(page)[:1]
    assert grants(await api.get(f"{USERS}?sort=-user.nickname", "alice")) == grants(page)[::-1]
    for value in page["values"]:
        path = value["links"]["self"]["href"].removeprefix(api.url)
        assert await api.get(path, "alice") == value
    assert (await api.get(f"{APP}/permissions-config/groups", "alice"))["values"] == []


async def test_access_is_given_changed_and_taken_away(api: Api) -> None:
    path = f"{USERS}/{await uuid(api, 'charlie')}"
    assert (await api("GET", APP, "charlie")).status == 404
    assert (await api.get(path, "alice"))["permission"] == "none"
    for permission in ("read", "write", "admin"):
        answer = await api("PUT", path, "alice", json={"permission": permission})
        assert answer.status == 200
        assert answer.body["permission"] == permission
        assert answer.body == await api.get(path, "alice")
        assert (await api.get(APP, "charlie"))["slug"] == "app"
    answer = await api("DELETE", path, "alice")
    assert (answer.status, answer.body) == (204, "")
    assert (await api("GET", APP, "charlie")).status == 404
    assert (await api("DELETE", path, "alice")).status == 404


async def test_an_account_id_will_do_and_a_name_will_not(api: Api) -> None:
    charlie = await api.get("/2.0/user", "charlie")
    for selected in (charlie["account_id"], charlie["uuid"].upper()):
        answer = await api("PUT", f"{USERS}/{selected}", "alice", json={"permission": "read"})
        assert answer.status == 200
    answers = [
        await api(method, f"{USERS}/{selected}", "alice", json={"permission": "read"})
        for method in ("GET", "PUT", "DELETE")
        for selected in (
            "bob",
            "nobody",
            "bob@example.org",
            "{00000000-0000-0000-0000-000000000000}",
        )
    ]
    assert {answer.status for answer in answers} == {404}
    assert len({str(answer.body) for answer in answers}) == 1


async def test_whoever_is_switched_off_is_given_nothing_and_can_be_taken_out(api: Api) -> None:
    path = f"{USERS}/{(await accounts.find(api.db, 'eve'))['uuid']}"
    assert (await api.get(path, "alice"))["permission"] == "none"
    assert (await api("PUT", path, "alice", json={"permission": "read"})).status == 404
    await repositories.set_member(api.db, await api.repository("alice/app"), "eve", "write")
    assert (await api.get(path, "alice"))["permission"] == "write"
    assert (await api("PUT", path, "alice", json={"permission": "read"})).status == 404
    assert (await api("DELETE", path, "alice")).status == 204
    assert (await api.get(path, "alice"))["permission"] == "none"


async def test_a_placeholder_is_no_account(api: Api) -> None:
    repository = await api.repository("alice/app")
    charlie = await accounts.find(api.db, "charlie")
    await api.db.run(
        """INSERT INTO account (uuid, workspace_id, username, account_id, display_name, nickname,
                                created_on)
           VALUES ('{ann}', :workspace, 'ann', :account, 'Ann', 'ann', :now)""",
        {
            "workspace": repository.workspace_id,
            "account": charlie["account_id"],
            "now": charlie["created_on"],
        },
    )
    assert (await api("GET", f"{USERS}/{{ann}}", "alice")).status == 404
    found = await api.get(f"{USERS}/{charlie['account_id']}", "alice")
    assert found["user"]["uuid"] == charlie["uuid"]


async def test_a_search_among_members_holds_up_other_searches_only(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_SECONDS", -1)  # none has its turn in time
    assert (await api("GET", f'{USERS}?q=user.nickname~"b"', "alice")).status == 503
    assert (await api.get(USERS, "alice"))["size"] == 2


@pytest.mark.parametrize("value", ["none", "owner", "", None, 7, ["admin"], "ADMIN"])
async def test_another_permission_is_refused_by_name(api: Api, value: object) -> None:
    path = f"{USERS}/{await uuid(api, 'bob')}"
    answer = await api("PUT", path, "alice", json={"permission": value})
    assert answer.status == 400
    assert list(answer.body["error"]["fields"]) == ["permission"]
    assert (await api("PUT", path, "alice", json={})).status == 400
    assert (await api.get(path, "alice"))["permission"] == "write"


@pytest.mark.parametrize("who", ["bob", "dora", "charlie"])
@pytest.mark.parametrize("repository", [APP, OPEN])
async def test_nobody_raises_himself(api: Api, who: str, repository: str) -> None:
    path = f"{repository}/permissions-config/users/{await uuid(api, who)}"
    expected = 404 if who == "charlie" and repository == APP else 403
    for method in ("GET", "PUT", "DELETE"):
        answer = await api(method, path, who, json={"permission": "admin"})
        assert answer.status == expected
    answer = await api("PUT", repository, who, json={"owner": {"uuid": await uuid(api, who)}})
    assert answer.status == expected
    members = await api.get(f"{repository}/permissions-config/users", "alice")
    assert {value["permission"] for value in members["values"]} == {"write", "read"}


async def test_an_administrator_of_one_repository_is_nothing_in_another(api: Api) -> None:
    await repositories.set_member(api.db, await api.repository("alice/open"), "bob", "admin")
    bob = await uuid(api, "bob")
    for path, status in ((OPEN, 200), (APP, 403), ("/2.0/repositories/charlie/x", 404)):
        path = f"{path}/permissions-config/users/{bob}"
        assert (await api("PUT", path, "bob", json={"permission": "admin"})).status == status


async def test_whoever_lost_access_has_lost_it_at_his_next_request(api: Api) -> None:
    export = (await api("POST", f"{APP}/issues/export", "alice")).headers["Location"]
    bob = await uuid(api, "bob")
    await api("PUT", f"{USERS}/{bob}", "alice", json={"permission": "admin"})
    paths = (APP, f"{APP}/issues", USERS, export.removeprefix(api.url))
    for path in paths:
        assert (await api("GET", path, "bob")).status in (200, 202)
    await api("DELETE", f"{USERS}/{bob}", "alice")
    for path in paths:
        assert (await api("GET", path, "bob")).status == 404
    assert (await api("POST", f"{APP}/issues", "bob", json={"title": "t"})).status == 404
    assert (await api.get("/2.0/user/permissions/repositories", "bob"))["size"] == 1


async def test_what_whoever_asks_may_do_where(api: Api) -> None:
    path = "/2.0/user/permissions/repositories"
    app, open_ = "alice/app", "alice/open"
    assert sorted(grants(await api.get(path, "bob"))) == [
        (app, "bob", "write"),
        (open_, "bob", "write"),
    ]
    assert grants(await api.get(f'{path}?q=repository.name="open"', "alice")) == [
        (open_, "alice", "admin")
    ]
    assert grants(await api.get(path, "charlie")) == [("charlie/x", "charlie", "admin")]


async def test_who_may_do_what_in_a_workspace(api: Api) -> None:
    path = "/2.0/workspaces/ALICE/permissions/repositories"
    expected = [
        (name, *grant)
        for name in ("alice/app", "alice/open")
        for grant in (("alice", "admin"), ("bob", "write"), ("dora", "read"))
    ]
    page = await api.get(f"{path}?pagelen=4", "alice")
    following = page["next"]
    assert following.startswith(f"{api.url}/2.0/workspaces/alice/permissions/repositories?")
    found = grants(page) + grants(await api.get(following.removeprefix(api.url), "alice"))
    assert sorted(found) == expected
    assert page["size"] == 6
    assert sorted(grants(await api.get(f"{path}/app", "alice"))) == expected[:3]
    assert grants(await api.get(f'{path}/app?q=permission="read"', "alice")) == expected[2:3]
    assert (await api("GET", path, "bob")).status == 403
    assert (await api("GET", f"{path}/app", "bob")).status == 403
    assert (
        await api("GET", "/2.0/workspaces/alice/permissions/repositories/x", "alice")
    ).status == 404
