"""What belongs to code in API 2.0: empty lists.

A tracker has no code, but importers that load one ask for its pull requests all the same.
"""

from aiohttp import web

from service.api_v2 import objects
from service.api_v2.paging import EMPTY_PAGE
from service.http import answers, requests
from service.http.endpoint import REPOSITORY, Routes
from tracker.access.rights import find_repository
from tracker.vocabulary import Scope

routes = Routes()


async def list_nothing(request: web.Request) -> web.Response:
    """List what belongs to code: nothing, for all who may see the repository."""
    await requests.repository(request, find=find_repository)
    return answers.answer(request, EMPTY_PAGE)


for _name in (
    "pullrequests",
    "commits",
    "downloads",
    "forks",
    "refs",
    "refs/branches",
    "refs/tags",
    "watchers",
):
    _declare = routes.get(f"{REPOSITORY}/{_name}", Scope.REPOSITORY, answers={200: objects.Nothing})
    _declare(list_nothing)
