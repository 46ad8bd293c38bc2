"""The bell: blocks on a list in the queue, and wakes the runner when the service adds to it."""

import asyncio
import logging
from collections.abc import Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tracker.work import jobs

logger = logging.getLogger("pail.worker")

WAIT = 20.0
"""Seconds that one BLPOP waits for a ring."""

ANSWER_TIMEOUT = 5.0
"""Seconds after which a queue that has not answered counts as unreachable."""

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 10.0
"""Seconds before an unreachable queue is tried again: doubled from FIRST_PAUSE to LONGEST_PAUSE."""


async def listen(redis_url: str, on_ring: Callable[[], None]) -> None:
    """Call on_ring for each ring, until cancelled. The contents of a ring are ignored.

    Retries while the queue is unreachable; raises nothing of redis.
    """
    pause = FIRST_PAUSE
    # No socket_timeout: redis would use asyncio.wait_for, which can swallow a cancellation.
    async with Redis.from_url(redis_url, socket_connect_timeout=ANSWER_TIMEOUT) as queue:
        while True:
            try:
                async with asyncio.timeout(WAIT + ANSWER_TIMEOUT):
                    ring = await queue.blpop([jobs.BELL], timeout=WAIT)
                if ring is not None:
                    on_ring()
                pause = FIRST_PAUSE
            except (RedisError, OSError) as error:
                reason = str(error) or "it does not answer"
                logger.warning("the queue: %s; trying it again in %g s", reason, pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
