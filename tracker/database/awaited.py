"""Connections of aiosqlite, for work that waits for other things between its statements."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiosqlite

from tracker import errors
from tracker.database.connections import BUSY_TIMEOUT
from tracker.database.statements import to_the_end
from tracker.database.translation import is_busy, translated

_PAUSE = 0.05


@asynccontextmanager
async def connection(
    open_connection: Callable[[], sqlite3.Connection],
) -> AsyncIterator[aiosqlite.Connection]:
    """A connection, closed at the end. Raises sqlite3.Error."""
    async with aiosqlite.Connection(open_connection, iter_chunk_size=64) as opened:
        yield opened


async def use_wal(connection: aiosqlite.Connection) -> None:
    """Switch the file to WAL; SQLite itself does not wait while another process does so."""
    for _ in range(int(BUSY_TIMEOUT / _PAUSE)):
        try:
            await connection.execute_fetchall("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            await asyncio.sleep(_PAUSE)
    await connection.execute_fetchall("PRAGMA journal_mode = WAL")


@asynccontextmanager
async def synchronous(writer: aiosqlite.Connection, *, wait: bool) -> AsyncIterator[None]:
    """Let the commits in here wait for the disk, or not.

    In WAL mode NORMAL writes a commit without waiting; the next FULL one waits for all.
    """
    if wait:
        yield
        return
    await to_the_end(writer.execute("PRAGMA synchronous = NORMAL"))
    try:
        yield
    finally:
        await to_the_end(writer.execute("PRAGMA synchronous = FULL"))


@asynccontextmanager
async def transaction(writer: aiosqlite.Connection) -> AsyncIterator[None]:
    """Commit what is written in here, or roll it back on any exception."""
    try:
        with translated():
            await to_the_end(writer.execute("BEGIN IMMEDIATE"))
        yield
    except BaseException:
        await to_the_end(_rollback(writer))
        raise
    try:
        with translated():
            await to_the_end(writer.commit())
    except errors.TrackerError:
        await to_the_end(_rollback(writer))
        raise


async def _rollback(writer: aiosqlite.Connection) -> None:
    if writer.in_transaction:
        await writer.rollback()
