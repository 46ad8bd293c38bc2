"""What handlers ask of a request: the one door to the database, and the ids in its path.

A handler hands its work to read() or write(), which look up who asks and what the path names in the
same snapshot, or in the same transaction. So the rights that count are those of that moment.
"""

from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any, TypeVar, overload

from aiohttp import web

from service.http import answer_cache, auth, keys, links
from service.http.auth import ACCESS_CACHE, Access
from service.http.turns import TURNS
from tracker import comments, issues
from tracker.access.rights import Actor, Repository, find_tracker, require_permission, require_same
from tracker.blobs import MOST_FREED
from tracker.contents import Texts
from tracker.database import Lane, Reader, Transaction
from tracker.errors import NotFound, TrackerError
from tracker.vocabulary import Permission
from tracker.work import sweeping

T = TypeVar("T")

Find = Callable[[Reader, Actor, str, str], Coroutine[Any, Any, Repository]]
"""Finds a repository by its workspace's and its own name: rights.find_repository, find_tracker."""


@overload
async def read(
    request: web.Request,
    work: Callable[[Reader, Actor, Repository], Coroutine[Any, Any, T]],
    *,
    find: Find = find_tracker,
    needed: Permission | None = None,
    seen: Repository | None = None,
    lane: Lane = Lane.QUICK,
) -> T: ...


@overload
async def read(
    request: web.Request,
    work: Callable[[Reader, Actor], Coroutine[Any, Any, T]],
    *,
    find: None,
    lane: Lane = Lane.QUICK,
) -> T: ...


async def read(
    request: web.Request,
    work: Callable[..., Coroutine[Any, Any, T]],
    *,
    find: Find | None = find_tracker,
    needed: Permission | None = None,
    seen: Repository | None = None,
    lane: Lane = Lane.QUICK,
) -> T:
    """What work(reader, actor, repository) reads, in one snapshot and one trip to the database.

    The repository is the one in the path; with find=None work(reader, actor) gets none. work may
    await its reader only (Database.read). In other lanes than QUICK each caller has one search at
    a time.

    Raises what work raises; before that Unauthenticated for wrong credentials, MissingScope for a
    token that lacks a scope, NotFound for a repository that the actor may not see, Forbidden where
    they have less than the needed permission, Conflict where another tracker is in force than in
    the repository that was seen before.
    """
    whole = partial(_work, request, work, find, needed, seen)
    database = request.app[keys.DATABASE]
    if lane is Lane.QUICK:
        return await database.read(whole)
    async with request.app[TURNS].of((lane, auth.caller(request))):
        return await database.read(whole, lane=lane)


@overload
async def write(
    request: web.Request,
    work: Callable[[Transaction, Actor, Repository], Coroutine[Any, Any, T]],
    *,
    find: Find = find_tracker,
    needed: Permission | None = None,
    seen: Repository | None = None,
    short: bool = False,
) -> T: ...


@overload
async def write(
    request: web.Request,
    work: Callable[[Transaction, Actor], Coroutine[Any, Any, T]],
    *,
    find: None,
) -> T: ...


async def write(
    request: web.Request,
    work: Callable[..., Coroutine[Any, Any, T]],
    *,
    find: Find | None = find_tracker,
    needed: Permission | None = None,
    seen: Repository | None = None,
    short: bool = False,
) -> T:
    """What work(tx, actor, repository) makes, in one durable transaction; as read() otherwise.

    Reading a body takes time, so actor, repository and rights are looked up again here, also where
    they were looked up before: who has lost their access since then changes nothing. short is the
    same as in Database.write(), for work that writes a few rows and alters no rights.
    """
    whole = partial(_work, request, work, find, needed, seen)
    return await request.app[keys.DATABASE].write(whole, short=short)


async def _work(
    request: web.Request,
    work: Callable[..., Coroutine[Any, Any, T]],
    find: Find | None,
    needed: Permission | None,
    seen: Repository | None,
    db: Reader,
) -> T:
    if find is None:
        return await work(db, await auth.identify(request, db))
    if find is find_tracker:
        access = await _access(request, db)
        actor, repository = access.actor, access.tracker
    else:
        actor = await auth.identify(request, db)
        repository = await find(db, actor, *_names(request))
    if needed is not None:
        require_permission(repository, needed)
    if seen is not None:
        require_same(seen, repository)
    if find is find_tracker and answer_cache.IS_CACHEABLE in request:
        answer_cache.note_source(request, access)
    return await work(db, actor, repository)


async def _access(request: web.Request, db: Reader) -> Access:
    """Who asks, and the tracker in the path: as they were found before, if no right altered."""
    cache = request.app[ACCESS_CACHE]
    access = await cache.find(request, db)
    if access is not None:
        auth.admit(request, access.actor)
        return access
    actor = await auth.identify(request, db)
    tracker = await find_tracker(db, actor, *_names(request))
    access = Access(actor, tracker, await db.revision(tracker.tracker_id))
    if not isinstance(db, Transaction):
        cache.add(request, access)
    return access


def _names(request: web.Request) -> tuple[str, str]:
    return request.match_info["workspace"], request.match_info["repo_slug"]


async def repository(
    request: web.Request, *, find: Find = find_tracker, needed: Permission | None = None
) -> Repository:
    """The repository in the path, looked up before a body is read. Raises as read() does."""
    return await read(request, _repository, find=find, needed=needed)


async def _repository(db: Reader, actor: Actor, repository: Repository) -> Repository:
    return repository


async def tracker_of(request: web.Request, number: int) -> Repository:
    """As repository(), where the tracker has an issue of that number. Raises NotFound."""
    return await read(request, partial(_tracker_of, number=number))


async def _tracker_of(
    db: Reader, actor: Actor, repository: Repository, *, number: int
) -> Repository:
    await issues.outline(db, repository, number)
    return repository


async def shown(request: web.Request, texts: Texts) -> list[str]:
    """The HTML of texts, for the caller."""
    contents = request.app[keys.CONTENTS]
    shown = await contents.show(texts, request[links.BASE_URL], request[auth.ACTOR])
    if not shown.is_final:
        answer_cache.do_not_cache(request)
    return shown.htmls


async def prepared(request: web.Request, markup: str, raw: str) -> str | None:
    """The HTML of a text that the caller is about to write, if it is made in time."""
    return await request.app[keys.CONTENTS].prepare(markup, raw, request[auth.ACTOR])


async def free(request: web.Request, blobs: Iterable[str]) -> None:
    """Remove bytes that lost their rows, so that the quota holds for the disk, too.

    At most MOST_FREED, because the client waits for the answer: the sweep removes the others, and
    what can't be removed now.
    """
    app = request.app
    with suppress(TrackerError, OSError):
        await sweeping.free(app[keys.DATABASE], app[keys.BLOBS], islice(blobs, MOST_FREED))


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
