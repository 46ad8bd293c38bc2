"""Statements on a connection of SQLite, work that is one function of them, and where it runs.

What takes microseconds is read on the event loop's own thread: a trip to another one costs more.
"""

import asyncio
import math
import sqlite3
import threading
import time
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Sequence,
)
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
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


class Thread:
    """A connection, and the one thread that uses it: function by function, in order.

    The thread is a daemon, so a process that ends by an error does not wait for it.
    """

    def __init__(self, open_connection: Callable[[], sqlite3.Connection]) -> None:
        self._open = open_connection
        self._queue: SimpleQueue[tuple[asyncio.Future[Any], Callable[[], Any]] | None] = (
            SimpleQueue()
        )
        self._thread = threading.Thread(target=self._serve, name="pail-sqlite", daemon=True)
        self._is_stopped = False
        self.connection: sqlite3.Connection

    async def start(self) -> None:
        """Open the connection. Raises sqlite3.Error."""
        self._thread.start()
        try:
            self.connection = await self.call(self._open)
        except BaseException:
            self._queue.put(None)
            raise

    async def call(self, function: Callable[[], T]) -> T:
        """What the function returns or raises, called in the thread.

        Once it is queued it is called, also when the task that awaits it is cancelled. Raises
        ValueError after stop().
        """
        if self._is_stopped:
            raise ValueError("The connection is closed.")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put((future, function))
        return await future

    async def stop(self) -> None:
        """Close the connection once what is queued is done, and end the thread; once is enough."""
        if self._is_stopped:
            return
        try:
            await self.call(self.connection.close)
        finally:
            self._is_stopped = True
            self._queue.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (item := self._queue.get()) is not None:
            future, function = item
            settle: Callable[[], None]
            try:
                settle = partial(_set_result, future, function())
            except BaseException as error:
                settle = partial(_set_exception, future, error)
            with suppress(RuntimeError):  # the loop has been closed: nothing waits any more
                future.get_loop().call_soon_threadsafe(settle)


def _set_result(future: "asyncio.Future[Any]", result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _set_exception(future: "asyncio.Future[Any]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


async def to_the_end(awaitable: Awaitable[T]) -> T:
    """Await to the end even when this task is cancelled meanwhile; the cancellation follows.

    A statement that runs in another thread can't be called back: leaving it early would leave a
    transaction open for the next one to fall into.
    """
    task = asyncio.ensure_future(awaitable)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled():
                raise
            cancelled = error
        except BaseException:  # noqa: S110 - it is raised by task.result() below
            pass
    if cancelled is not None:
        task.exception()  # retrieved, so that asyncio does not warn
        raise cancelled
    return task.result()
