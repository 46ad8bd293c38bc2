"""Who asks: API tokens in the Authorization header, and nothing else.

An `access_token` in the query is not read: addresses end up in logs and histories.
"""

import time
from collections import OrderedDict

from aiohttp import BasicAuth, hdrs, web
from aiohttp.typedefs import Handler

from service import keys
from tracker import tokens
from tracker.access import ANONYMOUS, Actor, require_account
from tracker.errors import TooManyRequests, Unauthenticated

WRONG = "Token is invalid, expired, or not supported for this endpoint."
"""Bitbucket's sentence, the same for every reason (reference 2.6)."""

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


class Authentication:
    """The middleware that finds out who asks.

    Wrong credentials are counted by address, and by address and name (DECISIONS 33). Right ones
    always pass, so nobody can lock somebody else out.
    """

    def __init__(self) -> None:
        self._by_address = Throttle(100)
        self._by_name = Throttle(10)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Put the actor on the request.

        Nobody may not write anything: that is said before any look-up and before the body is read.
        Raises Unauthenticated, TooManyRequests.
        """
        actor = await self._actor(request)
        request[keys.ACTOR] = actor
        if request.method not in _SAFE and request.match_info.http_exception is None:
            require_account(actor)
        return await handler(request)

    async def _actor(self, request: web.Request) -> Actor:
        header = request.headers.get(hdrs.AUTHORIZATION)
        if header is None:
            return ANONYMOUS
        user, secret = _credentials(header)
        actor = None
        if secret is not None:
            actor = await tokens.authenticate(request.app[keys.DATABASE], secret, user=user)
        if actor is None:
            name = (request.remote, user)
            wait = max(self._by_address.count(request.remote), self._by_name.count(name))
            if wait:
                raise TooManyRequests("Too many wrong credentials.", retry_after=wait)
            raise Unauthenticated(WRONG)
        return actor


def _credentials(header: str) -> tuple[str | None, str | None]:
    """The user name (Basic only) and the secret in an Authorization header."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return None, rest.strip()
    try:
        basic = BasicAuth.decode(header, encoding="utf-8")
    except ValueError:
        return None, None
    return basic.login, basic.password
