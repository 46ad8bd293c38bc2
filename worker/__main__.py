"""`python -m worker`: the runner, and arq's worker beside it where there is a queue."""

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
from worker.queue import Patience, options
from worker.runner import Runner

logger = logging.getLogger("pail.worker")


async def serve(settings: Settings) -> int:
    """Run jobs until SIGTERM or SIGINT, or until the runner is broken; the exit status."""
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
    """Take jobs from arq's queue; when it is lost, wait and connect again."""
    while redis_url is not None:
        how = options(redis_url, Patience())
        worker = Worker(ctx={"runner": runner}, handle_signals=False, **how)
        try:
            async with how["redis_pool"]:
                await worker.main()
        except (RedisError, OSError) as error:
            logger.warning("the queue: %s", error)
        except Exception:  # whatever somebody has put into the queue
            logger.exception("the queue")
        await asyncio.sleep(1)


def main() -> None:
    """Start with the settings of the environment; exit status 1 and one sentence if that fails."""
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
