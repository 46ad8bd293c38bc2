"""Permissions in API 2.0: permissions-config of repositories, and lists of who may do what."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from aiohttp import web

from service.api_v2 import objects
from service.api_v2.paging import EMPTY_PAGE, PageRequest
from service.api_v2.representation import Representation
from service.api_v2.workspaces import WORKSPACE
from service.http import answers, bodies, requests
from service.http.endpoint import REPOSITORY, Routes
from service.http.links import BASE_URL
from tracker import fields
from tracker.access import accounts, members, workspaces
from tracker.access.members import Grant
from tracker.access.rights import (
    Actor,
    Repository,
    find_repository,
    require_account,
    require_permission,
)
from tracker.access.workspaces import WorkspaceRole
from tracker.database import Reader, Row, Transaction
from tracker.errors import NotFound
from tracker.query import Catalogue
from tracker.query.paging import Listing, Page
from tracker.vocabulary import Permission, Scope

routes = Routes()

_CONFIG = f"{REPOSITORY}/permissions-config"
_USER = f"{_CONFIG}/users/{{selected_user:[^/]+}}"
_PERMISSIONS = f"{WORKSPACE}/permissions/repositories"
_GRANTS = objects.page_of(objects.RepositoryPermission)


class _Payload(fields.Payload):
    """What a member may do from now on; `none` is DELETE's."""

    permission = fields.enumeration(Permission, required=True)


@routes.get(
    f"{_CONFIG}/users",
    Scope.REPOSITORY_ADMIN,
    answers={200: objects.page_of(objects.RepositoryUserPermission)},
    catalogue=members.MEMBERS,
)
async def list_user_permissions(request: web.Request) -> web.Response:
    """List the members of a repository, a page at a time.

    The owner of the workspace may do everything and is no member.
    """
    asked = PageRequest(request, members.MEMBERS)
    repository, page = await requests.read(
        request,
        partial(_list_members, listing=asked.listing),
        find=find_repository,
        needed=Permission.ADMIN,
        lane=asked.lane,
    )
    shapes = Representation(request[BASE_URL], repository)
    values = [shapes.user_permission(row) for row in page.items]
    url = f"{shapes.url}/permissions-config/users"
    return answers.answer(request, asked.envelope(url, page, values))


@routes.get(_USER, Scope.REPOSITORY_ADMIN, answers={200: objects.RepositoryUserPermission})
async def get_user_permission(request: web.Request) -> web.Response:
    """Get what an account may do in a repository; `none` when it is no member."""
    work = partial(_get, selected=_selected(request))
    found = await requests.read(request, work, find=find_repository, needed=Permission.ADMIN)
    return _answer(request, found)


@routes.put(
    _USER,
    Scope.REPOSITORY_ADMIN,
    answers={200: objects.RepositoryUserPermission},
    body=lambda limits: _Payload(),
)
async def put_user_permission(request: web.Request) -> web.Response:
    """Give an account access to a repository, or change the access that it has."""
    selected = _selected(request)
    look = partial(_account, selected=selected)
    await requests.read(request, look, find=find_repository, needed=Permission.ADMIN)
    given = fields.load(_Payload(), await bodies.read(request))
    work = partial(_put, selected=selected, permission=given["permission"])
    found = await requests.write(request, work, find=find_repository, needed=Permission.ADMIN)
    return _answer(request, found)


@routes.delete(_USER, Scope.REPOSITORY_ADMIN, answers={204: None})
async def delete_user_permission(request: web.Request) -> web.Response:
    """Take an account's access to a repository away."""
    await requests.repository(request, find=find_repository)
    work = partial(_remove, selected=_selected(request))
    await requests.write(request, work, find=find_repository, needed=Permission.ADMIN)
    return web.Response(status=204)


@routes.get(f"{_CONFIG}/groups", Scope.REPOSITORY_ADMIN, answers={200: objects.Nothing})
async def list_group_permissions(request: web.Request) -> web.Response:
    """List the groups with access to a repository: there are none."""
    await requests.repository(request, find=find_repository, needed=Permission.ADMIN)
    return answers.answer(request, EMPTY_PAGE)


@routes.get(
    "/user/permissions/repositories",
    Scope.ACCOUNT,
    Scope.REPOSITORY,
    answers={200: _GRANTS},
    catalogue=members.OWN_PERMISSIONS,
)
async def list_own_permissions(request: web.Request) -> web.Response:
    """List your permissions in repositories, a page at a time."""
    return await _answer_list(request, members.OWN_PERMISSIONS, _own)


