"""Followers in API 1.0: who watches an issue."""

from aiohttp import web

from service.api_v1 import arrays, objects
from service.api_v1.representation import Json, profile
from service.http import keys, requests
from service.http.endpoint import ISSUE, Endpoint
from tracker import catalogues, issues, votes
from tracker.access.rights import Repository
from tracker.database import Reader
from tracker.query import Selection
from tracker.query.paging import Key, Page
from tracker.vocabulary import Scope

_ALL = Selection(catalogues.WATCHERS, order=None, is_descending=False)


async def list_followers(request: web.Request) -> web.StreamResponse:
    """Everybody who watches an issue, and how many they are."""
    number = requests.issue_number(request)
    base = request[keys.BASE_URL]

    async def find(reader: Reader, tracker: Repository, after: Key | None) -> Page[Json]:
        await issues.outline(reader, tracker, number)
        page = await votes.find_watchers(reader, tracker, number, arrays.part(_ALL, after))
        return page.each(lambda row: profile(base, row, "user_"))

    return await arrays.of_tracker(
        request, find, name="followers", beside=lambda size: {"count": size}
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        f"{ISSUE}/followers",
        list_followers,
        (Scope.ISSUE,),
        {200: objects.Followers},
    ),
)
