"""Store the bytes of an archive's attachments as blobs."""

from collections.abc import Callable, Iterator, Sequence

from tracker.archive.reading import Archive
from tracker.archive.records import Attachment
from tracker.blobs import Blobs, Stored
from tracker.transfers.reports import Report
from tracker.work.progress import Progress


class Storing:
    """Stores what attachments name; each file once, however many name it.

    Without blobs (a dry run) the files are read and checked, and nothing is kept.
    """

    def __init__(
        self, archive: Archive, blobs: Blobs | None, report: Report, progress: Progress
    ) -> None:
        self._archive = archive
        self._blobs = blobs
        self._report = report
        self._progress = progress
        self._stored: dict[str, Stored] = {}

    def store(self, batch: Sequence[Attachment]) -> list[Stored | None]:
        """Put the attachments' bytes on the disk; None for those that the archive lacks.

        Blocks. Raises Invalid for a damaged file, OSError when the disk refuses.
        """
        if self._blobs is None:
            return [self._one(attachment, _measure) for attachment in batch]
        with self._blobs.batch() as files:
            return [self._one(attachment, files.store) for attachment in batch]

    def _one(
        self, attachment: Attachment, store: Callable[[Iterator[bytes]], Stored]
    ) -> Stored | None:
        path = attachment.path
        if path in self._stored:
            return self._stored[path]
        member = self._archive.find(path)
        if member is None:
            self._report.missing_files.add(
                f"{path} ({attachment.filename!r} of issue {attachment.issue})"
            )
            return None
        self._stored[path] = store(self._ticking(self._archive.read(member)))
        return self._stored[path]

    def _ticking(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._progress.tick()
            yield chunk


def _measure(chunks: Iterator[bytes]) -> Stored:
    """What storing them would give, but for the SHA-256."""
    return Stored("0" * 64, sum(map(len, chunks)))


class FreeNames:
    """The names of one issue's attachments in the API, each given once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def take(self, filename: str) -> str:
        """The file's own name, or name.1.ext, name.2.ext, ... when that is taken.

        One that an address can't hold ("", ".", "..") gets a name that it can.
        """
        if not filename.strip("."):
            filename = f"unnamed{filename}"
        stem, dot, extension = filename.rpartition(".")
        name = filename
        while name in self._taken:
            # Where the last search for this name ended: thousands may have the same one.
            number = self._numbers[filename] = self._numbers.get(filename, 0) + 1
            name = f"{stem}.{number}{dot}{extension}" if stem else f"{filename}.{number}"
        self._taken.add(name)
        return name
