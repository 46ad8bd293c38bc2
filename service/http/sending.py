"""Long answers: sent in pieces, only as fast as the client reads them.

What is written and not read yet is in memory. So a client gets one piece ahead, a client that reads
nothing for a while is cut off, and all long answers together have a limit.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from service.http.timeouts import TIMEOUTS
from tracker.errors import Unavailable

LONG = 1 << 18
"""Bytes; a longer answer is sent in pieces."""

MOST = 1 << 28
"""Bytes that long answers may hold together."""

_PIECE = 1 << 16
_BUFFER = 1 << 17
"""Bytes of the socket's send buffer. The system's own default is some MB, and it reports progress
only after a third of them is read."""


class Outgoing:
    """How many bytes are held by long answers that are being sent."""

    def __init__(self) -> None:
        self.held = 0


OUTGOING = web.AppKey("outgoing", Outgoing)


class LongResponse(web.Response):
    """An answer whose body is long."""

    def __init__(self, request: web.Request, *, body: bytes, **arguments: Any) -> None:
        """Raises Unavailable for a GET while the others hold too much: it can be asked again."""
        super().__init__(body=body, **arguments)
        self._asked = request
        self._outgoing = request.app[OUTGOING]
        held = self._outgoing.held
        if held and held + len(body) > MOST and request.method == "GET":
            raise Unavailable("Too many long answers are being read: try again in a moment.")

    async def write_eof(self, data: bytes = b"") -> None:
        """Send the body, once. Raises ConnectionError when the client does not read it."""
        body, self.body = self.body, None
        if isinstance(body, bytes) and self._asked.method != "HEAD":
            self._outgoing.held += len(body)
            try:
                await write(self._asked, self, body)
            finally:
                self._outgoing.held -= len(body)
        await super().write_eof(data)


async def write(request: web.Request, response: web.StreamResponse, text: bytes) -> None:
    """Write some of an answer that was prepared, in pieces.

    Raises ConnectionError when the client reads nothing; the connection is cut off then.
    """
    connection = request.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    whole = memoryview(text)
    for start in range(0, len(text), _PIECE):
        async with reader_timeout(request):
            await response.write(whole[start : start + _PIECE])


@asynccontextmanager
async def reader_timeout(request: web.Request) -> AsyncIterator[None]:
    """Cut the client off and raise ConnectionError when it does not read what is sent in here.

    Its timeout for a piece is Timeouts.reader.
    """
    seconds = request.app[TIMEOUTS].reader
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionError(f"too little was read for {seconds:g} seconds.") from error
