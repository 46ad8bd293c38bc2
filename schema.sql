-- Pail's schema, whole: what the code assumes stands here as a constraint.
-- Times are text, UTC, fixed width: 2012-07-29T02:35:38.000000+00:00. Flags are 0 or 1.
-- Ids that clients see (issue numbers, comment ids, definition ids) come from counters in this schema.

-- People. A row without a workspace is an account that can sign in. A row with one is a placeholder: a person
-- named by an archive, known in that workspace only, who cannot sign in and has no rights.
-- While an import builds a tracker, its new people belong to that tracker and to no workspace yet.
CREATE TABLE account (
    id              INTEGER PRIMARY KEY,
    uuid            TEXT NOT NULL UNIQUE,
    workspace_id    INTEGER REFERENCES workspace (id) ON DELETE CASCADE,
    tracker_id      INTEGER REFERENCES tracker (id),
    username        TEXT NOT NULL,
    account_id      TEXT NOT NULL,
    display_name    TEXT NOT NULL,
    nickname        TEXT NOT NULL,
    derived         TEXT NOT NULL DEFAULT '' CHECK (derived IN ('', 'username', 'account_id', 'both')),
    email           TEXT,
    password_hash   TEXT,
    is_admin        INTEGER NOT NULL DEFAULT 0 CHECK (is_admin IN (0, 1)),
    is_active       INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    created_on      TEXT NOT NULL,
    CHECK (workspace_id IS NULL OR (email IS NULL AND password_hash IS NULL AND is_admin = 0)),
    CHECK (tracker_id IS NULL OR (email IS NULL AND password_hash IS NULL AND is_admin = 0))
);
CREATE UNIQUE INDEX account_username ON account (username)
    WHERE workspace_id IS NULL AND tracker_id IS NULL;
CREATE UNIQUE INDEX account_account_id ON account (account_id)
    WHERE workspace_id IS NULL AND tracker_id IS NULL;
CREATE UNIQUE INDEX account_email ON account (email) WHERE email IS NOT NULL;
CREATE UNIQUE INDEX placeholder_username ON account (workspace_id, username) WHERE workspace_id IS NOT NULL;
CREATE UNIQUE INDEX placeholder_account_id ON account (workspace_id, account_id) WHERE workspace_id IS NOT NULL;
CREATE INDEX account_tracker ON account (tracker_id) WHERE tracker_id IS NOT NULL;
-- An account_id in an address may be that of an account or of a placeholder of any workspace.
CREATE INDEX account_named ON account (account_id);

-- API tokens: only the SHA-256 of the secret is kept. scopes is a space-separated list.
CREATE TABLE token (
    id              INTEGER PRIMARY KEY,
    account_id      INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name            TEXT NOT NULL,
    sha256          TEXT NOT NULL UNIQUE,
    scopes          TEXT NOT NULL,
    created_on      TEXT NOT NULL,
    expires_on      TEXT
);
CREATE INDEX token_account ON token (account_id);

CREATE TABLE workspace (
    id              INTEGER PRIMARY KEY,
    uuid            TEXT NOT NULL UNIQUE,
    slug            TEXT NOT NULL UNIQUE,
    name            TEXT NOT NULL,
    owner_id        INTEGER NOT NULL REFERENCES account (id),
    created_on      TEXT NOT NULL
);
CREATE INDEX workspace_owner ON workspace (owner_id);

-- tracker_id names the tracker in force; last_issue_number never goes down, so no number is used twice.
CREATE TABLE repository (
    id                  INTEGER PRIMARY KEY,
    uuid                TEXT NOT NULL UNIQUE,
    workspace_id        INTEGER NOT NULL REFERENCES workspace (id),
    slug                TEXT NOT NULL,
    name                TEXT NOT NULL,
    description         TEXT NOT NULL DEFAULT '',
    is_private          INTEGER NOT NULL CHECK (is_private IN (0, 1)),
    has_issues          INTEGER NOT NULL DEFAULT 1 CHECK (has_issues IN (0, 1)),
    tracker_id          INTEGER REFERENCES tracker (id),
    last_issue_number   INTEGER NOT NULL DEFAULT 0,
    created_on          TEXT NOT NULL,
    updated_on          TEXT NOT NULL,
    UNIQUE (workspace_id, slug)
);
CREATE INDEX repository_tracker ON repository (tracker_id) WHERE tracker_id IS NOT NULL;

-- Names that a repository had: they lead to it until another one takes the name.
CREATE TABLE former_name (
    workspace_id    INTEGER NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    slug            TEXT NOT NULL,
    repository_id   INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    PRIMARY KEY (workspace_id, slug)
);
CREATE INDEX former_name_repository ON former_name (repository_id);

