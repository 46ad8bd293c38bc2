"""Connections to SQLite: how they are opened."""

import sqlite3
from pathlib import Path
from typing import TypeVar

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
