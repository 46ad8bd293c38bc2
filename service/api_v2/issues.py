"""Issues in API 2.0."""

from aiohttp import web

from service import answers, bodies, keys, requests
from service.api_v2 import schemas
from service.api_v2.endpoint import ISSUE, REPOSITORY, Endpoint
from service.api_v2.representation import Representation
from service.paging import Asked
from tracker import fields, issues
from tracker.access import Repository
from tracker.database import Reader, Row, Transaction
from tracker.paging import Page
from tracker.vocabulary import Scope


async def list_issues(request: web.Request) -> web.Response:
    """A page of issues, newest update first."""
    asked = Asked(request, str, int)

    async def find(reader: Reader, tracker: Repository) -> tuple[Repository, Page[Row]]:
        return tracker, await issues.find_all(reader, tracker, asked.window)

    tracker, page = await requests.read_tracker(request, find)
    html = await request.app[keys.CONTENTS].html("issue", tracker.tracker_id, page.items)
    shapes = Representation(request[keys.BASE_URL], tracker)
    values = [shapes.issue(row, text) for row, text in zip(page.items, html, strict=True)]
    return answers.answer(request, asked.envelope(f"{shapes.links.api}/issues", page, values))


async def get_issue(request: web.Request) -> web.Response:
    """One issue."""
    number = requests.row_id(request, "issue_id", issues.NO_ISSUE)

    async def find(reader: Reader, tracker: Repository) -> tuple[Repository, Row]:
        return tracker, await issues.get(reader, tracker, number)

    return await _one(request, *await requests.read_tracker(request, find))


async def create_issue(request: web.Request) -> web.Response:
    """A new issue: 201 with its address and itself."""
    tracker = await requests.tracker(request)
    limits = request.app[keys.SETTINGS].limits
    given = fields.load(schemas.issue(limits), await bodies.read_json(request))
    references = {name: given.pop(name) for name in schemas.REFERENCES if name in given}
    content = given.pop("content", None) or {"raw": ""}
    draft = issues.Draft(
        content=content["raw"],
        **{"markup": content["markup"]} if "markup" in content else {},
        **given,
        references=references,
    )

    async def write(tx: Transaction) -> Row:
        number = await issues.create(tx, requests.actor(request), tracker, draft)
        return await issues.get(tx, tracker, number)

    row = await requests.database(request).write(write)
    return await _one(request, tracker, row, status=201)


async def _one(
    request: web.Request, tracker: Repository, row: Row, *, status: int = 200
) -> web.Response:
    [html] = await request.app[keys.CONTENTS].html("issue", tracker.tracker_id, [row])
    shown = Representation(request[keys.BASE_URL], tracker).issue(row, html)
    headers = {"Location": shown["links"]["self"]["href"]} if status == 201 else None
    return answers.answer(request, shown, status=status, headers=headers)


ENDPOINTS = (
    Endpoint("GET", ISSUE, get_issue, (Scope.ISSUE,)),
    Endpoint("GET", f"{REPOSITORY}/issues", list_issues, (Scope.ISSUE,)),
    Endpoint("POST", f"{REPOSITORY}/issues", create_issue, (Scope.ISSUE_WRITE,)),
)
