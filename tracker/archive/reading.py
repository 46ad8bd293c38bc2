"""Reading an archive: everything is checked first, then the records come as often as wanted."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracker.archive.joining import Witnesses
from tracker.archive.members import (
    Bare,
    Folder,
    Member,
    Source,
    find_databases,
    is_ignored,
)
from tracker.archive.people import People
from tracker.archive.places import put
from tracker.archive.records import NOBODY, Attachment, Comment, Issue, Log, Meta, Person
from tracker.archive.rules import Rules
from tracker.archive.stream import Document
from tracker.archive.survey import RECORDS, Survey
from tracker.archive.telling import is_text, version_of
from tracker.archive.zipped import Zip
from tracker.errors import Invalid
from tracker.settings import MIB, Limits

Progress = Callable[[int, int], None]
"""Called with (done, total) bytes at least once per MiB; may raise, which ends the reading."""

_PERSON = 200
_MOST_TEXT = 1 << 22
"""Characters of text in a batch: a thousand long issues at once would not fit into memory."""


@dataclass(slots=True)
class Scan:
    """What an archive holds.

    counts: records by section. undeclared: names in use that their section does not declare, by
    component, milestone and version. warnings: sentences to be shown. highest_comment: the
    highest id that a comment has or a log row names, 0 for none.
    """

    counts: dict[str, int]
    people: list[Person]
    meta: Meta
    components: list[str]
    milestones: list[str]
    versions: list[str]
    undeclared: dict[str, list[str]]
    warnings: list[str]
    highest_comment: int


@contextmanager
def open_archive(path: Path, limits: Limits, spool: Path) -> Iterator["Archive"]:
    """Open a zip, an unpacked folder or a bare database.

    Databases are inflated into a private folder inside spool, gone again at the end. Raises
    Invalid if the structure is not that of an archive.
    """
    with (
        closing(_source(path, limits)) as source,
        tempfile.TemporaryDirectory(prefix="archive-", dir=spool) as folder,
    ):
        yield Archive(source, limits, Path(folder))


class Archive:
    """An opened archive: scan() first, then everything else."""

    def __init__(self, source: Source, limits: Limits, folder: Path) -> None:
        self._source = source
        self._limits = limits
        self._folder = folder
        self._databases = find_databases(source.members)
        self.versions = tuple(self._databases)
        self._root = next(iter(self._databases.values())).name.rpartition("db-")[0]
        self._named: set[str] = set()
        self._survey: Survey | None = None
        self._splits: dict[int, Person] = {}
        for member in source.members.values():
            if member.size > limits.attachment_bytes and not self._is_database(member):
                raise Invalid(
                    f"{member.name}: A file may have at most {limits.attachment_bytes} bytes."
                )

    def _is_database(self, member: Member) -> bool:
        return member.name.startswith(f"{self._root}db-")

    def scan(self, progress: Progress) -> Scan:
        """Read every database once and check all that can be checked without ours.

        Raises Invalid naming the first fault, "db-2.0.json: issues[12].kind: ...".
        """
        first, *others = surveys = [self._prepare(version) for version in self.versions]
        texts = _counted(
            [self._source.read(member) for member in self._databases.values()],
            sum(member.size for member in self._databases.values()),
            progress,
        )
        self._survey = first
        warnings = []
        if others:
            witnesses = Witnesses()
            looks = (witnesses.note, witnesses.match)
            for survey, text, look in zip(surveys, texts, looks, strict=True):
                survey.run(text, self._looks(look), digests=True)
            warnings = witnesses.join(first.people) + first.disagreements(others[0])
            self._splits = witnesses.splits
            put(first.meta, self._splits)
        else:
            first.run(texts[0], self._note_file, digests=False)
        counts = {section: first.counts[section] for section in RECORDS}
        declared = {section: list(names) for section, names in first.declared.items()}
        return Scan(
            counts=counts | {section: len(names) for section, names in declared.items()},
            people=first.people.everyone,
            meta=first.meta,
            undeclared=first.undeclared(),
            warnings=first.warnings() + warnings,
            highest_comment=first.highest_comment,
            **declared,
        )

    def _prepare(self, version: str) -> Survey:
        name = f"db-{version}.json"
        people = People(version, self._limits.archive_people)
        document = Document(self._folder / name, name, _longest(self._limits))
        return Survey(document, Rules(name, people, self._limits), people)

    def _looks(self, look: Callable[[Any], None]) -> Callable[[Any], None]:
        def both(record: Any) -> None:
            look(record)
            self._note_file(record)

        return both

    def _note_file(self, record: Any) -> None:
        if isinstance(record, Attachment) and (member := self.find(record.path)):
            self._named.add(member.name)

    def issues(self, size: int = 1_000) -> Iterator[list[Issue]]:
        """All issues in the archive's order, at most size at a time."""
        return self._batches("issues", size)

    def comments(self, size: int = 1_000) -> Iterator[list[Comment]]:
        """All comments in the archive's order, at most size at a time."""
        return self._batches("comments", size)

    def logs(self, size: int = 1_000) -> Iterator[list[Log]]:
        """All log rows in the archive's order, at most size at a time."""
        return self._batches("logs", size)

    def attachments(self, size: int = 1_000) -> Iterator[list[Attachment]]:
        """All rows of attachments in the archive's order, at most size at a time."""
        return self._batches("attachments", size)

    def _batches(self, section: str, size: int) -> Iterator[list[Any]]:
        if self._survey is None:
            raise RuntimeError("scan() comes first")
        survey = self._survey
        rules = Rules(survey.document.name, survey.people, self._limits)
        rules.default_kind = survey.meta.default_kind or rules.default_kind
        elements = enumerate(survey.document.section(section))
        records = (self._settled(rules.read(section, index, raw)) for index, raw in elements)
        batch, text = [], 0
        for record in records:
            batch.append(record)
            text += _text(record)
            if len(batch) >= size or text >= _MOST_TEXT:
                yield batch
                batch, text = [], 0
        if batch:
            yield batch

    def _settled(self, record: Any) -> Any:
        """The record with those people in it whom the other database tells apart."""
        if self._splits:
            put(record, self._splits)
        if isinstance(record, Issue):
            record.watchers, record.voters = _each(record.watchers), _each(record.voters)
        return record

    def find(self, path: str) -> Member | None:
        """The file that an attachment's path names, or None: it is not in the archive."""
        return self._source.members.get(self._root + path.removeprefix("./"))

    def read(self, member: Member) -> Iterator[bytes]:
        """The bytes of a file, in chunks of at most 256 KiB.

        Raises Invalid, perhaps only at the end, if size or checksum are not what was declared.
        """
        return self._source.read(member)

    def unread(self) -> list[str]:
        """Files beside the databases that no attachment names."""
        return [
            member.name
            for member in self._source.members.values()
            if member.name.startswith(f"{self._root}attachments/")
            and member.name not in self._named
            and not is_ignored(member.name)
        ]


