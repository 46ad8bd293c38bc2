"""Issues in API 2.0."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from aiohttp import web

from service.api_v2 import expansion, objects, payloads
from service.api_v2.paging import PageRequest
from service.api_v2.partial import FIELDS
from service.api_v2.representation import Representation, issue_url, repository_url
from service.http import answers, bodies, requests
from service.http.endpoint import ISSUE, REPOSITORY, Routes
from service.http.issue_cache import ISSUE_CACHE
from service.http.links import BASE_URL
from tracker import catalogues, contents, edits, issues
from tracker.access.rights import Actor, Repository
from tracker.contents import Texts
from tracker.database import Reader, Row, Transaction
from tracker.edits import Edit
from tracker.issues import NewIssue
from tracker.query.paging import Listing, Page
from tracker.vocabulary import Scope

routes = Routes()

Found = tuple[Repository, Row, Texts]
"""A tracker, one of its issues, and the text of that."""


@routes.get(ISSUE, Scope.ISSUE, answers={200: objects.Issue}, is_cacheable=True)
async def get_issue(request: web.Request) -> web.Response:
    """Get an issue."""
    number = requests.issue_number(request)
    return await _answer(request, await requests.read(request, partial(_get, number=number)))


@routes.put(ISSUE, Scope.ISSUE_WRITE, answers={200: objects.Issue}, body=payloads.edited_issue)
async def update_issue(request: web.Request) -> web.Response:
    """Update an issue. What the payload does not say stays."""
    number = requests.issue_number(request)
    tracker = await requests.tracker_of(request, number)
    given = await bodies.load(request, payloads.edited_issue)
    work = partial(_update, number=number, edit=Edit(**payloads.parts(given)))
    return await _answer(request, await requests.write(request, work, seen=tracker, short=True))


@routes.delete(ISSUE, Scope.ISSUE_WRITE, answers={200: objects.Issue})
async def delete_issue(request: web.Request) -> web.Response:
    """Delete an issue. Answers 200 with the deleted issue."""
    number = requests.issue_number(request)
    tracker = await requests.tracker_of(request, number)
    work = partial(_delete, number=number)
    found, lost = await requests.write(request, work, seen=tracker)
    await requests.free(request, lost)
    return await _answer(request, found)


@routes.get(
    f"{REPOSITORY}/issues",
    Scope.ISSUE,
    answers={200: objects.page_of(objects.Issue)},
    catalogue=catalogues.ISSUES,
    is_cacheable=True,
)
async def list_issues(request: web.Request) -> web.Response:
    """List issues, a page at a time, newest update first."""
    asked = PageRequest(request, catalogues.ISSUES)
    work = partial(_list, listing=asked.listing)
    tracker, page, texts = await requests.read(request, work, lane=asked.lane)
    values = await _shown(request, tracker, page.items, texts)
    url = f"{repository_url(request[BASE_URL], tracker)}/issues"
    return answers.answer(request, asked.envelope(url, page, values))


@routes.post(
    f"{REPOSITORY}/issues", Scope.ISSUE_WRITE, answers={201: objects.Issue}, body=payloads.issue
)
async def create_issue(request: web.Request) -> web.Response:
    """Create an issue. Answers 201 with its address and the issue."""
    tracker = await requests.repository(request)
    given = await bodies.load(request, payloads.issue)
    new = NewIssue(**payloads.parts(given))
    html = await requests.prepared(request, new.markup, new.content)
    work = partial(_create, new=replace(new, html=html))
    return await _answer(
        request, await requests.write(request, work, seen=tracker, short=True), status=201
    )


async def _get(db: Reader, actor: Actor, tracker: Repository, *, number: int) -> Found:
    row = await issues.get(db, tracker, number)
    return tracker, row, await contents.read(db, tracker, "issue", [row])


async def _update(
    tx: Transaction, actor: Actor, tracker: Repository, *, number: int, edit: Edit
) -> Found:
    await edits.apply(tx, actor, tracker, number, edit)
    return await _get(tx, actor, tracker, number=number)


async def _delete(
    tx: Transaction, actor: Actor, tracker: Repository, *, number: int
) -> tuple[Found, set[str]]:
    found = await _get(tx, actor, tracker, number=number)
    return found, await issues.delete(tx, actor, tracker, number)


async def _list(
    db: Reader, actor: Actor, tracker: Repository, *, listing: Listing
) -> tuple[Repository, Page[Row], Texts]:
    page = await issues.find_all(db, tracker, listing)
    return tracker, page, await contents.read(db, tracker, "issue", page.items)


async def _create(tx: Transaction, actor: Actor, tracker: Repository, *, new: NewIssue) -> Found:
    number = await issues.create(tx, actor, tracker, new)
    return await _get(tx, actor, tracker, number=number)


async def _shown(
    request: web.Request, tracker: Repository, rows: Sequence[Row], texts: Texts
) -> list[Any]:
    """The issues as JSON: of those that are read it is cached, unless `fields` asks for parts."""
    htmls = await requests.shown(request, texts)
    if request.method == "GET" and FIELDS not in request:
        cache, base = request.app[ISSUE_CACHE], request[BASE_URL]
        return [*cache.issues(("2.0", base), tracker, rows, htmls, partial(_maker, base, tracker))]
    if FIELDS in request:
        await expansion.of_tracker(request, tracker)
    make = _maker(request[BASE_URL], tracker)
    return [make(row, html) for row, html in zip(rows, htmls, strict=True)]


def _maker(base: str, tracker: Repository) -> Callable[[Row, Any], Any]:
    return Representation(base, tracker).issue


async def _answer(request: web.Request, found: Found, *, status: int = 200) -> web.Response:
    tracker, row, texts = found
    [shown] = await _shown(request, tracker, [row], texts)
    headers = None
    if status == 201:
        headers = {"Location": issue_url(request[BASE_URL], tracker, row["number"])}
    return answers.answer(request, shown, status=status, headers=headers)
