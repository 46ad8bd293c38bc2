"""The zip that is written: always the same, readable by everybody, dangerous to nobody."""

import hashlib
import itertools
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.archives import FILES, as_data, as_version, databases, read, reference, sample, write_zip
from tracker.archive import Attachment, Comment, Issue, Log, Meta, Person, open_archive
from tracker.archive.jira import derive_key
from tracker.archive.writing import StoredAttachment, Writer
from tracker.settings import Limits
from tracker.slugs import issue_slug

TIME = "2012-07-29T02:35:38.123457+00:00"
ALICE = Person(0, "alice", "557058:a", "Alice")
BOB = Person(1, "bob", "557058:b", "Bob")


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "exports" / "out.zip"


class Blobs:
    """Bytes by their SHA-256, given in pieces of any size."""

    def __init__(self, *blobs: bytes, size: int = 1 << 18) -> None:
        self.kept = {hashlib.sha256(blob).hexdigest(): blob for blob in blobs}
        self.size = size

    def read(self, name: str) -> Iterator[bytes]:
        blob = self.kept[name]
        return (blob[start : start + self.size] for start in range(0, len(blob), self.size))


def an_issue(number: int = 1, **changes: Any) -> Issue:
    usual: dict[str, Any] = {
        "number": number,
        "title": f"Issue {number}",
        "content": "text",
        "reporter": ALICE,
        "assignee": None,
        "status": "new",
        "kind": "bug",
        "priority": "major",
        "component": None,
        "milestone": None,
        "version": None,
        "created_on": TIME,
        "updated_on": TIME,
        "content_updated_on": None,
        "edited_on": None,
        "watchers": [],
        "voters": [],
    }
    return Issue(**(usual | changes))


def a_file(
    data: bytes | None,
    issue: int = 1,
    ordinal: int = 0,
    filename: str = "a.png",
    url: str | None = None,
) -> StoredAttachment:
    record = Attachment(issue, "", filename, ALICE, url, None)
    blob = None if data is None else hashlib.sha256(data).hexdigest()
    return StoredAttachment(record, ordinal, blob, len(data or b""))


Held = tuple[Issue, Iterable[Comment], Iterable[Log], Iterable[StoredAttachment]]


def write(
    target: Path,
    spool: Path,
    issues: Iterable[Held] = (),
    blobs: Blobs | None = None,
    meta: Meta | None = None,
    categories: tuple[list[str], list[str], list[str]] = ([], [], []),
    **options: Any,
) -> zipfile.ZipFile:
    target.parent.mkdir(exist_ok=True)
    names = {"workspace": "ws", "slug": "quest", "name": "Quest", "base_url": "https://pail.test"}
    with Writer(spool, **(names | options)) as writer:
        writer.meta(meta or Meta())
        writer.categories(*categories)
        for held in issues:
            writer.issue(*held)
        writer.write(target, (blobs or Blobs()).read, lambda done, total: None)
    return zipfile.ZipFile(target)


def some_issues(blobs: Blobs) -> list[Held]:
    comment = Comment(10, 1, BOB, None, TIME, None)
    log = Log(1, 10, BOB, "status", "new", "open", TIME)
    files = [a_file(data, 1, n) for n, data in enumerate(blobs.kept.values())]
    return [
        (an_issue(1, watchers=[BOB, ALICE]), [comment], [log], files),
        (an_issue(2, updated_on="2019-01-02T03:04:05.000000+00:00"), [], [], []),
    ]


