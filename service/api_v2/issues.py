"""Issues in API 2.0."""

from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import web

from service.api_v2 import expansion, objects, payloads
from service.api_v2.paging import Asked
from service.api_v2.representation import Representation
from service.http import answers, bodies, keys, requests
from service.http.endpoint import ISSUE, REPOSITORY, Endpoint
from tracker import catalogues, contents, edits, issues
from tracker.access.rights import Repository
from tracker.contents import Texts
from tracker.database import Reader, Row, Transaction
from tracker.query.paging import Page
from tracker.vocabulary import Scope

Found = tuple[Repository, Row, Texts]
"""A tracker, one of its issues, and what that says."""


async def list_issues(request: web.Request) -> web.Response:
    """A page of issues, newest update first."""
    asked = Asked(request, catalogues.ISSUES)

    async def find(reader: Reader, tracker: Repository) -> tuple[Repository, Page[Row], Texts]:
        page = await issues.find_all(reader, tracker, asked.listing)
        return tracker, page, await contents.read(reader, tracker, "issue", page.items)

    tracker, page, texts = await requests.read_tracker(request, find, lane=asked.lane)
    html = await requests.shown(request, texts)
    shapes = Representation(request[keys.BASE_URL], tracker)
    shown = _shown(request, shapes)
    values = [shown(row, text) for row, text in zip(page.items, html, strict=True)]
    return answers.answer(
        request,
        asked.envelope(f"{shapes.links.api}/issues", page, values),
        whole=await expansion.of_tracker(request, tracker),
    )


async def get_issue(request: web.Request) -> web.Response:
    """One issue."""
    number = requests.issue_number(request)

    async def find(reader: Reader, tracker: Repository) -> Found:
        return await _found(reader, tracker, number)

    return await _one(request, await requests.read_tracker(request, find))


async def create_issue(request: web.Request) -> web.Response:
    """A new issue: 201 with its address and itself."""
    tracker = await requests.tracker(request)
    given = await bodies.load(request, payloads.issue)
    draft = issues.Draft(**payloads.parts(given))

    async def write(tx: Transaction, tracker: Repository) -> Found:
        number = await issues.create(tx, requests.actor(request), tracker, draft)
        return await _found(tx, tracker, number)

    return await _one(request, await requests.write(request, tracker, write), status=201)


async def update_issue(request: web.Request) -> web.Response:
    """An issue with what the payload says; what it does not say stays."""
    number = requests.issue_number(request)
    tracker = await requests.issues_tracker(request, number)
    given = await bodies.load(request, payloads.edited_issue)
    edit = edits.Edit(**payloads.parts(given))

    async def write(tx: Transaction, tracker: Repository) -> Found:
        await edits.apply(tx, requests.actor(request), tracker, number, edit)
        return await _found(tx, tracker, number)

    return await _one(request, await requests.write(request, tracker, write))


async def delete_issue(request: web.Request) -> web.Response:
    """Delete an issue: 200 with what it was."""
    number = requests.issue_number(request)
    tracker = await requests.issues_tracker(request, number)

    async def write(tx: Transaction, tracker: Repository) -> tuple[Found, set[str]]:
        found = await _found(tx, tracker, number)
        return found, await issues.delete(tx, requests.actor(request), tracker, number)

    found, lost = await requests.write(request, tracker, write)
    await requests.free(request, lost)
    return await _one(request, found)


async def _found(reader: Reader, tracker: Repository, number: int) -> Found:
    row = await issues.get(reader, tracker, number)
    return tracker, row, await contents.read(reader, tracker, "issue", [row])


async def _one(request: web.Request, found: Found, *, status: int = 200) -> web.Response:
    tracker, row, texts = found
    [html] = await requests.shown(request, texts)
    shapes = Representation(request[keys.BASE_URL], tracker)
    headers = {"Location": shapes.links.issue(row["number"])} if status == 201 else None
    whole = await expansion.of_tracker(request, tracker)
    return answers.answer(
        request, _shown(request, shapes)(row, html), status=status, headers=headers, whole=whole
    )


def _shown(request: web.Request, shapes: Representation) -> Callable[[Row, str], Any]:
    """What makes an issue's JSON of a row and its HTML; as objects where `fields` selects."""
    if keys.FIELDS in request:
        return shapes.issue
    return partial(request.app[keys.READY_ISSUES].issue, shapes)


ENDPOINTS = (
    Endpoint(
        "GET",
        ISSUE,
        get_issue,
        (Scope.ISSUE,),
        {200: objects.Issue},
    ),
    Endpoint(
        "PUT",
        ISSUE,
        update_issue,
        (Scope.ISSUE_WRITE,),
        {200: objects.Issue},
        payloads.edited_issue,
    ),
    Endpoint(
        "DELETE",
        ISSUE,
        delete_issue,
        (Scope.ISSUE_WRITE,),
        {200: objects.Issue},
    ),
    Endpoint(
        "GET",
        f"{REPOSITORY}/issues",
        list_issues,
        (Scope.ISSUE,),
        {200: objects.page_of(objects.Issue)},
        catalogue=catalogues.ISSUES,
    ),
    Endpoint(
        "POST",
        f"{REPOSITORY}/issues",
        create_issue,
        (Scope.ISSUE_WRITE,),
        {201: objects.Issue},
        payloads.issue,
    ),
)
