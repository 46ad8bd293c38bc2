"""Changes in API 2.0."""

from functools import partial
from typing import Any

from aiohttp import web

from service.api_v2 import expansion, objects, payloads
from service.api_v2.paging import PageRequest
from service.api_v2.representation import Representation
from service.http import answers, bodies, requests
from service.http.endpoint import ISSUE, NUMBER, Routes
from service.http.links import BASE_URL
from tracker import catalogues, changes, contents, edits, issues
from tracker.access.rights import Actor, Repository
from tracker.changes import Change, Message
from tracker.contents import Texts
from tracker.database import Reader, Row, Transaction
from tracker.edits import Edit
from tracker.errors import Invalid
from tracker.query.paging import Listing, Page
from tracker.vocabulary import Scope

routes = Routes()

Found = tuple[Repository, Row, Change, Texts]
"""A tracker, one of its issues, one of the issue's changes, and the text of that."""


@routes.get(
    f"{ISSUE}/changes",
    Scope.ISSUE,
    answers={200: objects.page_of(objects.Change)},
    catalogue=catalogues.CHANGES,
    is_cacheable=True,
)
async def list_changes(request: web.Request) -> web.Response:
    """List the changes of an issue, a page at a time, oldest first."""
    asked = PageRequest(request, catalogues.CHANGES)
    number = requests.issue_number(request)
    work = partial(_list, number=number, listing=asked.listing)
    tracker, issue, page, texts = await requests.read(request, work, lane=asked.lane)
    htmls = await requests.shown(request, texts)
    shapes = Representation(request[BASE_URL], tracker)
    values = [
        shapes.change(issue, item, html) for item, html in zip(page.items, htmls, strict=True)
    ]
    await expansion.of_issue(request, tracker, number)
    url = f"{shapes.url}/issues/{number}/changes"
    return answers.answer(request, asked.envelope(url, page, values))


@routes.post(
    f"{ISSUE}/changes", Scope.ISSUE_WRITE, answers={201: objects.Change}, body=payloads.change
)
async def create_change(request: web.Request) -> web.Response:
    """Change an issue. Answers 201 with the address of the change and the change.

    A message without anything to change is kept as a comment: the answer then has no changes, and
    the address is that of the comment.
    """
    number = requests.issue_number(request)
    tracker = await requests.tracker_of(request, number)
    given = await bodies.load(request, payloads.change)
    edit = Edit(**payloads.parts(given["changes"]))
    work = partial(_create, number=number, edit=edit, message=_message(given))
    return await _answer(
        request, await requests.write(request, work, seen=tracker, short=True), status=201
    )


@routes.get(
    f"{ISSUE}/changes/{{change_id:{NUMBER}}}",
    Scope.ISSUE,
    answers={200: objects.Change},
    is_cacheable=True,
)
async def get_change(request: web.Request) -> web.Response:
    """Get a change."""
    number = requests.issue_number(request)
    change_id = requests.row_id(request, "change_id", changes.NO_CHANGE)
    work = partial(_get, number=number, change_id=change_id)
    return await _answer(request, await requests.read(request, work))


async def _list(
    db: Reader, actor: Actor, tracker: Repository, *, number: int, listing: Listing
) -> tuple[Repository, Row, Page[Change], Texts]:
    issue = await issues.outline(db, tracker, number)
    page = await changes.find_all(db, tracker, number, listing)
    rows = [change.comment for change in page.items]
    return tracker, issue, page, await contents.read(db, tracker, "comment", rows)


async def _get(
    db: Reader,
    actor: Actor,
    tracker: Repository,
    *,
    number: int,
    change_id: int,
    may_be_empty: bool = False,
) -> Found:
    issue = await issues.outline(db, tracker, number)
    change = await changes.get(db, tracker, number, change_id, may_be_empty=may_be_empty)
    texts = await contents.read(db, tracker, "comment", [change.comment])
    return tracker, issue, change, texts


async def _create(
    tx: Transaction,
    actor: Actor,
    tracker: Repository,
    *,
    number: int,
    edit: Edit,
    message: Message | None,
) -> Found:
    change_id = await edits.apply(tx, actor, tracker, number, edit, message)
    if change_id is None:
        nothing = "Nothing would be altered, and nothing is said."
        raise Invalid(f"changes: {nothing}", {"changes": [nothing]})
    return await _get(tx, actor, tracker, number=number, change_id=change_id, may_be_empty=True)


async def _answer(request: web.Request, found: Found, *, status: int = 200) -> web.Response:
    tracker, issue, change, texts = found
    [html] = await requests.shown(request, texts)
    shapes = Representation(request[BASE_URL], tracker)
    shown = shapes.change(issue, change, html)
    if not change.logs:  # it is a comment alone
        url = f"{shapes.url}/issues/{issue['number']}/comments/{change.id}"
        shown["links"]["self"] = {"href": url}
    headers = {"Location": shown["links"]["self"]["href"]} if status == 201 else None
    await expansion.of_issue(request, tracker, issue["number"])
    return answers.answer(request, shown, status=status, headers=headers)


def _message(given: dict[str, Any]) -> Message | None:
    """What is said, under either of its names; an empty text says nothing."""
    for text in (given.get("message"), given.get("content")):
        if text and text["content"]:
            return Message(**text)
    return None
