"""A data directory with an account, a token and repositories, and jobs for a worker to do."""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bench import processes, samples
from tracker import database
from tracker.access import accounts, repositories, tokens, workspaces
from tracker.access.rights import ADMINISTRATOR, find_repository
from tracker.database import Database
from tracker.settings import Settings
from tracker.vocabulary import JobKind, JobStatus
from tracker.work import jobs

DATA = Path(__file__).parent / "data"
"""Where archives and databases go: on the disk that the project lies on, not in memory."""

_LOOK = 0.002
_LONGEST = 240.0


@dataclass(frozen=True, slots=True)
class World:
    """A Pail with one account, which owns the workspace "bench"."""

    db: Database
    settings: Settings
    token: str

    async def repository(self, slug: str) -> None:
        """Make the public repository bench/slug."""
        await repositories.create(self.db, f"bench/{slug}")

    async def fill(self, slug: str, size: samples.Size) -> None:
        """Make bench/slug with a tracker of that size."""
        await self.repository(slug)
        archive = samples.archive(DATA, size)
        with processes.worker(self.settings.data_dir):
            await self.work(slug, JobKind.IMPORT, archive)

    async def work(self, slug: str, kind: JobKind, archive: Path | None = None) -> float:
        """Have a running worker do a job in bench/slug: seconds from its claim until it is settled.

        Raises RuntimeError with the job's own words if it fails.
        """
        repository = await find_repository(self.db, ADMINISTRATOR, "bench", slug)
        upload = None
        if archive is not None:
            # The worker removes what it has imported.
            upload = self.settings.spool_dir / f"upload-{time.monotonic_ns()}.zip"
            await asyncio.to_thread(os.link, archive, upload)
        job = await self.db.write(
            lambda tx: jobs.accept(
                tx,
                repository,
                kind,
                account_id=None,
                base_url="http://127.0.0.1:8080",
                archive=upload,
            )
        )
        async with asyncio.timeout(_LONGEST):
            while (await jobs.get(self.db, job.id)).status is JobStatus.ACCEPTED:
                await asyncio.sleep(_LOOK)
            start = time.time()
            while not (job := await jobs.get(self.db, job.id)).is_finished:
                await asyncio.sleep(0.1)
        if job.status is not JobStatus.SUCCESS or job.finished_on is None:
            raise RuntimeError(job.message)
        return datetime.fromisoformat(job.finished_on).timestamp() - start


@asynccontextmanager
async def made() -> AsyncIterator[World]:
    """A fresh world, gone at the end."""
    DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="world-", dir=DATA) as folder:
        settings = Settings(data_dir=Path(folder), database=Path(folder) / "pail.db")
        settings.spool_dir.mkdir()
        db = await database.connect(settings.database)
        try:
            await accounts.create(db, "bench")
            await workspaces.create(db, "bench", owner="bench")
            yield World(db, settings, await tokens.create(db, "bench"))
        finally:
            await db.close()
