"""The two databases of an archive as JSON text, written record by record."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import orjson

from tracker.archive.records import Attachment, Comment, Issue, Log, Meta, Person

_SECTIONS = ("issues", "attachments", "comments", "logs")
_CHUNK = 1 << 20

Call = Callable[[Person | None], Any]


class DatabaseFile:
    """One db file in the making: its long sections lie in files of a folder until they are read.

    call says how the file names a person.
    """

    def __init__(self, folder: Path, version: str, call: Call) -> None:
        self.name = f"db-{version}.json"
        self.head = b""
        self._call = call
        self._files = {name: Section(folder / f"{self.name}.{name}") for name in _SECTIONS}

    def meta(self, meta: Meta, categories: dict[str, list[str]]) -> None:
        """The small sections, in the order of Bitbucket's last exporter."""
        defaults = {
            "default_assignee": self._call(meta.default_assignee),
            "default_component": meta.default_component,
            "default_kind": meta.default_kind,
            "default_milestone": meta.default_milestone,
            "default_version": meta.default_version,
        }
        named = {name: [{"name": one} for one in names] for name, names in categories.items()}
        self.head = orjson.dumps({"meta": defaults} | named)[:-1]

    def issue(self, issue: Issue) -> None:
        """A row of issues; people are sorted, so that the same tracker gives the same bytes."""
        self._files["issues"].add(
            {
                "id": issue.number,
                "title": issue.title,
                "content": issue.content,
                "reporter": self._call(issue.reporter),
                "assignee": self._call(issue.assignee),
                "status": issue.status,
                "kind": issue.kind,
                "priority": issue.priority,
                "component": issue.component,
                "milestone": issue.milestone,
                "version": issue.version,
                "created_on": issue.created_on,
                "updated_on": issue.updated_on,
                "content_updated_on": issue.content_updated_on,
                "edited_on": issue.edited_on,
                "watchers": [self._call(person) for person in in_order(issue.watchers)],
                "voters": [self._call(person) for person in in_order(issue.voters)],
            }
        )

    def comment(self, comment: Comment) -> None:
        """A row of comments."""
        self._files["comments"].add(
            {
                "id": comment.id,
                "issue": comment.issue,
                "user": self._call(comment.user),
                "content": comment.content,
                "created_on": comment.created_on,
                "updated_on": comment.updated_on,
            }
        )

    def log(self, log: Log) -> None:
        """A row of logs."""
        self._files["logs"].add(
            {
                "issue": log.issue,
                "comment": log.comment,
                "user": self._call(log.user),
                "field": log.field,
                "changed_from": log.changed_from,
                "changed_to": log.changed_to,
                "created_on": log.created_on,
            }
        )

    def attachment(self, attachment: Attachment, path: str) -> None:
        """A row of attachments; url only where there is one, as in Bitbucket's exporters."""
        row = {
            "path": path,
            "issue": attachment.issue,
            "user": self._call(attachment.user),
            "filename": attachment.filename,
        }
        if attachment.url is not None:
            row["url"] = attachment.url
        self._files["attachments"].add(row)

    def size(self) -> int:
        """The bytes that chunks() will give."""
        sections = sum(len(name) + 6 + file.size for name, file in self._files.items())
        return len(self.head) + sections + 1

    def chunks(self) -> Iterator[bytes]:
        """The file."""
        yield self.head
        for name, file in self._files.items():
            yield f',"{name}":['.encode()
            yield from file.chunks()
            yield b"]"
        yield b"}"

    def close(self) -> None:
        """Let go of the files."""
        for file in self._files.values():
            file.close()


class Section:
    """The elements of a JSON list, in a file."""

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] = path.open("w+b", buffering=_CHUNK)
        self.size = 0

    def add(self, element: Any) -> None:
        """One more element."""
        self.write(orjson.dumps(element), new=True)

    def write(self, text: bytes, *, new: bool = False) -> None:
        """JSON as text; new begins an element."""
        if new and self.size:
            text = b"," + text
        self.size += len(text)
        self._file.write(text)

    def chunks(self) -> Iterator[bytes]:
        """The elements with commas between them, without brackets."""
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            yield chunk

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def in_order(people: list[Person]) -> list[Person]:
    """The people of a list in an order that does not depend on the database's."""
    return sorted(people, key=_order)


def _order(person: Person) -> tuple[str, str, str]:
    return person.account_id or "", person.username or "", person.display_name or ""


def by_username(person: Person | None) -> str | None:
    """How db-1.0.json names a person."""
    return person.username if person else None


def by_account(person: Person | None) -> dict[str, str | None] | None:
    """How db-2.0.json names a person."""
    if person is None:
        return None
    return {"display_name": person.display_name, "account_id": person.account_id}
