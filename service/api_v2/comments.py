"""Comments in API 2.0."""

from aiohttp import web

from service import answers, bodies, keys, requests
from service.api_v2 import schemas
from service.api_v2.endpoint import ISSUE, NUMBER, Endpoint
from service.api_v2.representation import Representation
from service.paging import Asked
from tracker import comments, fields, issues
from tracker.access import Repository
from tracker.database import Reader, Row, Transaction
from tracker.paging import Page
from tracker.vocabulary import Scope

Found = tuple[Repository, Row, Row]
"""A tracker, one of its issues, and one of the issue's comments."""


async def list_comments(request: web.Request) -> web.Response:
    """A page of an issue's comments, oldest first."""
    asked = Asked(request, int)
    number = requests.row_id(request, "issue_id", issues.NO_ISSUE)

    async def find(reader: Reader, tracker: Repository) -> tuple[Repository, Row, Page[Row]]:
        issue = await issues.outline(reader, tracker, number)
        return tracker, issue, await comments.find_all(reader, tracker, number, asked.window)

    tracker, issue, page = await requests.read_tracker(request, find)
    html = await request.app[keys.CONTENTS].html("comment", tracker.tracker_id, page.items)
    shapes = Representation(request[keys.BASE_URL], tracker)
    values = [shapes.comment(issue, row, text) for row, text in zip(page.items, html, strict=True)]
    return answers.answer(
        request, asked.envelope(f"{shapes.links.issue(number)}/comments", page, values)
    )


async def get_comment(request: web.Request) -> web.Response:
    """One comment."""
    number = requests.row_id(request, "issue_id", issues.NO_ISSUE)
    comment_id = requests.row_id(request, "comment_id", comments.NO_COMMENT)

    async def find(reader: Reader, tracker: Repository) -> Found:
        return tracker, *await _found(reader, tracker, number, comment_id)

    return await _one(request, *await requests.read_tracker(request, find))


async def create_comment(request: web.Request) -> web.Response:
    """A new comment: 201 with its address and itself."""
    number = requests.row_id(request, "issue_id", issues.NO_ISSUE)
    tracker = await requests.issues_tracker(request, number)
    limits = request.app[keys.SETTINGS].limits
    content = fields.load(schemas.comment(limits), await bodies.read_json(request))["content"]

    async def write(tx: Transaction) -> tuple[Row, Row]:
        comment_id = await comments.create(
            tx,
            requests.actor(request),
            tracker,
            number,
            content=content["raw"],
            markup=content["markup"],
        )
        return await _found(tx, tracker, number, comment_id)

    return await _one(request, tracker, *await requests.database(request).write(write), status=201)


async def _found(
    reader: Reader, tracker: Repository, number: int, comment_id: int
) -> tuple[Row, Row]:
    """A comment behind its issue."""
    issue = await issues.outline(reader, tracker, number)
    return issue, await comments.get(reader, tracker, number, comment_id)


async def _one(
    request: web.Request, tracker: Repository, issue: Row, row: Row, *, status: int = 200
) -> web.Response:
    [html] = await request.app[keys.CONTENTS].html("comment", tracker.tracker_id, [row])
    shown = Representation(request[keys.BASE_URL], tracker).comment(issue, row, html)
    headers = {"Location": shown["links"]["self"]["href"]} if status == 201 else None
    return answers.answer(request, shown, status=status, headers=headers)


ENDPOINTS = (
    Endpoint("GET", f"{ISSUE}/comments", list_comments, (Scope.ISSUE,)),
    Endpoint("POST", f"{ISSUE}/comments", create_comment, (Scope.ISSUE_WRITE,)),
    Endpoint("GET", f"{ISSUE}/comments/{{comment_id:{NUMBER}}}", get_comment, (Scope.ISSUE,)),
)
