"""People in API 2.0."""

from aiohttp import web

from service.api_v2 import objects, people
from service.api_v2.paging import only_page
from service.http import answers, keys, requests
from service.http.endpoint import Endpoint
from tracker.access import accounts
from tracker.access.rights import Actor, require_account
from tracker.database import Reader, Row
from tracker.errors import NotFound
from tracker.vocabulary import Scope

_MAY = (Scope.ACCOUNT,)

NO_EMAIL = "No Email matches the given query."


async def get_user(request: web.Request) -> web.Response:
    """Whoever asks."""
    return answers.answer(request, people.account(request[keys.BASE_URL], await _own(request)))


async def list_emails(request: web.Request) -> web.Response:
    """The addresses of whoever asks: one, or none."""
    row = await _own(request)
    values = [people.email(request[keys.BASE_URL], row["email"])] if row["email"] else []
    return answers.answer(request, only_page(values))


async def get_email(request: web.Request) -> web.Response:
    """An address of whoever asks; anybody else's is absent."""
    row = await _own(request)
    if not row["email"] or row["email"].lower() != request.match_info["email"].lower():
        raise NotFound(NO_EMAIL)
    return answers.answer(request, people.email(request[keys.BASE_URL], row["email"]))


async def get_selected_user(request: web.Request) -> web.Response:
    """Somebody whom whoever asks may know: without user name and address."""

    async def find(reader: Reader, actor: Actor) -> Row:
        return await accounts.see(reader, actor, request.match_info["selected_user"])

    row = await requests.read(request, find)
    return answers.answer(request, people.user(request[keys.BASE_URL], row))


async def _own(request: web.Request) -> Row:
    async def find(reader: Reader, actor: Actor) -> Row:
        return await accounts.get(reader, require_account(actor))

    return await requests.read(request, find)


ENDPOINTS = (
    Endpoint("GET", "/user", get_user, _MAY, {200: objects.Account}),
    Endpoint("GET", "/user/emails", list_emails, _MAY, {200: objects.page_of(objects.Email)}),
    Endpoint("GET", "/user/emails/{email:[^/]+}", get_email, _MAY, {200: objects.Email}),
    Endpoint(
        "GET", "/users/{selected_user:[^/]+}", get_selected_user, (), {200: objects.OtherUser}
    ),
)
