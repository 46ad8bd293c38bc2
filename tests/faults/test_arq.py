"""`arq worker.WorkerSettings` ends well when it is told to, with a queue or without."""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Api, Start
from tests.faults.beside import ARQ, connected, queue, worker
from tests.jobs.working import archive, many, select, send, settled
from tests.running.processes import Started, eventually
from tracker.settings import Settings

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

MOST_SECONDS = 8.0
"""What a worker may take to end: as long as `pail up` waits for it."""


def _kill(valkey: Started) -> None:
    valkey.send(signal.SIGKILL)


def _hang(valkey: Started) -> None:
    valkey.process.send_signal(signal.SIGSTOP)


def _leave(valkey: Started) -> None:
    assert valkey.process.poll() is None


async def _ends_well(run: Started) -> None:
    start = time.monotonic()
    assert await asyncio.to_thread(run.send, signal.SIGTERM) == 0, run.log
    assert time.monotonic() - start < MOST_SECONDS
    assert "Traceback" not in run.log


def _is_importing(settings: Settings) -> bool:
    return bool(select(settings.database, "SELECT 1 FROM job WHERE phase = 'Issues' AND count > 0"))


async def _import(api: Api, folder: Path) -> None:
    assert (await send(api, archive(folder))).status == 202
    assert (await settled(api))["status"] == "SUCCESS"


@pytest.mark.parametrize("harm", [_leave, _kill, _hang])
async def test_a_worker_that_is_told_to_end_puts_its_job_back(
    start: Start, settings: Settings, tmp_path: Path, harm: Callable[[Started], None]
) -> None:
    sections = many(20_000, 60_000)
    with queue(tmp_path / "q") as (valkey, connection, url):
        settings = replace(settings, redis_url=url)
        api = await start(settings)
        with worker(settings, tmp_path / "worker", ARQ) as run:
            await asyncio.to_thread(connected, connection)
            answer = await send(api, archive(tmp_path, sections, files={}))
            assert answer.status == 202
            await asyncio.to_thread(
                eventually, lambda: _is_importing(settings), "an import under way"
            )
            harm(valkey)
            await _ends_well(run)
        valkey.process.send_signal(signal.SIGCONT)
    assert select(settings.database, "SELECT status, attempt, worker FROM job") == [
        ("ACCEPTED", 0, None)
    ]
    assert select(settings.database, "SELECT 1 FROM tracker WHERE status = 'building'") == []
    assert list((settings.data_dir / "workers").iterdir()) == []


@pytest.mark.parametrize("harm", [_kill, _hang])
async def test_a_worker_that_waits_for_its_queue_ends(
    api: Api, settings: Settings, tmp_path: Path, harm: Callable[[Started], None]
) -> None:
    with queue(tmp_path / "q") as (valkey, connection, url):
        with worker(replace(settings, redis_url=url), tmp_path / "worker", ARQ) as run:
            await asyncio.to_thread(connected, connection)
            harm(valkey)
            await asyncio.to_thread(run.logs, "waiting for the queue")
            assert len(list((settings.data_dir / "workers").iterdir())) == 1
            await _ends_well(run)
        valkey.process.send_signal(signal.SIGCONT)
    assert list((settings.data_dir / "workers").iterdir()) == []


@pytest.mark.parametrize("harm", [_kill, _hang])
async def test_a_worker_that_never_had_a_queue_ends(
    settings: Settings, tmp_path: Path, harm: Callable[[Started], None]
) -> None:
    with queue(tmp_path / "q") as (valkey, _, url):
        harm(valkey)
        with worker(replace(settings, redis_url=url), tmp_path / "worker", ARQ) as run:
            await asyncio.to_thread(run.logs, "waiting for the queue")
            await _ends_well(run)
        valkey.process.send_signal(signal.SIGCONT)


async def test_a_worker_without_a_queue_at_its_start_works_all_the_same(
    start: Start, settings: Settings, tmp_path: Path
) -> None:
    settings = replace(settings, redis_url=f"unix://{tmp_path}/nobody.sock")
    api = await start(settings)
    with worker(settings, tmp_path / "worker", ARQ) as run:
        await _import(api, tmp_path)
        await _ends_well(run)


async def test_a_worker_works_on_while_its_queue_is_away_and_when_it_is_back(
    start: Start, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "q"
    with queue(folder) as (valkey, connection, url):
        settings = replace(settings, redis_url=url)
        api = await start(settings)
        with worker(settings, tmp_path / "worker", ARQ) as run:
            await asyncio.to_thread(connected, connection)
            valkey.send(signal.SIGKILL)
            await _import(api, tmp_path)
            with queue(folder) as (_, again, _):
                await asyncio.to_thread(connected, again)
                await _import(api, tmp_path)
            await _ends_well(run)
