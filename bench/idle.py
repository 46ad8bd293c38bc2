"""How soon Pail answers after its start, and how much memory it takes when nobody asks."""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench import processes, world
from bench.table import Line

_STARTS = 3
_REST = 5.0


async def measure() -> list[Line]:
    """`pail up` on an empty data directory, three times; then its memory after a few seconds."""
    seconds = []
    for _ in range(_STARTS):
        world.DATA.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="up-", dir=world.DATA) as folder:
            seconds_to_answer, memory = await asyncio.to_thread(_up, Path(folder))
            seconds.append(seconds_to_answer)
    return [Line("pail up: start", f"{statistics.median(seconds):.2f} s", wanted="< 1 s"), *memory]


def _up(folder: Path) -> tuple[float, list[Line]]:
    port = processes.free_port()
    environment = {"PAIL_DATA_DIR": str(folder), "PORT": str(port)}
    command = [str(Path(sys.executable).with_name("pail")), "up"]
    with processes.running(command, environment, folder / "up.log") as process:
        seconds = processes.seconds_to_answer(port)
        time.sleep(_REST)
        family = processes.family(process.pid)
        each = [(processes.rss(pid), processes.pss(pid)) for pid in family]
        names = [processes.name(pid) for pid in family]
    total = tuple(map(sum, zip(*each, strict=True)))
    rows = [*zip(names, each, strict=True), ("in all", total)]
    return seconds, [
        Line(
            f"pail up, idle: {name}",
            f"{rss:.0f} MB (its share: {pss:.0f} MB)",
            wanted="< 120 MB" if name == "in all" else "",
        )
        for name, (rss, pss) in rows
    ]
