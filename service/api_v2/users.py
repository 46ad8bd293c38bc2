"""People in API 2.0."""

from functools import partial
from urllib.parse import quote

from aiohttp import web

from service.api_v2 import objects
from service.api_v2.paging import only_page
from service.api_v2.representation import Json, person
from service.http import answers, requests
from service.http.endpoint import Routes
from service.http.links import BASE_URL
from tracker.access import accounts
from tracker.access.rights import Actor, require_account
from tracker.database import Reader, Row
from tracker.errors import NotFound
from tracker.vocabulary import Scope

routes = Routes()

NO_EMAIL = "No Email matches the given query."


@routes.get("/user", Scope.ACCOUNT, answers={200: objects.Account})
async def get_user(request: web.Request) -> web.Response:
    """Get your account."""
    return answers.answer(request, _account(request[BASE_URL], await _own(request)))


@routes.get("/user/emails", Scope.ACCOUNT, answers={200: objects.page_of(objects.Email)})
async def list_emails(request: web.Request) -> web.Response:
    """List your e-mail addresses: one, or none."""
    row = await _own(request)
    values = [_email(request[BASE_URL], row["email"])] if row["email"] else []
    return answers.answer(request, only_page(values))


@routes.get("/user/emails/{email:[^/]+}", Scope.ACCOUNT, answers={200: objects.Email})
async def get_email(request: web.Request) -> web.Response:
    """Get one of your e-mail addresses. Those of others are absent."""
    row = await _own(request)
    if not row["email"] or row["email"].lower() != request.match_info["email"].lower():
        raise NotFound(NO_EMAIL)
    return answers.answer(request, _email(request[BASE_URL], row["email"]))


@routes.get("/users/{selected_user:[^/]+}", answers={200: objects.OtherUser})
async def get_selected_user(request: web.Request) -> web.Response:
    """Get a person whom you may know, without user name and address."""
    work = partial(accounts.see, text=request.match_info["selected_user"])
    row = await requests.read(request, work, find=None)
    return answers.answer(request, _user(request[BASE_URL], row))


async def _own(request: web.Request) -> Row:
    return await requests.read(request, _get, find=None)


async def _get(db: Reader, actor: Actor) -> Row:
    return await accounts.get(db, require_account(actor))


def _user(base: str, row: Row) -> Json:
    """A person as others see them; row has the columns of accounts.FULL."""
    return {
        **person(base, row),
        "created_on": row["created_on"],
        "account_status": "active" if row["is_active"] else "inactive",
        "is_staff": False,
    }


def _account(base: str, row: Row) -> Json:
    """An account as itself sees it; row has the columns of accounts.FULL."""
    shown = _user(base, row)
    shown["links"]["repositories"] = {"href": f"{base}/2.0/repositories?role=owner"}
    return {
        **shown,
        "username": row["username"],
        "has_2fa_enabled": None,
        "website": None,
        "location": None,
    }


def _email(base: str, address: str) -> Json:
    """The address of an account, which the administrators of Pail have confirmed."""
    return {
        "type": "email",
        "email": address,
        "is_primary": True,
        "is_confirmed": True,
        "links": {"self": {"href": f"{base}/2.0/user/emails/{quote(address, safe='@')}"}},
    }
