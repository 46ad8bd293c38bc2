"""Changes: what was altered about an issue. A change is a comment that has log rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from tracker import comments
from tracker.access.rights import Repository
from tracker.database import Reader, Row, Transaction
from tracker.errors import NotFound
from tracker.issues import join_person, person
from tracker.query.paging import Listing, Page
from tracker.vocabulary import Markup

NO_CHANGE = "No IssueChange matches the given query."

_CHANGE = f"""c.id, c.content_raw, c.content_markup, c.content_html, c.content_renderer,
       c.created_on, {person("u", "user")}, l.field, l.changed_from, l.changed_to"""


SHOWN_CHARACTERS = 254
"""Of an old or new value in answers and archives, as in Bitbucket's; the whole is
kept beside it."""


@dataclass(frozen=True, slots=True)
class Log:
    """One thing that an edit altered, in the archive's words; "" is no value."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Message:
    """The text of a change."""

    content: str
    markup: Markup = Markup.MARKDOWN


@dataclass(frozen=True, slots=True)
class Change:
    """One change: its comment's columns, and its log rows (field, changed_from, changed_to)."""

    id: int
    comment: Row
    logs: Sequence[Row]


async def find_all(
    db: Reader, repository: Repository, number: int, listing: Listing
) -> Page[Change]:
    """A part of an issue's changes. The issue must exist."""
    joins = f"""LEFT JOIN comment c ON c.tracker_id = :tracker AND c.id = part.id
                LEFT JOIN log l ON l.tracker_id = :tracker AND l.comment_id = part.id
                {join_person("u", "c.account_id")}"""
    params = {"tracker": repository.tracker_id, "number": number}
    return await listing.find(db, _CHANGE, joins, params, _changes, "ORDER BY l.ordinal")


async def get(
    db: Reader, repository: Repository, number: int, change_id: int, *, may_be_empty: bool = False
) -> Change:
    """One change of that issue; with may_be_empty also a comment that altered nothing.

    Raises NotFound.
    """
    rows = await db.all(
        f"""SELECT {_CHANGE}
              FROM comment c
              LEFT JOIN log l ON l.tracker_id = c.tracker_id AND l.comment_id = c.id
              {join_person("u", "c.account_id")}
             WHERE c.tracker_id = :tracker AND c.issue_number = :number AND c.id = :id
             ORDER BY l.ordinal""",
        {"tracker": repository.tracker_id, "number": number, "id": change_id},
    )
    logs = [row for row in rows if row["field"] is not None]
    if not rows or not (logs or may_be_empty):
        raise NotFound(NO_CHANGE)
    return Change(change_id, rows[0], logs)


async def record(
    tx: Transaction,
    tracker_id: int,
    number: int,
    author: int,
    now: str,
    logs: Sequence[Log],
    message: Message | None = None,
) -> int:
    """Record what was altered about an issue as one change, and nothing else; returns its id.

    now is issues.touch()'s. Without logs it is a plain comment. Raises Conflict.
    """
    text = (message.content, message.markup) if message else (None,)
    change_id = await comments.add(tx, tracker_id, number, author, now, *text)
    for ordinal, log in enumerate(logs):
        await tx.run(
            """INSERT INTO log (tracker_id, comment_id, ordinal, issue_number, field, changed_from,
                                changed_to, account_id, created_on, whole_from, whole_to)
               VALUES (:tracker, :id, :ordinal, :number, :field, :before, :after, :author, :now,
                       :whole_before, :whole_after)""",
            {
                "tracker": tracker_id,
                "id": change_id,
                "ordinal": ordinal,
                "number": number,
                "field": log.field,
                "before": log.before[:SHOWN_CHARACTERS],
                "after": log.after[:SHOWN_CHARACTERS],
                "whole_before": log.before if len(log.before) > SHOWN_CHARACTERS else None,
                "whole_after": log.after if len(log.after) > SHOWN_CHARACTERS else None,
                "author": author,
                "now": now,
            },
        )
    return change_id


def _changes(rows: Sequence[Row]) -> list[Change]:
    return [
        Change(comment_id, logs[0], logs)
        for comment_id, logs in (
            (comment_id, list(group)) for comment_id, group in groupby(rows, lambda row: row["id"])
        )
    ]
