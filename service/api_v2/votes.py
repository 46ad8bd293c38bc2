"""Votes and watches in API 2.0: twice the same. 204 says yes, 404 says no."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from aiohttp import web

from service.http import requests
from service.http.endpoint import ISSUE, Endpoint
from tracker import votes
from tracker.access.rights import Actor, Repository
from tracker.database import Reader, Transaction
from tracker.vocabulary import Scope
from tracker.votes import Mark


def _endpoints(mark: Mark) -> Iterator[Endpoint]:
    async def is_there(request: web.Request) -> web.Response:
        """Whether it is there: 204 says yes, 404 no."""
        number = requests.issue_number(request)

        async def find(reader: Reader, tracker: Repository) -> None:
            await votes.require(reader, requests.actor(request), tracker, number, mark)

        await requests.read_tracker(request, find)
        return web.Response(status=204)

    async def add(request: web.Request) -> web.Response:
        """It is there from now on, if it was not already."""
        return await _put(request, mark, votes.add)

    async def remove(request: web.Request) -> web.Response:
        """It is not there any more, if it ever was."""
        return await _put(request, mark, votes.remove)

    path = f"{ISSUE}/{mark}"
    yield Endpoint("GET", path, is_there, (Scope.ACCOUNT, Scope.ISSUE), {204: None})
    yield Endpoint("PUT", path, add, (Scope.ACCOUNT_WRITE, Scope.ISSUE), {204: None})
    yield Endpoint("DELETE", path, remove, (Scope.ACCOUNT_WRITE, Scope.ISSUE_WRITE), {204: None})


async def _put(
    request: web.Request,
    mark: Mark,
    how: Callable[[Transaction, Actor, Repository, int, Mark], Coroutine[Any, Any, None]],
) -> web.Response:
    number = requests.issue_number(request)

    async def write(tx: Transaction, tracker: Repository) -> None:
        await how(tx, requests.actor(request), tracker, number, mark)

    await requests.write(request, await requests.tracker(request), write)
    return web.Response(status=204)


ENDPOINTS = tuple(endpoint for mark in Mark for endpoint in _endpoints(mark))
