"""Repositories in API 2.0: lists of them, and their lives."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from marshmallow import Schema

from service.api_v2 import objects
from service.api_v2.paging import Asked
from service.api_v2.representation import Representation
from service.http import answers, bodies, keys, requests
from service.http.endpoint import REPOSITORY, Endpoint
from tracker import fields
from tracker.access import repositories, workspaces
from tracker.access.repositories import Draft, Role, Shown
from tracker.access.rights import Actor, Repository, find_repository, require_permission
from tracker.access.workspaces import Workspace
from tracker.database import Reader, Transaction
from tracker.errors import NotFound
from tracker.query.paging import Page
from tracker.settings import Limits
from tracker.vocabulary import Permission, Scope
from tracker.work import jobs

_MAY = (Scope.REPOSITORY_ADMIN,)


class _Parameters(fields.Payload):
    """role: what whoever asks is there at least. (`after`, a date, is ignored.)"""

    role = fields.Words(Role, metadata={"description": "What you are there at least."})


class _Changes(fields.Payload):
    """What can be said about a repository; what belongs to code is ignored."""

    name = fields.display_name()
    is_private = fields.Boolean()
    has_issues = fields.Boolean()


@cache
def _changes(limits: Limits) -> Schema:
    described = fields.content(limits, allow_none=True)
    return _Changes.from_dict({"description": described}, name="RepositoryChanges")()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a repository is to be made."""

    workspace: Workspace
    slug: str


async def list_repositories(request: web.Request) -> web.Response:
    """A page of the public repositories, and of those of whoever asks."""

    async def everywhere(reader: Reader, actor: Actor) -> None:
        return None

    return await _list(request, everywhere)


async def list_workspace_repositories(request: web.Request) -> web.Response:
    """A page of a workspace's repositories, as far as whoever asks may see them."""

    async def there(reader: Reader, actor: Actor) -> Workspace:
        return await workspaces.see(reader, actor, request.match_info["workspace"])

    return await _list(request, there)


async def _list(
    request: web.Request, where: Callable[[Reader, Actor], Coroutine[Any, Any, Workspace | None]]
) -> web.Response:
    asked = Asked(request, repositories.REPOSITORIES)
    role = fields.load(_Parameters(), dict(request.query)).get("role")

    async def find(reader: Reader, actor: Actor) -> tuple[Workspace | None, Page[Shown]]:
        workspace = await where(reader, actor)
        inside = workspace.id if workspace else None
        return workspace, await repositories.find_all(
            reader, actor, asked.listing, workspace=inside, role=role and Role(role)
        )

    workspace, page = await requests.read(request, find, lane=asked.lane)
    base = request[keys.BASE_URL]
    values = [
        Representation(base, repository).repository(owner) for repository, owner in page.items
    ]
    url = f"{base}/2.0/repositories" + (f"/{workspace.slug}" if workspace else "")
    return answers.answer(request, asked.envelope(url, page, values))


async def get_repository(request: web.Request) -> web.Response:
    """One repository, with its tracker on or off."""

    async def find(reader: Reader, actor: Actor) -> Shown:
        return await repositories.get(reader, actor, *_names(request))

    return _one(request, await requests.read(request, find))


async def create_repository(request: web.Request) -> web.Response:
    """A new repository: 200 and itself. As in Bitbucket its tracker is off unless the
    payload says has_issues; unlike there it is private unless the payload says otherwise."""

    async def find(reader: Reader, actor: Actor) -> _Place:
        workspace, slug = _names(request)
        return _Place(await _owned(reader, actor, workspace), slug)

    place = await requests.read(request, find)
    return await _create(request, place, await _given(request))


async def _owned(reader: Reader, actor: Actor, name: str) -> Workspace:
    workspace = await workspaces.see(reader, actor, name)
    workspaces.require_role(workspace, workspaces.Role.OWNER)
    return workspace


