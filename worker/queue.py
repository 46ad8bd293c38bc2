"""Configures arq's worker: its queue, its retries and its one function, run_job."""

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
from worker.bell import ANSWER_TIMEOUT, FIRST_PAUSE, LONGEST_PAUSE
from worker.runner import Runner

logger = logging.getLogger("pail.worker")

T = TypeVar("T")

POLL_DELAY = 2.0
"""Seconds between two polls of arq. The bell is faster; this is a fallback."""

SHUTDOWN_TIMEOUT = 1.0
"""Seconds to wait for the queue while the worker ends: arq's cleanup there can be skipped."""

_RING = re.compile(rb"[0-9]+:[0-9]+")
"""The id of an entry that the service adds: the job's id and its attempt."""

_LATEST = 10**14
"""Upper limit of an entry's time, in milliseconds since 1970: arq makes a datetime of it."""


class QueueRetry(Retry):
    """Retries commands while the queue is unreachable, until the worker ends.

    A cancellation also stops the retries: otherwise arq's cleanup in an unreachable queue would
    keep the process from ending.
    """

    def __init__(self) -> None:
        super().__init__(NoBackoff(), -1)
        self._stopped = asyncio.Event()

    def __deepcopy__(self, memo: dict[int, object]) -> "QueueRetry":
        return self  # redis copies it for each connection; all must stop together

    @property
    def is_stopped(self) -> bool:
        """Whether the retries have been stopped."""
        return self._stopped.is_set()

    def end(self) -> None:
        """Stop retrying, and end waits that have begun."""
        self._stopped.set()

    async def call_with_retry(
        self, do: Callable[[], Awaitable[T]], fail: Callable[[Any], Awaitable[Any]]
    ) -> T:
        """Call do until it succeeds. Raises its last error once the retries are stopped."""
        pause = FIRST_PAUSE
        try:
            while True:
                try:
                    return await do()
                except (RedisConnectionError, RedisTimeoutError, OSError) as error:
                    await fail(error)
                    if self.is_stopped:
                        raise
                    logger.warning("waiting for the queue: %s", error)
                await self._wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
        except asyncio.CancelledError:
            self.end()
            raise

    async def _wait(self, seconds: float) -> None:
        await asyncio.wait([ending := asyncio.ensure_future(self._stopped.wait())], timeout=seconds)
        ending.cancel()


class _LocalPipeline:
    """A pipeline that answers arq's first commands, whose results arq only logs, without the queue.

    arq starts the runner after them. So the worker runs jobs even if the queue is unreachable when
    it starts.
    """

    async def __aenter__(self) -> "_LocalPipeline":
        return self

    async def __aexit__(self, *error: object) -> None:
        """Do nothing: no connection was opened."""

    def info(self, section: str) -> None:
        """Accept the command INFO."""

    def dbsize(self) -> None:
        """Accept the command DBSIZE."""

    async def execute(self) -> list[Any]:
        """Return empty results, and ? for the number of keys."""
        return [{}, {}, {}, "?"]


class Queue(ArqRedis):
    """The queue for arq's worker: retries until the worker ends, and then ignores errors."""

    def __init__(self, redis_url: str, retry: QueueRetry) -> None:
        pool = ConnectionPool.from_url(
            redis_url,
            retry=retry,
            retry_on_error=[RedisConnectionError, RedisTimeoutError],
            socket_connect_timeout=ANSWER_TIMEOUT,
            socket_timeout=ANSWER_TIMEOUT,
        )
        super().__init__(pool, job_serializer=serialize, job_deserializer=deserialize)
        self.auto_close_connection_pool = True
        self._retry = retry
        self._has_started = False

    def pipeline(self, *args: Any, **options: Any) -> Any:
        """Return a pipeline of commands; the first call, from arq's start, gets a local one."""
        if not self._has_started:
            self._has_started = True
            return _LocalPipeline()
        return super().pipeline(*args, **options)

    async def zrangebyscore(self, name: Any, *args: Any, **options: Any) -> Any:
        """Return the waiting entries, and remove those not from the service: arq fails on them."""
        try:
            found: list[bytes] = await super().zrangebyscore(name, *args, **options) or []
        except ResponseError:  # not a sorted set
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
        """Whether the service made the entry. Deletes arq's own count of tries for it."""
        if not _RING.fullmatch(entry):
            return False
        await self.delete(retry_key_prefix.encode() + entry)
        try:
            return is_ring(await self.get(job_key_prefix.encode() + entry) or b"")
        except ResponseError:  # not a string
            return False

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Return the queue's answer, or None if there is none and the worker is ending."""
        seconds = SHUTDOWN_TIMEOUT if self._retry.is_stopped else None
        try:
            async with asyncio.timeout(seconds):
                return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except (RedisError, OSError):
            if not self._retry.is_stopped:
                raise
            return None


