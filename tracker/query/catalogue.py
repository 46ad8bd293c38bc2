"""What a list can be asked: its fields by their paths in the JSON document, and their SQL."""

import re
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
    is_counted says that the catalogue's counts have it. among is SQL of whether the value is among
    others, which stand for {}, where an index can find them quicker than by a look at every row.
    """

    sql: str
    holds: Type = Type.TEXT
    nullable: bool = False
    words: tuple[str, ...] = ()
    folded: str | None = None
    sortable: bool = True
    lane: Lane = Lane.ROWS
    is_counted: bool = False
    among: str | None = None

    def is_among(self, values: str) -> str:
        """SQL of whether it is one of the values, which are placeholders with commas."""
        return (self.among or f"{self.sql} IN ({{}})").format(values)

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
    most one row. order is the sort that holds when none is asked for; None is the order of the
    keys. size is a query for the number of rows, where there is a quicker one than counting them.
    lane is TEXTS where that holds for all of its columns.

    counts is a query for the number of rows with the same values in all columns that are counted,
    up to its WHERE clause, to which a condition on these columns can be added. walked is the index
    of the table that has the whole list in its usual order, with what conditions mostly ask;
    filtered is the one by which few rows with some values in counted columns are found. candidates
    is a query for at most :most keys of rows whose texts may match the index's expression :match.
    """

    table: str
    within: str
    key: str
    columns: Mapping[str, Column]
    joins: str = ""
    order: str | None = None
    size: str | None = None
    lane: Lane = Lane.ROWS
    counts: str | None = None
    walked: str | None = None
    filtered: str | None = None
    candidates: str | None = None

    def joined(self, sql: str) -> str:
        """Those of the joins that the SQL needs: it names the table with each column."""
        found = ""
        for join in reversed(_JOIN.split(self.joins)[1:]):
            if f"{join.split()[3]}." in f"{sql} {found}":
                found = f"{join} {found}"
        return found


_JOIN = re.compile(r"(?=LEFT JOIN)")
