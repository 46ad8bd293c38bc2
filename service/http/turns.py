"""One at a time: each caller may run one expensive read at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from aiohttp import web

from tracker.errors import Unavailable

_TIMEOUT = 5.0
"""Seconds that a caller waits for their own earlier searches."""


class Turns:
    """Let each caller do one thing after the other, so that many of one do not delay the others."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, caller: object) -> AsyncIterator[None]:
        """The turn of a caller. Raises Unavailable where too many of their own wait already."""
        lock = self._locks.get(caller)
        if lock is None:
            lock = self._locks[caller] = asyncio.Lock()
        try:
            async with asyncio.timeout(_TIMEOUT):
                await lock.acquire()
        except TimeoutError as error:
            raise Unavailable("Too many of your searches are waiting.") from error
        try:
            yield
        finally:
            lock.release()


TURNS = web.AppKey("turns", Turns)
