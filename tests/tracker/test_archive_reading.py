"""Every variant of the archive comes in, and says what it says."""

import json
import os
import re
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.archives import (
    ALICE,
    BOB,
    CHARLIE,
    FILES,
    Entry,
    as_text,
    as_version,
    attachment,
    comment,
    databases,
    issue,
    log,
    read,
    reference,
    sample,
    time,
    write_entries,
    write_folder,
    write_zip,
)
from tracker.archive import Meta, Person, open_archive, telling
from tracker.archive.stream import Document
from tracker.archive.times import uploaded_on
from tracker.errors import Invalid
from tracker.settings import Limits

A_FILE, B_FILE = FILES


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "issues.zip"


def test_it_reads_every_field_of_every_record(archive: Path, spool: Path) -> None:
    found = read(write_zip(archive, databases(sample()), FILES), spool)
    alice = Person(1, "alice", ALICE["account_id"], "Alice Liddell")
    bob = Person(1, "bob_b", BOB["account_id"], "Bob Baumeister")
    assert {person.username for person in found.scan.people} == {"alice", "bob_b", "charlie"}
    alice.index, bob.index = (
        next(p.index for p in found.scan.people if p.username == name)
        for name in ("alice", "bob_b")
    )
    assert [found.scan.people[person.index] for person in (alice, bob)] == [alice, bob]
    first, third = found.issues
    assert (first.number, first.reporter, first.assignee) == (1, alice, bob)
    assert (first.watchers, first.voters, first.component) == ([alice, bob], [bob], "core")
    assert first.content == "It does **not** work.\r\n"
    assert (third.title, third.content) == ("課題: <b>größer</b>", "")
    assert (third.status, third.kind, third.priority) == ("on hold", "proposal", "blocker")
    assert (third.milestone, third.version, third.reporter) == ("release 0.4", "1.1", None)
    assert (third.created_on, third.updated_on) == (time(3), time(4))
    assert (third.content_updated_on, third.edited_on) == (time(9), time(10))
    assert [one.content for one in found.comments] == ["Comment 100", None, ""]
    assert [one.user for one in found.comments] == [bob, bob, None]
    assert [one.updated_on for one in found.comments] == [None, None, time(200)]
    assert [(one.comment, one.field, one.changed_from, one.changed_to) for one in found.logs] == [
        (101, "status", "new", "open"),
        (101, "responsible", "None", "bob_b"),
        (101, "milestone", "", "release 0.4"),
    ]
    assert [one.filename for one in found.attachments] == ["screen shot.png", "../../passwd"]
    assert [one.created_on for one in found.attachments] == [
        "2013-01-14T01:28:27.550000+00:00",
        None,
    ]
    assert found.files == FILES
    assert found.unread == found.scan.warnings == []
    assert found.scan.counts == {
        "issues": 2,
        "comments": 3,
        "logs": 3,
        "attachments": 2,
        "components": 2,
        "milestones": 1,
        "versions": 2,
    }
    assert found.scan.components == ["core", "обложка"]
    assert found.scan.meta.default_kind == "bug"


@pytest.mark.parametrize(
    "shape",
    [
        {"exporter": "old"},
        {"top": "kevin-quest-1234/"},
        {"litter": True},
        {"top": "repacked/", "litter": True},
        {"method": zipfile.ZIP_STORED},
        {"zip64": True},
    ],
    ids=str,
)
def test_the_shape_of_the_zip_makes_no_difference(
    shape: dict[str, Any], archive: Path, spool: Path
) -> None:
    plain = read(write_zip(archive, databases(sample()), FILES), spool)
    found = read(write_zip(archive, databases(sample()), FILES, **shape), spool)
    assert by_key(found.issues) == by_key(plain.issues)
    assert (found.comments, found.logs, found.files) == (plain.comments, plain.logs, plain.files)
    assert found.unread == []


def by_key(records: list[Any]) -> list[str]:
    return sorted(str(record) for record in records)


def test_an_unpacked_folder_and_a_bare_file_are_archives_too(tmp_path: Path, spool: Path) -> None:
    folder = write_folder(tmp_path / "unpacked", databases(sample()), FILES)
    plain = read(write_zip(tmp_path / "issues.zip", databases(sample()), FILES), spool)
    assert read(folder, spool).files == FILES
    assert read(folder, spool).issues == plain.issues
    bare = tmp_path / "kevin_quest.db-2.0.json"
    bare.write_bytes(as_text(sample()))
    found = read(bare, spool)
    assert len(found.issues) == 2
    assert found.files == {A_FILE: None, B_FILE: None}


