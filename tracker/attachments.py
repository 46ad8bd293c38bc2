"""Attachments: files that hang on an issue."""

from tracker.access import Repository
from tracker.database import Reader, Row
from tracker.errors import NotFound
from tracker.paging import Page, Window, page, split

NO_ATTACHMENT = "No Attachment matches the given query."
NO_BYTES = "The archive that this issue came from held no file for this attachment."


async def find_all(db: Reader, repository: Repository, number: int, window: Window) -> Page[Row]:
    """A part of an issue's attachments, in order of upload (ordinal, name). It must exist."""
    rows = await db.all(
        f"""WITH keys AS (
                SELECT ordinal, name FROM attachment
                 WHERE tracker_id = :tracker AND issue_number = :number{window.tail("ordinal")})
            SELECT s.size, k.ordinal, k.name
              FROM (SELECT count(*) AS size FROM attachment
                     WHERE tracker_id = :tracker AND issue_number = :number) s
              LEFT JOIN keys k ON TRUE
             ORDER BY k.ordinal""",
        {"tracker": repository.tracker_id, "number": number, **window.params()},
    )
    size, rows = split(rows, "ordinal")
    return page(window, size, rows, lambda row: (row["ordinal"],))


async def find_bytes(db: Reader, repository: Repository, number: int, name: str) -> str:
    """The SHA-256 of an attachment's bytes.

    Raises NotFound when there is no such attachment, or when its archive held no file for it.
    """
    row = await db.one(
        """SELECT blob FROM attachment
            WHERE tracker_id = :tracker AND issue_number = :number AND name = :name""",
        {"tracker": repository.tracker_id, "number": number, "name": name},
    )
    if row is None:
        raise NotFound(NO_ATTACHMENT)
    if row["blob"] is None:
        raise NotFound(NO_BYTES)
    return str(row["blob"])