def _counted(texts: list[Iterator[bytes]], total: int, progress: Progress) -> list[Iterator[bytes]]:
    """The same texts, of total bytes together, with a word to progress before each chunk."""
    done = 0

    def count(chunks: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal done
        for chunk in chunks:
            done += len(chunk)
            progress(done, total)
            yield chunk

    return [count(chunks) for chunks in texts]


def _source(path: Path, limits: Limits) -> Source:
    if path.is_dir():
        return Folder(path, limits)
    if path.stat().st_size > limits.archive_bytes:
        raise Invalid(f"The archive has more than {limits.archive_bytes} bytes.")
    if not is_text(path):
        return Zip(path, limits)
    return Bare(path, version_of(path, _longest(limits)))


def _longest(limits: Limits) -> int:
    """Bytes that an element may take: an escape of JSON is six for one, and there is the rest."""
    return 8 * limits.content_bytes + MIB


def _each(people: list[Person]) -> list[Person]:
    """The people, each once and without NOBODY."""
    return list({person.index: person for person in people if person is not NOBODY}.values())


def _text(record: Any) -> int:
    """How many characters a record holds where that can be many; a person counts as some."""
    texts = (getattr(record, name, None) for name in ("content", "changed_from", "changed_to"))
    length = sum(len(text) for text in texts if text)
    if isinstance(record, Issue):
        length += _PERSON * (len(record.watchers) + len(record.voters))
    return length
