"""Imports: an archive becomes a new tracker, which is put in force in one transaction.

The new tracker is built in short transactions beside the one in force, so other writers hardly
wait, and whatever happens before the last transaction leaves everything as it was.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tracker.access import accounts, repositories, trackers, workspaces
from tracker.archive.reading import Archive, Scan, open_archive
from tracker.blobs import Blobs
from tracker.database import Database, Transaction, connect
from tracker.errors import NotFound
from tracker.settings import Limits
from tracker.transfers import placeholders
from tracker.transfers.building import Building
from tracker.transfers.numbering import Numbering
from tracker.transfers.reports import Report
from tracker.vocabulary import JobKind, JobStatus, Phase
from tracker.work import jobs
from tracker.work.jobs import Job
from tracker.work.progress import Progress


async def run(
    db: Database, blobs: Blobs, spool: Path, limits: Limits, job: Job, progress: Progress
) -> Report:
    """Do a claimed import to its end: the job is SUCCESS and the new tracker in force.

    A dry run does the same work in a scratch database and changes nothing but its job. Raises
    Invalid with what is wrong and where, jobs.Superseded when the job was settled elsewhere; the
    caller then calls jobs.fail or nothing.
    """
    repository = await _repository(db, job)
    async with AsyncExitStack() as stack:
        archive = await stack.enter_async_context(_opened(Path(job.archive or ""), limits, spool))
        scan = await progress.run(archive.scan, progress.at)
        if job.dry_run:
            scratch = await stack.enter_async_context(_scratch(db, spool, repository, job))
            report, _ = await _build(scratch, None, repository, job, archive, scan, progress)
            finish = None
        else:
            report, finish = await _build(db, blobs, repository, job, archive, scan, progress)
    # Only now, with everything cleaned up: reports of progress end with the job.
    progress.begin(Phase.FINISHING)
    async with db.transaction() as tx:
        if finish is not None:
            await finish(tx, job, report)
        await _succeed(tx, job, report, progress)
    return report


async def rehearse(
    spool: Path,
    limits: Limits,
    path: Path,
    progress: Progress,
    *,
    db: Database | None = None,
    full_name: str = "dry/run",
) -> Report:
    """What importing the archive at path would report if its repository was made for it.

    The people of the workspace of full_name (in db) are known; without db none are. Only spool, any
    folder, is written to, and that is removed afterwards. Raises Invalid as run() does and for a
    slug that breaks the rules, NotFound for an unknown workspace.
    """
    async with AsyncExitStack() as stack:
        scratch = await stack.enter_async_context(_empty(spool))
        workspace, _ = repositories.split(full_name)
        if db is None:
            await accounts.create(scratch, workspace)
            await workspaces.create(scratch, workspace, owner=workspace)
        else:
            found = await workspaces.find(db, workspace)
            await _copy(db, scratch, _WORKSPACE, {"workspace": found["id"]})
        repository = await repositories.create(scratch, full_name)
        job = await scratch.write(
            lambda tx: jobs.accept(
                tx, repository, JobKind.IMPORT, account_id=None, base_url="", worker="nobody"
            )
        )
        archive = await stack.enter_async_context(_opened(path, limits, spool))
        scan = await progress.run(archive.scan, progress.at)
        highest_comment = await trackers.highest_comment_id(db or scratch, None)
        target = _Target(repository.id, repository.workspace_id, highest_comment)
        report, _ = await _build(scratch, None, target, job, archive, scan, progress)
    return report


async def _succeed(tx: Transaction, job: Job, report: Report, progress: Progress) -> None:
    total = progress.total
    await jobs.settle(tx, job, JobStatus.SUCCESS, report=report.as_dict(), total=total)


@dataclass(frozen=True, slots=True)
class _Target:
    """What an import needs to know of a repository; highest_comment is the highest comment id."""

    id: int
    workspace_id: int
    highest_comment: int


async def _repository(db: Database, job: Job) -> _Target:
    row = await db.one(
        "SELECT id, workspace_id, tracker_id FROM repository WHERE id = :id",
        {"id": job.repository_id},
    )
    if row is None:
        raise NotFound("The repository does not exist any more.")
    highest_comment = await trackers.highest_comment_id(db, row["tracker_id"])
    return _Target(row["id"], row["workspace_id"], highest_comment)


@asynccontextmanager
async def _opened(path: Path, limits: Limits, spool: Path) -> AsyncIterator[Archive]:
    opened = open_archive(path, limits, spool)
    archive = await asyncio.to_thread(opened.__enter__)
    try:
        yield archive
    finally:
        await asyncio.to_thread(opened.__exit__, None, None, None)


@dataclass(frozen=True, slots=True)
class _Finish:
    """The work of the last transaction."""

    repository: _Target
    tracker_id: int

    async def __call__(self, tx: Transaction, job: Job, report: Report) -> None:
        await placeholders.adopt(tx, self.tracker_id, self.repository.workspace_id)
        writes = await trackers.replace(
            tx, self.repository.id, self.tracker_id, writes_before=job.writes_before
        )
        if writes:
            report.warnings.put_first(
                f"writes to the old issues between the import's acceptance and its start: {writes};"
                " they are out of sight now, and an undo of the import brings them back"
            )


async def _build(
    db: Database,
    blobs: Blobs | None,
    repository: _Target,
    job: Job,
    archive: Archive,
    scan: Scan,
    progress: Progress,
) -> tuple[Report, _Finish]:
    """Fill a new tracker with the archive's records; it is invisible yet."""
    plan = await placeholders.plan(db, repository.workspace_id, scan.people, progress)
    report = Report(dict(scan.counts))
    report.warnings.add(*scan.warnings)
    report.placeholders.add(*(person.new.display_name for person in plan if person.new))
    async with db.transaction() as tx:
        tracker_id = await trackers.create(tx, repository.id, status="building")
        if not await tx.run(
            """UPDATE job SET tracker_id = :tracker
                WHERE id = :id AND status = 'STARTED' AND attempt = :attempt""",
            {"tracker": tracker_id, "id": job.id, "attempt": job.attempt},
        ):
            raise jobs.Superseded
        accounts = await placeholders.add(tx, tracker_id, plan)
        numbering = Numbering(max(scan.highest_comment, repository.highest_comment) + 1)
        building = Building(db, blobs, archive, tracker_id, accounts, numbering, report, progress)
        await building.definitions(tx, scan)
    total = sum(scan.counts[name] for name in ("issues", "comments", "logs", "attachments"))
    progress.begin(Phase.ISSUES, total)
    await building.issues()
    progress.begin(Phase.COMMENTS)
    await building.comments()
    progress.begin(Phase.LOGS)
    await building.logs()
    progress.begin(Phase.ATTACHMENTS)
    await building.attachments()
    await building.finish()
    return report, _Finish(repository, tracker_id)


