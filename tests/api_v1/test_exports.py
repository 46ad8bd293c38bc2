"""Exports in API 1.0: the calls that nothing documented."""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from service.http.doorbell import DOORBELL, Doorbell
from tests.archives import as_data, sample
from tests.conftest import Answer, Api, Start
from tests.jobs.working import (
    APP,
    archive,
    begin_export,
    files,
    finished_export,
    give,
    select,
    take,
    working,
)
from tests.tracker.test_jobs import seconds_later
from tracker.blobs import Blobs
from tracker.settings import Settings
from tracker.vocabulary import Phase
from tracker.work import jobs
from tracker.work.jobs import Job

EXPORT = f"/1.0/repositories/{APP}/issues/export"
ZIP = f"{EXPORT}/zip"


@pytest.fixture
async def pail(api: Api, settings: Settings) -> AsyncIterator[Api]:
    """Pail with a worker that does its jobs."""
    async with working(settings):
        yield api


async def _begin(api: Api, **arguments: Any) -> None:
    answer = await api("POST", EXPORT, "alice", **arguments)
    assert answer.status == 202, answer


async def _settled(api: Api) -> Any:
    """The export's status, once it has ended."""
    async with asyncio.timeout(50):
        while "pct" in (status := await api.get(EXPORT, "alice")):
            await asyncio.sleep(0.02)
    return status


async def _download(api: Api, who: str | None = "alice") -> tuple[Answer, bytes]:
    response = await api.client.get(ZIP, headers=api.world.headers(who))
    return Answer(response.status, response.headers, None), await response.read()


async def _claimed(api: Api) -> Job:
    job = await jobs.claim(api.db, (await jobs.accepted(api.db))[0], "this test")
    assert job is not None
    return job


@pytest.mark.parametrize("prefix", ["", "/api", "/!api"])
async def test_it_is_accepted_without_a_word(api: Api, prefix: str) -> None:
    response = await api.client.post(f"{prefix}{EXPORT}/", headers=api.world.headers("alice"))
    assert (response.status, response.reason) == (202, "ACCEPTED")
    assert response.headers["Retry-After"] == "1"
    assert await response.read() == b""
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"


async def test_while_it_runs_its_numbers_are_texts(api: Api) -> None:
    await _begin(api)
    waiting = {
        "status": "ACCEPTED",
        "count": "0",
        "total": "0",
        "phase": "Initializing",
        "pct": "0",
    }
    assert await api.get(EXPORT, "alice") == waiting
    await jobs.move(api.db, await _claimed(api), Phase.ISSUES, 4, 1, moved=True)
    assert await api.get(f"{EXPORT}/", "alice") == {
        "status": "STARTED",
        "count": "1",
        "total": "4",
        "phase": "Issues",
        "pct": "25",
    }


async def test_it_ends_with_the_address_of_the_zip(pail: Api, tmp_path: Path) -> None:
    await take(pail, archive(tmp_path))
    await _begin(pail)
    assert await _settled(pail) == {"url": ZIP, "status": "SUCCESS"}
    answer, zipped = await _download(pail)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/zip"
    assert 'attachment; filename="app-issues.zip"' in answer.headers["Content-Disposition"]
    assert "no-store" in answer.headers["Cache-Control"]
    database = json.loads(zipfile.ZipFile(io.BytesIO(zipped)).read("db-2.0.json"))
    assert as_data(database) == as_data(sample())
    assert zipped == await give(pail)


async def test_before_one_was_begun_there_is_nothing(api: Api) -> None:
    for path in (EXPORT, ZIP):
        answer = await api("GET", path, "alice")
        assert answer.status == 404
        assert answer.body["error"] == {
            "message": "Not Found",
            "detail": "No export job has begun.",
        }


async def test_the_zip_is_not_there_before_it_is_ready(api: Api) -> None:
    await _begin(api)
    answer = await api("GET", ZIP, "alice")
    assert answer.status == 404
    assert "not ready yet" in answer.body["error"]["detail"]


async def test_one_that_fails_says_why(pail: Api, settings: Settings, tmp_path: Path) -> None:
    await take(pail, archive(tmp_path))
    [(blob,)] = select(settings.database, "SELECT blob FROM attachment WHERE size > 0")
    Blobs(settings.blobs_dir).remove(blob)
    await _begin(pail)
    status = await _settled(pail)
    assert set(status) == {"status", "message"}
    assert status["status"] == "FAILURE"
    assert blob in status["message"]
    answer = await pail("GET", ZIP, "alice")
    assert answer.status == 410
    assert answer.body["error"]["message"] == f"The export failed: {status['message']}"


