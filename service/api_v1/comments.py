"""Comments in API 1.0."""

from functools import partial
from typing import Any

from aiohttp import web

from service.api_v1 import arrays, objects, payloads
from service.api_v1.representation import Json, Representation, nothing
from service.http import answers, bodies, requests
from service.http.endpoint import ISSUE, NUMBER, Routes
from service.http.links import BASE_URL
from tracker import catalogues, comments, issues
from tracker.access.rights import Actor, Repository
from tracker.database import Reader, Row, Transaction
from tracker.query import Selection
from tracker.query.paging import Key, Page
from tracker.vocabulary import Scope

routes = Routes()

COMMENT = f"{ISSUE}/comments/{{comment_id:{NUMBER}}}"

_NEWEST_FIRST = Selection(catalogues.COMMENTS, order=None, is_descending=True)
"""Whatever `sort` says: Bitbucket ignored it here."""

Found = tuple[Repository, Row]
"""A tracker and a comment in it."""


@routes.get(
    f"{ISSUE}/comments", Scope.ISSUE, answers={200: objects.Comment(many=True)}, is_cacheable=True
)
async def list_comments(request: web.Request) -> web.StreamResponse:
    """List all comments of an issue, the newest first.

    The empty comments of changes are among them.
    """
    work = partial(_list, number=requests.issue_number(request), base=request[BASE_URL])
    return await arrays.of_tracker(request, work)


@routes.post(
    f"{ISSUE}/comments", Scope.ISSUE_WRITE, answers={200: objects.Comment}, body=payloads.comment
)
async def create_comment(request: web.Request) -> web.Response:
    """Create a comment. Answers 200 with the comment."""
    number = requests.issue_number(request)
    tracker = await requests.tracker_of(request, number)
    work = partial(_create, number=number, **await bodies.load(request, payloads.comment))
    return _answer(request, await requests.write(request, work, seen=tracker, short=True))


@routes.get(COMMENT, Scope.ISSUE, answers={200: objects.Comment}, is_cacheable=True)
async def get_comment(request: web.Request) -> web.Response:
    """Get a comment."""
    number, comment_id = requests.issue_number(request), requests.comment_id(request)
    work = partial(_get, number=number, comment_id=comment_id)
    return _answer(request, await requests.read(request, work))


@routes.put(COMMENT, Scope.ISSUE_WRITE, answers={200: objects.Comment}, body=payloads.comment)
async def update_comment(request: web.Request) -> web.Response:
    """Update the text of a comment."""
    number, comment_id = requests.issue_number(request), requests.comment_id(request)
    tracker = await requests.tracker_of(request, number)
    given = await bodies.load(request, payloads.comment)
    work = partial(_update, number=number, comment_id=comment_id, **given)
    return _answer(request, await requests.write(request, work, seen=tracker, short=True))


@routes.delete(COMMENT, Scope.ISSUE_WRITE, answers={204: None})
async def delete_comment(request: web.Request) -> web.Response:
    """Delete a comment."""
    number, comment_id = requests.issue_number(request), requests.comment_id(request)
    tracker = await requests.tracker_of(request, number)
    work = partial(comments.delete, number=number, comment_id=comment_id)
    await requests.write(request, work, seen=tracker, short=True)
    return nothing()


async def _list(
    db: Reader, actor: Actor, tracker: Repository, *, number: int, base: str, after: Key | None
) -> Page[Json]:
    await issues.outline(db, tracker, number)
    part = arrays.part(_NEWEST_FIRST, after)
    page = await comments.find_some(db, tracker, number, part, most=arrays.BYTES)
    return page.each(Representation(base, tracker).comment)


async def _get(
    db: Reader, actor: Actor, tracker: Repository, *, number: int, comment_id: int
) -> Found:
    await issues.outline(db, tracker, number)
    return tracker, await comments.get(db, tracker, number, comment_id)


async def _create(
    tx: Transaction, actor: Actor, tracker: Repository, *, number: int, **given: Any
) -> Found:
    comment_id = await comments.create(tx, actor, tracker, number, **given)
    return tracker, await comments.get(tx, tracker, number, comment_id)


async def _update(
    tx: Transaction,
    actor: Actor,
    tracker: Repository,
    *,
    number: int,
    comment_id: int,
    **given: Any,
) -> Found:
    await comments.update(tx, actor, tracker, number, comment_id, **given)
    return tracker, await comments.get(tx, tracker, number, comment_id)


def _answer(request: web.Request, found: Found) -> web.Response:
    tracker, row = found
    return answers.answer(request, Representation(request[BASE_URL], tracker).comment(row))
