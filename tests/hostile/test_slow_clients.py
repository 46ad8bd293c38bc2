"""Clients that keep a connection waiting: cut off in time, with an answer where one can be sent."""

import asyncio
import gzip
import io
import json
import logging
import os
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvloop
from aiohttp import FormData, web

from service.app import build_app
from service.http.connections import Runner
from service.http.timeouts import TIMEOUTS
from tests.conftest import APP, OPEN, Api, Start
from tests.jobs.working import begin_export, files, finished_export, select, working
from tests.test_sending import unread
from tracker.settings import Settings

SHORT, LONG = 0.3, 60.0


@pytest.fixture
def patient(api: Api) -> Api:
    """Pail, which has an issue and waits for everything for long."""
    timeouts = api.app[TIMEOUTS]
    timeouts.headers = timeouts.body = timeouts.reader = LONG
    return api


@dataclass(frozen=True)
class Client:
    """A connection, byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Send some bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        """The next answer: its status, its headers, its JSON."""
        async with asyncio.timeout(20):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, json.loads(body)

    async def end(self) -> bytes:
        """What comes until the other side closes the connection."""
        async with asyncio.timeout(20):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""


@asynccontextmanager
async def connected(api: Api) -> AsyncIterator[Client]:
    """A new connection."""
    client = Client(*await asyncio.open_connection(api.client.host, api.client.port))
    try:
        yield client
    finally:
        client.writer.close()


def is_cut_off(answer: tuple[int, dict[str, str], Any], api: str = "2.0") -> bool:
    """Whether that is the answer to a client that was too slow."""
    status, headers, body = answer
    return (
        status == 408
        and headers["connection"] == "close"
        and headers["content-type"] == "application/json; charset=utf-8"
        and headers["x-content-type-options"] == "nosniff"
        and isinstance(body["error"]["message"], str)
        and ("type" in body) is (api == "2.0")
    )


# Headers


GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def test_a_connection_that_says_nothing_is_closed(patient: Api) -> None:
    patient.app[TIMEOUTS].headers = SHORT
    async with connected(patient) as client:
        assert await client.end() == b""


@pytest.mark.parametrize("begun", [b"G", GET[:-2], GET[:20]])
async def test_headers_that_do_not_end_are_answered_and_the_connection_is_closed(
    patient: Api, begun: bytes
) -> None:
    patient.app[TIMEOUTS].headers = SHORT
    async with connected(patient) as client:
        await client.send(begun)
        assert is_cut_off(await client.answer())
        assert await client.end() == b""


async def test_headers_that_come_drop_by_drop_do_not_get_more_time(patient: Api) -> None:
    patient.app[TIMEOUTS].headers = SHORT
    async with connected(patient) as client:

        async def drip() -> None:
            await client.send(GET[:-2])
            while True:
                await client.send(b"X: y\r\n")
                await asyncio.sleep(SHORT / 10)

        dripping = asyncio.create_task(drip())
        try:
            assert is_cut_off(await client.answer())
        finally:
            dripping.cancel()


async def test_a_later_request_has_its_time_from_its_first_byte_on(patient: Api) -> None:
    """A connection may be idle for longer than that between two requests."""
    patient.app[TIMEOUTS].headers = SHORT
    async with connected(patient) as idle:
        for _ in range(2):
            await idle.send(GET)
            assert (await idle.answer())[0] == 200
            async with connected(patient) as silent:
                assert await silent.end() == b""  # so long has the other one been idle
        await idle.send(GET[:10])
        assert is_cut_off(await idle.answer())
        assert await idle.end() == b""


async def test_headers_in_pieces_are_whole_in_time(patient: Api) -> None:
    async with connected(patient) as client:
        for _ in range(3):
            for byte in GET:
                await client.send(bytes([byte]))
            assert (await client.answer())[0] == 200


async def test_an_answer_that_takes_its_time_is_no_fault_of_the_client(patient: Api) -> None:
    patient.app[TIMEOUTS].headers = SHORT
    body = b'{"title": "t"}'
    async with connected(patient) as client:
        async with patient.db.transaction():  # nobody else writes
            await client.send(_post(patient, ISSUES, "application/json", len(body)) + body)
            async with connected(patient) as silent:
                assert await silent.end() == b""
        assert (await client.answer())[0] == 201


def test_the_loop_of_the_real_process_cuts_off_as_well(settings: Settings) -> None:
    """It hands out bytes earlier than asyncio's own: before aiohttp waits for a request."""

    async def serve() -> None:
        app = build_app(settings)
        app[TIMEOUTS].headers = SHORT
        runner = Runner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            port = runner.addresses[0][1]
            for before in (b"", GET, GET * 3):
                client = Client(*await asyncio.open_connection("127.0.0.1", port))
                await client.send(before)
                for _ in range(before.count(b"GET")):
                    assert (await client.answer())[0] == 200
                await client.send(GET[:20])
                assert is_cut_off(await client.answer())
                assert await client.end() == b""
                client.writer.close()
            client = Client(*await asyncio.open_connection("127.0.0.1", port))
            assert await client.end() == b""
            client.writer.close()
        finally:
            await runner.cleanup()

    uvloop.run(serve())


