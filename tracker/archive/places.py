"""The places where an archive names people: those of db-2.0.json, to be found in db-1.0.json."""

from array import array
from bisect import bisect_left
from collections.abc import Hashable, Iterator
from typing import Any

from tracker.archive.records import Attachment, Comment, Issue, Log, Meta, Person

MOST = 1_000_000
"""Places that are remembered: 12 bytes each."""

ROLES: dict[type, tuple[str, ...]] = {
    Issue: ("reporter", "assignee"),
    Comment: ("user",),
    Log: ("user",),
    Attachment: ("user",),
    Meta: ("default_assignee",),
}
LISTS: dict[type, tuple[str, ...]] = {Issue: ("watchers", "voters")}

Place = tuple[str] | tuple[str, int, int]
"""A role; or a list, the number in it and its length."""


def identity(record: Any) -> tuple[Hashable, ...]:
    """What tells a record from others in both databases; equal ones are taken for the same."""
    if isinstance(record, Issue):
        return ("issue", record.number)
    if isinstance(record, Comment):
        return ("comment", record.issue, record.id or record.created_on)
    if isinstance(record, Log):
        return ("log", record.issue, record.comment, record.field, record.created_on)
    if isinstance(record, Attachment):
        return ("attachment", record.issue, record.filename)
    return ("meta",)


def in_roles(record: Any) -> Iterator[tuple[Person | None, Place]]:
    """The person, or None, at each place of a record that holds one person."""
    for role in ROLES.get(type(record), ()):
        yield getattr(record, role), (role,)


def in_lists(record: Any) -> Iterator[tuple[Person, Place]]:
    """Who is at each place of a record's lists: lists of another length have other places."""
    for role in LISTS.get(type(record), ()):
        people = getattr(record, role)
        for number, person in enumerate(people):
            yield person, (role, number, len(people))


def key(record: Any, place: Place) -> int:
    """A number for a place of a record, the same in both databases."""
    return hash((identity(record), place))


def put(record: Any, people: dict[int, Person]) -> None:
    """Put the people into the record, each at the place of that key."""
    listed = list(in_lists(record))
    for _, place in in_roles(record):
        if person := people.get(key(record, place)):
            setattr(record, place[0], person)
    for role in LISTS.get(type(record), ()):
        setattr(record, role, [])
    for person, place in listed:
        getattr(record, place[0]).append(people.get(key(record, place), person))


class Places:
    """Who is at each of at most MOST places, by key(); further ones are forgotten."""

    def __init__(self) -> None:
        self._places = array("q")
        self._people = array("i")
        self._is_sorted = True

    def __len__(self) -> int:
        return len(self._places)

    def add(self, place: int, index: int) -> None:
        """Remember that the person of this index is at a place."""
        if len(self._places) < MOST:
            self._places.append(place)
            self._people.append(index)
            self._is_sorted = False

    def find(self, place: int) -> int | None:
        """The index of the person at a place."""
        if not self._is_sorted:
            self._sort()
        at = bisect_left(self._places, place)
        return self._people[at] if at < len(self._places) and self._places[at] == place else None

    def _sort(self) -> None:
        order = sorted(range(len(self._places)), key=self._places.__getitem__)
        self._places = array("q", map(self._places.__getitem__, order))
        self._people = array("i", map(self._people.__getitem__, order))
        self._is_sorted = True
