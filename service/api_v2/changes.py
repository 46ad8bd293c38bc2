"""Changes in API 2.0."""

from typing import Any

from aiohttp import web

from service.api_v2 import expansion, objects, payloads
from service.api_v2.paging import Asked
from service.api_v2.representation import Representation
from service.http import answers, bodies, keys, requests
from service.http.endpoint import ISSUE, NUMBER, Endpoint
from tracker import catalogues, changes, contents, edits, issues
from tracker.access.rights import Repository
from tracker.changes import Change, Message
from tracker.contents import Texts
from tracker.database import Reader, Row, Transaction
from tracker.errors import Invalid
from tracker.query.paging import Page
from tracker.vocabulary import Scope

Found = tuple[Repository, Row, Change, Texts]
"""A tracker, one of its issues, one of the issue's changes, and what that says."""


async def list_changes(request: web.Request) -> web.Response:
    """A page of an issue's changes, oldest first."""
    asked = Asked(request, catalogues.CHANGES)
    number = requests.issue_number(request)

    async def find(
        reader: Reader, tracker: Repository
    ) -> tuple[Repository, Row, Page[Change], Texts]:
        issue = await issues.outline(reader, tracker, number)
        page = await changes.find_all(reader, tracker, number, asked.listing)
        rows = [change.comment for change in page.items]
        return tracker, issue, page, await contents.read(reader, tracker, "comment", rows)

    tracker, issue, page, texts = await requests.read_tracker(request, find, lane=asked.lane)
    html = await requests.shown(request, texts)
    shapes = Representation(request[keys.BASE_URL], tracker)
    values = [shapes.change(issue, item, text) for item, text in zip(page.items, html, strict=True)]
    return answers.answer(
        request,
        asked.envelope(f"{shapes.links.issue(number)}/changes", page, values),
        whole=await expansion.of_issue(request, tracker, number),
    )


async def get_change(request: web.Request) -> web.Response:
    """One change."""
    number = requests.issue_number(request)
    change_id = requests.row_id(request, "change_id", changes.NO_CHANGE)

    async def find(reader: Reader, tracker: Repository) -> Found:
        return await _found(reader, tracker, number, change_id)

    tracker, issue, change, texts = await requests.read_tracker(request, find)
    [html] = await requests.shown(request, texts)
    return answers.answer(
        request,
        Representation(request[keys.BASE_URL], tracker).change(issue, change, html),
        whole=await expansion.of_issue(request, tracker, number),
    )


async def create_change(request: web.Request) -> web.Response:
    """A new change, done to its issue: 201 with its address and itself.

    A text that comes with nothing to alter is kept as a comment: the answer has no changes then,
    and the address is the comment's.
    """
    number = requests.issue_number(request)
    tracker = await requests.issues_tracker(request, number)
    given = await bodies.load(request, payloads.change)
    edit, message = edits.Edit(**payloads.parts(given["changes"])), _message(given)

    async def write(tx: Transaction, tracker: Repository) -> Found:
        actor = requests.actor(request)
        change_id = await edits.apply(tx, actor, tracker, number, edit, message)
        if change_id is None:
            nothing = "Nothing would be altered, and nothing is said."
            raise Invalid(f"changes: {nothing}", {"changes": [nothing]})
        return await _found(tx, tracker, number, change_id, may_be_empty=True)

    tracker, issue, change, texts = await requests.write(request, tracker, write)
    [html] = await requests.shown(request, texts)
    shapes = Representation(request[keys.BASE_URL], tracker)
    shown = shapes.change(issue, change, html)
    if not change.logs:
        shown["links"]["self"] = {"href": shapes.links.comment(number, change.id)}
    headers = {"Location": shown["links"]["self"]["href"]}
    whole = await expansion.of_issue(request, tracker, number)
    return answers.answer(request, shown, status=201, headers=headers, whole=whole)


async def _found(
    reader: Reader, tracker: Repository, number: int, change_id: int, *, may_be_empty: bool = False
) -> Found:
    issue = await issues.outline(reader, tracker, number)
    change = await changes.get(reader, tracker, number, change_id, may_be_empty=may_be_empty)
    texts = await contents.read(reader, tracker, "comment", [change.comment])
    return tracker, issue, change, texts


def _message(given: dict[str, Any]) -> Message | None:
    """What is said, under either of its names; an empty text says nothing."""
    for text in (given.get("message"), given.get("content")):
        if text and text["content"]:
            return Message(**text)
    return None


ENDPOINTS = (
    Endpoint(
        "GET",
        f"{ISSUE}/changes",
        list_changes,
        (Scope.ISSUE,),
        {200: objects.page_of(objects.Change)},
        catalogue=catalogues.CHANGES,
    ),
    Endpoint(
        "POST",
        f"{ISSUE}/changes",
        create_change,
        (Scope.ISSUE_WRITE,),
        {201: objects.Change},
        payloads.change,
    ),
    Endpoint(
        "GET",
        f"{ISSUE}/changes/{{change_id:{NUMBER}}}",
        get_change,
        (Scope.ISSUE,),
        {200: objects.Change},
    ),
)
