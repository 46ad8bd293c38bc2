"""Turns: of whatever may take long, everybody gets one at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from tracker.errors import Unavailable

_PATIENCE = 5.0
"""Seconds that somebody waits for what he has begun before."""


class Turns:
    """Lets everybody do one thing after the other, so that nobody's many hold up all others."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, who: object) -> AsyncIterator[None]:
        """The turn of who. Raises Unavailable for whoever has begun too much already."""
        lock = self._locks.get(who)
        if lock is None:
            lock = self._locks[who] = asyncio.Lock()
        try:
            async with asyncio.timeout(_PATIENCE):
                await lock.acquire()
        except TimeoutError as error:
            raise Unavailable("Too many of your searches are waiting.") from error
        try:
            yield
        finally:
            lock.release()
