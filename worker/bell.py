"""The bell: waits in the queue until the service rings, and costs nothing meanwhile."""

import asyncio
import logging
from collections.abc import Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tracker.work import jobs

logger = logging.getLogger("pail.worker")

WAIT = 20.0
"""Seconds that one BLPOP waits."""

GRACE = 5.0
"""Seconds after which a queue that should have answered counts as hung."""

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 10.0
"""Seconds before a queue that is away is tried again; they double from first to longest."""


async def listen(redis_url: str, rung: Callable[[], None]) -> None:
    """Call rung for each ring, until cancelled; what lies in the queue is not looked at.

    While the queue is away nothing rings, and it is tried again.
    """
    pause = FIRST_PAUSE
    # Without socket_timeout: redis would use asyncio.wait_for, which may swallow a cancellation.
    async with Redis.from_url(redis_url, socket_connect_timeout=GRACE) as queue:
        while True:
            try:
                async with asyncio.timeout(WAIT + GRACE):
                    ring = await queue.blpop([jobs.BELL], timeout=WAIT)
                if ring is not None:
                    rung()
                pause = FIRST_PAUSE
            except (RedisError, OSError) as error:
                reason = str(error) or "it does not answer"
                logger.warning("the queue: %s; trying it again in %g s", reason, pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
