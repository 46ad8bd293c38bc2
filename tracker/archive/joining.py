"""Join the people of an archive's two databases, and compare what they say.

db-2.0.json names people by account_id, db-1.0.json by username. A few places where a person is
named in the first are remembered, and read in the second. A display name without an account_id may
mean several people: all their places are remembered.
"""

from collections import Counter
from collections.abc import Callable, Container
from operator import attrgetter
from typing import Any, NamedTuple

from tracker.archive.people import People
from tracker.archive.places import LISTS, ROLES, Places, identity, in_lists, in_roles, key
from tracker.archive.records import Attachment, Comment, Issue, Log, Person

_ENOUGH = 3
# A list tells a person only by the place in it: any number of them counts less than one role.
_SURE, _LIKELY = 1_000, 1
_SHOWN = 10
_MOST_SPLIT = 200_000
"""Places that are kept at which a name without an account is another person than elsewhere."""


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
    """Where each person of db-2.0.json was seen first: a few records for each."""

    def __init__(self) -> None:
        self._records: dict[tuple[Any, ...], list[_Sighting]] = {}
        self._seen: Counter[int] = Counter()
        self._votes: dict[int, Counter[str]] = {}
        self._namesakes = _Namesakes()

    @property
    def splits(self) -> dict[int, Person]:
        """After join(): the people at those places where a name means another person than
        elsewhere."""
        return self._namesakes.splits

    def note(self, record: Any) -> None:
        """Remember the people of a record of db-2.0.json."""
        self._namesakes.note(record)
        for role in ROLES.get(type(record), ()):
            person = getattr(record, role)
            if (
                person is not None
                and person.account_id
                and self._seen[person.index] < _ENOUGH * _SURE
            ):
                self._note(record, _Sighting(person, role, 0, 0))
        for role in LISTS.get(type(record), ()):
            people = getattr(record, role)
            for place, person in enumerate(people):
                if person.account_id and self._seen[person.index] < _ENOUGH * _LIKELY:
                    self._note(record, _Sighting(person, role, place, len(people)))

    def _note(self, record: Any, sighting: _Sighting) -> None:
        self._seen[sighting.person.index] += sighting.weight
        self._records.setdefault(identity(record), []).append(sighting)

    def match(self, record: Any) -> None:
        """Read usernames from a record of db-1.0.json, for the people in the same record of
        db-2.0.json."""
        self._namesakes.match(record)
        for sighting in self._records.get(identity(record), ()):
            if username := sighting.username(record):
                votes = self._votes.setdefault(sighting.person.index, Counter())
                votes[username] += sighting.weight

    def join(self, people: People) -> list[str]:
        """Give each person the username that most witnesses name; returns warnings."""
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
        self._namesakes.join(people, taken.keys())
        return _some(divided) + _some(shared)


_Name = tuple[int, str | None]
"""The index of a person without an account_id, and a username at one of the places."""


class _Namesakes:
    """People whom db-2.0.json names without an account_id: who is who by db-1.0.json.

    Each username that it has at the places of one name is a person of its own, and so is none.
    """

    def __init__(self) -> None:
        self.splits: dict[int, Person] = {}
        self._places = Places()
        self._usual: dict[int, str | None] = {}
        self._other: dict[int, _Name] = {}
        self._listed: dict[int, _Name] = {}
        self._met: set[int] = set()

    def note(self, record: Any) -> None:
        """Remember where a record of db-2.0.json names a person without an account_id."""
        for person, place in (*in_roles(record), *in_lists(record)):
            if person is not None and person.display_name and person.account_id is None:
                self._places.add(key(record, place), person.index)

    def match(self, record: Any) -> None:
        """Note whom a record of db-1.0.json has at these places."""
        if not self._places:
            return
        for person, place in in_roles(record):
            number = key(record, place)
            index = self._places.find(number)
            if index is not None:
                username = person.username if person else None
                if self._usual.setdefault(index, username) != username:
                    self._keep(self._other, number, (index, username))
        for watcher, place in in_lists(record):
            number = key(record, place)
            index = self._places.find(number)
            if index is not None and self._usual.get(index, "") != watcher.username:
                self._keep(self._listed, number, (index, watcher.username))

    def _keep(self, found: dict[int, _Name], number: int, name: _Name) -> None:
        if len(found) < _MOST_SPLIT:
            found[number] = name

    def join(self, people: People, taken: Container[str]) -> None:
        """Give them their usernames, unless a person with an account_id has it.

        What is usual for a name stays with its person; others of the name become people, too.
        """
        known: dict[_Name, Person] = {}

        def find(index: int, username: str | None) -> Person:
            person = people.everyone[index]
            if index not in self._met:
                self._met.add(index)
                person.username = username
                known[index, username] = person
            elif (index, username) not in known:
                known[index, username] = people.add(username, person.display_name)
            return known[index, username]

        for index, username in self._usual.items():
            find(index, None if username in taken else username)
        for place, (index, username) in self._other.items():
            self.splits[place] = find(index, None if username in taken else username)
        owners = {username: index for index, username in known}
        for place, (index, username) in self._listed.items():
            # The order of a list is not certain: the username of another person proves nothing.
            if username not in taken and owners.get(username, index) == index:
                self.splits[place] = find(index, username)


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
