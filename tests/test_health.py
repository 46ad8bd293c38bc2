"""GET /healthz and GET /readyz."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

from service.http import health
from tests.conftest import Api, Start
from tests.running.processes import eventually, started
from tracker.settings import Settings
from tracker.work.presence import Presence

READY = {"database": "ok", "disk": "ok", "queue": "none", "worker": "none", "caches": ANY}


async def test_a_process_that_answers_is_healthy(api: Api) -> None:
    assert await api.get("/healthz") == {"status": "ok"}


async def test_ready_is_who_has_a_database_whatever_the_queue_says(
    start: Start, settings: Settings
) -> None:
    for redis_url, state in ((None, "none"), ("redis://127.0.0.1:1/0", "unreachable")):
        api = await start(replace(settings, redis_url=redis_url))
        answer = await api("GET", "/readyz")
        assert answer.status == 200
        assert answer.body == {**READY, "queue": state}


async def test_who_can_not_read_his_database_is_not_ready(api: Api) -> None:
    await api.db.run("ALTER TABLE counter RENAME TO lost")
    answer = await api("GET", "/readyz")
    assert answer.status == 503
    assert answer.body == {**READY, "database": "does not answer"}
    assert (await api("GET", "/healthz")).status == 200


async def test_a_worker_is_told_for_as_long_as_it_lives(api: Api, settings: Settings) -> None:
    assert (await api.get("/readyz"))["worker"] == "none"
    with Presence(settings.data_dir):
        for _ in range(2):  # looking takes nothing away
            assert await api.get("/readyz") == {**READY, "worker": "ok"}
    assert (await api.get("/readyz"))["worker"] == "none"


async def test_a_worker_that_was_killed_is_told_as_none_and_its_file_is_left_alone(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "w").mkdir()
    command = [sys.executable, "-m", "worker"]
    with started(tmp_path / "w", command, PAIL_DATA_DIR=str(settings.data_dir)) as run:
        folder = settings.data_dir / "workers"
        await asyncio.to_thread(
            eventually, lambda: folder.exists() and list(folder.glob("[!.]*")), "a worker"
        )
        assert (await api.get("/readyz"))["worker"] == "ok"
        run.process.kill()
        await asyncio.to_thread(run.process.wait)
    assert (await api.get("/readyz"))["worker"] == "none"
    assert len(list(folder.iterdir())) == 1, "a probe removes nothing"


async def test_many_who_look_at_the_same_time_see_no_worker_in_one_another(
    api: Api, settings: Settings
) -> None:
    with Presence(settings.data_dir) as presence:
        left = settings.data_dir / "workers" / presence.name
    left.touch()
    seen = await asyncio.gather(*(api.get("/readyz") for _ in range(50)))
    assert {body["worker"] for body in seen} == {"none"}


async def test_a_folder_that_is_not_there_yet_is_no_full_disk(
    start: Start, settings: Settings, tmp_path: Path
) -> None:
    api = await start(replace(settings, data_dir=tmp_path / "not" / "there"))
    assert await api.get("/readyz") == READY


async def test_a_write_that_the_disk_refused_is_remembered_for_seconds(api: Api) -> None:
    api.db.note_full()
    answer = await api("GET", "/readyz")
    assert (answer.status, answer.body) == (503, {**READY, "disk": "full"})
    assert api.db.refused_on is not None
    api.db.refused_on -= health.KEPT + 0.1
    assert await api.get("/readyz") == READY
    api.db.note_full()
    await api.db.run("UPDATE counter SET value = value")
    assert await api.get("/readyz") == READY, "a write that went well counts at once"
