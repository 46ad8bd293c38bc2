"""What the list of issues can be asked in API 1.0: filters, a search, an order, a part."""

import re
from typing import Any

from marshmallow import fields as marshmallow_fields

from tracker import catalogues, fields, filters

_MOST = 50
_FARTHEST = 10**18
"""Farther than any list goes, and still a number that a database takes."""


class _Whole(marshmallow_fields.Integer):
    """A whole number in digits; what is more than the most counts as the most."""

    default_error_messages = {"invalid": "Must be a whole number, 0 or more."}  # noqa: RUF012

    def __init__(self, most: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._most = most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not re.fullmatch(r"[0-9]+", value):
            raise self.make_error("invalid")
        # Python takes no more than some thousand digits for a number.
        return min(int(value.lstrip("0")[:20] or "0"), self._most)


class PartParameters(fields.Payload):
    """Which part of the list is asked for, in which order."""

    limit = _Whole(
        _MOST,
        load_default=15,
        metadata={
            "minimum": 0,
            "description": f"How many issues; at most {_MOST}, 0 for the count alone.",
        },
    )
    start = _Whole(
        _FARTHEST,
        load_default=0,
        metadata={
            "minimum": 0,
            "description": "How many issues of the list come before the first one.",
        },
    )
    sort = marshmallow_fields.String(
        metadata={
            "description": "What to sort by; a `-` before it turns the order round.",
            "enum": [word for name in filters.ORDERS for word in (name, f"-{name}")],
        },
    )
    search = marshmallow_fields.String(
        metadata={"description": "Words that each are in the title or in the content."}
    )


def _filter(name: str) -> marshmallow_fields.Field[Any]:
    """Any number of values, each perhaps behind an operator."""
    operators = [*filters.OPERATORS] if name in filters.SEARCHABLE else ["", "!"]
    meanings = [f"`{operator}` {filters.OPERATORS[operator][1]}" for operator in operators[1:]]
    words = catalogues.ISSUES.columns[filters.FIELDS[name]].words
    allowed = {"enum": [operator + word for word in words for operator in operators]}
    return marshmallow_fields.List(
        marshmallow_fields.String(metadata=allowed if words else {}),
        metadata={
            "description": f"A value, perhaps behind an operator: {', '.join(meanings)}. Any of "
            "several will do."
        },
    )


PART = PartParameters()

PARAMETERS = PartParameters.from_dict(
    {name: _filter(name) for name in filters.FIELDS}, name="IssueFilters"
)()
"""All that the list can be asked."""
