""".../issues/{issue_id}/followers."""

import pytest

from tests.api_v1.test_issues import ISSUES, PRIVATE, create
from tests.conftest import OPEN, Api


@pytest.fixture(autouse=True)
async def issue(api: Api) -> None:
    """Every test has bob's issue, which everybody can see."""
    await create(api)


async def _names(api: Api) -> list[str]:
    found = await api.get(f"{ISSUES}/1/followers")
    names = [follower["username"] for follower in found["followers"]]
    assert found["count"] == len(names) == (await api.get(f"{ISSUES}/1"))["follower_count"]
    return names


async def test_followers_are_the_watchers_in_the_order_of_their_accounts(api: Api) -> None:
    assert await _names(api) == ["bob"]
    for who in ("dora", "alice"):
        await api("PUT", f"{OPEN}/issues/1/watch", who)
    assert await _names(api) == ["alice", "bob", "dora"]
    await api("DELETE", f"{OPEN}/issues/1/watch", "bob")
    await api("PUT", f"{OPEN}/issues/1/vote", "charlie")
    assert await _names(api) == ["alice", "dora"]


async def test_whoever_comments_follows_from_then_on(api: Api) -> None:
    await api("POST", f"{ISSUES}/1/comments", "charlie", data={"content": "hm"})
    assert await _names(api) == ["bob", "charlie"]


async def test_an_issue_that_nobody_follows_has_none(api: Api) -> None:
    await api("DELETE", f"{OPEN}/issues/1/watch", "bob")
    assert await api.get(f"{ISSUES}/1/followers") == {"count": 0, "followers": []}


async def test_followers_are_those_of_one_issue_and_are_called_as_its_archive_calls_them(
    api: Api,
) -> None:
    await create(api, who="dora")
    repository = await api.repository("alice/open")
    await api.db.run(
        """INSERT INTO alias (tracker_id, account_id, username, named_account_id, display_name)
           SELECT :tracker, id, 'robert', 'r', 'Robert the Old' FROM account
            WHERE username = 'bob'""",
        {"tracker": repository.tracker_id},
    )
    [follower] = (await api.get(f"{ISSUES}/1/followers"))["followers"]
    assert follower == (await api.get(f"{ISSUES}/1"))["reported_by"]
    assert follower["username"] == "robert"
    assert (follower["first_name"], follower["last_name"]) == ("Robert the", "Old")
    assert follower["resource_uri"] == "/1.0/users/robert"


async def test_followers_of_what_is_private_are_told_to_members_only(api: Api) -> None:
    await create(api, PRIVATE)
    for who, status in ((None, 404), ("charlie", 404), ("dora", 200), ("reader", 200)):
        assert (await api("GET", f"{PRIVATE}/1/followers", who)).status == status
