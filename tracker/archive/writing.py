"""Writing an archive: records go in one by one, a deterministic zip comes out.

The same records give the same bytes: fixed order, one date, one mode, and pieces
of 64 KiB into the compressor, whose output depends on them.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from isal import isal_zlib
from stream_zip import ZIP_32, ZIP_64, Method, stream_zip

from tracker.archive.databases import DatabaseFile, by_account, by_username
from tracker.archive.jira import JiraProject, derive_key
from tracker.archive.records import Attachment, Comment, Issue, Log, Meta
from tracker.files import new_file

_CHUNK = 1 << 16
# Level 3 halves the speed for 3 % of the size; files that are packed already cost no more time
# than storing them, which would need their checksums beforehand.
_LEVEL = 2
_MODE = 0o100600
# Old readers know no Zip64. Beyond these no plain zip can hold the files: deflate may add a little.
_PLAIN_BYTES = 4_000_000_000
_PLAIN_ENTRIES = 65_000
_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)
_LATEST = datetime(2107, 12, 31, 23, 59, 58, tzinfo=UTC)

Entry = tuple[str, datetime, int, Method, Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class StoredAttachment:
    """A row of attachments and where its bytes are; record.path is not used.

    ordinal counts an issue's attachments; blob is the SHA-256 (hex) of size bytes, or None where
    there are none: the row is written, the file is not.
    """

    record: Attachment
    ordinal: int
    blob: str | None
    size: int


class Writer:
    """Collects a tracker in a private folder inside spool, gone again at the end.

    Call meta and categories, then issue for each issue in order of number, then write.
    workspace, slug and name are the repository's; base_url (no slash at its end) starts the
    addresses in Jira's file; project_key and project_name may replace what is derived from name.
    """

    def __init__(
        self,
        spool: Path,
        *,
        workspace: str,
        slug: str,
        name: str,
        base_url: str,
        project_key: str | None = None,
        project_name: str | None = None,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="export-", dir=spool)
        folder = Path(self._folder.name)
        self._databases = (
            DatabaseFile(folder, "1.0", by_username),
            DatabaseFile(folder, "2.0", by_account),
        )
        self._jira = JiraProject(
            folder,
            name=name,
            project={"key": project_key or derive_key(name), "name": project_name or name},
            address=f"{base_url}/{workspace}/{slug}",
            files=f"{base_url}/2.0/repositories/{workspace}/{slug}/issues",
        )
        # One line a file, "path blob": there may be too many to keep in memory.
        self._files = (folder / "files").open("w+", encoding="ascii")
        self._file_count = self._file_bytes = 0
        self._newest = ""
        self._meta = Meta()
        self._categories: dict[str, list[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for part in (*self._databases, self._jira, self._files):
            part.close()
        self._folder.cleanup()

    def meta(self, meta: Meta) -> None:
        """The tracker's defaults."""
        self._meta = meta

    def categories(self, components: list[str], milestones: list[str], versions: list[str]) -> None:
        """The names that are declared, in the order in which they are to be written."""
        self._categories = {
            "milestones": milestones,
            "versions": versions,
            "components": components,
        }

    def issue(
        self,
        issue: Issue,
        comments: Iterable[Comment],
        logs: Iterable[Log],
        attachments: Iterable[StoredAttachment],
    ) -> None:
        """Write an issue and everything that belongs to it, each sorted; read once, not stored.

        Every person needs an account_id or a display_name.
        """
        self._newest = max(self._newest, issue.updated_on)
        self._jira.issue(issue)
        for database in self._databases:
            database.issue(issue)
        for comment in comments:
            self._jira.comment(comment)
            for database in self._databases:
                database.comment(comment)
        for log in logs:
            for database in self._databases:
                database.log(log)
        for stored in attachments:
            self._attachment(stored)
        self._jira.end()

    def _attachment(self, stored: StoredAttachment) -> None:
        identity = f"{stored.record.issue}/{stored.ordinal}/{stored.blob or ''}"
        path = f"attachments/{hashlib.sha256(identity.encode()).hexdigest()[:32]}"
        self._jira.attachment(stored.record)
        for database in self._databases:
            database.attachment(stored.record, path)
        if stored.blob is not None:
            self._files.write(f"{path} {stored.blob}\n")
            self._file_count += 1
            self._file_bytes += stored.size

    def write(
        self,
        target: Path,
        read_blob: Callable[[str], Iterator[bytes]],
        progress: Callable[[int, int], None],
    ) -> None:
        """Make the zip: target appears whole, on the disk, or not at all.

        read_blob gives the bytes of a blob; what it raises passes through. progress is called
        with (done, total) bytes before compression and may raise.
        """
        for database in self._databases:
            database.meta(self._meta, self._categories)
        self._jira.categories(
            self._categories.get("components", []),
            self._categories.get("versions", []),
            self._meta.default_assignee,
        )
        with new_file(target) as file:
            for chunk in stream_zip(
                self._entries(read_blob, progress),
                chunk_size=_CHUNK,
                get_compressobj=_compressor,  # type: ignore[arg-type]
                extended_timestamps=False,
            ):
                file.write(chunk)

    def _entries(
        self, read_blob: Callable[[str], Iterator[bytes]], progress: Callable[[int, int], None]
    ) -> Iterator[Entry]:
        texts = (*self._databases, self._jira)
        total = self._file_bytes + sum(text.size() for text in texts)
        plain = total < _PLAIN_BYTES and self._file_count < _PLAIN_ENTRIES
        method = ZIP_32 if plain else ZIP_64
        date = _date(self._newest)
        done = 0

        def counted(chunks: Iterable[bytes]) -> Iterator[bytes]:
            nonlocal done
            for chunk in _even(chunks):
                done += len(chunk)
                progress(done, total)
                yield chunk

        self._files.seek(0)
        for line in self._files:
            path, blob = line.split()
            yield path, date, _MODE, method, counted(read_blob(blob))
        signature = hashlib.sha1(usedforsecurity=False)
        for text in texts:
            yield text.name, date, _MODE, method, _hashed(counted(text.chunks()), signature.update)
        yield ".signature", date, _MODE, method, [signature.hexdigest().encode()]


def _compressor() -> "isal_zlib.Compress":
    return isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -15)


def _hashed(chunks: Iterable[bytes], update: Callable[[bytes], None]) -> Iterator[bytes]:
    for chunk in chunks:
        update(chunk)
        yield chunk


def _even(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of 64 KiB: the pieces decide what the compressor makes of them."""
    pending = bytearray()
    for chunk in chunks:
        pending += chunk
        whole = len(pending) - len(pending) % _CHUNK
        for start in range(0, whole, _CHUNK):
            yield bytes(pending[start : start + _CHUNK])
        del pending[:whole]
    if pending:
        yield bytes(pending)


def _date(newest: str) -> datetime:
    """The last change as the date of every entry, within what a zip can say."""
    moment = datetime.fromisoformat(newest) if newest else _EARLIEST
    return min(max(moment, _EARLIEST), _LATEST)
