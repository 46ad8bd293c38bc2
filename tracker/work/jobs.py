"""Jobs: the row is the promise, the queue only a doorbell.

A job is accepted (the row is committed), claimed by one worker with one UPDATE, moved on in short
transactions and settled once: every later step is guarded by status and attempt, so a worker that
was overtaken changes nothing.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tracker import clock
from tracker.access import accounts, repositories
from tracker.access.rights import NO_REPOSITORY, Repository, require_administrator
from tracker.database import BrokenReference, Database, Duplicate, Reader, Row, Transaction
from tracker.errors import Conflict, Forbidden, NotFound, Unavailable
from tracker.escaping import escaped
from tracker.transfers import reports
from tracker.vocabulary import AskedBy, JobKind, JobStatus, Phase
from tracker.work.presence import Presence
from tracker.work.progress import Progress

_log = logging.getLogger("pail.jobs")

_STEP = 0.5
_HEARTBEAT_STEPS = 10

FUNCTION = "run_job"
"""The worker's function that runs a job, as the queue knows it; its argument is the job's id."""

BELL = "pail:bell"
"""The list in the queue that a worker waits at; whatever is pushed means: look for jobs."""

MAKES_REPOSITORY = "makes_repository"
"""The option of an import whose repository was made in the transaction that accepted it."""

KEPT_EXPORTS = 3
"""Zips of a repository that can be fetched; an older one is removed."""

IMPORT_RUNNING = (
    "An import of this repository waits or runs already; "
    "one that waits can be withdrawn (DELETE .../issues/import)."
)
EXPORT_RUNNING = "An export of this repository with other options waits or runs already."
NO_EXPORT = "No export job has begun."


@dataclass(frozen=True, slots=True)
class Job:
    """One job as its row says."""

    id: int
    uuid: str
    kind: JobKind
    repository_id: int
    asked_by: AskedBy
    account_id: int | None
    status: JobStatus
    phase: str
    total: int
    count: int
    attempt: int
    dry_run: bool
    options: Mapping[str, Any]
    base_url: str
    archive: str | None
    worker: str | None
    tracker_id: int | None
    writes_before: int
    message: str | None
    report: Mapping[str, Any] | None
    moved_on: str | None
    finished_on: str | None

    @property
    def percent(self) -> int:
        """How much is done, 0..100; 100 only for a job that succeeded."""
        if self.status is JobStatus.SUCCESS:
            return 100
        return min(99, self.count * 100 // self.total) if self.total else 0

    @property
    def is_finished(self) -> bool:
        """Whether it has ended."""
        return self.status in (JobStatus.SUCCESS, JobStatus.FAILURE)


class Superseded(Exception):
    """The job was settled or claimed elsewhere: stop, and change nothing more."""


_COLUMNS = ", ".join(field.name for field in fields(Job))
_IN_FORCE = "(SELECT tracker_id FROM repository WHERE id = :repository)"


def _job(row: Row) -> Job:
    values = {field.name: row[field.name] for field in fields(Job)}
    values["kind"] = JobKind(values["kind"])
    values["asked_by"] = AskedBy(values["asked_by"])
    values["status"] = JobStatus(values["status"])
    values["dry_run"] = bool(values["dry_run"])
    values["options"] = json.loads(values["options"])
    values["report"] = reports.loaded(values["report"]) if values["report"] else None
    return Job(**values)


def _text(options: Mapping[str, Any] | None) -> str:
    """How a row keeps options: equal ones alike."""
    return json.dumps(dict(options or {}), sort_keys=True)


async def accept(
    tx: Transaction,
    repository: Repository,
    kind: JobKind,
    *,
    account_id: int | None,
    base_url: str,
    archive: Path | None = None,
    dry_run: bool = False,
    options: Mapping[str, Any] | None = None,
    worker: str | None = None,
) -> Job:
    """Accept a job: it is a promise from the commit on.

    account_id is the account that asks, None for the command line. archive is the uploaded file of
    an import, base_url the address that links in an export start with. An export that runs with the
    same options is returned instead of a second one. worker claims the job at once, for a command
    that runs it without the queue; that is always a job of its own. Raises Conflict when an import
    or an export with other options is running already, NotFound for a repository that was deleted
    since the caller looked.
    """
    values = {
        "uuid": accounts.new_uuid().strip("{}"),
        "kind": kind,
        "repository": repository.id,
        "account": account_id,
        "asked_by": AskedBy.COMMAND_LINE if account_id is None else AskedBy.ACCOUNT,
        "options": _text(options),
        "base_url": base_url,
        "archive": str(archive) if archive else None,
        "dry_run": int(dry_run),
        "now": clock.now(),
        "status": JobStatus.STARTED if worker else JobStatus.ACCEPTED,
        "attempt": 1 if worker else 0,
        "worker": worker,
    }
    if worker:
        if kind is JobKind.IMPORT and await _workspace_is_busy(tx, repository.workspace_id):
            raise Conflict("Another import is running in this workspace.", retry_after=5)
    elif kind is JobKind.EXPORT and (running := await _running_export(tx, values)) is not None:
        return _job(running)
    try:
        # An export is of the tracker in force now, not of the one that the caller saw.
        row = await tx.returning(
            f"""INSERT INTO job (uuid, kind, repository_id, tracker_id, asked_by, account_id,
                                 status, attempt, worker, options, base_url, archive, dry_run,
                                 writes_before, created_on, heartbeat_on, moved_on)
                VALUES (:uuid, :kind, :repository,
                        CASE WHEN :kind = 'export' THEN {_IN_FORCE} END, :asked_by, :account,
                        :status, :attempt, :worker, :options, :base_url, :archive, :dry_run,
                        coalesce((SELECT writes FROM tracker WHERE id = {_IN_FORCE}), 0), :now,
                        :now, :now)
                RETURNING {_COLUMNS}""",
            values,
        )
    except Duplicate as error:
        raise Conflict(_RUNNING[kind], retry_after=5) from error
    except BrokenReference as error:
        raise NotFound(NO_REPOSITORY) from error
    return _job(row)


_RUNNING = {JobKind.IMPORT: IMPORT_RUNNING, JobKind.EXPORT: EXPORT_RUNNING}


async def _running_export(tx: Transaction, values: Mapping[str, object]) -> Row | None:
    """The unfinished export that an account asked for with the same options.

    It belongs to this account from now on, because the other one may lose its permission.
    """
    return await tx.one(
        f"""UPDATE job SET account_id = :account
             WHERE repository_id = :repository AND tracker_id = {_IN_FORCE} AND kind = 'export'
               AND asked_by = :asked_by AND options = :options AND base_url = :base_url
               AND status IN ('ACCEPTED', 'STARTED')
         RETURNING {_COLUMNS}""",
        values,
    )


async def require_no_import(db: Reader, repository: Repository) -> None:
    """Raises Conflict when an import of the repository waits or runs (accept() does, too)."""
    if await _unfinished_import(db, repository):
        raise Conflict(IMPORT_RUNNING, retry_after=5)


async def _unfinished_import(db: Reader, repository: Repository) -> Row | None:
    return await db.one(
        """SELECT id FROM job WHERE repository_id = :id AND kind = 'import'
              AND status IN ('ACCEPTED', 'STARTED')""",
        {"id": repository.id},
    )


async def _workspace_is_busy(tx: Transaction, workspace_id: int) -> bool:
    return (
        await tx.one(
            """SELECT 1 FROM job j JOIN repository r ON r.id = j.repository_id
                WHERE r.workspace_id = :workspace AND j.kind = 'import' AND j.status = 'STARTED'""",
            {"workspace": workspace_id},
        )
        is not None
    )


async def claim(db: Database, job_id: int, worker: str) -> Job | None:
    """Make the job this worker's, or None when there is nothing to do for it now.

    Imports of one workspace run one after the other, because they share its people. A job whose
    account may not ask for it any more ends here as a FAILURE with the reason.
    """
    async with db.transaction() as tx:
        row = await tx.one(
            f"""UPDATE job
                   SET status = 'STARTED', attempt = attempt + 1, worker = :worker,
                       heartbeat_on = :now, moved_on = :now, count = 0, total = 0,
                       phase = 'Initializing'
                 WHERE id = :id AND status = 'ACCEPTED'
                   AND {_CLAIMABLE}
             RETURNING {_COLUMNS}""",
            {"id": job_id, "worker": worker, "now": clock.now()},
        )
        if row is None:
            return None
        job = _job(row)
        try:
            await _require_administrator(tx, job)
        except Forbidden as error:
            await settle(tx, job, JobStatus.FAILURE, message=error.message)
            refusal = error.message
        else:
            return job
    _log.info("%s %s: %s", job.kind, job.uuid, refusal)
    await remove_upload(job)
    return None


_CLAIMABLE = """(kind = 'export' OR NOT EXISTS (
    SELECT 1 FROM job other
      JOIN repository theirs ON theirs.id = other.repository_id
      JOIN repository ours ON ours.id = job.repository_id
     WHERE theirs.workspace_id = ours.workspace_id
       AND other.kind = 'import' AND other.status = 'STARTED'))"""
"""SQL of whether an accepted job may begin now."""


def _waiting(condition: str) -> str:
    """SQL of the ids of the waiting jobs that a condition holds for, in the order of their turns.

    First comes the first job of each workspace, then the second of each, and so on; a job that runs
    takes the place of its workspace's first one.
    """
    return f"""
        WITH running AS (
            SELECT r.workspace_id, count(*) AS jobs
              FROM job JOIN repository r ON r.id = job.repository_id
             WHERE job.status = 'STARTED' GROUP BY r.workspace_id)
        SELECT job.id
          FROM job JOIN repository r ON r.id = job.repository_id
          LEFT JOIN running ON running.workspace_id = r.workspace_id
         WHERE job.status = 'ACCEPTED' AND {condition}
         ORDER BY coalesce(running.jobs, 0)
                  + row_number() OVER (PARTITION BY r.workspace_id ORDER BY job.id), job.id"""


async def claim_next(db: Database, worker: str) -> Job | None:
    """Claim the job whose turn it is; None when none can begin now.

    Workspaces take turns: the one that has the fewest running jobs goes first.
    """
    while True:
        row = await db.one(f"{_waiting(_CLAIMABLE)} LIMIT 1")
        if row is None:
            return None
        # None: another worker was faster, or it has failed at its claim. Either way it is gone.
        if (job := await claim(db, row["id"], worker)) is not None:
            return job


async def _require_administrator(db: Reader, job: Job) -> None:
    """Raises Forbidden when the account that asked for the job has lost the permission."""
    if job.asked_by is AskedBy.ACCOUNT:
        now = await get(db, job.id)  # the row of a deleted account names none
        await require_administrator(db, now.account_id, job.repository_id)


async def withdraw_import(tx: Transaction, repository: Repository) -> Job:
    """End the import that waits for a worker as FAILURE; remove_upload() then takes its file.

    Raises Conflict when a worker has begun, NotFound when no import is unfinished.
    """
    row = await tx.one(
        f"""UPDATE job SET status = 'FAILURE', message = 'Withdrawn.', finished_on = :now
             WHERE repository_id = :repository AND kind = 'import' AND status = 'ACCEPTED'
         RETURNING {_COLUMNS}""",
        {"repository": repository.id, "now": clock.now()},
    )
    if row is not None:
        return _job(row)
    if await _unfinished_import(tx, repository):
        raise Conflict("The import has begun already: it can't be withdrawn any more.")
    raise NotFound("No import is waiting.")


async def remove_upload(job: Job) -> None:
    """Remove the uploaded file of a job that will not be done; what can't be removed is swept."""
    if job.archive is not None:
        await remove_files([Path(job.archive)])


