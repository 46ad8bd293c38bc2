"""From q and sort to SQL, by a list's catalogue.

The logic has two values, as in Bitbucket: what is null is not equal to anything and contains
nothing, so != and !~ hold for it.
"""

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from tracker import clock
from tracker.database import Lane, folding, trigrams
from tracker.database.sql import contains, fold
from tracker.errors import Invalid
from tracker.query.catalogue import Catalogue, Column, Type
from tracker.query.grammar import (
    Comparison,
    Expression,
    Group,
    Literal,
    mistake,
    parse,
    read_time,
    shown,
)
from tracker.settings import Limits

_OPPOSITES = {"!=": "=", "!~": "~", "NOT IN": "IN"}
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_BEYOND = 1 << 62
"""More than any number of ours, and still one that a database can compare with."""

_WANTED = {
    Type.TEXT: (str, 'a text in double quotes, like "text"'),
    Type.WORD: (str, 'a text in double quotes, like "text"'),
    Type.NUMBER: (Decimal, "a number"),
    Type.TIME: (datetime, "a time, like 2013-04-25T15:39:39+00:00"),
    Type.FLAG: (bool, "true or false"),
    Type.OBJECT: (type(None), "null"),
}
"""What a field of each type can be compared with (besides null, with = and !=)."""

_SEARCHES: dict[str, Callable[[str, str], str]] = {
    "~": contains,
    "^": lambda text, part: f"substr({text}, 1, length({part})) = {part}",
    "$": lambda text, part: f"substr({text}, length({text}) - length({part}) + 1) = {part}",
}
"""SQL of whether a folded text contains, begins or ends with another; of words q only asks the
first."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows of a list are wanted, in which order.

    condition is SQL in the catalogue's tables, with the placeholders in params ("" = all rows).
    order is what the rows are sorted by, then by their keys; None = by their keys only. lane is
    what it takes to find them. is_counted says that the condition asks for counted columns alone,
    is_usual that the order is the list's usual one. needles are texts that all of the
    rows have, where that is known.
    """

    catalogue: Catalogue
    order: Column | None
    is_descending: bool
    condition: str = ""
    params: Mapping[str, object] = field(default_factory=dict)
    lane: Lane = Lane.QUICK
    is_counted: bool = False
    is_usual: bool = False
    needles: trigrams.Needles | None = None


def select(
    catalogue: Catalogue, limits: Limits, *, q: str | None = None, sort: str | None = None
) -> Selection:
    """The rows that q and sort ask a list for; an empty one asks for nothing.

    Raises Invalid with fields q or sort, whose message says what is wrong and (in q) where.
    """
    return selected(catalogue, parse(q, limits) if q and q.strip() else None, sort)


def selected(
    catalogue: Catalogue, expression: Expression | None, sort: str | None = None
) -> Selection:
    """As select(), of an expression that is made already; None leaves all rows.

    Besides q's operators it may have ^ and $: begins and ends with.
    """
    order, is_descending = _order(catalogue, sort or catalogue.order)
    usual, _ = _order(catalogue, catalogue.order)
    compiler = _Compiler(catalogue)
    condition = "" if expression is None else compiler.condition(expression)
    if order not in (None, usual):
        compiler.look_at(order)
    return Selection(
        catalogue,
        order,
        is_descending,
        condition,
        compiler.params,
        compiler.lane,
        is_counted=compiler.is_counted,
        is_usual=order == usual,
        needles=None if expression is None else _needles(catalogue, expression),
    )


def _needles(catalogue: Catalogue, expression: Expression) -> trigrams.Needles | None:
    """Folded texts that every row has for which the expression is true; None: none is known."""
    if isinstance(expression, Group):
        found = [_needles(catalogue, part) for part in expression.parts]
        known = tuple(needles for needles in found if needles is not None)
        is_known = known if expression.word == "AND" else len(known) == len(found)
        return (expression.word, known) if is_known else None
    column = catalogue.columns[expression.path]
    if column.folded is None or expression.operator not in _SEARCHES:
        return None
    needle = _needle(expression)
    return needle if trigrams.is_usable(needle) else None


def _needle(written: Comparison) -> str:
    """The folded text that is searched for."""
    [literal] = written.literals
    return folding.fold(str(literal.value)) or ""


def _order(catalogue: Catalogue, sort: str | None) -> tuple[Column | None, bool]:
    if sort is None:
        return None, False
    path = sort.removeprefix("-")
    column = catalogue.columns.get(path)
    if column is None or not column.sortable:
        words = f"{shown(path)} has no order" if column else unknown(path, catalogue.columns)
        if "," in path:
            words = "a list can be sorted by one field only"
        raise Invalid(f"sort: {words}", {"sort": [words]})
    return (None if column.sql == catalogue.key else column), sort != path


def unknown(path: str, known: Iterable[str]) -> str:
    """The message for an unknown path."""
    return f"unknown field {shown(path)}{_suggestion(path, known)}"


def _suggestion(path: str, known: Iterable[str]) -> str:
    near = get_close_matches(path, known, 1)
    return f'; did you mean "{near[0]}"?' if near else ""


def _unfilterable(written: Comparison, known: Iterable[str]) -> Invalid:
    """The error for a field that the list does not have.

    It begins with Bitbucket's sentence, which calls fields of a list's items `.values.name`.
    """
    path = shown(f".values.{written.path}")
    place = f"column {written.column}{_suggestion(written.path, known)}"
    words = f"Field {path} does not support filtering ({place})"
    return Invalid(words, {"q": [words]})