async def put_repository(request: web.Request) -> web.Response:
    """Another name, description, privacy or tracker on or off: 200; where there is none, a new
    one: 201."""

    async def find(reader: Reader, actor: Actor) -> Repository | _Place:
        try:
            repository = await find_repository(reader, actor, *_names(request))
        except NotFound:
            place = await _vacant(reader, actor, *_names(request))
            if place is None:
                raise
            return place
        require_permission(repository, Permission.ADMIN)
        return repository

    found = await requests.read(request, find)
    given = await _given(request)
    if isinstance(found, _Place):
        return await _create(request, found, given, status=201)

    async def write(tx: Transaction, now: Repository) -> Shown:
        await repositories.update(tx, now, given)
        return await repositories.get(tx, requests.actor(request), now.workspace_slug, now.uuid)

    shown = await requests.write_repository(request, Permission.ADMIN, write)
    return _one(request, shown, is_elsewhere=shown[0].slug != found.slug)


async def _vacant(reader: Reader, actor: Actor, workspace: str, slug: str) -> _Place | None:
    """The place of a repository that is absent, for whoever may make one there."""
    try:
        found = await workspaces.see(reader, actor, workspace)
    except NotFound:
        return None
    if found.role is not workspaces.Role.OWNER or slug.startswith("{"):
        return None
    return _Place(found, slug)


async def delete_repository(request: web.Request) -> web.Response:
    """Remove a repository with all its issues."""
    await requests.repository(request)
    exports = request.app[keys.SETTINGS].exports_dir

    async def write(tx: Transaction, repository: Repository) -> tuple[list[Path], set[str]]:
        paths = await jobs.files(tx, repository, exports)
        return paths, await repositories.delete(tx, repository)

    paths, lost = await requests.write_repository(request, Permission.ADMIN, write)
    await requests.free(request, lost)
    await jobs.remove_files(paths)
    return web.Response(status=204)


async def _given(request: web.Request) -> dict[str, Any]:
    payload = await bodies.read(request) if request.can_read_body else {}
    given = fields.load(_changes(request.app[keys.SETTINGS].limits), payload)
    if given.get("description", "") is None:
        given["description"] = ""
    return given


async def _create(
    request: web.Request, place: _Place, given: dict[str, Any], *, status: int = 200
) -> web.Response:
    slug = fields.load(_Slug(), {"slug": place.slug.lower()})["slug"]

    async def write(tx: Transaction, actor: Actor) -> Shown:
        workspace = await _owned(tx, actor, place.workspace.slug)
        await repositories.add(tx, workspace.id, Draft(slug, **{"name": slug, **given}))
        return await repositories.get(tx, actor, workspace.slug, slug)

    shown = await requests.write_as(request, write)
    return _one(request, shown, status=status, is_elsewhere=True)


class _Slug(fields.Payload):
    slug = fields.slug()


def _one(
    request: web.Request, shown: Shown, *, status: int = 200, is_elsewhere: bool = False
) -> web.Response:
    """A repository; with its address where that is not the one it was asked for."""
    data = Representation(request[keys.BASE_URL], shown[0]).repository(shown[1])
    headers = {"Location": data["links"]["self"]["href"]} if is_elsewhere else None
    return answers.answer(request, data, status=status, headers=headers)


def _names(request: web.Request) -> tuple[str, str]:
    return request.match_info["workspace"], request.match_info["repo_slug"]


_PAGE = objects.page_of(objects.Repository)

ENDPOINTS = (
    Endpoint("GET", REPOSITORY, get_repository, (Scope.REPOSITORY,), {200: objects.Repository}),
    Endpoint("POST", REPOSITORY, create_repository, _MAY, {200: objects.Repository}, _changes),
    Endpoint(
        "PUT",
        REPOSITORY,
        put_repository,
        _MAY,
        {200: objects.Repository, 201: objects.Repository},
        _changes,
    ),
    Endpoint("DELETE", REPOSITORY, delete_repository, _MAY, {204: None}),
    Endpoint(
        "GET",
        "/repositories",
        list_repositories,
        (Scope.REPOSITORY,),
        {200: _PAGE},
        catalogue=repositories.REPOSITORIES,
        parameters=_Parameters(),
    ),
    Endpoint(
        "GET",
        "/repositories/{workspace:[^/]+}",
        list_workspace_repositories,
        (Scope.REPOSITORY,),
        {200: _PAGE},
        catalogue=repositories.REPOSITORIES,
        parameters=_Parameters(),
    ),
)
