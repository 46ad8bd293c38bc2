"""What the core may ask of a database."""

import time
from abc import ABC, abstractmethod
from collections.abc import (
    AsyncGenerator,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager
from enum import IntEnum, auto
from typing import Any, NamedTuple, Protocol, TypeVar

from tracker.errors import TrackerError

T = TypeVar("T")

Params = Mapping[str, object]


class Row(Protocol):
    """One row: values by column name or by position."""

    def __getitem__(self, key: str | int, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...

    def keys(self) -> list[str]: ...


class Lane(IntEnum):
    """How expensive a read may be, from the cheapest to the most expensive.

    Each has a connection of its own and does not delay the others.
    """

    QUICK = auto()
    """It costs what it finds."""
    ROWS = auto()
    """It may look at every row of a list, and at no long text."""
    TEXTS = auto()
    """It may look at every text."""


class Duplicate(Exception):
    """A row breaks a unique key. The core turns this into an error of its own.

    columns are those of the key, such as ("account.username",); of one that is made of expressions
    there are none.
    """

    def __init__(self, columns: tuple[str, ...]) -> None:
        super().__init__(", ".join(columns))
        self.columns = columns


class BrokenReference(Exception):
    """A row breaks a foreign key. The core turns this into an error of its own."""


class WouldWait(Exception):
    """Work that is done without waiting would take too long, or meets a lock."""


class DatabaseUnusable(TrackerError):
    """The database can't be opened, or is damaged; str(error) is one sentence that says why."""


class Revision(NamedTuple):
    """What an answer about a tracker was made of: the same revisions, the same answer, as long as
    the caller's token does not expire.

    rights moves with every write that may alter who asks, what they may see or do, and the names
    of people, workspaces and repositories (triggers in schema.sql); tracker with every write to
    that tracker (trackers.count_write). Rendered HTML that is stored beside texts moves neither.
    """

    rights: int
    tracker: int


class Reader(ABC):
    """Something that answers SELECTs."""

    @abstractmethod
    async def all(self, sql: str, params: Params | None = None) -> Sequence[Row]:
        """Every row of the answer."""

    async def one(self, sql: str, params: Params | None = None) -> Row | None:
        """The first row, or None."""
        rows = await self.all(sql, params)
        return rows[0] if rows else None

    @abstractmethod
    def stream(
        self, sql: str, params: Params | None = None, *, size: int = 1000
    ) -> AsyncGenerator[Sequence[Row]]:
        """The answer in lists of at most size rows: memory does not grow with it."""

    @abstractmethod
    async def revision(self, tracker_id: int) -> Revision:
        """The revisions of rights and of a tracker in what this reader sees. Raises LookupError."""


class Transaction(Reader):
    """A writing transaction: all of it happens, or nothing."""

    @abstractmethod
    async def run(self, sql: str, params: Params | None = None) -> int:
        """Execute one statement; how many rows it touched. Raises Duplicate, BrokenReference."""

    async def returning(self, sql: str, params: Params | None = None) -> Row:
        """Execute a statement that gives a row, a SELECT or one with RETURNING; that row."""
        row = await self.one(sql, params)
        if row is None:
            raise LookupError("the statement returned no row")
        return row

    @abstractmethod
    async def defer_references(self) -> None:
        """Check foreign keys at the end of this transaction, instead of at each statement."""

    @abstractmethod
    async def many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Execute one statement (with ? placeholders) for each of the rows. Raises as run does."""


class Database(Reader):
    """A database that is open."""

    refused_on: float | None = None
    """When the disk was too full for the last write (time.monotonic()); None when it was not."""

    def note_full(self) -> None:
        """Remember that the disk was too full for a write, one of a file included."""
        self.refused_on = time.monotonic()

    @abstractmethod
    async def read(
        self, work: Callable[[Reader], Coroutine[Any, Any, T]], *, lane: Lane = Lane.QUICK
    ) -> T:
        """What work makes of one state of the database.

        work may wait for its reader and for nothing else: it runs from its beginning to its end
        where the database is, so that a request costs one way there and back and not one for each
        SELECT. In the other lanes than QUICK it raises errors.Invalid when it takes too long, and
        errors.Unavailable when it waits too long for others in its lane.
        """

    @abstractmethod
    def read_now(self, work: Callable[[Reader], Coroutine[Any, Any, T]]) -> T:
        """As read(), of work that is QUICK, without waiting. Raises WouldWait where it can't be."""

    @abstractmethod
    async def write(
        self,
        work: Callable[[Transaction], Coroutine[Any, Any, T]],
        *,
        durable: bool = True,
        short: bool = False,
    ) -> T:
        """What work makes in one transaction; like read()'s, it may wait for its database only.

        short work takes a few milliseconds at most. It may share a durable transaction with other
        short work, is undone alone where it fails, and may be called again when the others fail.

        Raises as transaction() does; durable is the same as there.
        """

    @abstractmethod
    def transaction(self, *, durable: bool = True) -> AbstractAsyncContextManager[Transaction]:
        """A writing transaction, one at a time in a process; rolls back on any exception.

        durable=False does not wait for the disk: a power failure may take it back, together with
        whatever was written after it, unless a durable one was. For what can be made again.

        Raises errors.Unavailable when another process holds the write lock for too long or the disk
        fails, errors.StorageFull when it is full.
        """

    @abstractmethod
    def snapshot(self) -> AbstractAsyncContextManager[Reader]:
        """A reader that sees one state of the database until it closes, whatever others write."""

    async def run(self, sql: str, params: Params | None = None, *, durable: bool = True) -> int:
        """One statement in a transaction of its own; the number of rows it touched."""
        async with self.transaction(durable=durable) as tx:
            return await tx.run(sql, params)

    @abstractmethod
    def generation(self) -> int | None:
        """A number that stays the same as long as nothing is committed, by any process.

        It may move without a commit, too. It compares with other ones of this object only. None
        where it can't be told without waiting.
        """

    @abstractmethod
    async def check(self) -> list[str]:
        """Sentences about what is broken inside the database file; empty when it is sound."""

    @abstractmethod
    async def close(self) -> None:
        """Close every connection."""
