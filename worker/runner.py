"""The runner: claims jobs, does them, and settles what others left behind."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from tracker.blobs import Blobs
from tracker.database import Database, connect
from tracker.errors import TrackerError, Unavailable
from tracker.files import make_folder
from tracker.settings import Settings
from tracker.vocabulary import JobKind
from tracker.work import jobs, sweeping
from tracker.work.jobs import Job, Superseded
from tracker.work.presence import Presence
from tracker.work.progress import Progress
from worker import bell

logger = logging.getLogger("pail.worker")

POLL = 1.0
"""Seconds between two looks for accepted jobs: the queue may be down, or forget a ring."""

SWEEP = 60.0
"""Seconds between two sweeps of what is left behind."""

AT_ONCE = 2
"""Jobs that run at the same time: an export need not wait for an import."""


class Runner:
    """Runs jobs until it is closed; use it as a context manager.

    ended is called when a loop has ended that never should: then the process has to end, too, and
    is_broken is true.
    """

    def __init__(self, settings: Settings, ended: Callable[[], None] = lambda: None) -> None:
        self.is_broken = False
        self._settings = settings
        self._ended = ended
        self._stack = AsyncExitStack()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._rung = asyncio.Event()
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
        self._keep("poll", self._poll())
        self._keep("sweep", self._sweep())
        if self._settings.redis_url is not None:
            self._keep("bell", bell.listen(self._settings.redis_url, self.wake))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the loops, put running jobs back; twice is fine."""
        self._is_closing = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._stack.aclose()

    def wake(self) -> None:
        """Look for accepted jobs now."""
        self._rung.set()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a task of the worker failed", exc_info=error)

    def _keep(self, name: str, loop: Coroutine[Any, Any, None]) -> None:
        """Start a loop; the runner is broken when it ends."""

        def lost(task: asyncio.Task[None]) -> None:
            if not self._is_closing:
                logger.critical("the loop %r ended: this process ends, too", name)
                self.is_broken = True
                self._ended()

        task = self._start(loop)
        task.set_name(f"pail {name}")
        task.add_done_callback(lost)

    async def _poll(self) -> None:
        while True:
            self._rung.clear()
            await _outlive("looking for jobs", self._look)
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._rung.wait()

    async def _look(self) -> None:
        """Settle what others left behind, and start what waits."""
        if not await jobs.is_any_unfinished(self._db):
            return
        await sweeping.settle_jobs(self._db, self._settings, self._presence)
        for job_id in await jobs.accepted(self._db):
            if job_id not in self._running:
                self._start(self._run(job_id))

    async def _sweep(self) -> None:
        while True:
            await _outlive("sweeping", self._clean)
            await asyncio.sleep(SWEEP)

    async def _clean(self) -> None:
        await sweeping.sweep(self._db, self._blobs, self._settings)

    async def _run(self, job_id: int) -> None:
        self._running.add(job_id)
        try:
            async with self._room:
                # Waiting for room takes a while: whose turn it is is decided now.
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
            with suppress(TrackerError):  # what can't be put back is found abandoned
                await jobs.release(self._db, job)
            logger.info("%s %s: put back", job.kind, job.uuid)
            raise
        except TrackerError as error:
            await self._fail(job, error.message)
        except OSError as error:
            await self._fail(job, f"The disk or a file on it failed: {error.strerror or error}.")
        except Exception as error:
            # Whoever works on what was deleted meanwhile fails in many ways, and nobody minds.
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
        """Settle the job, however long the database can't be written: writes wait for it.

        False when it is somebody else's by now, or gone.
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


async def _outlive(what: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do a loop's work once; whatever it raises is logged, and the loop goes on."""
    try:
        await work()
    except TrackerError as error:
        logger.warning("%s: %s", what, error)
    except Exception:
        logger.exception("%s", what)
