"""The core alone: a database with the people, and archives in and out without worker or HTTP."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.archives import FILES, Sample, databases, sample, write_zip
from tracker.access import repositories
from tracker.access.rights import ADMINISTRATOR, Actor, Repository, find_repository
from tracker.blobs import Blobs
from tracker.database import Database, Row, connect
from tracker.settings import Settings
from tracker.transfers import exports, imports, undo
from tracker.transfers.reports import Report
from tracker.transfers.undo import Undone
from tracker.vocabulary import JobKind
from tracker.work import jobs
from tracker.work.jobs import Job
from tracker.work.progress import Progress


class Core:
    """Does jobs right here."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self.db = db
        self.settings = settings
        self.blobs = Blobs(settings.blobs_dir)
        self._archives = 0
        settings.spool_dir.mkdir()

    async def repository(self, full_name: str = "alice/app") -> Repository:
        """A repository as the administrator sees it."""
        return await find_repository(self.db, ADMINISTRATOR, *repositories.split(full_name))

    async def actor(self, username: str) -> Actor:
        """One of the people."""
        rows = await self.rows(
            "SELECT id FROM account WHERE email = :e", e=f"{username}@example.org"
        )
        return Actor(rows[0]["id"], username)

    async def rows(self, sql: str, **params: object) -> Sequence[Row]:
        """Rows of the database."""
        return await self.db.all(sql, params)

    async def values(self, sql: str, **params: object) -> list[Any]:
        """The first column of rows of the database."""
        return [row[0] for row in await self.rows(sql, **params)]

    async def in_force(self, full_name: str = "alice/app") -> int:
        """The id of the tracker in force."""
        return (await self.repository(full_name)).tracker_id

    def archive(self, sections: Sample | None = None, *versions: str, files: Any = FILES) -> Path:
        """A zip of these sections (else of the usual sample) in these versions."""
        self._archives += 1
        return write_zip(
            self.settings.data_dir / f"archive-{self._archives}.zip",
            databases(sections or sample(), *(versions or ("2.0",))),
            files,
        )

    async def accept(
        self, kind: JobKind = JobKind.IMPORT, full_name: str = "alice/app", **arguments: Any
    ) -> Job:
        """A job that waits; the workspace's owner has asked for it."""
        repository = await self.repository(full_name)
        [owner] = await self.values(
            "SELECT owner_id FROM workspace WHERE id = :id", id=repository.workspace_id
        )
        values = {"account_id": owner, "base_url": "http://pail.example", **arguments}
        return await self.db.write(lambda tx: jobs.accept(tx, repository, kind, **values))

    async def undo(self, repository: Repository | None = None, *, yes: bool = True) -> Undone:
        """Go back behind the last import."""
        before = repository or await self.repository()
        return await self.db.write(lambda tx: undo.undo(tx, before, accept_writes=yes))

    async def claimed(
        self, kind: JobKind = JobKind.IMPORT, full_name: str = "alice/app", **arguments: Any
    ) -> Job:
        """A job that this test has claimed."""
        job = await jobs.claim(
            self.db, (await self.accept(kind, full_name, **arguments)).id, "this test"
        )
        assert job is not None
        return job

    async def take(
        self, archive: Path | Sample | None = None, full_name: str = "alice/app", **arguments: Any
    ) -> Report:
        """Import an archive; its report. A failure is settled, too, before it is raised."""
        path = archive if isinstance(archive, Path) else self.archive(archive)
        job = await self.claimed(JobKind.IMPORT, full_name, archive=path, **arguments)
        settings = self.settings
        try:
            return await imports.run(
                self.db, self.blobs, settings.spool_dir, settings.limits, job, Progress()
            )
        except BaseException as error:
            await jobs.fail(self.db, job, str(error))
            raise

    async def give(self, full_name: str = "alice/app", **options: Any) -> Path:
        """Export a repository; the zip."""
        job = await self.claimed(JobKind.EXPORT, full_name, options=options)
        settings, target = self.settings, self.settings.export_path(job.uuid)
        try:
            await exports.run(self.db, self.blobs, settings.spool_dir, target, job, Progress())
        except BaseException as error:
            await jobs.fail(self.db, job, str(error))
            raise
        return target


@pytest.fixture
async def core(settings: Settings) -> AsyncIterator[Core]:
    """The core on a fresh copy of the world."""
    db = await connect(settings.database, durable=False)
    try:
        yield Core(db, settings)
    finally:
        await db.close()
