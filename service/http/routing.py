"""From a request to its handler and back: the one middleware, and the routes of the dialects."""

import re
from urllib.parse import unquote_to_bytes

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from service.http import auth, bodies, cors, errors, keys
from service.http.answer_cache import IS_CACHEABLE
from service.http.dialect import DIALECT, Dialect
from service.http.endpoint import Endpoint
from service.http.links import BASE_URL
from tracker.errors import Invalid


@web.middleware
async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer any request: with what its handler makes, or with the error that it raises."""
    if request.body_exists:
        bodies.limit_reads(request)
    answer: web.StreamResponse | None = None
    if request.method == hdrs.METH_OPTIONS:
        answer = cors.preflight(request)
    if answer is None:
        answer = await _answered(request, handler)
    if hdrs.CONTENT_ENCODING in request.headers and not request.content.is_eof():
        return await bodies.close_unread(request, answer)
    return answer


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        auth.begin(request)
        answer = await handler(request)
    except Exception as error:
        answer = errors.answer(request, error)
    if auth.IS_CHECKED in request:
        return answer
    # The handler did not read the database, or failed before. Wrong credentials come first.
    try:
        await auth.check(request)
    except Exception as error:
        return errors.answer(request, error)
    return answer


def add_routes(app: web.Application, dialect: Dialect) -> None:
    """Add a dialect's endpoints below each of its prefixes, and HEAD to every GET.

    A trailing slash is the same resource and no redirect, which would lose a POST.
    """
    handlers = [(endpoint, _handler(dialect, endpoint)) for endpoint in dialect.endpoints]
    for prefix in dialect.prefixes:
        resources: dict[str, web.Resource] = {}
        for endpoint, handler in handlers:
            path = f"{prefix}{endpoint.path}{{_slash:/?}}"
            if path not in resources:
                resources[path] = app.router.add_resource(path)
            resources[path].add_route(endpoint.method, handler)
            if endpoint.method == "GET":
                resources[path].add_route("HEAD", handler)


def _handler(dialect: Dialect, endpoint: Endpoint) -> Handler:
    """The endpoint's handler, which finds dialect, base address and scopes with the request."""

    async def handler(request: web.Request) -> web.StreamResponse:
        request[DIALECT] = dialect
        request[BASE_URL] = base_url(request)
        request[auth.SCOPES] = endpoint.scopes
        if endpoint.is_cacheable:
            request[IS_CACHEABLE] = True
        if query := request.rel_url.raw_query_string:
            _require_utf_8(query)
            dialect.read_query(request)
        return await endpoint.handler(request)

    return handler


def _require_utf_8(query: str) -> None:
    """Raises Invalid for bytes that are no UTF-8: they would be read as another text."""
    try:
        unquote_to_bytes(query).decode()
    except UnicodeDecodeError as error:
        raise Invalid("The query is not in UTF-8.") from error


def base_url(request: web.Request) -> str:
    """What every link of the answer starts with, without a slash at its end.

    It is PAIL_PUBLIC_URL, or else the address that the client used if its host is one of
    PAIL_ALLOWED_HOSTS. Raises Invalid for another host: its sender could make us write links to
    their own site into a mail or a cache.
    """
    settings = request.app[keys.SETTINGS]
    if settings.public_url is not None:
        return settings.public_url
    host = request.headers.get("Host", "")
    if _name(host) not in settings.allowed_hosts:
        raise Invalid(f"Unknown host {host!r}: set PAIL_PUBLIC_URL or PAIL_ALLOWED_HOSTS")
    return f"{request.scheme}://{host}"


_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::([1-9][0-9]{0,4}))?")
"""A name or an address, and a port. Nothing else: browsers read `evil.example\\@localhost` as
evil.example, where Python reads localhost."""


def _name(host: str) -> str | None:
    """The name in a Host header without its port; None when it is not such a header."""
    match = _HOST.fullmatch(host.lower())
    if match is None or int(match[3] or 80) > 65535:
        return None
    return match[1] or match[2]
