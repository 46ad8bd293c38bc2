"""Long answers: whole for whoever reads them, and no burden when nobody does."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from service.http import sending
from service.http.sending import OUTGOING
from service.http.timeouts import TIMEOUTS
from tests.conftest import OPEN, Api

ISSUES = f"{OPEN}/issues"
OLD = ISSUES.replace("/2.0", "/1.0")
TEXT = "x" * 800_000
CONTENT = {"raw": TEXT, "markup": "plaintext"}
PLAIN = {"Accept-Encoding": "identity"}


@pytest.fixture
async def long(api: Api) -> Api:
    """Issues with long texts in alice/open."""
    for _ in range(6):
        await api.post(ISSUES, "alice", {"title": "Long", "content": CONTENT})
    return api


@asynccontextmanager
async def unread(
    api: Api, path: str, head: str = "HTTP/1.1\r\nHost: localhost"
) -> AsyncIterator[socket.socket]:
    """A connection on which that was asked, and of which nothing is read by itself."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((api.client.host, api.client.port))
        client.setblocking(False)
        client.sendall(f"GET {path} {head}\r\n\r\n".encode())
        yield client


async def _everything(client: socket.socket) -> bytes:
    """What comes until the other side closes."""
    found, loop = bytearray(), asyncio.get_running_loop()
    async with asyncio.timeout(20):
        while chunk := await loop.sock_recv(client, 1 << 16):
            found += chunk
    return bytes(found)


async def _until(api: Api, held: bool) -> None:
    """Wait until something is being sent, or nothing any more."""
    async with asyncio.timeout(20):
        while bool(api.app[OUTGOING].held) is not held:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("path", [f"{OLD}?limit=50", f"{ISSUES}?pagelen=50", f"{ISSUES}/1"])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
async def test_a_long_answer_is_whole_and_the_connection_goes_on(
    long: Api, path: str, coding: str
) -> None:
    for _ in range(2):
        answer = await long("GET", path, headers={"Accept-Encoding": coding})
        assert answer.status == 200
        assert json.dumps(answer.body, ensure_ascii=False).count(TEXT) >= 1
        assert (await long("HEAD", path)).body == ""
    assert long.app[OUTGOING].held == 0


@pytest.mark.parametrize("path", [f"{OLD}?limit=50", f"{ISSUES}?pagelen=50"])
async def test_whoever_reads_nothing_is_cut_off(long: Api, path: str) -> None:
    long.app[TIMEOUTS].reader = 0.2
    async with unread(long, path) as client:
        await _until(long, held=True)
        await _until(long, held=False)
        head, _, body = (await _everything(client)).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}\r\n".encode() not in head
    assert body


async def test_whoever_reads_slowly_is_not_cut_off(long: Api) -> None:
    long.app[TIMEOUTS].reader = 1
    loop, found = asyncio.get_running_loop(), 0
    async with unread(long, f"{OLD}?limit=1") as client, asyncio.timeout(40):
        while found < len(TEXT.encode()):
            found += len(await loop.sock_recv(client, 1 << 14))
            await asyncio.sleep(0.02)


async def test_all_long_answers_together_have_a_limit(
    long: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MOST", 1)
    async with unread(long, f"{OLD}?limit=50"):
        await _until(long, held=True)
        for path in (f"{OLD}?limit=50", f"{ISSUES}?pagelen=50", f"{ISSUES}/1"):
            answer = await long("GET", path, headers=PLAIN)
            assert (answer.status, answer.headers.get("Retry-After")) == (503, "5")
        assert (await long("GET", f"{OLD}?limit=0")).status == 200
        sent = {"content": CONTENT, "title": "t"}
        answer = await long("POST", ISSUES, "alice", json=sent, headers=PLAIN)
        assert answer.status == 201
    await _until(long, held=False)
    assert (await long("GET", f"{OLD}?limit=50")).status == 200


@pytest.mark.parametrize("keep", ["", "\r\nConnection: keep-alive"])
async def test_an_array_ends_for_clients_of_http_1_0_as_well(long: Api, keep: str) -> None:
    for _ in range(3):
        await long.post(f"{ISSUES}/1/comments", "alice", {"content": CONTENT})
    head = f"HTTP/1.0\r\nHost: localhost{keep}"
    async with unread(long, f"{OLD}/1/comments", head) as client:
        text = await _everything(client)
    comments = json.loads(text.partition(b"\r\n\r\n")[2])
    assert [comment["content"] for comment in comments] == [TEXT] * 3
