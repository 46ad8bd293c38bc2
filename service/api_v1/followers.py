"""Followers in API 1.0: who watches an issue."""

from functools import partial

from aiohttp import web

from service.api_v1 import arrays, objects
from service.api_v1.representation import Json, profile
from service.http import requests
from service.http.endpoint import ISSUE, Routes
from service.http.links import BASE_URL
from tracker import catalogues, issues, votes
from tracker.access.rights import Actor, Repository
from tracker.database import Reader
from tracker.query import Selection
from tracker.query.paging import Key, Page
from tracker.vocabulary import Scope

routes = Routes()

_ALL = Selection(catalogues.WATCHERS, order=None, is_descending=False)


@routes.get(f"{ISSUE}/followers", Scope.ISSUE, answers={200: objects.Followers}, is_cacheable=True)
async def list_followers(request: web.Request) -> web.StreamResponse:
    """List all who watch an issue, and their number."""
    work = partial(_list, number=requests.issue_number(request), base=request[BASE_URL])
    return await arrays.of_tracker(
        request, work, name="followers", beside=lambda size: {"count": size}
    )


async def _list(
    db: Reader, actor: Actor, tracker: Repository, *, number: int, base: str, after: Key | None
) -> Page[Json]:
    await issues.outline(db, tracker, number)
    page = await votes.find_watchers(db, tracker, number, arrays.part(_ALL, after))
    return page.each(lambda row: profile(base, row, "user_"))
