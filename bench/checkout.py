"""A checkout of Pail, run as anybody would: by its command line and over HTTP."""

import io
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import processes, world

HERE = Path(__file__).resolve().parent.parent
_LOCK = "requirements.lock"


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
    def up(self, data_dir: Path) -> Iterator[tuple[int, int]]:
        """`pail up --demo` on that data directory, from its start on: its port and process id."""
        port = processes.free_port()
        environment = {"PAIL_DATA_DIR": str(data_dir), "PORT": str(port)}
        command = [self.python, "pail_main.py", "up", "--demo"]
        with processes.running(command, environment, data_dir / "up.log", self.folder) as process:
            yield port, process.pid

    @contextmanager
    def worker(self, data_dir: Path) -> Iterator[int]:
        """The worker on that data directory, without a queue; its process id."""
        environment = {"PAIL_DATA_DIR": str(data_dir)}
        command = [self.python, "-m", "worker"]
        log = data_dir / "worker.log"
        with processes.running(command, environment, log, self.folder) as process:
            yield process.pid


def present() -> Checkout:
    """The checkout that this file belongs to."""
    return Checkout("here")


def at(commit: str) -> Checkout:
    """A checkout of that commit, in bench/data; made once and kept for the next run.

    It has a virtualenv of its own if it needs other packages than the present checkout. Raises
    CalledProcessError if there is no such commit.
    """
    command = ["git", "-C", str(HERE), "rev-parse", "--verify", f"{commit}^{{commit}}"]
    name = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout[:10]
    folder = world.DATA / "checkouts" / name
    if not folder.exists():
        _unpack(name, folder)
    if (folder / _LOCK).read_bytes() == (HERE / _LOCK).read_bytes():
        return Checkout(name, folder)
    subprocess.run(
        ["make", f"PYTHON={sys.executable}", ".venv/installed"],
        cwd=folder,
        check=True,
        stdout=sys.stderr,
    )
    return Checkout(name, folder, str(folder / ".venv/bin/python"))


def _unpack(commit: str, folder: Path) -> None:
    """The files of a commit. They get their name at last: what is there is whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    command = ["git", "-C", str(HERE), "archive", commit]
    packed = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        unpacked = Path(temporary, "checkout")
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            tar.extractall(unpacked, filter="data")
        unpacked.rename(folder)
