"""Whatever strangers send over HTTP: the old issues stay, and nothing is left behind."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Api
from tests.hostile.archives import HOSTILE, JSON, NAMES, OTHERS, RECORDS, ZIPS, Hostile
from tests.jobs.working import archive, dump, files, issues, take, working
from tracker.blobs import Blobs
from tracker.settings import Settings
from tracker.work import sweeping

GROUPS = {"names": NAMES, "zips": ZIPS, "json": JSON, "records": RECORDS, "others": OTHERS}
AT_ONCE = 8
BATCHES = {
    f"{name} from {start}": group[start : start + AT_ONCE]
    for name, group in GROUPS.items()
    for start in range(0, len(group), AT_ONCE)
}


@pytest.fixture
async def pail(api: Api, settings: Settings, tmp_path: Path) -> AsyncIterator[Api]:
    """Pail with a worker, and issues to lose."""
    async with working(settings):
        assert (await take(api, archive(tmp_path)))["status"] == "SUCCESS"
        await api.post(issues(), "bob", {"title": "written here"})
        yield api


def test_every_hostile_archive_is_in_a_batch() -> None:
    assert sum(map(len, BATCHES.values())) == len(HOSTILE)


@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
async def test_a_hostile_archive_fails_by_name_and_changes_nothing(
    pail: Api, settings: Settings, tmp_path: Path, batch: list[Hostile]
) -> None:
    before = dump(settings.database)
    stored = files(settings.blobs_dir, settings.exports_dir)
    for number, hostile in enumerate(batch):
        path = tmp_path / f"hostile-{number}"
        hostile.write(path)
        if path.is_dir():
            continue  # nobody can send a folder
        body = await take(pail, path)
        assert body["status"] == "FAILURE", hostile.name
        assert hostile.words in body["message"], hostile.name
        assert dump(settings.database) == before, hostile.name
    await _spool_is_empty(settings)
    await sweeping.sweep(pail.db, Blobs(settings.blobs_dir), settings, young=-1)
    assert files(settings.blobs_dir, settings.exports_dir) == stored
    assert dump(settings.database) == before
    assert (
        await pail.db.all("SELECT 1 FROM tracker WHERE status NOT IN ('current', 'replaced')") == []
    )


async def test_after_all_that_a_good_archive_comes_in(pail: Api, tmp_path: Path) -> None:
    for hostile in _one_of_each():
        hostile.write(tmp_path / "hostile")
        await take(pail, tmp_path / "hostile")
    assert (await take(pail, archive(tmp_path)))["status"] == "SUCCESS"


def _one_of_each() -> list[Hostile]:
    return [group[0] for name, group in GROUPS.items() if name != "others"]


async def _spool_is_empty(settings: Settings) -> None:
    async with asyncio.timeout(20):
        while files(settings.spool_dir):
            await asyncio.sleep(0.01)
