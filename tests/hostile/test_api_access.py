"""Who may ask every route for what: scopes, forged identities, and what is not for them to see."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from service.api_v1.dialect import V1
from service.http.auth import NO_OAUTH_1
from tests.conformance.places import places
from tests.conftest import READ_SCOPES, Answer, Api
from tests.hostile.routes import (
    API,
    FILES,
    JSON,
    ROUTES,
    UNSAFE,
    Places,
    Route,
    dump,
    is_refused,
    of_repository,
    send,
)
from tests.rows import define
from tracker.access import accounts, repositories, tokens
from tracker.settings import Settings
from tracker.vocabulary import Scope

INCLUDES = {
    "account:write": "account",
    "repository:write": "repository",
    "issue:write": "issue",
}
"""What a scope gives beside itself."""


@pytest.fixture
async def private(api: Api) -> Places:
    """One of everything in alice's private repository."""
    return await places(api, "alice/app")


def as_basic(token: str) -> dict[str, str]:
    """A token as a password."""
    return {"Authorization": f"Basic {b64encode(f'alice:{token}'.encode()).decode()}"}


def as_bearer(token: str) -> dict[str, str]:
    """A token as itself."""
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("scopes", [*([scope] for scope in Scope), READ_SCOPES])
async def test_a_token_opens_nothing_that_it_was_not_made_for(
    api: Api, settings: Settings, private: Places, scopes: list[str]
) -> None:
    token = await tokens.create(api.db, "alice", scopes=scopes)
    everything = api.world.tokens["alice"]
    granted = {*scopes, *(INCLUDES[scope] for scope in scopes if scope in INCLUDES)}
    before = dump(settings.database)
    wrong = []
    for route in API:
        assert route.endpoint is not None
        needed = [str(scope) for scope in route.endpoint.scopes]
        if granted.issuperset(needed):
            continue
        detail = {"granted": sorted(scopes), "required": needed}
        for headers in (as_bearer(token), as_basic(token)):
            for query in ("", f"access_token={everything}"):
                url = route.at(private, query)
                answer = await send(api, route, url, None, headers=headers, **route.body())
                if not is_refused(answer, 403) or answer.body["error"]["detail"] != detail:
                    wrong.append(f"{route} ?{query[:5]}: {answer}")
        if dump(settings.database) != before:
            wrong.append(f"{route}: something was written")
            before = dump(settings.database)
    assert wrong == []


def test_every_route_that_writes_needs_more_than_reading() -> None:
    for route in UNSAFE:
        assert route.endpoint is not None
        assert set(route.endpoint.scopes) - set(READ_SCOPES), str(route)


FORGED = {
    "X-WEBAUTH-USER": "alice",
    "X-Remote-User": "alice",
    "Remote-User": "alice",
    "X-Forwarded-User": "alice",
    "X-Forwarded-Email": "alice@example.org",
    "X-Auth-Request-User": "alice",
    "X-Authenticated-User": "alice",
    "X-Real-IP": "127.0.0.1",
    "X-Forwarded-For": "127.0.0.1",
    "X-Original-URL": "/healthz",
    "X-Rewrite-URL": "/healthz",
}


def _told(answer: Answer) -> tuple[int, Any]:
    """Status and body, without the figures of caches, which move with each request."""
    body = answer.body
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name != "caches"}
    return answer.status, body


async def test_who_names_himself_in_a_header_is_nobody(
    api: Api, settings: Settings, private: Places
) -> None:
    token = api.world.tokens["alice"]
    cookies = {"Cookie": f"user=alice; session={token}; Authorization=Bearer {token}"}
    before = dump(settings.database)
    wrong = []
    for route in ROUTES:
        url = route.at(private)
        plain = await send(api, route, url, None, **route.body())
        for query in ("", f"access_token={token}&token={token}&user=alice&private_token={token}"):
            forged = await send(
                api,
                route,
                route.at(private, query),
                None,
                headers={**FORGED, **cookies},
                **route.body(),
            )
            if _told(forged) != _told(plain):
                wrong.append(f"{route}: {plain.status} became {forged.status}")
        if route.is_unsafe and plain.status != 401:
            wrong.append(f"{route}: {plain.status} for nobody")
    assert wrong == []
    assert dump(settings.database) == before


