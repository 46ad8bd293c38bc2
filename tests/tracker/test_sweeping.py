"""Sweeping: what nobody needs any more goes away, and nothing else."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest

from tests.archives import comment, sample
from tests.jobs.working import dump, files
from tests.tracker.conftest import Core
from tracker import clock
from tracker.access import trackers
from tracker.errors import Invalid
from tracker.vocabulary import JobKind
from tracker.work import sweeping


@contextmanager
def later(*, days: int) -> Iterator[None]:
    """The clock of an instance that was left alone for so many days."""
    moment = datetime.fromisoformat(clock.shifted(days=days))
    clock.set_source(lambda: moment)
    try:
        yield
    finally:
        clock.set_source(None)


async def _sweep(core: Core) -> None:
    await sweeping.sweep(core.db, core.blobs, core.settings, young=-1)


async def _break_an_import(core: Core) -> None:
    with pytest.raises(Invalid):
        await core.take(sample(comments=[comment(1), comment(2, on=99)], logs=[]))


async def test_what_a_failed_import_built_is_removed_to_the_last_row(core: Core) -> None:
    await core.take()
    before = dump(core.settings.database)
    await _break_an_import(core)
    assert await core.values("SELECT count(*) FROM tracker WHERE status = 'dropped'") == [1]
    await _sweep(core)
    assert await core.values("SELECT status FROM tracker WHERE status = 'dropped'") == []
    for table in ("issue", "comment", "log", "category", "vote", "watch", "account"):
        owners = await core.values(f"SELECT DISTINCT tracker_id FROM {table}")
        assert set(owners) <= {None, await core.in_force()}
    assert dump(core.settings.database) == before


async def test_new_people_of_a_failed_import_go_with_it(core: Core) -> None:
    await _break_an_import(core)
    assert await core.values("SELECT count(*) FROM account WHERE tracker_id NOT NULL") == [3]
    await _sweep(core)
    assert await core.values("SELECT count(*) FROM account WHERE tracker_id NOT NULL") == [0]
    assert await core.values("SELECT count(*) FROM account") == [5]


async def test_a_replaced_tracker_is_kept_and_its_files_too(core: Core) -> None:
    await core.take()
    await core.take({"issues": []})
    before, kept = dump(core.settings.database), files(core.settings.blobs_dir)
    await _sweep(core)
    assert dump(core.settings.database) == before
    assert files(core.settings.blobs_dir) == kept
    assert len(kept) == 2


async def test_an_old_replaced_tracker_goes_with_its_files(core: Core) -> None:
    await core.take()
    await core.take({"issues": []})
    with later(days=31):
        await _sweep(core)
    assert await core.values("SELECT count(*) FROM issue") == [0]
    assert files(core.settings.blobs_dir) == set()


async def test_a_tracker_that_an_export_reads_is_kept_however_old(core: Core) -> None:
    await core.take()
    job = await core.claimed(JobKind.EXPORT)
    await core.db.run(
        """UPDATE tracker SET status = 'replaced', replaced_on = '2000-01-01T00:00:00.000000+00:00'
            WHERE id = :id""",
        {"id": job.tracker_id},
    )
    await trackers.expire(core.db, keep_days=30)
    assert await core.values("SELECT status FROM tracker WHERE id = :id", id=job.tracker_id) == [
        "replaced"
    ]
    await core.db.run("UPDATE job SET status = 'FAILURE'")
    await trackers.expire(core.db, keep_days=30)
    assert await core.values("SELECT status FROM tracker WHERE id = :id", id=job.tracker_id) == [
        "dropped"
    ]


async def test_many_rows_go_bit_by_bit(core: Core) -> None:
    await core.take()
    await core.db.run("UPDATE repository SET tracker_id = NULL WHERE slug = 'app'")
    await core.db.run("UPDATE tracker SET status = 'dropped' WHERE issue_count > 0")
    steps = []
    while rows := (await trackers.remove_dropped(core.db, rows=2))[0]:
        steps.append(rows)
    assert max(steps) == 2
    assert await core.values("SELECT count(*) FROM comment") == [0]
    assert await core.db.check() == []


async def test_files_that_no_row_names_go_once_they_are_old(core: Core) -> None:
    await core.take()
    kept = files(core.settings.blobs_dir)
    stray = core.blobs.store([b"nobody names me"])
    leftover = core.settings.blobs_dir / "new-leftover"
    leftover.write_bytes(b"half")
    await sweeping.sweep(core.db, core.blobs, core.settings)
    assert core.blobs.path(stray.sha256).exists()
    assert leftover.exists()
    for path in (core.blobs.path(stray.sha256), leftover):
        os.utime(path, (1, 1))
    await sweeping.sweep(core.db, core.blobs, core.settings)
    assert files(core.settings.blobs_dir) == kept


async def test_no_file_goes_while_a_job_runs(core: Core) -> None:
    stray = core.blobs.store([b"the job may be about to name me"])
    job = await core.claimed(JobKind.EXPORT)
    await _sweep(core)
    assert core.blobs.path(stray.sha256).exists()
    await core.db.run("UPDATE job SET status = 'FAILURE' WHERE id = :id", {"id": job.id})
    await _sweep(core)
    assert not core.blobs.path(stray.sha256).exists()


async def test_uploads_go_unless_their_job_waits(core: Core) -> None:
    spool = core.settings.spool_dir
    waiting = spool / "upload-waiting"
    waiting.write_bytes(core.archive().read_bytes())
    await core.accept(archive=waiting)
    (spool / "upload-stray").write_bytes(b"")
    (spool / "archive-stray").mkdir()
    (spool / "archive-stray" / "db-2.0.json").write_bytes(b"{}")
    await sweeping.sweep(core.db, core.blobs, core.settings)
    assert len(list(spool.iterdir())) == 3
    await _sweep(core)
    assert list(spool.iterdir()) == [waiting]


async def test_exports_go_after_some_days(core: Core) -> None:
    await core.take()
    for number in range(3):
        await core.give(project_name=str(number))
    stray = core.settings.exports_dir / "stray.zip"
    stray.write_bytes(b"")
    os.utime(stray, (1, 1))
    await _sweep(core)
    assert len(files(core.settings.exports_dir)) == 3
    with later(days=core.settings.keep_exports_days + 1):
        await _sweep(core)
    assert files(core.settings.exports_dir) == set()


async def test_an_export_that_is_being_written_is_left_alone(core: Core) -> None:
    core.settings.exports_dir.mkdir()
    for name in (".export-half", "just-finished.zip"):
        (core.settings.exports_dir / name).write_bytes(b"PK")
    await sweeping.sweep(core.db, core.blobs, core.settings)
    assert len(files(core.settings.exports_dir)) == 2
    os.utime(core.settings.exports_dir / ".export-half", (1, 1))
    await sweeping.sweep(core.db, core.blobs, core.settings)
    assert len(files(core.settings.exports_dir)) == 1
