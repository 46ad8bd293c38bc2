"""Imports and exports by a real worker, beside the raw cost of the same bytes and rows."""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench import processes, samples, world
from bench.samples import Size
from bench.table import Line
from tracker.vocabulary import JobKind

_NAMES = {"zlib": "zlib", "isal": "isal, as Pail"}
_MEMORY = "< 250 MB"


async def measure() -> list[Line]:
    """Both archives, in and out; of three rounds the medians, of the long archive one round."""
    return [
        *await _measure(samples.LARGE, "200 MB of files", ["isal", "isal", "isal", "zlib"]),
        *await _measure(samples.LONG, "300 MB of db-2.0.json", ["isal"]),
    ]


async def _measure(size: Size, what: str, rounds: list[str]) -> list[Line]:
    """rounds are the libraries of the raw work; Pail's own is done once before each."""
    archive = await asyncio.to_thread(samples.archive, world.DATA, size)
    pail: list[_Round] = []
    raw: dict[str, list[tuple[float, float]]] = {}
    for library in rounds:
        if len(pail) < 3:
            pail.append(await _by_worker(archive))
        raw.setdefault(library, []).append(await asyncio.to_thread(_raw, library, archive))
    imported, exported, in_peak, out_peak = map(median, zip(*pail, strict=True))
    lines = []
    for library, pairs in raw.items():
        raw_import, raw_export = map(median, zip(*pairs, strict=True))
        lines += [
            _line(f"import, {what}", imported, raw_import, library, "<= 3"),
            _line(f"export, {what}", exported, raw_export, library, "<= 2"),
        ]
    return [
        *lines,
        Line(f"worker's peak, import, {what}", f"{in_peak:.0f} MB", wanted=_MEMORY),
        Line(f"worker's peak, export, {what}", f"{out_peak:.0f} MB", wanted=_MEMORY),
    ]


class _Round(NamedTuple):
    """Seconds of an import and an export, and the worker's peaks in MB."""

    imported: float
    exported: float
    in_peak: float
    out_peak: float


async def _by_worker(archive: Path) -> _Round:
    """Both by a worker of its own, so that a peak belongs to one of them."""
    async with world.made() as here:
        await here.repository("tracker")
        folder = here.settings.data_dir
        with processes.worker(folder) as pid:
            imported = await here.work("tracker", JobKind.IMPORT, archive)
            in_peak = processes.peak_rss(pid)
        with processes.worker(folder) as pid:
            exported = await here.work("tracker", JobKind.EXPORT)
            out_peak = processes.peak_rss(pid)
        return _Round(imported, exported, in_peak, out_peak)


def _raw(library: str, archive: Path) -> tuple[float, float]:
    """Seconds of the raw import and export, each in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="raw-", dir=world.DATA) as folder:
        unpacked = Path(folder, "unpacked")
        unpacked.mkdir()
        seconds = []
        for verb, source, target in (
            ("import", archive, unpacked),
            ("export", unpacked, Path(folder, "raw.zip")),
        ):
            command = [sys.executable, "-m", "bench.raw", verb, library, str(source), str(target)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds.append(float(done.stdout))
        return seconds[0], seconds[1]


def _line(what: str, pail: float, raw: float, library: str, wanted: str) -> Line:
    beside = f"{raw:.2f} s (raw, {_NAMES[library]})"
    return Line(what, f"{pail:.2f} s", beside, pail / raw, wanted)
