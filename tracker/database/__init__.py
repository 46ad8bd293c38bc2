"""The database: the verbs of interface.py, and the SQL in sql.py.

Only this package knows which engine it is; everything else writes SQL that SQLite and
PostgreSQL share.
"""

from tracker.database.interface import (
    BrokenReference,
    Database,
    DatabaseUnusable,
    Duplicate,
    Lane,
    Params,
    Reader,
    Revision,
    Row,
    Transaction,
    WouldWait,
)
from tracker.database.opening import connect
from tracker.database.sqlite import SqliteDatabase

__all__ = [
    "BrokenReference",
    "Database",
    "DatabaseUnusable",
    "Duplicate",
    "Lane",
    "Params",
    "Reader",
    "Revision",
    "Row",
    "SqliteDatabase",
    "Transaction",
    "WouldWait",
    "connect",
]
