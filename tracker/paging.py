"""Parts of long lists: which one is asked for, and what came of it.

A part is cut from an index of keys first and filled with whole rows afterwards, so that a far one
costs an index walk and no more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tracker.database import Row

T = TypeVar("T")

Key = tuple[str | int, ...]
"""Where something stands in the order of its list."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is asked for.

    At most limit items: those behind the key `after` if it is given, else behind the first
    `offset` ones.
    """

    limit: int = 20
    offset: int = 0
    after: Key | None = None

    def tail(self, *columns: str, descending: bool = False) -> str:
        """The end of a query for keys that are unique in these columns: order and limit.

        It belongs behind a WHERE clause and goes with params(). It asks for one more than the
        limit, which says whether the list goes on.
        """
        order = ", ".join(f"{column} DESC" if descending else column for column in columns)
        tail = f" ORDER BY {order} LIMIT :limit"
        if self.after is None:
            return f"{tail} OFFSET :offset"
        places = ", ".join(f":after_{place}" for place in range(len(columns)))
        return f" AND ({', '.join(columns)}) {'<' if descending else '>'} ({places}){tail}"

    def params(self) -> dict[str, object]:
        """The values of tail()'s placeholders."""
        after = {f"after_{place}": value for place, value in enumerate(self.after or ())}
        return {"limit": self.limit + 1, "offset": self.offset, **after}


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list.

    items are its members, size counts the whole list, last is the last item's key where the list
    goes on and None where it ends here.
    """

    items: Sequence[T]
    size: int
    last: Key | None


def page(window: Window, size: int, items: Sequence[T], key: Callable[[T], Key]) -> Page[T]:
    """The page made of what a window's query found, which is one item more if there are more."""
    shown = items[: window.limit]
    return Page(shown, size, key(shown[-1]) if len(items) > window.limit else None)


def split(rows: Sequence[Row], key: str) -> tuple[int, Sequence[Row]]:
    """The size and the rows in the answer to a query that joins a list's `size` to its rows.

    Such a query answers one row for an empty part too; its column `key` is NULL then.
    """
    if not rows:
        return 0, []
    return rows[0]["size"], rows if rows[0][key] is not None else []
