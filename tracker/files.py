"""Files and folders that only Pail's account may open, written so that they survive a crash."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


def make_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, with mode 0700 whatever the umask is.

    One that exists stays as it is. Raises OSError.
    """
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except FileNotFoundError:
        if path.parent == path:
            raise
        make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def make_file(path: Path) -> None:
    """Make an empty file with mode 0600 whatever the umask is; leave one that exists as it is.

    That one isn't even opened: to close it would end the locks that SQLite has on it in this
    process (POSIX). Raises OSError.
    """
    with suppress(FileExistsError):
        # Through a symbolic link, which O_EXCL does not follow.
        os.close(os.open(os.path.realpath(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


@contextmanager
def new_file(target: Path, *, overwrite: bool = True) -> Iterator[BinaryIO]:
    """Write a file whole or not at all: its bytes are on the disk before it has its name.

    It has mode 0600. With overwrite=False a file of that name stays as it is. Raises OSError, and
    what is raised in here; nothing is left behind then.
    """
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=target.parent)
    draft = Path(name)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            draft.replace(target)
        else:
            with suppress(FileExistsError):
                os.link(draft, target)
    finally:
        draft.unlink(missing_ok=True)
    sync(target.parent)


def sync(path: Path) -> None:
    """Put a file's bytes, or the names in a folder, on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_open_to_others(path: Path) -> bool:
    """Whether other accounts of the machine may do anything with it; False where it is absent."""
    with suppress(FileNotFoundError):
        return bool(path.stat().st_mode & 0o077)
    return False
