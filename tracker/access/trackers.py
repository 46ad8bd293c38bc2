"""Trackers: what an import builds, puts in force, keeps for undo and removes.

A repository's tracker holds everything that an archive carries. A new one is invisible while an
import builds it; one UPDATE of repository.tracker_id puts it in force.
"""

from typing import NamedTuple

from tracker import clock
from tracker.database import Database, Reader, Transaction
from tracker.database.sql import larger
from tracker.errors import Conflict
from tracker.vocabulary import LARGEST_ID


class Table(NamedTuple):
    """What belongs to a tracker: the rest of its key, and the column that names its issue."""

    key: str
    issue: str | None = None


TABLES = {
    "vote": Table("issue_number, account_id", "issue_number"),
    "watch": Table("issue_number, account_id", "issue_number"),
    "log": Table("comment_id, ordinal", "issue_number"),
    "attachment": Table("issue_number, ordinal", "issue_number"),
    "comment": Table("id", "issue_number"),
    "issue_text": Table("id", "number"),
    "issue": Table("number", "number"),
    "issue_count": Table("state, kind, priority"),
    "category": Table("id"),
    "alias": Table("account_id"),
    "account": Table("id"),
}
"""The tables whose rows belong to a tracker (tracker_id), children first."""

_HIGHEST_COMMENT = larger(
    "coalesce((SELECT max(id) FROM comment WHERE tracker_id = :tracker), 0)",
    "coalesce((SELECT last_comment_id FROM tracker WHERE id = :tracker), 0)",
)
_HIGHEST_ISSUE = "coalesce((SELECT max(number) FROM issue WHERE tracker_id = :tracker), 0)"
"""SQL of the highest id or number that there is in a tracker; of comments, that ever was."""


_TAKE_IDS = f"""
UPDATE counter SET value = value + :count WHERE name = 'comment'
RETURNING {larger("value - :count", _HIGHEST_COMMENT)} + 1 AS first"""


async def create(tx: Transaction, repository_id: int, *, status: str) -> int:
    """Make an empty tracker ('current' or 'building'); returns its id."""
    row = await tx.returning(
        """INSERT INTO tracker (repository_id, status, default_kind, created_on)
           VALUES (:repository, :status, 'bug', :now) RETURNING id""",
        {"repository": repository_id, "status": status, "now": clock.now()},
    )
    return int(row["id"])


async def count_write(tx: Transaction, tracker_id: int) -> None:
    """Count one write to a tracker, which an undo or an import may put out of sight.

    Every verb that writes to a tracker does so: this moves the tracker's revision, too.
    """
    await tx.run(
        "UPDATE tracker SET writes = writes + 1, revision = revision + 1 WHERE id = :id",
        {"id": tracker_id},
    )


async def take_comment_ids(tx: Transaction, tracker_id: int, count: int = 1) -> int:
    """The first of so many ids in a row for new comments. Raises Conflict when none are left.

    They are above the instance's counter, which imported ids never move, and above every id that
    there is or was in this tracker.
    """
    row = await tx.returning(_TAKE_IDS, {"count": count, "tracker": tracker_id})
    if row["first"] + count - 1 > LARGEST_ID:
        raise used_up()
    return int(row["first"])


async def highest_comment_id(db: Reader, tracker_id: int | None) -> int:
    """The highest id that take_comment_ids() would not give, in a tracker or in a new one; or 0."""
    [row] = await db.all(
        f"""SELECT {larger("value", _HIGHEST_COMMENT)} AS id
              FROM counter WHERE name = 'comment'""",
        {"tracker": tracker_id},
    )
    return int(row["id"])


def used_up() -> Conflict:
    """The error where the next id is above LARGEST_ID: an export with it could not be imported."""
    return Conflict("The numbers are used up: an archive with a very high one was imported.")


async def remember_ids(tx: Transaction, tracker_id: int) -> None:
    """Store the highest comment id before comments are removed, so that ids are never used
    again."""
    await tx.run(
        f"UPDATE tracker SET last_comment_id = {_HIGHEST_COMMENT} WHERE id = :tracker",
        {"tracker": tracker_id},
    )


