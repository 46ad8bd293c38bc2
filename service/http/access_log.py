"""The log: one line a request, on standard error, without what is nobody's business."""

import logging
import re
import sys
from time import localtime, strftime
from time import time as now

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import HttpProcessingError

_WORDS = re.compile(r"[A-Za-z]+(?: [a-z]+)*(?![^\s:])")
"""What is wrong with a request, without what follows."""


class AccessLogger(AbstractAccessLogger):
    """Writes `address "METHOD /path" status bytes seconds`.

    The path is the one that was sent, percent-encoded, so no line can be forged with it; the query
    is left out, because some clients put their token into it. The line looks like the logger's
    and goes past it: making a record of it would take a sixth of the time that an issue takes.
    """

    _second = 0
    _stamp = ""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Write the line of one request, which took so many seconds."""
        path = request.rel_url.raw_path[:1000].encode("ascii", "backslashreplace").decode()
        moment = now()
        if int(moment) != self._second:
            self._second = int(moment)
            self._stamp = strftime("%Y-%m-%d %H:%M:%S", localtime(moment))
        sys.stderr.write(
            f"{self._stamp},{int(moment % 1 * 1000):03} INFO {request.remote} "
            f'"{request.method} {path}" {response.status} {response.body_length} {time:.3f}\n'
        )


class MalformedRequests(logging.Filter):
    """Says in one line what aiohttp says in a traceback: that somebody sent what is no HTTP.

    aiohttp's words go on with what was sent, which may be a token: only the first ones are kept.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten the record; nothing is held back."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, (HttpProcessingError, web.RequestPayloadError)):
            words = _WORDS.match(getattr(error, "message", ""))
            reason = f"{type(error).__name__} {words[0] if words else ''}".strip()
            record.msg = f"{record.getMessage()}: {reason}"
            record.args = ()
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True
