"""Requests a second of the API's verbs, and what each costs the web process.

Reads are asked again, asked for the first time, and asked again while somebody writes.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import count, repeat
from pathlib import Path

from bench import cases, closed_loop, load, processes, samples, world
from bench.cases import Case
from bench.checkout import Checkout
from bench.closed_loop import Figures
from bench.pail import Pail, serving
from bench.samples import Size

SIZES = (samples.SERVED, samples.TEN_THOUSAND, samples.VAST)
COLUMNS = ("asked again", "asked for the first time", "while 50 writes/s go on")
MANY = 8
_ALL = (1, MANY, 32)
_WRITES = 50.0
_CREATES = 10


@dataclass(frozen=True, slots=True)
class Options:
    """What is measured, and for how long."""

    seconds: float
    sizes: Sequence[Size] = SIZES
    connections: Sequence[int] = _ALL
    only: str = ""
    """A part of the names of cases."""
    rounds: int = 1
    """How often each is measured, in turns with the other checkout; the medians are shown."""


@dataclass(slots=True)
class Row:
    """A case with so many connections: for each checkout the figures of the columns."""

    case: Case
    size: Size
    connections: int
    figures: list[list[Figures]] = field(default_factory=list)
    bare: Figures | None = None


def measure(checkouts: Sequence[Checkout], options: Options) -> list[Row]:
    """Each case in one checkout and then in the next one; writes are last."""
    chosen = [
        case for case in (*cases.READS, *cases.WRITES) if options.only in f"{case.api} {case.name}"
    ]
    rows = []
    with ExitStack() as stack:
        pails = [stack.enter_context(serving(each, options.sizes)) for each in checkouts]
        # The sizes of a case follow one another, so that a slower minute hardly alters the growth.
        for case in chosen:
            for size in options.sizes:
                for connections in options.connections:
                    if connections == MANY or size is samples.TEN_THOUSAND:
                        row = Row(case, size, connections)
                        _fill(row, pails, options)
                        rows.append(row)
    return rows


def _fill(row: Row, pails: Sequence[Pail], options: Options) -> None:
    sys.stderr.write(f"  {row.case.api} {row.case.name}, {row.size.issues}, {row.connections}\n")
    columns = _read if row.case.method == "GET" else _write
    rounds = [
        [columns(row, pail, options.seconds) for pail in pails] for _ in range(options.rounds)
    ]
    row.figures = [
        [closed_loop.median(column) for column in zip(*each, strict=True)]
        for each in zip(*rounds, strict=True)
    ]
    if row.case.method == "GET" and row.connections == MANY and row.size is samples.TEN_THOUSAND:
        row.bare = _bare(row, pails[-1], options)


def _read(row: Row, pail: Pail, seconds: float) -> list[Figures]:
    again = row.case.request(row.size, 0, pail.token)
    ask = partial(
        closed_loop.measure,
        pail.port,
        connections=row.connections,
        seconds=seconds,
        cpu=pail.cpu,
    )
    closed_loop.each_once(pail.port, iter([again]))
    return [
        ask(repeat(again)),
        ask(_different(row, pail)),
        ask(repeat(again), writes=(_edits(row, pail), _WRITES)),
    ]


def _write(row: Row, pail: Pail, seconds: float) -> list[Figures]:
    return [
        closed_loop.measure(
            pail.port,
            _different(row, pail),
            connections=row.connections,
            seconds=seconds,
            cpu=pail.cpu,
        )
    ]


def _different(row: Row, pail: Pail) -> Iterator[bytes]:
    """Requests that this Pail was never asked."""
    for number in pail.numbers(row.case, row.size):
        yield row.case.request(row.size, number, pail.token)


def _edits(row: Row, pail: Pail) -> Iterator[bytes]:
    """Updates of the newest issues, and now and then a new one."""
    create, update = cases.WRITES[:2]
    for number in count():
        case = update if number % _CREATES else create
        yield case.request(row.size, next(pail.numbers(case, row.size)), pail.token)


def _bare(row: Row, pail: Pail, options: Options) -> Figures:
    """What a bare handler reaches that answers with the same bytes."""
    message = row.case.request(row.size, 0, pail.token)
    with tempfile.TemporaryDirectory(prefix="bare-", dir=world.DATA) as folder:
        body, log = Path(folder, "body"), Path(folder, "log")
        body.write_bytes(load.body(pail.port, message))
        port = processes.free_port()
        command = [sys.executable, "-m", "bench.bare", str(port), str(body), str(row.case.status)]
        with processes.answering(command, {}, log, port) as pid:
            ask = partial(
                closed_loop.measure,
                port,
                connections=row.connections,
                seconds=options.seconds,
                cpu=lambda: (processes.cpu_seconds(pid), 0.0),
            )
            return closed_loop.median([ask(repeat(message)) for _ in range(options.rounds)])
