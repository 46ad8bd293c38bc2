"""Opening a database file: made with the schema when it is new, migrated when it is older."""

import sqlite3
from functools import partial
from pathlib import Path

from tracker import files
from tracker.database import awaited, connections, migrations
from tracker.database.interface import DatabaseUnusable
from tracker.database.sqlite import SqliteDatabase
from tracker.database.statements import LoopReader, Thread

_OLDEST = (3, 35, 0)  # RETURNING


async def connect(path: Path, *, durable: bool = True) -> SqliteDatabase:
    """Open the SQLite file at path, made with the schema when it is new, migrated when it is older.

    durable=False is for a scratch file that may be lost in a crash.
    Raises DatabaseUnusable with one sentence; the file is then untouched.
    """
    if sqlite3.sqlite_version_info < _OLDEST:
        raise DatabaseUnusable(
            f"SQLite {sqlite3.sqlite_version} is too old: 3.35 or newer is needed."
        )
    writer = Thread(partial(connections.open_writer, path, is_durable=durable))
    try:
        files.make_folder(path.parent)
        files.make_file(path)  # its WAL and index of it get its mode from SQLite
        async with awaited.connection(partial(connections.open_plain, path)) as connection:
            await migrations.ensure_schema(connection, path)
            await awaited.use_wal(connection)
            await writer.start()
        try:
            reader = LoopReader(path)
        except BaseException:
            await writer.stop()
            raise
    except (sqlite3.Error, OSError) as error:
        raise DatabaseUnusable(f"The database {path} can't be opened: {error}.") from error
    return SqliteDatabase(path, writer, reader, is_durable=durable)
