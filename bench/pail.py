"""A running Pail of some checkout, with trackers to ask."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from bench import closed_loop, load, processes, samples, world
from bench.cases import Case
from bench.checkout import Checkout
from bench.samples import Size

_WARM = 20_000
_PAGE = 50
_PAUSE = 2.0
_QUIET = 0.05
_APART = 5_003


@dataclass(slots=True)
class Pail:
    """A running Pail with a tracker of each size in the workspace "bench"."""

    checkout: Checkout
    token: str
    port: int
    pid: int
    asked: dict[tuple[Case, Size], Iterator[int]] = field(default_factory=dict)

    def cpu(self) -> tuple[float, float]:
        """Seconds of CPU time so far: of the web process and of its child processes."""
        own, *children = processes.family(self.pid)
        return processes.cpu_seconds(own), sum(map(processes.cpu_seconds, children))

    def numbers(self, case: Case, size: Size) -> Iterator[int]:
        """The numbers of the case's requests that this tracker was not asked yet.

        Cases begin at different numbers, because several make the same conditions of a number.
        """
        begin = 1 + _APART * len(self.asked)
        return self.asked.setdefault((case, size), count(begin))


@contextmanager
def made(checkout: Checkout) -> Iterator[tuple[Path, str]]:
    """A fresh data directory with an account, which owns the workspace "bench"; and its token."""
    world.DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pail-", dir=world.DATA) as folder:
        data_dir = Path(folder)
        checkout.pail(data_dir, "user", "add", "bench")
        checkout.pail(data_dir, "workspace", "create", "bench", "--owner", "bench")
        yield data_dir, checkout.pail(data_dir, "token", "create", "bench")


@contextmanager
def serving(checkout: Checkout, sizes: Sequence[Size]) -> Iterator[Pail]:
    """Make a tracker of each size in a fresh data directory, and serve them with web and worker.

    The HTML of the newest issues is made and stored before, as it is in daily use.
    """
    with made(checkout) as (data_dir, token):
        for size in sizes:
            archive = samples.archive(world.DATA, size)
            checkout.pail(data_dir, "repo", "create", f"bench/{size.name}")
            checkout.pail(data_dir, "import", f"bench/{size.name}", str(archive))
        with checkout.worker(data_dir) as worker:
            with checkout.web(data_dir) as (port, _):
                for size in sizes:
                    _read_all(port, token, size)
            _wait_until_quiet(worker)
            with checkout.web(data_dir) as (port, pid):
                yield Pail(checkout, token, port, pid)


def _read_all(port: int, token: str, size: Size) -> None:
    """Ask once for each page of the newest issues, and for those in the middle and at the end."""
    last = -(-size.issues // _PAGE)
    pages = {*range(1, min(last, _WARM // _PAGE) + 1), last // 2 or 1, last}
    path = f"/2.0/repositories/bench/{size.name}/issues?pagelen={_PAGE}&page="
    messages = [load.request("GET", f"{path}{page}", token) for page in sorted(pages)]
    closed_loop.each_once(port, iter(messages))


def _wait_until_quiet(pid: int) -> None:
    """Until a process takes next to no CPU time for two seconds: the worker's indexes are made."""
    before = processes.cpu_seconds(pid)
    while True:
        time.sleep(_PAUSE)
        now = processes.cpu_seconds(pid)
        if now - before < _QUIET:
            return
        before = now
