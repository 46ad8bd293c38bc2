"""A checkout of Pail, run as anybody would: by its command line and over HTTP."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from bench import closed_loop, load, processes, samples, world
from bench.cases import Case
from bench.samples import Size

HERE = Path(__file__).resolve().parent.parent
_WARM = 20_000
_PAGE = 50
_QUIET = 0.05
_APART = 5_003


@dataclass(frozen=True, slots=True)
class Checkout:
    """A folder with Pail in it, and the interpreter that has what it needs."""

    name: str
    folder: Path = HERE
    python: str = sys.executable

    def pail(self, data_dir: Path, *arguments: str) -> str:
        """What a `pail` command prints. Raises CalledProcessError if it fails."""
        environment = processes.surroundings({"PAIL_DATA_DIR": str(data_dir)})
        command = [self.python, "pail_main.py", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, text=True, check=True, stdout=subprocess.PIPE
        )
        return done.stdout.strip()

    @contextmanager
    def web(self, data_dir: Path) -> Iterator[tuple[int, int]]:
        """The web process on that data directory; its port and its process id."""
        port = processes.free_port()
        environment = {"PAIL_DATA_DIR": str(data_dir), "PORT": str(port)}
        command = [self.python, "-m", "service"]
        log = data_dir / "web.log"
        with processes.answering(command, environment, log, port, self.folder) as pid:
            yield port, pid

    @contextmanager
    def worker(self, data_dir: Path) -> Iterator[int]:
        """The worker on that data directory, without a queue; its process id."""
        environment = {"PAIL_DATA_DIR": str(data_dir)}
        command = [self.python, "-m", "worker"]
        log = data_dir / "worker.log"
        with processes.running(command, environment, log, self.folder) as process:
            yield process.pid


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
def serving(checkout: Checkout, sizes: Sequence[Size]) -> Iterator[Pail]:
    """Make the trackers in a fresh data directory, and serve them with web and worker.

    The HTML of the newest issues is made and stored before, as it is in daily use.
    """
    world.DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pail-", dir=world.DATA) as folder:
        data_dir = Path(folder)
        checkout.pail(data_dir, "user", "add", "bench")
        checkout.pail(data_dir, "workspace", "create", "bench", "--owner", "bench")
        token = checkout.pail(data_dir, "token", "create", "bench")
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
    """Until a process takes next to no CPU time for a second: the worker's indexes are made."""
    before = processes.cpu_seconds(pid)
    while True:
        time.sleep(1.0)
        now = processes.cpu_seconds(pid)
        if now - before < _QUIET:
            return
        before = now
