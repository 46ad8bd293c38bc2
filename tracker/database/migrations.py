"""The schema of a new database, and the migrations from older versions to it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import aiosqlite

from tracker.database.interface import DatabaseUnusable

VERSION = 6
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
    3: """
ALTER TABLE job ADD COLUMN
    asked_by        TEXT NOT NULL DEFAULT 'account' CHECK (asked_by IN ('account', 'command line'));
ALTER TABLE job ADD COLUMN writes_before INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tracker ADD COLUMN writes INTEGER NOT NULL DEFAULT 0;
UPDATE job SET asked_by = 'command line' WHERE json_extract(options, '$.local') = 1;
UPDATE job
   SET status = 'FAILURE', message = 'Another export of this repository was running.',
       worker = NULL, finished_on = strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')
 WHERE kind = 'export' AND asked_by = 'account' AND status IN ('ACCEPTED', 'STARTED')
   AND id > (SELECT min(other.id) FROM job other
              WHERE other.repository_id = job.repository_id AND other.kind = 'export'
                AND other.asked_by = 'account' AND other.status IN ('ACCEPTED', 'STARTED'));
CREATE UNIQUE INDEX job_one_export ON job (repository_id)
    WHERE kind = 'export' AND asked_by = 'account' AND status IN ('ACCEPTED', 'STARTED');
UPDATE tracker
   SET writes = (SELECT count(*) FROM issue
                  WHERE tracker_id = tracker.id AND created_on > (
                        SELECT max(replaced_on) FROM tracker before
                         WHERE before.repository_id = tracker.repository_id
                           AND before.status = 'replaced'))
              + (SELECT count(*) FROM comment
                  WHERE tracker_id = tracker.id AND max(created_on, coalesce(updated_on, '')) > (
                        SELECT max(replaced_on) FROM tracker before
                         WHERE before.repository_id = tracker.repository_id
                           AND before.status = 'replaced'))
 WHERE status = 'current';
UPDATE job
   SET writes_before = coalesce((SELECT writes FROM tracker
                                  WHERE tracker.repository_id = job.repository_id
                                    AND tracker.status = 'current'), 0)
 WHERE kind = 'import' AND status IN ('ACCEPTED', 'STARTED');
ALTER TABLE alias ADD COLUMN
    derived TEXT NOT NULL DEFAULT '' CHECK (derived IN ('', 'username', 'account_id', 'both'));
UPDATE alias SET derived = 'account_id' WHERE named_account_id LIKE 'pail:%';
UPDATE alias SET derived = CASE derived WHEN '' THEN 'username' ELSE 'both' END
 WHERE EXISTS (SELECT 1 FROM account a
                WHERE a.id = alias.account_id AND a.username = alias.username
                  AND a.derived IN ('username', 'both'));
""",
    4: """
ALTER TABLE tracker ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
INSERT INTO counter (name, value) VALUES ('rights', 0);
CREATE TRIGGER rights_account_insert AFTER INSERT ON account BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_account_update AFTER UPDATE
    OF uuid, workspace_id, tracker_id, username, account_id, display_name, nickname, email,
       is_admin, is_active ON account BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_account_delete AFTER DELETE ON account BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_token_insert AFTER INSERT ON token BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_token_update AFTER UPDATE
    OF account_id, sha256, scopes, expires_on ON token BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_token_delete AFTER DELETE ON token BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_workspace_insert AFTER INSERT ON workspace BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_workspace_update AFTER UPDATE
    OF uuid, slug, name, owner_id ON workspace BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_workspace_delete AFTER DELETE ON workspace BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_repository_insert AFTER INSERT ON repository BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_repository_update AFTER UPDATE
    OF uuid, workspace_id, slug, name, description, is_private, has_issues, tracker_id ON
       repository BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_repository_delete AFTER DELETE ON repository BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_former_name_insert AFTER INSERT ON former_name BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_former_name_update AFTER UPDATE ON former_name BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_former_name_delete AFTER DELETE ON former_name BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_member_insert AFTER INSERT ON member BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_member_update AFTER UPDATE ON member BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_member_delete AFTER DELETE ON member BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_job_insert AFTER INSERT ON job BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_job_update AFTER UPDATE
    OF status ON job BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
CREATE TRIGGER rights_job_delete AFTER DELETE ON job BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'rights';
END;
""",
    5: """
CREATE TABLE issue_count (
    tracker_id          INTEGER NOT NULL REFERENCES tracker (id),
    state               TEXT NOT NULL,
    kind                TEXT NOT NULL,
    priority            TEXT NOT NULL,
    issues              INTEGER NOT NULL,
    PRIMARY KEY (tracker_id, state, kind, priority)
);
CREATE INDEX issue_filtered ON issue (tracker_id, state, priority, kind, updated_on, number);
CREATE TABLE new_issue_text (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT,
    tracker_id          INTEGER NOT NULL,
    number              INTEGER NOT NULL,
    title               TEXT NOT NULL,
    content             TEXT NOT NULL,
    UNIQUE (tracker_id, number),
    FOREIGN KEY (tracker_id, number) REFERENCES issue (tracker_id, number)
);
INSERT INTO new_issue_text (tracker_id, number, title, content)
SELECT tracker_id, number, title, content FROM issue_text ORDER BY tracker_id, number;
DROP TABLE issue_text;
ALTER TABLE new_issue_text RENAME TO issue_text;
CREATE VIRTUAL TABLE issue_trigram USING fts5 (
    texts, content = '', columnsize = 0, detail = none, tokenize = 'trigram case_sensitive 1'
);
INSERT INTO counter (name, value) VALUES ('indexed', 0), ('entries', 0);
DROP INDEX issue_assignee;
CREATE INDEX issue_assignee
    ON issue (assignee_id, tracker_id, state, updated_on, number, priority, kind);
INSERT INTO issue_count (tracker_id, state, kind, priority, issues)
SELECT tracker_id, state, kind, priority, count(*) FROM issue
 GROUP BY tracker_id, state, kind, priority;
CREATE TRIGGER issue_count_insert AFTER INSERT ON issue BEGIN
    INSERT INTO issue_count (tracker_id, state, kind, priority, issues)
    VALUES (NEW.tracker_id, NEW.state, NEW.kind, NEW.priority, 1)
        ON CONFLICT (tracker_id, state, kind, priority) DO UPDATE SET issues = issues + 1;
END;
CREATE TRIGGER issue_count_update AFTER UPDATE OF state, kind, priority ON issue BEGIN
    UPDATE issue_count SET issues = issues - 1
     WHERE tracker_id = OLD.tracker_id AND state = OLD.state AND kind = OLD.kind
       AND priority = OLD.priority;
    INSERT INTO issue_count (tracker_id, state, kind, priority, issues)
    VALUES (NEW.tracker_id, NEW.state, NEW.kind, NEW.priority, 1)
        ON CONFLICT (tracker_id, state, kind, priority) DO UPDATE SET issues = issues + 1;
END;
CREATE TRIGGER issue_count_delete AFTER DELETE ON issue BEGIN
    UPDATE issue_count SET issues = issues - 1
     WHERE tracker_id = OLD.tracker_id AND state = OLD.state AND kind = OLD.kind
       AND priority = OLD.priority;
END;
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
