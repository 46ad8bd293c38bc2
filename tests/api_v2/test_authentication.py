"""Who asks: tokens as Bearer and as Basic, and what is no identity."""

from base64 import b64encode

import pytest

from tests.conftest import APP, OPEN, Api
from tracker.access import accounts, repositories, tokens
from tracker.settings import Settings

WRONG = "Token is invalid, expired, or not supported for this endpoint."


def basic(user: str, password: str) -> dict[str, str]:
    """Basic credentials."""
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


@pytest.mark.parametrize(
    "user", ["alice", "ALICE", "alice@example.org", "x-token-auth", "x-bitbucket-api-token-auth"]
)
async def test_a_token_is_a_password_for_each_name_of_its_account(api: Api, user: str) -> None:
    answer = await api("GET", "/2.0/user", headers=basic(user, api.world.tokens["alice"]))
    assert answer.status == 200
    assert answer.body["username"] == "alice"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_token_is_a_bearer_token(api: Api, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {api.world.tokens['alice']}"}
    assert (await api("GET", "/2.0/user", headers=headers)).body["username"] == "alice"


def _wrong_credentials() -> list[str]:
    return [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer \u00e9",
        "Basic",
        "Basic x",
        "Basic !!!",
        f"Basic {b64encode(b'alice').decode()}",
        f"Basic {b64encode(bytes([255, 58, 255])).decode()}",
        "Digest username=alice",
        "alice",
        "Bearer " + "x" * 7000,
    ]


@pytest.mark.parametrize("header", _wrong_credentials(), ids=lambda value: repr(value)[:20])
async def test_wrong_credentials_are_refused_even_where_none_are_needed(
    api: Api, header: str
) -> None:
    for path in (f"{OPEN}/issues", "/", "/2.0/user"):
        answer = await api("GET", path, headers={"Authorization": header})
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="Pail"'
        assert answer.body["error"]["message"] == WRONG


async def test_an_unknown_name_a_wrong_token_and_anothers_token_get_the_same_answer(
    api: Api,
) -> None:
    bodies = [
        await api("GET", "/2.0/user", headers=basic(user, token))
        for user, token in (
            ("nobody", "x"),
            ("alice", "x"),
            ("bob", api.world.tokens["alice"]),
            ("", api.world.tokens["alice"]),
            ("eve", api.world.tokens["eve"]),
        )
    ]
    assert {(answer.status, answer.body["error"]["message"]) for answer in bodies} == {(401, WRONG)}


async def test_a_token_that_expired_was_revoked_or_belongs_to_nobody_active_is_wrong(
    api: Api,
) -> None:
    expired = await tokens.create(api.db, "bob", days=-1)
    revoked = await tokens.create(api.db, "bob", name="revoked")
    headers = {"Authorization": f"Bearer {revoked}"}
    assert (await api("GET", APP, headers=headers)).status == 200
    [row] = [row for row in await tokens.of_account(api.db, "bob") if row["name"] == "revoked"]
    await tokens.remove(api.db, "bob", row["id"])
    assert (await api("GET", APP, headers=headers)).status == 401
    assert (await api("GET", APP, headers={"Authorization": f"Bearer {expired}"})).status == 401
    await accounts.set_active(api.db, "bob", False)
    assert (await api("GET", APP, "bob")).status == 401


async def test_a_member_who_is_removed_sees_nothing_at_once(api: Api) -> None:
    assert (await api("GET", APP, "bob")).status == 200
    await repositories.set_member(api.db, await api.repository("alice/app"), "bob", None)
    assert (await api("GET", APP, "bob")).status == 404


@pytest.mark.parametrize(
    "header",
    ["X-WEBAUTH-USER", "X-Remote-User", "Remote-User", "X-Forwarded-User", "X-User", "Cookie"],
)
async def test_a_header_that_names_somebody_makes_nobody_of_him(api: Api, header: str) -> None:
    assert (await api("GET", "/2.0/user", headers={header: "alice"})).status == 401
    assert (await api("GET", APP, headers={header: "alice"})).status == 404


async def test_a_token_in_the_address_is_not_read(api: Api) -> None:
    query = f"access_token={api.world.tokens['alice']}"
    assert (await api("GET", f"/2.0/user?{query}")).status == 401


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
async def test_no_header_makes_another_method_of_a_get(api: Api, header: str) -> None:
    answer = await api(
        "GET", f"{APP}/issues?_method=POST", "bob", headers={header: "POST"}, json={"title": "t"}
    )
    assert answer.status == 200
    assert answer.body["size"] == 0


async def test_a_missing_scope_is_told_with_what_there_is_and_what_it_takes(api: Api) -> None:
    answer = await api("POST", f"{APP}/issues", "reader", json={"title": "t"})
    assert answer.status == 403
    assert answer.body == {
        "type": "error",
        "error": {
            "message": "Your credentials lack one or more required privilege scopes.",
            "detail": {
                "granted": ["account", "issue", "repository"],
                "required": ["issue:write"],
            },
        },
    }


async def test_each_scope_opens_its_own_reads_and_writing_includes_reading(api: Api) -> None:
    verdicts = {
        "issue": {"/2.0/user": 403, APP: 403, f"{APP}/issues": 200},
        "issue:write": {"/2.0/user": 403, APP: 403, f"{APP}/issues": 200},
        "repository": {"/2.0/user": 403, APP: 200, f"{APP}/issues": 403},
        "account": {"/2.0/user": 200, APP: 403, f"{APP}/issues": 403},
    }
    for scope, expected in verdicts.items():
        token = await tokens.create(api.db, "alice", scopes=[scope])
        for headers in ({"Authorization": f"Bearer {token}"}, basic("alice", token)):
            for path, status in expected.items():
                assert (await api("GET", path, headers=headers)).status == status


async def test_guessing_is_slowed_down_and_harms_nobody_else(api: Api) -> None:
    statuses = [
        (await api("GET", "/2.0/user", headers=basic("alice", f"guess{n}"))).status
        for n in range(12)
    ]
    assert statuses == [401] * 10 + [429] * 2
    answer = await api(
        "GET",
        "/2.0/user",
        headers={**basic("alice", "guess"), "X-Forwarded-For": "10.9.8.7"},
    )
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 61
    assert answer.body["type"] == "error"
    assert (await api("GET", "/2.0/user", headers=basic("bob", "guess"))).status == 401
    right = basic("alice", api.world.tokens["alice"])
    assert (await api("GET", "/2.0/user", headers=right)).status == 200


async def test_guessing_under_ever_new_names_is_slowed_down_too(api: Api) -> None:
    statuses = [
        (await api("GET", "/2.0/user", headers=basic(f"name{n}", "guess"))).status
        for n in range(102)
    ]
    assert statuses == [401] * 100 + [429] * 2
    assert (await api("GET", "/2.0/user", "alice")).status == 200


async def test_a_token_is_nowhere_in_the_data_directory(api: Api, settings: Settings) -> None:
    secret = await tokens.create(api.db, "bob")
    await api("GET", "/2.0/user", headers={"Authorization": f"Bearer {secret}"})
    for path in settings.data_dir.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes()
