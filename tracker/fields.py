"""The rules of the tracker's values as marshmallow fields; each rule is said only here."""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, TypeVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from tracker.errors import Invalid
from tracker.settings import Limits
from tracker.vocabulary import LARGEST_ID, Kind, Markup, Priority, State

_LIMITS = Limits()
E = TypeVar("E", bound=StrEnum)

_SURROGATES = re.compile("[\ud800-\udfff]")


def check_text(value: str) -> None:
    """Refuse what the database or UTF-8 can't hold. Raises ValidationError."""
    if "\0" in value:
        raise ValidationError("Null characters are not allowed.")
    if _SURROGATES.search(value):
        raise ValidationError("Lone surrogates are not allowed.")


class Text(fields.String):
    """Any text that can be stored: no NUL, no lone surrogate."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        check_text(text)
        return text


def enumeration(words: type[E], **kwargs: Any) -> fields.Enum[E]:
    """One of the values of an enumeration; loads as its member."""
    return fields.Enum(words, by_value=Text, **kwargs)


class Length(validate.Validator):
    """At most so many characters, in Django's words, as Bitbucket said it."""

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum

    def __call__(self, value: str) -> str:
        if len(value) > self.maximum:
            raise ValidationError(
                f"Ensure this value has at most {self.maximum} characters (it has {len(value)})."
            )
        return value


class Size(validate.Validator):
    """At most so many bytes of UTF-8."""

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum

    def __call__(self, value: str) -> str:
        if len(value) * 4 > self.maximum and (size := len(value.encode())) > self.maximum:
            raise ValidationError(
                f"Ensure this value has at most {self.maximum} bytes (it has {size})."
            )
        return value


def not_blank(value: str) -> str:
    """Refuse a text of nothing but white space. Raises ValidationError."""
    if not value.strip():
        raise ValidationError("This field may not be blank.")
    return value


def title(**kwargs: Any) -> Text:
    """An issue's title: 1 to 255 characters (sentry#95290 shows Bitbucket's text)."""
    return Text(validate=[not_blank, Length(_LIMITS.title_characters)], **kwargs)


def name(**kwargs: Any) -> Text:
    """A component's, milestone's or version's name: 1 to 128 characters (1.0 documentation)."""
    return Text(validate=[not_blank, Length(_LIMITS.name_characters)], **kwargs)


def content(limits: Limits = _LIMITS, **kwargs: Any) -> Text:
    """The raw text of an issue or a comment; limits.content_bytes of UTF-8 at most."""
    return Text(validate=Size(limits.content_bytes), **kwargs)


def said(limits: Limits = _LIMITS, **kwargs: Any) -> Text:
    """The raw text of a comment: as content(), and it says something."""
    return Text(validate=[not_blank, Size(limits.content_bytes)], **kwargs)


def state(**kwargs: Any) -> fields.Enum[State]:
    """An issue's state."""
    return enumeration(State, **kwargs)


def kind(**kwargs: Any) -> fields.Enum[Kind]:
    """An issue's kind."""
    return enumeration(Kind, **kwargs)


def priority(**kwargs: Any) -> fields.Enum[Priority]:
    """An issue's priority."""
    return enumeration(Priority, **kwargs)


def markup(**kwargs: Any) -> fields.Enum[Markup]:
    """How a text is written."""
    return enumeration(Markup, **kwargs)


class Form(dict[str, Any]):
    """A payload that came as a form: all of its values are texts."""


class Boolean(fields.Boolean):
    """true or false, in forms these words, and nothing that looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(data, Form) and value in ("true", "false"):
            value = value == "true"
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Number(fields.Integer):
    """A whole number up to 2^52; a string of digits is taken too (old clients send forms)."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str) and re.fullmatch(r"0|[1-9][0-9]{0,15}", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST_ID:
            raise self.make_error("invalid")
        return value


class Payload(Schema):
    """The base of schemas that read a payload; unknown members are ignored, as in Bitbucket.

    A schema that refuses them by a rule of its own says so for its description.
    """

    refuses_unknown = False

    class Meta:
        unknown = EXCLUDE


def _flat(messages: Any, path: str = "") -> Iterable[tuple[str, list[str]]]:
    if isinstance(messages, list):
        yield path, [str(message) for message in messages]
    elif isinstance(messages, dict):
        for key, value in messages.items():
            here = path if key == "_schema" else f"{path}.{key}" if path else str(key)
            yield from _flat(value, here)


def load(schema: Schema, payload: object) -> dict[str, Any]:
    """The payload as the schema reads it.

    Raises Invalid with fields {"content.raw": ["..."]}; its message repeats the first one as
    "content.raw: ..." (Bitbucket's form errors).
    """
    if not isinstance(payload, dict):
        raise Invalid("The body must be a JSON object.")
    try:
        loaded: dict[str, Any] = schema.load(payload)
    except ValidationError as error:
        found = dict(_flat(error.messages))
        first, messages = next(iter(found.items()))
        raise Invalid(f"{first}: {messages[0]}" if first else messages[0], found) from error
    return loaded


def check(field: fields.Field[Any], value: object) -> Any:
    """One value by one field's rules. Raises Invalid with the rule's own words."""
    try:
        return field.deserialize(value)
    except ValidationError as error:
        raise Invalid(str(error.messages[0])) from error


RESERVED_SLUGS = frozenset(
    {
        "healthz",
        "readyz",
        "metrics",
        "static",
        "avatar",
        "api",
        "!api",
        "1.0",
        "2.0",
        "site",
        "login",
        "admin",
        "_pail",
    }
)
"""Names a workspace can't have, because a route starts with them (a test compares) or may."""

_SLUG = re.compile(r"[a-z0-9_-][a-z0-9_.-]{0,61}")


def slug(**kwargs: Any) -> Text:
    """A repository's slug: lower-case letters, digits, `_`, `-` and `.`, at most 62 characters."""
    return Text(validate=_one_slug, **kwargs)


def workspace_slug(**kwargs: Any) -> Text:
    """A workspace's slug: as a repository's, and not the first segment of a route of ours."""
    return Text(validate=[_one_slug, _not_reserved], **kwargs)


GENERIC_USERS = frozenset({"x-token-auth", "x-bitbucket-api-token-auth"})
"""User names that Bitbucket allows with any token in Basic authentication; no account has them."""


def username(**kwargs: Any) -> Text:
    """An account's name: as a repository's slug, and none of GENERIC_USERS."""
    return Text(validate=[_one_slug, validate.NoneOf(GENERIC_USERS)], **kwargs)


def display_name(**kwargs: Any) -> Text:
    """A name shown to people: 1 to 255 characters."""
    return Text(validate=[not_blank, Length(255)], **kwargs)


def email(**kwargs: Any) -> fields.Email:
    """An e-mail address."""
    return fields.Email(**kwargs)


def _one_slug(value: str) -> str:
    if not _SLUG.fullmatch(value) or value.endswith((".zip", ".git")):
        raise ValidationError(
            f"{value!r} is not a valid name: lower-case letters, digits, '_', '-' and '.' only."
        )
    return value


def _not_reserved(value: str) -> str:
    if value in RESERVED_SLUGS:
        raise ValidationError(f"{value!r} is reserved.")
    return value
