"""Repositories in API 2.0."""

from aiohttp import web

from service import answers, keys, requests
from service.api_v2.endpoint import REPOSITORY, Endpoint
from service.api_v2.representation import Representation
from tracker import accounts, workspaces
from tracker.vocabulary import Scope


async def get_repository(request: web.Request) -> web.Response:
    """One repository, with its tracker on or off."""
    repository = await requests.repository(request)
    db = requests.database(request)
    workspace = await workspaces.find(db, repository.workspace_slug)
    owner = await accounts.get(db, workspace["owner_id"])
    return answers.answer(
        request, Representation(request[keys.BASE_URL], repository).repository(owner)
    )


ENDPOINTS = (Endpoint("GET", REPOSITORY, get_repository, (Scope.REPOSITORY,)),)
