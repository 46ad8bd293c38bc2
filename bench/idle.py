"""How soon Pail answers after its start, and what it costs when nobody asks."""

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import processes, world
from bench.checkout import Checkout
from bench.table import Line

_STARTS = 3
_REST = 5.0
_SPAN = 10.0
_ALL = "in all"


def measure(checkouts: Sequence[Checkout]) -> list[Line]:
    """`pail up --demo` on an empty data directory, three times; of the last what it costs."""
    world.DATA.mkdir(exist_ok=True)
    seconds: dict[str, list[float]] = {each.name: [] for each in checkouts}
    costs: dict[str, list[Line]] = {}
    for start in range(_STARTS):
        for checkout in checkouts:
            name = "" if len(checkouts) == 1 else f" ({checkout.name})"
            with (
                tempfile.TemporaryDirectory(prefix="up-", dir=world.DATA) as folder,
                checkout.up(Path(folder)) as (port, pid),
            ):
                seconds[checkout.name].append(processes.seconds_to_answer(port))
                if start == _STARTS - 1:
                    costs[checkout.name] = _costs(pid, name)
    lines = []
    for each, taken in seconds.items():
        what = "pail up --demo: start" if len(checkouts) == 1 else f"pail up --demo: start ({each})"
        lines += [Line(what, f"{statistics.median(taken):.2f} s", wanted="< 0.5 s"), *costs[each]]
    return lines


def _costs(pid: int, name: str) -> list[Line]:
    """Memory and CPU time of the processes after some seconds of rest."""
    time.sleep(_REST)
    family = processes.family(pid)
    before, start = [processes.cpu_seconds(each) for each in family], time.perf_counter()
    time.sleep(_SPAN)
    after, span = [processes.cpu_seconds(each) for each in family], time.perf_counter() - start
    shares = [100 * (late - early) / span for early, late in zip(before, after, strict=True)]
    each = [
        (processes.rss(one), processes.pss(one), share)
        for one, share in zip(family, shares, strict=True)
    ]
    total = tuple(map(sum, zip(*each, strict=True)))
    names = [*map(processes.name, family), _ALL]
    return [
        Line(
            f"pail up --demo, idle: {what}{name}",
            f"{rss:.0f} MB (its share: {pss:.1f} MB), {share:.2f} % of a core",
            wanted="< 70 MB, < 0.3 %" if what == _ALL else "",
        )
        for what, (rss, pss, share) in zip(names, [*each, total], strict=True)
    ]
