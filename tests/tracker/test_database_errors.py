"""Errors of the database: told apart by SQLite's codes, whatever words stand in their texts."""

import ast
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import OPEN, Start
from tests.running.processes import ROOT
from tracker.blobs import Blobs
from tracker.database import (
    BrokenReference,
    Database,
    DatabaseUnusable,
    Duplicate,
    Lane,
    SqliteDatabase,
    connect,
)
from tracker.database.translation import translated
from tracker.errors import Invalid, StorageFull, Unavailable
from tracker.settings import Settings
from tracker.work import checking

WORDS = (
    "full_name",
    "locked",
    "busy",
    "interrupted",
    "disk I/O",
    "readonly",
    "unable to open",
    "UNIQUE",
    "PRIMARY KEY",
    "FOREIGN KEY",
)
"""What SQLite says of itself, as a name that a statement may hold."""


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    db = await connect(tmp_path / "pail.db")
    yield db
    await db.close()


async def _all(db: Database, sql: str) -> None:
    await db.all(sql)


async def _stream(db: Database, sql: str) -> None:
    async for _ in db.stream(sql):
        pass


async def _read(db: Database, sql: str) -> None:
    await db.read(lambda reader: reader.all(sql))


async def _search(db: Database, sql: str) -> None:
    await db.read(lambda reader: reader.all(sql), lane=Lane.TEXTS)


async def _write(db: Database, sql: str) -> None:
    await db.write(lambda tx: tx.run(sql))


async def _write_many(db: Database, sql: str) -> None:
    await db.write(lambda tx: tx.many(sql, [()]))


async def _transaction(db: Database, sql: str) -> None:
    await db.run(sql)


async def _snapshot(db: Database, sql: str) -> None:
    async with db.snapshot() as reader:
        await reader.all(sql)


Way = Callable[[Database, str], Coroutine[Any, Any, None]]
READING: list[Way] = [_all, _stream, _read, _search, _snapshot]
WRITING: list[Way] = [_write, _write_many, _transaction]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("way", READING + WRITING)
async def test_a_mistake_in_a_statement_is_one_whatever_its_names_are(
    db: Database, way: Way, word: str
) -> None:
    sql = f"SELECT missing.`{word}` FROM counter"
    with pytest.raises(sqlite3.OperationalError, match="no such column") as raised:
        await way(db, sql)
    assert word in str(raised.value)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("way", WRITING)
async def test_a_rule_that_is_no_key_is_none_whatever_its_name_is(
    db: Database, way: Way, word: str
) -> None:
    await db.run(f"CREATE TABLE rule (a INTEGER CONSTRAINT `{word}` CHECK (a > 0))")
    with pytest.raises(sqlite3.IntegrityError, match="CHECK constraint failed"):
        await way(db, "INSERT INTO rule VALUES (0)")


CODES = [
    (sqlite3.SQLITE_FULL, StorageFull),
    (sqlite3.SQLITE_BUSY, Unavailable),
    (sqlite3.SQLITE_BUSY_SNAPSHOT, Unavailable),
    (sqlite3.SQLITE_LOCKED, Unavailable),
    (sqlite3.SQLITE_LOCKED_SHAREDCACHE, Unavailable),
    (sqlite3.SQLITE_PROTOCOL, Unavailable),
    (sqlite3.SQLITE_IOERR, Unavailable),
    (sqlite3.SQLITE_IOERR_FSYNC, Unavailable),
    (sqlite3.SQLITE_READONLY, Unavailable),
    (sqlite3.SQLITE_READONLY_DBMOVED, Unavailable),
    (sqlite3.SQLITE_CANTOPEN, Unavailable),
    (sqlite3.SQLITE_CANTOPEN_ISDIR, Unavailable),
    (sqlite3.SQLITE_PERM, Unavailable),
    (sqlite3.SQLITE_INTERRUPT, Invalid),
    (sqlite3.SQLITE_CORRUPT, DatabaseUnusable),
    (sqlite3.SQLITE_CORRUPT_VTAB, DatabaseUnusable),
    (sqlite3.SQLITE_NOTADB, DatabaseUnusable),
    (sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY, BrokenReference),
    (sqlite3.SQLITE_ERROR, None),
    (sqlite3.SQLITE_CONSTRAINT_TRIGGER, None),
    (sqlite3.SQLITE_CONSTRAINT_NOTNULL, None),
]


@pytest.mark.parametrize(("code", "ours"), CODES)
def test_every_code_of_a_family_has_the_meaning_of_the_family(
    code: int, ours: type[Exception] | None
) -> None:
    error = sqlite3.DatabaseError("any text: full, locked, UNIQUE")
    error.sqlite_errorcode = code
    with pytest.raises(ours or sqlite3.DatabaseError) as raised, translated():
        raise error
    assert type(raised.value) is (ours or sqlite3.DatabaseError)


def test_an_error_of_the_driver_passes_as_it_is() -> None:
    with pytest.raises(sqlite3.ProgrammingError, match="the disk is full"), translated():
        raise sqlite3.ProgrammingError("the disk is full")


@pytest.mark.parametrize("way", WRITING)
async def test_a_database_that_may_not_grow_is_a_full_disk(db: Database, way: Way) -> None:
    await db.run("CREATE TABLE large (a BLOB)")
    most = "PRAGMA max_page_count = 1"  # that is: as many pages as there are now
    async with db.transaction() as tx:
        await tx.all(most)
    await db.write(lambda tx: tx.all(most))
    with pytest.raises(StorageFull, match="The disk is full"):
        await way(db, "INSERT INTO large VALUES (zeroblob(1000000))")
    assert await db.all("SELECT * FROM large") == []