SIGNED = {
    "oauth_consumer_key": "key",
    "oauth_token": "alice",
    "oauth_signature_method": "HMAC-SHA1",
    "oauth_signature": "wOJIO9A2W5mFwDgiDvZbTSMK/PY=",
    "oauth_timestamp": "137131200",
    "oauth_nonce": "4572616e48616d6d65724c61686176",
    "oauth_version": "1.0",
}
"""What a request says that is signed in the manner of OAuth 1.0a."""


async def test_whoever_signs_with_oauth_1_is_told_that_it_is_not_served(
    api: Api, settings: Settings, private: Places
) -> None:
    said = ", ".join(f'{name}="{value}"' for name, value in SIGNED.items())
    before = dump(settings.database)
    wrong, count = [], 0
    for route in API:
        for scheme in ("OAuth", "oauth"):
            headers = {"Authorization": f'{scheme} realm="x", {said}'}
            answer = await send(
                api, route, route.at(private), None, headers=headers, **route.body()
            )
            count += 1
            if not is_refused(answer, 401) or answer.body["error"]["message"] != NO_OAUTH_1:
                wrong.append(f"{route}: {answer}")
    assert wrong == []
    assert dump(settings.database) == before
    assert count > 100
    # None of these was a guess at a password: a hundred guesses would be too many.
    assert (await api("GET", "/2.0/user", "wrong")).status == 401


@pytest.mark.parametrize("who", [None, "alice"])
async def test_the_old_api_takes_no_signature_in_the_query_either(
    api: Api, settings: Settings, private: Places, who: str | None
) -> None:
    before = dump(settings.database)
    wrong = []
    for route in API:
        if route.api == V1.prefixes[0]:
            url = route.at(private, urlencode(SIGNED))
            answer = await send(api, route, url, who, **route.body())
            # Anonymous requests may not write, whatever they send.
            is_told = who is not None or not route.is_unsafe
            if not is_refused(answer, 401) or (
                is_told and answer.body["error"]["message"] != NO_OAUTH_1
            ):
                wrong.append(f"{route}: {answer}")
    assert wrong == []
    assert dump(settings.database) == before


def _seen(answer: Any, absent: str, hidden: str) -> tuple[Any, ...]:
    """An answer without the name that the request sent."""
    headers = [(name, value) for name, value in answer.headers.items() if name != "Date"]
    return answer.status, str(answer.body).replace(absent, hidden), headers


@pytest.mark.parametrize("who", [None, "charlie"])
async def test_a_private_repository_is_answered_like_an_absent_one(
    api: Api, settings: Settings, private: Places, who: str | None
) -> None:
    former = await api("PUT", "/2.0/repositories/alice/app", "alice", json={"name": "was"})
    assert former.status == 200
    await api("PUT", "/2.0/repositories/alice/was", "alice", json={"name": "app"})
    before = dump(settings.database)
    wrong = []
    for route in of_repository(API):
        absent = await send(api, route, route.at({**private, "repo_slug": "nil"}), who)
        for slug in ("app", "was"):
            there = {**private, "repo_slug": slug}
            for body in ({}, route.body()):
                hidden = await send(api, route, route.at(there), who, **body)
                if _seen(absent, "nil", slug) != _seen(hidden, "", ""):
                    wrong.append(f"{route} {slug}: {absent} and {hidden}")
    assert wrong == []
    assert dump(settings.database) == before


async def test_a_private_workspace_is_answered_like_an_absent_one(
    api: Api, settings: Settings, private: Places
) -> None:
    before = dump(settings.database)
    wrong = []
    for route in API:
        if "workspace" not in route.names:
            continue
        for who in (None, "bob"):
            absent, hidden = [
                await send(
                    api,
                    route,
                    route.at({**private, "workspace": name, "repo_slug": "x"}),
                    who,
                    **route.body(),
                )
                for name in ("nowhere", "charlie")
            ]
            if _seen(absent, "nowhere", "charlie") != _seen(hidden, "", ""):
                wrong.append(f"{route} {who}: {absent} and {hidden}")
    assert wrong == []
    assert dump(settings.database) == before