async def test_headers_that_begin_during_an_answer_are_cut_off_behind_it(patient: Api) -> None:
    patient.app[TIMEOUTS].headers = SHORT
    body = b'{"title": "t"}'
    async with connected(patient) as client:
        async with patient.db.transaction():  # nobody else writes
            await client.send(_post(patient, ISSUES, "application/json", len(body)) + body)
            async with connected(patient) as silent:
                assert await silent.end() == b""
            await client.send(GET[:20])
            async with connected(patient) as silent:
                assert await silent.end() == b""
        assert (await client.answer())[0] == 201
        assert is_cut_off(await client.answer())


# Bodies

ISSUES = f"{OPEN}/issues"
OLD = ISSUES.replace("/2.0", "/1.0")
PART = b'--b\r\nContent-Disposition: form-data; name="archive"; filename="half.zip"\r\n\r\nbytes'
MULTIPART = "multipart/form-data; boundary=b"

BEGUN = [
    pytest.param(ISSUES, "application/json", b'{"title":', id="JSON"),
    pytest.param(ISSUES, "application/json", b"", id="nothing"),
    pytest.param(ISSUES, "application/x-www-form-urlencoded", b"title=x", id="form"),
    pytest.param(ISSUES, MULTIPART, PART, id="multipart form"),
    pytest.param(OLD, "application/x-www-form-urlencoded", b"title=x", id="form of 1.0"),
    pytest.param(f"{ISSUES}/1/attachments", MULTIPART, PART, id="attachment"),
    pytest.param(f"{ISSUES}/1/attachments", MULTIPART, PART[:20], id="headers of a part"),
    pytest.param(f"{ISSUES}/1/attachments", MULTIPART, b"", id="no part"),
    pytest.param(f"{ISSUES}/import", MULTIPART, PART, id="archive"),
    pytest.param(f"{ISSUES}/import", MULTIPART, PART + b"\r\n--b\r\nX: ", id="behind the archive"),
]


def _post(api: Api, path: str, kind: str, length: int | None, *more: str) -> bytes:
    """The headers of a POST by alice; length None is a body in chunks."""
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {api.world.tokens['alice']}",
        f"Content-Type: {kind}",
        size,
        *more,
    )
    return "\r\n".join((*lines, "", "")).encode()


def _nothing_is_left(settings: Settings) -> None:
    assert files(settings.spool_dir, settings.blobs_dir) == set()
    assert select(settings.database, "SELECT count(*) FROM job") == [(0,)]
    assert select(settings.database, "SELECT count(*) FROM issue") == [(1,)]


@pytest.fixture
async def issue(patient: Api) -> None:
    """There is an issue."""
    await patient.post(ISSUES, "alice", {"title": "first"})


@pytest.mark.usefixtures("issue")
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize(("path", "kind", "begun"), BEGUN)
async def test_a_body_that_stops_coming_is_answered_and_leaves_nothing(
    patient: Api, settings: Settings, path: str, kind: str, begun: bytes, chunked: bool
) -> None:
    patient.app[TIMEOUTS].body = SHORT
    async with connected(patient) as client:
        await client.send(_post(patient, path, kind, None if chunked else 1000))
        if chunked and begun:
            begun = b"%x\r\n%b\r\n" % (len(begun), begun)
        await client.send(begun)
        assert is_cut_off(await client.answer(), path[1:4])
        assert await client.end() == b""
    _nothing_is_left(settings)


@pytest.mark.usefixtures("issue")
async def test_a_compressed_body_that_stops_coming_is_answered(
    patient: Api, settings: Settings
) -> None:
    patient.app[TIMEOUTS].body = SHORT
    async with connected(patient) as client:
        head = _post(patient, ISSUES, "application/json", 1000, "Content-Encoding: gzip")
        await client.send(head + gzip.compress(b'{"title": "t"}')[:-9])
        assert is_cut_off(await client.answer())
    _nothing_is_left(settings)