@pytest.mark.parametrize("way", READING)
async def test_a_reader_that_writes_is_refused(db: Database, way: Way) -> None:
    with pytest.raises(Unavailable, match="can't be written"):
        await way(db, "DELETE FROM counter")


@pytest.mark.parametrize("way", [_search, _snapshot])
async def test_a_database_that_can_not_be_opened_once_more_is_unavailable(
    tmp_path: Path, way: Way
) -> None:
    db = await connect(tmp_path / "folder" / "pail.db")
    db.path.parent.rename(tmp_path / "elsewhere")
    try:
        with pytest.raises(Unavailable, match="can't be written"):
            await way(db, "SELECT * FROM counter")
    finally:
        await db.close()


KEYS = {
    "INSERT INTO counter (name, value) VALUES ('comment', 1)": ("counter.name",),
    "INSERT INTO pair VALUES (9, 1, 2)": ("pair.a", "pair.b"),
    "INSERT INTO pair VALUES (1, 3, 4)": ("pair.id",),
    "INSERT INTO pair (rowid, a, b) VALUES (1, 3, 4)": ("pair.id",),
    "INSERT INTO bare (rowid) VALUES (1)": ("bare.rowid",),
    "INSERT INTO said VALUES ('A')": (),
}


@pytest.mark.parametrize("sql", KEYS)
@pytest.mark.parametrize("way", WRITING)
async def test_a_unique_key_says_its_columns(db: Database, way: Way, sql: str) -> None:
    async with db.transaction() as tx:
        await tx.run("CREATE TABLE pair (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER)")
        await tx.run("CREATE UNIQUE INDEX pair_both ON pair (a, b)")
        await tx.run("INSERT INTO pair VALUES (1, 1, 2)")
        await tx.run("CREATE TABLE bare (a INTEGER)")
        await tx.run("INSERT INTO bare (rowid) VALUES (1)")
        await tx.run("CREATE TABLE said (word TEXT)")
        await tx.run("CREATE UNIQUE INDEX `said: once` ON said (lower(word))")
        await tx.run("INSERT INTO said VALUES ('a')")
    with pytest.raises(Duplicate) as raised:
        await way(db, sql)
    assert raised.value.columns == KEYS[sql]


async def _damage(path: Path, table: str) -> None:
    """Write over the first page of a table."""
    db = await connect(path)
    [[page]] = await db.all(
        "SELECT rootpage FROM sqlite_master WHERE name = :table", {"table": table}
    )
    [[size]] = await db.all("PRAGMA page_size")
    await db.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


@pytest.mark.parametrize("way", READING + WRITING)
async def test_a_damaged_file_is_said_to_be_one_and_logged(
    tmp_path: Path, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "pail.db"
    await _damage(path, "counter")
    db = await connect(path)
    try:
        with pytest.raises(DatabaseUnusable, match=r"^The database is damaged\.$"):
            await way(db, "SELECT * FROM counter" if way in READING else "DELETE FROM counter")
    finally:
        await db.close()
    assert "The database is damaged: database disk image is malformed" in caplog.text


async def test_a_request_that_meets_damage_is_told_and_others_are_answered(
    start: Start, settings: Settings
) -> None:
    await _damage(settings.database, "comment")
    api = await start(settings)
    issue = await api.post(f"{OPEN}/issues", "bob", {"title": "Is it sound?"})
    comments = f"{OPEN}/issues/{issue['id']}/comments"
    answer = await api("POST", comments, "bob", json={"content": {"raw": "No."}})
    assert answer.status == 503
    assert answer.body == {"type": "error", "error": {"message": "The database is damaged."}}
    assert (await api.get(f"{OPEN}/issues/{issue['id']}"))["updated_on"] == issue["updated_on"]


async def test_a_check_names_damage_and_goes_on_as_far_as_it_can(settings: Settings) -> None:
    with closing(sqlite3.connect(settings.database)) as other, other:
        other.execute("UPDATE tracker SET issue_count = 9")
    await _damage(settings.database, "counter")
    found = await _check(settings)
    assert found[0] == "The database is damaged."
    assert "alice/app counts 9 of its 0 issues." in found
    await _damage(settings.database, "repository")
    assert await _check(settings) == [
        "The database is damaged.",
        "Nothing more can be read: The database is damaged.",
    ]


async def _check(settings: Settings) -> list[str]:
    db = await connect(settings.database)
    try:
        return await checking.check(db, Blobs(settings.blobs_dir), settings)
    finally:
        await db.close()


def _texts_of_errors(path: Path) -> Iterator[str]:
    """Functions in which the text of a caught error, or of an argument, is made into a string."""
    for function in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            is_str = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if is_str and node.func.id in ("str", "repr") and "error" in ast.unparse(node.args[0]):
                yield function.name
            if isinstance(node, ast.Attribute) and node.attr == "args":
                yield function.name


def test_the_text_of_an_error_is_read_for_columns_alone() -> None:
    found = {
        (path.name, name)
        for path in (ROOT / "tracker" / "database").glob("*.py")
        for name in _texts_of_errors(path)
    }
    assert found == {("translation.py", "_columns")}


def test_nobody_looks_for_words_in_the_text_of_an_error() -> None:
    for package in ("tracker", "service", "worker"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Compare):
                    assert "str(error)" not in ast.unparse(node), f"{path}:{node.lineno}"
