"""Comments in API 2.0."""

from functools import partial
from typing import Any

from aiohttp import web

from service.api_v2 import expansion, objects, payloads
from service.api_v2.paging import PageRequest
from service.api_v2.representation import Representation
from service.http import answers, bodies, requests
from service.http.endpoint import ISSUE, NUMBER, Routes
from service.http.links import BASE_URL
from tracker import catalogues, comments, contents, issues
from tracker.access.rights import Actor, Repository
from tracker.contents import Texts
from tracker.database import Reader, Row, Transaction
from tracker.query.paging import Listing, Page
from tracker.vocabulary import Markup, Scope

routes = Routes()

COMMENT = f"{ISSUE}/comments/{{comment_id:{NUMBER}}}"

Found = tuple[Repository, Row, Row, Texts]
"""A tracker, one of its issues, one of the issue's comments, and the text of that."""


@routes.get(
    f"{ISSUE}/comments",
    Scope.ISSUE,
    answers={200: objects.page_of(objects.Comment)},
    catalogue=catalogues.COMMENTS,
    is_cacheable=True,
)
async def list_comments(request: web.Request) -> web.Response:
    """List the comments of an issue, a page at a time, oldest first."""
    asked = PageRequest(request, catalogues.COMMENTS)
    number = requests.issue_number(request)
    work = partial(_list, number=number, listing=asked.listing)
    tracker, issue, page, texts = await requests.read(request, work, lane=asked.lane)
    htmls = await requests.shown(request, texts)
    shapes = Representation(request[BASE_URL], tracker)
    values = [shapes.comment(issue, row, html) for row, html in zip(page.items, htmls, strict=True)]
    await expansion.of_issue(request, tracker, number)
    url = f"{shapes.url}/issues/{number}/comments"
    return answers.answer(request, asked.envelope(url, page, values))


@routes.post(
    f"{ISSUE}/comments",
    Scope.ISSUE_WRITE,
    answers={201: objects.Comment},
    body=payloads.comment,
)
async def create_comment(request: web.Request) -> web.Response:
    """Create a comment. Answers 201 with its address and the comment."""
    number = requests.issue_number(request)
    tracker = await requests.tracker_of(request, number)
    given = (await bodies.load(request, payloads.comment))["content"]
    markup = given.get("markup", Markup.MARKDOWN)
    html = await requests.prepared(request, markup, given["content"])
    work = partial(_create, number=number, html=html, **given)
    return await _answer(
        request, await requests.write(request, work, seen=tracker, short=True), status=201
    )


@routes.get(COMMENT, Scope.ISSUE, answers={200: objects.Comment}, is_cacheable=True)
async def get_comment(request: web.Request) -> web.Response:
    """Get a comment."""
    work = partial(
        _get, number=requests.issue_number(request), comment_id=requests.comment_id(request)
    )
    return await _answer(request, await requests.read(request, work))


@routes.put(COMMENT, Scope.ISSUE_WRITE, answers={200: objects.Comment}, body=payloads.comment)
async def update_comment(request: web.Request) -> web.Response:
    """Update the text of a comment."""
    number, comment_id = requests.issue_number(request), requests.comment_id(request)
    tracker = await requests.tracker_of(request, number)
    given = (await bodies.load(request, payloads.comment))["content"]
    work = partial(_update, number=number, comment_id=comment_id, **given)
    return await _answer(request, await requests.write(request, work, seen=tracker, short=True))


@routes.delete(COMMENT, Scope.ISSUE_WRITE, answers={204: None})
async def delete_comment(request: web.Request) -> web.Response:
    """Delete a comment."""
    number, comment_id = requests.issue_number(request), requests.comment_id(request)
    tracker = await requests.tracker_of(request, number)
    work = partial(comments.delete, number=number, comment_id=comment_id)
    await requests.write(request, work, seen=tracker, short=True)
    return web.Response(status=204)


async def _list(
    db: Reader, actor: Actor, tracker: Repository, *, number: int, listing: Listing
) -> tuple[Repository, Row, Page[Row], Texts]:
    issue = await issues.outline(db, tracker, number)
    page = await comments.find_all(db, tracker, number, listing)
    return tracker, issue, page, await contents.read(db, tracker, "comment", page.items)


async def _get(
    db: Reader, actor: Actor, tracker: Repository, *, number: int, comment_id: int
) -> Found:
    issue = await issues.outline(db, tracker, number)
    row = await comments.get(db, tracker, number, comment_id)
    return tracker, issue, row, await contents.read(db, tracker, "comment", [row])


async def _create(
    tx: Transaction, actor: Actor, tracker: Repository, *, number: int, **content: Any
) -> Found:
    comment_id = await comments.create(tx, actor, tracker, number, **content)
    return await _get(tx, actor, tracker, number=number, comment_id=comment_id)


async def _update(
    tx: Transaction,
    actor: Actor,
    tracker: Repository,
    *,
    number: int,
    comment_id: int,
    **content: Any,
) -> Found:
    await comments.update(tx, actor, tracker, number, comment_id, **content)
    return await _get(tx, actor, tracker, number=number, comment_id=comment_id)


async def _answer(request: web.Request, found: Found, *, status: int = 200) -> web.Response:
    tracker, issue, row, texts = found
    [html] = await requests.shown(request, texts)
    shown = Representation(request[BASE_URL], tracker).comment(issue, row, html)
    headers = {"Location": shown["links"]["self"]["href"]} if status == 201 else None
    await expansion.of_issue(request, tracker, issue["number"])
    return answers.answer(request, shown, status=status, headers=headers)
