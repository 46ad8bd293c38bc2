"""Components, milestones and versions in API 1.0: the same endpoints for the three."""

from functools import partial

from aiohttp import web

from service.api_v1 import arrays, objects, payloads, representation
from service.api_v1.representation import Json
from service.http import answers, bodies, requests
from service.http.endpoint import NUMBER, REPOSITORY, Routes
from tracker import catalogues, categories
from tracker.access.rights import Actor, Repository
from tracker.database import Reader, Row
from tracker.query import selected
from tracker.query.paging import Key, Page
from tracker.vocabulary import CategoryKind, Permission, Scope

routes = Routes()


def _add_endpoints(kind: CategoryKind) -> None:
    path = f"{REPOSITORY}/issues/{kind}s"
    one = f"{path}/{{category_id:{NUMBER}}}"

    @routes.get(
        path,
        Scope.ISSUE,
        answers={200: objects.Category(many=True)},
        summary=f"List all {kind}s by name",
        is_cacheable=True,
    )
    async def list_all(request: web.Request) -> web.StreamResponse:
        return await arrays.of_tracker(request, partial(_list, kind=kind))

    @routes.get(
        one,
        Scope.ISSUE,
        answers={200: objects.Category},
        summary=f"Get a {kind}",
        is_cacheable=True,
    )
    async def get_one(request: web.Request) -> web.Response:
        work = partial(_get, kind=kind, category_id=_id(request, kind))
        row = await requests.read(request, work)
        return answers.answer(request, representation.category(row))

    @routes.post(
        path,
        Scope.ISSUE_WRITE,
        answers={200: objects.Category},
        body=payloads.category,
        summary=f"Create a {kind}, as an administrator of the repository",
    )
    async def create(request: web.Request) -> web.Response:
        tracker = await requests.repository(request, needed=Permission.ADMIN)
        name = (await bodies.load(request, payloads.category))["name"]
        work = partial(categories.create, kind=kind, name=name)
        category_id = await requests.write(request, work, seen=tracker)
        return answers.answer(request, representation.category({"id": category_id, "name": name}))

    @routes.put(
        one,
        Scope.ISSUE_WRITE,
        answers={200: objects.Category},
        body=payloads.category,
        summary=f"Rename a {kind}, which its issues show from then on",
    )
    async def rename(request: web.Request) -> web.Response:
        category_id = _id(request, kind)
        tracker = await _administered(request, kind, category_id)
        name = (await bodies.load(request, payloads.category))["name"]
        work = partial(categories.rename, kind=kind, category_id=category_id, name=name)
        await requests.write(request, work, seen=tracker)
        return answers.answer(request, representation.category({"id": category_id, "name": name}))

    @routes.delete(
        one,
        Scope.ISSUE_WRITE,
        answers={204: None},
        summary=f"Delete a {kind}. Each of its issues gets a comment that says so",
    )
    async def delete(request: web.Request) -> web.Response:
        category_id = _id(request, kind)
        tracker = await _administered(request, kind, category_id)
        work = partial(categories.delete, kind=kind, category_id=category_id)
        await requests.write(request, work, seen=tracker)
        return representation.nothing()


def _id(request: web.Request, kind: CategoryKind) -> int:
    return requests.row_id(request, "category_id", categories.missing(kind))


async def _administered(request: web.Request, kind: CategoryKind, category_id: int) -> Repository:
    """The tracker in the path, where there is such a category: said before a body is read.

    Raises NotFound, and Forbidden unless the actor administers the repository.
    """
    work = partial(_with_category, kind=kind, category_id=category_id)
    return await requests.read(request, work, needed=Permission.ADMIN)


async def _with_category(
    db: Reader, actor: Actor, tracker: Repository, *, kind: CategoryKind, category_id: int
) -> Repository:
    await categories.get(db, tracker, kind, category_id)
    return tracker


async def _get(
    db: Reader, actor: Actor, tracker: Repository, *, kind: CategoryKind, category_id: int
) -> Row:
    return await categories.get(db, tracker, kind, category_id)


async def _list(
    db: Reader, actor: Actor, tracker: Repository, *, kind: CategoryKind, after: Key | None
) -> Page[Json]:
    # By name, as in all of the page's samples; the ids of its milestones go down.
    selection = selected(catalogues.CATEGORIES[kind], None, "name")
    page = await categories.find_all(db, tracker, kind, arrays.part(selection, after))
    return page.each(representation.category)


for _kind in CategoryKind:
    _add_endpoints(_kind)
