"""Who asks: API tokens in the Authorization header, and nothing else.

An `access_token` in the query is not read: addresses end up in logs and browser histories.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

from aiohttp import BasicAuth, hdrs, web

from service.http import keys
from tracker import clock
from tracker.access import tokens
from tracker.access.rights import (
    ANONYMOUS,
    Actor,
    Repository,
    require_account,
    require_scopes,
)
from tracker.database import Reader, Revision
from tracker.errors import TooManyRequests, TrackerError, Unauthenticated
from tracker.vocabulary import Scope

WRONG = "Token is invalid, expired, or not supported for this endpoint."
"""Bitbucket's sentence, the same for every reason."""

NO_OAUTH_1 = "OAuth 1.0a is not served: send an API token as Basic or Bearer instead."

ACTOR = web.RequestKey("actor", Actor)
"""The account that asks, or ANONYMOUS; known once the database was read for the request."""

SCOPES = web.RequestKey("scopes", tuple[Scope, ...])
"""What a token needs for the endpoint that is asked."""

IS_CHECKED = web.RequestKey("is_checked", bool)
"""There as soon as the request's credentials were looked up, or it has none."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class WrongCredentials(Unauthenticated):
    """Raised where credentials are looked up; refusal() counts it."""

    def __init__(self) -> None:
        super().__init__(WRONG)


class Throttle:
    """Counts events by name in windows of some seconds, for at most most_names names."""

    def __init__(self, limit: int, *, seconds: float = 60.0, most_names: int = 10_000) -> None:
        self._limit = limit
        self._seconds = seconds
        self._most_names = most_names
        self._windows: OrderedDict[object, tuple[float, int]] = OrderedDict()

    def count(self, name: object) -> int:
        """Count one event; 0, or how many seconds to wait after too many."""
        now = time.monotonic()
        start, count = self._windows.pop(name, (now, 0))
        if now - start >= self._seconds:
            start, count = now, 0
        self._windows[name] = (start, count + 1)
        if len(self._windows) > self._most_names:
            self._windows.popitem(last=False)
        return int(start + self._seconds - now) + 1 if count >= self._limit else 0


class Failures:
    """Counts wrong credentials by address, and by address and user name.

    Right ones always pass, so no client can lock out another one.
    """

    def __init__(self) -> None:
        self._by_address = Throttle(100)
        self._by_name = Throttle(10)

    def count(self, request: web.Request) -> int:
        """Count a request with wrong credentials; 0, or how many seconds to wait."""
        name = (request.remote, _credentials(request)[0])
        return max(self._by_address.count(request.remote), self._by_name.count(name))


FAILURES = web.AppKey("failures", Failures)


def begin(request: web.Request) -> None:
    """Note that a request without credentials is anonymous.

    Anonymous requests may not write: raises Unauthenticated, before any look-up and before the body
    is read.
    """
    if hdrs.AUTHORIZATION not in request.headers:
        request[ACTOR] = ANONYMOUS
        request[IS_CHECKED] = True
        if request.method not in _SAFE and request.match_info.http_exception is None:
            require_account(ANONYMOUS)


async def identify(request: web.Request, db: Reader) -> Actor:
    """Who asks, as the database knows them now; from then on under request[ACTOR].

    Raises WrongCredentials, and MissingScope for a token that lacks a scope of the endpoint.
    """
    if hdrs.AUTHORIZATION in request.headers:
        user, secret = _credentials(request)
        actor = await tokens.authenticate(db, secret, user=user) if secret else None
        request[IS_CHECKED] = True
        if actor is None:
            raise WrongCredentials
        admit(request, actor)
    return request[ACTOR]


def admit(request: web.Request, actor: Actor) -> None:
    """Let the request be of this actor, whose credentials it has. Raises MissingScope."""
    request[IS_CHECKED] = True
    request[ACTOR] = actor
    require_scopes(actor, request.get(SCOPES, ()))


async def check(request: web.Request) -> None:
    """Look the credentials up, for requests that need nothing else from the database.

    Raises as identify() does.
    """
    await request.app[keys.DATABASE].read(partial(identify, request))


def refusal(request: web.Request, error: WrongCredentials) -> TrackerError:
    """The error for wrong credentials: the given one, or TooManyRequests after too many."""
    wait = request.app[FAILURES].count(request)
    return TooManyRequests("Too many wrong credentials.", retry_after=wait) if wait else error


def caller(request: web.Request) -> tuple[str | None, str | None]:
    """What tells callers apart before they are looked up: the token, or else the address.

    The same token is the same caller, however it is sent. Raises as identify() does for OAuth.
    """
    if hdrs.AUTHORIZATION in request.headers:
        return _credentials(request)[1], None
    return None, request.remote


def _credentials(request: web.Request) -> tuple[str | None, str | None]:
    """The user name (Basic only) and the secret in the Authorization header.

    Raises Unauthenticated for a signature of OAuth 1.0a: that is no guess, and not counted as one.
    """
    header = request.headers[hdrs.AUTHORIZATION]
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "oauth":
        raise Unauthenticated(NO_OAUTH_1)
    if scheme.lower() == "bearer":
        return None, rest.strip()
    try:
        basic = BasicAuth.decode(header, encoding="utf-8")
    except ValueError:
        return None, None
    return basic.login, basic.password


_MOST_LOOK_UPS = 1000
"""Look-ups; of one person in one tracker mostly."""

Key = tuple[str | None, str, str]


@dataclass(frozen=True, slots=True)
class Access:
    """An actor and a tracker that they may see, at a revision."""

    actor: Actor
    tracker: Repository
    revision: Revision


class AccessCache:
    """The look-ups that were made last, by credentials and names in the path, until a right alters.

    Only what a read has found is kept: what a transaction sees may be rolled back.
    """

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
        if len(self._found) > _MOST_LOOK_UPS:
            self._found.popitem(last=False)


ACCESS_CACHE = web.AppKey("access_cache", AccessCache)


def _key(request: web.Request) -> Key:
    names = request.match_info
    return request.headers.get(hdrs.AUTHORIZATION), names["workspace"], names["repo_slug"]


def _is_over(actor: Actor) -> bool:
    return actor.expires_on is not None and actor.expires_on <= clock.now()
