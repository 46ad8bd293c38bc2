"""Components, milestones and versions: the names that issues are filed under."""

from tracker import clock
from tracker.access import trackers
from tracker.access.rights import Actor, Repository, require_account, require_permission, writable
from tracker.archive.rules import MOST_NAMES
from tracker.database import Duplicate, Reader, Row, Transaction
from tracker.database.sql import larger
from tracker.errors import Conflict, Invalid, NotFound
from tracker.query.paging import Listing, Page
from tracker.vocabulary import CategoryKind, Permission


def missing(kind: CategoryKind) -> str:
    """The message for an absent id."""
    return f"No {kind.capitalize()} matches the given query."


async def find_all(
    db: Reader, repository: Repository, kind: CategoryKind, listing: Listing
) -> Page[Row]:
    """A part of the tracker's components, milestones or versions (id, name)."""
    params = {"tracker": repository.tracker_id, "kind": kind}
    return await listing.find(db, "c.id, c.name", "LEFT JOIN category c ON c.id = part.id", params)


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


async def find_named(db: Reader, tracker_id: int, kind: CategoryKind, name: str) -> int | None:
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


async def create(
    tx: Transaction, actor: Actor, repository: Repository, kind: CategoryKind, name: str
) -> int:
    """Define a component, milestone or version; returns its id, which is the instance's next one.

    The name is kept as it is given: another case, a blank or another composition of a letter makes
    another name, as in archives. Raises Invalid for one that is there already, Forbidden for all
    but administrators of the repository (1.0's documentation), Conflict while an import runs and
    where there are as many as an archive may hold.
    """
    await _administer(tx, actor, repository)
    key = {"tracker": repository.tracker_id, "kind": kind, "name": name}
    count = await tx.returning(
        "SELECT count(*) AS size FROM category WHERE tracker_id = :tracker AND kind = :kind", key
    )
    if count["size"] >= MOST_NAMES:
        raise Conflict(f"There are {MOST_NAMES} {kind}s already.")
    row = await tx.returning(
        "UPDATE counter SET value = value + 1 WHERE name = 'category' RETURNING value"
    )
    try:
        await tx.run(
            """INSERT INTO category (id, tracker_id, kind, name)
               VALUES (:id, :tracker, :kind, :name)""",
            {**key, "id": row["value"]},
        )
    except Duplicate as error:
        raise _taken(kind, name) from error
    return int(row["value"])


async def rename(
    tx: Transaction,
    actor: Actor,
    repository: Repository,
    kind: CategoryKind,
    category_id: int,
    name: str,
) -> None:
    """Give a component, milestone or version another name, in its issues as well.

    That is no edit of them: their history and their times stay as they are. The tracker's default
    follows. Raises NotFound, and otherwise as create().
    """
    await _administer(tx, actor, repository)
    before = await get(tx, repository, kind, category_id)
    try:
        await tx.run(
            "UPDATE category SET name = :name WHERE tracker_id = :tracker AND id = :id",
            {"name": name, "tracker": repository.tracker_id, "id": category_id},
        )
    except Duplicate as error:
        raise _taken(kind, name) from error
    await _set_default(tx, repository, kind, before["name"], name)


async def delete(
    tx: Transaction, actor: Actor, repository: Repository, kind: CategoryKind, category_id: int
) -> None:
    """Remove a component, milestone or version, also from its issues.

    Each of these gets one change that says so, in Bitbucket's words; it adds no watcher. The
    tracker's default is none then. Raises NotFound, Forbidden, Conflict while an import runs.
    """
    author = await _administer(tx, actor, repository)
    name = (await get(tx, repository, kind, category_id))["name"]
    await _clear(tx, repository.tracker_id, kind, category_id, name, author)
    await _set_default(tx, repository, kind, name, None)
    await tx.run(
        "DELETE FROM category WHERE tracker_id = :tracker AND id = :id",
        {"tracker": repository.tracker_id, "id": category_id},
    )


async def _administer(tx: Transaction, actor: Actor, repository: Repository) -> int:
    """The account that is about to write, which is counted."""
    account_id = require_account(actor)
    tracker_id = await writable(tx, repository)
    require_permission(repository, Permission.ADMIN)
    await trackers.count_write(tx, tracker_id)
    return account_id


async def _clear(
    tx: Transaction, tracker_id: int, kind: CategoryKind, category_id: int, name: str, author: int
) -> None:
    """Take a category out of its issues: what edits.apply() would do, for all of them at once.

    There may be a hundred thousand issues, and other writers wait meanwhile.
    """
    # No other tracker's issues can have it, and with the tracker's id beside it the database would
    # walk through all of its issues.
    used = f"{kind}_id = :category"
    key = {"category": category_id}
    row = await tx.returning(f"SELECT count(*) AS size FROM issue WHERE {used}", key)
    first = await trackers.take_comment_ids(tx, tracker_id, row["size"])
    now = clock.now()
    await tx.run(
        f"""INSERT INTO comment (tracker_id, id, issue_number, account_id, content_raw, created_on)
            SELECT tracker_id, :first - 1 + row_number() OVER (ORDER BY number), number, :author,
                   :text, {larger("updated_on", ":now")}
              FROM issue WHERE {used} ORDER BY number""",
        {
            **key,
            "first": first,
            "author": author,
            "text": f"Removing {kind}: {name} (automated comment)",
            "now": now,
        },
    )
    await tx.run(
        """INSERT INTO log (tracker_id, comment_id, ordinal, issue_number, field, changed_from,
                            changed_to, account_id, created_on)
           SELECT tracker_id, id, 0, issue_number, :kind, :name, '', account_id, created_on
             FROM comment WHERE tracker_id = :tracker AND id >= :first""",
        {"kind": kind, "name": name, "tracker": tracker_id, "first": first},
    )
    await tx.run(
        f"""UPDATE issue SET {kind}_id = NULL, updated_on = {larger("updated_on", ":now")}
             WHERE {used}""",
        {**key, "now": now},
    )


async def _set_default(
    tx: Transaction, repository: Repository, kind: CategoryKind, before: str, after: str | None
) -> None:
    """Replace the tracker's default where it is the name before."""
    await tx.run(
        f"""UPDATE tracker SET default_{kind} = :after
             WHERE id = :tracker AND default_{kind} = :before""",
        {"tracker": repository.tracker_id, "before": before, "after": after},
    )


def _taken(kind: CategoryKind, name: str) -> Invalid:
    message = f"There is a {kind} {name!r} already."
    return Invalid(f"name: {message}", {"name": [message]})
