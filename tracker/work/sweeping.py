"""Sweeping: removes what crashes, expired undo periods and old exports leave behind.

Everything is done in small steps, may be interrupted anywhere and repeated.
"""

import asyncio
import shutil
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from tracker import clock
from tracker.access import trackers
from tracker.blobs import Blobs
from tracker.database import Database, Reader
from tracker.settings import Settings
from tracker.work import jobs
from tracker.work.presence import Presence

PAUSE = 0.005
"""Seconds between two short transactions."""

YOUNG = 3600.0
"""Seconds for which a file that no row names is left alone: its row may come yet."""


_FEW = 50
"""Files that are removed in one transaction."""


async def settle_jobs(db: Database, settings: Settings, presence: Presence) -> None:
    """Deal with jobs whose worker is gone, so that each ends SUCCESS or FAILURE."""
    await jobs.settle_abandoned(
        db,
        presence,
        attempts=settings.job_attempts,
        stalled_seconds=settings.job_stalled_seconds,
        patience_seconds=settings.job_patience_seconds,
    )


async def sweep(db: Database, blobs: Blobs, settings: Settings, *, young: float = YOUNG) -> None:
    """Remove dropped trackers, expired exports, and files that no row names."""
    await trackers.expire(db, keep_days=settings.keep_replaced_days)
    await _dropped(db, blobs)
    await _exports(db, settings, young)
    await _uploads(db, settings, young)
    await _blobs(db, blobs, young)


async def _dropped(db: Database, blobs: Blobs) -> None:
    while True:
        count, lost = await trackers.remove_dropped(db)
        if not count:
            return
        await free(db, blobs, lost)
        await asyncio.sleep(PAUSE)  # others want to write too


async def _exports(db: Database, settings: Settings, young: float) -> None:
    rows = await db.all(
        """SELECT uuid FROM job
            WHERE kind = 'export' AND status = 'SUCCESS' AND message IS NULL
              AND finished_on > :before
            UNION ALL
           SELECT uuid FROM job WHERE kind = 'export' AND status IN ('ACCEPTED', 'STARTED')""",
        {"before": clock.shifted(days=-settings.keep_exports_days)},
    )
    kept = {settings.export_path(row["uuid"]).name for row in rows}
    await asyncio.to_thread(_remove_others, settings.exports_dir, kept, young)


async def _uploads(db: Database, settings: Settings, young: float) -> None:
    rows = await db.all(
        """SELECT archive FROM job
            WHERE archive IS NOT NULL AND status IN ('ACCEPTED', 'STARTED')"""
    )
    kept = {Path(row["archive"]).name for row in rows}
    if not await _is_busy(db):
        await asyncio.to_thread(_remove_others, settings.spool_dir, kept, young)


def _remove_others(folder: Path, kept: set[str], young: float) -> None:
    before = time.time() - young
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):  # its writer has removed it
            if path.name in kept or path.stat().st_mtime > before:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


async def _blobs(db: Database, blobs: Blobs, young: float) -> None:
    for folder in await asyncio.to_thread(blobs.folders):
        names = await asyncio.to_thread(blobs.names, folder, older_than=young)
        if not await free(db, blobs, names):
            return
    # The first file of an upload waits for the last one, however long that takes.
    await asyncio.to_thread(blobs.remove_leftovers, older_than=24 * young)


async def free(db: Database, blobs: Blobs, names: Iterable[str]) -> bool:
    """Remove those of the blobs that no row names, a few at a time.

    Other writers wait for a few files, not for all. False when it stopped because a job runs, which
    may name one: the sweep removes them later.
    """
    left = list(names)
    while part := left[:_FEW]:
        del left[:_FEW]
        if not await _remove_unnamed(db, blobs, part):
            return False
    return True


async def _remove_unnamed(db: Database, blobs: Blobs, names: Collection[str]) -> bool:
    """As free(), in one transaction.

    In a transaction, because a job is claimed in one: none can begin in the middle of this. An
    upload checks in its own transaction that its bytes are still there; for those that were removed
    here it gets Unavailable.
    """
    async with db.transaction(durable=False) as tx:
        if await _is_busy(tx):
            return False
        params = {f"n{place}": name for place, name in enumerate(names)}
        places = ", ".join(f":{name}" for name in params)
        rows = await tx.all(
            f"SELECT DISTINCT blob FROM attachment WHERE blob IN ({places})", params
        )
        for name in set(names) - {row["blob"] for row in rows}:
            await asyncio.to_thread(blobs.remove, name)
    return True


async def _is_busy(db: Reader) -> bool:
    return await db.one("SELECT 1 FROM job WHERE status = 'STARTED'") is not None
