"""Components, milestones and versions: the names that issues are filed under."""

from tracker.access import Repository
from tracker.database import Reader, Row
from tracker.errors import Invalid, NotFound
from tracker.paging import Listing, Page
from tracker.vocabulary import CategoryKind


def missing(kind: CategoryKind) -> str:
    """What is said when there is none with that id."""
    return f"No {kind.capitalize()} matches the given query."


async def find_all(
    db: Reader, repository: Repository, kind: CategoryKind, listing: Listing
) -> Page[Row]:
    """A part of the tracker's components, milestones or versions (id, name)."""
    rows = await db.all(
        listing.sql("c.id, c.name", "LEFT JOIN category c ON c.id = part.id"),
        {"tracker": repository.tracker_id, "kind": kind, **listing.params},
    )
    return listing.page(rows, list)


async def get(db: Reader, repository: Repository, kind: CategoryKind, category_id: int) -> Row:
    """One component, milestone or version of the tracker (id, name). Raises NotFound."""
    row = await db.one(
        """SELECT id, name FROM category
            WHERE tracker_id = :tracker AND kind = :kind AND id = :id""",
        {"tracker": repository.tracker_id, "kind": kind, "id": category_id},
    )
    if row is None:
        raise NotFound(missing(kind))
    return row


async def find_named(
    db: Reader, tracker_id: int, kind: CategoryKind, name: str | None
) -> int | None:
    """The id of the tracker's category of that name, or None."""
    row = await db.one(
        """SELECT id FROM category
            WHERE tracker_id = :tracker AND kind = :kind AND name = :name""",
        {"tracker": tracker_id, "kind": kind, "name": name},
    )
    return None if row is None else int(row["id"])


async def resolve(
    db: Reader, tracker_id: int, kind: CategoryKind, by: str, value: str | int
) -> int:
    """The id of the category that by (id or name) = value means in this tracker.

    Raises Invalid, and the same for one that exists in another tracker only.
    """
    column = {"id": "id", "name": "name"}[by]
    row = await db.one(
        f"""SELECT id FROM category
             WHERE tracker_id = :tracker AND kind = :kind AND {column} = :value""",
        {"tracker": tracker_id, "kind": kind, "value": value},
    )
    if row is None:
        message = f"There is no such {kind} in this tracker."
        raise Invalid(f"{kind}: {message}", {str(kind): [message]})
    return int(row["id"])
