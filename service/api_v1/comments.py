"""Comments in API 1.0."""

from aiohttp import web

from service.api_v1 import arrays, objects, payloads
from service.api_v1.representation import Json, Representation, nothing
from service.http import answers, bodies, keys, requests
from service.http.endpoint import ISSUE, NUMBER, Endpoint
from tracker import catalogues, comments, issues
from tracker.access.rights import Repository
from tracker.database import Reader, Row, Transaction
from tracker.query import Selection
from tracker.query.paging import Key, Page
from tracker.vocabulary import Scope

COMMENT = f"{ISSUE}/comments/{{comment_id:{NUMBER}}}"

_NEWEST_FIRST = Selection(catalogues.COMMENTS, order=None, is_descending=True)
"""Whatever `sort` says: Bitbucket ignored it here."""

Found = tuple[Repository, Row]
"""A tracker and a comment in it."""


async def list_comments(request: web.Request) -> web.StreamResponse:
    """All of an issue's comments, newest first, the empty ones of changes among them."""
    number = requests.issue_number(request)

    async def find(reader: Reader, tracker: Repository, after: Key | None) -> Page[Json]:
        await issues.outline(reader, tracker, number)
        part = arrays.part(_NEWEST_FIRST, after)
        page = await comments.find_some(reader, tracker, number, part, most=arrays.BYTES)
        shapes = Representation(request[keys.BASE_URL], tracker)
        return page.each(shapes.comment)

    return await arrays.of_tracker(request, find)


async def get_comment(request: web.Request) -> web.Response:
    """One comment."""
    number = requests.issue_number(request)
    comment_id = requests.comment_id(request)

    async def find(reader: Reader, tracker: Repository) -> Found:
        await issues.outline(reader, tracker, number)
        return tracker, await comments.get(reader, tracker, number, comment_id)

    return _one(request, await requests.read_tracker(request, find))


async def create_comment(request: web.Request) -> web.Response:
    """A new comment: 200 with itself."""
    number = requests.issue_number(request)
    tracker = await requests.issues_tracker(request, number)
    given = await bodies.load(request, payloads.comment)

    async def write(tx: Transaction, tracker: Repository) -> Found:
        comment_id = await comments.create(tx, requests.actor(request), tracker, number, **given)
        return tracker, await comments.get(tx, tracker, number, comment_id)

    return _one(request, await requests.write(request, tracker, write))


async def update_comment(request: web.Request) -> web.Response:
    """A comment with another text."""
    number = requests.issue_number(request)
    comment_id = requests.comment_id(request)
    tracker = await requests.issues_tracker(request, number)
    given = await bodies.load(request, payloads.comment)

    async def write(tx: Transaction, tracker: Repository) -> Found:
        await comments.update(tx, requests.actor(request), tracker, number, comment_id, **given)
        return tracker, await comments.get(tx, tracker, number, comment_id)

    return _one(request, await requests.write(request, tracker, write))


async def delete_comment(request: web.Request) -> web.Response:
    """No comment any more: 204."""
    number = requests.issue_number(request)
    comment_id = requests.comment_id(request)
    tracker = await requests.issues_tracker(request, number)

    async def write(tx: Transaction, tracker: Repository) -> None:
        await comments.delete(tx, requests.actor(request), tracker, number, comment_id)

    await requests.write(request, tracker, write)
    return nothing()


def _one(request: web.Request, found: Found) -> web.Response:
    tracker, row = found
    return answers.answer(request, Representation(request[keys.BASE_URL], tracker).comment(row))


ENDPOINTS = (
    Endpoint(
        "GET",
        f"{ISSUE}/comments",
        list_comments,
        (Scope.ISSUE,),
        {200: objects.Comment(many=True)},
    ),
    Endpoint(
        "POST",
        f"{ISSUE}/comments",
        create_comment,
        (Scope.ISSUE_WRITE,),
        {200: objects.Comment},
        payloads.comment,
    ),
    Endpoint(
        "GET",
        COMMENT,
        get_comment,
        (Scope.ISSUE,),
        {200: objects.Comment},
    ),
    Endpoint(
        "PUT",
        COMMENT,
        update_comment,
        (Scope.ISSUE_WRITE,),
        {200: objects.Comment},
        payloads.comment,
    ),
    Endpoint(
        "DELETE",
        COMMENT,
        delete_comment,
        (Scope.ISSUE_WRITE,),
        {204: None},
    ),
)
