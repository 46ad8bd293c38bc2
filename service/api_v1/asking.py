"""What every request to API 1.0 can say in its query."""

from aiohttp import web

from service.http import auth
from tracker.errors import Unauthenticated


def ask(request: web.Request) -> None:
    """Read `format`, of which only json is served: xml and yaml were Bitbucket's others.

    Raises 406 for these as aiohttp's exception, Unauthenticated for a query that is signed in the
    manner of OAuth 1.0a.
    """
    query = request.rel_url.query
    if any(name.startswith("oauth_") for name in query):
        raise Unauthenticated(auth.NO_OAUTH_1)
    if any(name.lower() != "json" for name in query.getall("format", ()) if name):
        raise web.HTTPNotAcceptable(reason="format: json is the only one that is served.")
