"""Attachments in API 2.0, and the short-lived addresses where their bytes are."""

from aiohttp import web

from service.api_v2 import objects
from service.api_v2.paging import Asked
from service.api_v2.representation import Representation
from service.http import answers, keys, requests, uploads
from service.http.endpoint import ISSUE, Endpoint
from service.http.links import RepositoryLinks
from tracker import attachments, catalogues, issues
from tracker.access.rights import Repository
from tracker.database import Reader, Row, Transaction
from tracker.query.paging import Page
from tracker.vocabulary import Scope


async def list_attachments(request: web.Request) -> web.Response:
    """A page of an issue's attachments, in order of upload."""
    asked = Asked(request, catalogues.ATTACHMENTS)
    number = requests.issue_number(request)

    async def find(reader: Reader, tracker: Repository) -> tuple[Repository, Page[Row]]:
        await issues.outline(reader, tracker, number)
        return tracker, await attachments.find_all(reader, tracker, number, asked.listing)

    tracker, page = await requests.read_tracker(request, find, lane=asked.lane)
    shapes = Representation(request[keys.BASE_URL], tracker)
    values = [shapes.attachment(number, row["name"]) for row in page.items]
    return answers.answer(
        request, asked.envelope(f"{shapes.links.issue(number)}/attachments", page, values)
    )


async def upload_attachments(request: web.Request) -> web.Response:
    """Attach the files of a form: 201 without a body; Location is the collection."""
    number = requests.issue_number(request)
    limits, blobs = request.app[keys.SETTINGS].limits, request.app[keys.BLOBS]

    async def look(reader: Reader, tracker: Repository) -> tuple[Repository, int]:
        await issues.outline(reader, tracker, number)
        return tracker, await attachments.room(reader, tracker, limits)

    tracker, room = await requests.read_tracker(request, look)
    files = await uploads.receive_files(
        request, blobs, limit=limits.attachment_bytes, together=room
    )

    async def write(tx: Transaction, tracker: Repository) -> set[str]:
        return await attachments.add(
            tx, requests.actor(request), tracker, number, files, blobs=blobs, limits=limits
        )

    lost = {file.sha256 for file in files}
    try:
        lost = await requests.write(request, tracker, write)
    finally:
        await requests.free(request, lost)
    links = RepositoryLinks(request[keys.BASE_URL], tracker)
    return web.Response(status=201, headers={"Location": f"{links.issue(number)}/attachments"})


async def get_attachment(request: web.Request) -> web.Response:
    """302 to an address that serves the bytes without credentials for a minute."""
    number = requests.issue_number(request)
    name = request.match_info["path"]

    async def find(reader: Reader, tracker: Repository) -> str:
        await issues.outline(reader, tracker, number)
        return await attachments.find_bytes(reader, tracker, number, name)

    sha256 = await requests.read_tracker(request, find)
    path = request.app[keys.DOWNLOADS].address(sha256, name)
    return web.Response(status=302, headers={"Location": f"{request[keys.BASE_URL]}{path}"})


async def delete_attachment(request: web.Request) -> web.Response:
    """Take a file off its issue: 204."""
    number = requests.issue_number(request)
    name = request.match_info["path"]
    tracker = await requests.issues_tracker(request, number)

    async def write(tx: Transaction, tracker: Repository) -> set[str]:
        return await attachments.delete(tx, requests.actor(request), tracker, number, name)

    await requests.free(request, await requests.write(request, tracker, write))
    return web.Response(status=204)


_ONE = f"{ISSUE}/attachments/{{path:[^/]+}}"

ENDPOINTS = (
    Endpoint(
        "GET",
        f"{ISSUE}/attachments",
        list_attachments,
        (Scope.ISSUE,),
        {200: objects.page_of(objects.Attachment)},
        catalogue=catalogues.ATTACHMENTS,
    ),
    Endpoint(
        "POST",
        f"{ISSUE}/attachments",
        upload_attachments,
        (Scope.ISSUE_WRITE,),
        {201: None},
        files="*",
    ),
    Endpoint(
        "GET",
        _ONE,
        get_attachment,
        (Scope.ISSUE,),
        {302: None},
    ),
    Endpoint(
        "DELETE",
        _ONE,
        delete_attachment,
        (Scope.ISSUE_WRITE,),
        {204: None},
    ),
)
