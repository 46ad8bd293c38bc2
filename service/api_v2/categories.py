"""Components, milestones and versions in API 2.0: the same endpoints for the three."""

from functools import partial

from aiohttp import web

from service.api_v2 import objects
from service.api_v2.paging import PageRequest
from service.api_v2.representation import Representation
from service.http import answers, requests
from service.http.endpoint import NUMBER, REPOSITORY, Routes
from service.http.links import BASE_URL
from tracker import catalogues, categories
from tracker.access.rights import Actor, Repository
from tracker.database import Reader, Row
from tracker.query.paging import Listing, Page
from tracker.vocabulary import CategoryKind, Scope

routes = Routes()


def _add_endpoints(kind: CategoryKind) -> None:
    @routes.get(
        f"{REPOSITORY}/{kind}s",
        Scope.ISSUE,
        answers={200: objects.page_of(objects.category(kind))},
        catalogue=catalogues.CATEGORIES[kind],
        summary=f"List {kind}s, a page at a time, in the order of their creation",
        is_cacheable=True,
    )
    async def list_all(request: web.Request) -> web.Response:
        asked = PageRequest(request, catalogues.CATEGORIES[kind])
        work = partial(_list, kind=kind, listing=asked.listing)
        tracker, page = await requests.read(request, work, lane=asked.lane)
        shapes = Representation(request[BASE_URL], tracker)
        values = [shapes.category(kind, row["id"], row["name"]) for row in page.items]
        return answers.answer(request, asked.envelope(f"{shapes.url}/{kind}s", page, values))

    @routes.get(
        f"{REPOSITORY}/{kind}s/{{category_id:{NUMBER}}}",
        Scope.ISSUE,
        answers={200: objects.category(kind)},
        summary=f"Get a {kind}",
        is_cacheable=True,
    )
    async def get_one(request: web.Request) -> web.Response:
        category_id = requests.row_id(request, "category_id", categories.missing(kind))
        work = partial(_get, kind=kind, category_id=category_id)
        tracker, row = await requests.read(request, work)
        shapes = Representation(request[BASE_URL], tracker)
        return answers.answer(request, shapes.category(kind, row["id"], row["name"]))


async def _list(
    db: Reader, actor: Actor, tracker: Repository, *, kind: CategoryKind, listing: Listing
) -> tuple[Repository, Page[Row]]:
    return tracker, await categories.find_all(db, tracker, kind, listing)


async def _get(
    db: Reader, actor: Actor, tracker: Repository, *, kind: CategoryKind, category_id: int
) -> tuple[Repository, Row]:
    return tracker, await categories.get(db, tracker, kind, category_id)


for _kind in CategoryKind:
    _add_endpoints(_kind)
