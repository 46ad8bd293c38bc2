"""arq's side of the queue: it takes what the service has put there for run_job."""

import asyncio
import json
import logging
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from arq.connections import ArqRedis, RedisSettings
from arq.constants import abort_jobs_ss, job_key_prefix, retry_key_prefix
from arq.worker import func
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tracker import settings as settings_module
from tracker.settings import Settings, SettingsError
from tracker.terminal import log_handler, say
from tracker.work import jobs
from worker.bell import FIRST_PAUSE, LONGEST_PAUSE
from worker.runner import Runner

logger = logging.getLogger("pail.worker")

T = TypeVar("T")

POLL_DELAY = 2.0
"""Seconds between two looks of arq: a safety net, the bell is faster."""

ANSWER = 5.0
"""Seconds after which a queue that does not answer counts as away."""

FAREWELL = 1.0
"""The same once the worker ends: nobody needs what arq tidies up there."""

_RING = re.compile(rb"[0-9]+:[0-9]+")
"""What a doorbell calls its entries: the job's id and its attempt."""

_LATEST = 10**14
"""Milliseconds: a time that can still be shown as a date."""


class Patience(Retry):
    """Waits for a queue that is away, until the worker is told to end.

    A wait that is cancelled ends it, too: what arq tidies up in the queue when it ends would keep
    the process from ending.
    """

    def __init__(self) -> None:
        super().__init__(NoBackoff(), -1)
        self._over = asyncio.Event()

    def __deepcopy__(self, memo: dict[int, object]) -> "Patience":
        return self  # every connection has the same

    @property
    def is_over(self) -> bool:
        """Whether nothing is waited for any more."""
        return self._over.is_set()

    def end(self) -> None:
        """Wait for nothing any more; waits that have begun end."""
        self._over.set()

    async def call_with_retry(
        self, do: Callable[[], Awaitable[T]], fail: Callable[[Any], Awaitable[Any]]
    ) -> T:
        """Do it, as often as it takes. Raises what it raised last when it is over."""
        pause = FIRST_PAUSE
        try:
            while True:
                try:
                    return await do()
                except (RedisConnectionError, RedisTimeoutError, OSError) as error:
                    await fail(error)
                    if self.is_over:
                        raise
                    logger.warning("waiting for the queue: %s", error)
                await self._wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
        except asyncio.CancelledError:
            self.end()
            raise

    async def _wait(self, seconds: float) -> None:
        await asyncio.wait([ending := asyncio.ensure_future(self._over.wait())], timeout=seconds)
        ending.cancel()


class _Greeting:
    """What arq asks at its start, for its log alone, answered without the queue.

    It starts the runner afterwards: jobs are done while the queue is away, at the start as well.
    """

    async def __aenter__(self) -> "_Greeting":
        return self

    async def __aexit__(self, *error: object) -> None:
        """Nothing was opened."""

    def info(self, section: str) -> None:
        """Ask for facts about the server."""

    def dbsize(self) -> None:
        """Ask for the number of keys."""

    async def execute(self) -> list[Any]:
        """Nothing is known yet."""
        return [{}, {}, {}, "?"]


class Queue(ArqRedis):
    """The queue as arq's worker uses it: waited for, and left alone once the worker ends."""

    def __init__(self, redis_url: str, patience: Patience) -> None:
        pool = ConnectionPool.from_url(
            redis_url,
            retry=patience,
            retry_on_error=[RedisConnectionError, RedisTimeoutError],
            socket_connect_timeout=ANSWER,
            socket_timeout=ANSWER,
        )
        super().__init__(pool, job_serializer=serialize, job_deserializer=deserialize)
        self.auto_close_connection_pool = True
        self._patience = patience
        self._is_greeted = False

    def pipeline(self, *args: Any, **options: Any) -> Any:
        """Several commands at once; the first time, those of arq's greeting."""
        if not self._is_greeted:
            self._is_greeted = True
            return _Greeting()
        return super().pipeline(*args, **options)

    async def zrangebyscore(self, name: Any, *args: Any, **options: Any) -> Any:
        """The entries that wait for arq. Others than a doorbell's are removed: arq ends at them."""
        try:
            found: list[bytes] = await super().zrangebyscore(name, *args, **options) or []
        except ResponseError:  # it is no sorted set
            await self.delete(name)
            found = []
        if found and await self.type(abort_jobs_ss) not in (b"zset", b"none"):
            await self.delete(abort_jobs_ss)
        rings = [entry for entry in found if await self._is_ring(entry)]
        if strange := set(found) - set(rings):
            logger.warning("%d entries of the queue are nobody's: removed", len(strange))
            await self.zrem(name, *strange)
        return rings

    async def _is_ring(self, entry: bytes) -> bool:
        """Whether a doorbell has made it; tries are counted on the job's row and not here."""
        if not _RING.fullmatch(entry):
            return False
        await self.delete(retry_key_prefix.encode() + entry)
        try:
            return is_ring(await self.get(job_key_prefix.encode() + entry) or b"")
        except ResponseError:  # it is no text
            return False

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """The queue's answer; None when there is none and the worker ends."""
        seconds = FAREWELL if self._patience.is_over else None
        try:
            async with asyncio.timeout(seconds):
                return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except (RedisError, OSError):
            if not self._patience.is_over:
                raise
            return None


