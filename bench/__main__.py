"""`python -m bench [PART ...]`: measures Pail on this machine and prints tables.

Parts: api, single, archive, latency, idle, jobs, client; without any, all of them, which takes
about fifteen minutes. Archives and databases go to bench/data. Nothing else should run meanwhile.
"""

import argparse
import os
import platform
import sqlite3
import sys
from collections.abc import Awaitable, Callable

import uvloop

from bench import api, api_table, client, idle, jobs, latency, single, table, transfers
from bench.checkout import Checkout
from bench.table import Line

_PARTS = ("api", "single", "archive", "latency", "idle", "jobs", "client")


async def _run(parts: list[str], seconds: float) -> list[Line]:
    async def load_generator() -> list[Line]:
        return client.measure(1.0)

    measures: dict[str, Callable[[], Awaitable[list[Line]]]] = {
        "single": single.measure,
        "archive": transfers.measure,
        "latency": lambda: latency.measure(seconds),
        "idle": idle.measure,
        "jobs": lambda: jobs.measure(4 * seconds),
        "client": load_generator,
    }
    lines: list[Line] = []
    for part in parts:
        sys.stderr.write(f"{part} ...\n")
        lines += await measures[part]()
    return lines


def _options(arguments: argparse.Namespace) -> api.Options:
    chosen = tuple(size for size in api.SIZES if size.issues in arguments.sizes)
    return api.Options(arguments.each, chosen, arguments.connections, arguments.only)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench")
    add = parser.add_argument
    add("part", nargs="*", help=f"{', '.join(_PARTS)} (default: all)")
    add("--seconds", type=float, default=15.0, help="each half of latency (15)")
    add("--each", type=float, default=1.0, help="seconds of each measurement of api (1)")
    add("--sizes", type=_numbers, default=_numbers("1000,10000,100000"), help="issues, for api")
    add("--connections", type=_numbers, default=_numbers("1,8,32"), help="for api")
    add("--only", default="", metavar="TEXT", help="the cases of api with that in their names")
    arguments = parser.parse_args()
    unknown = {*arguments.part} - {*_PARTS}
    if unknown:
        parser.error(f"there is no part {unknown.pop()!r}")
    return arguments


def main() -> None:
    """Measure what the command line names."""
    arguments = _arguments()
    parts = arguments.part or [*_PARTS]
    if "api" in parts:
        checkouts = [Checkout("this checkout")]
        rows = api.measure(checkouts, _options(arguments))
        print(api_table.text(rows, [each.name for each in checkouts]), end="\n\n")
    lines = uvloop.run(_run([part for part in parts if part != "api"], arguments.seconds))
    if lines:
        print(table.text(lines), end="\n\n")
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}; everything on 127.0.0.1 in one run."
    )
    print(f"Load when it ended: {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
