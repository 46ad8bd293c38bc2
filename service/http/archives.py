"""Archives over HTTP, for both APIs: the import and export jobs of a tracker's administrators."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from service.http import files, keys, links, requests
from service.http.doorbell import DOORBELL
from tracker.access.rights import Actor, Repository
from tracker.database import Transaction
from tracker.errors import Gone
from tracker.vocabulary import JobKind, JobStatus, Permission, Scope
from tracker.work import jobs
from tracker.work.jobs import Job

MAY_EXPORT = (Scope.ISSUE, Scope.REPOSITORY_ADMIN)


async def administered(request: web.Request) -> Repository:
    """The tracker in the path. Raises NotFound, and Forbidden unless the actor administers it."""
    return await requests.repository(request, needed=Permission.ADMIN)


async def begin(request: web.Request, kind: JobKind, **arguments: Any) -> tuple[Repository, Job]:
    """Accept a job for the tracker in the path, and ring for a worker.

    arguments are further ones of jobs.accept(). Raises what administered() and that raise.
    """
    work = partial(_accept, kind=kind, base_url=request[links.BASE_URL], **arguments)
    repository, job = await requests.write(request, work, needed=Permission.ADMIN)
    request.app[DOORBELL].ring(job)
    return repository, job


async def _accept(
    tx: Transaction, actor: Actor, repository: Repository, *, kind: JobKind, **arguments: Any
) -> tuple[Repository, Job]:
    return repository, await jobs.accept(tx, repository, kind, account_id=actor.id, **arguments)


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