async def test_whom_you_may_not_know_is_answered_like_nobody(api: Api, private: Places) -> None:
    charlie = await accounts.find(api.db, "charlie")
    unknown = ("{00000000-0000-4000-8000-000000000000}", "712020:00000000", "charlie@nowhere.org")
    known = (charlie["uuid"], charlie["account_id"], charlie["email"])
    wrong = []
    for route in API:
        for name in {"member", "email", "selected_user", "username"} & set(route.names):
            if "permissions-config" in route.path:
                continue  # administrators may name everybody by UUID and account_id
            for hidden, absent in zip(known, unknown, strict=True):
                one, other = [
                    await send(api, route, route.at({**private, name: value}), "bob")
                    for value in (hidden, absent)
                ]
                if _seen(other, absent, hidden) != _seen(one, "", "") or one.status != 404:
                    wrong.append(f"{route} {hidden}: {one} and {other}")
    assert wrong == []


async def _foreign(api: Api) -> Places:
    """What charlie's repository has: the numbers of alice's, and other definitions and comments."""
    theirs = {
        f"{kind}_id": (await define(api, "charlie/x", kind, "Theirs"))[0]
        for kind in ("component", "milestone", "version")
    }
    await api.post("/2.0/repositories/charlie/x/issues", "charlie", {"title": "theirs"})
    path = "/2.0/repositories/charlie/x/issues/1/comments"
    comment = await api.post(path, "charlie", {"content": {"raw": "theirs"}})
    return {**theirs, "comment_id": comment["id"]}


async def test_what_belongs_to_another_repository_or_issue_is_absent(
    api: Api, settings: Settings, private: Places
) -> None:
    foreign = await _foreign(api)
    before = dump(settings.database)
    charlies = {"workspace": "charlie", "repo_slug": "x"}
    inner = ("comment_id", "change_id", "category_id", "path", "task_id")
    wrong = []
    for route in of_repository(API):
        tried: list[tuple[str, Places, str]] = []
        if set(route.names) & set(inner):
            tried = [
                ("alice's in charlie's repository", {**private, **charlies}, "charlie"),
                ("charlie's in alice's repository", {**private, **foreign}, "alice"),
            ]
            if "issue_id" in route.names:
                tried += [("of another issue", {**private, "issue_id": 2}, "alice")]
        for what, there, who in tried:
            url = route.at(there)
            if url == route.at(private):
                continue
            answer = await send(api, route, url, who, **route.body())
            if not is_refused(answer, 404):
                wrong.append(f"{route} {what}: {answer}")
    assert wrong == []
    assert dump(settings.database) == before


def _form_or_json(route: Route) -> tuple[str, bytes]:
    """The type and the bytes of a right body."""
    if route in JSON:
        return "application/json", json.dumps(route.right).encode()
    assert route.endpoint is not None
    field = "files" if route.endpoint.files == "*" else route.endpoint.files
    head = f'--b\r\nContent-Disposition: form-data; name="{field}"; filename="x.txt"\r\n\r\nbytes'
    return "multipart/form-data; boundary=b", f"{head}\r\n--b--\r\n".encode()


async def _lose_access(api: Api) -> None:
    await repositories.set_member(api.db, await api.repository("alice/app"), "bob", None)


async def _lose_account(api: Api) -> None:
    await accounts.set_active(api.db, "bob", False)


async def _lose_token(api: Api) -> None:
    for row in await tokens.of_account(api.db, "bob"):
        await tokens.remove(api.db, "bob", row["id"])


@pytest.mark.parametrize("lose", [_lose_access, _lose_account, _lose_token])
@pytest.mark.parametrize("route", [*JSON, *FILES], ids=str)
async def test_who_loses_his_right_while_his_body_arrives_has_lost_it(
    api: Api,
    settings: Settings,
    private: Places,
    route: Route,
    lose: Callable[[Api], Awaitable[None]],
) -> None:
    await repositories.set_member(api.db, await api.repository("alice/app"), "bob", "admin")
    kind, body = _form_or_json(route)
    reader, writer = await asyncio.open_connection(api.client.host, api.client.port)
    head = (
        f"{route.method} {route.at(private).raw_path_qs} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {api.world.tokens['bob']}\r\nConnection: close\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body[:10])
    await asyncio.sleep(0.05)  # the right has been checked
    await lose(api)
    before = dump(settings.database)
    writer.write(body[10:])
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    assert answer.split()[1] in (b"401", b"403", b"404"), answer
    assert dump(settings.database) == before
