"""Connections to SQLite: how they are opened, and the thread that one works in."""

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from tracker.database import folding

BUSY_TIMEOUT = 5.0
"""Seconds that a statement waits for another process's lock."""

T = TypeVar("T")


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads. Raises sqlite3.Error."""
    connection = open_plain(path)
    connection.execute("PRAGMA query_only = ON")
    return connection


def open_writer(path: Path, *, is_durable: bool) -> sqlite3.Connection:
    """A connection that writes; each commit waits for the disk if is_durable."""
    connection = open_plain(path)
    connection.execute("PRAGMA journal_size_limit = 67108864")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA synchronous = {'FULL' if is_durable else 'OFF'}")
    return connection


def open_plain(path: Path) -> sqlite3.Connection:
    """A connection with our row type, functions and timeout. Raises sqlite3.Error."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.create_function("fold", 1, folding.Folding(), deterministic=True)
    connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT * 1000)}")
    return connection


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