NOBODY = issue(1, reporter=None, watchers=[], content="x" * 1000)
BARE: dict[str, tuple[Any, str]] = {
    "accounts": ({"issues": [issue(1)]}, "2.0"),
    "usernames": ({"issues": [issue(1, reporter="ann", watchers=[])]}, "1.0"),
    "an account that watches": ({"issues": [NOBODY | {"watchers": [ALICE]}]}, "2.0"),
    "a username that votes": ({"issues": [NOBODY | {"voters": {"1": "ann"}}]}, "1.0"),
    "a default assignee": ({"meta": {"default_assignee": ALICE}, "issues": [NOBODY]}, "2.0"),
    "an author": ({"comments": [comment(1, user="ann")], "issues": [NOBODY]}, "1.0"),
    "a username in an object": ({"issues": [issue(1, reporter={"name": "a"}, watchers=[])]}, "1.0"),
    "a name without an account": ({"issues": [issue(1, reporter={"display_name": "A"})]}, "2.0"),
    "nobody": ({"issues": [NOBODY]}, "1.0"),
    "nothing": ({"issues": []}, "1.0"),
    "somebody behind others": ({"x": [ALICE], "issues": [*[NOBODY] * 1_000, issue(2)]}, "2.0"),
}


@pytest.mark.parametrize("name", ["issues.json", "export", "db.txt", "mydb-2.0.json"])
@pytest.mark.parametrize("case", BARE)
def test_a_bare_database_of_any_name_is_told_by_its_people(
    case: str, name: str, tmp_path: Path, spool: Path
) -> None:
    sections, version = BARE[case]
    path = tmp_path / name
    path.write_bytes(b"\xef\xbb\xbf\r\n " + as_text(sections))
    with open_archive(path, Limits(), spool) as opened:
        assert opened.versions == (version,)


def test_the_name_of_a_bare_database_says_which_it_is(tmp_path: Path, spool: Path) -> None:
    path = tmp_path / "rocket.db-2.0.json"
    path.write_bytes(as_text({"issues": []}))
    with open_archive(path, Limits(), spool) as opened:
        assert opened.versions == ("2.0",)


def test_a_bare_database_is_told_by_its_beginning(
    tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "_LOOKED_AT", 1 << 18)
    path = tmp_path / "issues.json"
    many = [NOBODY | {"id": 1 + number} for number in range(500)]
    for sections, versions in (
        ({"comments": [comment(1)], "issues": many}, ("2.0",)),
        ({"issues": [*many, issue(999)]}, ("1.0",)),
    ):
        path.write_bytes(as_text(sections, "old"))
        with open_archive(path, Limits(), spool) as opened:
            assert opened.versions == versions
    path.write_bytes(json.dumps({"projects": many, "issues": [issue(1)]}).encode())
    with (
        pytest.raises(Invalid, match="it has no issues"),
        open_archive(path, Limits(), spool),
    ):
        pass


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"projects":[{"key":"X","issues":[]}]}', "The file is neither a db-2.0.json nor"),
        (b'{"meta":{"default_kind":"bug"}}', "it has no issues"),
        (b"{}", "it has no issues"),
        (b'{"issues":[1,', "The file: not valid JSON: it ends too early"),
        (b"[]", "The file: the top level must be an object"),
        (b"", "The file: the top level must be an object"),
    ],
)
def test_a_bare_file_that_is_no_database_is_refused(
    text: bytes, words: str, tmp_path: Path, spool: Path
) -> None:
    path = tmp_path / "package.json"
    path.write_bytes(text)
    with pytest.raises(Invalid, match=re.escape(words)):
        read(path, spool)


def test_the_databases_nearest_to_the_top_are_taken(archive: Path, spool: Path) -> None:
    plain = read(write_zip(archive, databases(sample()), FILES), spool)
    top = "repo-master/issues/"
    write_zip(archive, databases(sample()), FILES, top=top)
    with zipfile.ZipFile(archive, "a") as more:
        for name in (
            f"{top}old/db-2.0.json",
            "repo-master/a/b/db-1.0.json",
            f"{top}attachments/db-2.0.json",
            "attachments/db-2.0.json",
            "repo-master/attachments/db-1.0.json",
            "__MACOSX/db-2.0.json",
            "__MACOSX/repo-master/db-1.0.json",
        ):
            more.writestr(name, b"not read")
    found = read(archive, spool)
    assert (found.issues, found.comments, found.files) == (
        plain.issues,
        plain.comments,
        plain.files,
    )
    assert found.unread == [f"{top}attachments/db-2.0.json"]


def test_a_database_in_a_deeper_folder_does_not_belong_to_one_above(
    archive: Path, spool: Path
) -> None:
    write_zip(archive, databases(sample(), "1.0"))
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr("newer/db-2.0.json", as_text(sample()))
    with open_archive(archive, Limits(), spool) as opened:
        assert opened.versions == ("1.0",)


