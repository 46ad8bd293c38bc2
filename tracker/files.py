"""Files and folders of Pail's own: made for its account of the machine alone, and kept."""

import os
from contextlib import suppress
from pathlib import Path


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


def sync_folder(path: Path) -> None:
    """Put the names in a folder on the disk, so that a new one lasts. Raises OSError."""
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
