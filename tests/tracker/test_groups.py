"""Short writes: they share commits, and each is done whole or not at all."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tracker.database import Lane, Reader, SqliteDatabase, Transaction, connect
from tracker.database.statements import Thread
from tracker.errors import Conflict, Unavailable

ADD = "INSERT INTO counter (name, value) VALUES (:name, 0)"

LONG = """WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
SELECT count(*) FROM n"""
"""Takes longer than a write may take on the event loop."""


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    db = await connect(tmp_path / "pail.db")
    yield db
    await db.close()


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One number for each call of a thread of a connection: commits of groups are such calls."""
    calls: list[int] = []
    call = Thread.call

    async def counted(self, function):  # type: ignore[no-untyped-def]
        calls.append(1)
        return await call(self, function)

    monkeypatch.setattr(Thread, "call", counted)
    return calls


async def _names(db: Reader) -> set[str]:
    return {row["name"] for row in await db.all("SELECT name FROM counter")}


async def _add(tx: Transaction, name: str) -> str:
    await tx.run(ADD, {"name": name})
    return name


async def _write(db: SqliteDatabase, name: str) -> str:
    return await db.write(lambda tx: _add(tx, name), short=True)


async def test_writes_that_come_together_share_commits(
    db: SqliteDatabase, commits: list[int]
) -> None:
    names = [f"n{number}" for number in range(100)]
    assert await asyncio.gather(*(_write(db, name) for name in names)) == names
    assert await _names(db) >= {*names}
    assert len(commits) < 10


async def test_what_is_acknowledged_is_committed(db: SqliteDatabase) -> None:
    async def look(name: str) -> None:
        await _write(db, name)
        with closing(sqlite3.connect(db.path)) as other:
            found = other.execute("SELECT 1 FROM counter WHERE name = ?", (name,)).fetchall()
        assert found, name

    await asyncio.gather(*(look(f"n{number}") for number in range(30)))


async def test_a_write_that_fails_is_undone_alone(db: SqliteDatabase) -> None:
    async def fail(tx: Transaction) -> None:
        await _add(tx, "undone")
        raise Conflict("No.")

    results = await asyncio.gather(
        _write(db, "before"),
        db.write(fail, short=True),
        _write(db, "after"),
        return_exceptions=True,
    )
    assert results[0::2] == ["before", "after"]
    assert isinstance(results[1], Conflict)
    assert {"before", "after"} <= await _names(db)
    assert "undone" not in await _names(db)


async def test_a_write_that_waits_for_something_else_harms_no_other(db: SqliteDatabase) -> None:
    async def doze(tx: Transaction) -> None:
        await _add(tx, "undone")
        await asyncio.sleep(0)

    results = await asyncio.gather(
        db.write(doze, short=True), _write(db, "other"), return_exceptions=True
    )
    assert isinstance(results[0], RuntimeError)
    assert "other" in await _names(db)
    assert "undone" not in await _names(db)


async def test_a_write_that_takes_long_is_done_in_the_thread_and_so_are_its_like(
    db: SqliteDatabase,
) -> None:
    async def long(tx: Transaction) -> int:
        await _add(tx, "long")
        [[count]] = await tx.all(LONG)
        return int(count)

    results = await asyncio.gather(
        _write(db, "before"), db.write(long, short=True), _write(db, "after")
    )
    assert results == ["before", 300000, "after"]
    assert {"before", "long", "after"} <= await _names(db)


async def test_a_read_that_takes_long_is_done_in_a_thread(db: SqliteDatabase) -> None:
    async def long(reader: Reader) -> int:
        [[count]] = await reader.all(LONG)
        return int(count)

    assert await db.read(long, lane=Lane.QUICK) == 300000
    assert await db.read(_names) >= {"comment"}


async def test_writes_wait_for_another_process(db: SqliteDatabase) -> None:
    with closing(sqlite3.connect(db.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.gather(*(_write(db, f"n{number}") for number in range(5)))
        # The loop goes on: what waits is in a thread.
        assert "n0" not in await _names(db)
        other.execute("INSERT INTO counter (name, value) VALUES ('other', 0)")
        other.execute("COMMIT")
    await writing
    assert await _names(db) >= {"other", "n0", "n4"}


async def test_a_lock_that_stays_refuses_a_group(
    db: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.database.groups.BUSY_TIMEOUT", 0.05)
    with closing(sqlite3.connect(db.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(
            *(_write(db, f"n{number}") for number in range(5)), return_exceptions=True
        )
        assert all(isinstance(result, Unavailable) for result in results)
        other.execute("ROLLBACK")
    assert await _write(db, "after") == "after"
    assert await _names(db) & {"n0", "n4", "after"} == {"after"}


async def test_a_cancelled_write_is_done_and_the_next_goes_on(db: SqliteDatabase) -> None:
    task = asyncio.create_task(_write(db, "cancelled"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await _write(db, "next")
    assert await _names(db) >= {"cancelled", "next"}


async def test_short_and_other_writes_take_turns(db: SqliteDatabase) -> None:
    async def other(name: str) -> None:
        async with db.transaction() as tx:
            await _add(tx, name)
            await asyncio.sleep(0)

    await asyncio.gather(
        *(_write(db, f"short{number}") for number in range(20)),
        *(other(f"other{number}") for number in range(5)),
        *(db.write(lambda tx, n=number: _add(tx, f"alone{n}")) for number in range(5)),
    )
    assert len(await _names(db)) >= 30


async def test_closing_waits_for_what_is_queued(tmp_path: Path) -> None:
    db = await connect(tmp_path / "other.db")
    writing = [asyncio.create_task(_write(db, f"n{number}")) for number in range(10)]
    await asyncio.sleep(0)
    await db.close()
    await asyncio.gather(*writing)
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        assert len(other.execute("SELECT 1 FROM counter WHERE name LIKE 'n%'").fetchall()) == 10
