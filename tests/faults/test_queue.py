"""The queue may be dead, hung, emptied or poisoned: the jobs are done all the same, each once."""

import asyncio
import os
import pickle
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Api, Start
from tests.faults.beside import ARQ, PLAIN, connected, queue, worker
from tests.jobs.working import archive, begin_export, issues, select, send, settled
from tests.running.processes import eventually
from tracker.access import repositories
from tracker.settings import Settings

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]


def _unfinished(settings: Settings) -> list[tuple[Any, ...]]:
    return select(settings.database, "SELECT id FROM job WHERE finished_on IS NULL")


async def _all_finished(settings: Settings) -> None:
    await asyncio.to_thread(eventually, lambda: not _unfinished(settings), "the end of all jobs")


async def test_a_queue_that_is_not_there_loses_nothing(
    start: Start, settings: Settings, tmp_path: Path
) -> None:
    settings = replace(settings, redis_url=f"unix://{tmp_path}/nobody.sock")
    api = await start(settings)
    assert (await send(api, archive(tmp_path))).status == 202
    assert (await api.post(issues("alice/open"), "bob", {"title": "unaffected"}))["id"] == 1
    with worker(settings, tmp_path / "worker"):
        assert (await settled(api))["status"] == "SUCCESS"


async def test_a_queue_that_comes_back_is_used_again(
    start: Start, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "q"
    with queue(folder) as (_, _, url):
        settings = replace(settings, redis_url=url)
    api = await start(settings)
    await begin_export(api)
    with worker(settings, tmp_path / "worker") as run:
        await _all_finished(settings)
        with queue(folder) as (_, connection, again):
            assert again == url
            await asyncio.to_thread(connected, connection)
            await begin_export(api)
            await _all_finished(settings)
        await begin_export(api)
        await _all_finished(settings)
        assert run.process.poll() is None


async def test_a_queue_that_hangs_holds_nobody_up(
    start: Start, settings: Settings, tmp_path: Path
) -> None:
    with queue(tmp_path / "q") as (valkey, connection, url):
        settings = replace(settings, redis_url=url)
        api = await start(settings)
        with worker(settings, tmp_path / "worker") as run:
            await asyncio.to_thread(connected, connection)
            valkey.process.send_signal(signal.SIGSTOP)
            try:
                assert (await send(api, archive(tmp_path))).status == 202
                assert (await settled(api))["status"] == "SUCCESS"
                assert (await api.get("/readyz"))["queue"] == "unreachable"
            finally:
                valkey.process.send_signal(signal.SIGCONT)
            await begin_export(api)
            await _all_finished(settings)
            assert run.process.poll() is None


async def test_a_service_starts_while_the_queue_hangs(
    start: Start, settings: Settings, tmp_path: Path
) -> None:
    with queue(tmp_path / "q") as (valkey, _, url):
        settings = replace(settings, redis_url=url)
        valkey.process.send_signal(signal.SIGSTOP)
        try:
            api = await start(settings)
            assert (await send(api, archive(tmp_path))).status == 202
            with worker(settings, tmp_path / "worker"):
                assert (await settled(api))["status"] == "SUCCESS"
        finally:
            valkey.process.send_signal(signal.SIGCONT)


async def test_jobs_of_a_queue_that_was_emptied_are_done_once(
    start: Start, settings: Settings, tmp_path: Path
) -> None:
    with queue(tmp_path / "q") as (_, connection, url):
        settings = replace(settings, redis_url=url)
        api = await start(settings)
        for number in range(3):
            await repositories.create(api.db, f"alice/r{number}")
            await begin_export(api, f"alice/r{number}")
        await asyncio.to_thread(
            eventually, lambda: connection.zcard("arq:queue") == 3, "three rings"
        )
        connection.flushall()
        with worker(settings, tmp_path / "worker"):
            await _all_finished(settings)
    rows = select(settings.database, "SELECT status, attempt FROM job")
    assert rows == [("SUCCESS", 1)] * 3


class _Harm:
    """Runs a command where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._path),)


@pytest.mark.parametrize("command", [PLAIN, ARQ], ids=["python -m worker", "arq"])
async def test_nothing_that_lies_in_the_queue_is_run_or_ends_the_worker(
    start: Start, settings: Settings, tmp_path: Path, command: Sequence[str]
) -> None:
    harm = tmp_path / "harm"
    poison = {
        "pickle": pickle.dumps({"t": 1, "f": "run_job", "a": (_Harm(harm),), "k": {}, "et": 0}),
        "garbage": b"\xff\x00garbage",
        "nothing": b"",
        "foreign": b'{"jobs": [1]}',
        "list": b"[]",
        "unknown": b'{"t": 1, "f": "os.system", "a": ["x"], "k": {}, "et": 0}',
        "no-number": b'{"t": 1, "f": "run_job", "a": ["__import__"], "k": {}, "et": 0}',
        "no-such-job": b'{"t": 1, "f": "run_job", "a": [4711], "k": {}, "et": 0}',
        "too-many": b'{"t": 1, "f": "run_job", "a": [1, 2, 3], "k": {"x": 1}, "et": 0}',
        "no-time": b'{"t": null, "f": "run_job", "a": [1], "k": {}, "et": "x"}',
        "late": b'{"t": null, "f": "run_job", "a": [1], "k": {}, "et": 1%s}' % (b"0" * 30),
        "no-numbers-time": b'{"t": null, "f": "run_job", "a": [1], "k": {}, "et": NaN}',
        "tries": b'{"t": "x", "f": "run_job", "a": [1], "k": {}, "et": 1}',
        "function": b'{"t": null, "f": [1], "a": [1], "k": {}, "et": 1}',
        "names": b'{"t": null, "f": "run_job", "a": [1], "k": [], "et": 1}',
        "digits": b"9" * 5000,
        "deep": b"[" * 100_000,
    }
    with queue(tmp_path / "q") as (_, connection, url):
        settings = replace(settings, redis_url=url)
        api: Api = await start(settings)
        now = int(time.time() * 1000)
        for name, data in poison.items():
            connection.set(f"arq:job:{name}", data)
            connection.zadd("arq:queue", {name: now})
        connection.zadd("arq:queue", {"no-data": now, b"\xff": now, "": now})
        # Called as a doorbell would, but not what it puts there.
        for number, data in enumerate(poison.values()):
            connection.set(f"arq:job:{number}:1", data)
        connection.rpush("arq:job:98:1", "a list")
        connection.set("arq:job:99:1", poison["no-such-job"])
        connection.set("arq:retry:99:1", "no number")
        numbers = (*range(len(poison)), 98, 99)
        connection.zadd("arq:queue", {f"{number}:1": now for number in numbers})
        connection.set("arq:abort", "no sorted set")
        with worker(settings, tmp_path / "worker", command) as run:
            await asyncio.to_thread(
                eventually, lambda: connection.zcard("arq:queue") == 0, "an empty queue"
            )
            connection.set("arq:queue", "no sorted set")
            await asyncio.to_thread(
                eventually, lambda: not connection.exists("arq:queue"), "a queue that works"
            )
            await begin_export(api)
            await _all_finished(settings)
            assert run.process.poll() is None
    assert not harm.exists()
    assert select(settings.database, "SELECT status, attempt FROM job") == [("SUCCESS", 1)]
