"""Paths, verbs and hosts that nobody should send: every route refuses them and does nothing."""

import asyncio
import re
from dataclasses import replace
from urllib.parse import quote, unquote

import pytest

from tests.conformance.places import places
from tests.conftest import Answer, Api, Start
from tests.hostile.routes import (
    API,
    ROUTES,
    UNSAFE,
    Places,
    Route,
    dump,
    is_refused,
    send,
)
from tests.hostile.test_queries import INJECTIONS
from tests.test_error_shape import is_error
from tests.test_routes import GARBAGE_IDS
from tracker.settings import Settings

NUMBERS = ("issue_id", "comment_id", "change_id", "category_id")

TRICKS = (
    "{}%2fx",
    "..%2f{}",
    "{}%2f..%2f{}",
    "%2e%2e",
    "..%2f..%2fschema.sql",
    "..%5c{}",
    "{}%5c",
    "%00",
    "{}%00",
    "%00{}",
    "%20{}",
    "{}%20",
    "{}%09",
    "{};",
    "{};x=1",
    "{}.",
    "{}%23",
    "{}%3fx",
    "{}%0d%0aX:%20y",
    "{}.git",
    "{}.zip",
    "{},{}",
    "%7B%7D",
    "%7B{}%7D",
    "%25",
    "%252e%252e",
    "%",
    "%zz",
    "%ff",
    "%ED%A0%80",
    "%F4%90%80%80",
    "%E2%84%AA",
    "_",
    "*",
    "a" * 300,
    *(quote(text, safe="") for text in INJECTIONS),
)
"""What stands in a path for a name; {} is the name of something that is there."""

ANY_NAME = {
    (f"{method} /2.0/repositories/{{workspace}}/{{repo_slug}}", "repo_slug"): 400
    for method in ("POST", "PUT")
} | {
    (
        "GET /2.0/repositories/{workspace}/{repo_slug}/issues/export/"
        "{repo_name}-issues-{task_id}.zip",
        "repo_name",
    ): 202,
    ("GET /site/attachments/{sha256}/{name}", "name"): 403,
    ("GET /site/attachments/{sha256}/{name}", "sha256"): 404,
}
"""Where another name is not absent: it is that of a new repository, and refused if it is no slug;
it is not looked at; it is not what was signed."""

SLUG = re.compile(r"[a-z0-9_-][a-z0-9_.-]{0,61}")


@pytest.fixture
async def private(api: Api) -> Places:
    """One of everything in alice's private repository."""
    return await places(api, "alice/app")


@pytest.mark.parametrize("name", NUMBERS)
async def test_an_id_that_is_none_leads_nowhere(
    api: Api, settings: Settings, private: Places, name: str
) -> None:
    before = dump(settings.database)
    wrong = []
    for route in API:
        for garbage in GARBAGE_IDS if name in route.names else ():
            url = route.at(private, **{name: garbage})
            answer = await send(api, route, url, "alice", **route.body())
            if not is_refused(answer, 404):
                wrong.append(f"{route} {garbage[:30]}: {answer}")
    assert wrong == []
    assert dump(settings.database) == before


def _tricks(route: Route, name: str, private: Places) -> list[str]:
    value = str({**private, "uuid": "x", "name": "pail.css", "sha256": "0" * 64}[name])
    tricks = [trick.replace("{}", quote(value, safe="")) for trick in TRICKS]
    if ANY_NAME.get((str(route), name)) == 400:
        tricks = [trick for trick in tricks if not SLUG.fullmatch(unquote(trick).lower())]
    return tricks


@pytest.mark.parametrize("name", sorted({name for route in ROUTES for name in route.names}))
async def test_a_trick_in_the_path_leads_nowhere(
    api: Api, settings: Settings, private: Places, name: str
) -> None:
    if name in NUMBERS:
        return
    before = dump(settings.database)
    wrong = []
    for route in ROUTES:
        for trick in _tricks(route, name, private) if name in route.names else ():
            url = route.at(private, "service=git-upload-pack", **{name: trick})
            answer = await send(api, route, url, "alice", **route.body())
            expected = {404, ANY_NAME.get((str(route), name), 404)}
            if answer.status not in expected or not (_is_job(answer) or is_error(answer)):
                wrong.append(f"{route} {name}={trick[:40]}: {answer}")
    assert wrong == []
    assert dump(settings.database) == before


def _is_job(answer: Answer) -> bool:
    """Whether that is how far an export is."""
    return answer.status == 202 and answer.body["type"] == "issue_job_status"


def _verbs(path: str) -> set[str]:
    """What can be done at a path."""
    verbs = {route.method for route in ROUTES if route.path == path}
    return verbs | {"HEAD"} if "GET" in verbs else verbs


async def test_a_verb_that_is_not_there_is_refused_with_those_that_are(
    api: Api, settings: Settings, private: Places
) -> None:
    before = dump(settings.database)
    wrong = []
    verbs = {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "MERGE", "MKCOL"}
    for route in {route.path: route for route in ROUTES}.values():
        allowed = _verbs(route.path)
        for verb in sorted(verbs - allowed):
            for who in ("alice", None):
                answer = await api(verb, route.at(private), who, **route.body())
                said = set(answer.headers.get("Allow", "").split(","))
                if not is_refused(answer, 405) or said != allowed:
                    wrong.append(f"{verb} {route.path} {who}: {answer}")
    assert wrong == []
    assert dump(settings.database) == before


