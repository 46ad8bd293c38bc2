"""The schema: what a new file gets, and how that of an older one becomes the same."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import aiosqlite

from tracker.database.interface import DatabaseUnusable

VERSION = 3
"""PRAGMA user_version of the schema in schema.sql."""

APPLICATION_ID = 0x5061696C  # "Pail"

STEPS: dict[int, str] = {
    1: """
CREATE TABLE former_name (
    workspace_id    INTEGER NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    slug            TEXT NOT NULL,
    repository_id   INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    PRIMARY KEY (workspace_id, slug)
);
CREATE INDEX former_name_repository ON former_name (repository_id);
CREATE TABLE new_tracker (
    id                  INTEGER PRIMARY KEY,
    repository_id       INTEGER REFERENCES repository (id) ON DELETE SET NULL,
    status              TEXT NOT NULL CHECK (status IN
                            ('building', 'current', 'replaced', 'dropped')),
    default_kind        TEXT CHECK (default_kind IN
                            ('bug', 'enhancement', 'proposal', 'task')),
    default_assignee_id INTEGER REFERENCES account (id),
    default_component   TEXT,
    default_milestone   TEXT,
    default_version     TEXT,
    issue_count         INTEGER NOT NULL DEFAULT 0,
    created_on          TEXT NOT NULL,
    replaced_on         TEXT,
    last_comment_id     INTEGER NOT NULL DEFAULT 0,
    CHECK (repository_id IS NOT NULL OR status = 'dropped')
);
INSERT INTO new_tracker SELECT *, 0 FROM tracker;
DROP TABLE tracker;
ALTER TABLE new_tracker RENAME TO tracker;
CREATE INDEX tracker_repository ON tracker (repository_id, status);
CREATE INDEX tracker_default_assignee ON tracker (default_assignee_id)
 WHERE default_assignee_id IS NOT NULL;
CREATE INDEX workspace_owner ON workspace (owner_id);
CREATE INDEX repository_tracker ON repository (tracker_id) WHERE tracker_id IS NOT NULL;
CREATE INDEX job_account ON job (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX job_tracker ON job (tracker_id) WHERE tracker_id IS NOT NULL;
CREATE INDEX account_named ON account (account_id);
CREATE TABLE issue_text (
    tracker_id          INTEGER NOT NULL,
    number              INTEGER NOT NULL,
    title               TEXT NOT NULL,
    content             TEXT NOT NULL,
    PRIMARY KEY (tracker_id, number),
    FOREIGN KEY (tracker_id, number) REFERENCES issue (tracker_id, number)
);
INSERT INTO issue_text
SELECT tracker_id, number, fold(title), coalesce(fold(content_raw), '') FROM issue;
ALTER TABLE log ADD COLUMN whole_from TEXT;
ALTER TABLE log ADD COLUMN whole_to TEXT;
CREATE INDEX attachment_uploaded ON attachment (tracker_id, size)
 WHERE url IS NULL AND created_on IS NOT NULL;
DROP INDEX issue_updated;
CREATE INDEX issue_updated ON issue (
    tracker_id, updated_on, number, state, kind, priority, created_on, edited_on, votes, watches,
    reporter_id, assignee_id, component_id, milestone_id, version_id
);
DROP INDEX issue_reporter;
CREATE INDEX issue_reporter ON issue (reporter_id, tracker_id);
DROP INDEX issue_assignee;
CREATE INDEX issue_assignee ON issue (assignee_id, tracker_id);
DROP INDEX comment_account;
CREATE INDEX comment_account ON comment (account_id, tracker_id);
""",
    2: """
CREATE INDEX alias_username ON alias (username);
DROP INDEX watch_account;
CREATE INDEX watch_account ON watch (account_id, tracker_id);
""",
}
"""Older version -> SQL that leads to the next one, in one transaction; never edited later."""


def schema() -> str:
    """The text of schema.sql: beside the package in a wheel, at the top of a checkout."""
    packaged = Path(__file__).resolve().parent.parent / "schema.sql"
    return (packaged if packaged.exists() else packaged.parent.parent / "schema.sql").read_text(
        "utf-8"
    )


async def ensure_schema(writer: aiosqlite.Connection, path: Path) -> None:
    """Create or migrate under one write lock. Raises DatabaseUnusable for a file of others."""
    await writer.execute("PRAGMA foreign_keys = OFF")
    await writer.execute("BEGIN IMMEDIATE")
    try:
        [[version]] = await writer.execute_fetchall("PRAGMA user_version")
        [[application]] = await writer.execute_fetchall("PRAGMA application_id")
        [[tables]] = await writer.execute_fetchall("SELECT count(*) FROM sqlite_master")
        if tables and application != APPLICATION_ID:
            raise DatabaseUnusable(f"{path} is a SQLite database, but not one of Pail's.")
        if version > VERSION:
            raise DatabaseUnusable(
                f"{path} was written by a newer Pail (schema {version}, this one knows {VERSION})."
            )
        if not tables:
            for statement in _statements(schema()):
                await writer.execute(statement)
            await writer.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        for older in range(version or VERSION, VERSION):
            for statement in _statements(STEPS[older]):
                await writer.execute(statement)
        await writer.execute(f"PRAGMA user_version = {VERSION}")
        await writer.commit()
    except BaseException:
        await writer.rollback()
        raise


def _statements(script: str) -> Iterator[str]:
    """The statements of a script one by one (executescript would commit on its own)."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
