"""`python -m worker`: runs the runner and, if REDIS_URL is set, arq's worker."""

import asyncio
import logging
import os
import signal
import sys

from arq.worker import Worker
from redis.exceptions import RedisError

from tracker import settings as settings_module
from tracker.database import DatabaseUnusable
from tracker.settings import Settings, SettingsError
from tracker.terminal import log_handler, say
from worker.queue import QueueRetry, options
from worker.runner import Runner

logger = logging.getLogger("pail.worker")


async def serve(settings: Settings) -> int:
    """Run jobs until SIGTERM, SIGINT or a broken runner, and return the exit status."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Runner(settings, stop.set) as runner:
        queue = asyncio.create_task(listen(settings.redis_url, runner))
        await stop.wait()
        queue.cancel()
        await asyncio.wait([queue], timeout=2)
    return os.EX_SOFTWARE if runner.is_broken else 0


async def listen(redis_url: str | None, runner: Runner) -> None:
    """Run arq's worker; when the connection to the queue is lost, wait a second and reconnect."""
    while redis_url is not None:
        arguments = options(redis_url, QueueRetry())
        worker = Worker(ctx={"runner": runner}, handle_signals=False, **arguments)
        try:
            async with arguments["redis_pool"]:
                await worker.main()
        except (RedisError, OSError) as error:
            logger.warning("the queue: %s", error)
        except Exception:  # unexpected data in the queue can raise anything
            logger.exception("the queue")
        await asyncio.sleep(1)


def main() -> None:
    """Run the worker. Exits with 1 and one sentence if settings or database can't be used."""
    logging.basicConfig(level=logging.INFO, handlers=[log_handler("%(levelname)s %(message)s")])
    logging.getLogger("arq").setLevel(logging.WARNING)
    try:
        settings = settings_module.load()
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            sys.exit(runner.run(serve(settings)))
    except (SettingsError, DatabaseUnusable, OSError) as error:
        say(error, err=True)
        sys.exit(1)


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop


if __name__ == "__main__":
    main()
