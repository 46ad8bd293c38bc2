"""Comments in API 2.0."""

from aiohttp import web

from service.api_v2 import expansion, objects, payloads
from service.api_v2.paging import Asked
from service.api_v2.representation import Representation
from service.http import answers, bodies, keys, requests
from service.http.endpoint import ISSUE, NUMBER, Endpoint
from tracker import catalogues, comments, contents, issues
from tracker.access.rights import Repository
from tracker.contents import Texts
from tracker.database import Reader, Row, Transaction
from tracker.query.paging import Page
from tracker.vocabulary import Scope

COMMENT = f"{ISSUE}/comments/{{comment_id:{NUMBER}}}"

Found = tuple[Repository, Row, Row, Texts]
"""A tracker, one of its issues, one of the issue's comments, and what that says."""


async def list_comments(request: web.Request) -> web.Response:
    """A page of an issue's comments, oldest first."""
    asked = Asked(request, catalogues.COMMENTS)
    number = requests.issue_number(request)

    async def find(reader: Reader, tracker: Repository) -> tuple[Repository, Row, Page[Row], Texts]:
        issue = await issues.outline(reader, tracker, number)
        page = await comments.find_all(reader, tracker, number, asked.listing)
        texts = await contents.read(reader, tracker, "comment", page.items)
        return tracker, issue, page, texts

    tracker, issue, page, texts = await requests.read_tracker(request, find, lane=asked.lane)
    html = await requests.shown(request, texts)
    shapes = Representation(request[keys.BASE_URL], tracker)
    values = [shapes.comment(issue, row, text) for row, text in zip(page.items, html, strict=True)]
    return answers.answer(
        request,
        asked.envelope(f"{shapes.links.issue(number)}/comments", page, values),
        whole=await expansion.of_issue(request, tracker, number),
    )


async def get_comment(request: web.Request) -> web.Response:
    """One comment."""
    number = requests.issue_number(request)
    comment_id = requests.comment_id(request)

    async def find(reader: Reader, tracker: Repository) -> Found:
        return await _found(reader, tracker, number, comment_id)

    return await _one(request, await requests.read_tracker(request, find))


async def create_comment(request: web.Request) -> web.Response:
    """A new comment: 201 with its address and itself."""
    number = requests.issue_number(request)
    tracker = await requests.issues_tracker(request, number)
    content = (await bodies.load(request, payloads.comment))["content"]

    async def write(tx: Transaction, tracker: Repository) -> Found:
        comment_id = await comments.create(tx, requests.actor(request), tracker, number, **content)
        return await _found(tx, tracker, number, comment_id)

    return await _one(request, await requests.write(request, tracker, write), status=201)


async def update_comment(request: web.Request) -> web.Response:
    """A comment with another text."""
    number = requests.issue_number(request)
    comment_id = requests.comment_id(request)
    tracker = await requests.issues_tracker(request, number)
    content = (await bodies.load(request, payloads.comment))["content"]

    async def write(tx: Transaction, tracker: Repository) -> Found:
        actor = requests.actor(request)
        await comments.update(tx, actor, tracker, number, comment_id, **content)
        return await _found(tx, tracker, number, comment_id)

    return await _one(request, await requests.write(request, tracker, write))


async def delete_comment(request: web.Request) -> web.Response:
    """No comment any more: 204."""
    number = requests.issue_number(request)
    comment_id = requests.comment_id(request)
    tracker = await requests.issues_tracker(request, number)

    async def write(tx: Transaction, tracker: Repository) -> None:
        await comments.delete(tx, requests.actor(request), tracker, number, comment_id)

    await requests.write(request, tracker, write)
    return web.Response(status=204)


async def _found(reader: Reader, tracker: Repository, number: int, comment_id: int) -> Found:
    issue = await issues.outline(reader, tracker, number)
    row = await comments.get(reader, tracker, number, comment_id)
    return tracker, issue, row, await contents.read(reader, tracker, "comment", [row])


async def _one(request: web.Request, found: Found, *, status: int = 200) -> web.Response:
    tracker, issue, row, texts = found
    [html] = await requests.shown(request, texts)
    shown = Representation(request[keys.BASE_URL], tracker).comment(issue, row, html)
    headers = {"Location": shown["links"]["self"]["href"]} if status == 201 else None
    whole = await expansion.of_issue(request, tracker, issue["number"])
    return answers.answer(request, shown, status=status, headers=headers, whole=whole)


ENDPOINTS = (
    Endpoint(
        "GET",
        f"{ISSUE}/comments",
        list_comments,
        (Scope.ISSUE,),
        {200: objects.page_of(objects.Comment)},
        catalogue=catalogues.COMMENTS,
    ),
    Endpoint(
        "POST",
        f"{ISSUE}/comments",
        create_comment,
        (Scope.ISSUE_WRITE,),
        {201: objects.Comment},
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
