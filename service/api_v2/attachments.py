"""Attachments in API 2.0, and the short-lived addresses where their bytes are."""

from aiohttp import web

from service import answers, keys, requests
from service.api_v2.endpoint import ISSUE, Endpoint
from service.api_v2.representation import Representation
from service.paging import Asked
from tracker import attachments, issues
from tracker.access import Repository
from tracker.database import Reader, Row
from tracker.paging import Page
from tracker.vocabulary import Scope


async def list_attachments(request: web.Request) -> web.Response:
    """A page of an issue's attachments, in order of upload."""
    asked = Asked(request, int)
    number = requests.row_id(request, "issue_id", issues.NO_ISSUE)

    async def find(reader: Reader, tracker: Repository) -> tuple[Repository, Page[Row]]:
        await issues.outline(reader, tracker, number)
        return tracker, await attachments.find_all(reader, tracker, number, asked.window)

    tracker, page = await requests.read_tracker(request, find)
    shapes = Representation(request[keys.BASE_URL], tracker)
    values = [shapes.attachment(number, row["name"]) for row in page.items]
    return answers.answer(
        request, asked.envelope(f"{shapes.links.issue(number)}/attachments", page, values)
    )


async def get_attachment(request: web.Request) -> web.Response:
    """302 to an address that serves the bytes without credentials for a minute (8.2.7)."""
    number = requests.row_id(request, "issue_id", issues.NO_ISSUE)
    name = request.match_info["path"]

    async def find(reader: Reader, tracker: Repository) -> str:
        await issues.outline(reader, tracker, number)
        return await attachments.find_bytes(reader, tracker, number, name)

    sha256 = await requests.read_tracker(request, find)
    path = request.app[keys.DOWNLOADS].address(sha256, name)
    return web.Response(status=302, headers={"Location": f"{request[keys.BASE_URL]}{path}"})


ENDPOINTS = (
    Endpoint("GET", f"{ISSUE}/attachments", list_attachments, (Scope.ISSUE,)),
    Endpoint("GET", f"{ISSUE}/attachments/{{path:[^/]+}}", get_attachment, (Scope.ISSUE,)),
)
