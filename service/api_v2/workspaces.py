"""Workspaces in API 2.0: those of the caller, and who is in them."""

from collections.abc import Callable
from enum import StrEnum
from functools import partial

from aiohttp import web

from service.api_v2 import objects
from service.api_v2.paging import EMPTY_PAGE, PageRequest
from service.api_v2.representation import Json, outlined_workspace, person
from service.http import answers, requests
from service.http.endpoint import Routes
from service.http.links import BASE_URL
from tracker import fields
from tracker.access import accounts, workspaces
from tracker.access.rights import Actor, require_account
from tracker.access.workspaces import Workspace, WorkspaceRole
from tracker.database import Reader, Row
from tracker.query.paging import Listing, Page
from tracker.vocabulary import Scope

routes = Routes()

WORKSPACE = "/workspaces/{workspace:[^/]+}"


class _AskedRole(StrEnum):
    OWNER = "owner"
    COLLABORATOR = "collaborator"
    MEMBER = "member"


class _Parameters(fields.Payload):
    """role: what the caller is there at least (to us a collaborator is a member)."""

    role = fields.enumeration(_AskedRole, metadata={"description": "What you are there at least."})


_PARAMETERS = _Parameters()


@routes.get(
    "/workspaces",
    Scope.ACCOUNT,
    answers={200: objects.page_of(objects.Workspace)},
    catalogue=workspaces.WORKSPACES,
    parameters=_PARAMETERS,
)
async def list_workspaces(request: web.Request) -> web.Response:
    """List your workspaces, a page at a time."""
    return await _answer_list(request, "workspaces", lambda base, found, _: _workspace(base, found))


@routes.get(
    "/user/workspaces",
    Scope.ACCOUNT,
    answers={200: objects.page_of(objects.WorkspaceAccess)},
    catalogue=workspaces.WORKSPACES,
    parameters=_PARAMETERS,
)
async def list_accesses(request: web.Request) -> web.Response:
    """List your workspaces, a page at a time, in the shape that Bitbucket had from 2026 on."""
    return await _answer_list(
        request, "user/workspaces", lambda base, found, _: _access(base, found)
    )


@routes.get(
    "/user/permissions/workspaces",
    Scope.ACCOUNT,
    answers={200: objects.page_of(objects.WorkspacePermission)},
    catalogue=workspaces.WORKSPACES,
    parameters=_PARAMETERS,
)
async def list_own_roles(request: web.Request) -> web.Response:
    """List your memberships in workspaces, a page at a time, each with your role."""
    return await _answer_list(request, "user/permissions/workspaces", _own_role)


@routes.get(WORKSPACE, answers={200: objects.Workspace})
async def get_workspace(request: web.Request) -> web.Response:
    """Get a workspace."""
    return answers.answer(request, _workspace(request[BASE_URL], await _seen(request)))


@routes.get(
    f"{WORKSPACE}/members",
    Scope.ACCOUNT,
    answers={200: objects.page_of(objects.WorkspaceMembership)},
    catalogue=workspaces.MEMBERS,
)
async def list_members(request: web.Request) -> web.Response:
    """List the members of a workspace, a page at a time, for its members."""
    return await _answer_members(request, "members")


@routes.get(
    f"{WORKSPACE}/members/{{member:[^/]+}}",
    Scope.ACCOUNT,
    answers={200: objects.WorkspaceMembership},
)
async def get_member(request: web.Request) -> web.Response:
    """Get a member of a workspace, for its members."""
    workspace, member = request.match_info["workspace"], request.match_info["member"]
    work = partial(_member, name=workspace, selected=member)
    found, row = await requests.read(request, work, find=None)
    base = request[BASE_URL]
    return answers.answer(request, _membership(base, found, person(base, row, "user_")))


@routes.get(
    f"{WORKSPACE}/permissions",
    Scope.ACCOUNT,
    answers={200: objects.page_of(objects.WorkspacePermission)},
    catalogue=workspaces.MEMBERS,
)
async def list_roles(request: web.Request) -> web.Response:
    """List the members of a workspace, a page at a time, each with their role."""
    return await _answer_members(request, "permissions")


