"""Issues in API 1.0."""

from collections.abc import Mapping

from aiohttp import web

from service.api_v1 import listing, objects, payloads
from service.api_v1.representation import Representation, nothing
from service.http import answers, bodies, keys, requests
from service.http.endpoint import ISSUE, REPOSITORY, Endpoint
from tracker import comments, edits, fields, filters, issues
from tracker.access.rights import Repository
from tracker.database import Reader, Row, Transaction
from tracker.query.paging import Listing, Page
from tracker.vocabulary import Scope

Found = tuple[Repository, Row, int]
"""A tracker, one of its issues, and how many comments that has."""

Part = tuple[Repository, Page[Row], Mapping[int, int]]
"""A tracker, some of its issues, and how many comments these have, if that is told."""


async def list_issues(request: web.Request) -> web.Response:
    """A part of the issues that the filters leave, newest update first, and how many these are.

    Values of one field are alternatives, several fields count together. Whoever has not signed in
    is not told the numbers of comments and followers.
    """
    query = request.rel_url.query
    part = fields.load(listing.Part(), {name: query[name] for name in query if query[name]})
    search = part.get("search", "")
    found = filters.read(query.items())
    limits = request.app[keys.SETTINGS].limits
    selection = filters.select(found, limits, search=search, sort=part.get("sort"))
    asked = Listing(selection, part["limit"], part["start"])

    async def find(reader: Reader, tracker: Repository) -> Part:
        page = await issues.find_all(reader, tracker, asked)
        if requests.actor(request).id is None:
            return tracker, page, {}
        numbers = [row["number"] for row in page.items]
        return tracker, page, await comments.counts(reader, tracker, numbers)

    tracker, page, counts = await requests.read_tracker(request, find, lane=asked.lane)
    shapes = Representation(request[keys.BASE_URL], tracker)
    shown = {
        "count": page.size,
        "filter": found,
        "search": search if search.strip() else None,
        "issues": [shapes.issue(row, counts.get(row["number"])) for row in page.items],
    }
    return answers.answer(request, shown)


async def get_issue(request: web.Request) -> web.Response:
    """One issue."""
    number = requests.issue_number(request)

    async def find(reader: Reader, tracker: Repository) -> Found:
        return await _found(reader, tracker, number)

    return _one(request, await requests.read_tracker(request, find))


async def create_issue(request: web.Request) -> web.Response:
    """A new issue: 200 with itself."""
    tracker = await requests.tracker(request)
    draft = issues.Draft(**await bodies.load(request, payloads.issue))

    async def write(tx: Transaction, tracker: Repository) -> Found:
        with payloads.names():
            number = await issues.create(tx, requests.actor(request), tracker, draft)
        return await _found(tx, tracker, number)

    return _one(request, await requests.write(request, tracker, write))


async def update_issue(request: web.Request) -> web.Response:
    """An issue with what the payload says; what it does not say stays."""
    number = requests.issue_number(request)
    tracker = await requests.issues_tracker(request, number)
    edit = edits.Edit(**await bodies.load(request, payloads.edited_issue))

    async def write(tx: Transaction, tracker: Repository) -> Found:
        with payloads.names():
            await edits.apply(tx, requests.actor(request), tracker, number, edit)
        return await _found(tx, tracker, number)

    return _one(request, await requests.write(request, tracker, write))


async def delete_issue(request: web.Request) -> web.Response:
    """No issue any more: 204."""
    number = requests.issue_number(request)
    tracker = await requests.issues_tracker(request, number)

    async def write(tx: Transaction, tracker: Repository) -> set[str]:
        return await issues.delete(tx, requests.actor(request), tracker, number)

    await requests.free(request, await requests.write(request, tracker, write))
    return nothing()


async def _found(reader: Reader, tracker: Repository, number: int) -> Found:
    row = await issues.get(reader, tracker, number)
    return tracker, row, (await comments.counts(reader, tracker, [number]))[number]


def _one(request: web.Request, found: Found) -> web.Response:
    tracker, row, comment_count = found
    shapes = Representation(request[keys.BASE_URL], tracker)
    return answers.answer(request, shapes.issue(row, comment_count))


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
        {204: None},
    ),
    Endpoint(
        "GET",
        f"{REPOSITORY}/issues",
        list_issues,
        (Scope.ISSUE,),
        {200: objects.Issues},
        parameters=listing.Parameters(),
    ),
    Endpoint(
        "POST",
        f"{REPOSITORY}/issues",
        create_issue,
        (Scope.ISSUE_WRITE,),
        {200: objects.Issue},
        payloads.issue,
    ),
)