async def run_job(ctx: dict[str, Any], job_id: object) -> None:
    """Have the runner look for jobs; it takes whichever is next, not the one that is named."""
    runner: Runner = ctx["runner"]
    runner.wake()


def serialize(value: dict[str, Any]) -> bytes:
    """What goes into the queue: JSON, because arq's default would let the queue run code."""
    return json.dumps(value, default=repr).encode()


def deserialize(data: bytes) -> dict[str, Any]:
    """What comes out of it. Raises ValueError."""
    value = json.loads(data)
    if not isinstance(value, dict):
        raise ValueError("not a job")
    return value


def is_ring(data: bytes) -> bool:
    """Whether it is what a doorbell puts into the queue for a job."""
    try:
        value = deserialize(data)
    except (ValueError, RecursionError):
        return False
    time, arguments = value.get("et"), value.get("a")
    return (
        value.keys() == {"t", "f", "a", "k", "et"}
        and (value["t"], value["f"], value["k"]) == (None, jobs.FUNCTION, {})
        and time.__class__ is int
        and 0 < time < _LATEST
        and arguments.__class__ is list
        and [argument.__class__ for argument in arguments] == [int]
    )


def options(redis_url: str, patience: Patience) -> dict[str, Any]:
    """How arq's Worker is made; attempts are counted on the job's row, not by arq.

    A queue that is away is waited for: the table of jobs is looked at all the same.
    """
    return {
        "functions": [func(run_job, name=jobs.FUNCTION, keep_result=0, max_tries=1)],
        "redis_pool": Queue(redis_url, patience),
        "job_serializer": serialize,
        "job_deserializer": deserialize,
        "poll_delay": POLL_DELAY,
        "keep_result": 0,
        "max_tries": 1,
        "retry_jobs": False,
        "log_results": False,
    }


def worker_settings() -> type:
    """The class that `arq worker.WorkerSettings` asks for."""
    try:
        settings = settings_module.load()
    except SettingsError as error:
        say(error, err=True)
        raise SystemExit(1) from error
    if settings.redis_url is None:
        say("REDIS_URL is not set, and arq needs it; `pail up` brings its own queue.", err=True)
        raise SystemExit(1)
    if not logger.handlers:  # arq's own are for its own logger only
        logger.addHandler(log_handler("%(levelname)s %(message)s"))
    patience = Patience()
    return type(
        "WorkerSettings",
        (),
        {
            **options(settings.redis_url, patience),
            "redis_settings": RedisSettings.from_dsn(settings.redis_url),  # for `arq --check`
            "on_startup": staticmethod(_starting(settings, patience)),
            "on_shutdown": staticmethod(_shutdown),
        },
    )


def _starting(settings: Settings, patience: Patience) -> Any:
    async def startup(ctx: dict[str, Any]) -> None:
        main = asyncio.current_task()
        assert main is not None  # noqa: S101 - there is one in every coroutine
        loop = asyncio.get_running_loop()
        stop = ctx["stop"] = asyncio.Event()
        runner = ctx["runner"] = await Runner(settings, stop.set).__aenter__()
        # Instead of arq's: it speaks with the queue before it calls on_shutdown, and may fail.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        main.add_done_callback(lambda _: stop.set())
        ctx["end"] = asyncio.create_task(_end(stop, runner, patience, main))

    return startup


async def _end(
    stop: asyncio.Event, runner: Runner, patience: Patience, main: asyncio.Task[Any]
) -> None:
    """Wait for the end of the worker; close the runner first, then stop arq."""
    await stop.wait()
    await runner.close()
    patience.end()
    while not main.done():  # asyncio.wait_for, which redis uses, may swallow a cancellation
        main.cancel()
        await asyncio.wait([main], timeout=0.2)


async def _shutdown(ctx: dict[str, Any]) -> None:
    if "end" in ctx:
        ctx["stop"].set()
        await ctx["end"]
        if ctx["runner"].is_broken:
            sys.exit(os.EX_SOFTWARE)
