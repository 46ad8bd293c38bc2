"""CORS: scripts of other origins may use the APIs, which accept no cookies as credentials."""

from aiohttp import hdrs, web

from service.http.dialect import DIALECTS, is_below

_DOWNLOADS = ("/site/attachments",)
"""The addresses that the APIs send attachments to."""

_METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
_HEADERS = (
    "Accept, Authorization, Content-Type, If-None-Match, If-Range, Range, User-Agent, "
    "X-Requested-With"
)
EXPOSED = (
    "Accept-Ranges, Content-Disposition, Content-Encoding, Content-Length, Content-Range, "
    "Content-Type, ETag, Last-Modified, Location, Retry-After, X-RateLimit-Limit, "
    "X-RateLimit-NearLimit, X-RateLimit-Resource"
)
"""The headers of answers that such scripts may read."""

_SECONDS = "86400"


def is_open(request: web.Request) -> bool:
    """Whether a request that reached no endpoint is for an API or an attachment; pages are not."""
    prefixes = [prefix for dialect in request.app[DIALECTS] for prefix in dialect.prefixes]
    return is_below(request.path, (*prefixes, *_DOWNLOADS))


def preflight(request: web.Request) -> web.Response | None:
    """The answer to OPTIONS, such as a browser sends before a request; no credentials are needed.

    None where OPTIONS has a handler, where nothing is served, and outside the APIs.
    """
    refusal = request.match_info.http_exception
    if not isinstance(refusal, web.HTTPMethodNotAllowed) or not is_open(request):
        return None
    headers = {hdrs.ALLOW: ",".join(sorted({*refusal.allowed_methods, hdrs.METH_OPTIONS}))}
    if hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
        headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = _METHODS
        headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = _HEADERS
        headers[hdrs.ACCESS_CONTROL_MAX_AGE] = _SECONDS
    return web.Response(status=204, headers=headers)
