"""Who may do what, in API 2.0: permissions-config of repositories, and lists of permissions."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from aiohttp import web

from service.api_v2 import objects
from service.api_v2.paging import EMPTY_PAGE, Asked
from service.api_v2.representation import Representation
from service.api_v2.workspaces import WORKSPACE
from service.http import answers, bodies, keys, requests
from service.http.endpoint import REPOSITORY, Endpoint
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
from tracker.access.workspaces import Role
from tracker.database import Lane, Reader, Row, Transaction
from tracker.errors import NotFound
from tracker.query import Catalogue
from tracker.query.paging import Page
from tracker.vocabulary import Permission, Scope

T = TypeVar("T")

About = tuple[str, int]
"""The path of a list of permissions, and what members.permissions is asked about."""

_CONFIG = f"{REPOSITORY}/permissions-config"
_USER = f"{_CONFIG}/users/{{selected_user:[^/]+}}"
_MAY = (Scope.REPOSITORY_ADMIN,)


class _Payload(fields.Payload):
    """What a member may do from now on; `none` is DELETE's."""

    permission = fields.Words(Permission, required=True)


async def _administered(request: web.Request, reader: Reader, actor: Actor) -> Repository:
    """The repository in the path. Raises NotFound, and Forbidden for whoever may not say who else
    does what there."""
    names = request.match_info["workspace"], request.match_info["repo_slug"]
    repository = await find_repository(reader, actor, *names)
    require_permission(repository, Permission.ADMIN)
    return repository


async def _read(
    request: web.Request,
    work: Callable[[Reader, Repository], Coroutine[Any, Any, T]],
    *,
    lane: Lane = Lane.QUICK,
) -> tuple[Repository, T]:
    """The repository in the path and what work makes of it, for its administrators."""

    async def whole(reader: Reader, actor: Actor) -> tuple[Repository, T]:
        repository = await _administered(request, reader, actor)
        return repository, await work(reader, repository)

    return await requests.read(request, whole, lane=lane)


async def list_user_permissions(request: web.Request) -> web.Response:
    """A page of a repository's members; the workspace's owner is none, he may do everything."""
    asked = Asked(request, members.MEMBERS)

    async def find(reader: Reader, repository: Repository) -> Page[Row]:
        return await members.find_all(reader, repository, asked.listing)

    repository, page = await _read(request, find, lane=asked.lane)
    shapes = Representation(request[keys.BASE_URL], repository)
    values = [shapes.user_permission(row) for row in page.items]
    url = f"{shapes.links.api}/permissions-config/users"
    return answers.answer(request, asked.envelope(url, page, values))


async def list_group_permissions(request: web.Request) -> web.Response:
    """The groups with access to a repository: there are none."""

    async def nothing(reader: Reader, repository: Repository) -> None:
        return None

    await _read(request, nothing)
    return answers.answer(request, EMPTY_PAGE)


async def get_user_permission(request: web.Request) -> web.Response:
    """What an account may do in a repository; `none` when it is no member."""

    async def find(reader: Reader, repository: Repository) -> Row:
        return await members.get(reader, repository, _selected(request))

    repository, row = await _read(request, find)
    shapes = Representation(request[keys.BASE_URL], repository)
    return answers.answer(request, shapes.user_permission(row))


async def put_user_permission(request: web.Request) -> web.Response:
    """Give an account access to a repository, or change what it has."""

    async def find(reader: Reader, repository: Repository) -> Row:
        return await accounts.find_selected(reader, _selected(request), is_active=True)

    await _read(request, find)
    given = fields.load(_Payload(), await bodies.read(request))

    async def write(tx: Transaction, repository: Repository) -> tuple[Repository, Row]:
        account = await find(tx, repository)
        await members.put(tx, repository, account["id"], given["permission"])
        return repository, await members.get(tx, repository, account["uuid"])

    repository, row = await requests.write_repository(request, Permission.ADMIN, write)
    shapes = Representation(request[keys.BASE_URL], repository)
    return answers.answer(request, shapes.user_permission(row))


