"""GET /2.0/user, its e-mail addresses, and others."""

import pytest

from tests.conftest import APP, OPEN, Api
from tests.jobs.working import archive, working
from tests.jobs.working import take as take_archive
from tracker.access import accounts, repositories, tokens
from tracker.settings import Settings


async def _own(api: Api, who: str) -> dict[str, str]:
    user: dict[str, str] = await api.get("/2.0/user", who)
    return user


async def test_your_address_is_shown_to_you(api: Api) -> None:
    page = await api.get("/2.0/user/emails", "alice")
    [email] = page["values"]
    assert page["size"] == 1
    assert (email["email"], email["is_primary"], email["is_confirmed"]) == (
        "alice@example.org",
        True,
        True,
    )
    for path in (email["links"]["self"]["href"], "/2.0/user/emails/ALICE%40example.org"):
        assert await api.get(path.removeprefix(api.url), "alice") == email
    for other in ("bob@example.org", "nobody@example.org"):
        answer = await api("GET", f"/2.0/user/emails/{other}", "alice")
        assert answer.status == 404
        assert answer.body["error"]["message"] == "No Email matches the given query."


async def test_an_account_without_an_address_has_none(api: Api) -> None:
    await accounts.create(api.db, "frank")
    api.world.tokens["frank"] = await tokens.create(api.db, "frank")
    assert (await api.get("/2.0/user/emails", "frank"))["values"] == []
    assert (await api("GET", "/2.0/user/emails/None", "frank")).status == 404


async def test_others_are_shown_without_user_name_and_address(api: Api) -> None:
    bob = await _own(api, "bob")
    for selected in (bob["uuid"], bob["uuid"].upper(), bob["account_id"]):
        shown = await api.get(f"/2.0/users/{selected}")
        assert shown["uuid"] == bob["uuid"]
        assert shown["display_name"] == "bob"
        assert not {"username", "email", "has_2fa_enabled"} & set(shown)
        assert "@" not in str(shown)
    link = bob["links"]["self"]["href"]  # type: ignore[index]
    assert (await api.get(link.removeprefix(api.url)))["uuid"] == bob["uuid"]


async def test_whose_account_is_off_is_shown_so(api: Api) -> None:
    await accounts.set_active(api.db, "bob", False)
    bob = (await api.db.all("SELECT uuid FROM account WHERE username = 'bob'"))[0]["uuid"]
    assert (await api.get(f"/2.0/users/{bob}", "alice"))["account_status"] == "inactive"


@pytest.mark.parametrize("who", [None, "bob", "alice"])
async def test_whom_you_may_not_know_is_answered_like_who_is_not_there(
    api: Api, who: str | None
) -> None:
    charlie = await _own(api, "charlie")
    answers = [
        await api("GET", f"/2.0/users/{selected}", who)
        for selected in (
            charlie["uuid"],
            charlie["account_id"],
            "{00000000-0000-0000-0000-000000000000}",
            "712020:00000000-0000-0000-0000-000000000000",
            "charlie",
            "bob",
            "bob@example.org",
            "%27%20OR%201=1--",
            "%7B%7D",
        )
    ]
    assert {answer.status for answer in answers} == {404}
    assert len({str(answer.body) for answer in answers}) == 1
    assert len({str(sorted(answer.headers)) for answer in answers}) == 1


async def test_a_stranger_who_wrote_in_public_is_known_to_whoever_reads_it(api: Api) -> None:
    charlie = (await _own(api, "charlie"))["uuid"]
    await api.post(f"{OPEN}/issues", "charlie", {"title": "t"})
    assert (await api.get(f"/2.0/users/{charlie}"))["uuid"] == charlie
    assert (await api("PUT", OPEN, "alice", json={"is_private": True})).status == 200
    assert (await api("GET", f"/2.0/users/{charlie}")).status == 404
    assert (await api.get(f"/2.0/users/{charlie}", "dora"))["uuid"] == charlie


async def test_whoever_commented_or_is_to_do_it_is_known_too(api: Api) -> None:
    await api.post(f"{OPEN}/issues", "alice", {"title": "t"})
    charlie = await _own(api, "charlie")
    await api.post(f"{OPEN}/issues/1/comments", "charlie", {"content": {"raw": "c"}})
    assert (await api("GET", f"/2.0/users/{charlie['uuid']}")).status == 200
    await accounts.create(api.db, "frank")
    api.world.tokens["frank"] = await tokens.create(api.db, "frank")
    frank = (await _own(api, "frank"))["uuid"]
    assert (await api("GET", f"/2.0/users/{frank}")).status == 404
    await api("PUT", f"{OPEN}/issues/1", "bob", json={"assignee": {"uuid": frank}})
    assert (await api("GET", f"/2.0/users/{frank}")).status == 200


async def test_who_is_member_of_what_you_may_not_see_stays_unknown(api: Api) -> None:
    secret = await repositories.create(api.db, "alice/secret", private=True)
    await repositories.set_member(api.db, secret, "charlie", "read")
    charlie = (await _own(api, "charlie"))["uuid"]
    assert (await api("GET", f"/2.0/users/{charlie}", "bob")).status == 404
    assert (await api.get(f"/2.0/users/{charlie}", "alice"))["uuid"] == charlie


async def test_imported_people_are_known_where_their_workspace_is(
    api: Api, settings: Settings
) -> None:
    # A public repository beside it shows nothing of whom a private archive names.
    await repositories.create(api.db, "charlie/open", private=False)
    async with working(settings):
        await take_archive(api, archive(settings.data_dir), "charlie/x", who="charlie")
    issues = await api.get("/2.0/repositories/charlie/x/issues", "charlie")
    [person, *_] = [value["reporter"] for value in issues["values"] if value["reporter"]]
    for selected in (person["uuid"], person["account_id"]):
        shown = await api.get(f"/2.0/users/{selected}", "charlie")
        assert shown["display_name"] == person["display_name"]
        for who in (None, "alice"):
            assert (await api("GET", f"/2.0/users/{selected}", who)).status == 404
            picture = await api("GET", f"/avatar/{person['uuid']}.svg", who)
            assert "<text" not in picture.body
    path = f"{APP}/permissions-config/users/{person['uuid']}"
    answer = await api("PUT", path, "alice", json={"permission": "read"})
    assert answer.status == 404
