"""Repositories in API 1.0."""

from aiohttp import web

from service.api_v1 import objects
from service.api_v1.representation import repository
from service.http import answers, requests
from service.http.endpoint import REPOSITORY, Routes
from service.http.links import BASE_URL
from tracker.access.rights import find_repository
from tracker.vocabulary import Scope

routes = Routes()


@routes.get(REPOSITORY, Scope.REPOSITORY, answers={200: objects.Repository})
async def get_repository(request: web.Request) -> web.Response:
    """Get a repository, with its tracker on or off."""
    found = await requests.repository(request, find=find_repository)
    return answers.answer(request, repository(request[BASE_URL], found))