def test_backslashes_in_names_and_paths_are_slashes(archive: Path, spool: Path) -> None:
    rows = [attachment(A_FILE.replace("/", "\\")), attachment(f".\\{B_FILE}", filename="a\\b")]
    entries = [
        Entry("top\\db-2.0.json", as_text(sample(attachments=rows))),
        Entry("top\\attachments\\"),
        *(Entry("top\\" + name.replace("/", "\\"), data) for name, data in FILES.items()),
    ]
    found = read(write_entries(archive, entries), spool)
    assert found.files == {A_FILE: FILES[A_FILE], f"./{B_FILE}": FILES[B_FILE]}
    assert [row.filename for row in found.attachments] == ["screen shot.png", "a\\b"]
    assert found.unread == []


def test_one_version_alone_knows_one_half_of_each_person(archive: Path, spool: Path) -> None:
    old = read(write_zip(archive, databases(sample(), "1.0")), spool)
    assert {(p.username, p.account_id, p.display_name) for p in old.scan.people} == {
        ("alice", None, None),
        ("bob_b", None, None),
        ("charlie", None, None),
    }
    new = read(write_zip(archive, databases(sample(), "2.0")), spool)
    assert {(p.username, p.account_id) for p in new.scan.people} == {
        (None, ALICE["account_id"]),
        (None, BOB["account_id"]),
        (None, CHARLIE["account_id"]),
    }


def test_a_person_may_be_known_by_name_only(archive: Path, spool: Path) -> None:
    ghost = {"display_name": "Ghost", "account_id": None}
    nobody = {"display_name": None, "account_id": None}
    rows = [issue(1, reporter=ghost, assignee=nobody, watchers=[ghost, ghost, ALICE, None])]
    found = read(write_zip(archive, {"2.0": sample(issues=rows)}), spool).issues[0]
    assert (found.reporter, found.assignee) == (Person(0, None, None, "Ghost"), None)
    assert [person.display_name for person in found.watchers] == ["Ghost", "Alice Liddell"]


def joined(
    archive: Path, spool: Path, new: Any, old: Any
) -> tuple[dict[str, str | None], list[str]]:
    """The username of each account after reading both databases, and the warnings."""
    scan = read(write_zip(archive, {"2.0": new, "1.0": old}), spool).scan
    return {p.display_name or "": p.username for p in scan.people}, scan.warnings


def test_whoever_only_watches_is_found_by_the_place_in_the_list(archive: Path, spool: Path) -> None:
    both = sample(issues=[issue(1, reporter=None, watchers=[BOB, CHARLIE, ALICE])], comments=[])
    found, _ = joined(archive, spool, both, as_version(both, "1.0"))
    assert found == {"Bob Baumeister": "bob_b", "Charlie": "charlie", "Alice Liddell": "alice"}


def test_most_witnesses_decide_about_a_username(archive: Path, spool: Path) -> None:
    new = sample(issues=[issue(n) for n in (1, 2, 3)], attachments=[], comments=[], logs=[])
    old = as_version(new, "1.0")
    old["issues"][0]["reporter"] = "somebody"
    found, warnings = joined(archive, spool, new, old)
    assert found == {"Alice Liddell": "alice"}
    assert [w for w in warnings if "several usernames" in w and "alice was taken" in w]


def test_one_username_belongs_to_one_account(archive: Path, spool: Path) -> None:
    rows = [issue(1, watchers=[]), issue(2, reporter=BOB, watchers=[])]
    new = sample(issues=rows, attachments=[], comments=[], logs=[])
    old = as_version(new, "1.0")
    old["issues"][1]["reporter"] = "alice"
    found, warnings = joined(archive, spool, new, old)
    assert found == {"Alice Liddell": "alice", "Bob Baumeister": None}
    assert [w for w in warnings if "username alice for more than one" in w]


def test_of_many_such_warnings_ten_are_enough(archive: Path, spool: Path) -> None:
    people = [{"display_name": f"P{n}", "account_id": f"p:{n}"} for n in range(15)]
    rows = [issue(n + 1, reporter=person, watchers=[]) for n, person in enumerate(people)]
    new = sample(issues=rows, attachments=[], comments=[], logs=[])
    old = new | {"issues": [row | {"reporter": "alice"} for row in rows]}
    found, warnings = joined(archive, spool, new, old)
    assert [name for name, username in found.items() if username] == ["P0"]
    assert len(warnings) == 11
    assert warnings[-1] == "The same of 4 more people."


def test_lists_of_another_length_say_nothing(archive: Path, spool: Path) -> None:
    new = sample(issues=[issue(1, reporter=None)], attachments=[], comments=[], logs=[])
    old = as_version(new, "1.0")
    old["issues"][0]["watchers"] = ["bob_b", "alice"]
    assert joined(archive, spool, new, old)[0] == {"Alice Liddell": None}


