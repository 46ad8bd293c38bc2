"""API 1.0 as a value: where it is, its endpoints, and the forms that only it has."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from service.api_v1 import (
    categories,
    comments,
    examples,
    exports,
    followers,
    issues,
    objects,
    people,
    repositories,
)
from service.http import auth
from service.http.dialect import Description, Dialect, Json
from service.http.endpoint import PARAMETERS
from service.openapi import endpoints as openapi
from tracker.errors import Unauthenticated

_ABOUT = """\
The issue tracker part of Bitbucket's API 1.0, and what its clients ask for beside it: the same
tracker as API 2.0 shows.

* A token goes into HTTP Basic (with your user name or e-mail address) or into Bearer; OAuth 1.0a
  is not served. Each operation names the scopes that it needs.
* Every GET answers HEAD, too. A slash at the end of a path changes nothing; `/api/1.0` and
  `/!api/1.0` are the same API.
* A body is a form, or JSON with the same names. Unknown parameters and members are ignored; of
  `format`, json is the only one that is served.
* What you may not see is answered as what is absent: 404, whose message is `Not Found`.
"""


def read_query(request: web.Request) -> None:
    """Read `format`, of which only json is served: xml and yaml were Bitbucket's others.

    Raises 406 for these as aiohttp's exception, Unauthenticated for a query with a signature of
    OAuth 1.0a.
    """
    query = request.rel_url.query
    if any(name.startswith("oauth_") for name in query):
        raise Unauthenticated(auth.NO_OAUTH_1)
    if any(name.lower() != "json" for name in query.getall("format", ()) if name):
        raise web.HTTPNotAcceptable(reason="format: json is the only one that is served.")


def error(status: int, message: str, more: Mapping[str, Any]) -> Json:
    """{"error": {"message": ..., **more}}.

    The message of a 404 is always the same: a client of 1.0 tells it by these words and not by the
    status.
    """
    if status == 404:
        return {"error": {"message": "Not Found", "detail": message, **more}}
    return {"error": {"message": message, **more}}


V1 = Dialect(
    prefixes=("/1.0", "/api/1.0", "/!api/1.0"),
    endpoints=(
        *issues.routes,
        *comments.routes,
        *followers.routes,
        *categories.routes,
        *repositories.routes,
        *people.routes,
        *exports.routes,
        *openapi.routes,
    ),
    read_query=read_query,
    error=error,
    description=Description(
        about=_ABOUT,
        error=objects.Error,
        path_parameters={
            **PARAMETERS,
            "username": "The person's user name, UUID in braces or account id.",
        },
        examples=examples.BODIES,
        statuses={406: "`format` names another format than json."},
        has_forms=True,
    ),
)
"""Clients look for it below each of the prefixes, as Bitbucket answered."""
