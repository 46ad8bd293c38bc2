"""Changes: what was altered about an issue. A change is a comment that has log rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from tracker.access import Repository
from tracker.database import Reader, Row
from tracker.errors import NotFound
from tracker.issues import join_person, person
from tracker.paging import Page, Window, page, split

NO_CHANGE = "No IssueChange matches the given query."

_CHANGE = f"""c.id, c.content_raw, c.content_markup, c.content_html, c.content_renderer,
       c.created_on, {person("u", "user")}, l.field, l.changed_from, l.changed_to"""


@dataclass(frozen=True, slots=True)
class Change:
    """One change: its comment's columns, and its log rows (field, changed_from, changed_to)."""

    id: int
    comment: Row
    logs: Sequence[Row]


async def find_all(db: Reader, repository: Repository, number: int, window: Window) -> Page[Change]:
    """A part of an issue's changes, oldest first. The issue must exist."""
    rows = await db.all(
        f"""WITH keys AS (
                SELECT DISTINCT comment_id FROM log
                 WHERE tracker_id = :tracker
                   AND issue_number = :number{window.tail("comment_id")})
            SELECT s.size, {_CHANGE}
              FROM (SELECT count(DISTINCT comment_id) AS size FROM log
                     WHERE tracker_id = :tracker AND issue_number = :number) s
              LEFT JOIN keys k ON TRUE
              LEFT JOIN comment c ON c.tracker_id = :tracker AND c.id = k.comment_id
              LEFT JOIN log l ON l.tracker_id = :tracker AND l.comment_id = k.comment_id
              {join_person("u", "c.account_id")}
             ORDER BY c.id, l.ordinal""",
        {"tracker": repository.tracker_id, "number": number, **window.params()},
    )
    size, rows = split(rows, "id")
    return page(window, size, _changes(rows), lambda change: (change.id,))


async def get(db: Reader, repository: Repository, number: int, change_id: int) -> Change:
    """One change of that issue. Raises NotFound."""
    rows = await db.all(
        f"""SELECT {_CHANGE}
              FROM log l
              JOIN comment c ON c.tracker_id = l.tracker_id AND c.id = l.comment_id
              {join_person("u", "c.account_id")}
             WHERE l.tracker_id = :tracker AND l.issue_number = :number AND l.comment_id = :id
             ORDER BY l.ordinal""",
        {"tracker": repository.tracker_id, "number": number, "id": change_id},
    )
    if not rows:
        raise NotFound(NO_CHANGE)
    return _changes(rows)[0]


def _changes(rows: Sequence[Row]) -> list[Change]:
    return [
        Change(comment_id, logs[0], logs)
        for comment_id, logs in (
            (comment_id, list(group)) for comment_id, group in groupby(rows, lambda row: row["id"])
        )
    ]
