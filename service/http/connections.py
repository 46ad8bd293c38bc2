"""Connections of clients: limits on slow headers, answers to what is no HTTP, and the log."""

import asyncio
import logging
import re
import sys
from collections.abc import Sequence
from time import localtime, strftime
from time import time as now
from typing import Any

from aiohttp import hdrs, web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from service.http import answers, errors
from service.http.answer_cache import ANSWER_CACHE, AnswerCache, CachedAnswer
from service.http.dialect import DIALECTS, Dialect, spoken
from service.http.timeouts import TIMEOUTS, Timeouts

_MESSAGES = {
    400: "The request is not valid HTTP.",
    408: "The headers of the request did not come in time.",
    500: "Internal error",
    504: "It took too long.",
}
"""Messages of errors outside of every handler; none repeats what was sent."""

_TOO_LONG = "The address or a header is too long."


_WORDS = re.compile(r"[A-Za-z]+(?: [a-z]+)*(?![^\s:])")
"""The first words of a message: what is wrong with a request."""


class Connection(RequestHandler):
    """One connection of a client, with one request after the other.

    A request whose headers take longer than Timeouts.headers gets 408, and a new connection that
    says nothing for that long is closed.
    """

    __slots__ = (
        "_answered",
        "_answers",
        "_begun",
        "_dialects",
        "_head",
        "_headers_timer",
        "_last_body",
        "_timeouts",
    )

    def __init__(
        self,
        *args: Any,
        answers: AnswerCache,
        dialects: Sequence[Dialect],
        timeouts: Timeouts,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._answers = answers
        self._answered = 0
        self._head = b""
        self._dialects = dialects
        self._timeouts = timeouts
        self._headers_timer: asyncio.TimerHandle | None = None
        self._begun = False
        self._last_body: StreamReader = EMPTY_PAYLOAD

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the timer of the first request."""
        super().connection_made(transport)
        self._start_timer()
        self.peername  # noqa: B018 - kept from now on, for the log when the client is gone by then

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the bytes; those that belong to no body and end no headers begin a request.

        The head of a GET that comes whole, and alone, may be answered from the cache.
        """
        if data.startswith(b"GET /") and self._is_idle():
            cached = self._answers.find(data)
            if cached is not None:
                self._send(cached)
                return
            if data.find(b"\r\n\r\n") == len(data) - 4:
                self._head = data
        count, in_body = self._request_count, not self._last_body.is_eof()
        super().data_received(data)
        if in_body and self._messages and isinstance(self._messages[-1][0], _ErrInfo):
            # It ends the body that is being read; aiohttp keeps it for the next request.
            self._last_body.set_exception(web.RequestPayloadError(_MESSAGES[400]))
        if self._request_count != count:
            self._stop_timer()
            if self._messages:
                self._last_body = self._messages[-1][1]
        elif data and not in_body:
            self._begun = True
            if self._headers_timer is None:
                self._start_timer()

    def _is_idle(self) -> bool:
        """Whether the next byte begins a request, which can be answered at once.

        Every request before it has its answer then, though aiohttp may not wait for the next yet.
        """
        return (
            self._request_count == self._answered
            and not (self._begun or self._close or self._force_close)
            and not (self._upgraded or self._paused)
            and self._last_body.is_eof()
        )

    def _send(self, cached: CachedAnswer) -> None:
        """Answer a request from the cache, as if it had been handled."""
        self._stop_timer()
        if self.transport is not None:
            self.transport.writelines(cached.parts())
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._manager is not None:
            self._manager.requests_count += 1
        if self._logging_enabled and isinstance(self.access_logger, AccessLogger):
            remote = self.peername[0] if self.peername else None
            self.access_logger.write(remote, "GET", cached.path, cached.status, cached.size, 0)

    def _start_timer(self) -> None:
        self._headers_timer = self._loop.call_later(self._timeouts.headers, self._cut_off)

    def _stop_timer(self) -> None:
        self._begun = False
        if self._headers_timer is not None:
            self._headers_timer.cancel()
            self._headers_timer = None

    def _cut_off(self) -> None:
        """End a connection whose next request is not whole yet."""
        self._headers_timer = None
        if self._waiter is None:
            self._start_timer()  # the request before that one is still being answered
        elif not self._begun:
            self.force_close()
        elif not self._waiter.done():
            self._messages.append((_ErrInfo(408, TimeoutError(), ""), EMPTY_PAYLOAD))
            self._waiter.set_result(None)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no HTTP, or to what failed outside of every handler.

        Raises ConnectionError when a part of an answer was sent already.
        """
        if status != 408:
            super().handle_error(request, status, exc, message)
        words = _TOO_LONG if isinstance(exc, LineTooLong) else _MESSAGES[status]
        answer = errors.envelope(spoken(self._dialects, request.path), status, words)
        answers.add_headers(answer)
        answer.headers[hdrs.CONNECTION] = "close"  # it is sent as HTTP/1.0, which has no such rule
        answer.force_close()
        return answer

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; what aiohttp raised before our handlers gets our shape, as 417 does."""
        if isinstance(resp, web.HTTPException) and resp.status >= 400:
            resp = errors.from_framework(self._dialects, request, resp)
        head, self._head = self._head, b""
        finished = await super().finish_response(request, resp, start_time)
        if resp.keep_alive:
            self._answered += 1
        if head and type(resp) is web.Response:
            self._answers.add(head, request, resp)
        return finished


class _Server(web.Server):
    """Makes a Connection for each client."""

    def __init__(self, server: web.Server, app: web.Application) -> None:
        super().__init__(
            server.request_handler,
            request_factory=server.request_factory,
            handler_cancellation=server.handler_cancellation,
            **server._kwargs,
        )
        self._app = app

    def __call__(self) -> Connection:
        return Connection(
            self,
            loop=self._loop,
            answers=self._app[ANSWER_CACHE],
            dialects=self._app[DIALECTS],
            timeouts=self._app[TIMEOUTS],
            **self._kwargs,
        )


class Runner(web.AppRunner):
    """Runs an application of ours on such connections."""

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        return _Server(server, self.app)


class AccessLogger(AbstractAccessLogger):
    """Write `address "METHOD /path" status bytes seconds` for each request.

    The path is the one that was sent, percent-encoded, so no line can be forged with it; the query
    is left out, because some clients put their token into it. The line has the logger's format and
    does not go through it: a logging record would take a sixth of the time of a GET of an issue.
    """

    _second = 0
    _stamp = ""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Write the line of one request, which took so many seconds."""
        path = request.rel_url.raw_path
        self.write(
            request.remote, request.method, path, response.status, response.body_length, time
        )

    def write(
        self, remote: str | None, method: str, path: str, status: int, size: int, seconds: float
    ) -> None:
        """Write the line of a request with this raw path, whose answer has size bytes."""
        path = path[:1000].encode("ascii", "backslashreplace").decode()
        moment = now()
        if int(moment) != self._second:
            self._second = int(moment)
            self._stamp = strftime("%Y-%m-%d %H:%M:%S", localtime(moment))
        sys.stderr.write(
            f"{self._stamp},{int(moment % 1 * 1000):03} INFO {remote} "
            f'"{method} {path}" {status} {size} {seconds:.3f}\n'
        )


class MalformedRequests(logging.Filter):
    """Log a malformed request in one line, where aiohttp logs a traceback.

    aiohttp's message goes on with what was sent, which may be a token: only its first words are
    logged.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten the record; always True."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, (HttpProcessingError, web.RequestPayloadError)):
            words = _WORDS.match(getattr(error, "message", ""))
            reason = f"{type(error).__name__} {words[0] if words else ''}".strip()
            record.msg = f"{record.getMessage()}: {reason}"
            record.args = ()
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True
