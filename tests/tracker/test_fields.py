"""The rules of values: what the words of an enumeration load as, and what is said of others."""

from enum import StrEnum
from typing import Any

import pytest
from marshmallow import ValidationError
from marshmallow.fields import Field

from tracker import fields
from tracker.vocabulary import Kind, Markup, Permission, Priority, State

FIELDS: list[tuple[type[StrEnum], Field[Any]]] = [
    (State, fields.state()),
    (Kind, fields.kind()),
    (Priority, fields.priority()),
    (Markup, fields.markup()),
    (Permission, fields.enumeration(Permission)),
]

each_field = pytest.mark.parametrize(("words", "field"), FIELDS, ids=lambda value: repr(value)[:20])


@each_field
def test_every_value_loads_as_its_member(words: type[StrEnum], field: Field[Any]) -> None:
    for member in words:
        assert field.deserialize(member.value) is member


@each_field
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("sleeping", None),
        ("", None),
        ("NEW ", None),
        ("a\0", "Null characters are not allowed."),
        ("\ud800", "Lone surrogates are not allowed."),
        (None, "Field may not be null."),
        (1, "Not a valid string."),
        (True, "Not a valid string."),
        (1.5, "Not a valid string."),
        ([], "Not a valid string."),
        ({}, "Not a valid string."),
    ],
    ids=repr,
)
def test_any_other_value_is_refused_in_words(
    words: type[StrEnum], field: Field[Any], value: object, message: str | None
) -> None:
    with pytest.raises(ValidationError) as refused:
        field.deserialize(value)
    assert refused.value.messages == [message or f"Must be one of: {', '.join(words)}."]
