"""Components, milestones and versions in API 1.0: three times the same."""

from collections.abc import Iterator

from aiohttp import web

from service.api_v1 import arrays, objects, payloads, representation
from service.api_v1.representation import Json
from service.http import answers, bodies, requests
from service.http.endpoint import NUMBER, REPOSITORY, Endpoint
from tracker import catalogues, categories
from tracker.access.rights import Repository
from tracker.database import Reader, Row, Transaction
from tracker.query import selected
from tracker.query.paging import Key, Page
from tracker.vocabulary import CategoryKind, Scope


def _paths(kind: CategoryKind) -> tuple[str, str]:
    """Where all of them are, and each one."""
    path = f"{REPOSITORY}/issues/{kind}s"
    return path, f"{path}/{{category_id:{NUMBER}}}"


def _id(request: web.Request, kind: CategoryKind) -> int:
    return requests.row_id(request, "category_id", categories.missing(kind))


async def _administered(
    request: web.Request, kind: CategoryKind, category_id: int | None = None
) -> Repository:
    """The tracker in the path, where there is such a category: said before a body is read.

    Raises NotFound, Forbidden for whoever does not administer the repository.
    """

    async def find(reader: Reader, tracker: Repository) -> Repository:
        if category_id is not None:
            await categories.get(reader, tracker, kind, category_id)
        return tracker

    return await requests.read_administered(request, find)


def _reading(kind: CategoryKind) -> Iterator[Endpoint]:
    async def list_all(request: web.Request) -> web.StreamResponse:
        """All of them, by name."""
        # As in all of the page's samples; the ids of its milestones go down.
        selection = selected(catalogues.CATEGORIES[kind], None, "name")

        async def find(reader: Reader, tracker: Repository, after: Key | None) -> Page[Json]:
            part = arrays.part(selection, after)
            page = await categories.find_all(reader, tracker, kind, part)
            return page.each(representation.category)

        return await arrays.of_tracker(request, find)

    async def get_one(request: web.Request) -> web.Response:
        """One of them."""
        category_id = _id(request, kind)

        async def find(reader: Reader, tracker: Repository) -> Row:
            return await categories.get(reader, tracker, kind, category_id)

        row = await requests.read_tracker(request, find)
        return answers.answer(request, representation.category(row))

    path, one = _paths(kind)
    scopes = (Scope.ISSUE,)
    yield Endpoint("GET", path, list_all, scopes, {200: objects.Category(many=True)})
    yield Endpoint("GET", one, get_one, scopes, {200: objects.Category})


def _writing(kind: CategoryKind) -> Iterator[Endpoint]:
    async def create(request: web.Request) -> web.Response:
        """A new one, which the repository's administrators define."""
        tracker = await _administered(request, kind)
        name = (await bodies.load(request, payloads.category))["name"]

        async def write(tx: Transaction, tracker: Repository) -> int:
            return await categories.create(tx, requests.actor(request), tracker, kind, name)

        category_id = await requests.write(request, tracker, write)
        return answers.answer(request, representation.category({"id": category_id, "name": name}))

    async def rename(request: web.Request) -> web.Response:
        """The same one under another name, which its issues show from now on."""
        category_id = _id(request, kind)
        tracker = await _administered(request, kind, category_id)
        name = (await bodies.load(request, payloads.category))["name"]

        async def write(tx: Transaction, tracker: Repository) -> None:
            actor = requests.actor(request)
            await categories.rename(tx, actor, tracker, kind, category_id, name)

        await requests.write(request, tracker, write)
        return answers.answer(request, representation.category({"id": category_id, "name": name}))

    async def delete(request: web.Request) -> web.Response:
        """None any more: its issues have none, and a comment each that says so."""
        category_id = _id(request, kind)
        tracker = await _administered(request, kind, category_id)

        async def write(tx: Transaction, tracker: Repository) -> None:
            await categories.delete(tx, requests.actor(request), tracker, kind, category_id)

        await requests.write(request, tracker, write)
        return representation.nothing()

    path, one = _paths(kind)
    scopes, shown = (Scope.ISSUE_WRITE,), {200: objects.Category}
    yield Endpoint("POST", path, create, scopes, shown, payloads.category)
    yield Endpoint("PUT", one, rename, scopes, shown, payloads.category)
    yield Endpoint("DELETE", one, delete, scopes, {204: None})


ENDPOINTS = tuple(
    endpoint for kind in CategoryKind for endpoint in (*_reading(kind), *_writing(kind))
)
