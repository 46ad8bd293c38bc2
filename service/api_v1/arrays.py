"""Bare arrays: API 1.0 has no pages but of issues, so these are as long as they are."""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import orjson
from aiohttp import web

from service import answers, requests
from service.api_v1.representation import Json
from tracker import trackers
from tracker.access import Repository
from tracker.database import Reader
from tracker.paging import Key, Page

PART = 100
"""How many items are read, and held in memory, at a time."""

Fetch = Callable[[Key | None], Awaitable[Page[Json]]]
"""Gets the part of an array behind a key, or its beginning, ready to be shown."""

_log = logging.getLogger("pail.service")


async def of_tracker(
    request: web.Request,
    find: Callable[[Reader, Repository, Key | None], Coroutine[Any, Any, Page[Json]]],
    *,
    name: str = "",
    beside: Callable[[int], Json] = lambda size: {},
) -> web.StreamResponse:
    """As answer(): find(reader, tracker, key) looks in the tracker in the path.

    All parts are of one tracker: where an import replaces it meanwhile the answer breaks off.
    """
    seen: Repository | None = None

    async def fetch(after: Key | None) -> Page[Json]:
        async def work(reader: Reader, tracker: Repository) -> Page[Json]:
            nonlocal seen
            trackers.require_same(seen or tracker, tracker)
            seen = tracker
            return await find(reader, tracker, after)

        return await requests.read_tracker(request, work)

    return await answer(request, fetch, name=name, beside=beside)


async def answer(
    request: web.Request,
    fetch: Fetch,
    *,
    name: str = "",
    beside: Callable[[int], Json] = lambda size: {},
) -> web.StreamResponse:
    """An array of what fetch gets, part by part: a long one is sent while it is read.

    With a name it is a member of an object, behind what beside(number of items) has. When
    something fails on the way the connection is cut off: what was sent is no JSON then.
    """
    page = await fetch(None)
    if page.last is None:
        items = list(page.items)
        return answers.answer(request, {**beside(page.size), name: items} if name else items)
    response = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    try:
        around = orjson.dumps({**beside(page.size), name: []} if name else [])
        end = around.rindex(b"]")
        await response.write(around[:end])
        comma = b""
        while True:
            await response.write(comma + orjson.dumps(page.items)[1:-1])
            if page.last is None:
                break
            comma = b","
            page = await fetch(page.last)
        await response.write(around[end:])
    except Exception:
        _log.exception("A list broke off in %s", request.rel_url.raw_path)
        response.force_close()
        if request.transport is not None:
            request.transport.abort()
    return response
