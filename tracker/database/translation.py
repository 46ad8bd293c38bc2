"""Translate SQLite's errors to ours by their codes, because their texts quote names of columns."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from tracker import errors
from tracker.database.interface import BrokenReference, DatabaseUnusable, Duplicate

_UNIQUE = frozenset(
    {
        sqlite3.SQLITE_CONSTRAINT_UNIQUE,
        sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
        sqlite3.SQLITE_CONSTRAINT_ROWID,
    }
)
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_NOT_WRITABLE = frozenset(
    {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
)
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

_log = logging.getLogger("pail.database")


def raise_ours(error: sqlite3.Error) -> NoReturn:
    """Raise our error for one of SQLite that has a meaning; any other one again."""
    ours = _ours(error)
    if ours is None:
        raise error
    raise ours from error


@contextmanager
def translated() -> Iterator[None]:
    """Raise as raise_ours() does for an error of SQLite in here."""
    try:
        yield
    except sqlite3.Error as error:
        raise_ours(error)


def is_busy(error: sqlite3.Error) -> bool:
    """Whether it helps to wait: another connection holds a lock."""
    return _code(error) & 0xFF in _BUSY


def _code(error: sqlite3.Error) -> int:
    """SQLite's extended code, its family in the lowest byte; 0 for an error of the driver."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)


def _ours(error: sqlite3.Error) -> Exception | None:
    code = _code(error)
    if code in _UNIQUE:
        return Duplicate(_columns(error))
    if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return BrokenReference()
    family = code & 0xFF
    if family == sqlite3.SQLITE_INTERRUPT:
        return errors.Invalid("This takes too long: ask for less.")
    if family == sqlite3.SQLITE_FULL:
        return errors.StorageFull("The disk is full; nothing was changed.")
    if is_busy(error):
        return errors.Unavailable("The database is busy; nothing was changed.")
    if family in _NOT_WRITABLE:
        return errors.Unavailable("The database can't be written; nothing was changed.")
    if family in _DAMAGED:
        _log.error("The database is damaged: %s", error)
        return DatabaseUnusable("The database is damaged.")
    return None


def _columns(error: sqlite3.Error) -> tuple[str, ...]:
    """The columns of a unique key, which SQLite gives in its message only.

    The code has said already that it is one of these messages:
    "UNIQUE constraint failed: category.tracker_id, category.kind, category.name", or
    "UNIQUE constraint failed: index 'name'" for a key of expressions, which has no columns.
    """
    _, _, names = str(error).partition(": ")
    return () if names.startswith("index '") else tuple(names.split(", "))
