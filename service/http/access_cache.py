"""The cache of look-ups: who asks, and the tracker that they ask for, until any right alters.

Only what a read has found is kept: what a transaction sees may be rolled back.
"""

from collections import OrderedDict
from dataclasses import dataclass

from aiohttp import hdrs, web

from tracker import clock
from tracker.access.rights import Actor, Repository
from tracker.database import Reader, Revision

_MOST = 1000
"""Look-ups; of one person in one tracker mostly."""

Key = tuple[str | None, str, str]


@dataclass(frozen=True, slots=True)
class Access:
    """An actor and a tracker that they may see, at a revision."""

    actor: Actor
    tracker: Repository
    revision: Revision


class AccessCache:
    """The look-ups that were made last, by credentials and names in the path."""

    def __init__(self) -> None:
        self._found: OrderedDict[Key, Access] = OrderedDict()

    async def find(self, request: web.Request, db: Reader) -> Access | None:
        """What was found for such a request, if it is so in what db sees, at its revision now."""
        key = _key(request)
        access = self._found.get(key)
        if access is None or _is_over(access.actor):
            return None
        try:
            revision = await db.revision(access.tracker.tracker_id)
        except LookupError:
            return None
        if revision.rights != access.revision.rights:
            return None
        self._found.move_to_end(key)
        return Access(access.actor, access.tracker, revision)

    def add(self, request: web.Request, access: Access) -> None:
        """Keep what a read has found for such a request."""
        key = _key(request)
        self._found[key] = access
        self._found.move_to_end(key)
        if len(self._found) > _MOST:
            self._found.popitem(last=False)


ACCESS_CACHE = web.AppKey("access_cache", AccessCache)


def _key(request: web.Request) -> Key:
    names = request.match_info
    return request.headers.get(hdrs.AUTHORIZATION), names["workspace"], names["repo_slug"]


def _is_over(actor: Actor) -> bool:
    return actor.expires_on is not None and actor.expires_on <= clock.now()
