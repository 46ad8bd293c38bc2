"""The tables of what the API's verbs reach."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from bench import samples, table
from bench.api import COLUMNS, MANY, Row
from bench.closed_loop import Figures

_ENOUGH = 45.0
_UNITS = "Cells: answers a second · median in ms · CPU time of the web process for one, in µs."


def text(rows: Sequence[Row], names: Sequence[str]) -> str:
    """One table of reads and one of writes; names are those of the checkouts."""
    reads = [row for row in rows if row.case.method == "GET"]
    writes = [row for row in rows if row.case.method != "GET"]
    head = ("verb", "issues", "at a time")
    tables = [_UNITS]
    if reads:
        reading = (*head, *COLUMNS, "bare: /s · µs", "goals")
        tables.append(table.markdown(reading, _lines(reads, _read)))
    if writes:
        writing = (*head, "answered", "CPU of children, µs", "goal")
        tables.append(table.markdown(writing, _lines(writes, _write)))
    if len(names) > 1:
        tables.insert(1, f"{names[0]} → {names[1]} (× how many times as many a second)")
    return "\n\n".join(tables)


Cells = tuple[str, ...]


def _lines(rows: Iterable[Row], cells: Callable[[Row], Cells]) -> Iterator[Cells]:
    """The rows by case, each case with its growth at the end."""
    for _, group in groupby(rows, key=lambda row: row.case):
        found = list(group)
        for row in found:
            yield (_name(row), f"{row.size.issues:,}", str(row.connections), *cells(row))
        yield from _growth(found, len(cells(found[0])))


def _name(row: Row) -> str:
    return row.case.name if row.case.api == "2.0" else f"{row.case.api}: {row.case.name}"


def _read(row: Row) -> Cells:
    bare = ""
    if row.bare is not None:
        ratio = row.figures[-1][0].rate / row.bare.rate
        bare = f"{row.bare.rate:,.0f} · {row.bare.cpu:,.0f} (× {ratio:.2f})"
    goals = row.case.goals if row.bare is not None else ""
    return (*(_cell(column) for column in zip(*row.figures, strict=True)), bare, goals)


def _write(row: Row) -> Cells:
    [column] = zip(*row.figures, strict=True)
    goal = ""
    if row.size is samples.TEN_THOUSAND:
        goal = {1: "p50 <= 1.5 ms", MANY: "1,500", 32: "2,500"}.get(row.connections, "")
    return _cell(column), _joined(f"{each.child_cpu:,.0f}" for each in column), goal


def _cell(column: Sequence[Figures]) -> str:
    """Requests a second, the median and the CPU time, of each checkout."""
    rates = _joined(f"{each.rate:,.0f}" for each in column)
    if len(column) > 1 and column[0].rate:
        rates += f" (× {column[1].rate / column[0].rate:.2f})"
    medians = _joined(f"{each.p50:.2f}" for each in column)
    cell = f"{rates} · {medians} · {_joined(f'{each.cpu:,.0f}' for each in column)}"
    notes = [f"{each.refused} refused" for each in column if each.refused]
    notes += [f"{each.writes:.0f} writes/s" for each in column if 0 < each.writes < _ENOUGH]
    return f"{cell} ({', '.join(notes)})" if notes else cell


def _times(few: Figures, lot: Figures) -> str:
    """By the answers a second, and by the CPU time, which other processes disturb less."""
    if not lot.rate or not few.cpu:
        return "-"
    return f"{few.rate / lot.rate:.2f} · CPU × {lot.cpu / few.cpu:.2f}"


def _joined(texts: Iterable[str]) -> str:
    return " → ".join(texts)


def _growth(rows: Sequence[Row], width: int) -> Iterator[Cells]:
    """How many times as long it takes with the most issues as with the fewest."""
    many = [row for row in rows if row.connections == MANY]
    if len(many) < 2:
        return
    small, large = many[0], many[-1]
    columns = [
        _joined(_times(few, lot) for few, lot in zip(before, after, strict=True))
        for before, after in zip(
            zip(*small.figures, strict=True), zip(*large.figures, strict=True), strict=True
        )
    ]
    padding = [""] * (width - len(columns) - 1)
    most = f"<= {small.case.most}" if small.case.most else ""
    sizes = f"{large.size.issues:,} : {small.size.issues:,}"
    yield (_name(small), sizes, str(MANY), *(f"× {each}" for each in columns), *padding, most)
