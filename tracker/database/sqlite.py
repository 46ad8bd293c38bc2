"""The SQLite engine: WAL, one writing connection behind a lock, readers of their own."""

import asyncio
import sqlite3
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from tracker import errors, files
from tracker.database import folding, migrations
from tracker.database.interface import (
    Database,
    DatabaseUnusable,
    Lane,
    Params,
    Reader,
    Row,
    Transaction,
)
from tracker.database.translation import is_busy, translated

_BUSY_TIMEOUT = 5.0
_PAUSE = 0.05
_SECONDS = 5.0
"""What work that may be slow may take, its waiting for others included."""

_STEPS = 1000
"""Of SQLite's machine, between two looks at the clock: a single one may search through a text."""
_OLDEST = (3, 35, 0)  # RETURNING

T = TypeVar("T")


async def _to_the_end(awaitable: Awaitable[T]) -> T:
    """Await to the end even when this task is cancelled meanwhile; the cancellation follows.

    A statement that runs in the driver's thread can't be called back: whoever lets go of it
    early leaves a transaction open for the next one to fall into.
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
        task.exception()  # retrieved, so that nobody warns about it
        raise cancelled
    return task.result()


class _SqliteReader(Reader):
    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def all(self, sql: str, params: Params | None = None) -> Sequence[Row]:
        with translated():
            return list(await self._connection.execute_fetchall(sql, dict(params or {})))

    async def stream(
        self, sql: str, params: Params | None = None, *, size: int = 1000
    ) -> AsyncGenerator[Sequence[Row]]:
        with translated():
            async with self._connection.execute(sql, dict(params or {})) as cursor:
                while rows := await cursor.fetchmany(size):
                    yield list(rows)


class _SqliteTransaction(_SqliteReader, Transaction):
    async def run(self, sql: str, params: Params | None = None) -> int:
        with translated():
            cursor = await self._connection.execute(sql, dict(params or {}))
            count: int = cursor.rowcount
            await cursor.close()
            return count

    async def many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        with translated():
            cursor = await self._connection.executemany(sql, rows)
            await cursor.close()


class _Direct(Reader):
    """A reader in the connection's own thread: nothing that it does waits."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def all(self, sql: str, params: Params | None = None) -> Sequence[Row]:
        return self._connection.execute(sql, params or {}).fetchall()

    async def stream(
        self, sql: str, params: Params | None = None, *, size: int = 1000
    ) -> AsyncGenerator[Sequence[Row]]:
        cursor = self._connection.execute(sql, params or {})
        while rows := cursor.fetchmany(size):
            yield rows


class _DirectTransaction(_Direct, Transaction):
    async def all(self, sql: str, params: Params | None = None) -> Sequence[Row]:
        with translated():
            return await super().all(sql, params)

    async def run(self, sql: str, params: Params | None = None) -> int:
        with translated():
            return self._connection.execute(sql, params or {}).rowcount

    async def many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        with translated():
            self._connection.executemany(sql, rows)


def _in_transaction(
    connection: sqlite3.Connection, begin: str, coroutine: Coroutine[Any, Any, T]
) -> T:
    """Run the coroutine, which must not wait for anything, inside a transaction."""
    with translated():
        try:
            with closing(coroutine):
                connection.execute(begin)
                result = _result(coroutine)
            connection.execute("COMMIT")
            return result
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _result(coroutine: Coroutine[Any, Any, T]) -> T:
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise RuntimeError("Work for the database waits for something else.")


