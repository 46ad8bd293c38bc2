"""Archives made by code: every variant that exporters and producers write, and hostile ones.

A sample is what db-2.0.json would hold, as a dict of sections; as_version turns it into what
db-1.0.json says of the same tracker.
"""

import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tracker import clock
from tracker.archive import Attachment, Comment, Issue, Log, Progress, Scan, open_archive
from tracker.settings import Limits

Sample = dict[str, Any]

ALICE = {
    "display_name": "Alice Liddell",
    "account_id": "557058:a11ce000-0000-4000-8000-000000000001",
}
BOB = {"display_name": "Bob Baumeister", "account_id": "5a7f63994956f22f15456cec"}
CHARLIE = {"display_name": "Charlie", "account_id": "712020:c4a711e0-0000-4000-8000-000000000003"}
USERNAMES = {
    ALICE["account_id"]: "alice",
    BOB["account_id"]: "bob_b",
    CHARLIE["account_id"]: "charlie",
}

_OLD_ORDER = (
    "milestones",
    "attachments",
    "versions",
    "comments",
    "meta",
    "components",
    "issues",
    "logs",
)
_NEW_ORDER = (
    "meta",
    "milestones",
    "versions",
    "components",
    "issues",
    "attachments",
    "comments",
    "logs",
)


def time(second: int) -> str:
    """A moment in 2012 as Bitbucket writes it."""
    return f"2012-07-29T02:{second // 60:02}:{second % 60:02}.123456+00:00"


def issue(number: int, **changes: Any) -> dict[str, Any]:
    """A row of issues; a key set to ... is left out."""
    row = {
        "id": number,
        "title": f"Issue {number}",
        "content": "It does **not** work.\r\n",
        "reporter": ALICE,
        "assignee": None,
        "status": "new",
        "kind": "bug",
        "priority": "major",
        "component": None,
        "milestone": None,
        "version": None,
        "created_on": time(number % 1000),
        "updated_on": time(number % 1000 + 1),
        "content_updated_on": None,
        "edited_on": None,
        "watchers": [ALICE],
        "voters": [],
    }
    return _changed(row, changes)


def comment(number: int, on: int = 1, **changes: Any) -> dict[str, Any]:
    """A row of comments."""
    row = {
        "id": number,
        "issue": on,
        "user": BOB,
        "content": f"Comment {number}",
        "created_on": time(number % 1000),
        "updated_on": None,
    }
    return _changed(row, changes)


def log(comment: int | None, on: int = 1, **changes: Any) -> dict[str, Any]:
    """A row of logs."""
    row = {
        "issue": on,
        "comment": comment,
        "user": BOB,
        "field": "status",
        "changed_from": "new",
        "changed_to": "open",
        "created_on": time((comment or 0) % 1000),
    }
    return _changed(row, changes)


def attachment(
    path: str = f"attachments/{'a1' * 16}", on: int = 1, **changes: Any
) -> dict[str, Any]:
    """A row of attachments; give a url to be the exporter of 2020."""
    row = {"path": path, "issue": on, "user": ALICE, "filename": "screen shot.png"}
    return _changed(row, changes)


def _changed(row: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in (row | changes).items() if value is not ...}


