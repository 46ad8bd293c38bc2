"""The bytes of attachments: files named by their SHA-256, written once and never changed.

A plain folder with our own fsync: a row may only be committed when the bytes that it names are on
the disk, and that is the one thing storage libraries leave out. An S3 bucket can become a second
class with the same five methods.
"""

import ctypes
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tracker.files import make_folder, sync

CHUNK = 1 << 16
"""Bytes read at a time; fixed, because the compressor's output depends on it."""

MOST_FREED = 1000
"""Blobs that one request removes at most; the sweep removes the others."""

_DRAFT = "new-"
_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Stored:
    """What was stored: the SHA-256 in hex and the size in bytes."""

    sha256: str
    size: int


class PartialBlob:
    """One file that is being written. Both methods block, and raise OSError."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._file = os.fdopen(descriptor, "wb")  # buffered: the raw file may write less
        self._digest = hashlib.sha256()
        self._size = 0

    def write(self, chunk: bytes) -> None:
        """Append the chunk."""
        self._digest.update(chunk)
        self._size += len(chunk)
        self._file.write(chunk)

    def close(self) -> Stored:
        """Close the file; returns what was written."""
        self._file.close()
        return Stored(self._digest.hexdigest(), self._size)


class Batch:
    """Files on their way into the folder; they get their names when all are on the disk.

    As a context it ends in commit(), or after an error in discard().
    """

    def __init__(self, blobs: "Blobs", root: Path) -> None:
        self._blobs = blobs
        self._root = root
        self._drafts: dict[Path, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.discard()

    def store(self, chunks: Iterable[bytes]) -> Stored:
        """Write the chunks. A row may name the result when the batch was committed.

        Raises OSError when the disk refuses.
        """
        draft = self.begin()
        try:
            for chunk in chunks:
                draft.write(chunk)
        finally:
            stored = draft.close()
        self.keep(draft, stored)
        return stored

    def begin(self) -> PartialBlob:
        """A file to write bit by bit, then to keep(). Raises OSError."""
        make_folder(self._root)
        descriptor, name = tempfile.mkstemp(prefix=_DRAFT, dir=self._root)
        path = Path(name)
        self._drafts[path] = path
        return PartialBlob(path, descriptor)

    def keep(self, draft: PartialBlob, stored: Stored) -> None:
        """Take in a draft that is closed: commit() gives it its name."""
        target = self._drafts[draft.path] = self._blobs.path(stored.sha256)
        try:
            os.utime(target)  # its new time protects it from the sweep
        except FileNotFoundError:
            return
        draft.path.unlink()
        del self._drafts[draft.path]

    def discard(self) -> None:
        """Remove what was not committed."""
        for draft in self._drafts:
            draft.unlink(missing_ok=True)

    def commit(self) -> None:
        """First the bytes, then the names: no name ever stands for half a file. Raises OSError."""
        if not self._drafts:
            return
        _sync(self._root, self._drafts)
        folders = {target.parent for target in self._drafts.values()}
        for folder in folders:
            make_folder(folder)
        for draft, target in self._drafts.items():
            os.replace(draft, target)
        self._drafts.clear()
        _sync(self._root, [*folders, self._root])


def _sync(root: Path, paths: Iterable[Path]) -> None:
    """Put paths on the disk: with one call for all of the file system where there is one.

    A thousand small files are one wait then and not a thousand. Raises OSError.
    """
    if _syncfs is not None:
        descriptor = os.open(root, os.O_RDONLY)
        try:
            if _syncfs(descriptor) != 0:
                raise OSError(ctypes.get_errno(), "the disk does not take what is written")
        finally:
            os.close(descriptor)
        return
    for path in paths:
        sync(path)


_syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
"""Linux has it; elsewhere each file is synced on its own."""


class Blobs:
    """A folder of blobs. Every method blocks: call them in a thread."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, sha256: str) -> Path:
        """Where the bytes of that SHA-256 lie, whether they are there or not."""
        if not _NAME.fullmatch(sha256):
            raise ValueError("not a SHA-256 in lower-case hex")
        return self._root / sha256[:2] / sha256

    def batch(self) -> Batch:
        """Somewhere to store files: they are in the folder when its context ends."""
        return Batch(self, self._root)

    def store(self, chunks: Iterable[bytes]) -> Stored:
        """Store one file; it is in the folder when this returns. Raises as Batch.store does."""
        with self.batch() as batch:
            return batch.store(chunks)

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
        """Remove the files of batches that were killed more than older_than seconds ago."""
        before = time.time() - older_than
        for path in self._root.glob(f"{_DRAFT}*"):
            if path.stat().st_mtime <= before:
                path.unlink(missing_ok=True)