async def test_bytes_that_come_too_late_do_no_harm(
    start: Start, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    late, given_up = asyncio.Event(), asyncio.Event()

    async def read(request: web.Request) -> web.Response:
        try:
            await request.read()
        finally:
            given_up.set()
            await late.wait()
        return web.Response()

    api = await start(settings, lambda app: app.router.add_get("/slow", read) and None)
    api.app[TIMEOUTS].body = SHORT
    async with connected(api) as client, connected(api) as other, asyncio.timeout(20):
        await client.send(b"GET /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n1")
        await given_up.wait()
        await client.send(b"2345")
        await other.send(GET)
        await other.answer()  # the bytes that were sent before are there by now
        late.set()
        assert is_cut_off(await client.answer())
        assert await client.end() == b""
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def _slowly(data: bytes, pieces: int, pause: float) -> AsyncIterator[bytes]:
    size = -(-len(data) // pieces)
    for start in range(0, len(data), size):
        yield data[start : start + size]
        await asyncio.sleep(pause)


@pytest.mark.usefixtures("issue")
async def test_a_slow_body_that_goes_on_coming_is_taken(patient: Api) -> None:
    patient.app[TIMEOUTS].body = 1.0
    head = b'--b\r\nContent-Disposition: form-data; filename="f"\r\n\r\n'
    data = head + b"x" * 100_000 + b"\r\n--b--\r\n"
    answer = await patient(
        "POST",
        f"{ISSUES}/1/attachments",
        "alice",
        data=_slowly(data, 20, 0.1),
        headers={"Content-Type": MULTIPART},
    )
    assert answer.status == 201


@pytest.mark.usefixtures("issue")
async def test_a_body_that_nobody_reads_yet_may_wait(patient: Api) -> None:
    """The handler reads while others write; the time runs only where it waits for the client."""
    patient.app[TIMEOUTS].body = SHORT
    body = b'{"title": "second"}'
    async with connected(patient) as client:
        async with patient.db.transaction():
            await client.send(_post(patient, ISSUES, "application/json", len(body)) + body)
            async with connected(patient) as slow:
                await slow.send(_post(patient, ISSUES, "application/json", 1000))
                assert is_cut_off(await slow.answer())
        assert (await client.answer())[0] == 201


# Readers


@pytest.fixture
async def addresses(patient: Api, settings: Settings) -> dict[str, str]:
    """Where an attachment of 2 MB is, and an export with it, in both APIs."""
    await patient.post(f"{APP}/issues", "alice", {"title": "t"})
    path = f"{APP}/issues/1/attachments"
    form = FormData()
    form.add_field("files", io.BytesIO(os.urandom(2 << 20)), filename="large")
    assert (await patient("POST", path, "alice", data=form)).status == 201
    answer = await patient("GET", f"{path}/large", "alice")
    async with working(settings):
        export = await begin_export(patient)
        assert (await finished_export(patient, export)).status == 200
    return {
        "attachment": answer.headers["Location"].removeprefix(patient.url),
        "export": export,
        "export of 1.0": f"{APP}/issues/export/zip".replace("/2.0", "/1.0"),
    }


def _lines(caplog: pytest.LogCaptureFixture, path: str) -> list[logging.LogRecord]:
    return [record for record in caplog.records if path.partition("?")[0] in record.getMessage()]


async def _one_line(caplog: pytest.LogCaptureFixture, path: str) -> None:
    """Wait until the log tells of a request: in one line, without an error."""
    async with asyncio.timeout(20):
        while not (lines := _lines(caplog, path)):
            await asyncio.sleep(0.01)
    [line] = lines
    assert (line.levelname, line.exc_info) == ("INFO", None)
    assert re.search(r"\b499\b", line.getMessage())
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def _open_files() -> Iterable[str]:
    for entry in Path("/proc/self/fd").iterdir():
        try:
            yield os.readlink(entry)
        except FileNotFoundError:
            continue


@pytest.mark.parametrize("what", ["attachment", "export", "export of 1.0"])
@pytest.mark.parametrize("leaves", [False, True], ids=["reads nothing", "goes away"])
async def test_whoever_does_not_read_a_download_is_cut_off(
    patient: Api,
    settings: Settings,
    addresses: dict[str, str],
    caplog: pytest.LogCaptureFixture,
    what: str,
    leaves: bool,
) -> None:
    caplog.set_level(logging.INFO)
    caplog.clear()
    patient.app[TIMEOUTS].reader = LONG if leaves else SHORT
    path, token = addresses[what], patient.world.tokens["alice"]
    head = f"HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}"
    async with unread(patient, path, head) as client:
        async with asyncio.timeout(20):
            assert await asyncio.get_running_loop().sock_recv(client, 10) == b"HTTP/1.1 2"
        if leaves:
            client.close()
        await _one_line(caplog, path)
    folders = (str(settings.blobs_dir), str(settings.exports_dir))
    assert not [name for name in _open_files() if name.startswith(folders)]


@pytest.mark.parametrize("what", ["attachment", "export", "export of 1.0"])
async def test_whoever_reads_a_download_slowly_gets_it_whole(
    patient: Api, addresses: dict[str, str], what: str
) -> None:
    patient.app[TIMEOUTS].reader = 2.0
    async with patient.client.get(
        addresses[what], headers=patient.world.headers("alice")
    ) as response:
        size = 0
        async for chunk in response.content.iter_chunked(1 << 17):
            size += len(chunk)
            await asyncio.sleep(0.02)
        assert size == response.content_length
