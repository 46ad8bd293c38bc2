"""The routes of API 2.0: each with its scopes, under each prefix, with and without a slash."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler
from marshmallow import Schema

from service import auth, keys, links, partial
from tracker.query import Catalogue
from tracker.settings import Limits
from tracker.vocabulary import Scope

PREFIXES = ("/2.0", "/api/2.0", "/!api/2.0")
"""Where clients look for the API (reference 8.2.17)."""

REPOSITORY = "/repositories/{workspace:[^/]+}/{repo_slug:[^/]+}"
NUMBER = "0|[1-9][0-9]*"
"""An id in a path; nothing else that int() would take: not 01, +1 or another script's digits."""

ISSUE = f"{REPOSITORY}/issues/{{issue_id:{NUMBER}}}"


Answer = type[Schema] | str | None
"""What an answer holds: JSON of that shape, bytes of that media type, or nothing."""


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


def add_routes(app: web.Application, endpoints: Iterable[Endpoint]) -> None:
    """Add the endpoints to the application, and HEAD to every GET.

    A trailing slash is the same resource, not a redirect, which would lose a POST (8.2.2).
    """
    endpoints = list(endpoints)
    for prefix in PREFIXES:
        resources: dict[str, web.Resource] = {}
        for endpoint in endpoints:
            path = f"{prefix}{endpoint.path}{{_slash:/?}}"
            if path not in resources:
                resources[path] = app.router.add_resource(path)
            handler = _guarded(endpoint)
            resources[path].add_route(endpoint.method, handler)
            if endpoint.method == "GET":
                resources[path].add_route("HEAD", handler)


def _guarded(endpoint: Endpoint) -> Handler:
    """The handler, told where it is asked and which scopes it needs."""

    @auth.identifies
    async def handler(request: web.Request) -> web.StreamResponse:
        request[keys.BASE_URL] = links.base_url(request)
        request[keys.SCOPES] = endpoint.scopes
        if request.rel_url.raw_query_string:
            selection = partial.parse(request.rel_url.query.get("fields", ""))
            if selection is not None:
                request[keys.FIELDS] = selection
        return await endpoint.handler(request)

    return handler
