"""Avatars: whose picture it is, and the letters on it."""

from tracker import accounts
from tracker.access import IS_VISIBLE, Actor, sql_params
from tracker.database import Reader
from tracker.errors import NotFound


async def name_of(db: Reader, actor: Actor, uuid: str) -> str | None:
    """The name of the person, repository or workspace with that UUID in braces.

    None where there is none, and where the actor may not know that there is.
    """
    params = {"uuid": uuid.lower(), **sql_params(actor)}
    row = await db.one(
        f"""SELECT r.name FROM repository r JOIN workspace w ON w.id = r.workspace_id
             WHERE r.uuid = :uuid AND {IS_VISIBLE}
             UNION ALL
            SELECT w.name FROM workspace w WHERE w.uuid = :uuid
               AND (w.owner_id = :actor OR :is_admin = 1 OR EXISTS (
                    SELECT 1 FROM repository r WHERE r.workspace_id = w.id AND {IS_VISIBLE}))""",
        params,
    )
    if row is not None:
        return str(row["name"])
    try:
        return str((await accounts.see(db, actor, uuid))["display_name"])
    except NotFound:
        return None


def initials(name: str) -> str:
    """The first letters or digits of a name's first and last word; "" where it has none."""
    letters = [next(filter(str.isalnum, word), "") for word in name.split()]
    found = [letter for letter in letters if letter]
    return "".join(found[:1] + found[1:][-1:]).upper()
