"""The SQLite engine: WAL, one writer at a time in a process, readers on connections of their own.

Work that is a single function runs from its beginning to its end in the thread of its connection
(statements.Thread), so it costs one trip there and back. Transactions and snapshots that wait for
other things between their statements run on connections of aiosqlite.
"""

import asyncio
import sqlite3
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Coroutine,
    Iterator,
    Sequence,
)
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from tracker import errors
from tracker.database import awaited, connections
from tracker.database.groups import Groups
from tracker.database.interface import (
    Database,
    DatabaseUnusable,
    Lane,
    Params,
    Reader,
    Revision,
    Row,
    Transaction,
    WouldWait,
)
from tracker.database.statements import (
    STEPS,
    AtOnce,
    LoopReader,
    SqliteReader,
    SqliteTransaction,
    Thread,
    in_transaction,
    to_the_end,
)
from tracker.database.translation import translated

_SECONDS = 5.0
"""What work in a slow lane may take, its waiting for others included."""


T = TypeVar("T")


class SqliteDatabase(Database):
    """One SQLite file. Made by connect()."""

    def __init__(self, path: Path, writer: Thread, reader: LoopReader, *, is_durable: bool) -> None:
        self.path = path
        self._is_durable = is_durable
        self._writer = writer
        self._reader = reader
        self._lanes: dict[Lane, Thread] = {}
        self._stack = AsyncExitStack()
        self._awaiting: aiosqlite.Connection | None = None
        self._opening = asyncio.Lock()
        self._is_closing = False
        self._lock = asyncio.Lock()
        self._groups = Groups(writer, self._lock, self._write_alone)

    async def all(self, sql: str, params: Params | None = None) -> Sequence[Row]:
        return await self.read(lambda reader: _all(reader, sql, params))

    async def revision(self, tracker_id: int) -> Revision:
        return await self.read(lambda reader: reader.revision(tracker_id))

    async def stream(
        self, sql: str, params: Params | None = None, *, size: int = 1000
    ) -> AsyncGenerator[Sequence[Row]]:
        async with (
            self.snapshot() as reader,
            aclosing(reader.stream(sql, params, size=size)) as parts,
        ):
            async for rows in parts:
                yield rows

    async def read(
        self, work: Callable[[Reader], Coroutine[Any, Any, T]], *, lane: Lane = Lane.QUICK
    ) -> T:
        if lane is Lane.QUICK:
            try:
                return self.read_now(work)
            except WouldWait:
                pass  # once more, in a thread, where nothing waits for it
        thread = self._lanes.get(lane) or await self._opened(lane)
        connection = thread.connection
        if lane is Lane.QUICK:
            return await thread.call(
                lambda: in_transaction(connection, "BEGIN", work(SqliteReader(AtOnce(connection))))
            )
        end = time.monotonic() + _SECONDS
        return await thread.call(lambda: self._limited(connection, work, end))

    def read_now(self, work: Callable[[Reader], Coroutine[Any, Any, T]]) -> T:
        return self._reader.read(work)

    def _limited(
        self,
        connection: sqlite3.Connection,
        work: Callable[[Reader], Coroutine[Any, Any, T]],
        end: float,
    ) -> T:
        """Run work as read() does, until time.monotonic() is end."""

        def is_over() -> bool:
            return self._is_closing or time.monotonic() > end

        async def limited() -> T:
            # For the work alone: what ends the transaction must not be interrupted.
            connection.set_progress_handler(is_over, STEPS)
            try:
                return await work(SqliteReader(AtOnce(connection)))
            finally:
                connection.set_progress_handler(None, 0)

        if is_over():
            raise errors.Unavailable("Too many searches are waiting.")
        return in_transaction(connection, "BEGIN", limited())

    async def _opened(self, lane: Lane) -> Thread:
        """The thread of a lane, started for its first work."""
        async with self._opening:
            if lane not in self._lanes:
                thread = Thread(partial(connections.open_reader, self.path))
                with translated():
                    await thread.start()
                self._lanes[lane] = thread
        return self._lanes[lane]

    async def write(
        self,
        work: Callable[[Transaction], Coroutine[Any, Any, T]],
        *,
        durable: bool = True,
        short: bool = False,
    ) -> T:
        with self._noted():
            if short:
                return await self._groups.write(work)
            async with self._lock:
                return await self._write_alone(work, durable=durable)

    async def _write_alone(
        self, work: Callable[[Transaction], Coroutine[Any, Any, T]], *, durable: bool = True
    ) -> T:
        """As write(), for whoever holds the lock."""
        connection = self._writer.connection
        db = SqliteTransaction(AtOnce(connection))

        def run() -> T:
            if durable or not self._is_durable:
                return in_transaction(connection, "BEGIN IMMEDIATE", work(db))
            # In WAL mode, NORMAL writes a commit without waiting; the next FULL one waits for all.
            connection.execute("PRAGMA synchronous = NORMAL")
            try:
                return in_transaction(connection, "BEGIN IMMEDIATE", work(db))
            finally:
                connection.execute("PRAGMA synchronous = FULL")

        return await to_the_end(self._writer.call(run))

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Remember whether the disk was too full for a write."""
        try:
            yield
        except errors.StorageFull:
            self.note_full()
            raise
        self.refused_on = None

    @asynccontextmanager
    async def transaction(self, *, durable: bool = True) -> AsyncIterator[Transaction]:
        async with self._lock:
            writer = await self._awaited_writer()
            async with awaited.synchronous(writer, wait=durable or not self._is_durable):
                with self._noted():
                    async with awaited.transaction(writer):
                        yield SqliteTransaction(writer)

    async def _awaited_writer(self) -> aiosqlite.Connection:
        """The writer of transaction(), opened for the first one: many processes have none."""
        if self._awaiting is None:
            opener = partial(connections.open_writer, self.path, is_durable=self._is_durable)
            with translated():
                self._awaiting = await self._stack.enter_async_context(awaited.connection(opener))
        return self._awaiting

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Reader]:
        async with AsyncExitStack() as stack:
            opener = partial(connections.open_reader, self.path)
            with translated():
                connection = await stack.enter_async_context(awaited.connection(opener))
                await connection.execute("BEGIN")
            yield SqliteReader(connection)
            await connection.rollback()

    def generation(self) -> int | None:
        return self._reader.generation()

    async def check(self) -> list[str]:
        found = []
        try:
            rows = await self.all("PRAGMA integrity_check")
            found += [str(row[0]) for row in rows if row[0] != "ok"]
            for row in await self.all("PRAGMA foreign_key_check"):
                missing = row["parent"]
                found.append(f"{row['table']} row {row['rowid']} refers to a missing {missing}")
        except DatabaseUnusable as error:
            found.append(error.message)
        return found

    async def close(self) -> None:
        self._is_closing = True  # for slow work that still waits for its turn
        for lane, thread in self._lanes.items():
            if lane is not Lane.QUICK:
                thread.connection.interrupt()
        await self._groups.close()
        await self._stack.aclose()
        for thread in (*self._lanes.values(), self._writer):
            await thread.stop()
        self._reader.close()


async def _all(reader: Reader, sql: str, params: Params | None) -> Sequence[Row]:
    return await reader.all(sql, params)
