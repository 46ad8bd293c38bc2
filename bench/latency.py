"""How long an issue takes while the worker imports, beside how long it takes when all is quiet."""

import asyncio
from contextlib import suppress
from pathlib import Path

from bench import load, processes, samples, world
from bench.table import Line
from bench.world import World
from tracker.vocabulary import JobKind

_RATE = 200
_WARM = 2.0
_ISSUE = "/2.0/repositories/bench/small/issues/7"


async def measure(seconds: float) -> list[Line]:
    """200 requests a second over one connection: idle, then while imports run.

    Each takes so many seconds. The imports go into another repository of the same Pail.
    """
    archive = await asyncio.to_thread(samples.archive, world.DATA, samples.LARGE)
    async with world.made() as here:
        await here.fill("small", samples.SERVED)
        await here.repository("incoming")
        message = load.request("GET", _ISSUE, here.token)
        folder = here.settings.data_dir
        with processes.web(folder) as port, processes.worker(folder):
            load.body(port, message)
            await load.open_loop(port, message, rate=_RATE, seconds=_WARM)
            idle = await load.open_loop(port, message, rate=_RATE, seconds=seconds)
            imports = asyncio.create_task(_import_for_ever(here, archive))
            await asyncio.sleep(_WARM)
            busy = await load.open_loop(port, message, rate=_RATE, seconds=seconds)
            imports.cancel()
            with suppress(asyncio.CancelledError):
                await imports
    return [
        _line("p50", busy.p50, idle.p50, ""),
        _line("p99", busy.p99, idle.p99, "<= 3"),
    ]


async def _import_for_ever(here: World, archive: Path) -> None:
    while True:
        await here.work("incoming", JobKind.IMPORT, archive)


def _line(part: str, busy: float, idle: float, wanted: str) -> Line:
    what = f"GET issue during imports, {_RATE}/s: {part}"
    return Line(what, f"{busy:.2f} ms", f"{idle:.2f} ms (idle)", busy / idle, wanted)
