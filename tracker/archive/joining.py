"""Two databases of one archive: who is who in the other, and do they say the same?

db-2.0.json names people by account_id, db-1.0.json by username. A few places where a person was
seen in the first are remembered, and read in the second.
"""

from collections import Counter
from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple

from tracker.archive.people import People
from tracker.archive.records import Attachment, Comment, Issue, Log, Meta, Person

_ENOUGH = 3
_ROLES: dict[type, tuple[str, ...]] = {
    Issue: ("reporter", "assignee"),
    Comment: ("user",),
    Log: ("user",),
    Attachment: ("user",),
    Meta: ("default_assignee",),
}
# A list says who somebody is by the place in it only: any number of them is less than one role.
_SURE, _LIKELY = 1_000, 1
_SHOWN = 10


def _identity(record: Any) -> tuple[Any, ...]:
    """What tells a record from others in both databases; a repeated one only costs a vote."""
    if isinstance(record, Issue):
        return ("issue", record.number)
    if isinstance(record, Comment):
        return ("comment", record.issue, record.id or record.created_on)
    if isinstance(record, Log):
        return ("log", record.issue, record.comment, record.field, record.created_on)
    if isinstance(record, Attachment):
        return ("attachment", record.issue, record.filename)
    return ("meta",)


class _Sighting(NamedTuple):
    """A person in a role of a record; in a list, at a place of so many."""

    person: Person
    role: str
    place: int
    length: int

    @property
    def weight(self) -> int:
        return _LIKELY if self.length else _SURE

    def username(self, record: Any) -> str | None:
        """Who that is in the other database's record; lists must be of the same length."""
        found = getattr(record, self.role)
        if self.length:
            found = found[self.place] if len(found) == self.length else None
        return found.username if found else None


class Witnesses:
    """Where each person of db-2.0.json was seen first: a few records for everybody."""

    def __init__(self) -> None:
        self._records: dict[tuple[Any, ...], list[_Sighting]] = {}
        self._seen: Counter[int] = Counter()
        self._votes: dict[int, Counter[str]] = {}

    def see(self, record: Any) -> None:
        """Remember the people of a record of db-2.0.json."""
        for role in _ROLES.get(type(record), ()):
            person = getattr(record, role)
            if person is not None and self._seen[person.index] < _ENOUGH * _SURE:
                self._note(record, _Sighting(person, role, 0, 0))
        if isinstance(record, Issue):
            for role in ("watchers", "voters"):
                people = getattr(record, role)
                for place, person in enumerate(people):
                    if self._seen[person.index] < _ENOUGH * _LIKELY:
                        self._note(record, _Sighting(person, role, place, len(people)))

    def _note(self, record: Any, sighting: _Sighting) -> None:
        self._seen[sighting.person.index] += sighting.weight
        self._records.setdefault(_identity(record), []).append(sighting)

    def hear(self, record: Any) -> None:
        """Ask a record of db-1.0.json for the usernames of those seen in its twin."""
        for sighting in self._records.get(_identity(record), ()):
            if username := sighting.username(record):
                votes = self._votes.setdefault(sighting.person.index, Counter())
                votes[username] += sighting.weight

    def join(self, people: People) -> list[str]:
        """Give everybody the username that most witnesses name; the result is warnings."""
        divided, shared = [], []
        taken: dict[str, Person] = {}
        for person in people.everyone:
            if person.index not in self._votes:
                continue
            (username, most), *others = self._votes[person.index].most_common()
            if others and (others[0][1] >= _SURE or most < _SURE):
                names = ", ".join([username, *(name for name, _ in others)])
                divided.append(
                    f"db-1.0.json has several usernames for {_called(person)}: {names}; "
                    f"{username} was taken."
                )
            if first := taken.get(username):
                shared.append(
                    f"db-1.0.json has the username {username} for more than one account; "
                    f"{_called(first)} keeps it."
                )
            else:
                taken[username] = person
                person.username = username
        return _some(divided) + _some(shared)


def _some(warnings: list[str]) -> list[str]:
    """The first ones, and how many more there are: a broken archive may have any number."""
    more = len(warnings) - _SHOWN
    return warnings if more <= 0 else [*warnings[:_SHOWN], f"The same of {more} more people."]


def _called(person: Person) -> str:
    return person.account_id or person.display_name or ""


_SAYS: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    Issue: attrgetter(
        "number",
        "title",
        "content",
        "status",
        "kind",
        "priority",
        "component",
        "milestone",
        "version",
        "created_on",
        "updated_on",
        "content_updated_on",
        "edited_on",
    ),
    Comment: attrgetter("id", "issue", "content", "created_on", "updated_on"),
    Log: attrgetter("issue", "comment", "field", "changed_from", "changed_to", "created_on"),
    Attachment: attrgetter("issue", "filename", "url"),
}


def digest(record: Any) -> int:
    """A number that tells whether two records say the same, people and paths apart."""
    return hash(_SAYS[type(record)](record))
