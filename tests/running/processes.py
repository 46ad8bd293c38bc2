"""Processes that a test starts, and what is left of them afterwards."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TypeVar

ROOT = Path(__file__).resolve().parents[2]
PAIL = [sys.executable, "-P", str(ROOT / "pail_main.py")]
"""The `pail` command of this checkout."""

PATIENCE_SECONDS = 40.0

T = TypeVar("T")


def eventually(look: Callable[[], T], what: str) -> T:
    """What look returns as soon as it is true; what names it in the failure when it never is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (seen := look()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)
    return seen


class Started:
    """A process in a folder of its own, which names the folder in the environment of all it starts.

    stdout and stderr go to files, so that no pipe has to be read while it runs.
    """

    def __init__(
        self, folder: Path, argv: Sequence[str], out: IO[bytes], log: IO[bytes], env: dict[str, str]
    ) -> None:
        self.folder = folder
        self._out = out
        self._log = log
        self.process = subprocess.Popen(
            argv,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TEST_FOLDER": str(folder), **env},
        )

    @property
    def out(self) -> str:
        return _whole(self._out)

    @property
    def log(self) -> str:
        return _whole(self._log)

    def logs(self, text: str) -> None:
        """Wait until the log holds text; fail at once if the process ends without it."""

        def holds() -> bool:
            ended = self.process.poll() is not None
            assert text in self.log or not ended, self.log
            return text in self.log

        eventually(holds, f"{text!r} in the log")

    def send(self, number: signal.Signals) -> int:
        """Send a signal and return the status that the process ends with."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)

    def family(self) -> dict[int, str]:
        """Command lines, by process id, of it and of everything it started and that still lives."""
        mark = os.fsencode(self.folder)
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # ended while we looked, or somebody else's
                # Valkey writes its title over its environment; the title holds its socket's path.
                line = (entry / "cmdline").read_bytes()
                if line and mark in (entry / "environ").read_bytes() + line:
                    found[int(entry.name)] = line.replace(b"\0", b" ").decode(errors="replace")
        return found

    def nobody_is_left(self) -> None:
        """Wait until the last of the family is gone."""
        eventually(lambda: not self.family(), "the end of all processes")


@contextlib.contextmanager
def started(folder: Path, argv: Sequence[str], **env: str) -> Iterator[Started]:
    """A process that is ended, with all its family, when the test is over."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as log:
        run = Started(folder, argv, out, log, env)
        try:
            yield run
        finally:
            run.process.kill()
            for pid in run.family():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            run.process.wait(PATIENCE_SECONDS)


def _whole(file: IO[bytes]) -> str:
    # pread: the place in the file is shared with those who write to it.
    return os.pread(file.fileno(), 1 << 26, 0).decode()


def python(code: str) -> list[str]:
    """The command line of a Python process that runs code."""
    return [sys.executable, "-u", "-c", code]


def status_of(url: str, **headers: str) -> int:
    """The status of a GET with these headers."""
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
