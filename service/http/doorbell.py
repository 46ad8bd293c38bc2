"""The queue as the service uses it: it wakes a worker when a job was accepted.

The job's row is committed before that, so a queue that is dead, hung or flushed only means that the
worker finds the job a second later.
"""

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tracker.work import jobs
from tracker.work.jobs import Job

if TYPE_CHECKING:
    from arq.connections import ArqRedis

TIMEOUT = 1.0
"""Seconds that a ring may take, in the background."""

RINGS = 100
"""Rings that are kept while no worker listens: each wakes one worker, which then sees all jobs."""

RING_SECONDS = 60
"""How long they are kept."""

_log = logging.getLogger("pail.service")


class Doorbell:
    """Rings the worker where there is a queue: through a list that it waits at, and through arq."""

    def __init__(self, redis_url: str | None) -> None:
        self._url = redis_url
        self._queue: ArqRedis | None = None
        self._rings: set[asyncio.Task[None]] = set()

    def ring(self, job: Job) -> None:
        """Tell the worker about an accepted job, in the background."""
        if self._url is not None:
            task = asyncio.create_task(self._ring(job))
            self._rings.add(task)
            task.add_done_callback(self._rings.discard)

    async def _ring(self, job: Job) -> None:
        try:
            async with asyncio.timeout(TIMEOUT):
                queue = self._connected()
                async with queue.pipeline(transaction=True) as bell:
                    bell.rpush(jobs.BELL, job.id)
                    bell.ltrim(jobs.BELL, -RINGS, -1)
                    bell.expire(jobs.BELL, RING_SECONDS)
                    await bell.execute(raise_on_error=False)  # arq is told all the same
                await queue.enqueue_job(jobs.FUNCTION, job.id, _job_id=f"{job.id}:{job.attempt}")
        except Exception as error:  # whatever it is, the worker looks for jobs itself
            _log.warning("the queue can't be reached (%s): the worker finds the job itself", error)

    async def state(self) -> str:
        """How the queue is: ok, unreachable, or none where the worker looks for jobs itself."""
        if self._url is None:
            return "none"
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._connected().ping()
        except Exception:  # redis raises a good many kinds
            return "unreachable"
        return "ok"

    async def close(self) -> None:
        """Give up rings that are still on their way, and the connection."""
        for task in self._rings:
            task.cancel()
        if self._queue is not None:
            await self._queue.aclose(close_connection_pool=True)

    def _connected(self) -> "ArqRedis":
        if self._queue is None:
            # Late: a web process that takes no jobs does without some 10 MB.
            from arq.connections import ArqRedis
            from redis.asyncio import ConnectionPool

            pool = ConnectionPool.from_url(
                self._url or "", socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
            )
            self._queue = ArqRedis(pool, job_serializer=_serialize)
        return self._queue


def _serialize(value: dict[str, Any]) -> bytes:
    """JSON, as the worker reads it (arq's default lets the queue run code)."""
    return json.dumps(value).encode()


DOORBELL = web.AppKey("doorbell", Doorbell)
