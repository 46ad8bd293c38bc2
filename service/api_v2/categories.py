"""Components, milestones and versions in API 2.0: three times the same."""

from collections.abc import Iterator

from aiohttp import web

from service.api_v2 import objects
from service.api_v2.paging import Asked
from service.api_v2.representation import Representation
from service.http import answers, keys, requests
from service.http.endpoint import NUMBER, REPOSITORY, Endpoint
from tracker import catalogues, categories
from tracker.access.rights import Repository
from tracker.database import Reader, Row
from tracker.query.paging import Page
from tracker.vocabulary import CategoryKind, Scope


def _endpoints(kind: CategoryKind) -> Iterator[Endpoint]:
    async def list_all(request: web.Request) -> web.Response:
        """A page of them, in the order in which they were made."""
        asked = Asked(request, catalogues.CATEGORIES[kind])

        async def find(reader: Reader, tracker: Repository) -> tuple[Repository, Page[Row]]:
            return tracker, await categories.find_all(reader, tracker, kind, asked.listing)

        tracker, page = await requests.read_tracker(request, find, lane=asked.lane)
        shapes = Representation(request[keys.BASE_URL], tracker)
        values = [shapes.category(kind, row["id"], row["name"]) for row in page.items]
        return answers.answer(request, asked.envelope(f"{shapes.links.api}/{kind}s", page, values))

    async def get_one(request: web.Request) -> web.Response:
        """One of them."""
        category_id = requests.row_id(request, "category_id", categories.missing(kind))

        async def find(reader: Reader, tracker: Repository) -> tuple[Repository, Row]:
            return tracker, await categories.get(reader, tracker, kind, category_id)

        tracker, row = await requests.read_tracker(request, find)
        shapes = Representation(request[keys.BASE_URL], tracker)
        return answers.answer(request, shapes.category(kind, row["id"], row["name"]))

    shown = objects.category(kind)
    yield Endpoint(
        "GET",
        f"{REPOSITORY}/{kind}s",
        list_all,
        (Scope.ISSUE,),
        {200: objects.page_of(shown)},
        catalogue=catalogues.CATEGORIES[kind],
    )
    yield Endpoint(
        "GET",
        f"{REPOSITORY}/{kind}s/{{category_id:{NUMBER}}}",
        get_one,
        (Scope.ISSUE,),
        {200: shown},
    )


ENDPOINTS = tuple(endpoint for kind in CategoryKind for endpoint in _endpoints(kind))
