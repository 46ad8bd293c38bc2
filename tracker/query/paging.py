"""Parts of long lists: which part is asked for, and the page that answers it.

A part is cut from an index of keys first and filled with whole rows afterwards, so that a far one
costs an index walk and no more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tracker.database import Lane, Row
from tracker.query import Selection

T = TypeVar("T")
U = TypeVar("U")

Key = tuple[str | int | None, ...]
"""Where something stands in its list: what the list is sorted by, if it is, and the row's key."""

_FAR = 1000
"""Keys that a quick part may leave out."""

_LARGEST = 1 << 63
"""No database binds a whole number of that size."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list.

    items are its members, size counts the whole list (0 where that was not asked for), last is the
    last item's key where the list goes on and None where it ends here.
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
    behind the first `offset` ones. Nulls are last, whatever the direction. counted=False does not
    ask for the list's size: who reads a long list part by part would have it counted each time.
    """

    selection: Selection
    limit: int = 20
    offset: int = 0
    after: Key | None = None
    counted: bool = True

    @property
    def lane(self) -> Lane:
        """What it takes to find the part; a far one is walked to from the list's beginning."""
        is_far = self.after is None and self.offset > _FAR
        return max(self.selection.lane, Lane.ROWS if is_far else Lane.QUICK)

    def sql(self, columns: str, joins: str, tail: str = "") -> str:
        """The query for the part: its rows, unordered, and the list's size beside each.

        joins bring in the columns by `part.id`, which is the catalogue's key, as LEFT JOINs: an
        empty part is one row without them. It goes with params and the answer with page().
        """
        catalogue = self.selection.catalogue
        keys = f"{catalogue.key} AS id, {self._rank} AS place"
        found, part = "", self.rows(keys)
        count = f"SELECT count(*) AS size FROM {catalogue.table} WHERE {catalogue.within}"
        total = catalogue.size or count
        if not self.counted:
            total = "SELECT 0 AS size"
        elif self.selection.condition:
            # Once for the size and the part: the condition may be expensive.
            found = f"found AS MATERIALIZED ({self._all(keys)}),"
            total = "SELECT count(*) AS size FROM found"
            part = f"SELECT id, place FROM found WHERE TRUE{self._cut('place', 'id')}"
        return f"""WITH {found} total AS ({total}), part AS ({part})
            SELECT total.size, part.id AS part_id, part.place AS part_place, {columns}
              FROM total LEFT JOIN part ON TRUE {joins} {tail}"""

    def rows(self, columns: str) -> str:
        """The query for the part alone, in the list's order, for callers that may stop before its
        end. columns are of the catalogue's tables; it goes with params."""
        return f"{self._all(columns)}{self._cut(self._rank, self.selection.catalogue.key)}"

    @property
    def params(self) -> dict[str, object]:
        """The values of sql()'s own placeholders; it asks for one more than the limit, which says
        whether the list goes on, and for nothing where only the size is wanted."""
        params = {**self.selection.params, "limit": self.limit and self.limit + 1}
        if self.after is None:
            return {**params, "offset": self.offset}
        return {**params, "after_place": self.after[0], "after_id": self.after[-1]}

    @property
    def _rank(self) -> str:
        return self.selection.order.rank if self.selection.order else "NULL"

    def _all(self, columns: str) -> str:
        """The query for these columns of the whole list; a further condition may stand behind."""
        catalogue, condition = self.selection.catalogue, self.selection.condition
        return f"""SELECT {columns} FROM {catalogue.table} {catalogue.joins}
                    WHERE {catalogue.within}{f" AND {condition}" if condition else ""}"""

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
