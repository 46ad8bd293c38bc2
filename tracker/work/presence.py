"""Whether a worker is alive: by a lock that the kernel releases, not by a clock."""

import fcntl
import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from tracker.files import make_folder

_DRAFT = "."
"""What the name of a file begins with until it is locked."""

_COMMAND = ".command"
"""What the name of a command's file ends with."""


class Presence:
    """A worker's sign of life: a file that it holds locked.

    The kernel releases the lock when the process ends, however that happens. So a job whose worker
    was killed is known as abandoned at once, and not only when its heartbeat has been missing for a
    minute. A command that runs a job of its own has one, too, and takes no other jobs.
    """

    def __init__(self, data_dir: Path, *, is_command: bool = False) -> None:
        self._folder = data_dir / "workers"
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        if is_command:
            self.name += _COMMAND
        self._descriptor: int | None = None

    def __enter__(self) -> "Presence":
        make_folder(self._folder)
        for name in _names(self._folder):
            self.is_gone(name)  # and its file removed
        draft = self._folder / f"{_DRAFT}{self.name}"
        self._descriptor = os.open(draft, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.rename(self._folder / self.name)  # a name that can be seen is locked
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        (self._folder / self.name).unlink(missing_ok=True)
        if self._descriptor is not None:
            os.close(self._descriptor)

    def is_gone(self, name: str) -> bool:
        """Whether that worker is known to be dead (False: alive, or unknown)."""
        if not name.startswith(f"{socket.gethostname()}-"):
            return False
        path = self._folder / name
        if _is_locked(path):
            return False
        with suppress(OSError):
            path.unlink()
        return True


def is_any_here(data_dir: Path) -> bool:
    """Whether a worker runs on this machine, in any container. Writes nothing."""
    folder = data_dir / "workers"
    names = (name for name in _names(folder) if not name.endswith(_COMMAND))
    return any(_is_locked(folder / name) for name in names)


def _names(folder: Path) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if not name.startswith(_DRAFT)]
    except OSError:
        return []


def _is_locked(path: Path) -> bool:
    """Whether a worker holds the lock of this file, or that is unknown; False without a file."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        # Shared: two that look at the same time don't take one another for a worker.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