async def files(db: Reader, repository: Repository, exports: Path) -> list[Path]:
    """The upload that waits for a worker and the zips, in the folder exports, of a repository.

    What the command line has named is not Pail's.
    """
    rows = await db.all(
        """SELECT uuid, kind, archive FROM job
            WHERE repository_id = :id AND asked_by = 'account'
              AND (kind = 'export' AND status = 'SUCCESS'
                   OR archive IS NOT NULL AND status = 'ACCEPTED')""",
        {"id": repository.id},
    )
    return [
        exports / f"{row['uuid']}.zip" if row["kind"] == "export" else Path(row["archive"])
        for row in rows
    ]


async def remove_files(paths: Iterable[Path]) -> None:
    """Remove files that no row names any more; the sweep removes what can't be removed here."""
    for path in paths:
        with suppress(OSError):
            await asyncio.to_thread(path.unlink, missing_ok=True)


def waiting_message(job: Job, patience_seconds: int) -> str | None:
    """The message about a job that no worker has taken for so many seconds."""
    if job.status is not JobStatus.ACCEPTED or job.moved_on is None:
        return None
    if job.moved_on >= clock.shifted(seconds=-patience_seconds):
        return None
    return f"No worker has taken this {job.kind} within {patience_seconds} seconds; it still waits."


