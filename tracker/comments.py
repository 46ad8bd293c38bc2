"""Comments: what people said about an issue, and the empty ones that only carry a change."""

from tracker import clock, trackers
from tracker.access import Actor, Repository, require_account
from tracker.database import Reader, Row, Transaction
from tracker.errors import NotFound
from tracker.issues import NO_ISSUE, join_person, person, require_room
from tracker.paging import Page, Window, page, split
from tracker.vocabulary import Markup

NO_COMMENT = "No IssueComment matches the given query."

_COMMENT = f"""c.id, c.content_raw, c.content_markup, c.content_html, c.content_renderer,
       c.created_on, c.updated_on, {person("u", "user")}"""


async def find_all(db: Reader, repository: Repository, number: int, window: Window) -> Page[Row]:
    """A part of an issue's comments, oldest first. The issue must exist."""
    rows = await db.all(
        f"""WITH keys AS (
                SELECT id FROM comment
                 WHERE tracker_id = :tracker AND issue_number = :number{window.tail("id")})
            SELECT s.size, {_COMMENT}
              FROM (SELECT count(*) AS size FROM comment
                     WHERE tracker_id = :tracker AND issue_number = :number) s
              LEFT JOIN keys k ON TRUE
              LEFT JOIN comment c ON c.tracker_id = :tracker AND c.id = k.id
              {join_person("u", "c.account_id")}
             ORDER BY c.id""",
        {"tracker": repository.tracker_id, "number": number, **window.params()},
    )
    size, rows = split(rows, "id")
    return page(window, size, rows, lambda row: (row["id"],))


async def get(db: Reader, repository: Repository, number: int, comment_id: int) -> Row:
    """One comment of that issue. Raises NotFound."""
    row = await db.one(
        f"""SELECT {_COMMENT} FROM comment c {join_person("u", "c.account_id")}
             WHERE c.tracker_id = :tracker AND c.issue_number = :number AND c.id = :id""",
        {"tracker": repository.tracker_id, "number": number, "id": comment_id},
    )
    if row is None:
        raise NotFound(NO_COMMENT)
    return row


async def create(
    tx: Transaction,
    actor: Actor,
    repository: Repository,
    number: int,
    *,
    content: str,
    markup: Markup = Markup.MARKDOWN,
) -> int:
    """Write a comment on an issue, which counts as its newest update; returns the comment's id.

    Raises NotFound for an absent issue, Conflict while an import runs.
    """
    author = require_account(actor)
    now = clock.now()
    tracker_id = await trackers.writable(tx, repository)
    if not await tx.run(
        """UPDATE issue SET updated_on = :now
            WHERE tracker_id = :tracker AND number = :number""",
        {"now": now, "tracker": tracker_id, "number": number},
    ):
        raise NotFound(NO_ISSUE)
    # Above the instance's counter, which imported ids never move, and above every imported
    # id of this tracker (DECISIONS 5).
    row = await tx.returning(
        """UPDATE counter SET value = value + 1 WHERE name = 'comment'
           RETURNING max(value, 1 + coalesce(
               (SELECT max(id) FROM comment WHERE tracker_id = :tracker), 0)) AS id""",
        {"tracker": tracker_id},
    )
    require_room(row["id"])
    await tx.run(
        """INSERT INTO comment (tracker_id, id, issue_number, account_id, content_raw,
                                content_markup, created_on)
           VALUES (:tracker, :id, :number, :author, :content, :markup, :now)""",
        {
            "tracker": tracker_id,
            "id": row["id"],
            "number": number,
            "author": author,
            "content": content,
            "markup": markup,
            "now": now,
        },
    )
    return int(row["id"])
