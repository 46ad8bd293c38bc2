"""GET /1.0/repositories/{account}/{slug} and GET /1.0/user/repositories."""

import pytest

from service.api_v1 import arrays, objects
from tests.conftest import APP, OPEN, Api
from tracker.access import repositories
from tracker.access.repositories import NewRepository

OLD_OPEN = "/1.0/repositories/alice/open"


async def test_a_repository_has_the_members_that_it_always_had(api: Api) -> None:
    shown = await api.get(OLD_OPEN)
    assert set(shown) == set(objects.Repository().fields)
    assert shown["resource_uri"] == OLD_OPEN
    assert (shown["owner"], shown["slug"], shown["name"]) == ("alice", "open", "open")
    assert (shown["has_issues"], shown["is_private"], shown["scm"]) == (True, False, "git")
    assert (shown["state"], shown["creator"], shown["fork_of"]) == ("available", None, None)
    logo = await api("GET", shown["logo"].removeprefix(api.url))
    assert logo.headers["Content-Type"].startswith("image/svg+xml")


async def test_its_times_are_those_of_utc_and_of_clocks_in_amsterdam(api: Api) -> None:
    await api.db.run(
        """UPDATE repository SET created_on = '2012-07-29T02:35:38.123456+00:00',
                                 updated_on = '2012-12-29T23:35:38.000000+00:00'"""
    )
    shown = await api.get(OLD_OPEN)
    assert shown["utc_created_on"] == "2012-07-29 02:35:38+00:00"
    assert shown["created_on"] == "2012-07-29 04:35:38"
    assert shown["utc_last_updated"] == "2012-12-29 23:35:38+00:00"
    assert shown["last_updated"] == "2012-12-30 00:35:38"


async def test_what_is_changed_through_the_newer_api_shows(api: Api) -> None:
    payload = {"is_private": True, "has_issues": False, "description": "d", "name": "New name"}
    assert (await api("PUT", OPEN, "alice", json=payload)).status == 200
    shown = await api.get(OLD_OPEN, "dora")
    assert (shown["is_private"], shown["no_public_forks"]) == (True, True)
    assert (shown["has_issues"], shown["description"]) == (False, "d")
    assert (shown["name"], shown["slug"]) == ("New name", "new-name")
    assert (await api("GET", OLD_OPEN, "charlie")).status == 404


@pytest.mark.parametrize(
    ("who", "status"), [(None, 404), ("charlie", 404), ("dora", 200), ("reader", 200)]
)
async def test_a_private_one_is_there_for_its_members_only(
    api: Api, who: str | None, status: int
) -> None:
    answer = await api("GET", APP.replace("/2.0", "/1.0"), who)
    assert answer.status == status
    if status == 404:
        assert answer.body["error"]["message"] == "Not Found"
        absent = await api("GET", "/1.0/repositories/alice/nothing", who)
        assert absent.body == answer.body


async def test_your_own_list_has_what_you_are_member_of(api: Api) -> None:
    async def names(who: str) -> list[str]:
        shown = await api.get("/1.0/user/repositories/", who)
        return [f"{each['owner']}/{each['slug']}" for each in shown]

    assert await names("dora") == ["alice/app", "alice/open"]
    assert await names("alice") == ["alice/app", "alice/open"]
    assert await names("charlie") == ["charlie/x"]
    [shown] = await api.get("/1.0/user/repositories", "charlie")
    assert shown == await api.get("/1.0/repositories/charlie/x", "charlie")


async def test_nobody_has_no_list(api: Api) -> None:
    assert (await api("GET", "/1.0/user/repositories")).status == 401


async def add_repositories(api: Api, count: int) -> None:
    """Give alice's workspace so many public repositories more."""
    workspace = (await api.repository("alice/app")).workspace_id
    async with api.db.transaction() as tx:
        for number in range(count):
            draft = NewRepository(f"r{number}", f"r{number}", is_private=False)
            await repositories.add(tx, workspace, draft)


async def test_a_list_has_no_pages_however_long_it_is(api: Api) -> None:
    await add_repositories(api, 2 * arrays.PART)
    shown = await api.get("/1.0/user/repositories", "alice")
    expected = ["app", "open", *(f"r{number}" for number in range(2 * arrays.PART))]
    assert [each["slug"] for each in shown] == expected