@routes.get(
    _PERMISSIONS,
    Scope.ACCOUNT,
    answers={200: _GRANTS},
    catalogue=members.WORKSPACE_PERMISSIONS,
)
async def list_workspace_permissions(request: web.Request) -> web.Response:
    """List the permissions in the repositories of a workspace, a page at a time, for its owner."""
    about = partial(_of_workspace, workspace=request.match_info["workspace"])
    return await _answer_list(request, members.WORKSPACE_PERMISSIONS, about)


@routes.get(
    f"{_PERMISSIONS}/{{repo_slug:[^/]+}}",
    Scope.REPOSITORY,
    answers={200: _GRANTS},
    catalogue=members.REPOSITORY_PERMISSIONS,
)
async def list_repository_permissions(request: web.Request) -> web.Response:
    """List the permissions in one repository, a page at a time, for its administrators."""
    names = request.match_info["workspace"], request.match_info["repo_slug"]
    about = partial(_of_repository, names=names)
    return await _answer_list(request, members.REPOSITORY_PERMISSIONS, about)


About = Callable[[Reader, Actor], Coroutine[Any, Any, tuple[str, int]]]
"""Finds the path of a list of permissions, and what members.permissions() is asked about."""


async def _answer_list(request: web.Request, catalogue: Catalogue, about: About) -> web.Response:
    asked = PageRequest(request, catalogue)
    work = partial(_list, about=about, listing=asked.listing)
    path, page = await requests.read(request, work, find=None, lane=asked.lane)
    base = request[BASE_URL]
    values = [Representation(base, repository).permission(row) for repository, row in page.items]
    return answers.answer(request, asked.envelope(f"{base}/2.0/{path}", page, values))


async def _list(
    db: Reader, actor: Actor, *, about: About, listing: Listing
) -> tuple[str, Page[Grant]]:
    path, row_id = await about(db, actor)
    return path, await members.permissions(db, actor, listing, row_id)


async def _own(db: Reader, actor: Actor) -> tuple[str, int]:
    return "user/permissions/repositories", require_account(actor)


async def _of_workspace(db: Reader, actor: Actor, *, workspace: str) -> tuple[str, int]:
    found = await workspaces.see(db, actor, workspace)
    require_account(actor)
    workspaces.require_role(found, WorkspaceRole.OWNER)
    return f"workspaces/{found.slug}/permissions/repositories", found.id


async def _of_repository(db: Reader, actor: Actor, *, names: tuple[str, str]) -> tuple[str, int]:
    found = await find_repository(db, actor, *names)
    require_permission(found, Permission.ADMIN)
    path = f"workspaces/{found.workspace_slug}/permissions/repositories/{found.slug}"
    return path, found.id


async def _list_members(
    db: Reader, actor: Actor, repository: Repository, *, listing: Listing
) -> tuple[Repository, Page[Row]]:
    return repository, await members.find_all(db, repository, listing)


async def _get(
    db: Reader, actor: Actor, repository: Repository, *, selected: str
) -> tuple[Repository, Row]:
    return repository, await members.get(db, repository, selected)


async def _account(db: Reader, actor: Actor, repository: Repository, *, selected: str) -> Row:
    """The account that may be given access. Raises NotFound."""
    return await accounts.find_selected(db, selected, is_active=True)


async def _put(
    tx: Transaction, actor: Actor, repository: Repository, *, selected: str, permission: Permission
) -> tuple[Repository, Row]:
    account = await _account(tx, actor, repository, selected=selected)
    await members.put(tx, repository, account["id"], permission)
    return repository, await members.get(tx, repository, account["uuid"])


async def _remove(tx: Transaction, actor: Actor, repository: Repository, *, selected: str) -> None:
    account = await accounts.find_selected(tx, selected)
    if not await members.remove(tx, repository, account["id"]):
        raise NotFound(accounts.NO_ACCOUNT)


def _answer(request: web.Request, found: tuple[Repository, Row]) -> web.Response:
    repository, row = found
    shapes = Representation(request[BASE_URL], repository)
    return answers.answer(request, shapes.user_permission(row))


def _selected(request: web.Request) -> str:
    return request.match_info["selected_user"]
