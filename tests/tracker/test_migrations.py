"""Databases of older versions become what a new one is, with everything that is in them."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tracker.database import Database, DatabaseUnusable, connect, migrations

SCHEMAS = Path(__file__).parent / "schemas"
"""What schema.sql was in each older version."""

TIME = "2013-04-25T15:39:39.417474+00:00"

CONTENT = f"""
INSERT INTO account (id, uuid, username, account_id, display_name, nickname, created_on)
VALUES (1, '{{u}}', 'alice', 'a', 'Alice', 'alice', '{TIME}');
INSERT INTO workspace (id, uuid, slug, name, owner_id, created_on)
VALUES (1, '{{w}}', 'alice', 'Alice', 1, '{TIME}');
INSERT INTO repository (id, uuid, workspace_id, slug, name, is_private, created_on, updated_on)
VALUES (1, '{{r}}', 1, 'app', 'App', 1, '{TIME}', '{TIME}');
INSERT INTO tracker (id, repository_id, status, issue_count, created_on)
VALUES (7, 1, 'current', 1, '{TIME}');
UPDATE repository SET tracker_id = 7;
INSERT INTO issue (tracker_id, number, title, content_raw, state, kind, priority, created_on,
                   updated_on)
VALUES (7, 1, 'ÜBER', NULL, 'new', 'bug', 'major', '{TIME}', '{TIME}');
INSERT INTO comment (tracker_id, id, issue_number, created_on) VALUES (7, 5, 1, '{TIME}');
INSERT INTO log (tracker_id, comment_id, ordinal, issue_number, field, changed_to, created_on)
VALUES (7, 5, 0, 1, 'status', 'open', '{TIME}');
INSERT INTO tracker (id, repository_id, status, created_on, replaced_on)
VALUES (6, 1, 'replaced', '{TIME}', '2013-04-25T00:00:00.000000+00:00');
"""

JOBS = f"""
INSERT INTO job (id, uuid, kind, repository_id, account_id, status, options, base_url, created_on)
VALUES (1, 'a', 'import', 1, NULL, 'SUCCESS', '{{"local": true}}', '', '{TIME}'),
       (2, 'b', 'import', 1, 1, 'ACCEPTED', '{{}}', '', '{TIME}'),
       (3, 'c', 'export', 1, 1, 'STARTED', '{{}}', '', '{TIME}'),
       (4, 'd', 'export', 1, 1, 'ACCEPTED', '{{"project_key": "X"}}', '', '{TIME}'),
       (5, 'e', 'export', 1, NULL, 'STARTED', '{{"local": true}}', '', '{TIME}'),
       (6, 'f', 'export', 1, NULL, 'ACCEPTED', '{{}}', '', '{TIME}');
"""


async def _shape(db: Database) -> dict[str, str | None]:
    """The definition of everything in the database, however it was written down."""
    rows = await db.all("SELECT name, sql FROM sqlite_master")
    return {row["name"]: row["sql"] and _normalised(row["sql"]) for row in rows}


def _normalised(sql: str) -> str:
    return re.sub(r"\s+", "", re.sub(r"--.*", "", sql)).replace('"', "")


def _make_old(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as old:
        old.executescript((SCHEMAS / f"{version}.sql").read_text("utf-8"))
        old.executescript(CONTENT)
        if version < 4:
            old.executescript(JOBS)
        if version > 1:
            old.execute("INSERT INTO issue_text VALUES (7, 1, 'über', '')")
        old.execute(f"PRAGMA application_id = {migrations.APPLICATION_ID}")
        old.execute(f"PRAGMA user_version = {version}")
        old.commit()


def test_every_older_version_has_a_step() -> None:
    assert sorted(migrations.STEPS) == list(range(1, migrations.VERSION))


@pytest.mark.parametrize("version", migrations.STEPS)
async def test_a_database_of_an_older_version_becomes_what_a_new_one_is(
    tmp_path: Path, version: int
) -> None:
    _make_old(tmp_path / "old.db", version)
    old = await connect(tmp_path / "old.db")
    new = await connect(tmp_path / "new.db")
    try:
        assert await _shape(old) == await _shape(new)
        assert await old.check() == []
        trackers = await old.all("SELECT id, repository_id, issue_count FROM tracker")
        assert [tuple(row) for row in trackers] == [(6, 1, 0), (7, 1, 1)]
        [text] = await old.all("SELECT * FROM issue_text")
        assert (text["number"], text["title"], text["content"]) == (1, "über", "")
        [log] = await old.all("SELECT * FROM log")
        assert (log["changed_to"], log["whole_to"], log["created_on"]) == ("open", None, TIME)
    finally:
        await old.close()
        await new.close()


@pytest.mark.parametrize("version", [1, 2, 3])
async def test_jobs_and_writes_of_an_older_version_are_told_apart(
    tmp_path: Path, version: int
) -> None:
    _make_old(tmp_path / "old.db", version)
    old = await connect(tmp_path / "old.db")
    try:
        # What was written since the last import was not counted, but can be told by its time.
        rows = await old.all("SELECT writes FROM tracker ORDER BY id")
        assert [row["writes"] for row in rows] == [0, 2]
        rows = await old.all("SELECT asked_by, status, writes_before FROM job ORDER BY id")
        assert [tuple(row) for row in rows] == [
            ("command line", "SUCCESS", 0),
            ("account", "ACCEPTED", 2),
            ("account", "STARTED", 0),
            ("account", "FAILURE", 0),
            ("command line", "STARTED", 0),
            ("account", "FAILURE", 0),
        ]
        [ended] = await old.all("SELECT message, finished_on FROM job WHERE id = 4")
        assert ended["message"] == "Another export of this repository was running."
        assert len(ended["finished_on"]) == len(TIME)
    finally:
        await old.close()


async def test_names_that_were_derived_are_known_to_be(tmp_path: Path) -> None:
    _make_old(tmp_path / "old.db", 3)
    with closing(sqlite3.connect(tmp_path / "old.db")) as old:
        for number, derived in enumerate(("username", "both", "", "account_id", "username"), 2):
            old.execute(
                """INSERT INTO account (id, uuid, workspace_id, username, account_id, display_name,
                                        nickname, derived, created_on)
                   VALUES (?1, ?1, 1, 'u' || ?1, 'a' || ?1, '', '', ?2, '')""",
                (number, derived),
            )
        for number, username, account_id in (
            (2, "u2", "a"),
            (3, "u3", "pail:x"),
            (4, "u4", "pail:x"),
            (5, "u5", "a"),
            (6, "other", "a"),
        ):
            alias = (7, number, username, account_id, "")
            old.execute("INSERT INTO alias VALUES (?, ?, ?, ?, ?)", alias)
        old.commit()
    db = await connect(tmp_path / "old.db")
    try:
        rows = await db.all("SELECT derived FROM alias ORDER BY account_id")
        assert [row["derived"] for row in rows] == ["username", "both", "account_id", "", ""]
    finally:
        await db.close()


async def test_a_step_that_fails_leaves_the_old_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old.db"
    _make_old(path, 1)
    monkeypatch.setitem(
        migrations.STEPS, 1, migrations.STEPS[1] + "INSERT INTO nothing VALUES (1);"
    )
    with pytest.raises(DatabaseUnusable):
        await connect(path)
    with closing(sqlite3.connect(path)) as old:
        assert old.execute("PRAGMA user_version").fetchone() == (1,)
        assert not old.execute("SELECT 1 FROM sqlite_master WHERE name = 'issue_text'").fetchall()
        assert old.execute("SELECT id FROM tracker ORDER BY id").fetchall() == [(6,), (7,)]
