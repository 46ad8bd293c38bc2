"""Issues: reading them, listing them, writing a new one, removing one."""

from dataclasses import dataclass, field

from tracker import assignees, categories, clock
from tracker.access import accounts, trackers
from tracker.access.rights import Actor, Repository, require_account, require_permission, writable
from tracker.database import Reader, Row, Transaction
from tracker.database.sql import fold, larger
from tracker.errors import NotFound
from tracker.markup import VERSION
from tracker.query import Column
from tracker.query.paging import Listing, Page
from tracker.vocabulary import (
    LARGEST_ID,
    CategoryKind,
    Kind,
    Markup,
    Permission,
    Priority,
    State,
)

NO_ISSUE = "No Issue matches the given query."
"""Django's words, which clients compare."""


def person(name: str, prefix: str) -> str:
    """SQL of what answers show of a person joined by join_person: prefix_uuid, ..."""
    return accounts.shown(name, prefix, alias=f"{name}_as")


def person_paths(path: str, name: str) -> dict[str, Column]:
    """How a list can be asked for a person joined by join_person, shown under that path."""
    return accounts.paths(path, name, alias=f"{name}_as")


def join_person(name: str, column: str) -> str:
    """Join an account, and what the tracker's archive calls it if that is something else."""
    return f"""LEFT JOIN account {name} ON {name}.id = {column}
  LEFT JOIN alias {name}_as
    ON {name}_as.tracker_id = :tracker AND {name}_as.account_id = {column}"""


_ISSUE = f"""i.number, i.title, i.content_raw, i.content_markup, i.content_html, i.content_renderer,
       i.state, i.kind, i.priority, i.votes, i.watches, i.created_on, i.updated_on, i.edited_on,
       i.component_id, c.name AS component, i.milestone_id, m.name AS milestone,
       i.version_id, v.name AS version, {person("r", "reporter")}, {person("a", "assignee")}"""

_JOINS = f"""
  {join_person("r", "i.reporter_id")}
  {join_person("a", "i.assignee_id")}
  LEFT JOIN category c ON c.id = i.component_id
  LEFT JOIN category m ON m.id = i.milestone_id
  LEFT JOIN category v ON v.id = i.version_id
"""

NEW_TEXT = f"""
INSERT INTO issue_text (tracker_id, number, title, content)
VALUES (:tracker, :number, {fold(":title")}, {fold(":content")})"""
"""Writes what searches look at. No row is altered: a new text is a new row, with a new id."""

_TOUCH = f"""
UPDATE issue SET updated_on = {larger("updated_on", ":now")}
 WHERE tracker_id = :tracker AND number = :number RETURNING updated_on"""

Reference = tuple[str, str | int]
"""What a payload says about a person or a category: ("name", "UI"), ("uuid", "{...}"), ..."""


@dataclass(frozen=True, slots=True)
class NewIssue:
    """A new issue. References hold what was given: absent = the tracker's default, None = none.

    html is the content's, if it is made already (Contents.prepare).
    """

    title: str
    content: str = ""
    markup: Markup = Markup.MARKDOWN
    state: State = State.NEW
    kind: Kind | None = None
    priority: Priority = Priority.MAJOR
    references: dict[str, Reference | None] = field(default_factory=dict)
    html: str | None = None


async def get(db: Reader, repository: Repository, number: int) -> Row:
    """One issue with its people and categories. Raises NotFound."""
    row = await db.one(
        f"""SELECT {_ISSUE} FROM issue i {_JOINS}
             WHERE i.tracker_id = :tracker AND i.number = :number""",
        {"tracker": repository.tracker_id, "number": number},
    )
    if row is None:
        raise NotFound(NO_ISSUE)
    return row


async def outline(db: Reader, repository: Repository, number: int) -> Row:
    """What comments and changes show of their issue (number, title). Raises NotFound."""
    row = await db.one(
        "SELECT number, title FROM issue WHERE tracker_id = :tracker AND number = :number",
        {"tracker": repository.tracker_id, "number": number},
    )
    if row is None:
        raise NotFound(NO_ISSUE)
    return row


async def find_all(db: Reader, repository: Repository, listing: Listing) -> Page[Row]:
    """A part of the issues (columns as get's)."""
    joins = "LEFT JOIN issue i ON i.tracker_id = :tracker AND i.number = part.id"
    return await listing.find(db, _ISSUE, f"{joins} {_JOINS}", {"tracker": repository.tracker_id})


