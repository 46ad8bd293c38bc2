"""GET /1.0/user and GET /1.0/users/{username}: people by name, and their repositories."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.api_v1 import arrays
from tests.api_v1.test_repositories import add_repositories
from tests.archives import ALICE, BOB, Sample, comment, databases, issue, sample, write_zip
from tests.conftest import APP, OPEN, Api
from tests.jobs.working import take, working
from tracker.access import accounts, repositories, tokens, workspaces
from tracker.settings import Settings


def _old(path: str) -> str:
    return path.replace("/2.0/", "/1.0/")


async def _username(api: Api, selected: str, who: str | None) -> str:
    return str((await api.get(f"/1.0/users/{selected}", who))["user"]["username"])


async def test_who_asks_is_told_who_he_is_and_what_he_has(api: Api) -> None:
    await accounts.rename(api.db, "alice", "Alice P. Liddell")
    shown = await api.get("/1.0/user", "alice")
    assert set(shown) == {"repositories", "user"}
    avatar = shown["user"].pop("avatar")
    assert avatar.startswith(f"{api.url}/avatar/")
    assert shown["user"] == {
        "username": "alice",
        "first_name": "Alice P.",
        "last_name": "Liddell",
        "display_name": "Alice P. Liddell",
        "is_team": False,
        "resource_uri": "/1.0/users/alice",
    }
    assert [each["slug"] for each in shown["repositories"]] == ["app", "open"]
    assert shown["repositories"][1] == await api.get(_old(OPEN))


async def test_what_somebody_is_only_member_of_is_not_his(api: Api) -> None:
    assert (await api.get("/1.0/user/", "bob"))["repositories"] == []


async def test_nobody_is_nobody(api: Api) -> None:
    answer = await api("GET", "/1.0/user")
    assert answer.status == 401
    assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize(
    ("who", "slugs"),
    [
        (None, ["open"]),
        ("charlie", ["open"]),
        ("dora", ["app", "open"]),
        ("alice", ["app", "open"]),
    ],
)
async def test_somebodys_repositories_are_those_that_you_may_see(
    api: Api, who: str | None, slugs: list[str]
) -> None:
    shown = await api.get("/1.0/users/alice/", who)
    assert shown["user"]["username"] == "alice"
    assert [each["slug"] for each in shown["repositories"]] == slugs


async def test_all_of_his_workspaces_count_and_nobody_elses(api: Api) -> None:
    await workspaces.create(api.db, "second", owner="alice")
    await repositories.create(api.db, "second/more", private=False)
    await repositories.create(api.db, "charlie/open", private=False)
    shown = await api.get("/1.0/users/alice")
    assert [each["resource_uri"] for each in shown["repositories"]] == [
        "/1.0/repositories/alice/open",
        "/1.0/repositories/second/more",
    ]


async def test_many_repositories_are_all_there(api: Api) -> None:
    await accounts.rename(api.db, "alice", 'Alice ["]"]')
    await add_repositories(api, arrays.PART + 1)
    for path, who in (("/1.0/user", "alice"), ("/1.0/users/alice", "alice")):
        shown = await api.get(path, who)
        assert shown["user"]["display_name"] == 'Alice ["]"]'
        assert len(shown["repositories"]) == arrays.PART + 3


async def test_people_are_found_by_name_uuid_and_account_id(api: Api) -> None:
    bob = await api.get("/2.0/user", "bob")
    for selected in ("bob", "BOB", bob["uuid"], bob["uuid"].upper(), bob["account_id"]):
        assert await _username(api, selected, None) == "bob"


@pytest.mark.parametrize("who", [None, "bob", "alice"])
async def test_whom_you_may_not_know_is_answered_like_who_is_not_there(
    api: Api, who: str | None
) -> None:
    charlie = await api.get("/2.0/user", "charlie")
    guesses = [charlie["uuid"], charlie["account_id"], "charlie", "eve", "nobody"]
    hostile = ["charlie@example.org", "%27%20OR%201=1--", "%7B%7D", "%00", "a%2Fb", "%25"]
    answers = [await api("GET", f"/1.0/users/{each}", who) for each in guesses + hostile]
    assert {answer.status for answer in answers} == {404}
    assert len({str(answer.body) for answer in answers}) == 1
    assert len({str(sorted(answer.headers)) for answer in answers}) == 1


async def test_nobody_makes_an_administrator_known_by_naming_him(api: Api) -> None:
    await accounts.create(api.db, "root", is_admin=True)
    await repositories.create(api.db, "charlie/open", private=False)
    issues = "/1.0/repositories/charlie/open/issues"
    members = {"title": "t", "content": "@{root}"}
    refused = [
        await api("POST", issues, "charlie", data={**members, "responsible": name})
        for name in ("root", "nobody")
    ]
    assert [(answer.status, answer.body) for answer in refused] == 2 * [(400, refused[0].body)]
    assert (await api("POST", issues, "charlie", data=members)).status == 200
    content = (await api.get("/2.0/repositories/charlie/open/issues/1"))["content"]
    assert content["html"] == "<p>@{root}</p>"
    for who in (None, "charlie"):
        assert (await api("GET", "/1.0/users/root", who)).status == 404


def _zip(tmp_path: Path, sections: Sample, *versions: str) -> Path:
    return write_zip(tmp_path / "people.zip", databases(sections, *versions))


def _without_files() -> Sample:
    return sample(attachments=[])


async def _import(api: Api, settings: Settings, *imports: tuple[str, str, Path | bytes]) -> None:
    """Import archives, each into a repository as somebody."""
    async with working(settings):
        for full_name, who, archive in imports:
            status = await take(api, archive, full_name, who=who)
            assert status["status"] == "SUCCESS", status


def _profiles(shown: Any) -> list[dict[str, Any]]:
    """Every person in an answer."""
    if isinstance(shown, list):
        return [found for each in shown for found in _profiles(each)]
    if not isinstance(shown, dict):
        return []
    if "first_name" in shown:
        return [shown]
    return [found for each in shown.values() for found in _profiles(each)]


async def _everybody(api: Api, tracker: str, who: str | None) -> list[dict[str, Any]]:
    """Every person whom the answers about a tracker's issues show."""
    page = await api.get(f"{tracker}/issues?limit=50", who)
    answers = [page]
    for each in page["issues"]:
        for rest in ("", "/comments", "/followers"):
            answers.append(await api.get(f"{tracker}/issues/{each['local_id']}{rest}", who))
    return _profiles(answers)


