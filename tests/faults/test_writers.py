"""Locks and clients that go away: nobody leaves the writer in a state that others can't use."""

import asyncio
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.archives import CHARLIE, sample
from tests.conftest import Api, Start
from tests.jobs.working import archive, give, issues, select, take, working
from tracker.database import connections
from tracker.settings import Settings

pytestmark = pytest.mark.faults


async def test_clients_that_go_away_leave_the_writer_usable(api: Api, settings: Settings) -> None:
    async def impatient(number: int) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout((number % 20) / 2_000):
                await api("POST", issues(), "bob", json={"title": "gone"})

    for start in range(0, 200, 20):
        await asyncio.gather(*(impatient(number) for number in range(start, start + 20)))
        async with asyncio.timeout(20):
            await api.post(issues(), "bob", {"title": "stayed"})
    with closing(sqlite3.connect(settings.database, timeout=1)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    assert select(settings.database, "SELECT count(*) FROM issue WHERE title = 'stayed'") == [(10,)]
    numbers = [number for (number,) in select(settings.database, "SELECT number FROM issue")]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


async def test_a_hundred_creates_at_once_get_a_hundred_numbers(api: Api) -> None:
    made = await asyncio.gather(
        *(api.post(issues(), "bob", {"title": str(number)}) for number in range(100))
    )
    assert sorted(issue["id"] for issue in made) == list(range(1, 101))


async def test_a_database_that_another_process_locks_is_busy_and_then_goes_on(
    start: Start, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "BUSY_TIMEOUT", 0.1)
    api = await start(settings)
    with closing(sqlite3.connect(settings.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = await api("POST", issues(), "bob", json={"title": "t"})
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert (await api.get(issues(), "bob"))["size"] == 0
        answer = await api("POST", issues(rest="/export"), "alice", json={})
        assert answer.status == 503
        other.execute("ROLLBACK")
    assert (await api.post(issues(), "bob", {"title": "t"}))["id"] == 1


async def test_what_is_live_is_written_through_to_the_disk(api: Api) -> None:
    async with api.db.transaction() as tx:
        [[synchronous]] = await tx.all("PRAGMA synchronous")
    assert synchronous == 2


async def test_nobody_is_called_whatever_addresses_an_archive_holds(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    calls = []

    async def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(called, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
        text = f"{url} ![x]({url}) <img src={url}> [{url}]({url})"
        sections = sample()
        for row in sections["issues"]:
            row |= {"title": url, "content": text, "component": url}
        for row in sections["comments"]:
            row["content"] = text
        for row in sections["attachments"]:
            row |= {"filename": url, "url": url}
        for row in sections["logs"]:
            row |= {"changed_from": url, "changed_to": url}
        sections["issues"][0]["watchers"] = [{**CHARLIE, "display_name": url}]
        async with working(settings):
            assert (await take(api, archive(tmp_path, sections)))["status"] == "SUCCESS"
            for path in ("", "/1", "/1/comments", "/1/changes", "/1/attachments"):
                await api.get(issues(rest=path), "alice")
            await give(api)
        # The listener hears: its own test.
        assert calls == []
        _, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        writer.write(b"heard")
        writer.write_eof()
        async with asyncio.timeout(20):
            while not calls:
                await asyncio.sleep(0.01)
        writer.close()
