"""The log: one line a request, on standard error, without what is nobody's business."""

import logging

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import HttpProcessingError


class AccessLogger(AbstractAccessLogger):
    """Writes `address "METHOD /path" status bytes seconds`.

    The path is the one that was sent, percent-encoded, so no line can be forged with it; the query
    is left out, because some clients put their token into it.
    """

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Write the line of one request, which took so many seconds."""
        path = request.rel_url.raw_path[:1000].encode("ascii", "backslashreplace").decode()
        self.logger.info(
            '%s "%s %s" %s %s %.3f',
            request.remote,
            request.method,
            path,
            response.status,
            response.body_length,
            time,
        )


class MalformedRequests(logging.Filter):
    """Says in one line what aiohttp says in a traceback: that somebody sent what is no HTTP."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten the record; nothing is held back."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, (HttpProcessingError, web.RequestPayloadError)):
            reason = str(error).encode("ascii", "backslashreplace").decode().splitlines()
            record.msg = f"{record.getMessage()}: {' '.join(reason)[:200]!r}"
            record.args = ()
            record.exc_info = record.exc_text = None
        return True
