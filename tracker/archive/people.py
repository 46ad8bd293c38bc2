"""The people of an archive: one object for each, however often the archive names them."""

from typing import Any

from marshmallow import fields

from tracker.archive.records import Person
from tracker.errors import Invalid
from tracker.fields import Length, Text, check

_LONGEST = 255
_PART = Text(validate=Length(_LONGEST), allow_none=True)
_OBJECT = fields.Dict()
# A person without an account_id is known by (display_name,).
_Key = str | tuple[str, ...]


class People:
    """The people whom a database names, found by what it calls them.

    version is "1.0" (usernames) or "2.0" (objects); more than limit people are refused.
    """

    def __init__(self, version: str, limit: int) -> None:
        self.everyone: list[Person] = []
        self.find = self._by_username if version == "1.0" else self._by_account
        self._known: dict[_Key, Person] = {}
        self._limit = limit

    def _by_username(self, value: Any) -> Person | None:
        """A username or null ("" is null), perhaps as {"username": ...} or {"name": ...}.

        Raises Invalid with the rule's words.
        """
        if value.__class__ is dict:
            key = next((key for key in ("username", "name") if key in value), None)
            value = value if key is None else value[key]
        if value is None or value == "":
            return None
        if value.__class__ is str and value in self._known:
            return self._known[value]
        username: str = check(_PART, value)
        return self._add(username, Person(len(self.everyone), username, None, None))

    def _by_account(self, value: Any) -> Person | None:
        """{"display_name", "account_id"} or null; a person may have a name only."""
        if value is None:
            return None
        if value.__class__ is not dict:
            check(_OBJECT, value)
        account_id = value.get("account_id")
        if account_id.__class__ is str and account_id in self._known:
            return self._known[account_id]
        account_id = check(_PART, account_id) or None
        name: str | None = check(_PART, value.get("display_name")) or None
        if name is None and account_id is None:
            return None
        key: _Key = account_id or (name or "",)
        if key in self._known:
            return self._known[key]
        return self._add(key, Person(len(self.everyone), None, account_id, name))

    def add(self, username: str | None, display_name: str | None) -> Person:
        """One more person, who is not found by a name. Raises Invalid beyond the limit."""
        key = ("", str(len(self.everyone)))
        return self._add(key, Person(len(self.everyone), username, None, display_name))

    def _add(self, key: _Key, person: Person) -> Person:
        if len(self.everyone) >= self._limit:
            raise Invalid(f"The archive names more than {self._limit} people.")
        self.everyone.append(person)
        self._known[key] = person
        return person
