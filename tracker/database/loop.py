"""Reads on the event loop's own thread: what takes microseconds needs no trip to another one."""

import math
import sqlite3
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from tracker import errors
from tracker.database import connections
from tracker.database.interface import Reader
from tracker.database.statements import AtOnce, SqliteReader, in_transaction

_SECONDS = 0.01
"""What work may take here, because everything else waits for it."""

_STEPS = 1000
"""Of SQLite's machine, between two looks at the clock."""

T = TypeVar("T")


class TooSlow(Exception):
    """Work takes too long on the event loop, or would wait for a lock there."""


class LoopReader:
    """A connection that reads, used by the event loop's thread alone."""

    def __init__(self, path: Path) -> None:
        """Open the connection. Raises sqlite3.Error."""
        self._connection = connections.open_reader(path)
        self._connection.execute("PRAGMA busy_timeout = 0")
        self._reader = SqliteReader(AtOnce(self._connection))
        self._end = math.inf
        self._connection.set_progress_handler(lambda: time.monotonic() > self._end, _STEPS)

    def read(self, work: Callable[[Reader], Coroutine[Any, Any, T]]) -> T:
        """What work makes of one state of the database, as Database.read() does it.

        Raises TooSlow for work that has to be done elsewhere.
        """
        self._end = time.monotonic() + _SECONDS
        try:
            return in_transaction(self._connection, "BEGIN", self._limited(work))
        except errors.TrackerError as error:
            if isinstance(error.__cause__, sqlite3.Error):
                raise TooSlow from error
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
