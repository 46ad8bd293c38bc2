"""Filters of issues, as people choose them: a field, an operator and a text.

What they mean is said by the query language: a filter is one of its comparisons. As there, the
logic has two values: "is not" and "contains not" hold for what is not set.
"""

from collections.abc import Iterable, Mapping, Sequence

from marshmallow import ValidationError

from tracker import query
from tracker.catalogues import ISSUES
from tracker.errors import Invalid
from tracker.fields import Size, check_text
from tracker.query import Selection, Type
from tracker.query.grammar import Comparison, Expression, Group, Literal
from tracker.settings import Limits

Filters = Mapping[str, Sequence[tuple[str, str]]]
"""By field what is wanted of it: operators and texts, any of which will do. All fields count."""

FIELDS = {
    "title": "title",
    "content": "content.raw",
    "version": "version",
    "milestone": "milestone",
    "component": "component",
    "kind": "kind",
    "status": "state",
    "responsible": "assignee.nickname",
    "reported_by": "reporter.nickname",
    "priority": "priority",
}
"""What can be filtered, and its path in the list of issues. People are compared by user name."""

SEARCHABLE = ("title", "content", "reported_by")
"""Those that take every operator; the others take the first two."""

OPERATORS = {
    "": ("=", "is"),
    "!": ("!=", "is not"),
    "~": ("~", "contains"),
    "!~": ("!~", "contains not"),
    "^": ("^", "begins with"),
    "$": ("$", "ends with"),
}
"""What stands before a text, what it is in the query language, and in words."""

ORDERS = {
    **{name: FIELDS[name] for name in FIELDS if name != "content"},
    "local_id": "id",
    "created_on": "created_on",
    "utc_created_on": "created_on",
    "utc_last_updated": "updated_on",
    "follower_count": "watches",
}
"""What issues can be sorted by, and its path."""

_EXACT = ("", "!")
_PREFIXES = sorted(OPERATORS, key=len, reverse=True)


def read(parameters: Iterable[tuple[str, str]]) -> Filters:
    """The filters among the parameters of an address, in the order in which fields come first."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, text in parameters:
        if name in FIELDS:
            operator = next(prefix for prefix in _PREFIXES if text.startswith(prefix))
            found.setdefault(name, []).append((operator, text.removeprefix(operator)))
    return found


def select(
    filters: Filters, limits: Limits, *, search: str | None = None, sort: str | None = None
) -> Selection:
    """The issues that the filters leave and whose title or content has each word of search.

    An empty text means that a field is not set, where it can be; an unknown name is no error. sort
    is one of ORDERS, perhaps behind a `-`; without it the newest update is first.

    Raises Invalid with the field (or search, sort) that is wrong.
    """
    words = (search or "").split()
    texts = [(name, text) for name, wanted in filters.items() for _, text in wanted]
    _check_size([*texts, *(("search", word) for word in words)], limits)
    parts = [
        _joined("OR", [_comparison(name, *each) for each in wanted])
        for name, wanted in filters.items()
    ]
    parts += [
        _joined("OR", [_compared(path, "~", word) for path in ("title", "content.raw")])
        for word in words
    ]
    return query.selected(ISSUES, _joined("AND", parts) if parts else None, _order(sort))


def _check_size(texts: Sequence[tuple[str, str]], limits: Limits) -> None:
    for name, text in texts:
        try:
            check_text(text)
            Size(limits.query_bytes)(text)
        except ValidationError as error:
            raise _mistake(name, str(error)) from error
    if len(texts) > limits.query_terms:
        name, _ = texts[limits.query_terms]
        raise _mistake(name, f"more than {limits.query_terms} filters and words to search for")


def _comparison(name: str, operator: str, text: str) -> Expression:
    path = FIELDS[name]
    column = ISSUES.columns[path]
    written, meaning = OPERATORS[operator]
    if operator not in _EXACT and name not in SEARCHABLE:
        raise _mistake(
            name, f'"{operator}" ({meaning}) can\'t be asked of it, only "!" (is not) or a value'
        )
    if column.holds is Type.WORD and text not in column.words:
        raise _mistake(name, f"must be one of: {', '.join(column.words)}")
    unset = column.nullable and not text and operator in _EXACT
    return _compared(path, written, None if unset else text)


def _compared(path: str, operator: str, value: str | None) -> Comparison:
    return Comparison(path, 0, operator, (Literal(value, 0),))


def _joined(word: str, parts: Sequence[Expression]) -> Expression:
    return parts[0] if len(parts) == 1 else Group(word, tuple(parts))


def _order(sort: str | None) -> str | None:
    if not sort:
        return None
    name = sort.removeprefix("-")
    if name not in ORDERS:
        raise _mistake("sort", query.unknown(name, ORDERS))
    return f"{'-' if sort != name else ''}{ORDERS[name]}"


def _mistake(name: str, words: str) -> Invalid:
    return Invalid(f"{name}: {words}", {name: [words]})
