"""Who asks: API tokens in the Authorization header, and nothing else.

An `access_token` in the query is not read: addresses end up in logs and histories.
"""

import time
from collections import OrderedDict
from functools import partial
from weakref import WeakSet

from aiohttp import BasicAuth, hdrs, web
from aiohttp.typedefs import Handler

from service.http import keys
from tracker.access import tokens
from tracker.access.rights import ANONYMOUS, Actor, require_account, require_scopes
from tracker.database import Reader
from tracker.errors import TooManyRequests, Unauthenticated

WRONG = "Token is invalid, expired, or not supported for this endpoint."
"""Bitbucket's sentence, the same for every reason."""

NO_OAUTH_1 = "OAuth 1.0a is not served: send an API token as Basic or Bearer instead."

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Throttle:
    """Counts events per name in windows of some seconds, for at most so many names."""

    def __init__(self, limit: int, *, seconds: float = 60.0, most_names: int = 10_000) -> None:
        self._limit = limit
        self._seconds = seconds
        self._most_names = most_names
        self._windows: OrderedDict[object, tuple[float, int]] = OrderedDict()

    def count(self, name: object) -> int:
        """Count one event; 0, or how many seconds to wait when there were too many."""
        now = time.monotonic()
        start, count = self._windows.pop(name, (now, 0))
        if now - start >= self._seconds:
            start, count = now, 0
        self._windows[name] = (start, count + 1)
        if len(self._windows) > self._most_names:
            self._windows.popitem(last=False)
        return int(start + self._seconds - now) + 1 if count >= self._limit else 0


_IDENTIFYING: WeakSet[Handler] = WeakSet()


def identifies(handler: Handler) -> Handler:
    """Mark a handler that calls identify() itself, before anything else that it does."""
    _IDENTIFYING.add(handler)
    return handler


class WrongCredentials(Unauthenticated):
    """Raised where the credentials are looked up; the middleware counts it."""

    def __init__(self) -> None:
        super().__init__(WRONG)


class Authentication:
    """The middleware that finds out who asks.

    Wrong credentials are counted by address, and by address and name. Right ones
    always pass, so nobody can lock somebody else out.
    """

    def __init__(self) -> None:
        self._by_address = Throttle(100)
        self._by_name = Throttle(10)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Put nobody on the request where no credentials came along.

        Nobody may not write anything: that is said before any look-up and before the body is read.
        Credentials are looked up here, unless the handler does so where it reads the database
        (identifies()), which saves a way there and back; if it ends before it gets there, that is
        made up for. Raises Unauthenticated, TooManyRequests.
        """
        if hdrs.AUTHORIZATION not in request.headers:
            request[keys.ACTOR] = ANONYMOUS
            if request.method not in _SAFE and request.match_info.http_exception is None:
                require_account(ANONYMOUS)
        try:
            if request.match_info.handler not in _IDENTIFYING:
                await _look_up(request)
            try:
                return await handler(request)
            finally:
                await _look_up(request)
        except WrongCredentials:
            name = (request.remote, _credentials(request)[0])
            wait = max(self._by_address.count(request.remote), self._by_name.count(name))
            if wait:
                raise TooManyRequests("Too many wrong credentials.", retry_after=wait) from None
            raise


async def _look_up(request: web.Request) -> None:
    if keys.ACTOR not in request:
        await request.app[keys.DATABASE].read(partial(identify, request))


async def identify(request: web.Request, db: Reader) -> Actor:
    """Whoever asks, from now on under request[keys.ACTOR].

    Raises WrongCredentials, and MissingScope for a token that lacks what the endpoint needs.
    """
    if keys.ACTOR not in request:
        user, secret = _credentials(request)
        actor = secret and await tokens.authenticate(db, secret, user=user)
        if not actor:
            raise WrongCredentials
        request[keys.ACTOR] = actor
    require_scopes(request[keys.ACTOR], request.get(keys.SCOPES, ()))
    return request[keys.ACTOR]


def asker(request: web.Request) -> tuple[str | None, str | None]:
    """What tells apart those who ask before they are looked up: a secret, or else an address.

    However a token is sent, whoever sends it is the same. Raises as identify() does for OAuth.
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
