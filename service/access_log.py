"""The access log: one line a request, on standard error, without what is nobody's business."""

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger


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
