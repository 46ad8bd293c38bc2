"""The API for scripts of other origins: no cookie opens it, so everybody's may ask."""

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from service.http.endpoint import V1, V2, is_below

_OPEN = (*V2, *V1, "/site/attachments")
"""The APIs and the addresses of attachments, which it redirects to. Pages are not among them."""

_METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
_HEADERS = (
    "Accept, Authorization, Content-Type, If-None-Match, If-Range, Range, User-Agent, "
    "X-Requested-With"
)
_SHOWN = (
    "Accept-Ranges, Content-Disposition, Content-Encoding, Content-Length, Content-Range, "
    "Content-Type, ETag, Last-Modified, Location, Retry-After, X-RateLimit-Limit, "
    "X-RateLimit-NearLimit, X-RateLimit-Resource"
)
_SECONDS = "86400"


async def finish(request: web.Request, response: web.StreamResponse) -> None:
    """Let scripts of every origin read an answer of the API (signal on_response_prepare)."""
    if is_below(request, _OPEN):
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*"
        if hdrs.ORIGIN in request.headers:
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _SHOWN


@web.middleware
async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer OPTIONS, also a browser's question before it sends something: nobody need sign in."""
    refusal = request.match_info.http_exception
    if (
        request.method != hdrs.METH_OPTIONS
        or not isinstance(refusal, web.HTTPMethodNotAllowed)
        or not is_below(request, _OPEN)
    ):
        return await handler(request)
    headers = {hdrs.ALLOW: ",".join(sorted({*refusal.allowed_methods, hdrs.METH_OPTIONS}))}
    if hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
        headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = _METHODS
        headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = _HEADERS
        headers[hdrs.ACCESS_CONTROL_MAX_AGE] = _SECONDS
    return web.Response(status=204, headers=headers)