def test_the_entries_are_in_order_dated_by_the_last_change_and_private(
    target: Path, spool: Path
) -> None:
    blobs = Blobs(b"one" * 50_000, b"two")
    with write(target, spool, some_issues(blobs), blobs) as archive:
        assert archive.testzip() is None
        entries = archive.infolist()
        assert [entry.filename for entry in entries][2:] == [
            "db-1.0.json",
            "db-2.0.json",
            "db-jira-cloud.json",
            ".signature",
        ]
        for entry, blob in zip(entries[:2], blobs.kept, strict=True):
            ordinal = entries.index(entry)
            identity = hashlib.sha256(f"1/{ordinal}/{blob}".encode()).hexdigest()
            assert entry.filename == f"attachments/{identity[:32]}"
            assert archive.read(entry) == blobs.kept[blob]
        assert {entry.date_time for entry in entries} == {(2019, 1, 2, 3, 4, 4)}
        assert {entry.external_attr >> 16 for entry in entries} == {0o100600}
        assert {entry.extract_version for entry in entries} == {20}
        assert {entry.extra for entry in entries} == {b""}
        texts = b"".join(archive.read(entry) for entry in entries[2:5])
        assert archive.read(".signature").decode() == hashlib.sha1(texts).hexdigest()


def test_the_same_tracker_gives_the_same_bytes(tmp_path: Path, spool: Path) -> None:
    results = set()
    for run, size in enumerate((1 << 18, 1, 65_537)):
        blobs = Blobs(b"one" * 50_000, bytes(range(256)) * 999, size=size)
        issues = some_issues(blobs)
        issues[0][0].watchers.sort(key=lambda person: person.index, reverse=bool(run % 2))
        target = tmp_path / f"{run}" / "out.zip"
        write(target, spool, issues, blobs).close()
        results.add(target.read_bytes())
    assert len(results) == 1


def test_an_empty_tracker_is_an_archive_too(target: Path, spool: Path) -> None:
    with write(target, spool) as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}
        for name in ("db-1.0.json", "db-2.0.json"):
            sections = json.loads(archive.read(name))
            assert list(sections) == [
                "meta",
                "milestones",
                "versions",
                "components",
                "issues",
                "attachments",
                "comments",
                "logs",
            ]
            assert sections["issues"] == []
    assert read(target, spool).scan.warnings == []


@pytest.mark.parametrize(("year", "written"), [("0001", 1980), ("2107", 2107), ("9999", 2107)])
def test_a_date_that_a_zip_cannot_say_is_the_nearest_one(
    year: str, written: int, target: Path, spool: Path
) -> None:
    held = (an_issue(updated_on=f"{year}-06-01T00:00:00.000000+00:00"), [], [], [])
    with write(target, spool, [held]) as archive:
        assert archive.infolist()[0].date_time[0] == written


def test_names_of_files_never_become_names_of_entries(target: Path, spool: Path) -> None:
    names = ["..\\..\\a", "a/b", "../../etc/passwd", "a\r\nb", "C:\\x", "." * 300, "課題.png"]
    blobs = Blobs(b"data")
    files = [a_file(b"data", 1, n, name) for n, name in enumerate(names)]
    with write(target, spool, [(an_issue(), [], [], files)], blobs) as archive:
        entries = archive.namelist()[: len(names)]
        assert all(len(name) == 44 and name.startswith("attachments/") for name in entries)
        rows = json.loads(archive.read("db-2.0.json"))["attachments"]
    assert [row["filename"] for row in rows] == names
    assert [row["path"] for row in rows] == entries
    assert all("url" not in row for row in rows)
    assert read(target, spool).files == dict.fromkeys(entries, b"data")


def test_a_row_without_bytes_has_no_entry(target: Path, spool: Path) -> None:
    with write(target, spool, [(an_issue(), [], [], [a_file(None)])]) as archive:
        assert not [name for name in archive.namelist() if name.startswith("attachments/")]
    assert list(read(target, spool).files.values()) == [None]


def test_a_missing_blob_leaves_what_was_there(target: Path, spool: Path) -> None:
    write(target, spool).close()
    before = target.read_bytes()
    with pytest.raises(KeyError):
        write(target, spool, [(an_issue(), [], [], [a_file(b"lost")])])
    assert target.read_bytes() == before
    assert list(target.parent.iterdir()) == [target]
    assert list(spool.iterdir()) == []


def test_progress_ends_at_the_total(target: Path, spool: Path) -> None:
    target.parent.mkdir()
    blobs = Blobs(b"x" * 3_000_000)
    seen: list[tuple[int, int]] = []
    with Writer(spool, workspace="w", slug="s", name="n", base_url="http://x") as writer:
        writer.meta(Meta(default_assignee=ALICE))
        writer.categories(["c"], [], ["v"])
        for held in some_issues(blobs):
            writer.issue(*held)
        writer.write(target, blobs.read, lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1]
    assert max(b[0] - a[0] for a, b in itertools.pairwise(seen)) <= 1 << 20


