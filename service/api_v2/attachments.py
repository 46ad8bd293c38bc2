"""Attachments in API 2.0, and the short-lived addresses where their bytes are."""

from aiohttp import web

from service import answers, keys, requests
from service.api_v2.endpoint import ISSUE, Endpoint
from service.api_v2.representation import Representation
from service.paging import Asked
from tracker import attachments, issues
from tracker.vocabulary import Scope


async def list_attachments(request: web.Request) -> web.Response:
    """A page of an issue's attachments, in order of upload."""
    tracker = await requests.tracker(request)
    asked = Asked(request, int)
    db = requests.database(request)
    number = requests.row_id(request, "issue_id", issues.NO_ISSUE)
    await issues.outline(db, tracker, number)
    page = await attachments.find_all(db, tracker, number, asked.window)
    shapes = Representation(request[keys.BASE_URL], tracker)
    values = [shapes.attachment(number, row["name"]) for row in page.items]
    return answers.json(asked.envelope(f"{shapes.links.issue(number)}/attachments", page, values))


async def get_attachment(request: web.Request) -> web.Response:
    """302 to an address that serves the bytes without credentials for a minute (8.2.7)."""
    tracker = await requests.tracker(request)
    db = requests.database(request)
    number = requests.row_id(request, "issue_id", issues.NO_ISSUE)
    await issues.outline(db, tracker, number)
    name = request.match_info["path"]
    sha256 = await attachments.find_bytes(db, tracker, number, name)
    path = request.app[keys.DOWNLOADS].address(sha256, name)
    return web.Response(status=302, headers={"Location": f"{request[keys.BASE_URL]}{path}"})


ENDPOINTS = (
    Endpoint("GET", f"{ISSUE}/attachments", list_attachments, (Scope.ISSUE,)),
    Endpoint("GET", f"{ISSUE}/attachments/{{path:[^/]+}}", get_attachment, (Scope.ISSUE,)),
)
