"""What belongs to code in API 2.0: empty lists.

A tracker has no code, and importers that load one ask for its pull requests all the same.
"""

from aiohttp import web

from service.api_v2 import objects
from service.api_v2.paging import EMPTY_PAGE
from service.http import answers, requests
from service.http.endpoint import REPOSITORY, Endpoint
from tracker.vocabulary import Scope

LISTS = (
    "pullrequests",
    "commits",
    "downloads",
    "forks",
    "refs",
    "refs/branches",
    "refs/tags",
    "watchers",
)


async def list_nothing(request: web.Request) -> web.Response:
    """The empty page, for whoever may see the repository."""
    await requests.repository(request)
    return answers.answer(request, EMPTY_PAGE)


ENDPOINTS = tuple(
    Endpoint(
        "GET",
        f"{REPOSITORY}/{name}",
        list_nothing,
        (Scope.REPOSITORY,),
        {200: objects.Nothing},
    )
    for name in LISTS
)