async def move(
    db: Database, job: Job, phase: Phase, total: int, count: int, *, moved: bool
) -> None:
    """Write the progress of the job; moved says whether anything happened since the last call.

    Raises Superseded when the job is not this attempt's any more.
    """
    if not await db.run(
        """UPDATE job SET phase = :phase, total = :total, count = :count, heartbeat_on = :now,
                          moved_on = CASE WHEN :moved = 1 THEN :now ELSE moved_on END
            WHERE id = :id AND status = 'STARTED' AND attempt = :attempt""",
        {
            "phase": phase,
            "total": total,
            "count": count,
            "moved": int(moved),
            "now": clock.now(),
            "id": job.id,
            "attempt": job.attempt,
        },
        durable=False,
    ):
        raise Superseded


@asynccontextmanager
async def following(db: Database, job: Job, progress: Progress) -> AsyncIterator[None]:
    """Write the progress of the work inside to the job's row: at most twice a second.

    When the job was settled or claimed elsewhere, cancel the work and raise Superseded.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - there is one in every coroutine
    is_superseded = False

    async def report() -> None:
        nonlocal is_superseded
        written, silent = (-1, ""), 0
        while True:
            now = (progress.ticks, progress.phase)
            if now != written or silent >= _HEARTBEAT_STEPS:
                try:
                    await move(
                        db,
                        job,
                        progress.phase,
                        progress.total,
                        progress.count,
                        moved=now != written,
                    )
                    written, silent = now, 0
                except Unavailable:
                    pass  # another process writes for long: the next step tries again
                except Superseded:
                    is_superseded = True
                    task.cancel()
                    return
            silent += 1
            await asyncio.sleep(_STEP)

    reporter = asyncio.create_task(report())
    try:
        yield
    except asyncio.CancelledError:
        if is_superseded:
            task.uncancel()
            raise Superseded from None
        raise
    finally:
        reporter.cancel()
        await asyncio.wait([reporter])


async def settle(
    tx: Transaction,
    job: Job,
    status: JobStatus,
    *,
    message: str | None = None,
    report: Mapping[str, Any] | None = None,
    total: int = 0,
) -> None:
    """End the job, once; total is what a success has done.

    message may quote anything: it is stored escaped, as the entries of a Report are. Raises
    Superseded when it was settled elsewhere, and for a success Forbidden when the account that
    asked for it has lost the permission.
    """
    if not await tx.run(
        """UPDATE job
              SET status = :status, message = :message, report = :report, finished_on = :now,
                  phase = CASE WHEN :status = 'SUCCESS' THEN 'Finishing' ELSE phase END,
                  total = CASE WHEN :status = 'SUCCESS' THEN :total ELSE total END,
                  count = CASE WHEN :status = 'SUCCESS' THEN :total ELSE count END, worker = NULL
            WHERE id = :id AND status = 'STARTED' AND attempt = :attempt""",
        {
            "status": status,
            "total": total,
            "message": escaped(message) if message is not None else None,
            "report": json.dumps(report) if report is not None else None,
            "now": clock.now(),
            "id": job.id,
            "attempt": job.attempt,
        },
    ):
        raise Superseded
    if status is JobStatus.SUCCESS:
        await _require_administrator(tx, job)


async def replace_exports(tx: Transaction, job: Job) -> Sequence[str]:
    """Replace all but the newest KEPT_EXPORTS exports of the repository that accounts asked for.

    job is the export that has just ended. Returns the uuids of those whose zips must go.
    """
    rows = await tx.all(
        f"""UPDATE job SET message = :message
             WHERE {_FETCHABLE} AND id NOT IN (
                   SELECT id FROM job WHERE {_FETCHABLE} ORDER BY id DESC LIMIT {KEPT_EXPORTS})
         RETURNING uuid""",
        {
            "repository": job.repository_id,
            "message": f"Newer exports have replaced this one ({KEPT_EXPORTS} are kept): "
            "begin another one.",
        },
    )
    return [row["uuid"] for row in rows]


_FETCHABLE = """repository_id = :repository AND kind = 'export' AND asked_by = 'account'
    AND status = 'SUCCESS' AND message IS NULL"""
"""SQL of a repository's exports that newer ones have not replaced."""


