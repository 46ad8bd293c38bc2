"""The HTML of what people wrote: made when it is first asked for, and stored beside the text.

Stored HTML has marks for references (markup.marks), which are filled in for each answer, because
titles, states and names change without the text. A caller reads the texts first, together with what
else the answer needs from the database, and shows them then.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

from tracker import markup, references
from tracker.access.rights import Actor, Repository
from tracker.database import Database, Reader, Row, Transaction
from tracker.errors import TrackerError
from tracker.markup import plain
from tracker.references import References

_PAUSE = 0.05
"""Seconds for which rendered texts are collected before they are written."""

_TIMEOUT = 3.0
"""Seconds that an answer waits for rendering: the CPU time that one call may use. Then the text is
shown plain, so that a write is acknowledged in time."""

_SOON = 0.5
"""Seconds for which a write waits for the HTML of its text, to be written together with it."""

_MOST_PENDING = 32 << 20
"""Characters that wait to be stored; texts beyond it are rendered again another time."""

_STORE = {
    "issue": """UPDATE issue SET content_html = ?, content_renderer = ?
                 WHERE tracker_id = ? AND number = ? AND content_raw = ? AND content_markup = ?""",
    "comment": """UPDATE comment SET content_html = ?, content_renderer = ?
                   WHERE tracker_id = ? AND id = ? AND content_raw = ? AND content_markup = ?""",
}
"""Guarded by the text: HTML of a text that was edited meanwhile is not stored."""

_KEY = {"issue": "number", "comment": "id"}

Table = Literal["issue", "comment"]


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of some rows, as far as they are known: htmls has None for what must be made."""

    table: Table
    repository: Repository
    rows: Sequence[Row]
    htmls: Sequence[str | None]
    references: References


class Shown(NamedTuple):
    """The HTML of texts; is_final says that it stays the same as long as nothing is written."""

    htmls: list[str]
    is_final: bool


async def read(reader: Reader, repository: Repository, table: Table, rows: Sequence[Row]) -> Texts:
    """The texts of these rows for Contents.show(); one query at most.

    rows have the key of their table (number or id) and content_raw, _markup, _html and
    _renderer.
    """
    htmls = [_stored(row) for row in rows]
    found = references.NONE
    if _have_marks(htmls):
        found = await references.find(reader, repository, htmls)
    return Texts(table, repository, rows, htmls, found)


class Contents:
    """Renders the texts of issues and comments, and stores the HTML in the background."""

    def __init__(self, db: Database, renderer: markup.Renderer) -> None:
        self._db = db
        self._renderer = renderer
        self._pending: list[tuple[Table, tuple[object, ...]]] = []
        self._pending_size = 0
        self._making: set[asyncio.Future[markup.Rendered]] = set()
        self._writer: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def show(self, texts: Texts, base_url: str, actor: Actor) -> Shown:
        """The HTML of each text, in order, for this reader; "" where there is none.

        base_url is what links start with. Reads the database only if a text had to be rendered.
        Where nothing can be rendered in time, the text is shown plain; no rendering raises.
        """
        htmls = [html for html in texts.htmls if html is not None]
        found = texts.references
        is_final = True
        if len(htmls) < len(texts.htmls):
            made = await self._made(texts, actor.id)
            is_final = all(each.is_final for each in made)
            rest = iter(made)
            htmls = [next(rest).html if html is None else html for html in texts.htmls]
            if _have_marks(htmls):
                found = await references.find(self._db, texts.repository, htmls)
        if _have_marks(htmls):
            htmls = references.fill(htmls, found, base_url, texts.repository, actor)
        return Shown(htmls, is_final)

    async def prepare(self, markup_name: str, raw: str, actor: Actor) -> str | None:
        """The HTML of a text that is about to be written; None where it takes long to make.

        Then it is made when it is first asked for.
        """
        [making] = self._renderer.render([(markup_name, raw)], actor.id)
        if not making.done():
            await asyncio.wait([making], timeout=_SOON)
        if not making.done():
            making.cancel()
            return None
        html, is_final = making.result()
        return html if is_final else None

    async def _made(self, texts: Texts, who: int | None) -> list[markup.Rendered]:
        """The HTML of those texts that have none yet, as far as it is made in time."""
        rows = [row for row, html in zip(texts.rows, texts.htmls, strict=True) if html is None]
        making = self._renderer.render(
            [(row["content_markup"], row["content_raw"]) for row in rows], who
        )
        for row, future in zip(rows, making, strict=True):
            future.add_done_callback(
                partial(self._take, texts.table, texts.repository.tracker_id, row)
            )
        self._making.update(making)
        # It goes on without its caller: what is made and stored is not rendered again.
        done, _ = await asyncio.wait(making, timeout=_TIMEOUT)
        return [
            future.result()
            if future in done and not future.cancelled()
            else markup.Rendered(plain.escaped(row["content_raw"]), is_final=False)
            for row, future in zip(rows, making, strict=True)
        ]

    async def close(self) -> None:
        """Stop rendering, and wait until what is rendered is stored."""
        self._closing.set()
        for future in self._making:
            future.cancel()
        if self._making:
            await asyncio.wait(self._making)
        if self._writer is not None:
            await self._writer

    def _take(
        self, table: Table, tracker_id: int, row: Row, future: asyncio.Future[markup.Rendered]
    ) -> None:
        """Add what was rendered to what is to be stored."""
        self._making.discard(future)
        if future.cancelled() or not future.result().is_final:
            return
        html = future.result().html
        size = len(row["content_raw"]) + len(html)
        if self._pending_size + size > _MOST_PENDING:
            return
        text = (row["content_raw"], row["content_markup"])
        key = (tracker_id, row[_KEY[table]])
        self._pending.append((table, (html, markup.VERSION, *key, *text)))
        self._pending_size += size
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._store_pending())

    async def _store_pending(self) -> None:
        while self._pending:
            # So that a hundred new texts a second are not a hundred transactions.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _PAUSE)
            pending, self._pending, self._pending_size = self._pending, [], 0
            try:
                await self._db.write(partial(_store, pending), durable=False)
            except TrackerError:
                return  # a busy or full database only means that they are rendered again


async def _store(pending: Sequence[tuple[Table, tuple[object, ...]]], tx: Transaction) -> None:
    for table, statement in _STORE.items():
        await tx.many(statement, [values for name, values in pending if name == table])


def _have_marks(htmls: Iterable[str | None]) -> bool:
    """Whether there is a reference to look up; most texts have none."""
    return any(html is not None and markup.MARK in html for html in htmls)


def _stored(row: Row) -> str | None:
    """The stored HTML of a row's text; None when it has to be rendered."""
    if not row["content_raw"]:
        return ""
    html: str | None = row["content_html"] if row["content_renderer"] == markup.VERSION else None
    return html
