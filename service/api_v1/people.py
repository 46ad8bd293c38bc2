"""People in API 1.0, and their repositories."""

from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import web

from service.api_v1 import arrays, objects
from service.api_v1.representation import Json, profile, repository, team
from service.http import keys, requests
from service.http.endpoint import Endpoint
from tracker.access import accounts, repositories, workspaces
from tracker.access.repositories import Role
from tracker.access.rights import Actor, require_account
from tracker.database import Reader
from tracker.errors import NotFound
from tracker.query import Selection
from tracker.query.paging import Key, Page
from tracker.vocabulary import Scope

_MAY = (Scope.REPOSITORY,)

Found = tuple[Json, Selection]
"""Somebody's profile, and which repositories are his."""


async def get_user(request: web.Request) -> web.StreamResponse:
    """Whoever asks, and the repositories in his workspaces."""
    base = request[keys.BASE_URL]

    async def find(reader: Reader, actor: Actor) -> Found:
        row = await accounts.get(reader, require_account(actor))
        return profile(base, row), repositories.owned_by(row["id"])

    return await _answer(request, find)


async def get_selected_user(request: web.Request) -> web.StreamResponse:
    """Somebody whom whoever asks may know, by user name, UUID or account_id; and which of the
    repositories in his workspaces they may see.

    A workspace is a team where nobody has that name: it owns repositories, too.
    """
    base, name = request[keys.BASE_URL], request.match_info["username"]

    async def find(reader: Reader, actor: Actor) -> Found:
        try:
            row = await accounts.see_named(reader, actor, name)
        except NotFound as error:
            try:
                workspace = await workspaces.see(reader, actor, name)
            except NotFound:
                raise error from None
            return team(base, workspace), repositories.of(workspace.id)
        return profile(base, row, "user_"), repositories.owned_by(row["id"])

    return await _answer(request, find)


async def list_own_repositories(request: web.Request) -> web.StreamResponse:
    """Where whoever asks is member at least, oldest first: all of them."""
    own = Selection(repositories.REPOSITORIES, None, False)

    async def fetch(after: Key | None) -> Page[Json]:
        async def find(reader: Reader, actor: Actor) -> Page[Json]:
            require_account(actor)
            return await _part(request, reader, own, after, Role.MEMBER)

        return await requests.read(request, find)

    return await arrays.answer(request, fetch)


async def _answer(
    request: web.Request, find: Callable[[Reader, Actor], Coroutine[Any, Any, Found]]
) -> web.StreamResponse:
    """Whom find(reader, actor) finds, and his repositories."""
    user: Json = {}

    async def fetch(after: Key | None) -> Page[Json]:
        async def work(reader: Reader, actor: Actor) -> Page[Json]:
            shown, owned = await find(reader, actor)
            user.update(shown)
            return await _part(request, reader, owned, after)

        return await requests.read(request, work)

    return await arrays.answer(
        request, fetch, name="repositories", beside=lambda size: {"user": user}
    )


async def _part(
    request: web.Request,
    reader: Reader,
    selection: Selection,
    after: Key | None,
    role: Role | None = None,
) -> Page[Json]:
    part = arrays.part(selection, after)
    page = await repositories.find_all(reader, requests.actor(request), part, role=role)
    base = request[keys.BASE_URL]
    return page.each(lambda shown: repository(base, shown[0]))


ENDPOINTS = (
    Endpoint("GET", "/user", get_user, (Scope.ACCOUNT, *_MAY), {200: objects.User}),
    Endpoint(
        "GET",
        "/user/repositories",
        list_own_repositories,
        _MAY,
        {200: objects.Repository(many=True)},
    ),
    Endpoint("GET", "/users/{username:[^/]+}", get_selected_user, _MAY, {200: objects.User}),
)
