"""Votes and watches in API 2.0: the same endpoints for both. 204 says yes, 404 says no."""

from functools import partial

from aiohttp import web

from service.http import requests
from service.http.endpoint import ISSUE, Routes
from tracker import votes
from tracker.vocabulary import Scope
from tracker.votes import Mark

routes = Routes()


def _add_endpoints(mark: Mark, verb: str) -> None:
    """verb is what the caller does with it, as the summaries say it."""
    path = f"{ISSUE}/{mark}"

    @routes.get(
        path,
        Scope.ACCOUNT,
        Scope.ISSUE,
        answers={204: None},
        summary=f"Check whether you {verb} an issue",
    )
    async def is_there(request: web.Request) -> web.Response:
        work = partial(votes.require, number=requests.issue_number(request), mark=mark)
        await requests.read(request, work)
        return web.Response(status=204)

    @routes.put(
        path,
        Scope.ACCOUNT_WRITE,
        Scope.ISSUE,
        answers={204: None},
        summary=f"{verb.capitalize()} an issue",
    )
    async def add(request: web.Request) -> web.Response:
        work = partial(votes.add, number=requests.issue_number(request), mark=mark)
        await requests.write(request, work, seen=await requests.repository(request), short=True)
        return web.Response(status=204)

    @routes.delete(
        path,
        Scope.ACCOUNT_WRITE,
        Scope.ISSUE_WRITE,
        answers={204: None},
        summary=f"Do not {verb} an issue any more",
    )
    async def remove(request: web.Request) -> web.Response:
        work = partial(votes.remove, number=requests.issue_number(request), mark=mark)
        await requests.write(request, work, seen=await requests.repository(request), short=True)
        return web.Response(status=204)


_add_endpoints(Mark.VOTE, "vote for")
_add_endpoints(Mark.WATCH, "watch")
