"""People in API 1.0, and their repositories."""

from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import web

from service import keys, requests
from service.api_v1 import arrays, objects
from service.api_v1.representation import Json, profile, repository
from service.endpoint import Endpoint
from tracker import accounts, repositories
from tracker.access import Actor, require_account
from tracker.database import Reader, Row
from tracker.paging import Key, Listing, Page
from tracker.query import Selection
from tracker.repositories import Role
from tracker.vocabulary import Scope

_MAY = (Scope.REPOSITORY,)


async def get_user(request: web.Request) -> web.StreamResponse:
    """Whoever asks, and the repositories in his workspaces."""

    async def find(reader: Reader, actor: Actor) -> tuple[Row, str]:
        return await accounts.get(reader, require_account(actor)), ""

    return await _answer(request, find)


async def get_selected_user(request: web.Request) -> web.StreamResponse:
    """Somebody whom whoever asks may know, by user name, UUID or account_id; and which of the
    repositories in his workspaces they may see."""

    async def find(reader: Reader, actor: Actor) -> tuple[Row, str]:
        name = request.match_info["username"]
        return await accounts.see_named(reader, actor, name), "user_"

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
    request: web.Request, find: Callable[[Reader, Actor], Coroutine[Any, Any, tuple[Row, str]]]
) -> web.StreamResponse:
    """Whom find(reader, actor) finds; with the row, what the names of its columns start with."""
    user: Json = {}

    async def fetch(after: Key | None) -> Page[Json]:
        async def work(reader: Reader, actor: Actor) -> Page[Json]:
            row, prefix = await find(reader, actor)
            user.update(profile(request[keys.BASE_URL], row, prefix))
            return await _part(request, reader, repositories.owned_by(row["id"]), after)

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
    listing = Listing(selection, arrays.PART, after=after)
    page = await repositories.find_all(reader, requests.actor(request), listing, role=role)
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
