"""Imports and exports in API 2.0: jobs that the worker does."""

from functools import partial
from typing import Any

from aiohttp import web
from marshmallow import fields as marshmallow_fields

from service.api_v2 import objects
from service.api_v2.representation import repository_url
from service.http import answers, archives, bodies, keys, requests, uploads
from service.http.endpoint import REPOSITORY, Routes
from service.http.links import BASE_URL
from tracker import fields
from tracker.access.rights import Actor, Repository
from tracker.database import Reader, Transaction
from tracker.transfers import undo
from tracker.transfers.undo import Undone
from tracker.vocabulary import JobKind, Permission, Scope
from tracker.work import jobs
from tracker.work.jobs import Job

routes = Routes()

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


@routes.post(
    _IMPORT,
    *_MAY_IMPORT,
    answers={202: objects.Job},
    files="archive",
    parameters=ImportParameters(only=("dry_run",)),
)
async def start_import(request: web.Request) -> web.Response:
    """Import an archive. Answers 202 and the status of the job.

    The archive replaces the issues of the repository.
    """
    # Refused here, before a large body is read in vain.
    await requests.read(request, _require_no_import, needed=Permission.ADMIN)
    settings = request.app[keys.SETTINGS]
    dry_run = _parameters(request).get("dry_run", False)
    archive = await uploads.receive(
        request, "archive", settings.spool_dir, limit=settings.limits.archive_bytes
    )
    try:
        _, job = await archives.begin(request, JobKind.IMPORT, archive=archive, dry_run=dry_run)
    except BaseException:
        archive.unlink(missing_ok=True)
        raise
    return _status(request, job)


@routes.get(_IMPORT, *_MAY_IMPORT, answers={200: objects.Job, 202: objects.Job})
async def get_import(request: web.Request) -> web.Response:
    """Get the status of the newest import."""
    job = await requests.read(request, _latest_import, needed=Permission.ADMIN)
    return _status(request, job)


@routes.delete(_IMPORT, *_MAY_IMPORT, answers={204: None})
async def withdraw_import(request: web.Request) -> web.Response:
    """Withdraw an import, or its dry run, that no worker has begun (ours).

    The job ends as FAILURE with the message `Withdrawn.`, and the uploaded archive is removed. 409
    once a worker has begun; 404 when no import is unfinished.
    """
    await archives.administered(request)
    job = await requests.write(request, _withdraw, needed=Permission.ADMIN)
    await jobs.remove_upload(job)
    return web.Response(status=204)


@routes.post(
    f"{_IMPORT}/undo",
    *_MAY_IMPORT,
    answers={200: objects.ImportUndo},
    parameters=ImportParameters(only=("yes",)),
)
async def undo_import(request: web.Request) -> web.Response:
    """Undo the last import (ours). Answers 200 and how many writes went out of sight.

    The tracker that the import replaced is in force again. Without `yes=true` this is refused (409)
    when writes made since the import would go out of sight. Writes between the acceptance of the
    import and its start come back.
    """
    seen = await archives.administered(request)
    work = partial(_undo, accept_writes=_parameters(request).get("yes", False))
    done = await requests.write(request, work, needed=Permission.ADMIN, seen=seen)
    return answers.answer(
        request,
        {
            "type": "issue_import_undo",
            "writes_out_of_sight": done.writes,
            "writes_brought_back": done.brought_back,
        },
    )


@routes.post(
    _EXPORT, *archives.MAY_EXPORT, answers={202: None}, body=lambda limits: ExportOptions()
)
async def start_export(request: web.Request) -> web.Response:
    """Start an export. Answers 202 and, in Location, the address of the zip.

    While an export with the same options runs, it is the same one; while one with other options
    runs: 409.
    """
    await archives.administered(request)
    payload = await bodies.read(request) if request.can_read_body else {}
    options = _effective(fields.load(ExportOptions(), payload))
    repository, job = await archives.begin(request, JobKind.EXPORT, options=options)
    url = f"{repository_url(request[BASE_URL], repository)}/issues/export"
    location = f"{url}/{repository.slug}-issues-{job.uuid}.zip"
    return web.Response(status=202, headers={"Location": location})


@routes.get(
    f"{_EXPORT}/{{repo_name:[^/]+}}-issues-{{task_id:[0-9a-f-]{{36}}}}.zip",
    *archives.MAY_EXPORT,
    answers={200: "application/zip", 202: objects.Job},
)
async def get_export(request: web.Request) -> web.StreamResponse:
    """Get the zip of an export, or 202 and the status while it runs.

    The newest three are kept, for some days. 410 for one that failed (with the reason) or was
    removed.
    """
    work = partial(_export, uuid=request.match_info["task_id"])
    repository, job = await requests.read(request, work, needed=Permission.ADMIN)
    if not job.is_finished:
        return _status(request, job)
    return await archives.download(request, repository, job)


async def _require_no_import(db: Reader, actor: Actor, repository: Repository) -> None:
    await jobs.require_no_import(db, repository)


async def _latest_import(db: Reader, actor: Actor, repository: Repository) -> Job:
    return await jobs.latest_import(db, repository)


async def _withdraw(tx: Transaction, actor: Actor, repository: Repository) -> Job:
    return await jobs.withdraw_import(tx, repository)


async def _undo(
    tx: Transaction, actor: Actor, repository: Repository, *, accept_writes: bool
) -> Undone:
    return await undo.undo(tx, repository, accept_writes=accept_writes)


async def _export(
    db: Reader, actor: Actor, repository: Repository, *, uuid: str
) -> tuple[Repository, Job]:
    return repository, await jobs.find_export(db, repository, uuid)


def _effective(options: dict[str, Any]) -> dict[str, Any]:
    """The options without those that make the same zip as none."""
    usual = {"include_attachments": True, "send_email": options.get("send_email")}
    return {name: value for name, value in options.items() if value not in (None, usual.get(name))}