def test_a_username_that_only_the_old_database_has_is_nobody(archive: Path, spool: Path) -> None:
    new = sample(
        issues=[issue(1, reporter=None, watchers=[])], attachments=[], comments=[], logs=[]
    )
    old = as_version(new, "1.0")
    old["issues"][0]["reporter"] = "alice"
    assert joined(archive, spool, new, old)[0] == {}


def test_databases_that_disagree_are_reported_and_the_newer_one_wins(
    archive: Path, spool: Path
) -> None:
    old = as_version(sample(comments=[comment(100)]), "1.0")
    old["issues"][0]["title"] = "Another title"
    found = read(write_zip(archive, {"2.0": sample(), "1.0": old}, FILES), spool)
    assert found.scan.warnings == [
        "db-1.0.json and db-2.0.json disagree about issues (2 and 2 records); "
        "db-2.0.json was taken.",
        "db-1.0.json and db-2.0.json disagree about comments (1 and 3 records); "
        "db-2.0.json was taken.",
    ]
    assert found.issues[0].title == "Issue 1"


def test_the_order_of_records_is_no_disagreement(archive: Path, spool: Path) -> None:
    old = as_version(sample(), "1.0")
    old["comments"].reverse()
    old["attachments"] = [row | {"path": "attachments/elsewhere"} for row in old["attachments"]]
    found = read(write_zip(archive, {"2.0": sample(), "1.0": old}, FILES), spool)
    assert found.scan.warnings == []


def test_producers_may_leave_out_whatever_is_not_needed(archive: Path, spool: Path) -> None:
    text = {
        "issues": [
            {"id": "7", "title": " ", "created_on": "2014-07-01T00:00:00", "watchers": None}
        ],
        "comments": [{"id": "8", "issue": "7", "user": "", "created_on": "2014-07-01T00:00:00Z"}],
        "logs": None,
        "wiki": {"pages": [1, 2]},
        "attachments": [{"issue": 7, "path": "attachments/file12", "filename": "\r\n\x1b[0m"}],
    }
    found = read(write_zip(archive, {"1.0": text}), spool)
    row = found.issues[0]
    assert (row.number, row.title, row.content, row.watchers, row.voters) == (7, " ", None, [], [])
    assert (row.status, row.kind, row.priority) == ("new", "bug", "major")
    assert row.created_on == row.updated_on == "2014-07-01T00:00:00.000000+00:00"
    written = found.comments[0]
    assert (written.id, written.issue, written.user, written.content) == (8, 7, None, None)
    assert found.attachments[0].filename == "\r\n\x1b[0m"
    assert found.files == {"attachments/file12": None}
    assert found.scan.warnings == [
        "db-1.0.json: issues without a kind: 1; bug was taken.",
        "db-1.0.json: issues without a priority: 1; major was taken.",
        "db-1.0.json: issues without a status: 1; new was taken.",
        "db-1.0.json: issues without a updated_on: 1; created_on was taken.",
        "db-1.0.json: wiki is unknown and was left out (1 times).",
    ]
    assert read(write_zip(archive, {"1.0": {}}), spool).scan.counts["issues"] == 0


def test_what_there_is_no_place_for_is_said(archive: Path, spool: Path) -> None:
    text = sample(
        issues=[issue(1, is_spam=True), issue(2, is_spam=False)],
        components=[{"name": "core", "lead": "x"}, {"name": "core"}],
    )
    assert read(write_zip(archive, {"2.0": text}), spool).scan.warnings[:3] == [
        "db-2.0.json: components.lead is unknown and was left out (1 times).",
        "db-2.0.json: issues.is_spam is unknown and was left out (2 times).",
        "db-2.0.json: components: 1 names are there twice and were taken once.",
    ]


def test_a_missing_kind_is_the_trackers_default(archive: Path, spool: Path) -> None:
    text = sample(issues=[issue(1, kind=...)], meta={"default_kind": "task"})
    found = read(write_zip(archive, {"2.0": text}), spool)
    assert found.issues[0].kind == "task"
    assert found.scan.warnings == ["db-2.0.json: issues without a kind: 1; task was taken."]


