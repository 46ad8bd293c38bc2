"""The runner: claims jobs and runs them, settles abandoned jobs, and removes old data."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from tracker.blobs import Blobs
from tracker.database import Database, connect
from tracker.errors import TrackerError, Unavailable
from tracker.files import make_folder
from tracker.settings import Settings
from tracker.vocabulary import JobKind
from tracker.work import indexing, jobs, sweeping
from tracker.work.jobs import Job, Superseded
from tracker.work.presence import Presence
from tracker.work.progress import Progress
from worker import bell

logger = logging.getLogger("pail.worker")

POLL = 1.0
"""Seconds between two polls for accepted jobs: the queue can be down or lose a ring."""

SWEEP = 60.0
"""Seconds between two sweeps, which remove expired and orphaned data."""

MAX_RUNNING = 2
"""Jobs that run at the same time, so that an export need not wait for an import."""


class Runner:
    """Runs jobs until it is closed; use it as a context manager.

    If one of its loops ends, which is a bug, is_broken is set and on_broken is called: the process
    must end then. Entering raises DatabaseUnusable and OSError.
    """

    def __init__(self, settings: Settings, on_broken: Callable[[], None] = lambda: None) -> None:
        self.is_broken = False
        self._settings = settings
        self._on_broken = on_broken
        self._stack = AsyncExitStack()
        self._slots = asyncio.Semaphore(MAX_RUNNING)
        self._woken = asyncio.Event()
        self._running: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._db: Database
        self._blobs = Blobs(settings.blobs_dir)
        self._presence = Presence(settings.data_dir)

    async def __aenter__(self) -> "Runner":
        for folder in (self._settings.spool_dir, self._settings.exports_dir):
            make_folder(folder)
        async with AsyncExitStack() as stack:
            self._db = await connect(self._settings.database)
            stack.push_async_callback(self._db.close)
            stack.enter_context(self._presence)
            self._stack = stack.pop_all()
        self._start_loop("poll", self._poll())
        self._start_loop("sweep", self._sweep())
        self._start_loop("index", self._index())
        if self._settings.redis_url is not None:
            self._start_loop("bell", bell.listen(self._settings.redis_url, self.wake))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the loops and put running jobs back. Can be called twice."""
        self._is_closing = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._stack.aclose()

    def wake(self) -> None:
        """Poll for accepted jobs now."""
        self._woken.set()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a task of the worker failed", exc_info=error)

    def _start_loop(self, name: str, loop: Coroutine[Any, Any, None]) -> None:
        """Start a loop that must not end; if it does, the runner is broken."""

        def lost(task: asyncio.Task[None]) -> None:
            if not self._is_closing:
                logger.critical("the loop %r ended: this process ends, too", name)
                self.is_broken = True
                self._on_broken()

        task = self._start(loop)
        task.set_name(f"pail {name}")
        task.add_done_callback(lost)

    async def _poll(self) -> None:
        while True:
            self._woken.clear()
            await _log_errors("looking for jobs", self._look)
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._woken.wait()

    async def _look(self) -> None:
        """Settle abandoned jobs, and start accepted ones."""
        if not await jobs.is_any_unfinished(self._db):
            return
        await sweeping.settle_jobs(self._db, self._settings, self._presence)
        for job_id in await jobs.accepted(self._db):
            if job_id not in self._running:
                self._start(self._run(job_id))

    async def _sweep(self) -> None:
        while True:
            await _log_errors("sweeping", self._clean)
            await asyncio.sleep(SWEEP)

    async def _clean(self) -> None:
        await sweeping.sweep(self._db, self._blobs, self._settings)
        await indexing.renew(self._db)

    async def _index(self) -> None:
        while True:
            await _log_errors("indexing texts", partial(indexing.index_new, self._db))
            await asyncio.sleep(POLL)

    async def _run(self, job_id: int) -> None:
        self._running.add(job_id)
        try:
            async with self._slots:
                # Choose the job now: others may have come while this one waited for a slot.
                job = await jobs.claim_next(self._db, self._presence.name)
                if job is not None:
                    await self._do(job)
        finally:
            self._running.discard(job_id)

    async def _do(self, job: Job) -> None:
        logger.info("%s %s: started", job.kind, job.uuid)
        try:
            await self._work(job)
        except Superseded:
            logger.warning("%s %s: settled by another worker", job.kind, job.uuid)
            return
        except asyncio.CancelledError:
            with suppress(TrackerError):  # the job is then settled as abandoned
                await jobs.release(self._db, job)
            logger.info("%s %s: put back", job.kind, job.uuid)
            raise
        except TrackerError as error:
            await self._fail(job, error.message)
        except OSError as error:
            await self._fail(job, f"The disk or a file on it failed: {error.strerror or error}.")
        except Exception as error:
            # A job whose repository was deleted meanwhile can fail in many ways; don't log those.
            if await self._fail(job, "Internal error: the worker's log says more."):
                logger.error("%s %s: failed", job.kind, job.uuid, exc_info=error)
        else:
            logger.info("%s %s: done", job.kind, job.uuid)
        if job.kind is JobKind.IMPORT and job.archive:
            await asyncio.to_thread(Path(job.archive).unlink, missing_ok=True)

    async def _work(self, job: Job) -> None:
        from tracker.transfers import exports, imports

        settings, progress = self._settings, Progress()
        async with jobs.following(self._db, job, progress):
            if job.kind is JobKind.IMPORT:
                await imports.run(
                    self._db, self._blobs, settings.spool_dir, settings.limits, job, progress
                )
            else:
                target = settings.export_path(job.uuid)
                await exports.run(self._db, self._blobs, settings.spool_dir, target, job, progress)

    async def _fail(self, job: Job, message: str) -> bool:
        """Settle the job as failed, retrying while the database can't be written.

        Returns False if another worker has settled it, or it is deleted.
        """
        logger.info("%s %s: %s", job.kind, job.uuid, message)
        while True:
            try:
                await jobs.fail(self._db, job, message)
            except Superseded:
                return False
            except Unavailable as error:
                logger.warning("%s %s: can't be settled: %s", job.kind, job.uuid, error)
                await asyncio.sleep(POLL)
            else:
                return True


async def _log_errors(what: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do the work and log what it raises, so that its loop continues."""
    try:
        await work()
    except TrackerError as error:
        logger.warning("%s: %s", what, error)
    except Exception:
        logger.exception("%s", what)
