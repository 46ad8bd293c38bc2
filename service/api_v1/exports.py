"""Exports in API 1.0, which nothing documented.

They have no options and no names: the newest one that was started without options is the export.
"""

from aiohttp import web

from service.api_v1 import links, objects
from service.api_v1.representation import Json
from service.http import answers, archives, keys, requests
from service.http.endpoint import REPOSITORY, Routes
from tracker.access.rights import Actor, Repository
from tracker.database import Reader
from tracker.errors import Gone, NotFound
from tracker.vocabulary import JobKind, JobStatus, Permission
from tracker.work import jobs
from tracker.work.jobs import Job

routes = Routes()

_EXPORT = f"{REPOSITORY}/issues/export"


@routes.post(_EXPORT, *archives.MAY_EXPORT, answers={202: None})
async def start_export(request: web.Request) -> web.Response:
    """Start an export, or continue the one that runs. Answers 202 without a body."""
    await archives.administered(request)
    await archives.begin(request, JobKind.EXPORT)
    return web.Response(status=202, reason="ACCEPTED")


@routes.get(_EXPORT, *archives.MAY_EXPORT, answers={200: objects.Export})
async def get_export(request: web.Request) -> web.Response:
    """Get the status of the export; at its end, the address of its zip, or why there is none.

    200 also while it runs: the status is what is asked for. (API 2.0 answers 202 at the address of
    the zip, where JSON must not be taken for a zip.)
    """
    repository, job = await requests.read(request, _newest, needed=Permission.ADMIN)
    uri = links.repository(repository)
    return answers.answer(request, _status(request, job, f"{uri}/issues/export/zip"))


@routes.get(f"{_EXPORT}/zip", *archives.MAY_EXPORT, answers={200: "application/zip"})
async def download_export(request: web.Request) -> web.StreamResponse:
    """Get the zip of the export.

    404 while it runs: there is no zip yet, and a client that saves the body of any 2xx must not
    save a sentence. 410 for an export that failed, or whose zip was removed after some days.
    """
    repository, job = await requests.read(request, _newest, needed=Permission.ADMIN)
    if not job.is_finished:
        raise NotFound("The export is not ready yet: GET issues/export says how far it is.")
    return await archives.download(request, repository, job)


async def _newest(db: Reader, actor: Actor, repository: Repository) -> tuple[Repository, Job]:
    return repository, await jobs.latest_export(db, repository)


def _status(request: web.Request, job: Job, uri: str) -> Json:
    """Numbers are texts, and the address of the zip has no host."""
    if job.status is JobStatus.FAILURE:
        return {"status": job.status, "message": job.message}
    if job.is_finished:
        try:
            archives.zipped(request, job)
        except Gone as gone:
            return {"status": JobStatus.FAILURE, "message": gone.message}
        return {"url": uri, "status": job.status}
    shown = {
        "status": job.status,
        "count": str(job.count),
        "total": str(job.total),
        "phase": job.phase,
        "pct": str(job.percent),
    }
    if message := jobs.waiting_message(job, request.app[keys.SETTINGS].job_patience_seconds):
        shown["message"] = message
    return shown
