"""db-jira-cloud.json, which Jira's importer reads: the tracker in Jira's words.

Keys, maps and addresses are those of two real exports; we never read this file.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from tracker.archive.databases import Section, in_order
from tracker.archive.records import Attachment, Comment, Issue, Person
from tracker.slugs import issue_slug

_TEMPLATE = "com.pyxis.greenhopper.jira:gh-simplified-kanban-classic"
_OPEN = {
    "submitted": "Backlog",
    "new": "Backlog",
    "on hold": "Backlog",
    "open": "Selected For Development",
}
_DONE = "Done"
_TYPES = {"bug": "Bug", "task": "Task", "enhancement": "Story", "proposal": "Story"}
_PRIORITIES = {
    "trivial": "Lowest",
    "minor": "Low",
    "major": "Medium",
    "critical": "High",
    "blocker": "Highest",
}
# Jira wants two to ten capitals or digits, a capital first.
_KEY_CHARACTERS = 10


def derive_key(name: str) -> str:
    """A project key: the initials of a name of several words, else the name in capitals."""
    words = re.findall(r"[A-Z0-9]+", name.upper())
    key = "".join(word[0] for word in words) if len(words) > 1 else "".join(words)
    if not key[:1].isalpha():
        key = f"P{key}"
    return key[:_KEY_CHARACTERS].ljust(2, "P")


class JiraProject:
    """Writes the file. Jira knows people by account_id: people without one are left out.

    name is the repository's; project gives Jira's key and name; address is the repository's page,
    files the address of its issues in the API.
    """

    name = "db-jira-cloud.json"

    def __init__(
        self, folder: Path, *, name: str, project: dict[str, str], address: str, files: str
    ) -> None:
        self._issues = Section(folder / f"{self.name}.issues")
        self._repository = name
        self._address = address
        self._files = files
        self._project: dict[str, Any] = project | {
            "description": f"Issues exported from {address}",
            "template": _TEMPLATE,
        }
        self._open_list = ""

    def categories(self, components: list[str], versions: list[str], lead: Person | None) -> None:
        """Components (with the default assignee as lead) and versions of the project."""
        led = {"lead": lead.account_id} if lead and lead.account_id else {}
        self._project["versions"] = [{"name": name} for name in versions]
        self._project["components"] = [{"name": name} | led for name in components]

    def issue(self, issue: Issue) -> None:
        """Begin an issue: its comments and attachments follow, then end()."""
        page = f"{self._address}/issues/{issue.number}/{issue_slug(issue.title)}"
        row: dict[str, Any] = {
            "externalId": f"{self._repository}-{issue.number}",
            "summary": issue.title,
            "description": f"Imported from {page} \n\n {issue.content or ''}",
            "issueType": _TYPES[issue.kind],
            "status": _OPEN.get(issue.status, _DONE),
            "priority": _PRIORITIES[issue.priority],
            "watchers": [
                person.account_id for person in in_order(issue.watchers) if person.account_id
            ],
            "created": issue.created_on,
            "updated": issue.updated_on,
        }
        if issue.status not in _OPEN:
            row["resolution"] = issue.status
        for key, person in (("reporter", issue.reporter), ("assignee", issue.assignee)):
            if person and person.account_id:
                row[key] = person.account_id
        named = {
            "components": issue.component,
            "affectedVersions": issue.version,
            # A label of Jira has no spaces.
            "labels": issue.milestone and "-".join(issue.milestone.split()),
        }
        row |= {key: [value] for key, value in named.items() if value}
        self._issues.write(orjson.dumps(row)[:-1], new=True)

    def comment(self, comment: Comment) -> None:
        """A comment of the issue that was begun."""
        row: dict[str, Any] = {"body": comment.content, "created": comment.created_on}
        if comment.user and comment.user.account_id:
            row["author"] = comment.user.account_id
        self._nested("comments", row)

    def attachment(self, attachment: Attachment) -> None:
        """A file of the issue that was begun, with the address to fetch it from."""
        ours = f"{self._files}/{attachment.issue}/attachments/{quote(attachment.filename, safe='')}"
        row: dict[str, Any] = {
            "name": attachment.filename,
            "description": attachment.filename,
            "uri": attachment.url or ours,
        }
        if attachment.user and attachment.user.account_id:
            row["attacher"] = attachment.user.account_id
        self._nested("attachments", row)

    def _nested(self, name: str, row: dict[str, Any]) -> None:
        if self._open_list == name:
            before = b","
        else:
            before = f'{"]" if self._open_list else ""},"{name}":['.encode()
            self._open_list = name
        self._issues.write(before + orjson.dumps(row))

    def end(self) -> None:
        """End the issue."""
        self._issues.write(b"]}" if self._open_list else b"}")
        self._open_list = ""

    def _frame(self) -> tuple[bytes, bytes]:
        return b'{"projects":[' + orjson.dumps(self._project)[:-1] + b',"issues":[', b"]}]}"

    def size(self) -> int:
        """The bytes that chunks() will give."""
        return sum(map(len, self._frame())) + self._issues.size

    def chunks(self) -> Iterator[bytes]:
        """The file."""
        head, tail = self._frame()
        yield head
        yield from self._issues.chunks()
        yield tail

    def close(self) -> None:
        """Let go of the file."""
        self._issues.close()