@routes.get(f"{WORKSPACE}/projects", answers={200: objects.Nothing})
async def list_projects(request: web.Request) -> web.Response:
    """List the projects of a workspace: there are none."""
    await _seen(request)
    return answers.answer(request, EMPTY_PAGE)


async def _seen(request: web.Request) -> Workspace:
    """The workspace in the path. Raises NotFound."""
    work = partial(workspaces.see, name=request.match_info["workspace"])
    return await requests.read(request, work, find=None)


async def _answer_list(
    request: web.Request, path: str, show: Callable[[str, Workspace, Row], Json]
) -> web.Response:
    asked = PageRequest(request, workspaces.WORKSPACES)
    given = fields.load(_PARAMETERS, dict(request.query))
    role = WorkspaceRole.OWNER if given.get("role") is _AskedRole.OWNER else WorkspaceRole.MEMBER
    work = partial(_list, listing=asked.listing, role=role)
    page, row = await requests.read(request, work, find=None, lane=asked.lane)
    base = request[BASE_URL]
    values = [show(base, found, row) for found in page.items]
    return answers.answer(request, asked.envelope(f"{base}/2.0/{path}", page, values))


async def _list(
    db: Reader, actor: Actor, *, listing: Listing, role: WorkspaceRole
) -> tuple[Page[Workspace], Row]:
    """A page of workspaces, and the account that asks for them."""
    row = await accounts.get(db, require_account(actor))
    return await workspaces.find_all(db, actor, listing, role=role), row


async def _answer_members(request: web.Request, path: str) -> web.Response:
    asked = PageRequest(request, workspaces.MEMBERS)
    work = partial(_members, name=request.match_info["workspace"], listing=asked.listing)
    found, page = await requests.read(request, work, find=None, lane=asked.lane)
    base = request[BASE_URL]
    values = []
    for row in page.items:
        shown = _membership(base, found, person(base, row, "user_"))
        values.append(shown if path == "members" else {**shown, "permission": row["permission"]})
    url = f"{base}/2.0/workspaces/{found.slug}/{path}"
    return answers.answer(request, asked.envelope(url, page, values))


async def _joined(db: Reader, actor: Actor, name: str) -> Workspace:
    """A workspace for its members. Raises NotFound, Unauthenticated, Forbidden."""
    found = await workspaces.see(db, actor, name)
    require_account(actor)
    workspaces.require_role(found, WorkspaceRole.MEMBER)
    return found


async def _members(
    db: Reader, actor: Actor, *, name: str, listing: Listing
) -> tuple[Workspace, Page[Row]]:
    found = await _joined(db, actor, name)
    return found, await workspaces.members(db, actor, found, listing)


async def _member(db: Reader, actor: Actor, *, name: str, selected: str) -> tuple[Workspace, Row]:
    found = await _joined(db, actor, name)
    return found, await workspaces.member(db, actor, found, selected)


def _outlined(base: str, found: Workspace) -> Json:
    return outlined_workspace(base, found.uuid, found.slug, found.name)


def _workspace(base: str, found: Workspace) -> Json:
    shown = _outlined(base, found)
    url = shown["links"]["self"]["href"]
    shown["links"] |= {
        "members": {"href": f"{url}/members"},
        "owners": {"href": f"{url}/permissions?q=permission%3D%22owner%22"},
        "projects": {"href": f"{url}/projects"},
        "repositories": {"href": f"{base}/2.0/repositories/{found.slug}"},
    }
    return {**shown, "is_private": found.is_private, "created_on": found.created_on}


def _access(base: str, found: Workspace) -> Json:
    """A workspace of the caller, as /user/workspaces shows it."""
    return {
        "type": "workspace_access",
        "administrator": found.role is WorkspaceRole.OWNER,
        "workspace": _outlined(base, found),
    }


def _own_role(base: str, found: Workspace, row: Row) -> Json:
    """The caller's membership with their role; row is their account."""
    return {**_membership(base, found, person(base, row)), "permission": found.role}


def _membership(base: str, found: Workspace, member: Json) -> Json:
    """A person in a workspace; member is person()'s."""
    shown = _outlined(base, found)
    url = f"{shown['links']['self']['href']}/members/%7B{member['uuid'][1:-1]}%7D"
    return {
        "type": "workspace_membership",
        "user": member,
        "workspace": shown,
        "links": {"self": {"href": url}},
    }
