"""What git finds where the code would be: an empty repository.

Importers clone before they read issues (Gitea's and GitLab's do), and a tracker has no code.
"""

from functools import partial

from aiohttp import web

from service.http import requests
from tracker.access.rights import NEEDS_ACCOUNT, Actor, find_repository
from tracker.database import Reader
from tracker.errors import NotFound, Unauthenticated

_SERVICE = "git-upload-pack"


def _packet(line: str) -> str:
    """A line as git's protocol frames it."""
    return f"{len(line) + 4:04x}{line}"


_NO_REFS = "".join(
    (
        _packet(f"# service={_SERVICE}\n"),
        "0000",
        _packet("0" * 40 + " capabilities^{}\0agent=pail\n"),
        "0000",
    )
)


def add_routes(app: web.Application) -> None:
    """Add what a clone asks for first; of an empty repository it asks for no more."""
    app.router.add_get("/{workspace:[^/]+}/{repo_slug:[^/]+}.git/info/refs", get_refs)


async def get_refs(request: web.Request) -> web.Response:
    """No branches and no tags.

    Anonymous requests get 401 for a private and for an absent repository alike: git sends its
    credentials only when it is asked for them.
    """
    if request.query.get("service") != _SERVICE:
        raise web.HTTPNotFound
    names = request.match_info["workspace"], request.match_info["repo_slug"]
    await requests.read(request, partial(_find, names=names), find=None)
    return web.Response(text=_NO_REFS, content_type=f"application/x-{_SERVICE}-advertisement")


async def _find(db: Reader, actor: Actor, *, names: tuple[str, str]) -> None:
    try:
        await find_repository(db, actor, *names)
    except NotFound:
        if actor.id is None:
            raise Unauthenticated(NEEDS_ACCOUNT) from None
        raise
