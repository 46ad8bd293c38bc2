"""How soon a job starts after its POST, and what the queue and the worker cost when nobody asks."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import aiohttp

from bench import processes, world
from bench.table import Line
from bench.world import World
from service.up import valkey

_ENTRIES = {
    "python -m worker": [sys.executable, "-m", "worker"],
    "arq worker.WorkerSettings": [sys.executable, "-m", "arq", "worker.WorkerSettings"],
}
_JOBS = 40
_LOOK = 0.0005
_LONGEST = 20.0


async def measure(rest: float) -> list[Line]:
    """Under both entry points: the start of 40 exports, then so many seconds without any."""
    lines = []
    for name, command in _ENTRIES.items():
        async with world.made() as here:
            await here.repository("tracker")
            folder = here.settings.data_dir
            with (
                _queue(folder) as (queue, url),
                processes.web(folder, REDIS_URL=url) as port,
                processes.running(
                    command, {"PAIL_DATA_DIR": str(folder), "REDIS_URL": url}, folder / "worker.log"
                ) as worker,
            ):
                starts = [await _start(here, port) for _ in range(_JOBS)]
                costs = await _cost([queue, worker.pid], rest)
        starts.sort()
        slow = starts[_JOBS * 95 // 100]
        lines += [
            Line(f"{name}: a job's start, median", f"{median(starts):.1f} ms", wanted="< 20 ms"),
            Line(f"{name}: a job's start, 95 of 100", f"{slow:.1f} ms"),
            Line(
                f"{name}: idle, queue and worker",
                f"{sum(costs):.2f} % of a core",
                f"{costs[0]:.2f} % and {costs[1]:.2f} %",
                wanted="< 0.3 %",
            ),
        ]
    return lines


@contextmanager
def _queue(folder: Path) -> Iterator[tuple[int, str]]:
    """A Valkey as `pail up` starts it: its process id and its URL."""
    with valkey.socket_path(folder) as socket:
        command = valkey.command(socket, folder)
        with processes.running(command, {}, folder / "queue.log") as process:
            yield process.pid, valkey.url(socket)


async def _start(here: World, port: int) -> float:
    """Milliseconds from the answer to a POST until the job is STARTED, with a worker that rests."""
    url = f"http://127.0.0.1:{port}/2.0/repositories/bench/tracker/issues/export"
    headers = {"Authorization": f"Bearer {here.token}"}
    newest = "SELECT status FROM job ORDER BY id DESC LIMIT 1"
    async with aiohttp.ClientSession() as client, asyncio.timeout(_LONGEST):
        async with client.post(url, json={}, headers=headers) as answer:
            answer.raise_for_status()
            accepted = time.perf_counter()
        while (row := await here.db.one(newest)) is None or row["status"] == "ACCEPTED":
            await asyncio.sleep(_LOOK)
        started = time.perf_counter()
        while (row := await here.db.one(newest)) is None or row["status"] != "SUCCESS":
            await asyncio.sleep(0.02)
    return (started - accepted) * 1000


async def _cost(pids: list[int], seconds: float) -> list[float]:
    """Percent of a core that each process takes."""
    await asyncio.sleep(2.0)
    before, start = [processes.cpu_seconds(pid) for pid in pids], time.monotonic()
    await asyncio.sleep(seconds)
    after, span = [processes.cpu_seconds(pid) for pid in pids], time.monotonic() - start
    return [(late - early) / span * 100 for early, late in zip(before, after, strict=True)]
