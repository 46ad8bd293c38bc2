"""Components, milestones and versions in API 2.0: three times the same."""

from collections.abc import Iterator

from aiohttp import web

from service import answers, keys, requests
from service.api_v2.endpoint import NUMBER, REPOSITORY, Endpoint
from service.api_v2.representation import Representation
from service.paging import Asked
from tracker import categories
from tracker.vocabulary import CategoryKind, Scope


def _endpoints(kind: CategoryKind) -> Iterator[Endpoint]:
    async def list_them(request: web.Request) -> web.Response:
        tracker = await requests.tracker(request)
        asked = Asked(request, int)
        page = await categories.find_all(requests.database(request), tracker, kind, asked.window)
        shapes = Representation(request[keys.BASE_URL], tracker)
        values = [shapes.category(kind, row["id"], row["name"]) for row in page.items]
        return answers.json(asked.envelope(f"{shapes.links.api}/{kind}s", page, values))

    async def get_one(request: web.Request) -> web.Response:
        tracker = await requests.tracker(request)
        category_id = requests.row_id(request, "category_id", categories.missing(kind))
        row = await categories.get(requests.database(request), tracker, kind, category_id)
        shapes = Representation(request[keys.BASE_URL], tracker)
        return answers.json(shapes.category(kind, row["id"], row["name"]))

    yield Endpoint("GET", f"{REPOSITORY}/{kind}s", list_them, (Scope.ISSUE,))
    yield Endpoint("GET", f"{REPOSITORY}/{kind}s/{{category_id:{NUMBER}}}", get_one, (Scope.ISSUE,))


ENDPOINTS = tuple(endpoint for kind in CategoryKind for endpoint in _endpoints(kind))
