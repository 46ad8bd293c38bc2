"""People in API 2.0."""

from aiohttp import web

from service import answers, keys, requests
from service.api_v2 import representation
from service.api_v2.endpoint import Endpoint
from tracker import accounts
from tracker.access import require_account
from tracker.vocabulary import Scope


async def get_user(request: web.Request) -> web.Response:
    """Whoever asks."""
    row = await accounts.get(requests.database(request), require_account(requests.actor(request)))
    return answers.json(representation.account(request[keys.BASE_URL], row))


ENDPOINTS = (Endpoint("GET", "/user", get_user, (Scope.ACCOUNT,)),)
