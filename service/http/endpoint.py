"""The routes of both APIs: each with its scopes, under each prefix, with and without a slash."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from aiohttp import web
from aiohttp.typedefs import Handler
from marshmallow import Schema

from service.http import auth, keys, links
from tracker.errors import Invalid
from tracker.query import Catalogue
from tracker.settings import Limits
from tracker.vocabulary import Scope

V1 = ("/1.0", "/api/1.0", "/!api/1.0")
V2 = ("/2.0", "/api/2.0", "/!api/2.0")
"""Where clients look for each API: Bitbucket answered below all three."""

REPOSITORY = "/repositories/{workspace:[^/]+}/{repo_slug:[^/]+}"
NUMBER = "0|[1-9][0-9]*"
"""An id in a path; nothing else that int() would take: not 01, +1 or another script's digits."""

ISSUE = f"{REPOSITORY}/issues/{{issue_id:{NUMBER}}}"


Answer = type[Schema] | Schema | str | None
"""What an answer holds: JSON of that shape (an instance with many=True is a bare array), bytes of
that media type, or nothing."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One verb of the API: where it is, who answers, and which scopes a token needs for it.

    The rest is for its description in OpenAPI, which says of errors by itself: answers by status;
    the JSON it reads, or the form field it reads files from ("*" for any); what its list can be
    asked for with q and sort; further parameters of its query.
    """

    method: str
    path: str
    handler: Handler
    scopes: tuple[Scope, ...] = ()
    answers: Mapping[int, Answer] = field(default_factory=dict)
    body: Callable[[Limits], Schema] | None = None
    files: str | None = None
    catalogue: Catalogue | None = None
    parameters: Schema | None = None


def is_below(request: web.BaseRequest, prefixes: Iterable[str]) -> bool:
    """Whether one of these is what the request's path starts with, however it is encoded."""
    path = f"{request.path}/"
    return any(path.startswith(f"{prefix}/") for prefix in prefixes)


def add_routes(
    app: web.Application,
    prefixes: Iterable[str],
    endpoints: Iterable[Endpoint],
    ask: Callable[[web.Request], None],
) -> None:
    """Add the endpoints of one API to the application, and HEAD to every GET.

    ask reads from the query what every request to that API can ask of its answer. A trailing slash
    is the same resource, not a redirect, which would lose a POST.
    """
    handlers = [(endpoint, _guarded(endpoint, ask)) for endpoint in endpoints]
    for prefix in prefixes:
        resources: dict[str, web.Resource] = {}
        for endpoint, handler in handlers:
            path = f"{prefix}{endpoint.path}{{_slash:/?}}"
            if path not in resources:
                resources[path] = app.router.add_resource(path)
            resources[path].add_route(endpoint.method, handler)
            if endpoint.method == "GET":
                resources[path].add_route("HEAD", handler)


def _require_utf_8(query: str) -> None:
    """Raises Invalid for bytes that are no text: they would be read as others."""
    try:
        unquote_to_bytes(query).decode()
    except UnicodeDecodeError as error:
        raise Invalid("The query is not in UTF-8.") from error


def _guarded(endpoint: Endpoint, ask: Callable[[web.Request], None]) -> Handler:
    """The handler, told where it is asked and which scopes it needs."""

    @auth.identifies
    async def handler(request: web.Request) -> web.StreamResponse:
        request[keys.BASE_URL] = links.base_url(request)
        request[keys.SCOPES] = endpoint.scopes
        if request.rel_url.raw_query_string:
            _require_utf_8(request.rel_url.raw_query_string)
            ask(request)
        return await endpoint.handler(request)

    return handler