async def test_head_says_what_get_says(api: Api, private: Places) -> None:
    wrong = []
    for route in ROUTES:
        if route.is_unsafe:
            continue
        for who in ("alice", "charlie"):
            got, head = [await api(method, route.at(private), who) for method in ("GET", "HEAD")]
            varying = {"Date", "Location", "Transfer-Encoding", "Content-Length"}
            one, other = [
                {name: value for name, value in each.headers.items() if name not in varying}
                for each in (got, head)
            ]
            if (got.status, one) != (head.status, other) or head.body:
                wrong.append(f"{route} {who}: {got} and {head}")
    assert wrong == []


OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-Method")


async def test_no_method_is_overridden(api: Api, settings: Settings, private: Places) -> None:
    before = dump(settings.database)
    wrong = []
    for route in ROUTES:
        headers = dict.fromkeys(OVERRIDES, "GET" if route.is_unsafe else "DELETE")
        query = "&".join(f"{name}={headers[OVERRIDES[0]]}" for name in ("_method", "method"))
        sent = {"headers": headers, "data": {"_method": headers[OVERRIDES[0]]}}
        if route.is_unsafe:
            # Anonymous requests may not write, whatever verb they claim.
            answer = await send(api, route, route.at(private, query), None, **sent)
            if not is_refused(answer, 401):
                wrong.append(f"{route}: {answer}")
            continue
        plain = await send(api, route, route.at(private), "alice")
        answer = await send(api, route, route.at(private, query), "alice", **sent)
        if answer.status != plain.status:
            wrong.append(f"{route}: {plain.status} became {answer.status}")
    assert wrong == []
    assert dump(settings.database) == before


HOSTS = (
    "evil.example",
    "evil.example:80",
    "localhost.evil.example",
    "localhost@evil.example",
    "evil.example@localhost",
    "evil.example\\@localhost",
    "evil.example:80@localhost",
    '"><script>@localhost',
    "[::1].evil.example",
    "evil.example[::1]",
    "localhost,evil.example",
    "localhost:80:80",
    "localhost:0",
    "localhost:65536",
    "localhost:",
    "",
)

FORWARDED = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Server": "evil.example",
    "X-Forwarded-Proto": "evil",
    "X-Forwarded-Prefix": "//evil.example",
    "X-Forwarded-Port": "666",
    "X-Host": "evil.example",
    "X-Original-Host": "evil.example",
    "Forwarded": 'host="evil.example";proto=evil',
    "Origin": "https://evil.example",
    "Referer": "https://evil.example/",
}


async def test_a_host_that_is_not_ours_is_refused_by_the_whole_api(
    api: Api, settings: Settings, private: Places
) -> None:
    before = dump(settings.database)
    wrong = []
    for route in API:
        for host in HOSTS:
            headers = {"Host": host}
            answer = await send(
                api, route, route.at(private), "alice", headers=headers, **route.body()
            )
            if not is_refused(answer, 400):
                wrong.append(f"{route} {host!r}: {answer}")
    assert wrong == []
    assert dump(settings.database) == before


def _links(text: str) -> list[str]:
    return re.findall(r"https?://[^\s\"'<>]+", text)


@pytest.mark.parametrize("public_url", [None, "https://issues.example.org/pail"])
async def test_links_lead_to_us_whatever_a_request_says(
    start: Start, settings: Settings, public_url: str | None
) -> None:
    api = await start(replace(settings, public_url=public_url))
    there = await places(api, "alice/app")
    wrong, links = [], 0
    for route in sorted(API, key=lambda route: (route.method == "DELETE", len(route.path) * -1)):
        headers = FORWARDED if public_url is None else {**FORWARDED, "Host": "evil.example"}
        answer = await send(api, route, route.at(there), "alice", headers=headers, **route.body())
        if route.path.endswith("/docs"):
            continue  # the page, which is the same for everybody
        said = f"{answer.body} {answer.headers.get('Location', '')}"
        found = _links(said)
        links += len(found)
        # No answer names another address: whose text it is has none here.
        if "evil" in said or not all(link.startswith(public_url or api.url) for link in found):
            wrong.append(f"{route}: {[link for link in found if not link.startswith(api.url)]}")
        if answer.status == 400 and public_url is not None and "host" in said:
            wrong.append(f"{route}: {answer}")
    assert wrong == []
    assert links > 100


async def test_an_address_with_a_host_in_it_makes_no_other_host(api: Api) -> None:
    for target in ("http://evil.example/2.0/repositories/alice/open", "/2.0/repositories"):
        reader, writer = await asyncio.open_connection(api.client.host, api.client.port)
        head = f"GET {target} HTTP/1.1\r\nHost: localhost:1\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        text = (await asyncio.wait_for(reader.read(), 10)).decode()
        writer.close()
        await writer.wait_closed()
        assert _links(text)
        assert all(link.startswith("http://localhost:1/") for link in _links(text))


def test_there_are_routes_that_write() -> None:
    assert {route.method for route in UNSAFE} == {"POST", "PUT", "DELETE"}
