"""The bell: a job starts when it is rung for, and a worker that waits asks for next to nothing."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from service.http import doorbell
from tests.conftest import Api, Start
from tests.faults.beside import ARQ, PLAIN, connected, queue, worker
from tests.jobs.working import begin_export, finished_export, select
from tests.running.processes import eventually
from tracker.access import repositories
from tracker.settings import Settings
from tracker.work import jobs
from worker import __main__ as entry
from worker import bell, runner
from worker.runner import Runner

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

NEVER = 3600.0


@asynccontextmanager
async def listening(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, *, count: int = 1
) -> AsyncIterator[list[Runner]]:
    """Workers in this process that have looked for jobs, and look again only when it rings."""
    monkeypatch.setattr(runner, "POLL", NEVER)
    runners = [Runner(settings) for _ in range(count)]
    for each in runners:
        await each.__aenter__()
    try:
        yield runners
    finally:
        for each in runners:
            await each.close()


def _blocked(connection: redis.Redis, count: int = 1) -> None:
    """Wait until so many workers wait at the bell."""
    eventually(
        lambda: connection.info("clients")["blocked_clients"] == count, f"{count} at the bell"
    )


async def _repositories(api: Api, count: int) -> list[str]:
    """The names of so many new repositories: each has one export at a time."""
    names = [f"alice/r{number}" for number in range(count)]
    for name in names:
        await repositories.create(api.db, name)
    return names


def _statuses(settings: Settings) -> list[tuple[str, int]]:
    return select(settings.database, "SELECT status, attempt FROM job")


async def test_a_ring_starts_a_job_at_once_and_each_ring_one(
    start: Start, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with queue(tmp_path / "q") as (_, connection, url):
        settings = replace(settings, redis_url=url)
        api = await start(settings)
        async with listening(settings, monkeypatch):
            for number in range(3):
                await asyncio.to_thread(_blocked, connection)
                path = await begin_export(api, project_name=str(number))
                assert (await finished_export(api, path)).status == 200
    assert _statuses(settings) == [("SUCCESS", 1)] * 3


async def test_several_workers_that_are_rung_for_do_each_job_once(
    start: Start, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with queue(tmp_path / "q") as (_, connection, url):
        settings = replace(settings, redis_url=url)
        api = await start(settings)
        async with listening(settings, monkeypatch, count=3):
            await asyncio.to_thread(_blocked, connection, 3)
            names = await _repositories(api, 9)
            paths = [await begin_export(api, name) for name in names]
            for path in paths:
                assert (await finished_export(api, path)).status == 200
    assert _statuses(settings) == [("SUCCESS", 1)] * 9


@pytest.mark.parametrize("command", [PLAIN, ARQ], ids=["plain", "arq"])
async def test_a_worker_waits_at_the_bell_and_asks_seldom_besides(
    start: Start, settings: Settings, tmp_path: Path, command: Sequence[str]
) -> None:
    with queue(tmp_path / "q") as (_, connection, url):
        settings = replace(settings, redis_url=url)
        api = await start(settings)

        def calls() -> int:
            counts = connection.info("commandstats")
            return int(counts.get("cmdstat_zrangebyscore", {}).get("calls", 0))

        with worker(settings, tmp_path / "worker", command):
            await asyncio.to_thread(_blocked, connection)
            before = await asyncio.to_thread(eventually, calls, "arq's first look")
            began = time.monotonic()
            await asyncio.to_thread(eventually, lambda: calls() >= before + 2, "two more")
            assert time.monotonic() - began > 1.5
            assert (await finished_export(api, await begin_export(api))).status == 200
            await asyncio.to_thread(
                eventually, lambda: connection.zcard("arq:queue") == 0, "arq's queue to be empty"
            )


async def test_rings_that_nobody_hears_are_few_and_do_not_stay(
    start: Start, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with queue(tmp_path / "q") as (_, connection, url):
        api = await start(replace(settings, redis_url=url))
        monkeypatch.setattr(doorbell, "RINGS", 3)
        for name in await _repositories(api, 5):
            await begin_export(api, name)
        await asyncio.to_thread(
            eventually, lambda: connection.zcard("arq:queue") == 5, "five rings"
        )
        assert connection.llen(jobs.BELL) == 3
        assert 0 < connection.ttl(jobs.BELL) <= doorbell.RING_SECONDS


async def test_garbage_at_the_bell_is_a_ring_like_any_other(
    start: Start, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with queue(tmp_path / "q") as (_, connection, url):
        settings = replace(settings, redis_url=url)
        api = await start(replace(settings, redis_url=None))  # a service that does not ring
        async with listening(settings, monkeypatch):
            for garbage in (b"", b"\xff\x00", b"4711", b"x" * 1_000_000, b"['__import__']"):
                await asyncio.to_thread(_blocked, connection)
                path = await begin_export(api)
                connection.rpush(jobs.BELL, garbage)
                assert (await finished_export(api, path)).status == 200
            await asyncio.to_thread(_blocked, connection)
            connection.rpush(jobs.BELL, *range(5_000))
            await asyncio.to_thread(
                eventually, lambda: connection.llen(jobs.BELL) == 0, "an empty list"
            )
            await asyncio.to_thread(_blocked, connection)


async def test_arq_is_heard_where_the_bell_is_broken_and_poison_there_stops_nobody(
    start: Start, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with queue(tmp_path / "q") as (_, connection, url):
        settings = replace(settings, redis_url=url)
        api = await start(settings)
        connection.set(jobs.BELL, "no list")
        async with listening(settings, monkeypatch) as [running]:
            arq = asyncio.create_task(entry.listen(url, running))
            assert (await finished_export(api, await begin_export(api))).status == 200
            connection.delete(jobs.BELL)
            await asyncio.to_thread(_blocked, connection)
            connection.zadd("arq:queue", {b"\xff": 1})
            assert (await finished_export(api, await begin_export(api))).status == 200
            assert not arq.done()
            arq.cancel()
            await asyncio.wait([arq])


async def test_a_bell_that_comes_back_is_heard_again(
    start: Start, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bell, "FIRST_PAUSE", 0.05)
    folder = tmp_path / "q"
    with queue(folder) as (_, connection, url):
        settings = replace(settings, redis_url=url)
        api = await start(settings)
        async with listening(settings, monkeypatch):
            await asyncio.to_thread(_blocked, connection)
            connection.shutdown(nosave=True)
            with queue(folder) as (_, again, _):
                await asyncio.to_thread(_blocked, again)
                assert (await finished_export(api, await begin_export(api))).status == 200


async def test_a_bell_that_hangs_is_left_and_tried_again(
    start: Start,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(bell, "WAIT", 0.5)
    monkeypatch.setattr(bell, "ANSWER_TIMEOUT", 0.5)
    monkeypatch.setattr(bell, "FIRST_PAUSE", 0.05)
    with queue(tmp_path / "q") as (valkey, connection, url):
        settings = replace(settings, redis_url=url)
        api = await start(settings)
        async with listening(settings, monkeypatch):
            await asyncio.to_thread(connected, connection)
            valkey.process.send_signal(signal.SIGSTOP)
            async with asyncio.timeout(20):
                while "it does not answer" not in caplog.text:
                    await asyncio.sleep(0.02)
            valkey.process.send_signal(signal.SIGCONT)
            assert (await finished_export(api, await begin_export(api))).status == 200
