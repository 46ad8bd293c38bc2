"""People whom an archive names: placeholders of a workspace.

A placeholder is unique in its workspace by account_id and by username. Bitbucket's db-2.0.json has
the one and db-1.0.json the other. Pail derives what an archive lacks, so that answers have both; it
never leaves in an archive: what an archive lacked is null in the exports of its tracker, and people
are recognized by what they have.

An import never changes an existing placeholder, because it belongs to other trackers, too. Where
the archive gives a person another name than the workspace, or lacks another part of the names, the
tracker stores an alias, and its exports use it.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tracker import clock
from tracker.access.accounts import new_uuid
from tracker.archive.records import Person
from tracker.database import Reader, Transaction
from tracker.work.progress import Progress

DERIVED_ACCOUNT_ID = "pail:"
"""How an account_id that no archive gave starts."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a person, in the forms that the two databases need."""

    username: str
    account_id: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A person of the workspace; derived says which of the names no archive gave."""

    id: int
    names: Names
    derived: str


@dataclass(frozen=True, slots=True)
class Planned:
    """A person of the archive: the placeholder that the workspace has (match), or a new one.

    names are the archive's, completed; derived says which halves it lacks.
    """

    match: Placeholder | None
    new: Names | None
    names: Names
    derived: str

    @property
    def alias(self) -> Names | None:
        """The archive's names, if they or what is derived are not those of the workspace."""
        if self.match:
            theirs = (self.match.names, self.match.derived)
        else:
            theirs = (self.new or self.names, self.derived)
        return None if theirs == (self.names, self.derived) else self.names


async def plan(
    db: Reader, workspace_id: int, people: Sequence[Person], progress: Progress
) -> list[Planned]:
    """Find the archive's people among the workspace's placeholders, and name the new ones.

    Known by account_id first, then by username where one of the two account_ids is derived; who
    has neither is known by the display name, if the workspace's has neither, too.
    """
    rows = await db.all(
        """SELECT id, username, account_id, display_name, derived FROM account
            WHERE workspace_id = :workspace ORDER BY id""",
        {"workspace": workspace_id},
    )
    known = [
        Placeholder(
            row["id"],
            Names(row["username"], row["account_id"], row["display_name"]),
            row["derived"],
        )
        for row in rows
    ]
    return await progress.run(_plan, known, people)


def _plan(known: Sequence[Placeholder], people: Sequence[Person]) -> list[Planned]:
    matches = _match(known, people)
    # In the archive's own names, given ones go before derived ones; so they do in the workspace.
    usernames = Unique(person.username for person in people)
    account_ids = Unique([p.names.account_id for p in known] + [p.account_id for p in people])
    ours = Unique(person.names.username for person in known)
    planned = []
    for person, match in zip(people, matches, strict=True):
        name = person.username
        if name is None:
            name = usernames.derive(
                match.names.username if match else username(person.display_name)
            )
        account_id = person.account_id or (
            match.names.account_id if match else account_ids.derive(f"{DERIVED_ACCOUNT_ID}{name}")
        )
        display_name = person.display_name or (
            match.names.display_name if match else person.account_id or name
        )
        new = None if match else Names(ours.derive(name), account_id, display_name)
        planned.append(Planned(match, new, Names(name, account_id, display_name), _derived(person)))
    return planned


def _derived(person: Person) -> str:
    has_account_id = not (person.account_id or DERIVED_ACCOUNT_ID).startswith(DERIVED_ACCOUNT_ID)
    if person.username is None:
        return "username" if has_account_id else "both"
    return "" if has_account_id else "account_id"


def given(names: Names, derived: str) -> Person:
    """A person as an archive names them: what is derived is None."""
    account_id = None if derived in ("account_id", "both") else names.account_id
    return Person(
        0,
        None if derived in ("username", "both") else names.username,
        account_id,
        None if names.display_name == account_id else names.display_name,
    )


def _match(known: Sequence[Placeholder], people: Sequence[Person]) -> list[Placeholder | None]:
    by_account_id = {person.names.account_id: person for person in known}
    by_username = {person.names.username: person for person in known}
    matches = [
        by_account_id.get(person.account_id) if person.account_id else None for person in people
    ]
    by_display_name = {
        person.names.display_name: person for person in reversed(known) if person.derived == "both"
    }
    taken = {match.id for match in matches if match is not None}
    for place, person in enumerate(people):
        if matches[place] is not None:
            continue
        if person.username is not None:
            match = by_username.get(person.username)
        else:
            match = None if person.account_id else by_display_name.get(person.display_name or "")
        if match is not None and match.id not in taken and _may_be(person, match):
            taken.add(match.id)
            matches[place] = match
    return matches


def _may_be(person: Person, match: Placeholder) -> bool:
    return person.account_id is None or match.derived in ("account_id", "both")


class Unique:
    """Names that are handed out once."""

    def __init__(self, taken: Iterable[str | None]) -> None:
        self._taken = set(taken)
        self._numbers: dict[str, int] = {}

    def derive(self, name: str) -> str:
        """The name, or with -2, -3, ... behind it when it is taken; reserved from now on."""
        candidate = name
        while candidate in self._taken:
            # Where the last search for this name ended: thousands may have the same one.
            number = self._numbers[name] = self._numbers.get(name, 1) + 1
            candidate = f"{name}-{number}"
        self._taken.add(candidate)
        return candidate


def username(display_name: str | None) -> str:
    """A username made of a display name: ASCII, lower case, words joined by `-`."""
    folded = unicodedata.normalize("NFKD", display_name or "").encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9_]+", "-", folded.lower()).strip("-")[:60] or "somebody"


async def add(tx: Transaction, tracker_id: int, people: Sequence[Planned]) -> list[int]:
    """Write the new placeholders, which belong to no workspace yet, and the tracker's aliases.

    Returns the row id of each of the archive's people.
    """
    now = clock.now()
    await tx.many(
        """INSERT INTO account (uuid, tracker_id, username, account_id, display_name, nickname,
                                derived, created_on)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            (
                new_uuid(),
                tracker_id,
                person.new.username,
                person.new.account_id,
                person.new.display_name,
                person.new.username,
                person.derived,
                now,
            )
            for person in people
            if person.new is not None
        ],
    )
    rows = await tx.all(
        "SELECT id, account_id FROM account WHERE tracker_id = :tracker", {"tracker": tracker_id}
    )
    added = {row["account_id"]: row["id"] for row in rows}
    ids = [person.match.id if person.match else added[person.names.account_id] for person in people]
    await tx.many(
        """INSERT INTO alias (tracker_id, account_id, username, named_account_id, display_name,
                              derived)
           VALUES (?, ?, ?, ?, ?, ?)""",
        [
            (tracker_id, id, alias.username, alias.account_id, alias.display_name, person.derived)
            for id, person in zip(ids, people, strict=True)
            if (alias := person.alias) is not None
        ],
    )
    return ids


async def adopt(tx: Transaction, tracker_id: int, workspace_id: int) -> None:
    """Make the new placeholders the workspace's: the import is about to succeed."""
    await tx.run(
        """UPDATE account SET workspace_id = :workspace, tracker_id = NULL
            WHERE tracker_id = :tracker""",
        {"workspace": workspace_id, "tracker": tracker_id},
    )