def test_names_in_use_that_are_not_declared_are_listed(archive: Path, spool: Path) -> None:
    rows = [issue(1, component="core", milestone="M1", version=""), issue(2, component="gui")]
    text = sample(issues=rows, meta={"default_milestone": "M0", "default_assignee": BOB})
    found = read(write_zip(archive, {"2.0": text}), spool)
    assert found.issues[0].version is None
    assert found.scan.meta.default_assignee == found.scan.people[0]
    assert {kind: set(names) for kind, names in found.scan.undeclared.items()} == {
        "component": {"gui"},
        "milestone": {"M0", "M1"},
        "version": set(),
    }


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("2012-07-29T02:35:38.123456+00:00", "2012-07-29T02:35:38.123456+00:00"),
        ("2013-12-10T14:44:13+00:00", "2013-12-10T14:44:13.000000+00:00"),
        ("2014-07-01T00:00:00", "2014-07-01T00:00:00.000000+00:00"),
        ("2014-07-01T00:00:00.12345Z", "2014-07-01T00:00:00.123450+00:00"),
        ("2014-07-01 00:00:00.123456789", "2014-07-01T00:00:00.123456+00:00"),
        ("2014-07-01T02:30+02:30", "2014-07-01T00:00:00.000000+00:00"),
        ("2014-06-30T19:00:00-0500", "2014-07-01T00:00:00.000000+00:00"),
        ("2014-07-01T01:00:00 +01", "2014-07-01T00:00:00.000000+00:00"),
        ("2014-07-01", "2014-07-01T00:00:00.000000+00:00"),
        ("2013-05-01 12:00:00 UTC", "2013-05-01T12:00:00.000000+00:00"),
        ("2013-05-01 12:00:00 +0200", "2013-05-01T10:00:00.000000+00:00"),
        ("2013-05-01T12:00:00.5 -03:30", "2013-05-01T15:30:00.500000+00:00"),
        ("2013-05-01T12:00:00GMT", "2013-05-01T12:00:00.000000+00:00"),
        ("2013-05-01 12:00 z", "2013-05-01T12:00:00.000000+00:00"),
        ("Wed, 01 May 2013 12:00:00 GMT", "2013-05-01T12:00:00.000000+00:00"),
        ("Wed,1 May 2013 12:00:00 -0730", "2013-05-01T19:30:00.000000+00:00"),
        ("1 may 2013 12:00 edt", "2013-05-01T16:00:00.000000+00:00"),
        ("01 May 2013 12:00:00", "2013-05-01T12:00:00.000000+00:00"),
        ("01 May 2013 12:00:00 -0000", "2013-05-01T12:00:00.000000+00:00"),
        ("Wed,  1 May 2013 12:00:00 +0000 (UTC)", "2013-05-01T12:00:00.000000+00:00"),
    ],
)
def test_times_are_read_as_producers_write_them(
    written: str, read_as: str, archive: Path, spool: Path
) -> None:
    text = sample(issues=[issue(1, created_on=written)])
    assert read(write_zip(archive, {"2.0": text}), spool).issues[0].created_on == read_as


OFFSETS = dict.fromkeys(("Z", "UT", "UTC", "GMT"), 0) | {
    "EST": 5,
    "EDT": 4,
    "CST": 6,
    "CDT": 5,
    "MST": 7,
    "MDT": 6,
    "PST": 8,
    "PDT": 7,
    "A": 0,
    "m": 0,
    "Y": 0,
}


@pytest.mark.parametrize("form", ["2013-05-01 12:00:00 {}", "Wed, 01 May 2013 12:00:00 {}"])
def test_every_zone_of_mails_is_known_by_name(form: str, archive: Path, spool: Path) -> None:
    rows = [issue(1 + n, created_on=form.format(zone)) for n, zone in enumerate(OFFSETS)]
    found = read(write_zip(archive, {"2.0": sample(issues=rows)}), spool).issues
    assert [one.created_on[11:13] for one in found] == [str(12 + west) for west in OFFSETS.values()]


@pytest.mark.parametrize(
    "written",
    [
        "2013-05-01 12:00:00 CET",
        "2013-05-01 12:00:00 J",
        "2013-05-01 12:00:00 +0260",
        "Wed, 01 May 2013 12:00:00 +0260",
        "Mon, 01 Jan 0000 00:00:00 GMT",
        "Fri, 01 Jan 0099 00:00:00 GMT",
        "2013-05-01 12:00:00  UTC",
        "2013-05-01 12:00:00 +2",
        "2013-05-01 UTC+02:00",
        "Wed, 01 May 2013 12:00:00 CEST",
        "Wed, 01 May 2013 12:00:60 GMT",
        "Wed, 31 Feb 2013 12:00:00 GMT",
        "Wed, 01 May 2013 12:00:00 +9999",
        "Wed, 01 May 13 12:00:00 GMT",
        "Wednesday, 01-May-13 12:00:00 GMT",
        "Wed May  1 12:00:00 2013",
        "Fri, 31 Dec 9999 23:59:59 -0100",
    ],
)
def test_what_is_no_clear_time_is_refused(written: str, archive: Path, spool: Path) -> None:
    text = sample(issues=[issue(1, created_on=written)])
    with pytest.raises(Invalid, match=r"issues\[0\].created_on: Not a valid datetime."):
        read(write_zip(archive, {"2.0": text}), spool)