async def release(db: Database, job: Job) -> None:
    """Put a claimed job back for the next worker; this attempt does not count."""
    async with db.transaction() as tx:
        await _drop_unfinished_tracker(tx, job)
        await tx.run(
            """UPDATE job SET status = 'ACCEPTED', attempt = attempt - 1, worker = NULL,
                              moved_on = :now
                WHERE id = :id AND status = 'STARTED' AND attempt = :attempt""",
            {"id": job.id, "attempt": job.attempt, "now": clock.now()},
        )


async def _drop_unfinished_tracker(tx: Transaction, job: Job) -> None:
    await tx.run(
        """UPDATE tracker SET status = 'dropped'
            WHERE status = 'building'
              AND id = (SELECT tracker_id FROM job WHERE id = :id AND attempt = :attempt)""",
        {"id": job.id, "attempt": job.attempt},
    )


async def fail(
    db: Database, job: Job, message: str, *, report: Mapping[str, Any] | None = None
) -> None:
    """End the job as FAILURE with a sentence, and drop what it had built.

    The repository that an import has made for itself (MAKES_REPOSITORY) is removed with the job,
    unless it is in use.
    """
    async with db.transaction() as tx:
        await _drop_unfinished_tracker(tx, job)
        await settle(tx, job, JobStatus.FAILURE, message=message, report=report)
        if job.options.get(MAKES_REPOSITORY):
            await repositories.delete_unused(tx, job.repository_id)