async def replace(
    tx: Transaction, repository_id: int, tracker_id: int, *, writes_before: int
) -> int:
    """Put an imported tracker in force; the one before is kept for undo, older ones are dropped.

    writes_before is how many writes the tracker in force had when the import was accepted.
    Returns how many were made since: they are in the replaced tracker only.
    """
    await tx.run(
        """UPDATE tracker SET status = 'dropped'
            WHERE repository_id = :repository AND status = 'replaced'""",
        {"repository": repository_id},
    )
    before = await tx.returning(
        f"""UPDATE tracker SET writes = {larger("0", "writes - :before")}
            WHERE id = (SELECT tracker_id FROM repository WHERE id = :repository)
           RETURNING writes""",
        {"before": writes_before, "repository": repository_id},
    )
    await put_in_force(tx, repository_id, tracker_id)
    return int(before["writes"])


async def put_in_force(tx: Transaction, repository_id: int, tracker_id: int) -> None:
    """Make this the repository's tracker, and keep the one before as replaced.

    The issue counter goes up to the new tracker's highest number and never down.
    """
    now = clock.now()
    await tx.run(
        """UPDATE tracker SET status = 'replaced', replaced_on = :now
            WHERE id = (SELECT tracker_id FROM repository WHERE id = :repository)""",
        {"now": now, "repository": repository_id},
    )
    await tx.run(
        "UPDATE tracker SET status = 'current', replaced_on = NULL WHERE id = :tracker",
        {"tracker": tracker_id},
    )
    await tx.run(
        f"""UPDATE repository
               SET tracker_id = :tracker, updated_on = :now,
                   last_issue_number = {larger("last_issue_number", _HIGHEST_ISSUE)}
             WHERE id = :repository""",
        {"tracker": tracker_id, "now": now, "repository": repository_id},
    )


async def expire(db: Database, *, keep_days: int) -> None:
    """Drop replaced trackers whose time is over, unless a job still reads them."""
    await db.run(
        """UPDATE tracker SET status = 'dropped'
            WHERE status = 'replaced' AND replaced_on < :before
              AND NOT EXISTS (SELECT 1 FROM job WHERE job.tracker_id = tracker.id
                                 AND job.status IN ('ACCEPTED', 'STARTED'))""",
        {"before": clock.shifted(days=-keep_days)},
    )


async def remove_dropped(db: Database, *, rows: int = 1000) -> tuple[int, set[str]]:
    """Remove at most so many rows of dropped trackers in one short transaction.

    One that an unfinished export reads has to wait. Returns how many rows went (0 means that
    nothing is left to remove), and the SHA-256 of the bytes that attachments among them named.
    """
    async with db.transaction(durable=False) as tx:
        dropped = await tx.one(
            """SELECT id FROM tracker
                WHERE status = 'dropped'
                  AND NOT EXISTS (SELECT 1 FROM job
                                   WHERE job.tracker_id = tracker.id AND job.kind = 'export'
                                     AND job.status IN ('ACCEPTED', 'STARTED'))
                LIMIT 1"""
        )
        if dropped is None:
            return 0, set()
        await tx.run(
            "UPDATE tracker SET default_assignee_id = NULL WHERE id = :id", {"id": dropped["id"]}
        )
        for table, (key, _) in TABLES.items():
            gone = await tx.all(
                f"""DELETE FROM {table} WHERE tracker_id = :tracker AND ({key}) IN
                        (SELECT {key} FROM {table} WHERE tracker_id = :tracker LIMIT :rows)
                    RETURNING {"blob" if table == "attachment" else "NULL"} AS blob""",
                {"tracker": dropped["id"], "rows": rows},
            )
            if gone:
                return len(gone), {row["blob"] for row in gone} - {None}
        return await tx.run("DELETE FROM tracker WHERE id = :id", {"id": dropped["id"]}), set()
