"""The bytes of attachments: files named by their SHA-256, written once and never changed.

A plain folder with our own fsync: a row may only be committed when the bytes that it names are on
the disk, and that is the one thing storage libraries leave out. An S3 bucket can become a second
class with the same five methods.
"""

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 16
"""Bytes read at a time; fixed, because the compressor's output depends on it (DECISIONS 10)."""

_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Stored:
    """What was stored: the SHA-256 in hex and the size in bytes."""

    sha256: str
    size: int


class Blobs:
    """A folder of blobs. Every method blocks: call them in a thread."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._unsynced: set[Path] = set()

    def path(self, sha256: str) -> Path:
        """Where the bytes of that SHA-256 lie, whether they are there or not."""
        if not _NAME.fullmatch(sha256):
            raise ValueError("not a SHA-256 in lower-case hex")
        return self._root / sha256[:2] / sha256

    def store(self, chunks: Iterable[bytes]) -> Stored:
        """Write the chunks and fsync them. Call flush() before a row names the result.

        Raises OSError when the disk refuses; nothing is left behind then.
        """
        self._root.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        size = 0
        descriptor, name = tempfile.mkstemp(prefix="new-", dir=self._root)
        try:
            with open(descriptor, "wb", buffering=0) as file:
                for chunk in chunks:
                    digest.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
                stored = Stored(digest.hexdigest(), size)
                target = self.path(stored.sha256)
                if target.exists():
                    os.utime(target)  # young again, so that no sweep takes it
                    os.unlink(name)
                    return stored
                os.fsync(file.fileno())
            if not target.parent.exists():
                target.parent.mkdir(exist_ok=True)
                self._unsynced.add(self._root)
            os.replace(name, target)
            self._unsynced.add(target.parent)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return stored

    def flush(self) -> None:
        """Fsync the folders that store() has written to: the names are on the disk as well."""
        while self._unsynced:
            folder = self._unsynced.pop()
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def read(self, sha256: str) -> Iterator[bytes]:
        """The bytes in chunks of CHUNK. Raises FileNotFoundError."""
        with self.path(sha256).open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def folders(self) -> list[Path]:
        """The folders that hold blobs; each can be swept on its own."""
        return sorted(path for path in self._root.glob("??") if path.is_dir())

    def names(self, folder: Path, *, older_than: float) -> list[str]:
        """The SHA-256 of each blob in a folder that was stored more than older_than seconds ago."""
        before = time.time() - older_than
        return [
            entry.name
            for entry in os.scandir(folder)
            if _NAME.fullmatch(entry.name) and entry.stat().st_mtime <= before
        ]

    def remove(self, sha256: str) -> None:
        """Remove the bytes; none there is fine."""
        self.path(sha256).unlink(missing_ok=True)

    def remove_leftovers(self, *, older_than: float) -> None:
        """Remove what a store() that was killed half-way left, older_than seconds ago."""
        before = time.time() - older_than
        for path in self._root.glob("new-*"):
            if path.stat().st_mtime <= before:
                path.unlink(missing_ok=True)
