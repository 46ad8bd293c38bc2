"""Workspaces: what repositories and imported people belong to."""

from collections.abc import Sequence

from tracker import accounts, clock, fields
from tracker.database import Database, Duplicate, Reader, Row
from tracker.errors import Conflict, NotFound


async def create(db: Database, slug: str, *, owner: str, name: str | None = None) -> int:
    """Make a workspace owned by the account of that username; returns its row id.

    Raises Invalid for a slug that breaks the rules or is reserved, Conflict for one that is
    taken, NotFound for an unknown owner.
    """
    slug = fields.check(fields.workspace_slug(), slug)
    account = await accounts.find(db, owner)
    try:
        async with db.transaction() as tx:
            row = await tx.returning(
                """INSERT INTO workspace (uuid, slug, name, owner_id, created_on)
                   VALUES (:uuid, :slug, :name, :owner, :now) RETURNING id""",
                {
                    "uuid": accounts.new_uuid(),
                    "slug": slug,
                    "name": fields.check(fields.display_name(), name or slug),
                    "owner": account["id"],
                    "now": clock.now(),
                },
            )
    except Duplicate as error:
        raise Conflict(f"A workspace {slug!r} exists already.") from error
    return int(row["id"])


async def find(db: Reader, slug: str) -> Row:
    """The workspace of that slug (id, uuid, slug, name, owner_id). Raises NotFound."""
    row = await db.one(
        "SELECT id, uuid, slug, name, owner_id FROM workspace WHERE slug = :slug",
        {"slug": slug.lower()},
    )
    if row is None:
        raise NotFound(f"There is no workspace {slug!r}.")
    return row


async def all_workspaces(db: Reader) -> Sequence[Row]:
    """Every workspace with its owner's username (slug, name, owner)."""
    return await db.all(
        """SELECT w.slug, w.name, a.username AS owner FROM workspace w
             JOIN account a ON a.id = w.owner_id ORDER BY w.slug"""
    )