def test_a_name_may_stand_in_an_object(archive: Path, spool: Path) -> None:
    rows = [
        issue(1, component={"name": "core"}, milestone={"name": "M1"}, version={"name": "1.0"}),
        issue(2, component={"name": None}, milestone={"name": ""}, version={"name": "1.1", "x": 1}),
    ]
    meta = {
        "default_kind": {"name": "task"},
        "default_component": {"name": "core"},
        "default_milestone": {"name": "M1"},
        "default_version": {"name": "1.0"},
    }
    found = read(write_zip(archive, {"2.0": sample(issues=rows, meta=meta)}), spool)
    first, second = found.issues
    assert (first.component, first.milestone, first.version) == ("core", "M1", "1.0")
    assert (second.component, second.milestone, second.version) == (None, None, "1.1")
    assert found.scan.meta == Meta(None, "core", "task", "M1", "1.0")
    assert found.scan.undeclared["milestone"] == ["M1"]
    empty = sample(meta={"default_kind": {"name": None}})
    assert read(write_zip(archive, {"2.0": empty}), spool).scan.meta.default_kind is None


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"issues": [issue(1, version={"name": "v" * 129})]}, "issues[0].version.name: Ensure"),
        ({"issues": [issue(1, component={"name": 7})]}, "issues[0].component.name: Not a valid s"),
        ({"issues": [issue(1, milestone={"title": "x"})]}, "issues[0].milestone: Not a valid str"),
        ({"meta": {"default_kind": {"name": "Bug"}}}, "meta.default_kind.name: Must be one of"),
        ({"meta": {"default_version": {}}}, "meta.default_version: Not a valid string."),
    ],
)
def test_a_wrong_name_in_an_object_is_refused_by_its_place(
    sections: dict[str, Any], words: str, archive: Path, spool: Path
) -> None:
    with pytest.raises(Invalid, match=re.escape(words)):
        read(write_zip(archive, {"2.0": sections}), spool)


@pytest.mark.parametrize("key", ["username", "name"])
def test_a_username_may_stand_in_an_object(key: str, archive: Path, spool: Path) -> None:
    text = {
        "meta": {"default_assignee": {key: "ann"}},
        "issues": [issue(1, reporter={key: "ann"}, watchers=[{key: "bob"}], voters=[{key: None}])],
    }
    found = read(write_zip(archive, {"1.0": text}), spool)
    assert found.scan.meta.default_assignee == found.issues[0].reporter
    assert [person.username for person in found.scan.people] == ["ann", "bob"]
    assert found.issues[0].voters == []


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_list_of_people_may_be_an_object_of_indices(
    version: str, archive: Path, spool: Path
) -> None:
    rows = [issue(1, watchers={"10": BOB, "2": ALICE, "0": CHARLIE}, voters={"3": BOB})]
    rows.append(issue(2, watchers={}, voters={}))
    text = as_version(sample(issues=rows), version)
    first, second = read(write_zip(archive, {version: text}), spool).issues
    names = [person.username or person.display_name for person in first.watchers]
    assert [name and name[:3].lower() for name in names] == ["cha", "ali", "bob"]
    assert len(first.voters) == 1
    assert (second.watchers, second.voters) == ([], [])


@pytest.mark.parametrize("key", ["watchers", "voters"])
@pytest.mark.parametrize("index", ["ann", "-1", "01", "1.0", "", "٣", "9" * 5000])
def test_an_object_with_other_keys_is_no_list_of_people(
    index: str, key: str, archive: Path, spool: Path
) -> None:
    rows = [issue(1), issue(2, **{key: {"0": ALICE, index: BOB}})]
    with pytest.raises(Invalid, match=rf"issues\[1\]\.{key}: Not a valid list\."):
        read(write_zip(archive, {"2.0": sample(issues=rows)}), spool)


def test_a_wrong_person_in_an_object_of_indices_is_named_by_the_index(
    archive: Path, spool: Path
) -> None:
    rows = [issue(1, watchers={"0": ALICE, "7": 1})]
    with pytest.raises(Invalid, match=r"issues\[0\]\.watchers\[7\]: Not a valid mapping type"):
        read(write_zip(archive, {"2.0": sample(issues=rows)}), spool)


def test_the_time_of_an_upload_is_in_the_url() -> None:
    url = "https://bitbucket.org/ws/repo/issues/attachments/9/ws/repo/{}/9/a.png"
    assert uploaded_on(url.format("1358126907.55")) == "2013-01-14T01:28:27.550000+00:00"
    assert uploaded_on(url.format("1358126907")) == "2013-01-14T01:28:27.000000+00:00"
    assert uploaded_on(url.format("yesterday")) is None
    assert uploaded_on("http://127.0.0.1/") is None
    assert uploaded_on(None) is None


