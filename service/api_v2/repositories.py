"""Repositories in API 2.0: lists, and how they are made, changed and deleted."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from aiohttp import web
from marshmallow import Schema

from service.api_v2 import objects
from service.api_v2.paging import PageRequest
from service.api_v2.representation import Representation
from service.http import answers, bodies, keys, requests
from service.http.endpoint import REPOSITORY, Routes
from service.http.links import BASE_URL
from tracker import fields
from tracker.access import repositories, workspaces
from tracker.access.repositories import NewRepository, RepositoryRole, Shown
from tracker.access.rights import Actor, Repository, find_repository, require_permission
from tracker.access.workspaces import Workspace
from tracker.database import Reader, Transaction
from tracker.errors import NotFound
from tracker.query.paging import Listing, Page
from tracker.settings import Limits
from tracker.vocabulary import Permission, Scope
from tracker.work import jobs

routes = Routes()

_PAGE = objects.page_of(objects.Repository)


class _Parameters(fields.Payload):
    """role: what the caller is there at least. (`after`, a date, is ignored.)"""

    role = fields.enumeration(
        RepositoryRole, metadata={"description": "What you are there at least."}
    )


_PARAMETERS = _Parameters()


class _Slug(fields.Payload):
    slug = fields.slug()


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
    """Where a repository is to be created."""

    workspace: Workspace
    slug: str


@routes.get(REPOSITORY, Scope.REPOSITORY, answers={200: objects.Repository})
async def get_repository(request: web.Request) -> web.Response:
    """Get a repository, with its tracker on or off."""
    workspace, slug = _names(request)
    work = partial(repositories.get, workspace=workspace, slug=slug)
    return _answer(request, await requests.read(request, work, find=None))


@routes.post(REPOSITORY, Scope.REPOSITORY_ADMIN, answers={200: objects.Repository}, body=_changes)
async def create_repository(request: web.Request) -> web.Response:
    """Create a repository. Answers 200 with the repository.

    As in Bitbucket its tracker is off unless the payload says has_issues; unlike there it is
    private unless the payload says otherwise.
    """
    workspace, slug = _names(request)
    work = partial(_place, workspace=workspace, slug=slug)
    place = await requests.read(request, work, find=None)
    return await _create(request, place, await _given(request))


@routes.put(
    REPOSITORY,
    Scope.REPOSITORY_ADMIN,
    answers={200: objects.Repository, 201: objects.Repository},
    body=_changes,
)
async def put_repository(request: web.Request) -> web.Response:
    """Update a repository, or create it where there is none (201).

    The payload may give another name and description, make it private or public and switch its
    tracker on or off.
    """
    workspace, slug = _names(request)
    work = partial(_repository_or_place, workspace=workspace, slug=slug)
    found = await requests.read(request, work, find=None)
    given = await _given(request)
    if isinstance(found, _Place):
        return await _create(request, found, given, status=201)
    shown = await requests.write(
        request, partial(_update, given=given), find=find_repository, needed=Permission.ADMIN
    )
    return _answer(request, shown, is_elsewhere=shown[0].slug != found.slug)


@routes.delete(REPOSITORY, Scope.REPOSITORY_ADMIN, answers={204: None})
async def delete_repository(request: web.Request) -> web.Response:
    """Delete a repository with all its issues."""
    await requests.repository(request, find=find_repository)
    work = partial(_delete, exports=request.app[keys.SETTINGS].exports_dir)
    paths, lost = await requests.write(request, work, find=find_repository, needed=Permission.ADMIN)
    await requests.free(request, lost)
    await jobs.remove_files(paths)
    return web.Response(status=204)


@routes.get(
    "/repositories",
    Scope.REPOSITORY,
    answers={200: _PAGE},
    catalogue=repositories.REPOSITORIES,
    parameters=_PARAMETERS,
)
async def list_repositories(request: web.Request) -> web.Response:
    """List the public repositories and your own, a page at a time."""
    return await _answer_list(request, _everywhere)


@routes.get(
    "/repositories/{workspace:[^/]+}",
    Scope.REPOSITORY,
    answers={200: _PAGE},
    catalogue=repositories.REPOSITORIES,
    parameters=_PARAMETERS,
)
async def list_workspace_repositories(request: web.Request) -> web.Response:
    """List the repositories of a workspace that you may see, a page at a time."""
    return await _answer_list(
        request, partial(workspaces.see, name=request.match_info["workspace"])
    )


Where = Callable[[Reader, Actor], Coroutine[Any, Any, Workspace | None]]
"""Finds the workspace whose repositories are asked for, if it is one."""


async def _everywhere(db: Reader, actor: Actor) -> None:
    return None


async def _answer_list(request: web.Request, where: Where) -> web.Response:
    asked = PageRequest(request, repositories.REPOSITORIES)
    role = fields.load(_PARAMETERS, dict(request.query)).get("role")
    work = partial(_list, where=where, listing=asked.listing, role=role)
    workspace, page = await requests.read(request, work, find=None, lane=asked.lane)
    base = request[BASE_URL]
    values = [
        Representation(base, repository).repository(owner) for repository, owner in page.items
    ]
    url = f"{base}/2.0/repositories" + (f"/{workspace.slug}" if workspace else "")
    return answers.answer(request, asked.envelope(url, page, values))


async def _list(
    db: Reader, actor: Actor, *, where: Where, listing: Listing, role: RepositoryRole | None
) -> tuple[Workspace | None, Page[Shown]]:
    workspace = await where(db, actor)
    inside = workspace.id if workspace else None
    return workspace, await repositories.find_all(db, actor, listing, workspace=inside, role=role)


async def _owned(db: Reader, actor: Actor, name: str) -> Workspace:
    """A workspace of the actor. Raises NotFound, Forbidden."""
    workspace = await workspaces.see(db, actor, name)
    workspaces.require_role(workspace, workspaces.WorkspaceRole.OWNER)
    return workspace


async def _place(db: Reader, actor: Actor, *, workspace: str, slug: str) -> _Place:
    return _Place(await _owned(db, actor, workspace), slug)


async def _repository_or_place(
    db: Reader, actor: Actor, *, workspace: str, slug: str
) -> Repository | _Place:
    """The repository, or the place of an absent one where the actor may create it.

    Raises NotFound, Forbidden.
    """
    try:
        repository = await find_repository(db, actor, workspace, slug)
    except NotFound:
        place = await _vacant(db, actor, workspace, slug)
        if place is None:
            raise
        return place
    require_permission(repository, Permission.ADMIN)
    return repository


async def _vacant(db: Reader, actor: Actor, workspace: str, slug: str) -> _Place | None:
    try:
        found = await workspaces.see(db, actor, workspace)
    except NotFound:
        return None
    if found.role is not workspaces.WorkspaceRole.OWNER or slug.startswith("{"):
        return None
    return _Place(found, slug)


async def _update(
    tx: Transaction, actor: Actor, repository: Repository, *, given: dict[str, Any]
) -> Shown:
    await repositories.update(tx, repository, given)
    return await repositories.get(tx, actor, repository.workspace_slug, repository.uuid)


async def _delete(
    tx: Transaction, actor: Actor, repository: Repository, *, exports: Path
) -> tuple[list[Path], set[str]]:
    """The files of the repository's jobs and the blobs that lost their rows."""
    paths = await jobs.files(tx, repository, exports)
    return paths, await repositories.delete(tx, repository)


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
    new = NewRepository(slug, **{"name": slug, **given})
    work = partial(_add, workspace=place.workspace.slug, new=new)
    shown = await requests.write(request, work, find=None)
    return _answer(request, shown, status=status, is_elsewhere=True)


async def _add(tx: Transaction, actor: Actor, *, workspace: str, new: NewRepository) -> Shown:
    owned = await _owned(tx, actor, workspace)
    await repositories.add(tx, owned.id, new)
    return await repositories.get(tx, actor, owned.slug, new.slug)


def _answer(
    request: web.Request, shown: Shown, *, status: int = 200, is_elsewhere: bool = False
) -> web.Response:
    """A repository; with its address where that is not the one it was asked for."""
    data = Representation(request[BASE_URL], shown[0]).repository(shown[1])
    headers = {"Location": data["links"]["self"]["href"]} if is_elsewhere else None
    return answers.answer(request, data, status=status, headers=headers)


def _names(request: web.Request) -> tuple[str, str]:
    return request.match_info["workspace"], request.match_info["repo_slug"]