class SqliteDatabase(Database):
    """One SQLite file. Made by connect()."""

    def __init__(
        self,
        path: Path,
        stack: AsyncExitStack,
        writer: aiosqlite.Connection,
        reader: aiosqlite.Connection,
        *,
        is_durable: bool,
    ) -> None:
        self.path = path
        self._is_durable = is_durable
        self._stack = stack
        self._writer = writer
        self._lanes = {Lane.QUICK: reader}
        self._opening = asyncio.Lock()
        self._is_closing = False
        self._reader = _SqliteReader(reader)
        self._lock = asyncio.Lock()

    async def all(self, sql: str, params: Params | None = None) -> Sequence[Row]:
        return await self._reader.all(sql, params)

    def stream(
        self, sql: str, params: Params | None = None, *, size: int = 1000
    ) -> AsyncGenerator[Sequence[Row]]:
        return self._reader.stream(sql, params, size=size)

    async def read(
        self, work: Callable[[Reader], Coroutine[Any, Any, T]], *, lane: Lane = Lane.QUICK
    ) -> T:
        connection = self._lanes.get(lane) or await self._opened(lane)
        end = time.monotonic() + _SECONDS

        def is_over() -> bool:
            return self._is_closing or time.monotonic() > end

        async def limited(raw: sqlite3.Connection) -> T:
            # For the work alone: what ends the transaction must not be interrupted.
            raw.set_progress_handler(is_over, _STEPS)
            try:
                return await work(_Direct(raw))
            finally:
                raw.set_progress_handler(None, 0)

        def run() -> T:
            raw = connection._conn
            if lane is Lane.QUICK:
                return _in_transaction(raw, "BEGIN", work(_Direct(raw)))
            if is_over():
                raise errors.Unavailable("Too many searches are waiting.")
            return _in_transaction(raw, "BEGIN", limited(raw))

        return await _run(connection, run)

    async def _opened(self, lane: Lane) -> aiosqlite.Connection:
        """The connection of a lane, opened for its first work."""
        async with self._opening:
            if lane not in self._lanes:
                with translated():
                    connection = await self._stack.enter_async_context(_reader(self.path))
                self._lanes[lane] = connection
        return self._lanes[lane]

    async def write(self, work: Callable[[Transaction], Coroutine[Any, Any, T]]) -> T:
        def run() -> T:
            raw = self._writer._conn
            return _in_transaction(raw, "BEGIN IMMEDIATE", work(_DirectTransaction(raw)))

        async with self._lock:
            with self._noted():
                return await _to_the_end(_run(self._writer, run))

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
        async with self._lock, self._synchronous(durable):
            with self._noted():
                async with self._begun() as tx:
                    yield tx

    @asynccontextmanager
    async def _begun(self) -> AsyncIterator[Transaction]:
        try:
            with translated():
                await _to_the_end(self._writer.execute("BEGIN IMMEDIATE"))
            yield _SqliteTransaction(self._writer)
        except BaseException:
            await _to_the_end(self._rollback())
            raise
        try:
            with translated():
                await _to_the_end(self._writer.commit())
        except errors.TrackerError:
            await _to_the_end(self._rollback())
            raise

    @asynccontextmanager
    async def _synchronous(self, durable: bool) -> AsyncIterator[None]:
        """In WAL mode, NORMAL writes a commit without waiting; the next FULL one waits for all."""
        if durable or not self._is_durable:
            yield
            return
        await _to_the_end(self._writer.execute("PRAGMA synchronous = NORMAL"))
        try:
            yield
        finally:
            await _to_the_end(self._writer.execute("PRAGMA synchronous = FULL"))

    async def _rollback(self) -> None:
        if self._writer.in_transaction:
            await self._writer.rollback()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Reader]:
        async with AsyncExitStack() as stack:
            with translated():
                connection = await stack.enter_async_context(_reader(self.path))
                await connection.execute("BEGIN")
            yield _SqliteReader(connection)
            await connection.rollback()

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
        for lane, connection in self._lanes.items():
            if lane is not Lane.QUICK:
                await connection.interrupt()
        await self._stack.aclose()


async def _run(connection: aiosqlite.Connection, function: Callable[[], T]) -> T:
    """Call the function in the connection's thread."""
    result: T = await connection._execute(function)  # type: ignore[no-untyped-call]
    return result


def _connection(path: Path) -> aiosqlite.Connection:
    connection = aiosqlite.connect(path, isolation_level=None)
    # A process that ends by an error ends: it does not wait for a thread that nobody stops.
    connection._thread.daemon = True
    return connection


async def _prepare(connection: aiosqlite.Connection) -> None:
    connection.row_factory = sqlite3.Row
    await connection.create_function("fold", 1, folding.Folding(), deterministic=True)
    await connection.execute(f"PRAGMA busy_timeout = {int(_BUSY_TIMEOUT * 1000)}")


@asynccontextmanager
async def _reader(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    """A connection that only reads."""
    async with _connection(path) as connection:
        await _prepare(connection)
        await connection.execute("PRAGMA query_only = ON")
        yield connection


async def connect(path: Path, *, durable: bool = True) -> SqliteDatabase:
    """Open the SQLite file at path, made with the schema when it is new, migrated when it is older.

    durable=False is for a scratch file that nobody misses after a crash.
    Raises DatabaseUnusable with one sentence; the file is then untouched.
    """
    if sqlite3.sqlite_version_info < _OLDEST:
        raise DatabaseUnusable(
            f"SQLite {sqlite3.sqlite_version} is too old: 3.35 or newer is needed."
        )
    async with AsyncExitStack() as stack:
        try:
            files.make_folder(path.parent)
            files.make_file(path)  # its WAL and index of it get its mode from SQLite
            writer = await stack.enter_async_context(_connection(path))
            await _prepare(writer)
            await migrations.ensure_schema(writer, path)
            await _use_wal(writer)
            await writer.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
            await writer.execute("PRAGMA journal_size_limit = 67108864")
            await writer.execute("PRAGMA foreign_keys = ON")
            reader = await stack.enter_async_context(_reader(path))
        except (sqlite3.Error, OSError) as error:
            raise DatabaseUnusable(f"The database {path} can't be opened: {error}.") from error
        return SqliteDatabase(path, stack.pop_all(), writer, reader, is_durable=durable)
    raise AssertionError("unreachable")


async def _use_wal(writer: aiosqlite.Connection) -> None:
    """Switch to WAL; SQLite does not wait here when another process opens the file as well."""
    for _ in range(int(_BUSY_TIMEOUT / _PAUSE)):
        try:
            await writer.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            await asyncio.sleep(_PAUSE)
    await writer.execute("PRAGMA journal_mode = WAL")
