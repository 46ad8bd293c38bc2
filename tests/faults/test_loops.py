"""The worker's loops outlive what goes wrong in them, and a loop that ends all the same ends it."""

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Api
from tests.faults.beside import queue, worker
from tests.jobs.working import begin_export, select, working
from tests.running.processes import eventually, python
from tracker.settings import Settings
from worker import runner

pytestmark = pytest.mark.faults

CANCEL = """
async def cancel():
    named = []
    while not named:
        await asyncio.sleep(0.01)
        named = [task for task in asyncio.all_tasks() if task.get_name() == sys.argv[1]]
    named[0].cancel()
"""
PLAIN = f"""
import asyncio, sys
from tracker import settings
from worker.__main__ import serve
{CANCEL}
async def main():
    serving = asyncio.create_task(serve(settings.load()))
    await cancel()
    return await serving

sys.exit(asyncio.run(main()))
"""
ARQ = f"""
import asyncio, sys, warnings
warnings.simplefilter("ignore")
import worker
from arq.worker import create_worker
{CANCEL}
running = create_worker(worker.WorkerSettings)
task = running.loop.create_task(cancel())
running.run()
"""


def _execute(settings: Settings, *statements: str) -> None:
    with closing(sqlite3.connect(settings.database, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def _done(settings: Settings) -> bool:
    return select(settings.database, "SELECT status FROM job") == [("SUCCESS",)]


@pytest.mark.parametrize(
    ("breaking", "mending", "said"),
    [
        pytest.param(
            ["ALTER TABLE job RENAME TO lost"],
            ["ALTER TABLE lost RENAME TO job"],
            "no such table: job",
            id="while it looks for jobs",
        ),
        pytest.param(
            [
                """CREATE TRIGGER broken BEFORE UPDATE ON job
                   BEGIN SELECT RAISE(ABORT, 'broken'); END"""
            ],
            ["DROP TRIGGER broken"],
            "IntegrityError: broken",
            id="while it claims one",
        ),
    ],
)
async def test_a_worker_outlives_a_broken_database_and_then_does_the_job(
    api: Api, settings: Settings, tmp_path: Path, breaking: list[str], mending: list[str], said: str
) -> None:
    await begin_export(api)
    _execute(settings, *breaking)
    with worker(settings, tmp_path / "worker") as run:
        await asyncio.to_thread(run.logs, said)
        assert "Traceback" in run.log
        _execute(settings, *mending)
        await asyncio.to_thread(eventually, lambda: _done(settings), "the job's end")
        assert run.process.poll() is None


def _table(settings: Settings) -> Callable[[], None]:
    _execute(settings, "ALTER TABLE attachment RENAME TO lost")
    return lambda: _execute(settings, "ALTER TABLE lost RENAME TO attachment")


def _file(settings: Settings) -> Callable[[], None]:
    path = settings.spool_dir / "loop"
    path.symlink_to(path)
    return path.unlink


@pytest.mark.parametrize("break_it", [_table, _file])
async def test_the_sweep_outlives_what_is_broken_and_sweeps_when_it_is_mended(
    api: Api,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    break_it: Callable[[Settings], Callable[[], None]],
) -> None:
    monkeypatch.setattr(runner, "SWEEP", 0.02)
    name = "0" * 64
    blob = settings.blobs_dir / name[:2] / name
    blob.parent.mkdir(parents=True)
    blob.write_text("nobody's")
    old = time.time() - 100_000
    os.utime(blob, (old, old))
    mend = break_it(settings)
    async with working(settings):
        async with asyncio.timeout(20):
            while len(_tracebacks(caplog)) < 3:
                await asyncio.sleep(0.02)
        assert blob.exists()
        mend()
        async with asyncio.timeout(20):
            while blob.exists():
                await asyncio.sleep(0.02)


def _tracebacks(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.exc_info and record.msg == "%s"]


@pytest.mark.parametrize("code", [PLAIN, ARQ], ids=["plain", "arq"])
@pytest.mark.parametrize("loop", ["poll", "sweep", "bell"])
async def test_a_loop_that_ends_ends_the_process_well(
    api: Api, settings: Settings, tmp_path: Path, loop: str, code: str
) -> None:
    with queue(tmp_path / "q") as (_, _, url):
        command = [*python(code), f"pail {loop}"]
        with worker(replace(settings, redis_url=url), tmp_path / "worker", command) as run:
            assert await asyncio.to_thread(run.process.wait, 40) == os.EX_SOFTWARE, run.log
            assert f"the loop '{loop}' ended" in run.log
    assert list((settings.data_dir / "workers").iterdir()) == []
