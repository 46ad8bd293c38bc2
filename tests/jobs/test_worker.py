"""The worker: every job once, in whatever order and however often it is rung for."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Api
from tests.jobs.working import (
    APP,
    archive,
    begin_export,
    dump,
    files,
    issues,
    many,
    select,
    send,
    settled,
    take,
    working,
)
from tests.running.processes import ROOT
from tracker.access import repositories
from tracker.settings import Settings
from tracker.work import jobs
from worker import queue

HISTORY = """
CREATE TABLE history (id INTEGER PRIMARY KEY, job INTEGER, status TEXT, phase TEXT, total INTEGER,
                      count INTEGER, attempt INTEGER)"""
NOTE = """
CREATE TRIGGER note AFTER UPDATE ON job BEGIN
    INSERT INTO history (job, status, phase, total, count, attempt)
    VALUES (new.id, new.status, new.phase, new.total, new.count, new.attempt);
END"""


@pytest.fixture
async def noted(api: Api) -> Api:
    """Pail in whose database every step of a job is written down."""
    for statement in (HISTORY, NOTE):
        await api.db.run(statement)
    return api


def _history(settings: Settings, columns: str, rest: str = "") -> list[tuple[Any, ...]]:
    return select(settings.database, f"SELECT {columns} FROM history {rest} ORDER BY id")


async def _until(settings: Settings, condition: str) -> None:
    """Wait until that is true of a job."""
    async with asyncio.timeout(50):
        while not select(settings.database, f"SELECT 1 FROM job WHERE {condition}"):
            await asyncio.sleep(0.005)


async def test_fifty_jobs_and_two_workers_do_each_once(noted: Api, settings: Settings) -> None:
    for number in range(50):
        await repositories.create(noted.db, f"alice/r{number}")
        await begin_export(noted, f"alice/r{number}")
    async with working(settings), working(settings):
        async with asyncio.timeout(50):
            while select(settings.database, "SELECT 1 FROM job WHERE finished_on IS NULL"):
                await asyncio.sleep(0.02)
    settlements = _history(settings, "job", "WHERE status = 'SUCCESS'")
    assert len(settlements) == len(set(settlements)) == 50
    assert select(settings.database, "SELECT DISTINCT attempt FROM job") == [(1,)]
    assert len(files(settings.exports_dir)) == 50


async def test_nobodys_many_jobs_hold_up_another_ones(noted: Api, settings: Settings) -> None:
    for number in range(20):
        await repositories.create(noted.db, f"alice/r{number}")
        await begin_export(noted, f"alice/r{number}")
    answer = await noted("POST", issues("charlie/x", "/export"), "charlie")
    assert answer.status == 202
    async with working(settings):
        async with asyncio.timeout(50):
            while select(settings.database, "SELECT 1 FROM job WHERE finished_on IS NULL"):
                await asyncio.sleep(0.02)
    [(charlies,)] = select(settings.database, "SELECT max(id) FROM job")
    begun = _history(settings, "job", "WHERE status = 'STARTED' AND phase = 'Initializing'")
    assert list(dict.fromkeys(begun)).index((charlies,)) <= 1


async def test_ringing_again_and_again_does_it_once(noted: Api, settings: Settings) -> None:
    async with working(settings) as running:
        await begin_export(noted)
        [job_id] = [row[0] for row in select(settings.database, "SELECT id FROM job")]
        for _ in range(5):
            await queue.run_job({"runner": running}, job_id)
        await _until(settings, "finished_on IS NOT NULL")
        await queue.run_job({"runner": running}, job_id)
    assert len(_history(settings, "job", "WHERE status = 'SUCCESS'")) == 1


async def test_a_ring_for_a_job_that_is_not_there_is_nothing(settings: Settings) -> None:
    async with working(settings) as running:
        await queue.run_job({"runner": running}, 4711)


@pytest.mark.parametrize("argument", ["1", None, True, 1.0, [1], {"id": 1}, "__import__('os')"])
async def test_a_ring_that_is_no_number_is_nothing(settings: Settings, argument: Any) -> None:
    async with working(settings) as running:
        await queue.run_job({"runner": running}, argument)


@pytest.mark.parametrize("data", [b"", b"[]", b"1", b"\x80\x04.", b"{", b"null", b'"x"'])
def test_what_is_no_job_is_not_read_from_the_queue(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a job|Expecting|codec|decode|Extra"):
        queue.deserialize(data)


def test_a_ring_goes_through_the_queue_as_json() -> None:
    value = {"t": 1, "f": jobs.FUNCTION, "a": (7,), "k": {}, "et": 0}
    assert queue.deserialize(queue.serialize(value)) == {**value, "a": [7]}


async def test_phases_move_and_counts_rise(
    noted: Api, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_STEP", 0.002)
    async with working(settings):
        body = await take(noted, archive(tmp_path, many(4_000, 8_000), files={}))
    assert body["status"] == "SUCCESS"
    steps = _history(settings, "phase, total, count", "WHERE status = 'STARTED'")
    phases = list(dict.fromkeys(phase for phase, _, _ in steps))
    assert phases[:3] == ["Initializing", "Issues", "Comments"]
    for phase in ("Issues", "Comments"):
        counts = [count for seen, _, count in steps if seen == phase]
        assert counts == sorted(counts)
        assert len(set(counts)) > 2
    assert {total for phase, total, _ in steps if phase in ("Issues", "Comments")} == {12_000}
    checked = {count for phase, _, count in steps if phase == "Initializing"}
    assert len(checked) > 2
    assert body["total"] == body["count"] == 12_000


async def test_an_export_moves_too(
    noted: Api, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_STEP", 0.002)
    async with working(settings):
        await take(noted, archive(tmp_path, many(3_000, 3_000), files={}))
        await begin_export(noted)
        await _until(settings, "kind = 'export' AND finished_on IS NOT NULL")
    [(export,)] = select(settings.database, "SELECT id FROM job WHERE kind = 'export'")
    steps = _history(settings, "phase, total, count", f"WHERE job = {export}")
    counts = [count for phase, _, count in steps if phase == "Issues"]
    assert counts == sorted(counts)
    assert len(set(counts)) > 2


async def test_a_worker_that_ends_puts_its_job_back_and_the_next_one_does_it(
    api: Api, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_STEP", 0.002)
    before = dump(settings.database)
    async with working(settings):
        await send(api, archive(tmp_path, many(3_000, 12_000), files={}))
        await _until(settings, "phase = 'Comments'")
    assert select(settings.database, "SELECT status, attempt, worker FROM job") == [
        ("ACCEPTED", 0, None)
    ]
    assert dump(settings.database) == before
    assert select(settings.database, "SELECT 1 FROM tracker WHERE status = 'building'") == []
    async with working(settings):
        assert (await settled(api))["status"] == "SUCCESS"
    assert select(settings.database, "SELECT attempt FROM job") == [(1,)]
    assert (await api.get(issues(), "alice"))["size"] == 3_000


async def test_a_worker_that_ends_leaves_nothing_half_done_of_an_export(
    api: Api, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_STEP", 0.002)
    async with working(settings):
        await take(api, archive(tmp_path, many(4_000, 4_000), files={}))
        async with asyncio.timeout(20):
            while files(settings.spool_dir):  # the upload goes once its job is settled
                await asyncio.sleep(0.005)
    async with working(settings):
        await begin_export(api)
        await _until(settings, "kind = 'export' AND count > 0")
    assert files(settings.exports_dir, settings.spool_dir) == set()
    assert select(settings.database, "SELECT status FROM job WHERE kind = 'export'") == [
        ("ACCEPTED",)
    ]


async def test_a_worker_that_was_overtaken_drops_what_it_built(
    api: Api, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_STEP", 0.002)
    before = dump(settings.database)
    async with working(settings):
        await send(api, archive(tmp_path, many(3_000, 12_000), files={}))
        await _until(settings, "phase = 'Comments'")
        repository = await api.repository(APP)
        job = await jobs.latest_import(api.db, repository)
        await jobs.fail(api.db, job, "settled by another")
        await _until(settings, "message = 'settled by another'")
        await asyncio.sleep(0.1)
    assert select(settings.database, "SELECT status FROM job") == [("FAILURE",)]
    assert dump(settings.database) == before


async def test_a_fault_nobody_thought_of_fails_the_job(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    await send(api, archive(tmp_path))
    for upload in files(settings.spool_dir):
        upload.unlink()
    async with working(settings):
        body = await settled(api)
    assert body["status"] == "FAILURE"
    assert body["message"].startswith("The disk or a file on it failed")


async def test_two_imports_of_one_workspace_both_succeed(pail: Api, tmp_path: Path) -> None:
    content = archive(tmp_path)
    for name in ("alice/app", "alice/open"):
        assert (await send(pail, content, name)).status == 202
    for name in ("alice/app", "alice/open"):
        assert (await settled(pail, name))["status"] == "SUCCESS"
    rows = await pail.db.all("SELECT id FROM account WHERE workspace_id IS NOT NULL")
    assert len(rows) == 3


def test_a_worker_that_can_not_make_its_folders_says_so_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "spool").touch()
    done = subprocess.run(
        [sys.executable, "-m", "worker"],
        cwd=ROOT,
        env={**os.environ, "PAIL_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "spool" in done.stderr
