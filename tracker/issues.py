"""Issues: reading them, listing them, and writing a new one."""

from dataclasses import dataclass, field

from tracker import assignees, categories, clock, trackers
from tracker.access import Actor, Repository, require_account
from tracker.database import Reader, Row, Transaction
from tracker.errors import Conflict, NotFound
from tracker.paging import Page, Window, page, split
from tracker.vocabulary import LARGEST_ID, CategoryKind, Kind, Markup, Priority, State

NO_ISSUE = "No Issue matches the given query."
"""Django's words, which clients compare (reference 2.6)."""


def person(name: str, prefix: str) -> str:
    """What answers show of somebody joined by join_person: prefix_uuid, prefix_account_id, ..."""
    return f"""{name}.uuid AS {prefix}_uuid,
       coalesce({name}_as.named_account_id, {name}.account_id) AS {prefix}_account_id,
       coalesce({name}_as.display_name, {name}.display_name) AS {prefix}_display_name,
       coalesce({name}_as.username, {name}.nickname) AS {prefix}_nickname"""


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

Reference = tuple[str, str | int]
"""What a payload says about a person or a category: ("name", "UI"), ("uuid", "{...}"), ..."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A new issue. References hold what was given: absent = the tracker's default, None = none."""

    title: str
    content: str = ""
    markup: Markup = Markup.MARKDOWN
    state: State = State.NEW
    kind: Kind | None = None
    priority: Priority = Priority.MAJOR
    references: dict[str, Reference | None] = field(default_factory=dict)


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


async def find_all(db: Reader, repository: Repository, window: Window) -> Page[Row]:
    """A part of the issues, newest update first (columns as get's)."""
    rows = await db.all(
        f"""WITH keys AS (
                SELECT number FROM issue
                 WHERE tracker_id = :tracker{window.tail("updated_on", "number", descending=True)})
            SELECT t.issue_count AS size, {_ISSUE}
              FROM tracker t
              LEFT JOIN keys k ON TRUE
              LEFT JOIN issue i ON i.tracker_id = :tracker AND i.number = k.number {_JOINS}
             WHERE t.id = :tracker""",
        {"tracker": repository.tracker_id, **window.params()},
    )
    size, rows = split(rows, "number")
    # Sorted here, because a database would carry the texts through its sorter.
    rows = sorted(rows, key=_place, reverse=True)
    return page(window, size, rows, _place)


def _place(row: Row) -> tuple[str, int]:
    return row["updated_on"], row["number"]


async def create(tx: Transaction, actor: Actor, repository: Repository, draft: Draft) -> int:
    """Write a new issue, which its reporter watches; returns its number.

    Raises Invalid for an unknown person or category, Conflict while an import runs.
    """
    reporter = require_account(actor)
    now = clock.now()
    tracker_id = await trackers.writable(tx, repository)
    values = await _references(tx, repository, tracker_id, draft)
    row = await tx.returning(
        """UPDATE repository
              SET last_issue_number = last_issue_number + 1, updated_on = :now
            WHERE id = :id RETURNING last_issue_number""",
        {"id": repository.id, "now": now},
    )
    require_room(row["last_issue_number"])
    key = {"tracker": tracker_id, "number": row["last_issue_number"], "reporter": reporter}
    await tx.run(
        """INSERT INTO issue (tracker_id, number, title, content_raw, content_markup,
                              reporter_id, assignee_id, state, kind, priority, component_id,
                              milestone_id, version_id, watches, created_on, updated_on)
           VALUES (:tracker, :number, :title, :content, :markup, :reporter, :assignee, :state,
                   :kind, :priority, :component, :milestone, :version, 1, :now, :now)""",
        {
            **key,
            **values,
            "title": draft.title,
            "content": draft.content,
            "markup": draft.markup,
            "state": draft.state,
            "priority": draft.priority,
            "now": now,
        },
    )
    await tx.run(
        """INSERT INTO issue_text (tracker_id, number, title, content)
           VALUES (:tracker, :number, fold(:title), fold(:content))""",
        {**key, "title": draft.title, "content": draft.content},
    )
    await tx.run(
        """INSERT INTO watch (tracker_id, issue_number, account_id)
           VALUES (:tracker, :number, :reporter)""",
        key,
    )
    await tx.run(
        "UPDATE tracker SET issue_count = issue_count + 1 WHERE id = :tracker",
        {"tracker": tracker_id},
    )
    return int(row["last_issue_number"])


def require_room(new_id: int) -> None:
    """Raises Conflict for an id above LARGEST_ID: an export with it could not be imported."""
    if new_id > LARGEST_ID:
        raise Conflict("The numbers are used up: an archive with a very high one was imported.")


async def _references(
    tx: Transaction, repository: Repository, tracker_id: int, draft: Draft
) -> dict[str, object]:
    """The row ids behind a draft's references and the tracker's defaults, and the kind."""
    defaults = await tx.returning(
        """SELECT default_kind, default_assignee_id, default_component, default_milestone,
                  default_version FROM tracker WHERE id = :tracker""",
        {"tracker": tracker_id},
    )
    values: dict[str, object] = {"kind": draft.kind or defaults["default_kind"] or Kind.BUG}
    for kind in CategoryKind:
        if kind in draft.references:
            given = draft.references[kind]
            values[kind] = given and await categories.resolve(tx, tracker_id, kind, *given)
        else:
            default = defaults[f"default_{kind}"]
            values[kind] = await categories.find_named(tx, tracker_id, kind, default)
    if "assignee" in draft.references:
        given = draft.references["assignee"]
        values["assignee"] = given and await assignees.resolve(tx, repository, *given)
    else:
        values["assignee"] = defaults["default_assignee_id"]
    return values
