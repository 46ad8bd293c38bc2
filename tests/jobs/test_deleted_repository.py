"""Jobs of a repository that is deleted under them end quietly and leave nothing behind."""

import asyncio
import logging

import pytest

from tests.conftest import APP, Api
from tests.jobs.working import (
    archive,
    begin_export,
    files,
    give,
    many,
    select,
    send,
    take,
    working,
)
from tracker.blobs import Blobs
from tracker.settings import Settings
from tracker.work import sweeping

_WASTE = ("tracker", "issue", "issue_text", "comment", "log", "attachment", "job")


async def _delete_once_started(api: Api, settings: Settings) -> None:
    async with asyncio.timeout(50):
        while not select(settings.database, "SELECT 1 FROM job WHERE status = 'STARTED'"):
            await asyncio.sleep(0.005)
    assert (await api("DELETE", APP, "alice")).status == 204


async def _is_clean(api: Api, settings: Settings) -> None:
    await sweeping.sweep(api.db, Blobs(settings.blobs_dir), settings, young=-1)
    kept = "SELECT id FROM tracker WHERE repository_id NOT NULL"
    for table in _WASTE:
        column = "id" if table == "tracker" else "tracker_id"
        rows = select(settings.database, f"SELECT 1 FROM {table} WHERE {column} NOT IN ({kept})")
        assert rows == [], table
    assert select(settings.database, "SELECT 1 FROM account WHERE tracker_id NOT NULL") == []


async def test_an_import_under_way_ends_without_a_trace(
    api: Api, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    content = archive(settings.data_dir, many(300, 3000), files={})
    async with working(settings):
        assert (await send(api, content)).status == 202
        with caplog.at_level(logging.ERROR):
            await _delete_once_started(api, settings)
            await take(api, content, "charlie/x", who="charlie")
    assert caplog.records == []
    await _is_clean(api, settings)
    assert select(settings.database, "SELECT count(*) FROM issue") == [(300,)]


async def test_an_export_under_way_ends_without_a_trace(
    api: Api, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async with working(settings):
        await take(api, archive(settings.data_dir, many(300, 3000), files={}))
        with caplog.at_level(logging.ERROR):
            path = await begin_export(api)
            await _delete_once_started(api, settings)
            await take(api, archive(settings.data_dir), "charlie/x", who="charlie")
    assert (await api("GET", path, "alice")).status == 404
    assert caplog.records == []
    await _is_clean(api, settings)
    assert list(settings.exports_dir.glob("*")) == []


@pytest.mark.parametrize("dry_run", [False, True])
async def test_the_upload_of_an_import_that_waits_goes_at_once(
    api: Api, settings: Settings, dry_run: bool
) -> None:
    content = archive(settings.data_dir)
    assert (await send(api, content, dry_run=dry_run)).status == 202
    assert len(files(settings.spool_dir)) == 1
    assert (await api("DELETE", APP, "alice")).status == 204
    assert files(settings.spool_dir) == set()
    assert content.exists()


async def test_the_zips_of_exports_go_at_once_and_others_stay(api: Api, settings: Settings) -> None:
    async with working(settings):
        for _ in range(2):
            await give(api)
        await give(api, "alice/open")
    assert len(files(settings.exports_dir)) == 3
    assert (await api("DELETE", APP, "alice")).status == 204
    assert len(files(settings.exports_dir)) == 1
