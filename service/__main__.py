"""`python -m service`: the web process, until SIGTERM or SIGINT."""

import asyncio
import gc
import logging
import signal
import sys
import warnings

from aiohttp import web

from service.app import build_app
from service.http.connections import AccessLogger, MalformedRequests, Runner
from service.http.signing import KeyUnusable
from tracker.database import DatabaseUnusable
from tracker.settings import Settings, SettingsError, load
from tracker.terminal import log_handler, say

SHUTDOWN_SECONDS = 4.0
"""How long requests that are being answered may take once the process is asked to end."""

_log = logging.getLogger("pail.service")


def main() -> int:
    """Serve until a signal says to stop; the process's exit status."""
    handler = log_handler("%(asctime)s %(levelname)s %(message)s")
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("aiohttp.server").addFilter(MalformedRequests())
    # Warnings about what clients write into the headers of forms do not belong in the log.
    warnings.filterwarnings("ignore", module="aiohttp.multipart")
    try:
        settings = load()
        if sys.platform == "win32":
            asyncio.run(serve(settings))
        else:
            import uvloop

            uvloop.run(serve(settings))
    except (SettingsError, DatabaseUnusable, KeyUnusable, OSError) as error:
        say(error, err=True)
        return 1
    return 0


async def serve(settings: Settings) -> None:
    """Answer requests until SIGTERM or SIGINT.

    Raises DatabaseUnusable, KeyUnusable, and OSError when the address can't be had; each with one
    sentence.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runner = Runner(
        build_app(settings),
        access_log_class=AccessLogger,
        access_log=_log,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await runner.setup()
    try:
        site = web.TCPSite(
            runner,
            settings.host,
            settings.port,
            reuse_port=settings.web_concurrency > 1,
        )
        try:
            await site.start()
        except OSError as error:
            raise OSError(
                f"Can't listen on {settings.host}:{settings.port}: {error.strerror or error}."
            ) from error
        for address in runner.addresses:
            _log.info("Listening on http://%s:%s", *address[:2])
        # The collector ignores what exists until the process ends, and runs less often: an
        # answer of fifty issues is thousands of objects and leaves no garbage.
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        await stop.wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    sys.exit(main())