class _Compiler:
    """Makes one condition, collects its parameters and says what lane it is for."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.params: dict[str, object] = {}
        self.lane = Lane.QUICK
        self.is_counted = True

    def look_at(self, column: Column) -> None:
        """Note that the column of every row may be read."""
        self.lane = max(self.lane, self._catalogue.lane, column.lane)

    def condition(self, expression: Expression) -> str:
        """SQL that is true where the expression is; elsewhere it is false or null."""
        if isinstance(expression, Group):
            # The deepest first and no needless parentheses: a database's parser has room for 100
            # open ones, and what stands to the left of one takes some of it.
            parts = sorted(expression.parts, key=_height, reverse=True)
            sql = f" {expression.word} ".join(map(self.condition, parts))
            return f"({sql})" if expression.word == "OR" else sql
        column = self._catalogue.columns.get(expression.path)
        if column is None:
            raise _unfilterable(expression, self._catalogue.columns)
        self.look_at(column)
        self.is_counted = self.is_counted and column.is_counted
        opposite = _OPPOSITES.get(expression.operator)
        sql = self._comparison(column, opposite or expression.operator, expression)
        return f"NOT coalesce({sql}, FALSE)" if opposite else sql

    def _comparison(self, column: Column, operator: str, written: Comparison) -> str:
        if operator in _SEARCHES:
            return self._searches(column, operator, written)
        if column.holds is Type.TIME:
            written = replace(written, literals=tuple(map(_as_time, written.literals)))
        if operator in _ORDERS:
            return self._compares(column, operator, written)
        values: list[object] = []
        for literal in written.literals:
            if column.holds is Type.OBJECT and literal.value is not None:
                raise mistake(literal.column, self._no_value(written.path))
            _check_type(column, written, literal)
            if literal.value is not None:
                values += self._equals(column, literal)
        tests = [column.is_among(", ".join(map(self._bind, values)))] if values else []
        if any(literal.value is None for literal in written.literals):
            tests.append(f"{column.sql} IS NULL")
        return f"({' OR '.join(tests)})" if tests else "FALSE"

    def _no_value(self, path: str) -> str:
        member = next(name for name in self._catalogue.columns if name.startswith(f"{path}."))
        one = f"one of its members like {shown(member)} with a text"
        return f"{shown(path)} is compared with null, or {one}"

    def _equals(self, column: Column, literal: Literal) -> Sequence[object]:
        """The value in the database that is equal to the literal, if there can be one."""
        value = literal.value
        if column.holds is Type.WORD and value not in column.words:
            raise mistake(literal.column, f"must be one of: {', '.join(column.words)}")
        if isinstance(value, Decimal):
            whole = _whole(value, "<=")
            return [whole] if whole == value else []
        return [clock.text(value)] if isinstance(value, datetime) else [value]

    def _searches(self, column: Column, operator: str, written: Comparison) -> str:
        [literal] = written.literals
        if column.holds not in (Type.TEXT, Type.WORD):
            raise mistake(written.column, f"{shown(written.path)} is no text: ~ and !~ need one")
        if not isinstance(literal.value, str):
            raise mistake(literal.column, f"~ and !~ need {_WANTED[Type.TEXT][1]}")
        needle = _needle(written)
        if column.holds is Type.WORD:
            return self._one_of(column, [word for word in column.words if needle in word])
        self.lane = Lane.TEXTS  # folding is expensive, too
        return _SEARCHES[operator](column.folded or fold(column.sql), self._bind(needle))

    def _compares(self, column: Column, operator: str, written: Comparison) -> str:
        [literal] = written.literals
        value = literal.value
        if value is None or column.holds in (Type.OBJECT, Type.FLAG):
            words = f"{shown(written.path)} has no order" if value is not None else "null has none"
            raise mistake(literal.column, f"{operator} compares by an order: {words}")
        _check_type(column, written, literal)
        if column.holds is Type.WORD:
            self._equals(column, literal)
            place, holds = column.words.index(str(value)), _ORDERS[operator]
            ranks = enumerate(column.words)
            return self._one_of(column, [word for rank, word in ranks if holds(rank, place)])
        if isinstance(value, Decimal):
            bound: object = _whole(value, operator)
        else:
            bound = clock.text(value) if isinstance(value, datetime) else value
        return f"{column.sql} {operator} {self._bind(bound)}"

    def _one_of(self, column: Column, words: Sequence[str]) -> str:
        return f"{column.sql} IN ({', '.join(map(self._bind, words))})" if words else "FALSE"

    def _bind(self, value: object) -> str:
        name = f"q{len(self.params)}"
        self.params[name] = value
        return f":{name}"


def _height(expression: Expression) -> int:
    """How many groups are inside one another."""
    return 1 + max(map(_height, expression.parts)) if isinstance(expression, Group) else 0


def _as_time(literal: Literal) -> Literal:
    """The literal, or the time that its text says."""
    if not isinstance(literal.value, str):
        return literal
    return replace(literal, value=read_time(literal.value, literal.column) or literal.value)


def _check_type(column: Column, written: Comparison, literal: Literal) -> None:
    wanted, words = _WANTED[column.holds]
    if literal.value is not None and not isinstance(literal.value, wanted):
        raise mistake(literal.column, f"{shown(written.path)} is compared with {words}")


def _whole(value: Decimal, operator: str) -> int:
    """The whole number that divides whole numbers, by this operator, as the value does."""
    if value.copy_abs() >= _BEYOND:
        return _BEYOND if value > 0 else -_BEYOND
    return math.floor(value) if operator in (">", "<=") else math.ceil(value)
