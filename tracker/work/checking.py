"""Check that the data is sound: the database, the blobs that it names, and the jobs."""

import asyncio
import hashlib
import shlex
from collections.abc import AsyncIterator

from tracker import clock
from tracker.blobs import Blobs
from tracker.database import Database, DatabaseUnusable, Row
from tracker.files import is_open_to_others
from tracker.settings import Settings
from tracker.work.presence import Presence


async def check(
    db: Database, blobs: Blobs, settings: Settings, *, with_bytes: bool = True
) -> list[str]:
    """Sentences about what is not sound; empty when everything is.

    with_bytes reads every attachment and compares its SHA-256; without, only sizes are compared.
    """
    found = await db.check()
    try:
        found += await _trackers(db)
        found += await _jobs(db, settings)
        async for problem in _blobs(db, blobs, with_bytes):
            found.append(problem)
    except DatabaseUnusable as error:
        found.append(f"Nothing more can be read: {error.message}")
    return found


async def _blobs(db: Database, blobs: Blobs, with_bytes: bool) -> AsyncIterator[str]:
    statement = """SELECT blob, max(size) AS size, min(name) AS name, count(*) AS rows
                     FROM attachment WHERE blob IS NOT NULL GROUP BY blob"""
    async for rows in db.stream(statement):
        for row in rows:
            problem = await asyncio.to_thread(_blob_problem, blobs, row, with_bytes)
            if problem:
                yield problem


def warnings(settings: Settings) -> list[str]:
    """Sentences about files and folders that other accounts of the machine may open."""
    database = settings.database
    paths = (
        settings.data_dir,
        *(database.with_name(database.name + end) for end in ("", "-wal", "-shm")),
        settings.key_file,
        settings.blobs_dir,
        settings.spool_dir,
        settings.exports_dir,
    )
    return [
        f"Other accounts of this machine may open {path}: chmod go= {shlex.quote(str(path))}"
        for path in paths
        if is_open_to_others(path)
    ]


def _blob_problem(blobs: Blobs, row: Row, with_bytes: bool) -> str | None:
    named = f"The attachment {row['name']!r} ({row['blob']})"
    path = blobs.path(row["blob"])
    if not path.is_file():
        return f"{named} has no bytes."
    if path.stat().st_size != row["size"]:
        return f"{named} has {path.stat().st_size} bytes instead of {row['size']}."
    if with_bytes:
        digest = hashlib.sha256()
        for chunk in blobs.read(row["blob"]):
            digest.update(chunk)
        if digest.hexdigest() != row["blob"]:
            return f"{named} has other bytes than were stored."
    return None


async def _trackers(db: Database) -> list[str]:
    rows = await db.all(
        """SELECT w.slug || '/' || r.slug AS name, t.status, t.issue_count,
                  (SELECT count(*) FROM issue i WHERE i.tracker_id = t.id) AS issues,
                  (SELECT coalesce(max(number), 0) FROM issue i WHERE i.tracker_id = t.id) AS last,
                  r.last_issue_number
             FROM repository r JOIN workspace w ON w.id = r.workspace_id
             LEFT JOIN tracker t ON t.id = r.tracker_id AND t.repository_id = r.id"""
    )
    found = []
    for row in rows:
        if row["status"] != "current":
            found.append(f"{row['name']} has no tracker in force.")
        elif row["issues"] != row["issue_count"]:
            found.append(
                f"{row['name']} counts {row['issue_count']} of its {row['issues']} issues."
            )
        elif row["last"] > row["last_issue_number"]:
            found.append(f"{row['name']} would use issue number {row['last']} a second time.")
    return found


async def _jobs(db: Database, settings: Settings) -> list[str]:
    rows = await db.all(
        """SELECT uuid, kind, worker, heartbeat_on < :before AS is_silent FROM job
            WHERE status = 'STARTED'""",
        {"before": clock.shifted(seconds=-settings.job_stalled_seconds)},
    )
    presence = Presence(settings.data_dir)
    return [
        f"The {row['kind']} {row['uuid']} was started, and nobody works on it any more."
        for row in rows
        if row["is_silent"] or presence.is_gone(row["worker"] or "")
    ]
