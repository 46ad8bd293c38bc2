"""Rows that no route writes yet: as an import leaves them."""

from collections.abc import Sequence

from tests.conftest import Api
from tracker.database import Transaction

TIME = "2013-04-25T15:39:39.417474+00:00"


async def define(api: Api, full_name: str, kind: str, *names: str) -> list[int]:
    """Define components, milestones or versions; their ids."""
    repository = await api.repository(full_name)
    async with api.db.transaction() as tx:
        return [await _define(tx, repository.tracker_id, kind, name) for name in names]


async def _define(tx: Transaction, tracker_id: int, kind: str, name: str) -> int:
    counter = await tx.returning(
        "UPDATE counter SET value = value + 1 WHERE name = 'category' RETURNING value"
    )
    await tx.run(
        "INSERT INTO category (id, tracker_id, kind, name) VALUES (:id, :tracker, :kind, :name)",
        {"id": counter["value"], "tracker": tracker_id, "kind": kind, "name": name},
    )
    return int(counter["value"])


async def add_comment(
    api: Api,
    full_name: str,
    number: int,
    comment_id: int,
    *,
    content: str | None = None,
    logs: Sequence[tuple[str, str | None, str | None]] = (),
) -> None:
    """Add a comment without an author, a change where there are logs (field, from, to)."""
    repository = await api.repository(full_name)
    key = {"tracker": repository.tracker_id, "number": number, "id": comment_id, "time": TIME}
    async with api.db.transaction() as tx:
        await tx.run(
            """INSERT INTO comment (tracker_id, id, issue_number, content_raw, created_on)
               VALUES (:tracker, :id, :number, :content, :time)""",
            {**key, "content": content},
        )
        for ordinal, (field, before, after) in enumerate(logs):
            await tx.run(
                """INSERT INTO log (tracker_id, comment_id, ordinal, issue_number, field,
                                    changed_from, changed_to, created_on)
                   VALUES (:tracker, :id, :ordinal, :number, :field, :before, :after, :time)""",
                {**key, "ordinal": ordinal, "field": field, "before": before, "after": after},
            )


async def add_attachment(
    api: Api, full_name: str, number: int, ordinal: int, name: str, blob: str | None
) -> None:
    """Add an attachment whose bytes are the blob's, or (None) that has no bytes."""
    repository = await api.repository(full_name)
    await api.db.run(
        """INSERT INTO attachment (tracker_id, issue_number, ordinal, name, filename, blob)
           VALUES (:tracker, :number, :ordinal, :name, :name, :blob)""",
        {
            "tracker": repository.tracker_id,
            "number": number,
            "ordinal": ordinal,
            "name": name,
            "blob": blob,
        },
    )


async def start_import(api: Api, full_name: str) -> None:
    """Make an import of that repository look as if a worker were at it."""
    repository = await api.repository(full_name)
    await api.db.run(
        """INSERT INTO job (uuid, kind, repository_id, status, base_url, created_on)
           VALUES ('running', 'import', :repository, 'STARTED', '', :time)""",
        {"repository": repository.id, "time": TIME},
    )
