"""How long a client may keep the server waiting before its connection is cut off."""

import asyncio
from dataclasses import dataclass
from types import TracebackType

from aiohttp import web
from aiohttp.helpers import BaseTimerContext

from service.http import keys


@dataclass(slots=True)
class Timeouts:
    """Seconds, under app[keys.TIMEOUTS]; tests set shorter ones there at any time.

    headers is for all headers of a request, from its first byte or from the start of the
    connection; between requests a connection may be idle for aiohttp's keepalive_timeout. body is
    for the next byte of a body that is being read. reader is for a client to read some of a long
    answer or of a download.
    """

    headers: float = 15.0
    body: float = 30.0
    reader: float = 30.0


def limit_reads(request: web.Request) -> None:
    """Let a read of the request's body fail with 408 where no byte comes in time.

    The time runs only while somebody waits for the body: a handler that is busy, or has not asked
    for more yet, is no fault of the client. The connection is closed after the answer.
    """
    if request.body_exists:
        request.content._timer = _ReadTimer(request)


class _ReadTimer(BaseTimerContext):
    """What aiohttp's reader enters to wait for bytes, and leaves when some have come."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._seconds = request.app[keys.TIMEOUTS].body

    def __enter__(self) -> BaseTimerContext:
        self._handle = asyncio.get_running_loop().call_later(self._seconds, self._cut_off)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._handle.cancel()

    def _cut_off(self) -> None:
        reason = f"No byte of the body came for {self._seconds:g} seconds."
        self._request.content.set_exception(web.HTTPRequestTimeout(reason=reason))
        self._request.content.feed_eof()
