"""The doorbell: arq calls run_job when the service rings."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from arq.connections import RedisSettings
from arq.worker import func
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tracker import jobs
from tracker import settings as settings_module
from tracker.settings import Settings, SettingsError
from tracker.terminal import log_handler, say
from worker.runner import AT_ONCE, Runner

logger = logging.getLogger("pail.worker")

T = TypeVar("T")

A_DAY = 86_400


class Patience(Retry):
    """Waits for a queue that is away, until the worker is told to end.

    Once a wait was cancelled nothing is waited for any more: what arq tidies up in the queue when
    it ends would keep the process from ending.
    """

    def __init__(self) -> None:
        super().__init__(NoBackoff(), -1)
        self._is_over = False

    def __deepcopy__(self, memo: dict[int, object]) -> "Patience":
        return self  # every connection has the same

    async def call_with_retry(
        self, do: Callable[[], Awaitable[T]], fail: Callable[[Any], Awaitable[Any]]
    ) -> T:
        """Do it, as often as it takes. Raises what it raised last when it is over."""
        while True:
            try:
                return await do()
            except (RedisConnectionError, RedisTimeoutError, OSError) as error:
                await fail(error)
                if self._is_over:
                    raise
                logger.warning("waiting for the queue: %s", error)
                try:
                    await asyncio.sleep(1)
                except asyncio.CancelledError:
                    self._is_over = True
                    raise


async def run_job(ctx: dict[str, Any], job_id: int) -> None:
    """Do a job by its id; anything else that lies in the queue is ignored."""
    runner: Runner = ctx["runner"]
    if isinstance(job_id, int) and not isinstance(job_id, bool):
        await runner.run(job_id)


def serialize(value: dict[str, Any]) -> bytes:
    """What goes into the queue: JSON, because arq's default would let the queue run code."""
    return json.dumps(value, default=repr).encode()


def deserialize(data: bytes) -> dict[str, Any]:
    """What comes out of it. Raises ValueError."""
    value = json.loads(data)
    if not isinstance(value, dict):
        raise ValueError("not a job")
    return value


def options(redis_url: str) -> dict[str, Any]:
    """How arq's Worker is made (DECISIONS 35); attempts are counted on the job's row, not by arq.

    A queue that is away is waited for: the table of jobs is looked at all the same.
    """
    redis = RedisSettings.from_dsn(redis_url)
    redis.conn_retries = A_DAY
    redis.retry = Patience()
    return {
        "functions": [func(run_job, name=jobs.FUNCTION, keep_result=0, timeout=A_DAY, max_tries=1)],
        "redis_settings": redis,
        "job_serializer": serialize,
        "job_deserializer": deserialize,
        "max_jobs": AT_ONCE * 10,
        "poll_delay": 0.02,
        "keep_result": 0,
        "max_tries": 1,
        "retry_jobs": False,
        "job_timeout": A_DAY,
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
    return type(
        "WorkerSettings",
        (),
        {
            **options(settings.redis_url),
            "on_startup": staticmethod(_starting(settings)),
            "on_shutdown": staticmethod(_shutdown),
        },
    )


def _starting(settings: Settings) -> Any:
    async def startup(ctx: dict[str, Any]) -> None:
        ctx["runner"] = await Runner(settings).__aenter__()

    return startup


async def _shutdown(ctx: dict[str, Any]) -> None:
    if "runner" in ctx:
        await ctx["runner"].__aexit__(None, None, None)
