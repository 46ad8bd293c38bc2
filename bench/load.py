"""Requests as they go over the wire, and a client that sends them at a given rate."""

import asyncio
import socket
import time
from collections import deque
from collections.abc import Callable
from http.client import HTTPResponse
from typing import cast

from bench.closed_loop import Figures

_LENGTH = b"Content-Length: "
_SETTLE = 2.0


def request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """A request as it goes over the wire."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\n"
        f"Accept: application/json\r\nAuthorization: Bearer {token}\r\n"
    )
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + body


class _Connection(asyncio.Protocol):
    """Sends requests; answered is called with each answer's status, body and seconds, in order."""

    def __init__(self, answered: Callable[[bytes, bytes, float], None]) -> None:
        self._answered = answered
        self._transport: asyncio.Transport
        self._pending = b""
        self._sent: deque[float] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self, message: bytes) -> None:
        """Send a request, whether the one before has been answered or not."""
        self._sent.append(time.perf_counter())
        self._transport.write(message)

    def data_received(self, data: bytes) -> None:
        self._pending = data = self._pending + data if self._pending else data
        while (head := data.find(b"\r\n\r\n")) >= 0:
            at = data.index(_LENGTH, 0, head) + len(_LENGTH)
            end = head + 4 + int(data[at : data.index(b"\r", at)])
            if len(data) < end:
                break
            answer, self._pending = data[:end], data[end:]
            data = self._pending
            seconds = time.perf_counter() - self._sent.popleft()
            self._answered(answer[:12], answer[head + 4 :], seconds)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


async def _connect(port: int, answered: Callable[[bytes, bytes, float], None]) -> _Connection:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: _Connection(answered), "127.0.0.1", port)
    return connection


def body(port: int, message: bytes) -> bytes:
    """The body of one answer. Raises ValueError for an answer that is no success."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(message)
        answer = HTTPResponse(connection)
        answer.begin()
        found = answer.read()
        if answer.status // 100 != 2:
            raise ValueError(f"{answer.status}: {found[:200].decode()}")
        return found


async def open_loop(port: int, message: bytes, *, rate: int, seconds: float) -> Figures:
    """rate requests a second over one connection for so many seconds, come what may.

    A request goes out at its time though earlier ones are not answered, as HTTP allows, so that a
    pause of the server counts for every request that falls into it. An answer's time begins
    when its request is written: that the sender's own clock ticks in milliseconds doesn't count.
    """
    taken: list[float] = []
    connection = await _connect(port, lambda status, body, seconds: taken.append(seconds))
    start = time.perf_counter()
    sent = 0
    while (elapsed := time.perf_counter() - start) < seconds:
        while sent < elapsed * rate:
            connection.send(message)
            sent += 1
        await asyncio.sleep(max(0.0, sent / rate - elapsed))
    async with asyncio.timeout(_SETTLE):
        while len(taken) < sent:
            await asyncio.sleep(0.01)
    connection.close()
    return _figures(taken, time.perf_counter() - start)


def _figures(taken: list[float], elapsed: float) -> Figures:
    ordered = sorted(taken)
    p50, p99 = (1000 * ordered[len(ordered) * part // 100] for part in (50, 99))
    return Figures(len(taken) / elapsed, p50, p99)