def sample(**sections: Any) -> Sample:
    """A small tracker with something in every section; sections replace the usual ones."""
    usual: Sample = {
        "meta": {
            "default_assignee": None,
            "default_component": None,
            "default_kind": "bug",
            "default_milestone": None,
            "default_version": None,
        },
        "milestones": [{"name": "release 0.4"}],
        "versions": [{"name": "1.0"}, {"name": "1.1"}],
        "components": [{"name": "core"}, {"name": "обложка"}],
        "issues": [
            issue(1, component="core", assignee=BOB, watchers=[ALICE, BOB], voters=[BOB]),
            issue(
                3,
                title="課題: <b>größer</b>",
                content="",
                status="on hold",
                kind="proposal",
                priority="blocker",
                milestone="release 0.4",
                version="1.1",
                reporter=None,
                watchers=[CHARLIE],
                content_updated_on=time(9),
                edited_on=time(10),
            ),
        ],
        "attachments": [
            attachment(
                url="https://bitbucket.org/ws/repo/issues/attachments/1/ws/repo/"
                "1358126907.55/1/screen%20shot.png"
            ),
            attachment(f"attachments/{'b2' * 16}", filename="../../passwd"),
        ],
        "comments": [
            comment(100),
            comment(101, content=None),
            comment(102, on=3, user=None, content="", updated_on=time(200)),
        ],
        "logs": [
            log(101),
            log(101, field="responsible", changed_from="None", changed_to="bob_b"),
            log(101, field="milestone", changed_from="", changed_to="release 0.4"),
        ],
    }
    return usual | sections


FILES = {f"attachments/{'a1' * 16}": b"\x89PNG" * 300, f"attachments/{'b2' * 16}": b""}
"""The files of sample()."""


def _converted(number: int = 1, **changes: Any) -> dict[str, Any]:
    """An issue as a converter writes it in a db-1.0.json; a key set to ... is left out."""
    row = {
        "id": number,
        "title": f"Issue {number}",
        "content": "à",
        "reporter": "ann",
        "status": "new",
        "kind": "bug",
        "priority": "major",
        "created_on": "2014-01-02T03:04:05+00:00",
        "updated_on": "2014-01-02T03:04:05+00:00",
    }
    return _changed(row, changes)


def _said(on: Any, content: str, **changes: Any) -> dict[str, Any]:
    """A comment as a converter writes it."""
    row = {"issue": on, "content": content, "user": "ann", "created_on": "2009-04-07T05:22:24.000Z"}
    return _changed(row, changes)


_NOON = "2013-05-01 12:00:00 UTC"

FOUND: dict[str, Sample] = {
    "comment ids that begin anew on each issue": {
        "issues": [_converted(1), _converted(2)],
        "comments": [
            _said(1, "c1 of 1", id=1),
            _said(1, "c2 of 1", id=2),
            _said(2, "c1 of 2", id=1),
        ],
        "logs": [log(1, on=2, user="ann")],
        "meta": {"default_kind": None},
    },
    "comment ids that are null": {
        "issues": [_converted(3, status=None, reporter=None, version="1.0b")],
        "comments": [_said(3, "c1", id=None), _said(3, "c2", id=None, user="Bob Ray")],
        "versions": [{"name": "1.0a"}],
    },
    "comment ids that are missing": {
        "issues": [_converted(3)],
        "comments": [_said(3, "c1"), _said(3, "c2")],
    },
    "times of Ruby": {
        "issues": [
            _converted(
                created_on=_NOON, updated_on=_NOON, content_updated_on=_NOON, edited_on=_NOON
            )
        ],
        "comments": [_said("1", "c", id=1, created_on=_NOON, updated_on=_NOON, user=None)],
    },
    "a version in an object": {
        "issues": [_converted(version={"name": "1.0"})],
        "versions": [{"name": "1.0"}],
    },
    "watchers in an object": {"issues": [_converted(watchers={"0": "ann", "2": "bob"})]},
    "an attachment": {
        "issues": [_converted()],
        "attachments": [
            {"issue": 1, "path": "attachments/x.bin", "filename": "x.bin", "user": None}
        ],
    },
    "an old export": {
        "issues": [_converted(2, watchers=["ann"], voters=[]), _converted(1, edited_on=None)],
        "comments": [],
        "logs": [],
        "meta": {"default_kind": "bug", "default_assignee": None},
    },
}
"""db-1.0.json as converters, scripts and old exporters have written it, by what is odd in it."""


def found(case: str) -> Sample:
    """One of FOUND, with the meta that every converter writes."""
    return {"meta": {"default_kind": "bug"}} | FOUND[case]


