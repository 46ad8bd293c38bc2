"""The lanes that reads go into, blocked on purpose."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.conftest import Api
from tracker.database import Lane, Reader


@asynccontextmanager
async def held(api: Api, lane: Lane) -> AsyncIterator[None]:
    """Nobody gets anything in that lane until the end; QUICK, which has no queue, can't be held."""
    started, go = threading.Event(), threading.Event()

    async def hold(reader: Reader) -> None:
        started.set()
        go.wait(10)

    holding = asyncio.create_task(api.db.read(hold, lane=lane))
    await asyncio.to_thread(started.wait)
    try:
        yield
    finally:
        go.set()
        await holding
