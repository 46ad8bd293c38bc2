"""Bare arrays: API 1.0 has pages of issues only; its other lists are complete, whatever their
length."""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import orjson
from aiohttp import HttpVersion11, web

from service.api_v1.representation import Json
from service.http import answers, requests, sending
from tracker.access.rights import Actor, Repository
from tracker.database import Reader
from tracker.errors import TrackerError
from tracker.query import Selection
from tracker.query.paging import Key, Listing, Page

PART = 100
"""How many items are read, and held in memory, at a time."""

BYTES = 1 << 20
"""How many bytes of text these may have, if they are not one item."""

Fetch = Callable[[Key | None], Awaitable[Page[Json]]]
"""Gets the part of an array behind a key, or its beginning, ready to be shown."""

_log = logging.getLogger("pail.service")


def part(selection: Selection, after: Key | None) -> Listing:
    """The part of an array behind a key, or its beginning, which tells the array's size, too."""
    return Listing(selection, PART, after=after, counted=after is None)


async def of_tracker(
    request: web.Request,
    work: Callable[..., Coroutine[Any, Any, Page[Json]]],
    *,
    name: str = "",
    beside: Callable[[int], Json] = lambda size: {},
) -> web.StreamResponse:
    """As answer(): work(reader, actor, tracker, after=key) reads a part in the tracker in the path.

    All parts are of one tracker: where an import replaces it meanwhile the answer breaks off.
    """
    return await answer(request, _Fetch(request, work), name=name, beside=beside)


class _Fetch:
    """Reads the parts of an array of one tracker."""

    def __init__(
        self, request: web.Request, work: Callable[..., Coroutine[Any, Any, Page[Json]]]
    ) -> None:
        self._request = request
        self._work = work
        self._seen: Repository | None = None

    async def __call__(self, after: Key | None) -> Page[Json]:
        work = partial(self._part, after=after)
        return await requests.read(self._request, work, seen=self._seen)

    async def _part(
        self, db: Reader, actor: Actor, tracker: Repository, *, after: Key | None
    ) -> Page[Json]:
        self._seen = tracker
        return await self._work(db, actor, tracker, after=after)


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
    if request.method == "HEAD":
        return response
    around = orjson.dumps({**beside(page.size), name: []} if name else [])
    end = around.rindex(b"]")
    sent = _send(request, response, fetch, around[:end] + _members(page), page.last, around[end:])
    del page  # while a client takes its time, nothing but the text waits for it
    try:
        await sent
    except ConnectionError:
        raise
    except Exception as error:
        is_known = isinstance(error, TrackerError)
        path = request.rel_url.raw_path
        _log.warning("A list broke off in %s: %s", path, error, exc_info=not is_known)
        if request.transport is not None:
            request.transport.abort()
    return response


async def _send(
    request: web.Request,
    response: web.StreamResponse,
    fetch: Fetch,
    text: bytes,
    after: Key | None,
    end: bytes,
) -> None:
    """The text, what fetch gets behind the key, and the end."""
    if request.version < HttpVersion11:
        response.force_close()  # that is how such a client sees the end
    await response.prepare(request)
    await sending.write(request, response, text)
    while after is not None:
        page = await fetch(after)
        # What was behind the key may be gone by now.
        text, after = b"," + _members(page) if page.items else b"", page.last
        del page  # while a client takes its time, nothing but the text waits for it
        await sending.write(request, response, text)
    await sending.write(request, response, end)
    async with sending.reader_timeout(request):
        await response.write_eof()


def _members(page: Page[Json]) -> bytes:
    return orjson.dumps(page.items)[1:-1]