def jira(archive: zipfile.ZipFile) -> dict[str, Any]:
    with archive:
        (project,) = json.loads(archive.read("db-jira-cloud.json"))["projects"]
    assert isinstance(project, dict)
    return project


def test_jira_gets_the_tracker_in_its_own_words(target: Path, spool: Path) -> None:
    issue = an_issue(
        9,
        title="tags for user-names!",
        content="Not done",
        status="resolved",
        kind="proposal",
        priority="blocker",
        assignee=BOB,
        component="core",
        milestone="release 0.4",
        version="1.1",
        watchers=[BOB, ALICE],
    )
    comments = [Comment(1, 9, BOB, "hi", TIME, None), Comment(2, 9, None, None, TIME, None)]
    blobs = Blobs(b"1")
    files = [
        a_file(b"1", 9, 0, "a b.png"),
        a_file(b"1", 9, 1, "c.png", "https://bitbucket.org/ws/quest/c.png"),
    ]
    meta = Meta(default_assignee=ALICE)
    names = (["core"], ["release 0.4"], ["1.1"])
    project = jira(write(target, spool, [(issue, comments, [], files)], blobs, meta, names))
    assert project == {
        "key": "QUEST",
        "name": "Quest",
        "description": "Issues exported from https://pail.test/ws/quest",
        "template": "com.pyxis.greenhopper.jira:gh-simplified-kanban-classic",
        "versions": [{"name": "1.1"}],
        "components": [{"name": "core", "lead": "557058:a"}],
        "issues": [
            {
                "externalId": "Quest-9",
                "summary": "tags for user-names!",
                "description": "Imported from https://pail.test/ws/quest/issues/9/"
                "tags-for-user-names \n\n Not done",
                "issueType": "Story",
                "status": "Done",
                "resolution": "resolved",
                "priority": "Highest",
                "reporter": "557058:a",
                "assignee": "557058:b",
                "watchers": ["557058:a", "557058:b"],
                "created": TIME,
                "updated": TIME,
                "components": ["core"],
                "affectedVersions": ["1.1"],
                "labels": ["release-0.4"],
                "comments": [
                    {"author": "557058:b", "created": TIME, "body": "hi"},
                    {"created": TIME, "body": None},
                ],
                "attachments": [
                    {
                        "attacher": "557058:a",
                        "name": "a b.png",
                        "description": "a b.png",
                        "uri": "https://pail.test/2.0/repositories/ws/quest/issues/9/"
                        "attachments/a%20b.png",
                    },
                    {
                        "attacher": "557058:a",
                        "name": "c.png",
                        "description": "c.png",
                        "uri": "https://bitbucket.org/ws/quest/c.png",
                    },
                ],
            }
        ],
    }


def test_jiras_project_can_be_named(target: Path, spool: Path) -> None:
    project = jira(write(target, spool, project_key="ABC", project_name="My project"))
    assert (project["key"], project["name"]) == ("ABC", "My project")


