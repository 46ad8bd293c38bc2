"""Changes in API 2.0."""

from aiohttp import web

from service import answers, keys, requests
from service.api_v2.endpoint import ISSUE, NUMBER, Endpoint
from service.api_v2.representation import Representation
from service.paging import Asked
from tracker import changes, issues
from tracker.access import Repository
from tracker.changes import Change
from tracker.database import Reader, Row
from tracker.paging import Page
from tracker.vocabulary import Scope


async def list_changes(request: web.Request) -> web.Response:
    """A page of an issue's changes, oldest first."""
    asked = Asked(request, int)
    number = requests.row_id(request, "issue_id", issues.NO_ISSUE)

    async def find(reader: Reader, tracker: Repository) -> tuple[Repository, Row, Page[Change]]:
        issue = await issues.outline(reader, tracker, number)
        return tracker, issue, await changes.find_all(reader, tracker, number, asked.window)

    tracker, issue, page = await requests.read_tracker(request, find)
    html = await request.app[keys.CONTENTS].html(
        "comment", tracker.tracker_id, [change.comment for change in page.items]
    )
    shapes = Representation(request[keys.BASE_URL], tracker)
    values = [shapes.change(issue, item, text) for item, text in zip(page.items, html, strict=True)]
    return answers.answer(
        request, asked.envelope(f"{shapes.links.issue(number)}/changes", page, values)
    )


async def get_change(request: web.Request) -> web.Response:
    """One change."""
    number = requests.row_id(request, "issue_id", issues.NO_ISSUE)
    change_id = requests.row_id(request, "change_id", changes.NO_CHANGE)

    async def find(reader: Reader, tracker: Repository) -> tuple[Repository, Row, Change]:
        issue = await issues.outline(reader, tracker, number)
        return tracker, issue, await changes.get(reader, tracker, number, change_id)

    tracker, issue, change = await requests.read_tracker(request, find)
    [html] = await request.app[keys.CONTENTS].html("comment", tracker.tracker_id, [change.comment])
    return answers.answer(
        request, Representation(request[keys.BASE_URL], tracker).change(issue, change, html)
    )


ENDPOINTS = (
    Endpoint("GET", f"{ISSUE}/changes", list_changes, (Scope.ISSUE,)),
    Endpoint("GET", f"{ISSUE}/changes/{{change_id:{NUMBER}}}", get_change, (Scope.ISSUE,)),
)
