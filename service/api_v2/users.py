"""People in API 2.0."""

from aiohttp import web

from service import answers, keys, requests
from service.api_v2 import representation
from service.api_v2.endpoint import Endpoint
from tracker import accounts
from tracker.access import Actor, require_account
from tracker.database import Reader, Row
from tracker.vocabulary import Scope


async def get_user(request: web.Request) -> web.Response:
    """Whoever asks."""

    async def find(reader: Reader, actor: Actor) -> Row:
        return await accounts.get(reader, require_account(actor))

    row = await requests.read(request, find)
    return answers.answer(request, representation.account(request[keys.BASE_URL], row))


ENDPOINTS = (Endpoint("GET", "/user", get_user, (Scope.ACCOUNT,)),)