async def delete_user_permission(request: web.Request) -> web.Response:
    """Take an account's access to a repository away."""
    await requests.repository(request)

    async def write(tx: Transaction, repository: Repository) -> None:
        account = await accounts.find_selected(tx, _selected(request))
        if not await members.remove(tx, repository, account["id"]):
            raise NotFound(accounts.NO_ACCOUNT)

    await requests.write_repository(request, Permission.ADMIN, write)
    return web.Response(status=204)


def _selected(request: web.Request) -> str:
    return request.match_info["selected_user"]


async def list_own_permissions(request: web.Request) -> web.Response:
    """A page of the repositories where whoever asks was given something to do."""

    async def find(reader: Reader, actor: Actor) -> About:
        return "user/permissions/repositories", require_account(actor)

    return await _list(request, members.OWN_PERMISSIONS, find)


async def list_workspace_permissions(request: web.Request) -> web.Response:
    """A page of who may do what in a workspace's repositories, for its owner."""

    async def find(reader: Reader, actor: Actor) -> About:
        found = await workspaces.see(reader, actor, request.match_info["workspace"])
        require_account(actor)
        workspaces.require_role(found, Role.OWNER)
        return f"workspaces/{found.slug}/permissions/repositories", found.id

    return await _list(request, members.WORKSPACE_PERMISSIONS, find)


async def list_repository_permissions(request: web.Request) -> web.Response:
    """A page of who may do what in one of a workspace's repositories, for its administrators."""

    async def find(reader: Reader, actor: Actor) -> About:
        found = await _administered(request, reader, actor)
        path = f"workspaces/{found.workspace_slug}/permissions/repositories/{found.slug}"
        return path, found.id

    return await _list(request, members.REPOSITORY_PERMISSIONS, find)


async def _list(
    request: web.Request,
    catalogue: Catalogue,
    find: Callable[[Reader, Actor], Coroutine[Any, Any, About]],
) -> web.Response:
    asked = Asked(request, catalogue)

    async def whole(reader: Reader, actor: Actor) -> tuple[str, Page[Grant]]:
        path, about = await find(reader, actor)
        return path, await members.permissions(reader, actor, asked.listing, about)

    path, page = await requests.read(request, whole, lane=asked.lane)
    base = request[keys.BASE_URL]
    values = [Representation(base, repository).permission(row) for repository, row in page.items]
    return answers.answer(request, asked.envelope(f"{base}/2.0/{path}", page, values))


_PERMISSIONS = f"{WORKSPACE}/permissions/repositories"
_GRANTS = objects.page_of(objects.RepositoryPermission)

ENDPOINTS = (
    Endpoint(
        "GET",
        f"{_CONFIG}/users",
        list_user_permissions,
        _MAY,
        {200: objects.page_of(objects.RepositoryUserPermission)},
        catalogue=members.MEMBERS,
    ),
    Endpoint("GET", _USER, get_user_permission, _MAY, {200: objects.RepositoryUserPermission}),
    Endpoint(
        "PUT",
        _USER,
        put_user_permission,
        _MAY,
        {200: objects.RepositoryUserPermission},
        lambda limits: _Payload(),
    ),
    Endpoint("DELETE", _USER, delete_user_permission, _MAY, {204: None}),
    Endpoint("GET", f"{_CONFIG}/groups", list_group_permissions, _MAY, {200: objects.Nothing}),
    Endpoint(
        "GET",
        "/user/permissions/repositories",
        list_own_permissions,
        (Scope.ACCOUNT, Scope.REPOSITORY),
        {200: _GRANTS},
        catalogue=members.OWN_PERMISSIONS,
    ),
    Endpoint(
        "GET",
        _PERMISSIONS,
        list_workspace_permissions,
        (Scope.ACCOUNT,),
        {200: _GRANTS},
        catalogue=members.WORKSPACE_PERMISSIONS,
    ),
    Endpoint(
        "GET",
        f"{_PERMISSIONS}/{{repo_slug:[^/]+}}",
        list_repository_permissions,
        (Scope.REPOSITORY,),
        {200: _GRANTS},
        catalogue=members.REPOSITORY_PERMISSIONS,
    ),
)
