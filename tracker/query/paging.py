"""Parts of long lists: which part is asked for, and the page that answers it.

A part is cut from an index of keys first and filled with whole rows afterwards, so that a far one
costs an index walk and no more. A list is counted before: then its far parts are cut from its end.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from tracker.database import Lane, Params, Reader, Row, trigrams
from tracker.database.sql import by_index, elements, without_index
from tracker.query import Selection
from tracker.query.anchors import EVERY, Anchors
from tracker.query.anchors import Key as Key
from tracker.query.frequencies import Frequencies

T = TypeVar("T")
U = TypeVar("U")

_FAR = 1000
"""Keys that a quick part may leave out."""

_SORTED = 1
"""How many rows can be walked past in an index while one is found elsewhere and sorted."""

_FEW = 1000
"""Rows that are all looked at; of longer lists so many candidates, or every fourth row."""

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
class Hints:
    """What is known of long lists; without it they are found, too, and take longer."""

    anchors: Anchors = field(default_factory=Anchors)
    frequencies: Frequencies = field(default_factory=Frequencies)


@dataclass(frozen=True, slots=True)
class Listing:
    """Which part of which list is asked for.

    At most limit of the selected items: those behind the key `after` if it is given, else those
    behind the first `offset` ones. Nulls are last, whatever the direction. counted=False does not
    ask for the list's size: who reads a long list part by part would have it counted each time.
    hints are used for far parts of a tracker's list and for searches.
    """

    selection: Selection
    limit: int = 20
    offset: int = 0
    after: Key | None = None
    counted: bool = True
    hints: Hints | None = None

    @property
    def lane(self) -> Lane:
        """What it takes to find the part; a far one is walked to from an end of the list."""
        is_far = self.after is None and self.offset > _FAR
        return max(self.selection.lane, Lane.ROWS if is_far else Lane.QUICK)

    async def find(
        self,
        db: Reader,
        columns: str,
        joins: str,
        params: Params,
        make: Callable[[Sequence[Row]], Sequence[Any]] = list,
        tail: str = "",
    ) -> Page[Any]:
        """Read the part. db must see one state of the database all the time.

        joins bring in the columns by `part.id`, which is the catalogue's key, as LEFT JOINs. params
        are those of the catalogue, the columns and the joins. make turns the rows, which come in
        the list's order, into an item for each key. (The rows of one key stay in the order that
        the tail gives them.)
        """
        params = {**params, **self.selection.params}
        columns = f"part.id AS part_id, part.place AS part_place, {columns}"
        if self.counted and self.selection.condition and self.selection.lane is Lane.TEXTS:
            candidates = await self._candidates(db, params)
            sql = f"""{self._searched(candidates)} SELECT {columns}, total.size
                        FROM total LEFT JOIN part ON TRUE {joins} {tail}"""
            rows = await db.all(sql, {**params, **self.params, "candidates": candidates})
            size = rows[0]["size"]
            return self._page([row for row in rows if row[0] is not None], size, make)
        size, total = await self._size(db, params) if self.counted else (None, None)
        place = self._place(size)
        if not place.count:
            return Page([], size or 0, None)
        if self.hints is not None and place.offset > _FAR and self._is_walkable:
            place = await self._anchored(self.hints.anchors, db, params, place)
        sql = f"""WITH part AS ({self._part(place, size, total)})
                  SELECT {columns} FROM part {joins} {tail}"""
        rows = await db.all(sql, {**params, **self._bounds(place)})
        return self._page(rows, size or 0, make)

    def rows(self, columns: str) -> str:
        """The query for the part alone, in the list's order, for callers that may stop before its
        end. columns are of the catalogue's tables; it goes with params."""
        key = self.selection.catalogue.key
        return f"{self._all(columns)}{self._cut(self._rank, key, self._place(None))}"

    @property
    def params(self) -> dict[str, object]:
        """The values of the placeholders in rows(); it asks for one more than the limit, which says
        whether the list goes on, and for nothing where only the size is wanted."""
        return {**self.selection.params, **self._bounds(self._place(None))}

    def _bounds(self, place: "_Place") -> dict[str, object]:
        bounds: dict[str, object] = {"limit": place.count, "offset": place.offset}
        if place.after is not None:
            bounds.update(after_place=place.after[0], after_id=place.after[-1])
        return bounds

    async def _size(self, db: Reader, params: Params) -> tuple[int, int | None]:
        """The sizes of the list, and of the whole that its condition selects from, if told."""
        catalogue, condition = self.selection.catalogue, self.selection.condition
        count = f"SELECT count(*) FROM {catalogue.table}"
        whole = catalogue.size or f"{count} WHERE {catalogue.within}"
        if not condition:
            return await _number(db, whole, params), None
        if catalogue.counts and self.selection.is_counted:
            sql = f"{catalogue.counts} AND {condition}"
        else:
            where = f"{catalogue.within} AND {condition}"
            sql = f"{count} {catalogue.joined(where)} WHERE {where}"
        total = await _number(db, whole, params) if self._is_walkable else None
        return await _number(db, sql, params), total

    def _place(self, size: int | None) -> "_Place":
        """Where the part is: counted from the nearer end, if the size is known.

        One more than the limit is asked for: that says whether the list goes on.
        """
        count = self.limit and self.limit + 1
        if self.after is not None:
            return _Place(0, count, after=self.after)
        if size is None:
            return _Place(self.offset, count)
        count = max(0, min(count, size - self.offset))
        if self.offset > size // 2:
            return _Place(size - self.offset - count, count, is_turned=True)
        return _Place(self.offset, count)

    @property
    def _is_walkable(self) -> bool:
        """Whether an index has the list in the order that is asked for."""
        catalogue = self.selection.catalogue
        return catalogue.walked is not None and self.selection.is_usual

    def _part(self, place: "_Place", size: int | None, total: int | None) -> str:
        """The query for the keys of the part, unordered.

        Where many rows match, the index that has the list's order is walked until enough of them
        are found; where few do, they are found by other indexes and sorted.
        """
        catalogue, key = self.selection.catalogue, self.selection.catalogue.key
        rank, table = self._rank, catalogue.table
        if total is not None and size:
            is_walked = (place.offset + place.count) * total / size < _SORTED * size
            if is_walked and catalogue.walked is not None:
                table = by_index(table, catalogue.walked)
            elif self.selection.is_counted and catalogue.filtered is not None:
                table = by_index(table, catalogue.filtered)
            else:
                rank = without_index(rank)
        keys = self._all(f"{catalogue.key} AS id, {self._rank} AS place", table)
        return f"{keys}{self._cut(rank, key, place)}"

    async def _anchored(
        self, anchors: Anchors, db: Reader, params: Params, place: "_Place"
    ) -> "_Place":
        """The place, counted from an anchor if there is a nearer one."""
        tracker, selection = params["tracker"], self.selection
        name = (tracker, selection.condition, *selection.params.items(), selection.is_descending)
        anchored = anchors.of(name, await db.revision(int(str(tracker))))
        if anchored.is_worth:
            rows = await db.all(self._anchor_keys(), {**params, "every": EVERY})
            anchored.keys = [tuple(row) for row in rows]
        found = anchored.before(self.offset)
        if found is None or self.offset - found[0] > place.offset:
            return place
        return _Place(self.offset - found[0], place.count, after=found[1])

    def _anchor_keys(self) -> str:
        """The query for the keys of every so many items, in the list's order."""
        key, rank = self.selection.catalogue.key, self._rank
        order = self._order(rank, key)
        columns = f"{rank} AS place, {key} AS id, row_number() OVER (ORDER BY {order}) AS ordinal"
        return f"""SELECT place, id FROM ({self._all(columns)}) AS numbered
                    WHERE ordinal % :every = 0 ORDER BY ordinal"""

    async def _candidates(self, db: Reader, params: Params) -> str | None:
        """The keys of rows that may match, as a JSON array, where the index knows few; or None."""
        catalogue, needles = self.selection.catalogue, self.selection.needles
        if needles is None or catalogue.candidates is None or catalogue.size is None:
            return None
        total = await _number(db, catalogue.size, params)
        if total <= _FEW:
            return None
        frequencies = self.hints.frequencies if self.hints else Frequencies()
        await frequencies.learn(db)
        match = trigrams.expression(needles, frequencies.share)
        if match is None:
            return None
        most = max(_FEW, total // 4)
        values = {**params, "match": match, "most": most + 1}
        rows = await db.all(catalogue.candidates, values)
        return json.dumps([row[0] for row in rows]) if len(rows) <= most else None

    def _searched(self, candidates: str | None) -> str:
        """What find() reads from where the condition is expensive: it is looked at once, for the
        size and the part."""
        key = self.selection.catalogue.key
        table = None
        if candidates is not None:
            table = f"({elements(':candidates')}) x CROSS JOIN {self.selection.catalogue.table}"
        found = self._all(f"{key} AS id, {self._rank} AS place", table)
        if candidates is not None:
            found = f"{found} AND {key} = x.value"
        return f"""WITH found AS MATERIALIZED ({found}),
            total AS (SELECT count(*) AS size FROM found),
            part AS (SELECT id, place FROM found
                      WHERE TRUE{self._cut("place", "id", self._place(None))})"""

    @property
    def _rank(self) -> str:
        return self.selection.order.rank if self.selection.order else "NULL"

    def _all(self, columns: str, table: str | None = None) -> str:
        """The query for these columns of the whole list; a further condition may stand behind."""
        catalogue, condition = self.selection.catalogue, self.selection.condition
        where = f"{catalogue.within}{f' AND {condition}' if condition else ''}"
        joins = catalogue.joined(f"{columns} {where} {self._rank}")
        return f"SELECT {columns} FROM {table or catalogue.table} {joins} WHERE {where}"

    def _cut(self, rank: str, key: str, place: "_Place") -> str:
        """What stands behind the WHERE clause of the keys: where the part begins, and its order."""
        order = self._order(rank, key, is_turned=place.is_turned)
        behind = "" if place.after is None else self._behind(rank, key, place.after)
        return f"{behind} ORDER BY {order} LIMIT :limit OFFSET :offset"

    def _order(self, rank: str, key: str, *, is_turned: bool = False) -> str:
        """The list's order; is_turned counts from its end."""
        turn = " DESC" if self.selection.is_descending is not is_turned else ""
        order = self.selection.order
        columns = [f"{key}{turn}"] if order is None else [f"{rank}{turn}", f"{key}{turn}"]
        if order is not None and order.nullable:
            columns.insert(0, f"{rank} IS NULL{' DESC' if is_turned else ''}")
        return ", ".join(columns)

    def _behind(self, rank: str, key: str, after: Key) -> str:
        order, than = self.selection.order, "<" if self.selection.is_descending else ">"
        if order is None or after[0] is None:
            unknown = "" if order is None else f"AND {rank} IS NULL "
            return f" {unknown}AND {key} {than} :after_id"
        behind = f"({rank}, {key}) {than} (:after_place, :after_id)"
        return f" AND ({behind} OR {rank} IS NULL)" if order.nullable else f" AND {behind}"

    def _page(
        self, rows: Sequence[Row], size: int, make: Callable[[Sequence[Row]], Sequence[Any]]
    ) -> Page[Any]:
        """The page of rows whose first columns are part_id and part_place."""
        turned = self.selection.is_descending

        def place(row: Row) -> tuple[bool, object, int]:
            return (row[1] is None) is not turned, row[1], row[0]

        # Sorted here, because a database would carry the texts through its sorter.
        ordered = sorted(rows, key=place, reverse=turned)
        places = {row[0]: row[1] for row in ordered}
        last: Key | None = None
        if len(places) > self.limit:
            key = list(places)[self.limit - 1]
            last = (key,) if self.selection.order is None else (places[key], key)
        return Page(make(ordered)[: self.limit], size, last)


@dataclass(frozen=True, slots=True)
class _Place:
    """Which keys of a list: count ones behind the first offset ones, or before the last ones if it
    is turned, or behind the offset ones that follow the key."""

    offset: int
    count: int
    is_turned: bool = False
    after: Key | None = None


async def _number(db: Reader, sql: str, params: Params) -> int:
    [row] = await db.all(sql, params)
    return int(row[0])


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