@pytest.mark.parametrize(
    ("status", "jiras", "resolution"),
    [
        ("new", "Backlog", None),
        ("submitted", "Backlog", None),
        ("on hold", "Backlog", None),
        ("open", "Selected For Development", None),
        ("closed", "Done", "closed"),
        ("duplicate", "Done", "duplicate"),
        ("invalid", "Done", "invalid"),
        ("wontfix", "Done", "wontfix"),
    ],
)
def test_states_become_jiras(
    status: str, jiras: str, resolution: str | None, target: Path, spool: Path
) -> None:
    project = jira(write(target, spool, [(an_issue(status=status), [], [], [])]))
    (issue,) = project["issues"]
    assert (issue["status"], issue.get("resolution")) == (jiras, resolution)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Quest", "QUEST"),
        ("financial-equalizer", "FE"),
        ("docnap", "DOCNAP"),
        ("labscript devices", "LD"),
        ("a-very-long-name-of-one-two-three-four-five-six", "AVLNOOTTFF"),
        ("internationalisation", "INTERNATIO"),
        ("2nd", "P2ND"),
        ("x", "XP"),
        ("課題", "PP"),
    ],
)
def test_jiras_key_is_derived_from_the_name(name: str, key: str) -> None:
    assert derive_key(name) == key


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("tags for user names", "tags-for-user-names"),
        ("It's v1.2.3: <b>great</b>, isn't it?", "its-v123-great-isnt-it"),
        ("Größe & Café", "groe-cafe"),
        ("HTTPS для Коммунизма", "https"),
        ("Сабж", "----"),
        ("課題" * 40, "-" * 42),
        ("a_b  c--d", "a_b-c-d"),
        (
            "one two three four five six seven eight nine ten",
            "one-two-three-four-five-six-seven-eight",
        ),
        ("x" * 60, "x" * 42),
        ("", ""),
    ],
)
def test_an_issues_address_ends_as_it_did(title: str, slug: str) -> None:
    assert issue_slug(title) == slug


def written_again(path: Path, target: Path, spool: Path) -> None:
    """Read an archive and write it, with halves of people made up where it lacks them."""
    kept: dict[str, bytes] = {}
    with open_archive(path, Limits(), spool) as archive:
        scan = archive.scan(lambda done, total: None)
        for person in scan.people:
            person.username = person.username or f"user{person.index}"
            person.account_id = person.account_id or f"pail:{person.username}"
            person.display_name = person.display_name or person.username
        rows: dict[str, list[Any]] = {
            section: list(itertools.chain.from_iterable(getattr(archive, section)()))
            for section in ("issues", "comments", "logs", "attachments")
        }
        files = []
        for ordinal, row in enumerate(rows["attachments"]):
            member = archive.find(row.path)
            data = b"".join(archive.read(member)) if member else None
            blob = None if data is None else hashlib.sha256(data).hexdigest()
            kept[blob or ""] = data or b""
            files.append(StoredAttachment(row, ordinal, blob, len(data or b"")))
        target.parent.mkdir(exist_ok=True)
        with Writer(spool, workspace="w", slug="s", name="n", base_url="http://x") as writer:
            writer.meta(scan.meta)
            writer.categories(scan.components, scan.milestones, scan.versions)
            for issue in sorted(rows["issues"], key=lambda row: row.number):
                writer.issue(
                    issue,
                    (row for row in rows["comments"] if row.issue == issue.number),
                    (row for row in rows["logs"] if row.issue == issue.number),
                    (file for file in files if file.record.issue == issue.number),
                )
            writer.write(target, lambda blob: iter([kept[blob]]), lambda done, total: None)


def texts(path: Path) -> dict[str, Any]:
    """The databases of an archive as data."""
    if path.suffix == ".json":
        return {path.name[-11:]: as_data(json.loads(path.read_bytes()))}
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name in ("db-1.0.json", "db-2.0.json")]
        return {name: as_data(json.loads(archive.read(name))) for name in names}


def test_what_was_read_is_written_again_equal_as_data(
    tmp_path: Path, target: Path, spool: Path
) -> None:
    path = write_zip(tmp_path / "in.zip", databases(sample()), FILES, exporter="old")
    written_again(path, target, spool)
    assert texts(target) == texts(path)
    assert texts(target)["db-1.0.json"] == as_data(as_version(sample(), "1.0"))
    assert list(read(target, spool).files.values()) == list(FILES.values())


def test_every_real_export_is_written_again_equal_as_data(target: Path, spool: Path) -> None:
    paths = [p for p in sorted(reference().iterdir()) if not p.name.endswith("jira-cloud.json")]
    for path in paths:
        written_again(path, target, spool)
        found = texts(target)
        for name, text in texts(path).items():
            assert found[name] == text, (path.name, name)
        old, new = read(path, spool).files, read(target, spool).files
        assert sorted(map(repr, old.values())) == sorted(map(repr, new.values()))