CREATE TABLE member (
    repository_id   INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    account_id      INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    permission      TEXT NOT NULL CHECK (permission IN ('read', 'write', 'admin')),
    PRIMARY KEY (repository_id, account_id)
);
CREATE INDEX member_account ON member (account_id);

-- Values that only grow: 'comment' and 'category' (definition ids are unique in the whole instance), and 'rights', a
-- revision (see the triggers at the end). 'indexed' is the id up to which issue_trigram has the rows of issue_text, and
-- 'entries' how many it has, those of rows that are gone included; these two start again when it is made anew.
CREATE TABLE counter (
    name            TEXT PRIMARY KEY,
    value           INTEGER NOT NULL
);
INSERT INTO counter (name, value) VALUES ('comment', 0), ('category', 0), ('rights', 0), ('indexed', 0),
    ('entries', 0);

-- Imports and exports. The row is the promise; the queue is only a doorbell. asked_by says whether an account or the
-- command line asked: an account that was deleted leaves no account_id either. writes_before is the writes of the
-- tracker in force when the job was accepted.
CREATE TABLE job (
    id              INTEGER PRIMARY KEY,
    uuid            TEXT NOT NULL UNIQUE,
    kind            TEXT NOT NULL CHECK (kind IN ('import', 'export')),
    repository_id   INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    account_id      INTEGER REFERENCES account (id) ON DELETE SET NULL,
    status          TEXT NOT NULL CHECK (status IN ('ACCEPTED', 'STARTED', 'SUCCESS', 'FAILURE')),
    phase           TEXT NOT NULL DEFAULT 'Initializing',
    total           INTEGER NOT NULL DEFAULT 0,
    count           INTEGER NOT NULL DEFAULT 0,
    attempt         INTEGER NOT NULL DEFAULT 0,
    dry_run         INTEGER NOT NULL DEFAULT 0 CHECK (dry_run IN (0, 1)),
    options         TEXT NOT NULL DEFAULT '{}',
    base_url        TEXT NOT NULL,
    archive         TEXT,
    worker          TEXT,
    tracker_id      INTEGER REFERENCES tracker (id) ON DELETE SET NULL,
    message         TEXT,
    report          TEXT,
    created_on      TEXT NOT NULL,
    heartbeat_on    TEXT,
    moved_on        TEXT,
    finished_on     TEXT,
    asked_by        TEXT NOT NULL DEFAULT 'account' CHECK (asked_by IN ('account', 'command line')),
    writes_before   INTEGER NOT NULL DEFAULT 0,
    CHECK (dry_run = 0 OR kind = 'import')
);
CREATE UNIQUE INDEX job_one_import ON job (repository_id)
    WHERE kind = 'import' AND status IN ('ACCEPTED', 'STARTED');
CREATE UNIQUE INDEX job_one_export ON job (repository_id)
    WHERE kind = 'export' AND asked_by = 'account' AND status IN ('ACCEPTED', 'STARTED');
