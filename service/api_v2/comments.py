"""Comments in API 2.0."""

from aiohttp import web

from service import answers, bodies, keys, requests
from service.api_v2 import schemas
from service.api_v2.endpoint import ISSUE, NUMBER, Endpoint
from service.api_v2.representation import Representation
from service.paging import Asked
from tracker import comments, fields, issues
from tracker.access import Repository
from tracker.vocabulary import Scope


async def list_comments(request: web.Request) -> web.Response:
    """A page of an issue's comments, oldest first."""
    tracker = await requests.tracker(request)
    asked = Asked(request, int)
    db = requests.database(request)
    number = requests.row_id(request, "issue_id", issues.NO_ISSUE)
    issue = await issues.outline(db, tracker, number)
    page = await comments.find_all(db, tracker, number, asked.window)
    html = await request.app[keys.CONTENTS].html("comment", tracker.tracker_id, page.items)
    shapes = Representation(request[keys.BASE_URL], tracker)
    values = [shapes.comment(issue, row, text) for row, text in zip(page.items, html, strict=True)]
    return answers.json(asked.envelope(f"{shapes.links.issue(number)}/comments", page, values))


async def get_comment(request: web.Request) -> web.Response:
    """One comment."""
    tracker = await requests.tracker(request)
    number = requests.row_id(request, "issue_id", issues.NO_ISSUE)
    return await _one(
        request, tracker, number, requests.row_id(request, "comment_id", comments.NO_COMMENT)
    )


async def create_comment(request: web.Request) -> web.Response:
    """A new comment: 201 with its address and itself."""
    tracker = await requests.tracker(request)
    db = requests.database(request)
    number = requests.row_id(request, "issue_id", issues.NO_ISSUE)
    await issues.outline(db, tracker, number)  # an absent issue is said before the body is read
    limits = request.app[keys.SETTINGS].limits
    content = fields.load(schemas.comment(limits), await bodies.read_json(request))["content"]
    comment_id = await comments.create(
        db,
        requests.actor(request),
        tracker,
        number,
        content=content["raw"],
        markup=content["markup"],
    )
    return await _one(request, tracker, number, comment_id, status=201)


async def _one(
    request: web.Request, tracker: Repository, number: int, comment_id: int, *, status: int = 200
) -> web.Response:
    db = requests.database(request)
    issue = await issues.outline(db, tracker, number)
    row = await comments.get(db, tracker, number, comment_id)
    [html] = await request.app[keys.CONTENTS].html("comment", tracker.tracker_id, [row])
    shown = Representation(request[keys.BASE_URL], tracker).comment(issue, row, html)
    headers = {"Location": shown["links"]["self"]["href"]} if status == 201 else None
    return answers.json(shown, status=status, headers=headers)


ENDPOINTS = (
    Endpoint("GET", f"{ISSUE}/comments", list_comments, (Scope.ISSUE,)),
    Endpoint("POST", f"{ISSUE}/comments", create_comment, (Scope.ISSUE_WRITE,)),
    Endpoint("GET", f"{ISSUE}/comments/{{comment_id:{NUMBER}}}", get_comment, (Scope.ISSUE,)),
)
