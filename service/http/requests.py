"""What handlers ask a request for."""

from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from itertools import islice
from typing import Any, TypeVar

from aiohttp import web

from service.http import auth, keys
from tracker import comments, issues
from tracker.access import trackers
from tracker.access.rights import (
    Actor,
    Repository,
    find_repository,
    find_tracker,
    require_permission,
)
from tracker.blobs import MOST_FREED
from tracker.contents import Texts
from tracker.database import Database, Lane, Reader, Transaction
from tracker.errors import NotFound, TrackerError
from tracker.vocabulary import Permission
from tracker.work import sweeping

T = TypeVar("T")


def database(request: web.Request) -> Database:
    """The database."""
    return request.app[keys.DATABASE]


def actor(request: web.Request) -> Actor:
    """Whoever asks; known as soon as the database was read for the request."""
    return request[keys.ACTOR]


async def read(
    request: web.Request,
    work: Callable[[Reader, Actor], Coroutine[Any, Any, T]],
    *,
    lane: Lane = Lane.QUICK,
) -> T:
    """What work(reader, actor) makes of the database, which is asked once for everything.

    work and lane are as Database.read wants them; in each lane but QUICK everybody has one turn at
    a time. Raises what work raises; before that
    Unauthenticated for wrong credentials, MissingScope for a token that is not for this endpoint.
    """

    async def whole(reader: Reader) -> T:
        return await work(reader, await auth.identify(request, reader))

    if lane is Lane.QUICK:
        return await database(request).read(whole)
    async with request.app[keys.TURNS].of((lane, auth.asker(request))):
        return await database(request).read(whole, lane=lane)


async def read_tracker(
    request: web.Request,
    work: Callable[[Reader, Repository], Coroutine[Any, Any, T]],
    *,
    lane: Lane = Lane.QUICK,
) -> T:
    """As read(): what work(reader, tracker) makes of the tracker in the path.

    Raises NotFound unless whoever asks may see it.
    """

    async def whole(reader: Reader, actor: Actor) -> T:
        return await work(reader, await find_tracker(reader, actor, *_names(request)))

    return await read(request, whole, lane=lane)


async def read_administered(
    request: web.Request, work: Callable[[Reader, Repository], Coroutine[Any, Any, T]]
) -> T:
    """As read_tracker(), for whoever administers the repository. Raises Forbidden for others."""

    async def whole(reader: Reader, tracker: Repository) -> T:
        require_permission(tracker, Permission.ADMIN)
        return await work(reader, tracker)

    return await read_tracker(request, whole)


async def repository(request: web.Request) -> Repository:
    """The repository in the path, if it is visible to whoever asks. Raises NotFound."""

    async def whole(reader: Reader, actor: Actor) -> Repository:
        return await find_repository(reader, actor, *_names(request))

    return await read(request, whole)


async def tracker(request: web.Request) -> Repository:
    """The repository in the path, if it is visible and its tracker is on. Raises NotFound."""

    async def whole(reader: Reader, tracker: Repository) -> Repository:
        return tracker

    return await read_tracker(request, whole)


async def issues_tracker(request: web.Request, number: int) -> Repository:
    """As tracker(), where there is an issue of that number: said before a body is read."""

    async def whole(reader: Reader, tracker: Repository) -> Repository:
        await issues.outline(reader, tracker, number)
        return tracker

    return await read_tracker(request, whole)


async def shown(request: web.Request, texts: Texts) -> list[str]:
    """The HTML of texts, for whoever asks."""
    return await request.app[keys.CONTENTS].show(texts, request[keys.BASE_URL], actor(request))


async def write(
    request: web.Request,
    tracker: Repository,
    work: Callable[[Transaction, Repository], Coroutine[Any, Any, T]],
) -> T:
    """As write_as(): what work(tx, tracker) makes of the tracker that was found before.

    Raises NotFound for whoever may not see the tracker any more, Conflict when another one is in
    force by now.
    """

    async def whole(tx: Transaction, actor: Actor) -> T:
        now = await find_tracker(tx, actor, *_names(request))
        trackers.require_same(tracker, now)
        return await work(tx, now)

    return await write_as(request, whole)


async def write_repository(
    request: web.Request,
    needed: Permission,
    work: Callable[[Transaction, Repository], Coroutine[Any, Any, T]],
    *,
    find: Callable[[Reader, Actor, str, str], Coroutine[Any, Any, Repository]] = find_repository,
) -> T:
    """As write_as(): what work(tx, repository) makes of the repository in the path.

    find is find_tracker where its tracker must be on. Raises NotFound for whoever may not see the
    repository any more, Forbidden for whoever has less than the needed permission there.
    """

    async def whole(tx: Transaction, actor: Actor) -> T:
        now = await find(tx, actor, *_names(request))
        require_permission(now, needed)
        return await work(tx, now)

    return await write_as(request, whole)


async def write_as(
    request: web.Request, work: Callable[[Transaction, Actor], Coroutine[Any, Any, T]]
) -> T:
    """What work(tx, actor) makes in one transaction, of whoever asks as he is by now.

    He is looked up once more, because it took a while to read what he sends: else whoever lost his
    access, his token or his account could still use it with a body that he had begun to send
    before. Raises what work raises; before that as read().
    """

    async def whole(tx: Transaction) -> T:
        del request[keys.ACTOR]
        return await work(tx, await auth.identify(request, tx))

    return await database(request).write(whole)


async def free(request: web.Request, blobs: Iterable[str]) -> None:
    """Remove bytes that lost their rows, so that nobody fills the disk beyond the quota.

    At most MOST_FREED, because somebody waits for the answer: the sweep takes the others, and
    whatever can't be removed now.
    """
    with suppress(TrackerError, OSError):
        await sweeping.free(database(request), request.app[keys.BLOBS], islice(blobs, MOST_FREED))


def _names(request: web.Request) -> tuple[str, str]:
    return request.match_info["workspace"], request.match_info["repo_slug"]


def issue_number(request: web.Request) -> int:
    """The issue's number in the path. Raises NotFound."""
    return row_id(request, "issue_id", issues.NO_ISSUE)


def comment_id(request: web.Request) -> int:
    """The comment's id in the path. Raises NotFound."""
    return row_id(request, "comment_id", comments.NO_COMMENT)


def row_id(request: web.Request, name: str, missing: str) -> int:
    """The number in the path. Raises NotFound(missing) for one that no row can have."""
    text = request.match_info[name]
    if len(text) > 18:
        raise NotFound(missing)
    return int(text)