async def run_job(ctx: dict[str, Any], job_id: object) -> None:
    """Wake the runner, which takes the next job of the database; job_id is ignored."""
    runner: Runner = ctx["runner"]
    runner.wake()


def serialize(value: dict[str, Any]) -> bytes:
    """Encode as JSON. arq's default is pickle, with which the queue could run code here."""
    return json.dumps(value, default=repr).encode()


def deserialize(data: bytes) -> dict[str, Any]:
    """Decode what serialize has made. Raises ValueError."""
    value = json.loads(data)
    if not isinstance(value, dict):
        raise ValueError("not a job")
    return value


def is_ring(data: bytes) -> bool:
    """Whether data is what the service puts into the queue for a job."""
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


def options(redis_url: str, retry: QueueRetry) -> dict[str, Any]:
    """Return the arguments of arq's Worker. arq does not retry: the job's row counts attempts.

    While the queue is unreachable, arq waits and the runner still polls the database.
    """
    return {
        "functions": [func(run_job, name=jobs.FUNCTION, keep_result=0, max_tries=1)],
        "redis_pool": Queue(redis_url, retry),
        "job_serializer": serialize,
        "job_deserializer": deserialize,
        "poll_delay": POLL_DELAY,
        "keep_result": 0,
        "max_tries": 1,
        "retry_jobs": False,
        "log_results": False,
    }


def worker_settings() -> type:
    """Make the class for `arq worker.WorkerSettings`. Exits with 1 for wrong settings."""
    try:
        settings = settings_module.load()
    except SettingsError as error:
        say(error, err=True)
        raise SystemExit(1) from error
    if settings.redis_url is None:
        say("REDIS_URL is not set, and arq needs it; `pail up` brings its own queue.", err=True)
        raise SystemExit(1)
    if not logger.handlers:  # arq configures its own logger only
        logger.addHandler(log_handler("%(levelname)s %(message)s"))
    retry = QueueRetry()
    return type(
        "WorkerSettings",
        (),
        {
            **options(settings.redis_url, retry),
            "redis_settings": RedisSettings.from_dsn(settings.redis_url),  # for `arq --check`
            "on_startup": staticmethod(_starting(settings, retry)),
            "on_shutdown": staticmethod(_shutdown),
        },
    )


def _starting(settings: Settings, retry: QueueRetry) -> Any:
    async def startup(ctx: dict[str, Any]) -> None:
        main = asyncio.current_task()
        assert main is not None  # noqa: S101 - there is one in every coroutine
        loop = asyncio.get_running_loop()
        stop = ctx["stop"] = asyncio.Event()
        runner = ctx["runner"] = await Runner(settings, stop.set).__aenter__()
        # Instead of arq's handlers, which use the queue before on_shutdown and can fail there.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        main.add_done_callback(lambda _: stop.set())
        ctx["end"] = asyncio.create_task(_end(stop, runner, retry, main))

    return startup


async def _end(
    stop: asyncio.Event, runner: Runner, retry: QueueRetry, main: asyncio.Task[Any]
) -> None:
    """Wait for stop, close the runner, then stop arq."""
    await stop.wait()
    await runner.close()
    retry.end()
    while not main.done():  # asyncio.wait_for in redis can swallow a cancellation
        main.cancel()
        await asyncio.wait([main], timeout=0.2)


async def _shutdown(ctx: dict[str, Any]) -> None:
    if "end" in ctx:
        ctx["stop"].set()
        await ctx["end"]
        if ctx["runner"].is_broken:
            sys.exit(os.EX_SOFTWARE)
