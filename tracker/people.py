"""People whom an archive names: placeholders of a workspace (DECISIONS 13).

A placeholder is unique in its workspace by account_id and by username. Bitbucket's db-2.0.json
knows the one and db-1.0.json the other; a half that an archive lacks is derived, so that it can be
written again in both forms, and is known again when the archive that we wrote comes back.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tracker import clock
from tracker.accounts import new_uuid
from tracker.archive.records import Person
from tracker.database import Reader, Transaction

DERIVED_ACCOUNT_ID = "pail:"
"""How an account_id that no archive gave starts."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One placeholder; id None means that it is new. derived names the halves nobody gave."""

    id: int | None
    username: str
    account_id: str
    display_name: str
    derived: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import does to a workspace's placeholders.

    people[i] is the placeholder of the archive's person i; changed are those that the workspace has
    already and that get another name or id, known by more than the archive's people.
    """

    people: list[Placeholder]
    changed: list[Placeholder]
    warnings: list[str]

    @property
    def new(self) -> list[Placeholder]:
        """Those that the workspace does not have yet."""
        return [person for person in self.people if person.id is None]


async def plan(db: Reader, workspace_id: int, people: Sequence[Person]) -> Plan:
    """Find the archive's people among the workspace's placeholders, and name the new ones.

    Known by account_id first, then by username when one of the two account_ids is derived. The
    newest archive's names win; a derived username makes way for a given one.
    """
    rows = await db.all(
        """SELECT id, username, account_id, display_name, derived FROM account
            WHERE workspace_id = :workspace ORDER BY id""",
        {"workspace": workspace_id},
    )
    known = [
        Placeholder(r["id"], r["username"], r["account_id"], r["display_name"], r["derived"])
        for r in rows
    ]
    matches = _match(known, people)
    matched = {match.id for match in matches if match is not None}
    others = [person for person in known if person.id not in matched]
    names = _Names([p.username for p in others if "username" not in _halves(p.derived)])
    account_ids = _Names(
        [p.account_id for p in known] + [p.account_id for p in people if p.account_id]
    )
    wishes = [_wish(person, match) for person, match in zip(people, matches, strict=True)]
    granted = [wish is not None and names.take(wish) for wish in wishes]
    warnings = [
        f"The username {wish!r} is somebody else's in this workspace; it got a number."
        for wish, is_granted in zip(wishes, granted, strict=True)
        if wish is not None and not is_granted
    ]
    result = []
    for person, match, wish, is_granted in zip(people, matches, wishes, granted, strict=True):
        basis = wish or (match.username if match else username(person.display_name))
        name = basis if is_granted else names.derive(basis)
        result.append(_joined(person, match, name, account_ids, is_derived=not is_granted))
    moved = [
        replace(other, username=names.derive(other.username))
        for other in others
        if "username" in _halves(other.derived)
    ]
    before = {person.id: person for person in known}
    changed = [person for person in (*result, *moved) if person.id and before[person.id] != person]
    return Plan(result, changed, warnings)


def _wish(person: Person, match: Placeholder | None) -> str | None:
    """The username that somebody gave, in this archive or in an earlier one."""
    if person.username is None and match and "username" not in _halves(match.derived):
        return match.username
    return person.username


def _match(known: Sequence[Placeholder], people: Sequence[Person]) -> list[Placeholder | None]:
    by_account_id = {person.account_id: person for person in known}
    by_username = {person.username: person for person in known}
    taken: set[int | None] = set()
    matches: list[Placeholder | None] = []
    for person in people:
        match = by_account_id.get(person.account_id) if person.account_id else None
        taken.add(match.id if match else None)
        matches.append(match)
    for place, person in enumerate(people):
        if matches[place] is not None:
            continue
        name = person.username if person.username is not None else username(person.display_name)
        match = by_username.get(name)
        if match is None or match.id in taken or not _may_be(person, match):
            continue
        taken.add(match.id)
        matches[place] = match
    return matches


def _may_be(person: Person, match: Placeholder) -> bool:
    if person.username is not None:
        return person.account_id is None or "account_id" in match.derived
    return (
        person.account_id is None
        and _halves(match.derived) == {"username", "account_id"}
        and match.display_name == person.display_name
    )


class _Names:
    """The usernames (or account_ids) of a workspace while they are handed out."""

    def __init__(self, taken: Sequence[str]) -> None:
        self._taken = set(taken)

    def take(self, name: str) -> bool:
        """Reserve a name that somebody gave; False when it is another's already."""
        is_free = name not in self._taken
        self._taken.add(name)
        return is_free

    def derive(self, name: str) -> str:
        """The name, or with -2, -3, ... behind it when it is taken."""
        candidate, number = name, 1
        while not self.take(candidate):
            number += 1
            candidate = f"{name}-{number}"
        return candidate


def _joined(
    person: Person,
    match: Placeholder | None,
    name: str,
    account_ids: "_Names",
    *,
    is_derived: bool,
) -> Placeholder:
    derived = {"username"} if is_derived else set()
    if person.account_id is not None:
        account_id = person.account_id
        if account_id.startswith(DERIVED_ACCOUNT_ID):
            derived.add("account_id")
    elif match is not None:
        account_id = match.account_id
        derived |= _halves(match.derived) & {"account_id"}
    else:
        account_id = account_ids.derive(f"{DERIVED_ACCOUNT_ID}{name}")
        derived.add("account_id")
    return Placeholder(
        match.id if match else None,
        name,
        account_id,
        person.display_name or (match.display_name if match else name),
        "both" if len(derived) == 2 else "".join(derived),
    )


def _halves(derived: str) -> set[str]:
    return {"username", "account_id"} if derived == "both" else {derived} - {""}


def username(display_name: str | None) -> str:
    """A username made of a display name: ASCII, lower case, words joined by `-`."""
    folded = unicodedata.normalize("NFKD", display_name or "").encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9_]+", "-", folded.lower()).strip("-")[:60] or "somebody"


async def add_new(tx: Transaction, tracker_id: int, made: Plan) -> list[int]:
    """Write the new placeholders as nobody's yet; the row id of each of the archive's people."""
    now = clock.now()
    await tx.many(
        """INSERT INTO account (uuid, tracker_id, username, account_id, display_name, nickname,
                                derived, created_on)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            (
                new_uuid(),
                tracker_id,
                p.username,
                p.account_id,
                p.display_name,
                p.username,
                p.derived,
                now,
            )
            for p in made.new
        ],
    )
    rows = await tx.all(
        "SELECT id, account_id FROM account WHERE tracker_id = :tracker", {"tracker": tracker_id}
    )
    added = {row["account_id"]: row["id"] for row in rows}
    return [person.id or added[person.account_id] for person in made.people]


async def adopt(tx: Transaction, tracker_id: int, workspace_id: int, made: Plan) -> None:
    """Make the new placeholders the workspace's and give the known ones their newest names.

    In two steps, because names may change hands: the unique keys hold after each statement.
    """
    ids = [(person.id,) for person in made.changed]
    await tx.many("UPDATE account SET username = '\x01' || id WHERE id = ?", ids)
    await tx.many(
        """UPDATE account
              SET username = ?, nickname = ?, account_id = ?, display_name = ?, derived = ?
            WHERE id = ?""",
        [
            (p.username, p.username, p.account_id, p.display_name, p.derived, p.id)
            for p in made.changed
        ],
    )
    await tx.run(
        """UPDATE account SET workspace_id = :workspace, tracker_id = NULL
            WHERE tracker_id = :tracker""",
        {"workspace": workspace_id, "tracker": tracker_id},
    )
