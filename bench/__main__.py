"""`python -m bench [PART ...]`: measures Pail on this machine and prints one table.

Parts: api, archive, latency, idle, jobs; without any, all of them, which takes about
seven minutes.
Archives and databases go to bench/data. Nothing else should run meanwhile.
"""

import argparse
import os
import platform
import sqlite3
import sys
from collections.abc import Awaitable, Callable

import uvloop

from bench import idle, jobs, latency, requests, table, transfers
from bench.table import Line

_PARTS = ("api", "archive", "latency", "idle", "jobs")


async def _run(parts: list[str], seconds: float) -> list[Line]:
    measures: dict[str, Callable[[], Awaitable[list[Line]]]] = {
        "api": lambda: requests.measure(seconds / 5),
        "archive": transfers.measure,
        "latency": lambda: latency.measure(seconds),
        "idle": idle.measure,
        "jobs": lambda: jobs.measure(4 * seconds),
    }
    lines: list[Line] = []
    for part in parts or measures:
        sys.stderr.write(f"{part} ...\n")
        lines += await measures[part]()
    return lines


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("part", nargs="*", help=f"{', '.join(_PARTS)} (default: all)")
    parser.add_argument("--seconds", type=float, default=15.0, help="each half of latency (15)")
    arguments = parser.parse_args()
    unknown = {*arguments.part} - {*_PARTS}
    if unknown:
        parser.error(f"there is no part {unknown.pop()!r}")
    lines = uvloop.run(_run(arguments.part, arguments.seconds))
    print(table.text(lines))
    print(
        f"\n{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}; everything on 127.0.0.1 in one run."
    )
    print(f"Load when it ended: {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