def test_log_rows_stay_as_they_were_written(archive: Path, spool: Path) -> None:
    rows = [
        log(101, field="assignee", changed_from=None, changed_to=...),
        log(None, field="state", changed_to="x" * 254),
    ]
    found = read(write_zip(archive, {"2.0": sample(logs=rows)}), spool).logs
    assert (found[0].field, found[0].changed_from, found[0].changed_to) == ("assignee", None, None)
    assert (found[1].field, found[1].comment, found[1].changed_to) == ("state", None, "x" * 254)


def test_files_that_no_row_names_are_listed(archive: Path, spool: Path) -> None:
    files = FILES | {"attachments/lost": b"1", "README": b"2"}
    rows = [attachment(A_FILE), attachment("./attachments/absent"), attachment(f"./{B_FILE}")]
    found = read(write_zip(archive, {"2.0": sample(attachments=rows)}, files), spool)
    assert found.unread == ["attachments/lost"]
    assert [found.files[row.path] for row in found.attachments] == [FILES[A_FILE], None, b""]


def test_an_attachment_may_be_called_like_a_database(archive: Path, spool: Path) -> None:
    path = "attachments/db-2.0.json"
    text = sample(attachments=[attachment(path)])
    assert read(write_zip(archive, {"2.0": text}, {path: b"{}"}), spool).files == {path: b"{}"}


def test_records_come_in_batches_as_often_as_wanted(archive: Path, spool: Path) -> None:
    text = sample(issues=[issue(number) for number in range(1, 8)])
    with open_archive(write_zip(archive, {"2.0": text}), Limits(), spool) as opened:
        opened.scan(lambda done, total: None)
        for _ in range(2):
            batches = [[row.number for row in batch] for batch in opened.issues(3)]
            assert batches == [[1, 2, 3], [4, 5, 6], [7]]
        assert [len(batch) for batch in opened.comments()] == [3]


def test_records_come_after_the_scan_only(archive: Path, spool: Path) -> None:
    write_zip(archive, {"2.0": sample()})
    with (
        open_archive(archive, Limits(), spool) as opened,
        pytest.raises(RuntimeError, match="scan"),
    ):
        next(opened.issues())


@pytest.mark.parametrize("lost", [b"", b"more"], ids=["shrinks", "grows"])
def test_a_file_that_changes_while_it_is_read_is_refused(
    lost: bytes, tmp_path: Path, spool: Path
) -> None:
    folder = write_folder(tmp_path / "unpacked", {"2.0": sample()}, FILES)
    with open_archive(folder, Limits(), spool) as opened:
        member = opened.find(A_FILE)
        assert member is not None
        data = (folder / A_FILE).read_bytes()
        (folder / A_FILE).write_bytes(data + lost if lost else data[:-1])
        with pytest.raises(Invalid, match=f"{A_FILE}: The file changed"):
            list(opened.read(member))


def test_a_zip_that_is_cut_while_it_is_read_is_refused(archive: Path, spool: Path) -> None:
    write_zip(archive, {"2.0": sample()}, {A_FILE: b"x" * 9_999}, method=zipfile.ZIP_STORED)
    with open_archive(archive, Limits(), spool) as opened:
        member = opened.find(A_FILE)
        assert member is not None
        os.truncate(archive, 5_000)
        with pytest.raises(Invalid, match=f"{A_FILE}: The zip ends too early"):
            list(opened.read(member))


def test_a_large_file_comes_in_chunks(archive: Path, spool: Path) -> None:
    data = bytes(range(256)) * 8192 + b"end"
    path = write_zip(archive, {"2.0": sample()}, {A_FILE: data})
    with open_archive(path, Limits(), spool) as opened:
        member = opened.find(A_FILE)
        assert member is not None
        chunks = list(opened.read(member))
    assert b"".join(chunks) == data
    assert max(map(len, chunks)) <= 1 << 18


