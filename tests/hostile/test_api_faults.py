"""What goes wrong inside: whatever breaks, no answer tells what Pail is made of."""

import asyncio
import io
import logging
import re
from typing import Any

import pytest
from aiohttp import web

from service.app import build_app
from service.http import keys
from service.http.connections import AccessLogger
from tests.conformance.places import places
from tests.conftest import Answer, Api, Server, Start
from tests.hostile.routes import API, ROUTES, is_refused, send
from tracker.settings import Settings

TABLES = (
    "token",
    "account",
    "workspace",
    "repository",
    "member",
    "issue",
    "comment",
    "log",
    "category",
    "attachment",
    "vote",
    "alias",
    "job",
    "tracker",
)

INSIDE = re.compile(
    r"sqlite|no such|traceback|SELECT |INSERT |UPDATE |\.py\b|site-packages|aiohttp/|Python/"
    r"|File \"|line [0-9]+|Error\(|OperationalError|0x[0-9a-f]{6,}",
    re.IGNORECASE,
)
"""What only the log may say."""


def tells(answer: Answer, settings: Settings) -> bool:
    """Whether an answer says something of what is inside, or of the machine."""
    said = f"{answer.body} {dict(answer.headers)}"
    return bool(
        INSIDE.search(said)
        or str(settings.data_dir) in said
        or answer.headers.get("Server") != "Pail"
    )


@pytest.mark.parametrize("table", TABLES)
async def test_a_database_that_lacks_something_is_an_internal_error_and_no_more(
    api: Api, settings: Settings, table: str
) -> None:
    there = await places(api, "alice/app")
    api.watch.may_break = True
    await api.app[keys.CONTENTS].close()  # nothing is being kept while the table is away
    await api.db.run(f"ALTER TABLE {table} RENAME TO lost")
    wrong, broken = [], 0
    # Whatever still works shall not take away what the next one needs.
    for route in (route for route in ROUTES if route.method != "DELETE"):
        for who in ("alice", "charlie"):
            answer = await send(api, route, route.at(there), who, **route.body())
            broken += answer.status == 500
            is_quiet = answer.status < 500 or is_refused(answer, 500) or "/readyz" in route.path
            if not is_quiet or (tells(answer, settings) and answer.status != 200):
                wrong.append(f"{route} {who}: {answer}")
    assert wrong == []
    assert broken > 0
    await api.db.run(f"ALTER TABLE lost RENAME TO {table}")
    assert (await api("GET", "/2.0/repositories/alice/app/issues", "alice")).status == 200


async def test_without_a_renderer_texts_are_shown_plain(
    api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = await places(api, "alice/app")
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    await api.db.run("UPDATE issue SET content_raw = '*x*', content_html = NULL")
    await api.db.run("UPDATE comment SET content_raw = '*x*', content_html = NULL")
    for route in API:
        if route.method == "GET":
            answer = await send(api, route, route.at(there), "alice")
            assert answer.status < 500, (str(route), answer)
            assert answer.status == 200 or not tells(answer, settings), (str(route), answer)
    made = await api.post(
        "/2.0/repositories/alice/app/issues", "bob", {"title": "t", "content": "*x*"}
    )
    assert made["content"]["html"] == "<p>*x*</p>"


async def test_a_handler_of_every_route_that_fails_says_nothing(
    start: Start, settings: Settings
) -> None:
    secret = f"{settings.data_dir}: SELECT * FROM token, sqlite3.OperationalError"

    async def fail(request: web.Request) -> None:
        raise RuntimeError(secret)

    def change(app: web.Application) -> None:
        @web.middleware
        async def middleware(request: web.Request, handler: Any) -> web.StreamResponse:
            if "X-Fail" in request.headers:
                await fail(request)
            response: web.StreamResponse = await handler(request)
            return response

        app.middlewares.append(middleware)

    api = await start(settings, change)
    api.watch.may_break = True
    there = await places(api, "alice/app")
    seen = set()
    for route in ROUTES:
        headers = {"X-Fail": "yes"}
        answer = await send(api, route, route.at(there), "alice", headers=headers, **route.body())
        assert is_refused(answer, 500), (str(route), answer)
        assert not tells(answer, settings), (str(route), answer)
        assert answer.body["error"]["message"] == "Internal error"
        seen.add(answer.body["error"]["id"])
    assert len(seen) == len(ROUTES)
    assert (await api("GET", "/healthz")).status == 200


async def test_no_request_writes_two_lines_into_the_log(
    api: Api,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = io.StringIO()
    there = await places(api, "alice/app")
    server = Server(build_app(settings))
    await server.start_server(
        access_log_class=AccessLogger, access_log=logging.getLogger("pail.test")
    )
    monkeypatch.setattr("sys.stderr", log)
    count = 0
    try:
        for route in ROUTES:
            for name in route.names:
                for text in ("%0d%0aFAKE", "%1b%5b31mFAKE", "%e2%80%a8FAKE", "%c2%85FAKE", "%00"):
                    target = route.at(there, "q=%0aFAKE&x=%1b", **{name: text}).raw_path_qs
                    await _get(server, target, f"FAKE\x1b[31m\t{text}" + "A" * 6000)
                    count += 1
    finally:
        await server.close()
    lines = log.getvalue().split("\n")
    assert len(lines) == count + 1
    assert all(re.match(r"\d{4}-\d\d-\d\d .* INFO ", line) for line in lines[:-1])
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert "\x1b" not in caplog.text


async def _get(server: Server, target: str, agent: str) -> None:
    """Send a GET whose User-Agent is that."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    writer.write(f"{head}User-Agent: {agent}\r\n\r\n".encode())
    await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
