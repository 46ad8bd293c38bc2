"""How older schemas become the one in schema.sql."""

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
"""
}
"""Older version -> SQL that leads to the next one, in one transaction; never edited later."""
