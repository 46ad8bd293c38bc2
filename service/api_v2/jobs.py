"""Imports and exports in API 2.0: jobs that the worker does."""

from typing import Any

from aiohttp import web
from marshmallow import fields as marshmallow_fields

from service.api_v2 import objects
from service.http import answers, archives, bodies, keys, requests, uploads
from service.http.endpoint import REPOSITORY, Endpoint
from service.http.links import RepositoryLinks
from tracker import fields
from tracker.access import trackers
from tracker.access.rights import Repository, find_tracker
from tracker.database import Transaction
from tracker.transfers import undo
from tracker.transfers.undo import Undone
from tracker.vocabulary import JobKind, Permission, Scope
from tracker.work import jobs
from tracker.work.jobs import Job

_IMPORT = f"{REPOSITORY}/issues/import"
_EXPORT = f"{REPOSITORY}/issues/export"
_MAY_IMPORT = (Scope.ISSUE_WRITE, Scope.REPOSITORY_ADMIN)


class ExportOptions(fields.Payload):
    """The optional body of an export (export_options); other members are allowed and ignored."""

    project_key = fields.Text(validate=fields.Length(255), allow_none=True)
    project_name = fields.Text(validate=fields.Length(255), allow_none=True)
    send_email = fields.Boolean()
    include_attachments = fields.Boolean()


class ImportParameters(fields.Payload):
    """Parameters of an import and its undo (ours): dry_run and yes, "true" or "false"."""

    dry_run = marshmallow_fields.Boolean(
        truthy={"true", "1"},
        falsy={"false", "0"},
        metadata={"description": "Only say what would come of it (ours)."},
    )
    yes = marshmallow_fields.Boolean(
        truthy={"true", "1"},
        falsy={"false", "0"},
        metadata={"description": "Even if writes made since go out of sight."},
    )


def _parameters(request: web.Request) -> dict[str, Any]:
    return fields.load(ImportParameters(), dict(request.query))


def _status(request: web.Request, job: Job) -> web.Response:
    """issue_job_status: 202 while it runs, 200 when it has ended.

    message and report (ours) say how it ended; message also says when no worker takes it.
    """
    shown: dict[str, Any] = {
        "type": "issue_job_status",
        "status": job.status,
        "phase": job.phase,
        "total": job.total,
        "count": job.count,
        "pct": job.percent,
        "percent": job.percent,
    }
    if job.dry_run:
        shown["dry_run"] = True
    if job.is_finished:
        shown |= {"message": job.message, "report": job.report}
    elif message := jobs.waiting_message(job, request.app[keys.SETTINGS].job_patience_seconds):
        shown["message"] = message
    return answers.answer(request, shown, status=200 if job.is_finished else 202)


async def start_import(request: web.Request) -> web.Response:
    """Take an archive and replace the repository's issues with it: 202 and the job's status."""
    repository, settings = await archives.administered(request), request.app[keys.SETTINGS]
    dry_run = _parameters(request).get("dry_run", False)
    # Before a large body is read in vain.
    await jobs.require_no_import(requests.database(request), repository)
    archive = await uploads.receive(
        request, "archive", settings.spool_dir, limit=settings.limits.archive_bytes
    )
    try:
        _, job = await archives.begin(request, JobKind.IMPORT, archive=archive, dry_run=dry_run)
    except BaseException:
        archive.unlink(missing_ok=True)
        raise
    return _status(request, job)


async def get_import(request: web.Request) -> web.Response:
    """Where the newest import is."""
    repository = await archives.administered(request)
    return _status(request, await jobs.latest_import(requests.database(request), repository))


async def withdraw_import(request: web.Request) -> web.Response:
    """Withdraw an import, or its dry run, that no worker has begun (ours): 204.

    It ends as FAILURE with the message `Withdrawn.`, and the uploaded archive is removed. Once a
    worker has begun it is 409; 404 when no import is unfinished.
    """
    await archives.administered(request)
    job = await requests.write_repository(
        request, Permission.ADMIN, jobs.withdraw_import, find=find_tracker
    )
    await jobs.remove_upload(job)
    return web.Response(status=204)


async def undo_import(request: web.Request) -> web.Response:
    """Go back to the tracker that the last import replaced (ours): 200 and what went out of sight.

    Without `yes=true` it is refused (409) when writes made since the import would be among it.
    What was written between the import's acceptance and its start comes back.
    """
    seen = await archives.administered(request)
    yes = _parameters(request).get("yes", False)

    async def write(tx: Transaction, repository: Repository) -> Undone:
        trackers.require_same(seen, repository)
        return await undo.undo(tx, repository, accept_writes=yes)

    done = await requests.write_repository(request, Permission.ADMIN, write, find=find_tracker)
    return answers.answer(
        request,
        {
            "type": "issue_import_undo",
            "writes_out_of_sight": done.writes,
            "writes_brought_back": done.brought_back,
        },
    )


async def start_export(request: web.Request) -> web.Response:
    """Begin an export: 202, no body, and in Location where to ask for the zip.

    While one with the same options runs it is the same one; while one with others runs: 409.
    """
    await archives.administered(request)
    payload = await bodies.read(request) if request.can_read_body else {}
    options = _effective(fields.load(ExportOptions(), payload))
    repository, job = await archives.begin(request, JobKind.EXPORT, options=options)
    links = RepositoryLinks(request[keys.BASE_URL], repository)
    location = f"{links.api}/issues/export/{repository.slug}-issues-{job.uuid}.zip"
    return web.Response(status=202, headers={"Location": location})


def _effective(options: dict[str, Any]) -> dict[str, Any]:
    """The options without those that make the same zip as none."""
    usual = {"include_attachments": True, "send_email": options.get("send_email")}
    return {name: value for name, value in options.items() if value not in (None, usual.get(name))}


async def get_export(request: web.Request) -> web.StreamResponse:
    """The zip, or 202 and the status while it is being made.

    The newest three are kept, for some days. 410 for one that failed (with the reason) or was
    removed.
    """
    repository = await archives.administered(request)
    job = await jobs.find_export(
        requests.database(request), repository, request.match_info["task_id"]
    )
    if not job.is_finished:
        return _status(request, job)
    return await archives.download(request, repository, job)


ENDPOINTS = (
    Endpoint(
        "POST",
        _IMPORT,
        start_import,
        _MAY_IMPORT,
        {202: objects.Job},
        files="archive",
        parameters=ImportParameters(only=("dry_run",)),
    ),
    Endpoint(
        "GET",
        _IMPORT,
        get_import,
        _MAY_IMPORT,
        {200: objects.Job, 202: objects.Job},
    ),
    Endpoint("DELETE", _IMPORT, withdraw_import, _MAY_IMPORT, {204: None}),
    Endpoint(
        "POST",
        f"{_IMPORT}/undo",
        undo_import,
        _MAY_IMPORT,
        {200: objects.ImportUndo},
        parameters=ImportParameters(only=("yes",)),
    ),
    Endpoint(
        "POST",
        _EXPORT,
        start_export,
        archives.MAY_EXPORT,
        {202: None},
        lambda limits: ExportOptions(),
    ),
    Endpoint(
        "GET",
        f"{_EXPORT}/{{repo_name:[^/]+}}-issues-{{task_id:[0-9a-f-]{{36}}}}.zip",
        get_export,
        archives.MAY_EXPORT,
        {200: "application/zip", 202: objects.Job},
    ),
)
