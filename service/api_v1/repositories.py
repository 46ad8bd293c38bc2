"""Repositories in API 1.0."""

from aiohttp import web

from service.api_v1 import objects
from service.api_v1.representation import repository
from service.http import answers, keys, requests
from service.http.endpoint import REPOSITORY, Endpoint
from tracker.vocabulary import Scope


async def get_repository(request: web.Request) -> web.Response:
    """One repository, with its tracker on or off."""
    found = await requests.repository(request)
    return answers.answer(request, repository(request[keys.BASE_URL], found))


ENDPOINTS = (
    Endpoint("GET", REPOSITORY, get_repository, (Scope.REPOSITORY,), {200: objects.Repository}),
)
