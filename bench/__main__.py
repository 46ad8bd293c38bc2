"""`python -m bench [PART ...]`: measures Pail on this machine and prints tables.

Parts: api, single, archive, latency, idle, jobs, client; without any, all of them, which takes
about fifteen minutes. Archives and databases go to bench/data. Nothing else should run meanwhile.
"""

import argparse
import os
import platform
import sqlite3
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import uvloop

from bench import (
    api,
    api_table,
    client,
    idle,
    jobs,
    latency,
    picture,
    single,
    table,
    transfers,
)
from bench.checkout import Checkout, at, present
from bench.table import Line

_PARTS = ("api", "single", "archive", "latency", "idle", "jobs", "client")


def _measures(
    arguments: argparse.Namespace, checkouts: Sequence[Checkout]
) -> dict[str, Callable[[], list[Line]]]:
    seconds = arguments.seconds
    return {
        "single": single.measure,
        "archive": lambda: transfers.measure(checkouts),
        "latency": lambda: uvloop.run(latency.measure(seconds)),
        "idle": lambda: idle.measure(checkouts),
        "jobs": lambda: uvloop.run(jobs.measure(4 * seconds)),
        "client": lambda: client.measure(arguments.each),
    }


def _options(arguments: argparse.Namespace) -> api.Options:
    chosen = tuple(size for size in api.SIZES if size.issues in arguments.sizes)
    return api.Options(
        arguments.each, chosen, arguments.connections, arguments.only, arguments.rounds
    )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench")
    add = parser.add_argument
    add("part", nargs="*", help=f"{', '.join(_PARTS)} (default: all)")
    add("--seconds", type=float, default=15.0, help="each half of latency (15)")
    add("--each", type=float, default=0.8, help="seconds of each measurement of api (0.8)")
    add("--sizes", type=_numbers, default=_numbers("1000,10000,100000"), help="issues, for api")
    add("--connections", type=_numbers, default=_numbers("1,8,32"), help="for api")
    add("--rounds", type=int, default=1, help="how often each is measured; medians count (1)")
    add("--only", default="", metavar="TEXT", help="the cases of api with that in their names")
    add("--picture", type=Path, metavar="PATH", help="write requests/s against issues as SVG")
    add("--beside", metavar="COMMIT", help="measure that commit, too, in turns; api, archive, idle")
    arguments = parser.parse_args()
    unknown = {*arguments.part} - {*_PARTS}
    if unknown:
        parser.error(f"there is no part {unknown.pop()!r}")
    return arguments


def main() -> None:
    """Measure what the command line names."""
    arguments = _arguments()
    parts = arguments.part or [*_PARTS]
    checkouts = [present()]
    if arguments.beside:
        checkouts.insert(0, at(arguments.beside))
    if "api" in parts:
        rows = api.measure(checkouts, _options(arguments))
        print(api_table.text(rows, [each.name for each in checkouts]), end="\n\n")
        if arguments.picture:
            arguments.picture.write_text(picture.svg(rows), "utf-8")
    lines = []
    for part, measure in _measures(arguments, checkouts).items():
        if part in parts:
            sys.stderr.write(f"{part} ...\n")
            lines += measure()
    if lines:
        print(table.text(lines), end="\n\n")
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}; everything on 127.0.0.1 in one run."
    )
    print(f"Load when it ended: {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
