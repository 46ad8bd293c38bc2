"""Statements on a connection of SQLite, and work that is one function of them."""

import sqlite3
from collections.abc import AsyncGenerator, Coroutine, Iterable, Sequence
from contextlib import closing
from typing import Any, Protocol, TypeVar

from tracker.database.interface import Params, Reader, Row, Transaction
from tracker.database.translation import raise_ours, translated

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
        return self._connection.execute(sql, parameters).fetchall()

    async def execute(self, sql: str, parameters: Any) -> "_Cursor":
        return _Cursor(self._connection.execute(sql, parameters))

    async def executemany(self, sql: str, parameters: Iterable[Sequence[object]]) -> "_Cursor":
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
    raise RuntimeError("Work for the database waits for something else.")
