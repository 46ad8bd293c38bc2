"""GET /1.0/users/{workspace}: who owns repositories may be a team."""

import pytest

from tests.conftest import Api
from tracker.access import accounts, repositories, workspaces


@pytest.fixture
async def acme(api: Api) -> None:
    """A workspace of alice's with a public and a private repository; bob reads the second."""
    await workspaces.create(api.db, "acme", owner="alice", name="Acme Inc.")
    await repositories.create(api.db, "acme/site")
    secret = await repositories.create(api.db, "acme/secret", private=True)
    await repositories.set_member(api.db, secret, "bob", "read")


@pytest.mark.usefixtures("acme")
async def test_a_workspace_is_a_team(api: Api) -> None:
    owner = (await api.get("/1.0/repositories/acme/site"))["owner"]
    team = (await api.get(f"/1.0/users/{owner}/"))["user"]
    assert team.pop("avatar").startswith(f"{api.url}/avatar/%7B")
    assert team == {
        "username": "acme",
        "first_name": "Acme Inc.",
        "last_name": "",
        "display_name": "Acme Inc.",
        "is_team": True,
        "resource_uri": "/1.0/users/acme",
    }


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("who", "slugs"), [(None, ["site"]), ("charlie", ["site"]), ("bob", ["site", "secret"])]
)
async def test_its_repositories_are_those_that_you_may_see(
    api: Api, who: str | None, slugs: list[str]
) -> None:
    shown = await api.get("/1.0/users/ACME", who)
    assert [each["slug"] for each in shown["repositories"]] == slugs


async def test_a_team_that_shows_you_nothing_is_absent(api: Api) -> None:
    await workspaces.create(api.db, "acme", owner="alice")
    await repositories.create(api.db, "acme/secret", private=True)
    for who in (None, "charlie", "bob"):
        hidden = await api("GET", "/1.0/users/acme", who)
        absent = await api("GET", "/1.0/users/nobody", who)
        assert (hidden.status, hidden.body) == (absent.status, absent.body)
    assert (await api.get("/1.0/users/acme", "alice"))["user"]["is_team"] is True


@pytest.mark.usefixtures("acme")
async def test_a_person_of_that_name_goes_first(api: Api) -> None:
    await accounts.create(api.db, "acme")
    await repositories.set_member(api.db, await api.repository("acme/site"), "acme", "read")
    shown = await api.get("/1.0/users/acme")
    assert (shown["user"]["is_team"], shown["repositories"]) == (False, [])