async def test_one_that_was_removed_is_gone(pail: Api, settings: Settings) -> None:
    await _begin(pail)
    await _settled(pail)
    for file in files(settings.exports_dir):
        file.unlink()
    answer = await pail("GET", ZIP, "alice")
    assert answer.status == 410
    message = answer.body["error"]["message"]
    assert "kept for 7 days" in message
    status = await pail.get(EXPORT, "alice")
    assert status == {"status": "FAILURE", "message": message}


async def test_it_is_the_newest_one_that_was_begun_without_options(
    api: Api, settings: Settings
) -> None:
    await _begin(api)
    async with working(settings):
        await _settled(api)
    other = await begin_export(api, include_attachments=False)
    await begin_export(api, "alice/open")
    assert (await api.get(EXPORT, "alice"))["status"] == "SUCCESS"
    refused = await api("POST", EXPORT, "alice")
    assert (refused.status, refused.body["error"]["message"]) == (409, jobs.EXPORT_RUNNING)
    assert int(refused.headers["Retry-After"]) > 0
    async with working(settings):
        await finished_export(api, other)
    await begin_export(api)
    assert (await api.get(EXPORT, "alice"))["status"] == "ACCEPTED"


async def test_one_that_no_worker_takes_says_so(api: Api, settings: Settings) -> None:
    await _begin(api)
    with seconds_later(settings.job_patience_seconds + 1):
        status = await api.get(EXPORT, "alice")
    assert status["status"] == "ACCEPTED"
    assert (
        status["message"] == "No worker has taken this export within 300 seconds; it still waits."
    )


async def test_one_that_newer_ones_have_replaced_is_gone(pail: Api) -> None:
    await _begin(pail)
    await _settled(pail)
    for _ in range(3):
        await give(pail, include_attachments=False)
    answer = await pail("GET", ZIP, "alice")
    assert answer.status == 410
    message = answer.body["error"]["message"]
    assert message.startswith("Newer exports have replaced this one")
    assert await pail.get(EXPORT, "alice") == {"status": "FAILURE", "message": message}


async def test_an_import_leaves_no_export_of_what_it_has_replaced(
    pail: Api, tmp_path: Path
) -> None:
    await _begin(pail)
    await _settled(pail)
    await take(pail, archive(tmp_path))
    for path in (EXPORT, ZIP):
        answer = await pail("GET", path, "alice")
        assert answer.status == 404
        assert answer.body["error"]["detail"] == "No export job has begun."
    await _begin(pail)
    assert await _settled(pail) == {"url": ZIP, "status": "SUCCESS"}
    database = json.loads(
        zipfile.ZipFile(io.BytesIO((await _download(pail))[1])).read("db-2.0.json")
    )
    assert as_data(database) == as_data(sample())


async def test_both_apis_begin_the_same_one(api: Api, settings: Settings) -> None:
    await _begin(api, data={"send_email": "true"})
    await _begin(api)
    path = await begin_export(api)
    [(uuid,)] = select(settings.database, "SELECT uuid FROM job")
    assert uuid in path


async def test_the_worker_is_rung_for(start: Start, settings: Settings) -> None:
    rung = []

    class Listening(Doorbell):
        def ring(self, job: Job) -> None:
            rung.append(job.id)

    def listen(app: web.Application) -> None:
        app[DOORBELL] = Listening(None)

    api = await start(settings, listen)
    await _begin(api)
    assert rung == await jobs.accepted(api.db)


@pytest.mark.parametrize(
    ("who", "begin", "look"),
    [
        (None, 401, 404),
        ("charlie", 404, 404),
        ("dora", 403, 403),
        ("bob", 403, 403),
        ("reader", 403, 403),
        ("wrong", 401, 401),
    ],
)
async def test_others_neither_begin_nor_get_it(
    pail: Api, who: str | None, begin: int, look: int
) -> None:
    await _begin(pail)
    await _settled(pail)
    assert (await pail("POST", EXPORT, who)).status == begin
    assert (await pail("GET", EXPORT, who)).status == look
    assert (await pail("GET", ZIP, who)).status == look
