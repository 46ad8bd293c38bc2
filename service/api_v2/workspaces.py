"""Workspaces in API 2.0: those of whoever asks, and who is in them."""

from collections.abc import Callable
from enum import StrEnum

from aiohttp import web

from service.api_v2 import objects, people
from service.api_v2.paging import EMPTY_PAGE, Asked
from service.http import answers, keys, requests
from service.http.endpoint import Endpoint
from tracker import fields
from tracker.access import accounts, workspaces
from tracker.access.rights import Actor, require_account
from tracker.access.workspaces import Role, Workspace
from tracker.database import Reader, Row
from tracker.query.paging import Page
from tracker.vocabulary import Scope

WORKSPACE = "/workspaces/{workspace:[^/]+}"

Found = tuple[Page[Workspace], Row]
"""A page of workspaces, and the account that asked for them."""


class _Role(StrEnum):
    OWNER = "owner"
    COLLABORATOR = "collaborator"
    MEMBER = "member"


class _Parameters(fields.Payload):
    """role: what whoever asks is there at least (to us a collaborator is a member)."""

    role = fields.Words(_Role, metadata={"description": "What you are there at least."})


async def list_workspaces(request: web.Request) -> web.Response:
    """A page of the workspaces of whoever asks."""
    return await _list(request, "workspaces", lambda base, found, _: people.workspace(base, found))


async def list_accesses(request: web.Request) -> web.Response:
    """The same as list_workspaces, in the shape that replaced it in 2026."""
    return await _list(
        request, "user/workspaces", lambda base, found, _: people.workspace_access(base, found)
    )


async def list_own_roles(request: web.Request) -> web.Response:
    """The same as memberships, each with what whoever asks is there."""

    def show(base: str, found: Workspace, row: Row) -> people.Json:
        membership = people.membership(base, found, people.person(base, row))
        return {**membership, "permission": found.role}

    return await _list(request, "user/permissions/workspaces", show)


async def _list(
    request: web.Request, path: str, show: Callable[[str, Workspace, Row], people.Json]
) -> web.Response:
    asked = Asked(request, workspaces.WORKSPACES)
    given = fields.load(_Parameters(), dict(request.query))
    role = Role.OWNER if given.get("role") == _Role.OWNER else Role.MEMBER

    async def find(reader: Reader, actor: Actor) -> Found:
        row = await accounts.get(reader, require_account(actor))
        return await workspaces.find_all(reader, actor, asked.listing, role=role), row

    page, row = await requests.read(request, find, lane=asked.lane)
    base = request[keys.BASE_URL]
    values = [show(base, found, row) for found in page.items]
    return answers.answer(request, asked.envelope(f"{base}/2.0/{path}", page, values))


async def get_workspace(request: web.Request) -> web.Response:
    """One workspace."""
    found = await _seen(request)
    return answers.answer(request, people.workspace(request[keys.BASE_URL], found))


async def _seen(request: web.Request) -> Workspace:
    """The workspace in the path. Raises NotFound."""

    async def find(reader: Reader, actor: Actor) -> Workspace:
        return await workspaces.see(reader, actor, request.match_info["workspace"])

    return await requests.read(request, find)


async def list_members(request: web.Request) -> web.Response:
    """A page of a workspace's members, for its members."""
    return await _list_members(request, "members")


async def list_roles(request: web.Request) -> web.Response:
    """The same as list_members, each with what he is there."""
    return await _list_members(request, "permissions")


async def _list_members(request: web.Request, path: str) -> web.Response:
    asked = Asked(request, workspaces.MEMBERS)

    async def find(reader: Reader, actor: Actor) -> tuple[Workspace, Page[Row]]:
        found = await _joined(request, reader, actor)
        return found, await workspaces.members(reader, actor, found, asked.listing)

    found, page = await requests.read(request, find, lane=asked.lane)
    base = request[keys.BASE_URL]
    values = []
    for row in page.items:
        shown = people.membership(base, found, people.person(base, row, "user_"))
        values.append(shown if path == "members" else {**shown, "permission": row["permission"]})
    url = f"{base}/2.0/workspaces/{found.slug}/{path}"
    return answers.answer(request, asked.envelope(url, page, values))


async def get_member(request: web.Request) -> web.Response:
    """One member of a workspace, for its members."""

    async def find(reader: Reader, actor: Actor) -> tuple[Workspace, Row]:
        found = await _joined(request, reader, actor)
        selected = request.match_info["member"]
        return found, await workspaces.member(reader, actor, found, selected)

    found, row = await requests.read(request, find)
    base = request[keys.BASE_URL]
    return answers.answer(
        request, people.membership(base, found, people.person(base, row, "user_"))
    )


async def _joined(request: web.Request, reader: Reader, actor: Actor) -> Workspace:
    """The workspace in the path. Raises NotFound, Unauthenticated, and Forbidden for strangers."""
    found = await workspaces.see(reader, actor, request.match_info["workspace"])
    require_account(actor)
    workspaces.require_role(found, Role.MEMBER)
    return found


async def list_projects(request: web.Request) -> web.Response:
    """A workspace's projects: there are none."""
    await _seen(request)
    return answers.answer(request, EMPTY_PAGE)


_MAY = (Scope.ACCOUNT,)
_PARAMETERS = _Parameters()

ENDPOINTS = (
    Endpoint(
        "GET",
        "/workspaces",
        list_workspaces,
        _MAY,
        {200: objects.page_of(objects.Workspace)},
        catalogue=workspaces.WORKSPACES,
        parameters=_PARAMETERS,
    ),
    Endpoint(
        "GET",
        "/user/workspaces",
        list_accesses,
        _MAY,
        {200: objects.page_of(objects.WorkspaceAccess)},
        catalogue=workspaces.WORKSPACES,
        parameters=_PARAMETERS,
    ),
    Endpoint(
        "GET",
        "/user/permissions/workspaces",
        list_own_roles,
        _MAY,
        {200: objects.page_of(objects.WorkspacePermission)},
        catalogue=workspaces.WORKSPACES,
        parameters=_PARAMETERS,
    ),
    Endpoint("GET", WORKSPACE, get_workspace, (), {200: objects.Workspace}),
    Endpoint(
        "GET",
        f"{WORKSPACE}/members",
        list_members,
        _MAY,
        {200: objects.page_of(objects.WorkspaceMembership)},
        catalogue=workspaces.MEMBERS,
    ),
    Endpoint(
        "GET",
        f"{WORKSPACE}/members/{{member:[^/]+}}",
        get_member,
        _MAY,
        {200: objects.WorkspaceMembership},
    ),
    Endpoint(
        "GET",
        f"{WORKSPACE}/permissions",
        list_roles,
        _MAY,
        {200: objects.page_of(objects.WorkspacePermission)},
        catalogue=workspaces.MEMBERS,
    ),
    Endpoint("GET", f"{WORKSPACE}/projects", list_projects, (), {200: objects.Nothing}),
)
