"""The rules of an archive's records: a plain dict in, a record out.

What is as it nearly always is passes inline checks; anything else is asked of the same fields
that the API uses, so that the words of a refusal are the same.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields, missing, validate

from tracker.archive.people import People
from tracker.archive.records import NOBODY, Attachment, Comment, Issue, Log, Meta, Person
from tracker.archive.times import EXACT, Moment, uploaded_on
from tracker.errors import Invalid
from tracker.fields import Length, Number, Text, check, content, kind, name, priority, state
from tracker.settings import Limits
from tracker.vocabulary import LARGEST_ID, LOG_FIELDS, CategoryKind, Kind, Priority, State

Raw = dict[str, Any]

MOST_NAMES = 100_000
FILENAME_CHARACTERS = 1_024
URL_CHARACTERS = 16_384


def forward(path: str) -> str:
    """A path with slashes only: tools of Windows write backslashes."""
    return path.replace("\\", "/")


def unsafe(path: str) -> str | None:
    """Why a path of an archive can't be taken, or None: it must stay inside, on any system.

    The path has slashes only.
    """
    if path.startswith("/") or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", path):
        return "is not relative"
    if ".." in path.split("/"):
        return "leaves the archive"
    if not path or re.search(r"[\x00-\x1f\x7f]", path):
        return "has control characters" if path else "is empty"
    return None


def _stays_inside(path: str) -> None:
    if reason := unsafe(forward(path)):
        raise ValidationError(f"The path {reason}.")


_ID = Number(required=True, validate=validate.Range(min=1))
_QUOTED = re.compile(r" *0*([1-9][0-9]*) *")
"""An id as spreadsheets and the like write it."""
_TIME = Moment(required=True)
_TIME_OR_NULL = Moment(load_default=None)
# A blank title is no title for the API, but old trackers have them.
_TITLE = Text(required=True, validate=Length(Limits().title_characters))
_NAME = name(required=True)
_STATE = state()
_KIND = kind()
_PRIORITY = priority()
_FIELD = Text(
    required=True,
    validate=validate.OneOf(
        sorted(LOG_FIELDS), error=f"Must be one of: {', '.join(sorted(LOG_FIELDS))}."
    ),
)
_FILENAME = Text(required=True, validate=Length(FILENAME_CHARACTERS))
_PATH = Text(required=True, validate=[Length(FILENAME_CHARACTERS), _stays_inside])
_URL = Text(load_default=None, validate=Length(URL_CHARACTERS))

# A list that PHP has written as an object: {"0": ..., "2": ...}.
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")

_CATEGORY = frozenset({"name"})
_KEYS = {
    "issues": frozenset(
        {
            "id",
            "title",
            "content",
            "reporter",
            "assignee",
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
            "watchers",
            "voters",
        }
    ),
    "comments": frozenset({"id", "issue", "user", "content", "created_on", "updated_on"}),
    "logs": frozenset(
        {"issue", "comment", "user", "field", "changed_from", "changed_to", "created_on"}
    ),
    "attachments": frozenset({"issue", "path", "filename", "user", "url"}),
    "meta": frozenset(
        {
            "default_assignee",
            "default_component",
            "default_kind",
            "default_milestone",
            "default_version",
        }
    ),
    "components": _CATEGORY,
    "milestones": _CATEGORY,
    "versions": _CATEGORY,
}
"""What a record has a place for."""

_MOST_UNKNOWN = 100
_STATES = frozenset(State)
_KINDS = frozenset(Kind)
_PRIORITIES = frozenset(Priority)


def _ask(field: fields.Field[Any], raw: Raw, key: str) -> Any:
    try:
        return check(field, raw.get(key, missing))
    except Invalid as error:
        raise Invalid(f".{key}: {error}") from error


def _number(raw: Raw, key: str) -> int:
    value = raw.get(key)
    if value.__class__ is int and 0 < value <= LARGEST_ID:
        return value
    if value.__class__ is str and (digits := _QUOTED.fullmatch(value)):
        raw = {key: digits[1]}
    asked: int = _ask(_ID, raw, key)
    return asked


def _number_or_null(raw: Raw, key: str) -> int | None:
    return None if raw.get(key) in (None, "") else _number(raw, key)


def _time(raw: Raw, key: str, field: Moment = _TIME) -> Any:
    value = raw.get(key)
    if value.__class__ is str and EXACT.fullmatch(value):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return _ask(field, raw, key)
        return value
    return _ask(field, raw, key)


def _time_or_null(raw: Raw, key: str) -> str | None:
    if raw.get(key) is None:
        return None
    moment: str = _time(raw, key, _TIME_OR_NULL)
    return moment


def _text(raw: Raw, key: str, field: fields.Field[Any], longest: int) -> Any:
    """Text of at most longest characters if it is plain ASCII; the field decides the rest."""
    value = raw.get(key)
    if value.__class__ is str and len(value) <= longest and value.isascii() and "\0" not in value:
        return value
    return _ask(field, raw, key)


def _named(raw: Raw, key: str) -> tuple[Raw, str]:
    """Where the name is that raw has under key: some producers write {"name": ...}."""
    value = raw.get(key)
    if value.__class__ is dict and "name" in value:
        return {f"{key}.name": value["name"]}, f"{key}.name"
    return raw, key


def _listed(value: Any, key: str) -> Iterable[tuple[int, Any]]:
    """The items of a list, or of an object of indices, in their order. Raises Invalid."""
    if value.__class__ is list:
        return enumerate(value)
    if value.__class__ is not dict or not all(map(_INDEX.fullmatch, value)):
        raise Invalid(f".{key}: Not a valid list.")
    return sorted((int(index), item) for index, item in value.items())


class Rules:
    """Reads the records of one database; every fault is an Invalid that names the record.

    used collects the names of components, milestones and versions that issues are filed under;
    omitted counts issues without a status, kind, priority or updated_on, unknown the members
    that no record has a place for.
    """

    def __init__(self, database: str, people: People, limits: Limits) -> None:
        self.database = database
        self.default_kind = Kind.BUG.value
        self.used: dict[str, dict[str, None]] = {kind: {} for kind in CategoryKind}
        self.omitted: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self._person = people.find
        self._content = content(limits, load_default=None)
        self._ascii = limits.content_bytes
        self._readers: dict[str, Callable[[Raw], Any]] = {
            "issues": self._issue,
            "comments": self._comment,
            "logs": self._log,
            "attachments": self._attachment,
            "components": self._category,
            "milestones": self._category,
            "versions": self._category,
            "meta": self._meta,
        }

    def read(self, section: str, index: int, raw: Any) -> Any:
        """The record of one element; index -1 is the element of a section that is no list."""
        try:
            if raw.__class__ is not dict:
                raise Invalid(": Must be an object.")
            if not raw.keys() <= _KEYS[section]:
                self._note_unknown(section, raw)
            return self._readers[section](raw)
        except Invalid as error:
            place = section if index < 0 else f"{section}[{index}]"
            raise Invalid(f"{self.database}: {place}{error}") from error

    def _note_unknown(self, section: str, raw: Raw) -> None:
        for key in raw.keys() - _KEYS[section]:
            if len(self.unknown) < _MOST_UNKNOWN:
                self.unknown[f"{section}.{key[:_MOST_UNKNOWN]}"] += 1

    def _issue(self, raw: Raw) -> Issue:
        number = _number(raw, "id")
        created_on = _time(raw, "created_on")
        return Issue(
            number,
            _text(raw, "title", _TITLE, 255),
            self._content_of(raw, "content"),
            self._user(raw, "reporter"),
            self._user(raw, "assignee"),
            self._word(raw, "status", _STATES, _STATE, "new"),
            self._word(raw, "kind", _KINDS, _KIND, self.default_kind),
            self._word(raw, "priority", _PRIORITIES, _PRIORITY, "major"),
            self._filed(raw, "component"),
            self._filed(raw, "milestone"),
            self._filed(raw, "version"),
            created_on,
            _time_or_null(raw, "updated_on") or self._at_first(created_on),
            _time_or_null(raw, "content_updated_on"),
            _time_or_null(raw, "edited_on"),
            self._users(raw, "watchers"),
            self._users(raw, "voters"),
        )

    def _at_first(self, created_on: str) -> str:
        self.omitted["updated_on"] += 1
        return created_on

    def _comment(self, raw: Raw) -> Comment:
        return Comment(
            _number_or_null(raw, "id"),
            _number(raw, "issue"),
            self._user(raw, "user"),
            self._content_of(raw, "content"),
            _time(raw, "created_on"),
            _time_or_null(raw, "updated_on"),
        )

    def _log(self, raw: Raw) -> Log:
        field = raw.get("field")
        return Log(
            _number(raw, "issue"),
            _number_or_null(raw, "comment"),
            self._user(raw, "user"),
            field if field.__class__ is str and field in LOG_FIELDS else _ask(_FIELD, raw, "field"),
            self._content_of(raw, "changed_from"),
            self._content_of(raw, "changed_to"),
            _time(raw, "created_on"),
        )

    def _attachment(self, raw: Raw) -> Attachment:
        url = _ask(_URL, raw, "url")
        return Attachment(
            _number(raw, "issue"),
            forward(_ask(_PATH, raw, "path")),
            _text(raw, "filename", _FILENAME, FILENAME_CHARACTERS),
            self._user(raw, "user"),
            url,
            uploaded_on(url),
        )

    def _category(self, raw: Raw) -> str:
        found: str = _ask(_NAME, raw, "name")
        return found

    def _meta(self, raw: Raw) -> Meta:
        return Meta(
            default_assignee=self._user(raw, "default_assignee"),
            default_component=self._filed(raw, "default_component", "component"),
            default_kind=self._default_kind(raw),
            default_milestone=self._filed(raw, "default_milestone", "milestone"),
            default_version=self._filed(raw, "default_version", "version"),
        )

    def _default_kind(self, raw: Raw) -> str | None:
        raw, key = _named(raw, "default_kind")
        found: str | None = None if raw.get(key) is None else _ask(_KIND, raw, key)
        return found

    def _content_of(self, raw: Raw, key: str) -> str | None:
        if raw.get(key) is None:
            return None
        text: str = _text(raw, key, self._content, self._ascii)
        return text

    def _word(
        self, raw: Raw, key: str, words: frozenset[str], field: fields.Field[Any], default: str
    ) -> str:
        value = raw.get(key)
        if value is None:
            self.omitted[key] += 1
            return default
        if value.__class__ is not str or value not in words:
            _ask(field, raw, key)
        word: str = value
        return word

    def _filed(self, raw: Raw, key: str, category: str | None = None) -> str | None:
        used = self.used[category or key]
        raw, key = _named(raw, key)
        value = raw.get(key)
        if value is None or value == "":
            return None
        if value.__class__ is str and value in used:
            known: str = value
            return known
        found: str = _ask(_NAME, raw, key)
        if len(used) >= MOST_NAMES:
            raise Invalid(f".{key}: There are more than {MOST_NAMES} names.")
        used[found] = None
        return found

    def _user(self, raw: Raw, key: str) -> Person | None:
        value = raw.get(key)
        if value is None:
            return None
        try:
            return self._person(value)
        except Invalid as error:
            raise Invalid(f".{key}: {error}") from error

    def _users(self, raw: Raw, key: str) -> list[Person]:
        value = raw.get(key)
        if not value and (value is None or value in ([], {})):
            return []
        found: dict[int, Person] = {}
        for index, item in _listed(value, key):
            try:
                person = self._person(item)
            except Invalid as error:
                raise Invalid(f".{key}[{index}]: {error}") from error
            if person is None:
                found[-1 - index] = NOBODY
            elif person.display_name and person.account_id is None:
                found[-1 - index] = person  # several people may have that name
            else:
                found[person.index] = person
        return list(found.values())
