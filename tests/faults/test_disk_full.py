"""A full disk: what can't be written is refused, what is there is served, and it goes on later."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.archives import attachment, issue
from tests.conftest import Api, Start, World
from tests.jobs.working import (
    archive,
    dump,
    files,
    form,
    issues,
    select,
    send,
    settled,
    working,
)
from tracker.settings import Settings

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]


@pytest.fixture
def small(world: World, settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """Settings whose data lie on a disk of 6 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
        pytest.skip("a small disk can only be mounted by root")
    try:
        shutil.copy(world.database, disk / "pail.db")
        yield replace(settings, data_dir=disk, database=disk / "pail.db")
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def _fill(disk: Path) -> Path:
    """Take every byte that is left."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError:
                continue
    return path


async def _create(api: Api) -> int:
    content = {"raw": os.urandom(20_000).hex()}
    answer = await api("POST", issues(), "bob", json={"title": "t", "content": content})
    assert answer.status in (201, 503, 507), answer
    if answer.status != 201:
        assert answer.body["type"] == "error"
        assert "nothing was changed" in answer.body["error"]["message"]
    return answer.status


async def test_writes_are_refused_reads_answered_and_all_goes_on_when_there_is_room(
    start: Start, small: Settings
) -> None:
    api = await start(small)
    assert await _create(api) == 201
    filler = _fill(small.data_dir)
    statuses = [await _create(api) for _ in range(60)]
    assert 201 not in statuses[-5:]
    made = 1 + statuses.count(201)
    assert (await api.get(issues(), "bob"))["size"] == made
    assert (await api.get(issues(full_name="alice/app", rest="/1"), "bob"))["id"] == 1
    filler.unlink()
    assert await _create(api) == 201
    numbers = select(small.database, "SELECT number FROM issue ORDER BY number")
    assert numbers == [(number,) for number in range(1, made + 2)]
    assert await api.db.check() == []


async def _disk(api: Api) -> str:
    answer = await api("GET", "/readyz")
    assert answer.status == (200 if answer.body["disk"] == "ok" else 503), answer
    return str(answer.body["disk"])


async def _disk_is(api: Api, state: str) -> None:
    async with asyncio.timeout(30):
        while await _disk(api) != state:
            await asyncio.sleep(0.05)


async def test_a_full_disk_is_not_ready_until_there_is_room_whoever_writes(
    start: Start, small: Settings
) -> None:
    api = await start(small)
    assert await _disk(api) == "ok"
    filler = _fill(small.data_dir)
    kept = files(small.data_dir)
    await _disk_is(api, "full")
    filler.unlink()
    await _disk_is(api, "ok")
    assert files(small.data_dir) == kept - {filler}, "a probe writes nothing"


async def test_a_write_that_was_refused_is_told_at_once_and_so_is_the_next_that_went_well(
    start: Start, small: Settings
) -> None:
    api = await start(small)
    assert await _disk(api) == "ok"
    filler = _fill(small.data_dir)
    statuses = [await _create(api) for _ in range(8)]
    assert statuses[-1] == 507
    assert await _disk(api) == "full"
    filler.unlink()
    assert (await api("POST", issues(), "bob", json={"title": "t"})).status == 201
    assert await _disk(api) == "ok"


@pytest.mark.parametrize("what", ["archive", "attachment"])
async def test_an_upload_that_was_refused_is_told_at_once(
    start: Start, small: Settings, what: str
) -> None:
    api = await start(small)
    number = (await api.post(issues(), "bob", {"title": "t"}))["id"]
    assert await _disk(api) == "ok"
    if what == "archive":
        answer = await send(api, os.urandom(8 << 20))
    else:
        path = issues(rest=f"/{number}/attachments")
        answer = await api("POST", path, "bob", data=form(os.urandom(8 << 20)))
    assert answer.status == 507, answer
    assert await _disk(api) == "full"


async def test_an_upload_that_does_not_fit_leaves_nothing(start: Start, small: Settings) -> None:
    api = await start(small)
    answer = await send(api, os.urandom(8 << 20))
    assert answer.status == 507, answer
    assert answer.body["error"]["message"] == "The disk is full; nothing was changed."
    assert files(small.spool_dir) == set()
    assert select(small.database, "SELECT * FROM job") == []


async def test_an_import_that_does_not_fit_fails_and_changes_nothing(
    start: Start, small: Settings, tmp_path: Path
) -> None:
    api = await start(small)
    before = dump(small.database)
    rows = [attachment(f"attachments/{number:032x}") for number in range(6)]
    contents = {row["path"]: bytes([number]) * (2 << 20) for number, row in enumerate(rows)}
    path = archive(tmp_path, {"issues": [issue(1)], "attachments": rows}, files=contents)
    async with working(small):
        assert (await send(api, path)).status == 202
        body = await settled(api)
        assert body["status"] == "FAILURE"
        assert "No space left" in body["message"]
        assert dump(small.database) == before
        assert await _create(api) in (201, 507)
