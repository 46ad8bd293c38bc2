"""Attachments in API 2.0, and the short-lived addresses of their bytes."""

from functools import partial

from aiohttp import web

from service.api_v2 import objects
from service.api_v2.paging import PageRequest
from service.api_v2.representation import Representation, issue_url
from service.http import answers, keys, requests, uploads
from service.http.downloads import DOWNLOADS
from service.http.endpoint import ISSUE, Routes
from service.http.links import BASE_URL
from tracker import attachments, catalogues, issues
from tracker.access.rights import Actor, Repository
from tracker.database import Reader, Row
from tracker.query.paging import Listing, Page
from tracker.settings import Limits
from tracker.vocabulary import Scope

routes = Routes()

_ONE = f"{ISSUE}/attachments/{{path:[^/]+}}"


@routes.get(
    f"{ISSUE}/attachments",
    Scope.ISSUE,
    answers={200: objects.page_of(objects.Attachment)},
    catalogue=catalogues.ATTACHMENTS,
    is_cacheable=True,
)
async def list_attachments(request: web.Request) -> web.Response:
    """List the attachments of an issue, a page at a time, in the order of their upload."""
    asked = PageRequest(request, catalogues.ATTACHMENTS)
    number = requests.issue_number(request)
    work = partial(_list, number=number, listing=asked.listing)
    tracker, page = await requests.read(request, work, lane=asked.lane)
    shapes = Representation(request[BASE_URL], tracker)
    values = [shapes.attachment(number, row["name"]) for row in page.items]
    url = f"{shapes.url}/issues/{number}/attachments"
    return answers.answer(request, asked.envelope(url, page, values))


@routes.post(f"{ISSUE}/attachments", Scope.ISSUE_WRITE, answers={201: None}, files="*")
async def upload_attachments(request: web.Request) -> web.Response:
    """Attach the files of a form to an issue. Answers 201 with the address of the collection."""
    number = requests.issue_number(request)
    limits, blobs = request.app[keys.SETTINGS].limits, request.app[keys.BLOBS]
    look = partial(_room, number=number, limits=limits)
    tracker, room = await requests.read(request, look)
    files = await uploads.receive_files(
        request, blobs, limit=limits.attachment_bytes, together=room
    )
    work = partial(attachments.add, number=number, files=files, blobs=blobs, limits=limits)
    lost = {file.sha256 for file in files}
    try:
        lost = await requests.write(request, work, seen=tracker)
    finally:
        await requests.free(request, lost)
    url = f"{issue_url(request[BASE_URL], tracker, number)}/attachments"
    return web.Response(status=201, headers={"Location": url})


@routes.get(_ONE, Scope.ISSUE, answers={302: None})
async def get_attachment(request: web.Request) -> web.Response:
    """Get the address of an attachment's bytes. Answers 302.

    The address serves the bytes without credentials, for a minute.
    """
    name = request.match_info["path"]
    work = partial(_bytes, number=requests.issue_number(request), name=name)
    sha256 = await requests.read(request, work)
    path = request.app[DOWNLOADS].address(sha256, name)
    return web.Response(status=302, headers={"Location": f"{request[BASE_URL]}{path}"})


@routes.delete(_ONE, Scope.ISSUE_WRITE, answers={204: None})
async def delete_attachment(request: web.Request) -> web.Response:
    """Delete an attachment."""
    number = requests.issue_number(request)
    tracker = await requests.tracker_of(request, number)
    work = partial(attachments.delete, number=number, name=request.match_info["path"])
    await requests.free(request, await requests.write(request, work, seen=tracker))
    return web.Response(status=204)


async def _list(
    db: Reader, actor: Actor, tracker: Repository, *, number: int, listing: Listing
) -> tuple[Repository, Page[Row]]:
    await issues.outline(db, tracker, number)
    return tracker, await attachments.find_all(db, tracker, number, listing)


async def _room(
    db: Reader, actor: Actor, tracker: Repository, *, number: int, limits: Limits
) -> tuple[Repository, int]:
    """The tracker, and how many bytes it has room for."""
    await issues.outline(db, tracker, number)
    return tracker, await attachments.room(db, tracker, limits)


async def _bytes(db: Reader, actor: Actor, tracker: Repository, *, number: int, name: str) -> str:
    """The SHA-256 of an attachment's bytes."""
    await issues.outline(db, tracker, number)
    return await attachments.find_bytes(db, tracker, number, name)
