"""Parts of long lists: which one is asked for, and what came of it.

A part is cut from an index of keys first and filled with whole rows afterwards, so that a far one
costs an index walk and no more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tracker.database import Row
from tracker.query import Selection

T = TypeVar("T")
U = TypeVar("U")

Key = tuple[str | int | None, ...]
"""Where something stands in its list: what the list is sorted by, if it is, and the row's key."""

_LARGEST = 1 << 63
"""No database binds a whole number of that size."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list.

    items are its members, size counts the whole list, last is the last item's key where the list
    goes on and None where it ends here.
    """

    items: Sequence[T]
    size: int
    last: Key | None

    def each(self, make: Callable[[T], U]) -> "Page[U]":
        """The same part of the list, of what make makes of its items."""
        return Page([make(item) for item in self.items], self.size, self.last)


@dataclass(frozen=True, slots=True)
class Listing:
    """Which part of which list is asked for.

    At most limit of the selected items: those behind the key `after` if it is given, else those
    behind the first `offset` ones. Nulls are last, whatever the direction.
    """

    selection: Selection
    limit: int = 20
    offset: int = 0
    after: Key | None = None

    def sql(self, columns: str, joins: str, tail: str = "") -> str:
        """The query for the part: its rows, unordered, and the list's size beside each.

        joins bring in the columns by `part.id`, which is the catalogue's key, as LEFT JOINs: an
        empty part is one row without them. It goes with params and the answer with page().
        """
        catalogue, order = self.selection.catalogue, self.selection.order
        rank = order.rank if order else "NULL"
        rows = f"""SELECT {catalogue.key} AS id, {rank} AS place
                     FROM {catalogue.table} {catalogue.joins} WHERE {catalogue.within}"""
        if self.selection.condition:
            # Once for the size and the part: the condition may be dear.
            found = f"found AS MATERIALIZED ({rows} AND {self.selection.condition}),"
            total = "SELECT count(*) AS size FROM found"
            part = f"SELECT id, place FROM found WHERE TRUE{self._cut('place', 'id')}"
        else:
            found = ""
            count = f"SELECT count(*) AS size FROM {catalogue.table} WHERE {catalogue.within}"
            total = catalogue.size or count
            part = f"{rows}{self._cut(rank, catalogue.key)}"
        return f"""WITH {found} total AS ({total}), part AS ({part})
            SELECT total.size, part.id AS part_id, part.place AS part_place, {columns}
              FROM total LEFT JOIN part ON TRUE {joins} {tail}"""

    @property
    def params(self) -> dict[str, object]:
        """The values of sql()'s own placeholders; it asks for one more than the limit, which says
        whether the list goes on, and for nothing where only the size is wanted."""
        params = {**self.selection.params, "limit": self.limit and self.limit + 1}
        if self.after is None:
            return {**params, "offset": self.offset}
        return {**params, "after_place": self.after[0], "after_id": self.after[-1]}

    def _cut(self, place: str, key: str) -> str:
        """What stands behind the WHERE clause of the keys: where the part begins, and its order."""
        turn = " DESC" if self.selection.is_descending else ""
        order = self.selection.order
        columns = [f"{key}{turn}"] if order is None else [f"{place}{turn}", f"{key}{turn}"]
        if order is not None and order.nullable:
            columns.insert(0, f"{place} IS NULL")
        tail = f" ORDER BY {', '.join(columns)} LIMIT :limit"
        return (
            f"{tail} OFFSET :offset" if self.after is None else f"{self._behind(place, key)}{tail}"
        )

    def _behind(self, place: str, key: str) -> str:
        order, than = self.selection.order, "<" if self.selection.is_descending else ">"
        if order is None or (self.after is not None and self.after[0] is None):
            unknown = "" if order is None else f"AND {place} IS NULL "
            return f" {unknown}AND {key} {than} :after_id"
        behind = f"({place}, {key}) {than} (:after_place, :after_id)"
        return f" AND ({behind} OR {place} IS NULL)" if order.nullable else f" AND {behind}"

    def page(self, rows: Sequence[Row], make: Callable[[Sequence[Row]], Sequence[T]]) -> Page[T]:
        """The page in the answer to sql().

        make turns its rows, which come in the list's order, into an item for each key. (The rows
        of one key stay in the order that sql()'s tail gave them.)
        """
        # By position, as sql() puts them: size, part_id, part_place.
        if not rows or rows[0][1] is None:
            return Page([], rows[0][0] if rows else 0, None)
        turned = self.selection.is_descending

        def place(row: Row) -> tuple[bool, object, int]:
            return (row[2] is None) is not turned, row[2], row[1]

        # Sorted here, because a database would carry the texts through its sorter.
        ordered = sorted(rows, key=place, reverse=turned)
        places = {row[1]: row[2] for row in ordered}
        last: Key | None = None
        if len(places) > self.limit:
            key = list(places)[self.limit - 1]
            last = (key,) if self.selection.order is None else (places[key], key)
        return Page(make(ordered)[: self.limit], rows[0][0], last)


def is_key(selection: Selection, key: object) -> bool:
    """Whether that could be the key of something in this selection's order."""
    if not isinstance(key, list | tuple):
        return False
    order = selection.order
    types: list[tuple[type, ...]] = [(int,)]
    if order is not None:
        types.insert(0, (order.rank_type, type(None)) if order.nullable else (order.rank_type,))
    return len(key) == len(types) and all(
        type(part) in allowed and (not isinstance(part, int) or abs(part) < _LARGEST)
        for part, allowed in zip(key, types, strict=True)
    )
