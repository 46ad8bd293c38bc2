"""Avatars: whose picture it is, and the letters on it."""

from contextlib import suppress

from tracker.access import accounts, workspaces
from tracker.access.rights import Actor, find_repository
from tracker.database import Reader
from tracker.errors import NotFound


async def name_of(db: Reader, actor: Actor, uuid: str) -> str | None:
    """The name of the person, repository or workspace with that UUID in braces.

    None where there is none, and where the actor may not know that there is.
    """
    with suppress(NotFound):
        return (await find_repository(db, actor, "{}", uuid)).name
    with suppress(NotFound):
        return (await workspaces.see(db, actor, uuid)).name
    with suppress(NotFound):
        return str((await accounts.see(db, actor, uuid))["display_name"])
    return None


def initials(name: str) -> str:
    """The first letters or digits of a name's first and last word; "" where it has none."""
    letters = [next(filter(str.isalnum, word), "") for word in name.split()]
    found = [letter for letter in letters if letter]
    return "".join(found[:1] + found[1:][-1:]).upper()