async def create(tx: Transaction, actor: Actor, repository: Repository, new: NewIssue) -> int:
    """Write a new issue, which its reporter watches; returns its number.

    Raises Invalid for an unknown person or category, Conflict while an import runs.
    """
    reporter = require_account(actor)
    now = clock.now()
    tracker_id = await writable(tx, repository)
    values = await _references(tx, actor, repository, tracker_id, new)
    row = await tx.returning(
        """UPDATE repository
              SET last_issue_number = last_issue_number + 1, updated_on = :now
            WHERE id = :id RETURNING last_issue_number""",
        {"id": repository.id, "now": now},
    )
    if row["last_issue_number"] > LARGEST_ID:
        raise trackers.used_up()
    key = {"tracker": tracker_id, "number": row["last_issue_number"], "reporter": reporter}
    await tx.run(
        """INSERT INTO issue (tracker_id, number, title, content_raw, content_markup, content_html,
                              content_renderer, reporter_id, assignee_id, state, kind, priority,
                              component_id, milestone_id, version_id, watches, created_on,
                              updated_on)
           VALUES (:tracker, :number, :title, :content, :markup, :html, :renderer, :reporter,
                   :assignee, :state, :kind, :priority, :component, :milestone, :version, 1, :now,
                   :now)""",
        {
            **key,
            **values,
            "title": new.title,
            "content": new.content,
            "markup": new.markup,
            "html": new.html,
            "renderer": None if new.html is None else VERSION,
            "state": new.state,
            "priority": new.priority,
            "now": now,
        },
    )
    await tx.run(NEW_TEXT, {**key, "title": new.title, "content": new.content})
    await tx.run(
        """INSERT INTO watch (tracker_id, issue_number, account_id)
           VALUES (:tracker, :number, :reporter)""",
        key,
    )
    await tx.run(
        """UPDATE tracker SET issue_count = issue_count + 1, writes = writes + 1,
                  revision = revision + 1
            WHERE id = :tracker""",
        {"tracker": tracker_id},
    )
    return int(row["last_issue_number"])


async def touch(tx: Transaction, tracker_id: int, number: int) -> str:
    """Count what is written now as the issue's newest update, and as a write to the tracker.

    Returns the time of the update: never earlier than the update before, even when a clock was set
    back or an archive's was wrong.
    Raises NotFound.
    """
    key = {"tracker": tracker_id, "number": number}
    row = await tx.one(_TOUCH, {**key, "now": clock.now()})
    if row is None:
        raise NotFound(NO_ISSUE)
    await trackers.count_write(tx, tracker_id)
    return str(row["updated_on"])


async def delete(tx: Transaction, actor: Actor, repository: Repository, number: int) -> set[str]:
    """Remove an issue and everything that belongs to it.

    Its number is not used again. Returns the SHA-256 of its attachments' bytes, for
    sweeping.free() when this is committed. Raises NotFound, Forbidden without write access,
    Conflict while an import runs.
    """
    require_account(actor)
    tracker_id = await writable(tx, repository)
    await outline(tx, repository, number)
    require_permission(repository, Permission.WRITE)
    await trackers.remember_ids(tx, tracker_id)
    blobs = await tx.all(
        """SELECT DISTINCT blob FROM attachment
            WHERE tracker_id = :tracker AND issue_number = :number AND blob IS NOT NULL""",
        {"tracker": tracker_id, "number": number},
    )
    for table, (_, column) in trackers.TABLES.items():
        if column is not None:
            await tx.run(
                f"DELETE FROM {table} WHERE tracker_id = :tracker AND {column} = :number",
                {"tracker": tracker_id, "number": number},
            )
    await tx.run(
        """UPDATE tracker SET issue_count = issue_count - 1, writes = writes + 1,
                  revision = revision + 1
            WHERE id = :tracker""",
        {"tracker": tracker_id},
    )
    return {row["blob"] for row in blobs}


async def _references(
    tx: Transaction, actor: Actor, repository: Repository, tracker_id: int, new: NewIssue
) -> dict[str, object]:
    """The row ids behind the references of a new issue and the tracker's defaults, and the kind."""
    defaults = await tx.returning(
        """SELECT default_kind, default_assignee_id, default_component, default_milestone,
                  default_version FROM tracker WHERE id = :tracker""",
        {"tracker": tracker_id},
    )
    values: dict[str, object] = {"kind": new.kind or defaults["default_kind"] or Kind.BUG}
    for kind in CategoryKind:
        if kind in new.references:
            given = new.references[kind]
            values[kind] = given and await categories.resolve(tx, tracker_id, kind, *given)
        else:
            name = defaults[f"default_{kind}"]
            values[kind] = name and await categories.find_named(tx, tracker_id, kind, name)
    if "assignee" in new.references:
        given = new.references["assignee"]
        values["assignee"] = given and await assignees.resolve(tx, actor, repository, *given)
    else:
        values["assignee"] = defaults["default_assignee_id"]
    return values
