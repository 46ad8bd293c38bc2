"""The HTML of what people wrote: made when it is first asked for, and kept beside the text."""

import asyncio
from collections.abc import Sequence
from typing import Literal

from tracker import markup
from tracker.database import Database, Row
from tracker.errors import TrackerError

_MOST_PENDING = 1000
"""Texts that wait to be kept; when there are more, the newest are rendered again another time."""

_KEEP = {
    "issue": """UPDATE issue SET content_html = ?, content_renderer = ?
                 WHERE tracker_id = ? AND number = ? AND content_raw = ? AND content_markup = ?""",
    "comment": """UPDATE comment SET content_html = ?, content_renderer = ?
                   WHERE tracker_id = ? AND id = ? AND content_raw = ? AND content_markup = ?""",
}
"""Guarded by the text: HTML of a text that was edited meanwhile is not kept."""

_KEY = {"issue": "number", "comment": "id"}

Table = Literal["issue", "comment"]


class Contents:
    """Renders the texts of issues and comments and keeps the HTML in the background."""

    def __init__(self, db: Database, renderer: markup.Renderer) -> None:
        self._db = db
        self._renderer = renderer
        self._pending: list[tuple[Table, tuple[object, ...]]] = []
        self._making: set[asyncio.Task[list[str]]] = set()
        self._writer: asyncio.Task[None] | None = None

    async def html(self, table: Table, tracker_id: int, rows: Sequence[Row]) -> list[str]:
        """The HTML of each row's text, in order; "" where there is none.

        rows have the key of their table (number or id) and content_raw, _markup, _html and
        _renderer. Raises Unavailable when nothing can be rendered.
        """
        kept = [_kept(row) for row in rows]
        missing = [row for row, html in zip(rows, kept, strict=True) if html is None]
        if missing:
            making = asyncio.create_task(self._make(table, tracker_id, missing))
            self._making.add(making)
            making.add_done_callback(self._making.discard)
            # Without its caller it goes on: what is made and kept is not asked for again.
            made = iter(await asyncio.shield(making))
            return [next(made) if html is None else html for html in kept]
        return [html for html in kept if html is not None]

    async def close(self) -> None:
        """End the rendering that goes on, and wait until what is rendered is kept."""
        for making in self._making:
            making.cancel()
        if self._making:
            await asyncio.wait(self._making)
        if self._writer is not None:
            await self._writer

    async def _make(self, table: Table, tracker_id: int, rows: Sequence[Row]) -> list[str]:
        made = await self._renderer.render(
            [(row["content_markup"], row["content_raw"]) for row in rows]
        )
        for row, rendered in zip(rows, made, strict=True):
            if rendered.is_final:
                text = (row["content_raw"], row["content_markup"])
                key = (tracker_id, row[_KEY[table]])
                self._pending.append((table, (rendered.html, markup.VERSION, *key, *text)))
        del self._pending[_MOST_PENDING:]
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._keep())
        return [rendered.html for rendered in made]

    async def _keep(self) -> None:
        while self._pending:
            pending, self._pending = self._pending, []
            try:
                async with self._db.transaction(durable=False) as tx:
                    for table, statement in _KEEP.items():
                        await tx.many(
                            statement, [values for name, values in pending if name == table]
                        )
            except TrackerError:
                return  # a busy or full database only means that they are rendered again


def _kept(row: Row) -> str | None:
    """The HTML that is kept of a row's text; None when it has to be made."""
    if not row["content_raw"]:
        return ""
    html: str | None = row["content_html"] if row["content_renderer"] == markup.VERSION else None
    return html
