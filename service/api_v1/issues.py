"""Issues in API 1.0."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from aiohttp import web

from service.api_v1 import listing, objects, payloads
from service.api_v1.representation import Representation, nothing
from service.http import answers, bodies, keys, requests
from service.http.endpoint import ISSUE, REPOSITORY, Routes
from service.http.issue_cache import ISSUE_CACHE
from service.http.links import BASE_URL
from tracker import comments, edits, fields, filters, issues
from tracker.access.rights import Actor, Repository
from tracker.database import Reader, Row, Transaction
from tracker.edits import Edit
from tracker.issues import NewIssue
from tracker.query.paging import Listing, Page
from tracker.vocabulary import Scope

routes = Routes()

Found = tuple[Repository, Row, int]
"""A tracker, one of its issues, and the number of its comments."""

Part = tuple[Repository, Page[Row], Mapping[int, int]]
"""A tracker, some of its issues, and the numbers of their comments, if these are shown."""


@routes.get(ISSUE, Scope.ISSUE, answers={200: objects.Issue}, is_cacheable=True)
async def get_issue(request: web.Request) -> web.Response:
    """Get an issue."""
    work = partial(_get, number=requests.issue_number(request))
    return _answer(request, await requests.read(request, work))


@routes.put(ISSUE, Scope.ISSUE_WRITE, answers={200: objects.Issue}, body=payloads.edited_issue)
async def update_issue(request: web.Request) -> web.Response:
    """Update an issue. What the payload does not say stays."""
    number = requests.issue_number(request)
    tracker = await requests.tracker_of(request, number)
    edit = Edit(**await bodies.load(request, payloads.edited_issue))
    work = partial(_update, number=number, edit=edit)
    return _answer(request, await requests.write(request, work, seen=tracker, short=True))


@routes.delete(ISSUE, Scope.ISSUE_WRITE, answers={204: None})
async def delete_issue(request: web.Request) -> web.Response:
    """Delete an issue."""
    number = requests.issue_number(request)
    tracker = await requests.tracker_of(request, number)
    work = partial(issues.delete, number=number)
    await requests.free(request, await requests.write(request, work, seen=tracker))
    return nothing()


@routes.get(
    f"{REPOSITORY}/issues",
    Scope.ISSUE,
    answers={200: objects.Issues},
    parameters=listing.PARAMETERS,
    is_cacheable=True,
)
async def list_issues(request: web.Request) -> web.Response:
    """List some of the issues that match the filters, the newest update first, and their number.

    Values of one field are alternatives; an issue matches when it matches in every field.
    Anonymous requests are not told the numbers of comments and followers.
    """
    query = request.rel_url.query
    part = fields.load(listing.PART, {name: query[name] for name in query if query[name]})
    search = part.get("search", "")
    found = filters.read(query.items())
    limits = request.app[keys.SETTINGS].limits
    selection = filters.select(found, limits, search=search, sort=part.get("sort"))
    hints = request.app[keys.HINTS]
    asked = Listing(selection, part["limit"], part["start"], hints=hints)
    work = partial(_list, listing=asked)
    tracker, page, counts = await requests.read(request, work, lane=asked.lane)
    shown = {
        "count": page.size,
        "filter": found,
        "search": search if search.strip() else None,
        "issues": _shown(request, tracker, page.items, counts),
    }
    return answers.answer(request, shown)


@routes.post(
    f"{REPOSITORY}/issues", Scope.ISSUE_WRITE, answers={200: objects.Issue}, body=payloads.issue
)
async def create_issue(request: web.Request) -> web.Response:
    """Create an issue. Answers 200 with the issue."""
    tracker = await requests.repository(request)
    new = NewIssue(**await bodies.load(request, payloads.issue))
    work = partial(_create, new=new)
    return _answer(request, await requests.write(request, work, seen=tracker, short=True))


async def _get(db: Reader, actor: Actor, tracker: Repository, *, number: int) -> Found:
    row = await issues.get(db, tracker, number)
    return tracker, row, (await comments.counts(db, tracker, [number]))[number]


async def _list(db: Reader, actor: Actor, tracker: Repository, *, listing: Listing) -> Part:
    page = await issues.find_all(db, tracker, listing)
    if actor.id is None:
        return tracker, page, {}
    numbers = [row["number"] for row in page.items]
    return tracker, page, await comments.counts(db, tracker, numbers)


async def _create(tx: Transaction, actor: Actor, tracker: Repository, *, new: NewIssue) -> Found:
    with payloads.names():
        number = await issues.create(tx, actor, tracker, new)
    return await _get(tx, actor, tracker, number=number)


async def _update(
    tx: Transaction, actor: Actor, tracker: Repository, *, number: int, edit: Edit
) -> Found:
    with payloads.names():
        await edits.apply(tx, actor, tracker, number, edit)
    return await _get(tx, actor, tracker, number=number)


def _answer(request: web.Request, found: Found) -> web.Response:
    tracker, row, comment_count = found
    [shown] = _shown(request, tracker, [row], {row["number"]: comment_count})
    return answers.answer(request, shown)


def _shown(
    request: web.Request, tracker: Repository, rows: Sequence[Row], counts: Mapping[int, int]
) -> list[Any]:
    """The issues as JSON, which is cached."""
    cache, base = request.app[ISSUE_CACHE], request[BASE_URL]
    numbers = [counts.get(row["number"]) for row in rows]
    return [*cache.issues(("1.0", base), tracker, rows, numbers, partial(_maker, base, tracker))]


def _maker(base: str, tracker: Repository) -> Callable[[Row, Any], Any]:
    return Representation(base, tracker).issue