@asynccontextmanager
async def _empty(spool: Path) -> AsyncIterator[Database]:
    """A database of its own, gone afterwards."""
    with TemporaryDirectory(prefix="dry-run-", dir=spool) as folder:
        scratch = await connect(Path(folder) / "scratch.db", durable=False)
        try:
            yield scratch
        finally:
            await scratch.close()


@asynccontextmanager
async def _scratch(
    db: Database, spool: Path, repository: _Target, job: Job
) -> AsyncIterator[Database]:
    """A database of its own with the workspace's people and nothing else in it."""
    names = {"workspace": repository.workspace_id, "repository": repository.id, "job": job.id}
    async with _empty(spool) as scratch:
        await _copy(db, scratch, _WORKSPACE | _TARGET, names)
        yield scratch


_WORKSPACE = {
    "account": """SELECT * FROM account WHERE workspace_id = :workspace
                   OR id = (SELECT owner_id FROM workspace WHERE id = :workspace)""",
    "workspace": "SELECT * FROM workspace WHERE id = :workspace",
}
_TARGET = {
    "repository": "SELECT * FROM repository WHERE id = :repository",
    "job": "SELECT * FROM job WHERE id = :job",
}


async def _copy(
    db: Database, scratch: Database, selections: Mapping[str, str], names: Mapping[str, int]
) -> None:
    async with scratch.transaction() as tx:
        await tx.defer_references()
        for table, selection in selections.items():
            async for rows in db.stream(selection, names):
                columns = list(rows[0].keys())
                places = ", ".join("?" * len(columns))
                blank = ("tracker_id", "account_id") if table in _TARGET else ()
                await tx.many(
                    f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})",
                    [[None if name in blank else row[name] for name in columns] for row in rows],
                )