@pytest.mark.parametrize("who", [None, "charlie", "dora", "alice"])
async def test_the_address_of_everybody_who_is_shown_leads_to_him(
    api: Api, settings: Settings, tmp_path: Path, who: str | None
) -> None:
    follower = {"display_name": "Dana Scully", "account_id": "557058:da"}
    sections = sample(issues=[issue(1), issue(3, watchers=[follower])], attachments=[])
    await _import(api, settings, ("alice/open", "alice", _zip(tmp_path, sections, "2.0")))
    await api.post(f"{OPEN}/issues", "charlie", {"title": "t"})
    people = await _everybody(api, _old(OPEN), who)
    usernames = {each["username"] for each in people}
    assert usernames == {"alice-liddell", "bob-baumeister", "dana-scully", "charlie"}
    for each in people:
        assert (await api.get(each["resource_uri"], who))["user"] == each
        picture = await api("GET", each["avatar"].removeprefix(api.url), who)
        assert "<text" in picture.body


def _renamed(tmp_path: Path) -> Path:
    """An archive whose bob has another user name."""
    usual = sample(
        issues=[issue(1, reporter=BOB, watchers=[ALICE])],
        comments=[comment(1, user=ALICE)],
        logs=[],
        attachments=[],
    )
    dbs = databases(usual)
    names = json.dumps(dbs["1.0"]).replace('"bob_b"', '"Robert / 100%"')
    dbs["1.0"] = json.loads(names.replace('"alice"', '"alice.l"'))
    return write_zip(tmp_path / "renamed.zip", dbs)


async def test_an_archives_own_names_lead_to_whom_they_mean(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    first = _zip(tmp_path, _without_files())
    imports = (("alice/app", "alice", first), ("alice/open", "alice", _renamed(tmp_path)))
    await _import(api, settings, *imports)
    for who in (None, "charlie", "alice"):
        people = await _everybody(api, _old(OPEN), who)
        assert {each["username"] for each in people} == {"Robert / 100%", "alice.l"}
        for each in people:
            assert (await api.get(each["resource_uri"], who))["user"] == each


async def test_what_only_a_private_archive_calls_somebody_is_no_name_for_others(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    first = _zip(tmp_path, _without_files())
    imports = (("alice/open", "alice", first), ("alice/app", "alice", _renamed(tmp_path)))
    await _import(api, settings, *imports)
    for who, status in ((None, 404), ("charlie", 404), ("dora", 200), ("alice", 200)):
        assert (await api("GET", "/1.0/users/bob_b", who)).status == 200
        assert (await api("GET", "/1.0/users/Robert%20%2F%20100%25", who)).status == status


async def test_an_archives_names_are_for_those_who_see_its_tracker(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    archive = _zip(tmp_path, _without_files())
    await _import(api, settings, ("alice/app", "alice", archive))
    for who, status in ((None, 404), ("charlie", 404), ("dora", 200), ("alice", 200)):
        assert (await api("GET", "/1.0/users/bob_b", who)).status == status


async def test_of_several_of_one_name_the_account_goes_first_then_the_oldest_that_you_know(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    await repositories.create(api.db, "charlie/open", private=False)
    archive = _zip(tmp_path, _without_files()).read_bytes()
    imports = (("alice/app", "alice", archive), ("charlie/open", "charlie", archive))
    await _import(api, settings, *imports)
    by_who = {
        who: (await api.get("/1.0/users/bob_b", who))["user"]["avatar"]
        for who in (None, "charlie", "dora", "alice")
    }
    assert by_who["dora"] == by_who["alice"] != by_who["charlie"] == by_who[None]
    # alice of the archives is somebody else than alice who has an account.
    shown = await api.get("/1.0/users/alice", "charlie")
    assert shown["user"]["display_name"] == "alice"


async def test_a_token_that_may_not_read_repositories_is_told_so(api: Api) -> None:
    api.world.tokens["narrow"] = await tokens.create(api.db, "alice", scopes=("account",))
    for path in ("/1.0/user", "/1.0/users/alice", "/1.0/user/repositories", _old(APP)):
        answer = await api("GET", path, "narrow")
        assert answer.status == 403
        assert "repository" in answer.body["error"]["detail"]["required"]
