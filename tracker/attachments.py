"""Attachments: files of issues."""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tracker import changes, issues
from tracker.access.rights import Actor, Repository, require_account, require_permission, writable
from tracker.blobs import Blobs
from tracker.changes import Log
from tracker.database import Reader, Row, Transaction
from tracker.errors import Invalid, NotFound, TooLarge, Unavailable
from tracker.query.paging import Listing, Page
from tracker.settings import Limits
from tracker.vocabulary import Permission

NAME_BYTES = 255
"""The most bytes of a file name in UTF-8: file systems take no more."""

NO_ATTACHMENT = "No Attachment matches the given query."
NO_BYTES = "The archive that this issue came from held no file for this attachment."


async def find_all(db: Reader, repository: Repository, number: int, listing: Listing) -> Page[Row]:
    """A part of an issue's attachments (ordinal, name). The issue must exist."""
    return await listing.find(
        db,
        "a.ordinal, a.name",
        """LEFT JOIN attachment a ON a.tracker_id = :tracker AND a.issue_number = :number
                                 AND a.ordinal = part.id""",
        {"tracker": repository.tracker_id, "number": number},
    )


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


@dataclass(frozen=True, slots=True)
class File:
    """A file to attach: its name, and the SHA-256 and the size of bytes that are on the disk."""

    name: str
    sha256: str
    size: int


def check_name(name: str) -> None:
    """Raises Invalid for a name that no file and no address can have."""
    if not name.strip("."):
        raise Invalid("A file needs a name.")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise Invalid("The name of a file can't have control characters, and must be UTF-8.")
    if (size := len(name.encode())) > NAME_BYTES:
        raise Invalid(f"Ensure this value has at most {NAME_BYTES} bytes (it has {size}).")


async def room(db: Reader, repository: Repository, limits: Limits) -> int:
    """How many bytes may still be attached in a repository. Raises TooLarge where it is none."""
    [row] = await db.all(_ATTACHED, {"tracker": repository.tracker_id})
    left = limits.repository_bytes - int(row["bytes"])
    if left <= 0:
        raise _full(limits)
    return left


def _full(limits: Limits) -> TooLarge:
    most = limits.repository_bytes
    return TooLarge(f"What is attached in a repository may have at most {most} bytes.")


_ATTACHED = """SELECT coalesce(sum(size), 0) AS bytes FROM attachment
                WHERE tracker_id = :tracker AND url IS NULL AND created_on IS NOT NULL"""
"""The bytes that count: those that were uploaded here, and not those of an archive."""


async def add(
    tx: Transaction,
    actor: Actor,
    repository: Repository,
    number: int,
    files: Sequence[File],
    *,
    blobs: Blobs,
    limits: Limits,
) -> set[str]:
    """Attach the files to an issue, as one change of it: all of them, or an error and none.

    Each takes the place of the attachment that has its name; of two files of one name the last one
    counts. Who may comment may attach; replacing another person's file needs write access. Raises
    NotFound for an absent issue, Forbidden, Conflict while an import runs, TooLarge when the issue
    or the repository would have too much, Unavailable when bytes are gone again.

    Returns the SHA-256 of bytes that lost their row, or got none, for sweeping.free() when this is
    committed.
    """
    author = require_account(actor)
    tracker_id = await writable(tx, repository)
    named = {file.name: file for file in files}
    logs = [Log("attachment", "", name) for name in named]
    now = await issues.touch(tx, tracker_id, number)
    await changes.record(tx, tracker_id, number, author, now, logs)
    _require_bytes(blobs, named.values())
    lost = {file.sha256 for file in files}
    for file in named.values():
        lost |= await _remove(tx, actor, repository, number, file.name) or set()
        await tx.run(
            """INSERT INTO attachment (tracker_id, issue_number, ordinal, name, filename,
                                       account_id, blob, size, created_on)
               SELECT :tracker, :number, coalesce(max(ordinal), 0) + 1, :name, :name,
                      :author, :blob, :size, :now
                 FROM attachment WHERE tracker_id = :tracker AND issue_number = :number""",
            {
                "tracker": tracker_id,
                "number": number,
                "name": file.name,
                "author": author,
                "blob": file.sha256,
                "size": file.size,
                "now": now,
            },
        )
    await _require_room(tx, tracker_id, number, limits)
    return lost - {file.sha256 for file in named.values()}


async def delete(
    tx: Transaction, actor: Actor, repository: Repository, number: int, name: str
) -> set[str]:
    """Remove an attachment from its issue; nothing is logged, as Bitbucket's archives show.

    Allowed for the account that uploaded it, and with write access. Raises NotFound, Forbidden,
    Conflict while an import runs. Returns the SHA-256 of the bytes, for sweeping.free() as with
    add().
    """
    require_account(actor)
    tracker_id = await writable(tx, repository)
    await issues.touch(tx, tracker_id, number)
    lost = await _remove(tx, actor, repository, number, name)
    if lost is None:
        raise NotFound(NO_ATTACHMENT)
    return lost


async def _remove(
    tx: Transaction, actor: Actor, repository: Repository, number: int, name: str
) -> set[str] | None:
    """Remove an attachment's row; the SHA-256 of its bytes, if it had some; None if there is none.

    Raises Forbidden.
    """
    key = {"tracker": repository.tracker_id, "number": number, "name": name}
    where = "tracker_id = :tracker AND issue_number = :number AND name = :name"
    row = await tx.one(f"SELECT account_id, blob FROM attachment WHERE {where}", key)
    if row is None:
        return None
    if row["account_id"] != actor.id:
        require_permission(repository, Permission.WRITE)
    await tx.run(f"DELETE FROM attachment WHERE {where}", key)
    return {row["blob"]} - {None}


def _require_bytes(blobs: Blobs, files: Collection[File]) -> None:
    """Raises Unavailable for bytes that the sweep has removed since the upload. The sweep removes
    bytes in transactions only, so those that are there in this one stay.
    """
    if not all(blobs.path(file.sha256).exists() for file in files):
        raise Unavailable("The upload took too long; nothing was changed.")


async def _require_room(tx: Transaction, tracker_id: int, number: int, limits: Limits) -> None:
    """Raises TooLarge when the transaction has added too much."""
    row = await tx.returning(
        f"""SELECT (SELECT count(*) FROM attachment
                    WHERE tracker_id = :tracker AND issue_number = :number) AS files,
                  ({_ATTACHED}) AS bytes""",
        {"tracker": tracker_id, "number": number},
    )
    most = limits.attachments_per_issue
    if row["files"] > most:
        raise TooLarge(f"An issue may have at most {most} attachments.")
    if row["bytes"] > limits.repository_bytes:
        raise _full(limits)
