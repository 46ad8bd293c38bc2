"""Votes for issues, and watches on them: an account has one of each on an issue, or none.

The counters on the issue say how many there are; they move in the transaction that moves the rows.
"""

from enum import StrEnum

from tracker.access import trackers
from tracker.access.rights import Actor, Repository, require_account, writable
from tracker.database import Reader, Row, Transaction
from tracker.errors import NotFound
from tracker.issues import join_person, outline, person
from tracker.query.paging import Listing, Page


class Mark(StrEnum):
    """What an account can put on an issue: the name of its table."""

    VOTE = "vote"
    WATCH = "watch"


_COUNTER = {Mark.VOTE: "votes", Mark.WATCH: "watches"}


async def require(
    db: Reader, actor: Actor, repository: Repository, number: int, mark: Mark
) -> None:
    """Raises NotFound unless the actor has put the mark on the issue, Unauthenticated for an
    anonymous actor.

    Raises NotFound for an absent issue, too.
    """
    account_id = require_account(actor)
    await outline(db, repository, number)
    row = await db.one(
        f"""SELECT 1 FROM {mark}
             WHERE tracker_id = :tracker AND issue_number = :number AND account_id = :account""",
        {"tracker": repository.tracker_id, "number": number, "account": account_id},
    )
    if row is None:
        raise NotFound(f"No {mark.capitalize()} matches the given query.")


async def find_watchers(
    db: Reader, repository: Repository, number: int, listing: Listing
) -> Page[Row]:
    """A part of those who watch an issue (user_uuid, ...). The issue must exist."""
    params = {"tracker": repository.tracker_id, "number": number}
    return await listing.find(db, person("u", "user"), join_person("u", "part.id"), params)


async def add(
    tx: Transaction, actor: Actor, repository: Repository, number: int, mark: Mark
) -> None:
    """Put the actor's mark on an issue; doing it twice changes nothing.

    It is no update of the issue. Raises NotFound for an absent issue, Conflict while an import
    runs.
    """
    account_id = require_account(actor)
    tracker_id = await writable(tx, repository)
    await outline(tx, repository, number)
    if await put(tx, tracker_id, number, account_id, mark):
        await trackers.count_write(tx, tracker_id)


async def remove(
    tx: Transaction, actor: Actor, repository: Repository, number: int, mark: Mark
) -> None:
    """Take the actor's mark off an issue; doing it twice changes nothing. Raises as add() does."""
    account_id = require_account(actor)
    tracker_id = await writable(tx, repository)
    await outline(tx, repository, number)
    key = {"tracker": tracker_id, "number": number, "account": account_id}
    gone = await tx.run(
        f"""DELETE FROM {mark}
             WHERE tracker_id = :tracker AND issue_number = :number AND account_id = :account""",
        key,
    )
    if gone:
        await _count(tx, tracker_id, number, mark, -1)
        await trackers.count_write(tx, tracker_id)


async def put(tx: Transaction, tracker_id: int, number: int, account_id: int, mark: Mark) -> bool:
    """As add(), for an issue that is there and a tracker that may be written.

    Returns whether the mark is new. It is not counted as a write of its own.
    """
    key = {"tracker": tracker_id, "number": number, "account": account_id}
    new = await tx.run(
        f"""INSERT INTO {mark} (tracker_id, issue_number, account_id)
            VALUES (:tracker, :number, :account) ON CONFLICT DO NOTHING""",
        key,
    )
    if new:
        await _count(tx, tracker_id, number, mark, 1)
    return bool(new)


async def _count(tx: Transaction, tracker_id: int, number: int, mark: Mark, by: int) -> None:
    counter = _COUNTER[mark]
    await tx.run(
        f"""UPDATE issue SET {counter} = {counter} + :by
             WHERE tracker_id = :tracker AND number = :number""",
        {"by": by, "tracker": tracker_id, "number": number},
    )
