"""The database: all or nothing, one writer, and one sentence about files that are not ours."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tracker.database import (
    BrokenReference,
    Database,
    DatabaseUnusable,
    Duplicate,
    Lane,
    Reader,
    SqliteDatabase,
    Transaction,
    connect,
    connections,
    folding,
    migrations,
    sqlite,
)
from tracker.errors import Invalid, Unavailable

SET = "UPDATE counter SET value = :value WHERE name = 'comment'"


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    db = await connect(tmp_path / "pail.db")
    yield db
    await db.close()


async def _value(db: Reader) -> int:
    [row] = await db.all("SELECT value FROM counter WHERE name = 'comment'")
    return int(row["value"])


async def test_what_is_written_is_on_the_disk_before_it_is_acknowledged(
    db: SqliteDatabase,
) -> None:
    async with db.transaction() as tx:
        [[synchronous]] = await tx.all("PRAGMA synchronous")
        [[journal]] = await tx.all("PRAGMA journal_mode")
        [[foreign_keys]] = await tx.all("PRAGMA foreign_keys")
    assert (synchronous, journal, foreign_keys) == (2, "wal", 1)


async def test_a_transaction_that_fails_leaves_nothing(db: Database) -> None:
    async def write() -> None:
        async with db.transaction() as tx:
            await tx.run(SET, {"value": 1})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await write()
    assert await _value(db) == 0


async def test_work_that_writes_happens_whole_or_not_at_all(db: Database) -> None:
    async def write(tx: Transaction) -> int:
        await tx.run(SET, {"value": 1})
        return await _value(tx)

    async def fail(tx: Transaction) -> None:
        await tx.run(SET, {"value": 2})
        raise ZeroDivisionError

    assert await db.write(write) == 1
    with pytest.raises(ZeroDivisionError):
        await db.write(fail)
    assert await _value(db) == 1


async def test_work_that_is_cancelled_ends_before_the_next_begins(db: Database) -> None:
    started = threading.Event()

    async def write(tx: Transaction) -> None:
        await tx.run(SET, {"value": 1})
        started.set()
        time.sleep(0.1)

    task = asyncio.create_task(db.write(write))
    await asyncio.to_thread(started.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await _value(db) == 1
    await db.run(SET, {"value": 3})
    assert await _value(db) == 3


@pytest.mark.parametrize("lane", Lane)
async def test_work_that_reads_sees_one_state(db: SqliteDatabase, lane: Lane) -> None:
    async def look(reader: Reader) -> tuple[int, int]:
        before = await _value(reader)
        _write(db.path, "UPDATE counter SET value = value + 1")
        return before, await _value(reader)

    assert await db.read(look, lane=lane) == (0, 0)
    assert await _value(db) == 1


async def test_work_may_wait_for_its_reader_only(db: Database) -> None:
    async def wait(reader: Reader) -> None:
        await asyncio.sleep(0)

    async def doze(tx: Transaction) -> None:
        await tx.run(SET, {"value": 1})
        await asyncio.sleep(0)

    for attempt in (db.read(wait), db.read(wait, lane=Lane.TEXTS), db.write(doze)):
        with pytest.raises(RuntimeError):
            await attempt
    assert await _value(db) == 0


async def test_reading_cannot_write(db: Database) -> None:
    async def write(reader: Reader) -> None:
        await reader.all("DELETE FROM counter")

    with pytest.raises(Unavailable):
        await db.read(write)


async def test_slow_work_ends_some_time(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_SECONDS", 0.05)

    async def count(reader: Reader) -> None:
        await reader.all(
            """WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
               SELECT count(*) FROM n"""
        )

    with pytest.raises(Invalid, match="too long"):
        await db.read(count, lane=Lane.TEXTS)
    assert await db.read(_value, lane=Lane.TEXTS) == 0


async def test_the_end_of_slow_work_is_not_cut_off_as_well(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "STEPS", 1)  # SQLite asks as often as it can
    monkeypatch.setattr(sqlite, "_SECONDS", 0.05)
    ends: list[object] = []

    async def dawdle(reader: Reader) -> int:
        value = await _value(reader)
        time.sleep(0.06)
        return value

    async def dawdle_and_read(reader: Reader) -> int:
        return await dawdle(reader) + await _value(reader)

    async def dawdle_and_wait(reader: Reader) -> None:
        await dawdle(reader)
        await asyncio.sleep(0)

    for work in (dawdle, dawdle_and_read, dawdle_and_wait, _value):
        ends += await asyncio.gather(db.read(work, lane=Lane.TEXTS), return_exceptions=True)
    assert [ends[0], type(ends[1]), type(ends[2]), ends[3]] == [0, Invalid, RuntimeError, 0], ends


async def test_work_in_one_lane_does_not_wait_for_another(db: Database) -> None:
    started, go = threading.Event(), threading.Event()

    async def hold(reader: Reader) -> bool:
        started.set()
        return go.wait(10)

    held = asyncio.create_task(db.read(hold, lane=Lane.TEXTS))
    await asyncio.to_thread(started.wait)
    assert [await db.read(_value, lane=lane) for lane in (Lane.QUICK, Lane.ROWS)] == [0, 0]
    assert not held.done()
    go.set()
    assert await held


async def test_slow_work_of_few_and_dear_steps_ends_as_well(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_SECONDS", 0.05)

    async def search(reader: Reader) -> None:
        await reader.all(
            """WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000)
               SELECT max(length(hex(zeroblob(100000 + i)))) FROM n"""
        )

    with pytest.raises(Invalid, match="too long"):
        await db.read(search, lane=Lane.TEXTS)


async def test_slow_work_that_waits_for_other_slow_work_ends_as_well(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_SECONDS", 0.05)

    async def doze(reader: Reader) -> None:
        time.sleep(0.2)

    first, second = await asyncio.gather(
        db.read(doze, lane=Lane.TEXTS), db.read(doze, lane=Lane.TEXTS), return_exceptions=True
    )
    assert first is None
    assert isinstance(second, Unavailable)
    assert await db.read(_value) == 0


async def test_slow_work_does_not_hold_up_closing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_SECONDS", 1e9)
    db = await connect(tmp_path / "pail.db")
    started = threading.Event()

    async def count(reader: Reader) -> None:
        started.set()
        await reader.all(
            """WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
               SELECT count(*) FROM n"""
        )

    work = [asyncio.create_task(db.read(count, lane=Lane.TEXTS)) for _ in range(3)]
    await asyncio.to_thread(started.wait)
    await db.close()
    ends = await asyncio.gather(*work, return_exceptions=True)
    assert all(isinstance(end, Invalid | Unavailable) for end in ends)


def test_a_text_that_is_folded_again_at_once_is_not_folded_twice() -> None:
    folded = folding.Folding()
    text, other = "Ä" * 1000, "ß" * 1000
    assert folded(text) is folded("Ä" * 999 + "Ä")
    assert [folded(text), folded(other), folded(text)] == ["ä" * 1000, "ss" * 1000, "ä" * 1000]
    assert [folded(None), folded(""), folded(None)] == [None, "", None]


async def test_folding_forgets_case_and_composition(db: Database) -> None:
    pairs = [("STRASSE", "straße"), ("É", "e\u0301"), ("ΣΑΣ", "σας"), ("Ünï", "üNÏ"), ("I", "i")]
    for one, other in pairs:
        [row] = await db.all("SELECT fold(:a) = fold(:b)", {"a": one, "b": other})
        assert row[0] == 1
    [row] = await db.all("SELECT fold(NULL), fold('')")
    assert tuple(row) == (None, "")


async def test_a_transaction_that_is_cancelled_anywhere_leaves_nothing_and_frees_the_writer(
    db: Database,
) -> None:
    async def write(value: int) -> None:
        async with db.transaction() as tx:
            await tx.run(SET, {"value": value})
            await tx.all("SELECT count(*) FROM counter")
            await tx.run(SET, {"value": -1})
            raise AssertionError("not so far")

    for steps in range(40):
        task = asyncio.create_task(write(steps))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert await _value(db) == steps * 10
        await db.run(SET, {"value": (steps + 1) * 10})
    assert await _value(db) == 400


async def test_two_tasks_write_one_after_the_other(db: Database) -> None:
    async def add() -> None:
        async with db.transaction() as tx:
            row = await tx.one("SELECT value FROM counter WHERE name = 'comment'")
            assert row is not None
            await asyncio.sleep(0)
            await tx.run(SET, {"value": row["value"] + 1})

    await asyncio.gather(*(add() for _ in range(50)))
    assert await _value(db) == 50


async def test_two_connections_write_one_after_the_other(db: SqliteDatabase) -> None:
    other = await connect(db.path)
    try:

        async def add(database: Database) -> None:
            await database.run("UPDATE counter SET value = value + 1 WHERE name = 'comment'")

        await asyncio.gather(*(add(one) for one in (db, other) * 25))
        assert await _value(db) == await _value(other) == 50
    finally:
        await other.close()


async def test_a_snapshot_does_not_move(db: Database) -> None:
    async with db.snapshot() as reader:
        assert await reader.one("SELECT value FROM counter WHERE name = 'comment'")
        await db.run(SET, {"value": 7})
        row = await reader.one("SELECT value FROM counter WHERE name = 'comment'")
        assert row is not None
        assert row["value"] == 0
    assert await _value(db) == 7


async def test_readers_cannot_write(db: Database) -> None:
    with pytest.raises((Unavailable, sqlite3.Error)):
        await db.all("DELETE FROM counter RETURNING 1")
    assert await _value(db) == 0


async def test_a_stream_comes_in_lists_of_at_most_so_many(db: Database) -> None:
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25)"
    sizes = [len(rows) async for rows in db.stream(f"{numbers} SELECT i FROM n", size=10)]
    assert sizes == [10, 10, 5]


async def test_what_the_schema_forbids_has_a_name(db: Database) -> None:
    with pytest.raises(Duplicate):
        await db.run("INSERT INTO counter (name, value) VALUES ('comment', 1)")
    with pytest.raises(BrokenReference):
        await db.run(
            "INSERT INTO tracker (repository_id, status, created_on) VALUES (9, 'current', '')"
        )


async def test_a_locked_database_is_refused_and_usable_afterwards(
    db: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "BUSY_TIMEOUT", 0.05)
    impatient = await connect(db.path)
    try:
        with closing(sqlite3.connect(db.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable, match="busy; nothing was changed"):
                await impatient.run(SET, {"value": 1})
            assert await _value(impatient) == 0
        await impatient.run(SET, {"value": 2})
        assert await _value(db) == 2
    finally:
        await impatient.close()


def _write(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


async def _refused(path: Path) -> str:
    before = path.read_bytes()
    with pytest.raises(DatabaseUnusable) as refusal:
        await connect(path)
    assert path.read_bytes() == before
    sentence = str(refusal.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    return sentence


async def test_a_foreign_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    _write(path, "CREATE TABLE theirs (id INTEGER)")
    assert "not one of Pail's" in await _refused(path)


async def test_a_newer_database_is_refused(db: SqliteDatabase, tmp_path: Path) -> None:
    await db.close()
    _write(db.path, f"PRAGMA user_version = {migrations.VERSION + 1}")
    assert "a newer Pail" in await _refused(db.path)


async def test_a_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("This is a text, not a database.\n" * 50)
    await _refused(path)


async def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseUnusable, match="can't be opened"):
        await connect(tmp_path / "file" / "pail.db")


async def test_damage_is_found(db: SqliteDatabase) -> None:
    assert await db.check() == []
    await db.close()
    # Foreign keys are off in a bare connection.
    _write(
        db.path,
        "INSERT INTO tracker (repository_id, status, created_on) VALUES (9, 'current', '')",
    )
    again = await connect(db.path)
    try:
        assert await again.check() == ["tracker row 1 refers to a missing repository"]
    finally:
        await again.close()


async def test_opening_a_database_again_keeps_what_is_in_it(db: SqliteDatabase) -> None:
    await db.run(SET, {"value": 3})
    await db.close()
    again = await connect(db.path)
    try:
        assert await _value(again) == 3
    finally:
        await again.close()


async def test_two_may_create_it_at_once(tmp_path: Path) -> None:
    both = await asyncio.gather(connect(tmp_path / "new.db"), connect(tmp_path / "new.db"))
    for db in both:
        assert await _value(db) == 0
        await db.close()
