"""The cache of answers: a request that was answered before gets the same bytes again.

The key is the head of the request as it came, with every header in it, so no answer depends on more
than its key, the database and the settings. An answer is valid as long as the revisions that it was
made of are those of the database now: of rights, and of the tracker that it shows.
"""

from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.helpers import rfc822_formatted_time

from service.http.auth import Access
from tracker import clock
from tracker.database import Database, Revision

_ENTRY = 1000
"""Bytes that an entry takes besides its texts."""

_STATUSES = frozenset({200, 304})

_NEVER = frozenset({hdrs.UPGRADE, hdrs.EXPECT})
"""Headers of requests that mean more than the answer: they are never answered from here."""


@dataclass(frozen=True, slots=True)
class Source:
    """What an answer was made of: a tracker at some revision, for a token that may expire."""

    tracker_id: int
    revision: Revision
    expires_on: str | None


IS_CACHEABLE = web.RequestKey("is_cacheable", bool)
"""Whether the answer depends on the request's head, rights and one tracker alone."""

SOURCE = web.RequestKey("source", Source)
"""There once a tracker was read for a cacheable answer."""


def note_source(request: web.Request, access: Access) -> None:
    """Note, in the snapshot that a cacheable answer is made of, what it is made of.

    What is read for it later may only be newer: then the answer is not valid any more.
    """
    if SOURCE not in request:
        tracker_id, expires_on = access.tracker.tracker_id, access.actor.expires_on
        request[SOURCE] = Source(tracker_id, access.revision, expires_on)


def do_not_cache(request: web.Request) -> None:
    """Note that the answer may be another one though nothing is written."""
    request.pop(IS_CACHEABLE, None)
    request.pop(SOURCE, None)


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """An answer as it was sent, without its date; path and size are for the access log."""

    status: int
    start: bytes
    end: bytes
    body: bytes
    path: str
    size: int
    source: Source

    def parts(self) -> tuple[bytes, ...]:
        """What to send now."""
        return self.start, rfc822_formatted_time().encode(), self.end, self.body


class AnswerCache:
    """The answers that were given last, within most_bytes; 0 turns it off."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._db: Database | None = None
        self._answers: OrderedDict[bytes, CachedAnswer] = OrderedDict()
        self._bytes = 0
        self._hits = 0
        self._misses = 0
        self._generation: int | None = None
        self._revisions: dict[int, Revision | None] = {}

    def open(self, db: Database) -> None:
        """Begin, with answers that are made of this database."""
        self._db = db

    def find(self, head: bytes) -> CachedAnswer | None:
        """The answer to a request with this head, if there is one that is valid now."""
        found = self._answers.get(head)
        if found is not None and self._is_valid(found.source):
            self._answers.move_to_end(head)
            self._hits += 1
            return found
        self._misses += 1
        return None

    def add(self, head: bytes, request: web.BaseRequest, response: web.Response) -> None:
        """Take in an answer that has just been sent to a request with this head, if it may be."""
        body = response.body or b""
        if (
            not self._most_bytes
            or not isinstance(request, web.Request)
            or SOURCE not in request
            or response.status not in _STATUSES
            or not isinstance(body, bytes)
            or request.body_exists
            or request.version != HttpVersion11
            or not response.keep_alive
            or response.cookies
            or not _NEVER.isdisjoint(request.headers)
        ):
            return
        start, date, end = _head(response).partition(b"\r\nDate: ")
        answer = CachedAnswer(
            response.status,
            start + date,
            end[end.index(b"\r\n") :],
            body,
            request.rel_url.raw_path,
            response.body_length,
            request[SOURCE],
        )
        self._remove(head)
        self._answers[head] = answer
        self._bytes += _size(head, answer)
        while self._bytes > self._most_bytes:
            self._remove(next(iter(self._answers)))

    def figures(self) -> dict[str, int]:
        """How many answers there are, their bytes, and how often one was found and was not."""
        return {
            "answers": len(self._answers),
            "bytes": self._bytes,
            "hits": self._hits,
            "misses": self._misses,
        }

    def _remove(self, head: bytes) -> None:
        answer = self._answers.pop(head, None)
        if answer is not None:
            self._bytes -= _size(head, answer)

    def _is_valid(self, source: Source) -> bool:
        if source.expires_on is not None and source.expires_on <= clock.now():
            return False
        return self._revision(source.tracker_id) == source.revision

    def _revision(self, tracker_id: int) -> Revision | None:
        """The revision of a tracker now; None where it can't be told without waiting."""
        if self._db is None or (generation := self._db.generation()) is None:
            return None
        if self._generation != generation:
            self._generation = generation
            self._revisions.clear()
        found = self._revisions.get(tracker_id)
        if found is None:
            with suppress(Exception):  # whatever it is, the handler meets it, too
                found = self._db.read_now(lambda reader: reader.revision(tracker_id))
                self._revisions[tracker_id] = found
        return found


ANSWER_CACHE = web.AppKey("answer_cache", AnswerCache)


def _head(response: web.Response) -> bytes:
    """The head of an answer that was sent, up to the empty line."""
    lines = [f"HTTP/1.1 {response.status} {response.reason}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def _size(head: bytes, answer: CachedAnswer) -> int:
    return len(head) + len(answer.start) + len(answer.end) + len(answer.body) + _ENTRY
