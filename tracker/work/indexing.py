"""The index of texts, kept up bit by bit: writes to issues and imports don't wait for it."""

import asyncio
from functools import partial

from tracker.database import Database, Transaction, trigrams

_ROWS = 200
"""Of one short transaction: it takes some 6 ms."""

_PAUSE = 0.02
"""Seconds between two of them, for the writes of others."""

_STALE = 10_000
"""Entries of rows that are gone which are kept in any case, or else as many as there are rows."""

_NEXT = """
SELECT id, title, content FROM issue_text
 WHERE id > (SELECT value FROM counter WHERE name = 'indexed') ORDER BY id LIMIT :rows"""

_COUNT = """
UPDATE counter SET value = CASE name WHEN 'indexed' THEN :last ELSE value + :count END
 WHERE name IN ('indexed', 'entries')"""

_STATE = """
SELECT (SELECT value FROM counter WHERE name = 'entries') AS entries,
       (SELECT coalesce(sum(issues), 0) FROM issue_count) AS rows"""


async def index_new(db: Database) -> None:
    """Add the texts that the index does not have yet.

    A power failure may take the newest entries back, together with the counter that tells of them.
    """
    while await db.all(_NEXT, {"rows": 1}):
        await db.write(partial(_index, rows=_ROWS), durable=False)
        await asyncio.sleep(_PAUSE)


async def renew(db: Database) -> None:
    """Empty the index when most of it is of rows that are gone; index_new() fills it again."""
    [state] = await db.all(_STATE)
    if state["entries"] - state["rows"] > max(_STALE, state["rows"]):
        await db.write(_clear, durable=False)


async def _index(tx: Transaction, *, rows: int) -> None:
    found = await tx.all(_NEXT, {"rows": rows})
    if found:
        texts = [(row["id"], trigrams.indexed(row["title"], row["content"])) for row in found]
        await tx.many(trigrams.ADD, texts)
        await tx.run(_COUNT, {"last": found[-1]["id"], "count": len(found)})


async def _clear(tx: Transaction) -> None:
    await tx.run(trigrams.CLEAR)
    await tx.run("UPDATE counter SET value = 0 WHERE name IN ('indexed', 'entries')")