def test_progress_goes_up_to_the_total_and_may_end_it_all(archive: Path, spool: Path) -> None:
    text = sample(comments=[comment(number, content="x" * 999) for number in range(1, 4_000)])
    write_zip(archive, databases(text), FILES)
    seen: list[tuple[int, int]] = []
    read(archive, spool, progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1][0] == seen[-1][1] == sum(len(as_text(x)) for x in databases(text).values())
    assert max(b[0] - a[0] for a, b in pairwise(seen)) <= 1 << 20

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read(archive, spool, progress=stop)
    assert list(spool.iterdir()) == []


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(
    sections=st.dictionaries(
        st.text(max_size=9), st.lists(VALUES, max_size=5) | VALUES, max_size=4
    ),
    indent=st.sampled_from([None, 0, 1, 40]),
    ascii=st.booleans(),
    size=st.integers(1, 60),
    mark=st.booleans(),
)
def test_a_text_in_pieces_is_read_like_the_whole(
    sections: dict[str, Any],
    indent: int | None,
    ascii: bool,
    size: int,
    mark: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    text = json.dumps(sections, indent=indent, ensure_ascii=ascii)
    data = text.encode("utf-8-sig" if mark else "utf-8", "surrogatepass")
    document = Document(tmp_path_factory.getbasetemp() / "stream", "db", 1 << 20)
    found: dict[str, Any] = {key: [] for key in sections}
    for section, index, element in document.walk(
        data[start : start + size] for start in range(0, len(data), size)
    ):
        if index < 0:
            found[section] = element
        else:
            assert index == len(found[section])
            found[section].append(element)
    assert found == sections
    for section, whole in sections.items():
        assert list(document.section(section)) == (whole if isinstance(whole, list) else [])


ROWS = b'{"issues":[' + b'{"title":"\xc3\xa9\xe8\xaa\xb2", "id":1},\n' * 40
FAULTS: dict[str, tuple[bytes, bytes, str]] = {
    "no UTF-8": (ROWS + b'{"title":"', b'\xff"}]}', "not valid UTF-8"),
    "half a character at the end": (ROWS + b'{"title":"', b"\xe8\xaa", "not valid UTF-8"),
    "half a character in the middle": (ROWS + b'{"title":"', b'\xe8\xaa"}]}', "not valid UTF-8"),
    "NaN": (ROWS + b'{"title":"NaN","id":', b"NaN}]}", "NaN is not JSON"),
    "-Infinity": (ROWS + b'{"x":[1,', b"-Infinity]}]}", "-Infinity is not JSON"),
    "digits": (ROWS + b'{"x":"' + b"9" * 5000 + b'","y":', b"9" * 5000 + b"}]}", "too many digits"),
    "no comma": (ROWS + b'{"id":1 ', b'"title":""}]}', "delimiter"),
    "no comma far from the end": (ROWS + b'{"id":1 ', b'"title":""}' + ROWS, "delimiter"),
    "no comma between rows": (ROWS + b"{}", b"{}]}", ", or ] or } expected"),
    "no value": (ROWS + b'{"id":', b"}]}", "a value expected"),
    "half a word": (ROWS, b"tru", "a value expected"),
    "a control character": (ROWS + b'{"id":"', b'\n"}]}', "control character"),
    "an end in a row": (ROWS + b'{"id":1', b"", "ends too early"),
    "an end in a text": (ROWS + b'{"id":"abc', b"", "ends too early"),
    "an end between rows": (ROWS, b"", "ends too early"),
    "an end in the list": (ROWS + b"{}", b"", "ends too early"),
    "no name": (ROWS + b"{}],", b"1:[]}", "name of a section expected"),
    "more": (ROWS + b"{}]}\n", b"x", "something follows"),
    "no object": (b" ", b"[]", "must be an object"),
    "UTF-16": (b"", "{}".encode("utf-16"), "must be UTF-8"),
    "depth": (ROWS, b"[" * 1_000_000, "too deeply"),
    "length": (ROWS, b'"' + b"x" * (1 << 20), "takes more than"),
}


@pytest.mark.parametrize("size", [7, 1 << 20])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_text_is_named_with_its_place(
    fault: str, mark: bytes, size: int, tmp_path: Path
) -> None:
    before, after, words = FAULTS[fault]
    if fault == "UTF-16" and mark:
        mark = b""
    data = mark + before + after
    size = max(size, len(data) >> 14)
    document = Document(tmp_path / "text", "db", 1 << 19)
    chunks = (data[start : start + size] for start in range(0, len(data), size))
    with pytest.raises(Invalid) as refusal:
        list(document.walk(chunks))
    assert words in refusal.value.message
    assert refusal.value.message.endswith(f"(near byte {len(mark + before)}).")


def test_every_real_export_comes_in_whole(spool: Path) -> None:
    paths = [p for p in sorted(reference().iterdir()) if not p.name.endswith("jira-cloud.json")]
    assert paths
    for path in paths:
        found = read(path, spool)
        assert found.scan.warnings == [], path.name
        for section in ("issues", "comments", "logs", "attachments"):
            assert len(getattr(found, section)) == found.scan.counts[section] == rows(path, section)
        assert found.scan.undeclared == {"component": [], "milestone": [], "version": []}
        if path.suffix == ".zip":
            assert None not in found.files.values()
            assert all(p.username and p.account_id for p in found.scan.people)


def rows(path: Path, section: str) -> int:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return len(json.loads(archive.read("db-2.0.json"))[section])
    return len(json.loads(path.read_bytes()).get(section) or [])
