"""What handlers ask a request for."""

from aiohttp import web

from service import keys
from tracker.access import Actor, Repository, find_repository, find_tracker
from tracker.database import Database
from tracker.errors import NotFound


def database(request: web.Request) -> Database:
    """The database."""
    return request.app[keys.DATABASE]


def actor(request: web.Request) -> Actor:
    """Whoever asks."""
    return request[keys.ACTOR]


async def repository(request: web.Request) -> Repository:
    """The repository in the path, if it is visible to whoever asks. Raises NotFound."""
    return await find_repository(database(request), actor(request), *_names(request))


async def tracker(request: web.Request) -> Repository:
    """The repository in the path, if it is visible and its tracker is on. Raises NotFound."""
    return await find_tracker(database(request), actor(request), *_names(request))


def _names(request: web.Request) -> tuple[str, str]:
    return request.match_info["workspace"], request.match_info["repo_slug"]


def row_id(request: web.Request, name: str, missing: str) -> int:
    """The number in the path. Raises NotFound(missing) for one that no row can have."""
    text = request.match_info[name]
    if len(text) > 18:
        raise NotFound(missing)
    return int(text)
