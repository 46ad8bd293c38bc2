"""`pail check`: what is sound says nothing, what is not is named."""

from datetime import datetime

from tests.tracker.conftest import Core
from tracker import clock
from tracker.work.checking import check


async def _check(core: Core, *, with_bytes: bool = True) -> list[str]:
    return await check(core.db, core.blobs, core.settings, with_bytes=with_bytes)


async def _blob(core: Core) -> str:
    [blob] = await core.values("SELECT blob FROM attachment WHERE size > 0")
    return str(blob)


async def test_what_is_sound_says_nothing(core: Core) -> None:
    await core.take()
    await core.take()
    assert await _check(core) == []


async def test_missing_bytes_are_found(core: Core) -> None:
    await core.take()
    blob = await _blob(core)
    core.blobs.remove(blob)
    assert await _check(core) == [f"The attachment 'screen shot.png' ({blob}) has no bytes."]


async def test_changed_bytes_are_found_unless_only_sizes_are_looked_at(core: Core) -> None:
    await core.take()
    blob = await _blob(core)
    path = core.blobs.path(blob)
    path.write_bytes(b"!" * path.stat().st_size)
    assert await _check(core, with_bytes=False) == []
    [sentence] = await _check(core)
    assert "other bytes than were stored" in sentence
    path.write_bytes(b"shorter")
    [sentence] = await _check(core, with_bytes=False)
    assert "7 bytes instead of 1200" in sentence


async def test_an_attachment_that_never_had_bytes_is_sound(core: Core) -> None:
    await core.take(core.archive(files={}))
    assert await _check(core) == []


async def test_a_wrong_count_and_a_number_that_would_be_used_twice_are_found(core: Core) -> None:
    await core.take()
    await core.db.run("UPDATE tracker SET issue_count = 9 WHERE status = 'current'")
    found = await _check(core)
    assert "alice/app counts 9 of its 2 issues." in found
    await core.db.run(
        """UPDATE tracker SET issue_count =
                  (SELECT count(*) FROM issue WHERE tracker_id = tracker.id)"""
    )
    await core.db.run("UPDATE repository SET last_issue_number = 1 WHERE slug = 'app'")
    assert await _check(core) == ["alice/app would use issue number 3 a second time."]


async def test_a_repository_without_a_tracker_is_found(core: Core) -> None:
    await core.db.run("UPDATE tracker SET status = 'replaced'")
    assert "charlie/x has no tracker in force." in await _check(core)


async def test_a_job_that_nobody_settles_is_found(core: Core) -> None:
    job = await core.claimed(archive=core.archive())
    assert await _check(core) == []
    moment = datetime.fromisoformat(clock.shifted(seconds=3 * core.settings.job_stalled_seconds))
    clock.set_source(lambda: moment)
    try:
        assert await _check(core) == [
            f"The import {job.uuid} was started, and nobody works on it any more."
        ]
    finally:
        clock.set_source(None)