CREATE INDEX job_repository ON job (repository_id, kind, id);
CREATE INDEX job_unfinished ON job (status, id) WHERE status IN ('ACCEPTED', 'STARTED');
CREATE INDEX job_account ON job (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX job_tracker ON job (tracker_id) WHERE tracker_id IS NOT NULL;

-- The content of an archive belongs to a tracker. A repository's current one is repository.tracker_id; others are
-- being built by an import, replaced by one and stored for undo, or waiting to be removed in pieces; these last may
-- have lost their repository already. last_comment_id is the highest that a removed comment can have had. writes counts
-- what was written here and is not in the tracker that undo swaps with this one.
CREATE TABLE tracker (
    id                  INTEGER PRIMARY KEY,
    repository_id       INTEGER REFERENCES repository (id) ON DELETE SET NULL,
    status              TEXT NOT NULL CHECK (status IN ('building', 'current', 'replaced', 'dropped')),
    default_kind        TEXT CHECK (default_kind IN ('bug', 'enhancement', 'proposal', 'task')),
    default_assignee_id INTEGER REFERENCES account (id),
    default_component   TEXT,
    default_milestone   TEXT,
    default_version     TEXT,
    issue_count         INTEGER NOT NULL DEFAULT 0,
    created_on          TEXT NOT NULL,
    replaced_on         TEXT,
    last_comment_id     INTEGER NOT NULL DEFAULT 0,
    writes              INTEGER NOT NULL DEFAULT 0,
    revision            INTEGER NOT NULL DEFAULT 0,
    CHECK (repository_id IS NOT NULL OR status = 'dropped')
);
CREATE INDEX tracker_repository ON tracker (repository_id, status);
CREATE INDEX tracker_default_assignee ON tracker (default_assignee_id) WHERE default_assignee_id IS NOT NULL;

-- A person's names in the archive of a tracker, where they differ from the workspace's, or where the archive leaves
-- out some of them: derived says which ones, and exports have null for these.
CREATE TABLE alias (
    tracker_id          INTEGER NOT NULL REFERENCES tracker (id),
    account_id          INTEGER NOT NULL REFERENCES account (id),
    username            TEXT NOT NULL,
    named_account_id    TEXT NOT NULL,
    display_name        TEXT NOT NULL,
    derived             TEXT NOT NULL DEFAULT '' CHECK (derived IN ('', 'username', 'account_id', 'both')),
    PRIMARY KEY (tracker_id, account_id)
);
CREATE INDEX alias_account ON alias (account_id);
CREATE INDEX alias_username ON alias (username);

-- Components, milestones and versions: one table, because they differ in name only.
CREATE TABLE category (
    id              INTEGER PRIMARY KEY,
    tracker_id      INTEGER NOT NULL REFERENCES tracker (id),
    kind            TEXT NOT NULL CHECK (kind IN ('component', 'milestone', 'version')),
    name            TEXT NOT NULL,
    UNIQUE (tracker_id, kind, name)
);

CREATE TABLE issue (
    tracker_id          INTEGER NOT NULL REFERENCES tracker (id),
    number              INTEGER NOT NULL CHECK (number > 0),
    title               TEXT NOT NULL,
    content_raw         TEXT,
    content_markup      TEXT NOT NULL DEFAULT 'markdown' CHECK (content_markup IN ('markdown', 'creole', 'plaintext')),
    content_html        TEXT,
    content_renderer    INTEGER,
    reporter_id         INTEGER REFERENCES account (id),
    assignee_id         INTEGER REFERENCES account (id),
    state               TEXT NOT NULL CHECK (state IN ('submitted', 'new', 'open', 'resolved', 'on hold', 'invalid',
                                                       'duplicate', 'wontfix', 'closed')),
    kind                TEXT NOT NULL CHECK (kind IN ('bug', 'enhancement', 'proposal', 'task')),
    priority            TEXT NOT NULL CHECK (priority IN ('trivial', 'minor', 'major', 'critical', 'blocker')),
    component_id        INTEGER REFERENCES category (id),
    milestone_id        INTEGER REFERENCES category (id),
    version_id          INTEGER REFERENCES category (id),
    votes               INTEGER NOT NULL DEFAULT 0,
    watches             INTEGER NOT NULL DEFAULT 0,
    created_on          TEXT NOT NULL,
    updated_on          TEXT NOT NULL,
    content_updated_on  TEXT,
    edited_on           TEXT,
    PRIMARY KEY (tracker_id, number)
);
-- Everything that lists are filtered and sorted by except texts: they read this index alone.
CREATE INDEX issue_updated ON issue (tracker_id, updated_on, number, state, kind, priority, created_on, edited_on, votes,
                                     watches, reporter_id, assignee_id, component_id, milestone_id, version_id);
-- Where few issues match a filter.
CREATE INDEX issue_filtered ON issue (tracker_id, state, priority, kind, updated_on, number);
CREATE INDEX issue_reporter ON issue (reporter_id, tracker_id);
CREATE INDEX issue_assignee ON issue (assignee_id, tracker_id, state, updated_on, number, priority, kind);
CREATE INDEX issue_component ON issue (component_id) WHERE component_id IS NOT NULL;
CREATE INDEX issue_milestone ON issue (milestone_id) WHERE milestone_id IS NOT NULL;
CREATE INDEX issue_version ON issue (version_id) WHERE version_id IS NOT NULL;

-- How many issues of a tracker have the same values of what lists are filtered by most (triggers at the end).
CREATE TABLE issue_count (
    tracker_id          INTEGER NOT NULL REFERENCES tracker (id),
    state               TEXT NOT NULL,
    kind                TEXT NOT NULL,
    priority            TEXT NOT NULL,
    issues              INTEGER NOT NULL,
    PRIMARY KEY (tracker_id, state, kind, priority)
);

-- What issues say, folded for searching. An edited text gets a new id, and none is used twice: rows up to the counter
-- 'indexed' are in issue_trigram by their ids, which a worker sees to.
CREATE TABLE issue_text (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT,
    tracker_id          INTEGER NOT NULL,
    number              INTEGER NOT NULL,
    title               TEXT NOT NULL,
    content             TEXT NOT NULL,
    UNIQUE (tracker_id, number),
    FOREIGN KEY (tracker_id, number) REFERENCES issue (tracker_id, number)
);
CREATE VIRTUAL TABLE issue_trigram USING fts5 (
    texts, content = '', columnsize = 0, detail = none, tokenize = 'trigram case_sensitive 1'
);

-- A change is a comment with log rows and perhaps no text: content_raw NULL is not the same as ''.
CREATE TABLE comment (
    tracker_id          INTEGER NOT NULL,
    id                  INTEGER NOT NULL CHECK (id > 0),
    issue_number        INTEGER NOT NULL,
    account_id          INTEGER REFERENCES account (id),
    content_raw         TEXT,
    content_markup      TEXT NOT NULL DEFAULT 'markdown' CHECK (content_markup IN ('markdown', 'creole', 'plaintext')),
    content_html        TEXT,
    content_renderer    INTEGER,
    created_on          TEXT NOT NULL,
    updated_on          TEXT,
    PRIMARY KEY (tracker_id, id),
    UNIQUE (tracker_id, issue_number, id),
    FOREIGN KEY (tracker_id, issue_number) REFERENCES issue (tracker_id, number)
);
CREATE INDEX comment_account ON comment (account_id, tracker_id);

-- Rows of the archive's logs, in the archive's dialect: field, changed_from and changed_to as they leave again. Of
-- an edit made here they are cut to 254 characters, as Bitbucket's are; whole_from and whole_to have what was cut.
CREATE TABLE log (
    tracker_id          INTEGER NOT NULL,
    comment_id          INTEGER NOT NULL,
    ordinal             INTEGER NOT NULL,
    issue_number        INTEGER NOT NULL,
    field               TEXT NOT NULL CHECK (field IN ('status', 'state', 'priority', 'kind', 'title', 'content',
                                                       'responsible', 'assignee', 'responsible_account_id',
                                                       'assignee_account_id', 'milestone', 'component', 'version',
                                                       'attachment')),
    changed_from        TEXT,
    changed_to          TEXT,
    account_id          INTEGER REFERENCES account (id),
    created_on          TEXT NOT NULL,
    whole_from          TEXT,
    whole_to            TEXT,
    PRIMARY KEY (tracker_id, comment_id, ordinal),
    FOREIGN KEY (tracker_id, issue_number, comment_id) REFERENCES comment (tracker_id, issue_number, id)
);
CREATE INDEX log_issue ON log (tracker_id, issue_number, comment_id);
CREATE INDEX log_account ON log (account_id);

-- name is the one in the API (one issue's are unique), filename the one in the archive (may repeat).
-- blob is the SHA-256 of the bytes; NULL where the archive had the row and not the file.
CREATE TABLE attachment (
    tracker_id          INTEGER NOT NULL,
    issue_number        INTEGER NOT NULL,
    ordinal             INTEGER NOT NULL,
    name                TEXT NOT NULL,
    filename            TEXT NOT NULL,
    account_id          INTEGER REFERENCES account (id),
    url                 TEXT,
    blob                TEXT,
    size                INTEGER NOT NULL DEFAULT 0,
    created_on          TEXT,
    PRIMARY KEY (tracker_id, issue_number, ordinal),
    UNIQUE (tracker_id, issue_number, name),
    FOREIGN KEY (tracker_id, issue_number) REFERENCES issue (tracker_id, number)
);
CREATE INDEX attachment_blob ON attachment (blob);
CREATE INDEX attachment_account ON attachment (account_id);
-- Those that were uploaded here: of an archive's, only the url tells a time.
CREATE INDEX attachment_uploaded ON attachment (tracker_id, size) WHERE url IS NULL AND created_on IS NOT NULL;

CREATE TABLE vote (
    tracker_id          INTEGER NOT NULL,
    issue_number        INTEGER NOT NULL,
    account_id          INTEGER NOT NULL REFERENCES account (id),
    PRIMARY KEY (tracker_id, issue_number, account_id),
    FOREIGN KEY (tracker_id, issue_number) REFERENCES issue (tracker_id, number)
);
CREATE INDEX vote_account ON vote (account_id);

CREATE TABLE watch (
    tracker_id          INTEGER NOT NULL,
    issue_number        INTEGER NOT NULL,
    account_id          INTEGER NOT NULL REFERENCES account (id),
    PRIMARY KEY (tracker_id, issue_number, account_id),
    FOREIGN KEY (tracker_id, issue_number) REFERENCES issue (tracker_id, number)
);
CREATE INDEX watch_account ON watch (account_id, tracker_id);

-- The revision of rights: it moves with every write that may alter who asks and what they may see or do. Counters of
-- issues and heartbeats of jobs do not move it.
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

-- What issue_count counts.
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
