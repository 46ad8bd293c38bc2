"""Undo of an import: back to the tracker that it replaced. Run it again to redo."""

from dataclasses import dataclass

from tracker.access import trackers
from tracker.access.rights import Repository
from tracker.database import Reader, Transaction
from tracker.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True)
class Undone:
    """The tracker that an undo brings back.

    writes counts those that it puts out of sight: they are in the tracker in force only.
    brought_back counts those that come back: they are in the other tracker only, because they were
    made after the import was accepted, or before an undo was undone.
    """

    tracker_id: int
    writes: int
    brought_back: int


async def preview(db: Reader, repository: Repository) -> Undone:
    """What import-undo would bring back. Raises NotFound when there is nothing to go back to."""
    row = await db.one(
        """SELECT t.id, t.writes AS brought_back,
                  (SELECT writes FROM tracker WHERE id = :current) AS writes
             FROM tracker t
            WHERE t.repository_id = :repository AND t.status = 'replaced'
            ORDER BY t.replaced_on DESC, t.id DESC LIMIT 1""",
        {"repository": repository.id, "current": repository.tracker_id},
    )
    if row is None:
        raise NotFound("There is no replaced tracker to go back to.")
    return Undone(row["id"], row["writes"], row["brought_back"])


async def undo(tx: Transaction, repository: Repository, *, accept_writes: bool) -> Undone:
    """Swap the tracker in force with the one that it replaced; undoing twice changes nothing.

    Raises NotFound when there is none, Conflict while a job runs or, unless accept_writes, when
    writes made since the import would go out of sight.
    """
    row = await tx.returning(
        """SELECT tracker_id, (SELECT count(*) FROM job
                                WHERE repository_id = repository.id
                                  AND status IN ('ACCEPTED', 'STARTED')
                                  AND (kind = 'export' OR dry_run = 0)) AS jobs
             FROM repository WHERE id = :id""",
        {"id": repository.id},
    )
    if row["tracker_id"] != repository.tracker_id:
        raise Conflict("An import or an undo has just changed the issues: look again.")
    found = await preview(tx, repository)
    if row["jobs"]:
        raise Conflict("A job is running for this repository.", retry_after=5)
    if found.writes and not accept_writes:
        back = f", and {_writes(found.brought_back)} come back" if found.brought_back else ""
        raise Conflict(
            f"{_writes(found.writes)} that only the present issues have would go out of "
            f"sight{back}; confirm with yes=true to go on."
        )
    await trackers.put_in_force(tx, repository.id, found.tracker_id)
    return found


def _writes(count: int) -> str:
    return f"{count} {'write' if count == 1 else 'writes'}"
