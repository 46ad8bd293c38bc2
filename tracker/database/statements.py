"""Statements on a connection of SQLite, and work that is one function of them.

What takes microseconds is read on the event loop's own thread: a trip to another one costs more.
"""

import math
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, TypeVar

from tracker import errors
from tracker.database import connections
from tracker.database.interface import Params, Reader, Revision, Row, Transaction, WouldWait
from tracker.database.translation import raise_ours, translated

_LOOP_SECONDS = 0.01
"""What work may take on the event loop, because everything else waits for it."""

STEPS = 1000
"""Of SQLite's machine, between two looks at the clock: a single one may search through a text."""

_REVISION = """
SELECT c.value, t.revision FROM counter c, tracker t
 WHERE c.name = 'rights' AND t.id = :tracker"""

T = TypeVar("T")


class Connection(Protocol):
    """What is used of aiosqlite's connection, and what AtOnce has of it, too."""

    async def execute_fetchall(self, sql: str, parameters: Any) -> Iterable[Row]: ...

    async def execute(self, sql: str, parameters: Any) -> Any: ...

    async def executemany(self, sql: str, parameters: Iterable[Sequence[object]]) -> Any: ...


class AtOnce:
    """A connection of sqlite3 in the thread that uses it, where nothing is waited for."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def execute_fetchall(self, sql: str, parameters: Any) -> Iterable[Row]:
        """Every row of a statement."""
        return self._connection.execute(sql, parameters).fetchall()

    async def execute(self, sql: str, parameters: Any) -> "_Cursor":
        """Execute a statement; its cursor."""
        return _Cursor(self._connection.execute(sql, parameters))

    async def executemany(self, sql: str, parameters: Iterable[Sequence[object]]) -> "_Cursor":
        """Execute a statement for each of the rows; its cursor."""
        return _Cursor(self._connection.executemany(sql, parameters))


class _Cursor:
    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        self.rowcount = cursor.rowcount

    async def fetchmany(self, size: int) -> list[Row]:
        return self._cursor.fetchmany(size)

    async def close(self) -> None:
        self._cursor.close()


class SqliteReader(Reader):
    """Answers SELECTs on a connection, which waits for its thread or is in it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(self, sql: str, params: Params | None = None) -> Sequence[Row]:
        try:
            return list(await self._connection.execute_fetchall(sql, params or {}))
        except sqlite3.Error as error:
            raise_ours(error)

    async def one(self, sql: str, params: Params | None = None) -> Row | None:
        try:
            rows = await self._connection.execute_fetchall(sql, params or {})
        except sqlite3.Error as error:
            raise_ours(error)
        return next(iter(rows), None)

    async def stream(
        self, sql: str, params: Params | None = None, *, size: int = 1000
    ) -> AsyncGenerator[Sequence[Row]]:
        with translated():
            cursor = await self._connection.execute(sql, params or {})
            try:
                while rows := await cursor.fetchmany(size):
                    yield list(rows)
            finally:
                await cursor.close()

    async def revision(self, tracker_id: int) -> Revision:
        row = await self.one(_REVISION, {"tracker": tracker_id})
        if row is None:
            raise LookupError(f"There is no tracker {tracker_id}.")
        return Revision(*row)


class SqliteTransaction(SqliteReader, Transaction):
    """A writing transaction on a connection."""

    async def run(self, sql: str, params: Params | None = None) -> int:
        try:
            cursor = await self._connection.execute(sql, params or {})
        except sqlite3.Error as error:
            raise_ours(error)
        count: int = cursor.rowcount
        await cursor.close()
        return count

    async def returning(self, sql: str, params: Params | None = None) -> Row:
        row = await self.one(sql, params)
        if row is None:
            raise LookupError("the statement returned no row")
        return row

    async def defer_references(self) -> None:
        await self.run("PRAGMA defer_foreign_keys = ON")

    async def many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        with translated():
            cursor = await self._connection.executemany(sql, rows)
            await cursor.close()


def in_transaction(
    connection: sqlite3.Connection, begin: str, coroutine: Coroutine[Any, Any, T]
) -> T:
    """Run the coroutine, which must not wait for anything, inside a transaction."""
    try:
        with closing(coroutine):
            connection.execute(begin)
            result = result_of(coroutine)
        connection.execute("COMMIT")
        return result
    except BaseException as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if isinstance(error, sqlite3.Error):
            raise_ours(error)
        raise


def result_of(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that waits for nothing. Raises RuntimeError for one that does."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise RuntimeError("Work for the database waits for something else.")


class LoopReader:
    """A connection that reads, used by the event loop's thread alone."""

    def __init__(self, path: Path) -> None:
        """Open the connection. Raises sqlite3.Error."""
        self._connection = connections.open_reader(path)
        self._connection.execute("PRAGMA busy_timeout = 0")
        self._reader = SqliteReader(AtOnce(self._connection))
        self._end = math.inf
        self._connection.set_progress_handler(lambda: time.monotonic() > self._end, STEPS)

    def read(self, work: Callable[[Reader], Coroutine[Any, Any, T]]) -> T:
        """What work makes of one state of the database, as Database.read() does it.

        Raises WouldWait for work that has to be done elsewhere.
        """
        self._end = time.monotonic() + _LOOP_SECONDS
        try:
            return in_transaction(self._connection, "BEGIN", self._limited(work))
        except errors.TrackerError as error:
            if isinstance(error.__cause__, sqlite3.Error):
                raise WouldWait from error
            raise

    async def _limited(self, work: Callable[[Reader], Coroutine[Any, Any, T]]) -> T:
        try:
            return await work(self._reader)
        finally:
            self._end = math.inf  # what ends the transaction must not be interrupted

    def generation(self) -> int | None:
        """A number that moves with every commit of other connections; None while it is locked."""
        try:
            [number] = self._connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            return None
        return int(number)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
