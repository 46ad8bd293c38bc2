"""Exports in API 1.0, where nothing documented them.

They have no options and no names: the newest one that was begun without options is the export.
"""

from aiohttp import web

from service.api_v1 import objects
from service.api_v1.representation import Json
from service.http import answers, archives, keys, links, requests
from service.http.endpoint import REPOSITORY, Endpoint
from tracker.access.rights import Repository
from tracker.database import Reader
from tracker.errors import Gone, NotFound
from tracker.vocabulary import JobKind, JobStatus
from tracker.work import jobs
from tracker.work.jobs import Job

_EXPORT = f"{REPOSITORY}/issues/export"


async def start_export(request: web.Request) -> web.Response:
    """Begin an export, or go on with the one that runs: 202 without a body."""
    await archives.administered(request)
    await archives.begin(request, JobKind.EXPORT)
    return web.Response(status=202, reason="ACCEPTED")


async def get_export(request: web.Request) -> web.Response:
    """Where the export is; in the end, at which address its zip is, or why there is none.

    200 also while it runs: what is asked for is the status, which is there. (API 2.0 says 202 at
    the address of the zip, where JSON must not be taken for one.)
    """
    repository, job = await _newest(request)
    uri = links.old_repository(repository)
    return answers.answer(request, _status(request, job, f"{uri}/issues/export/zip"))


async def download_export(request: web.Request) -> web.StreamResponse:
    """The zip of the export that has ended.

    404 while it runs: there is no zip, and whoever saves what any 2xx brings must not save a
    sentence. 410 for one that failed, or was removed after some days.
    """
    repository, job = await _newest(request)
    if not job.is_finished:
        raise NotFound("The export is not ready yet: GET issues/export says how far it is.")
    return await archives.download(request, repository, job)


async def _newest(request: web.Request) -> tuple[Repository, Job]:
    async def find(reader: Reader, repository: Repository) -> tuple[Repository, Job]:
        return repository, await jobs.latest_export(reader, repository)

    return await requests.read_administered(request, find)


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


ENDPOINTS = (
    Endpoint("POST", _EXPORT, start_export, archives.MAY_EXPORT, {202: None}),
    Endpoint("GET", _EXPORT, get_export, archives.MAY_EXPORT, {200: objects.Export}),
    Endpoint(
        "GET", f"{_EXPORT}/zip", download_export, archives.MAY_EXPORT, {200: "application/zip"}
    ),
)
