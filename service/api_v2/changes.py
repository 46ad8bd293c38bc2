"""Changes in API 2.0."""

from aiohttp import web

from service import answers, keys, requests
from service.api_v2.endpoint import ISSUE, NUMBER, Endpoint
from service.api_v2.representation import Representation
from service.paging import Asked
from tracker import changes, issues
from tracker.vocabulary import Scope


async def list_changes(request: web.Request) -> web.Response:
    """A page of an issue's changes, oldest first."""
    tracker = await requests.tracker(request)
    asked = Asked(request, int)
    db = requests.database(request)
    number = requests.row_id(request, "issue_id", issues.NO_ISSUE)
    issue = await issues.outline(db, tracker, number)
    page = await changes.find_all(db, tracker, number, asked.window)
    html = await request.app[keys.CONTENTS].html(
        "comment", tracker.tracker_id, [change.comment for change in page.items]
    )
    shapes = Representation(request[keys.BASE_URL], tracker)
    values = [shapes.change(issue, item, text) for item, text in zip(page.items, html, strict=True)]
    return answers.json(asked.envelope(f"{shapes.links.issue(number)}/changes", page, values))


async def get_change(request: web.Request) -> web.Response:
    """One change."""
    tracker = await requests.tracker(request)
    db = requests.database(request)
    number = requests.row_id(request, "issue_id", issues.NO_ISSUE)
    issue = await issues.outline(db, tracker, number)
    change_id = requests.row_id(request, "change_id", changes.NO_CHANGE)
    change = await changes.get(db, tracker, number, change_id)
    [html] = await request.app[keys.CONTENTS].html("comment", tracker.tracker_id, [change.comment])
    return answers.json(Representation(request[keys.BASE_URL], tracker).change(issue, change, html))


ENDPOINTS = (
    Endpoint("GET", f"{ISSUE}/changes", list_changes, (Scope.ISSUE,)),
    Endpoint("GET", f"{ISSUE}/changes/{{change_id:{NUMBER}}}", get_change, (Scope.ISSUE,)),
)
