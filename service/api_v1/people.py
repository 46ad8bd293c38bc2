"""People in API 1.0, and their repositories."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from aiohttp import web

from service.api_v1 import arrays, objects
from service.api_v1.representation import Json, profile, repository, team
from service.http import requests
from service.http.endpoint import Routes
from service.http.links import BASE_URL
from tracker.access import accounts, repositories, workspaces
from tracker.access.repositories import RepositoryRole
from tracker.access.rights import Actor, require_account
from tracker.database import Reader
from tracker.errors import NotFound
from tracker.query import Selection
from tracker.query.paging import Key, Page
from tracker.vocabulary import Scope

routes = Routes()

_OWN = Selection(repositories.REPOSITORIES, order=None, is_descending=False)

Owner = Callable[[Reader, Actor], Coroutine[Any, Any, tuple[Json, Selection]]]
"""Finds a profile, and which repositories belong to it."""


@routes.get("/user", Scope.ACCOUNT, Scope.REPOSITORY, answers={200: objects.User})
async def get_user(request: web.Request) -> web.StreamResponse:
    """Get your account, and the repositories in your workspaces."""
    return await _answer(request, partial(_own, base=request[BASE_URL]))


@routes.get("/user/repositories", Scope.REPOSITORY, answers={200: objects.Repository(many=True)})
async def list_own_repositories(request: web.Request) -> web.StreamResponse:
    """List all repositories whose member or owner you are, the oldest first."""
    fetch = partial(_read, request, partial(_own_repositories, base=request[BASE_URL]))
    return await arrays.answer(request, fetch)


@routes.get("/users/{username:[^/]+}", Scope.REPOSITORY, answers={200: objects.User})
async def get_selected_user(request: web.Request) -> web.StreamResponse:
    """Get a person whom you may know, and those of their repositories that you may see.

    The person is named by user name, UUID or account_id. If no person has that name, a
    workspace of that name is shown as a team.
    """
    name = request.match_info["username"]
    return await _answer(request, partial(_selected, base=request[BASE_URL], name=name))


async def _own(db: Reader, actor: Actor, *, base: str) -> tuple[Json, Selection]:
    row = await accounts.get(db, require_account(actor))
    return profile(base, row), repositories.owned_by(row["id"])


async def _selected(db: Reader, actor: Actor, *, base: str, name: str) -> tuple[Json, Selection]:
    try:
        row = await accounts.see_named(db, actor, name)
    except NotFound as error:
        try:
            workspace = await workspaces.see(db, actor, name)
        except NotFound:
            raise error from None
        return team(base, workspace), repositories.of(workspace.id)
    return profile(base, row, "user_"), repositories.owned_by(row["id"])


async def _own_repositories(
    db: Reader, actor: Actor, *, base: str, after: Key | None
) -> Page[Json]:
    require_account(actor)
    return await _repositories(db, actor, base, _OWN, after, RepositoryRole.MEMBER)


async def _owned_repositories(
    db: Reader, actor: Actor, *, base: str, owner: Owner, user: Json, after: Key | None
) -> Page[Json]:
    """Some of an owner's repositories; user becomes the owner's profile."""
    shown, owned = await owner(db, actor)
    user.update(shown)
    return await _repositories(db, actor, base, owned, after)


async def _repositories(
    db: Reader,
    actor: Actor,
    base: str,
    selection: Selection,
    after: Key | None,
    role: RepositoryRole | None = None,
) -> Page[Json]:
    page = await repositories.find_all(db, actor, arrays.part(selection, after), role=role)
    return page.each(lambda shown: repository(base, shown[0]))


async def _read(
    request: web.Request,
    work: Callable[..., Coroutine[Any, Any, Page[Json]]],
    after: Key | None,
) -> Page[Json]:
    return await requests.read(request, partial(work, after=after), find=None)


async def _answer(request: web.Request, owner: Owner) -> web.StreamResponse:
    user: Json = {}
    work = partial(_owned_repositories, base=request[BASE_URL], owner=owner, user=user)
    fetch = partial(_read, request, work)
    return await arrays.answer(
        request, fetch, name="repositories", beside=lambda size: {"user": user}
    )