def as_version(sections: Sample, version: str) -> Sample:
    """The sample as db-{version}.json says it."""
    return sections if version == "2.0" else _with_usernames(sections)


def _with_usernames(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == ALICE.keys():
            return USERNAMES[value["account_id"]]
        return {key: _with_usernames(inner) for key, inner in value.items()}
    return [_with_usernames(inner) for inner in value] if isinstance(value, list) else value


def as_text(sections: Sample, exporter: str = "new") -> bytes:
    """JSON as Bitbucket's exporters wrote it: "old" (to 2020) or "new" (2026)."""
    order = _NEW_ORDER if exporter == "new" else _OLD_ORDER
    ordered = {key: sections[key] for key in order if key in sections}
    text = json.dumps(ordered | sections, ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate becomes an escape of JSON: UTF-8 has none.
    return (text if exporter == "new" else text.replace("/", "\\/")).encode(
        errors="backslashreplace"
    )


Databases = dict[str, Sample | bytes]


def databases(sections: Sample, *versions: str) -> Databases:
    """The sample in each version, by version."""
    return {version: as_version(sections, version) for version in versions or ("1.0", "2.0")}


def write_zip(
    path: Path,
    dbs: Databases,
    files: dict[str, bytes] | None = None,
    *,
    top: str = "",
    method: int = zipfile.ZIP_DEFLATED,
    exporter: str = "new",
    zip64: bool = False,
    litter: bool = False,
) -> Path:
    """A well-formed zip. top is a folder around everything; litter is what file managers add."""
    members = dict(files or {})
    for version, content in dbs.items():
        text = content if isinstance(content, bytes) else as_text(content, exporter)
        members[f"db-{version}.json"] = text
    with zipfile.ZipFile(path, "w", method) as archive:
        if litter:
            archive.mkdir(top or "attachments")
            for name in (f"__MACOSX/{top}._db-2.0.json", f"{top}.DS_Store", f"{top}README"):
                archive.writestr(name, b"litter")
            archive.writestr(f"{top}db-jira-cloud.json", b"not read")
        for name, data in members.items():
            with archive.open(f"{top}{name}", "w", force_zip64=zip64) as member:
                member.write(data)
    return path


def write_folder(path: Path, dbs: Databases, files: dict[str, bytes] | None = None) -> Path:
    """The same, unpacked."""
    for name, data in (files or {}).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    path.mkdir(exist_ok=True)
    for version, content in dbs.items():
        text = content if isinstance(content, bytes) else as_text(content)
        (path / f"db-{version}.json").write_bytes(text)
    return path


@dataclass
class Contents:
    """Everything an archive holds. files are by path; None: the archive lacks it."""

    scan: Scan
    issues: list[Issue] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    files: dict[str, bytes | None] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)


def read(
    path: Path,
    spool: Path,
    limits: Limits | None = None,
    progress: Progress = lambda done, total: None,
) -> Contents:
    """Read an archive to its last byte."""
    with open_archive(path, limits or Limits(), spool) as archive:
        found = Contents(archive.scan(progress))
        found.issues = _flat(archive.issues())
        found.comments = _flat(archive.comments())
        found.logs = _flat(archive.logs())
        found.attachments = _flat(archive.attachments())
        for row in found.attachments:
            member = archive.find(row.path)
            found.files[row.path] = b"".join(archive.read(member)) if member else None
        found.unread = archive.unread()
    return found


def _flat(batches: Iterator[list[Any]]) -> list[Any]:
    return [record for batch in batches for record in batch]


@dataclass
class Entry:
    """One entry of a zip written byte by byte. What is None is told truly.

    local_* is what the entry's own header says where it differs from the directory; offset is
    where the directory says that it starts.
    """

    name: str | bytes
    data: bytes = b""
    method: int = zipfile.ZIP_STORED
    flags: int = 0
    mode: int = 0o100600
    size: int | None = None
    packed_size: int | None = None
    crc: int | None = None
    packed: bytes | None = None
    local_name: bytes | None = None
    local_flags: int | None = None
    local_size: int | None = None
    offset: int | None = None
    comment: bytes = b""

    def parts(self, place: int) -> tuple[bytes, bytes]:
        """The entry itself and its line of the directory."""
        name = self.name if isinstance(self.name, bytes) else self.name.encode()
        packed = self.packed if self.packed is not None else self._pack()
        crc = zlib.crc32(self.data) if self.crc is None else self.crc
        sizes = (
            len(packed) if self.packed_size is None else self.packed_size,
            len(self.data) if self.size is None else self.size,
        )
        local_sizes = (sizes[0], sizes[1] if self.local_size is None else self.local_size)
        local_name = name if self.local_name is None else self.local_name
        local_flags = self.flags if self.local_flags is None else self.local_flags
        head = struct.pack("<HHHH", local_flags, self.method, 0, 0x21)
        local = (
            b"PK\3\4\x14\0" + head + struct.pack("<LLLHH", crc, *local_sizes, len(local_name), 0)
        )
        head = struct.pack("<HHHH", self.flags, self.method, 0, 0x21)
        line = b"PK\1\2\x14\3\x14\0" + head
        line += struct.pack("<LLLHHH", crc, *sizes, len(name), 0, len(self.comment))
        place = place if self.offset is None else self.offset
        line += struct.pack("<HHLL", 0, 0, self.mode << 16, place) + name + self.comment
        return local + local_name + packed, line

    def _pack(self) -> bytes:
        if self.method != zipfile.ZIP_DEFLATED:
            return self.data
        packer = zlib.compressobj(wbits=-15)
        return packer.compress(self.data) + packer.flush()


def write_entries(path: Path, entries: Iterable[Entry]) -> Path:
    """A zip byte by byte, so that it may lie."""
    lines = []
    with path.open("wb") as file:
        for entry in entries:
            local, line = entry.parts(file.tell())
            file.write(local)
            lines.append(line)
        directory = b"".join(lines)
        start = file.tell()
        count = min(len(lines), 0xFFFF)
        end = struct.pack("<HHHHLLH", 0, 0, count, count, len(directory), start, 0)
        file.write(directory + b"PK\5\6" + end)
    return path


def database(text: bytes | None = None, **changes: Any) -> Entry:
    """A good db-2.0.json as an entry, to stand beside a bad one."""
    return Entry("db-2.0.json", as_text(sample()) if text is None else text, **changes)


def as_data(sections: Sample) -> dict[str, Any]:
    """A database as data: two that mean the same are equal.

    The order of rows and of watchers and voters, the place of files, a missing section or key and
    the way a time is written don't matter.
    """
    found: dict[str, Any] = {"meta": {k: v for k, v in (sections.get("meta") or {}).items() if v}}
    for section in ("components", "milestones", "versions"):
        found[section] = sorted(row["name"] for row in sections.get(section) or [])
    for section in ("issues", "comments", "logs", "attachments"):
        rows = [_row_as_data(row) for row in sections.get(section) or []]
        found[section] = sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))
    return found


def _row_as_data(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in row.items():
        if key in ("watchers", "voters"):
            found[key] = sorted(value or [], key=str)
        elif key.endswith("_on") and value:
            moment = datetime.fromisoformat(value)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            found[key] = clock.text(moment)
        elif key in ("id", "issue", "comment") and value is not None:
            found[key] = int(value)
        elif key != "path" and value is not None:
            found[key] = value
    return found


def reference() -> Path:
    """The folder of real exports; skips the test where it is absent, which CI must not do."""
    root = Path(__file__).parent.parent
    folder = Path(os.environ.get("PAIL_REFERENCE") or root / "../shared/reference") / "exports"
    if not folder.is_dir():
        reason = f"there are no real exports in {folder}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return folder