async def settle_abandoned(
    db: Database,
    presence: Presence,
    *,
    attempts: int,
    stalled_seconds: int,
    patience_seconds: int,
) -> None:
    """Accept again or fail STARTED jobs that no worker works on.

    A job whose worker is dead, or has given no sign of life for stalled_seconds, is accepted anew
    until it has had its attempts; a job that has not moved for patience_seconds fails.
    """
    rows = await db.all(
        f"""SELECT {_COLUMNS}, moved_on < :unmoved AS is_stuck, heartbeat_on < :silent AS is_silent
              FROM job WHERE status = 'STARTED'""",
        {
            "unmoved": clock.shifted(seconds=-patience_seconds),
            "silent": clock.shifted(seconds=-stalled_seconds),
        },
    )
    for row in rows:
        job = _job(row)
        try:
            if row["is_stuck"]:
                await fail(db, job, f"Nothing moved for {patience_seconds} seconds.")
            elif row["is_silent"] or presence.is_gone(job.worker or ""):
                await _abandon(db, job, attempts)
        except Superseded:
            continue


async def _abandon(db: Database, job: Job, attempts: int) -> None:
    if job.options.get("local"):
        await fail(db, job, "The command that ran this job ended before it was done.")
    elif job.attempt >= attempts:
        times = "attempt" if job.attempt == 1 else "attempts"
        await fail(db, job, f"The worker died during each of {job.attempt} {times}.")
    else:
        async with db.transaction() as tx:
            await _drop_unfinished_tracker(tx, job)
            await tx.run(
                """UPDATE job SET status = 'ACCEPTED', worker = NULL, moved_on = :now
                    WHERE id = :id AND status = 'STARTED' AND attempt = :attempt""",
                {"id": job.id, "attempt": job.attempt, "now": clock.now()},
            )


async def is_any_unfinished(db: Reader) -> bool:
    """Whether a job waits or runs: one cheap query, for callers that ask every second."""
    return bool(await db.one("SELECT 1 FROM job WHERE status IN ('ACCEPTED', 'STARTED') LIMIT 1"))


async def accepted(db: Reader) -> Sequence[int]:
    """The ids of the jobs that wait for a worker, in the order in which they take turns."""
    rows = await db.all(_waiting("1"))
    return [row["id"] for row in rows]


async def latest_import(db: Reader, repository: Repository) -> Job:
    """The repository's newest import. Raises NotFound when there never was one."""
    row = await db.one(
        f"""SELECT {_COLUMNS} FROM job WHERE repository_id = :repository AND kind = 'import'
             ORDER BY id DESC LIMIT 1""",
        {"repository": repository.id},
    )
    if row is None:
        raise NotFound("No import job has begun.")
    return _job(row)


async def find_export(db: Reader, repository: Repository, uuid: str) -> Job:
    """The repository's export with that task id. Raises NotFound."""
    row = await db.one(
        f"""SELECT {_COLUMNS} FROM job
             WHERE repository_id = :repository AND kind = 'export' AND uuid = :uuid""",
        {"repository": repository.id, "uuid": uuid},
    )
    if row is None:
        raise NotFound(NO_EXPORT)
    return _job(row)


async def latest_export(
    db: Reader, repository: Repository, *, options: Mapping[str, Any] | None = None
) -> Job:
    """The newest export of the tracker in force with these options. Raises NotFound.

    What an import has replaced is no export of what is there now.
    """
    row = await db.one(
        f"""SELECT {_COLUMNS} FROM job
             WHERE repository_id = :repository AND tracker_id = {_IN_FORCE} AND kind = 'export'
               AND options = :options
             ORDER BY id DESC LIMIT 1""",
        {"repository": repository.id, "options": _text(options)},
    )
    if row is None:
        raise NotFound(NO_EXPORT)
    return _job(row)


async def get(db: Reader, job_id: int) -> Job:
    """The job with that id. Raises NotFound."""
    row = await db.one(f"SELECT {_COLUMNS} FROM job WHERE id = :id", {"id": job_id})
    if row is None:
        raise NotFound("There is no such job.")
    return _job(row)
