"""Whether a worker lives: told by the kernel, not by a clock."""

import fcntl
import os
import secrets
import socket
from pathlib import Path
from types import TracebackType

from tracker.files import make_folder


class Presence:
    """A worker's sign of life: a file that it keeps locked.

    The lock goes with the process, however that ends, so a job whose worker was killed is known as
    abandoned at once and not only when its heartbeat has been missing for a minute.
    """

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "workers"
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._descriptor: int | None = None

    def __enter__(self) -> "Presence":
        make_folder(self._folder)
        self._descriptor = os.open(self._folder / self.name, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
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
        """Whether that worker is known to be dead (False: alive, or nobody can tell)."""
        if not name.startswith(f"{socket.gethostname()}-"):
            return False
        path = self._folder / name
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        path.unlink(missing_ok=True)
        return True
