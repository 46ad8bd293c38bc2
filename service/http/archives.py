"""Archives over HTTP, below both APIs: jobs of whoever administers a tracker."""

import asyncio
from pathlib import Path
from typing import Any

from aiohttp import web

from service.http import files, keys, requests
from tracker.access.rights import Repository, find_tracker
from tracker.database import Reader, Transaction
from tracker.errors import Gone
from tracker.vocabulary import JobKind, JobStatus, Permission, Scope
from tracker.work import jobs
from tracker.work.jobs import Job

MAY_EXPORT = (Scope.ISSUE, Scope.REPOSITORY_ADMIN)


async def administered(request: web.Request) -> Repository:
    """The tracker in the path. Raises NotFound, and Forbidden unless the actor administers it."""

    async def find(reader: Reader, repository: Repository) -> Repository:
        return repository

    return await requests.read_administered(request, find)


async def begin(request: web.Request, kind: JobKind, **arguments: Any) -> tuple[Repository, Job]:
    """Promise a job for the tracker in the path, and ring for a worker.

    arguments are further ones of jobs.accept(). Raises what administered() and that raise.
    """

    async def write(tx: Transaction, repository: Repository) -> tuple[Repository, Job]:
        return repository, await jobs.accept(
            tx,
            repository,
            kind,
            account_id=requests.actor(request).id,
            base_url=request[keys.BASE_URL],
            **arguments,
        )

    repository, job = await requests.write_repository(
        request, Permission.ADMIN, write, find=find_tracker
    )
    request.app[keys.DOORBELL].ring(job)
    return repository, job


def zipped(request: web.Request, job: Job) -> Path:
    """The zip that an export has made; the job has ended.

    Raises Gone for one that failed (with the reason), that newer ones have replaced or that was
    removed after some days.
    """
    if job.status is JobStatus.FAILURE:
        raise Gone(f"The export failed: {job.message}")
    if job.message is not None:
        raise Gone(job.message)
    settings = request.app[keys.SETTINGS]
    path = settings.export_path(job.uuid)
    if not path.exists():
        raise _removed(request)
    return path


def _removed(request: web.Request) -> Gone:
    days = request.app[keys.SETTINGS].keep_exports_days
    return Gone(f"The zip was removed (exports are kept for {days} days): begin another one.")


async def download(request: web.Request, repository: Repository, job: Job) -> web.StreamResponse:
    """Answer with the zip, or the part of it that is asked for. Raises as zipped() does."""
    try:
        file = await asyncio.to_thread(zipped(request, job).open, "rb")
    except FileNotFoundError as error:
        raise _removed(request) from error
    headers = {
        "Content-Type": "application/zip",
        "Content-Disposition": files.disposition(f"{repository.slug}-issues.zip"),
        "Cache-Control": "private, no-store",
    }
    with file:
        written = files.modified(file)
        tag = f"{job.uuid}-{int(written.timestamp()):x}"
        return await files.answer(request, files.Download(file, tag, headers, written))
