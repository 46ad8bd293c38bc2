"""What a list can be asked: its fields by their paths in the JSON document, and their SQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from tracker.database import Lane


class Type(Enum):
    """What a field's values are, and so what they can be compared with."""

    TEXT = auto()
    """Texts, in the order of their code points."""
    WORD = auto()
    """One of some words, in an order of their own."""
    NUMBER = auto()
    """Whole numbers of at most 2^52."""
    TIME = auto()
    """Times as tracker.clock writes them."""
    FLAG = auto()
    """0 or 1."""
    OBJECT = auto()
    """Something that is there or is null; no more can be asked of it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a list's items.

    sql is its value in the catalogue's tables; folded is a column that keeps it folded, where there
    is one; words are those of a WORD from least to most. A list can't be sorted by what is not
    sortable: a key of `next` holds the value (texts without bounds don't fit). lane is TEXTS where
    reading it from all rows reads long texts, also where these only come before it in the row.
    """

    sql: str
    holds: Type = Type.TEXT
    nullable: bool = False
    words: tuple[str, ...] = ()
    folded: str | None = None
    sortable: bool = True
    lane: Lane = Lane.ROWS

    @property
    def has_ranks(self) -> bool:
        """Whether its words are not in alphabetical order."""
        return list(self.words) != sorted(self.words)

    @property
    def rank(self) -> str:
        """SQL of what the list is sorted by: the value, or the place of a word among the words."""
        if not self.has_ranks:
            return self.sql
        cases = " ".join(f"WHEN '{word}' THEN {place}" for place, word in enumerate(self.words))
        return f"CASE {self.sql} {cases} END"

    @property
    def rank_type(self) -> type:
        """What rank is in Python: int or str."""
        is_number = self.has_ranks or self.holds in (Type.NUMBER, Type.FLAG)
        return int if is_number else str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A list: where its rows are, and what may be asked of them.

    table is what the rows are in ("issue i"), within the condition that makes them this list, key
    a whole number that tells them apart. joins are LEFT JOINs that the columns need, each of at
    most one row, so that the database leaves out those that a query does not use. order is the
    sort that holds when none is asked for; None is the order of the keys. size is a query for the
    number of rows, where there is a quicker one than counting them (column `size`). lane is TEXTS
    where that holds for all of its columns.
    """

    table: str
    within: str
    key: str
    columns: Mapping[str, Column]
    joins: str = ""
    order: str | None = None
    size: str | None = None
    lane: Lane = Lane.ROWS
