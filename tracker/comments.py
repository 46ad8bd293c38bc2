"""Comments: what people said about an issue, and the empty ones that only carry a change."""

import json
from collections.abc import Iterable, Mapping
from contextlib import aclosing

from tracker import issues, votes
from tracker.access import trackers
from tracker.access.rights import Actor, Repository, require_account, require_permission, writable
from tracker.database import Reader, Row, Transaction
from tracker.database.sql import elements, larger
from tracker.errors import NotFound
from tracker.issues import join_person, person
from tracker.markup import VERSION
from tracker.query.paging import Listing, Page
from tracker.vocabulary import Markup, Permission
from tracker.votes import Mark

NO_COMMENT = "No IssueComment matches the given query."

_PLAIN = f"c.id, c.content_raw, c.created_on, c.updated_on, {person('u', 'user')}"
_COMMENT = f"{_PLAIN}, c.content_markup, c.content_html, c.content_renderer"


_COUNTS = f"""
SELECT n.value AS number,
       (SELECT count(*) FROM comment c
         WHERE c.tracker_id = :tracker AND c.issue_number = n.value) AS size
  FROM ({elements(":numbers")}) n"""

_REWRITE = f"""
UPDATE comment
   SET content_raw = :content, content_markup = :markup, content_html = NULL,
       content_renderer = NULL, updated_on = {larger("created_on", ":now")}
 WHERE tracker_id = :tracker AND id = :id"""


async def find_all(db: Reader, repository: Repository, number: int, listing: Listing) -> Page[Row]:
    """A part of an issue's comments. The issue must exist."""
    joins = "LEFT JOIN comment c ON c.tracker_id = :tracker AND c.id = part.id"
    params = {"tracker": repository.tracker_id, "number": number}
    return await listing.find(db, _COMMENT, f"{joins} {join_person('u', 'c.account_id')}", params)


async def find_some(
    db: Reader, repository: Repository, number: int, listing: Listing, *, most: int
) -> Page[Row]:
    """As find_all(), where one comment may be as long as a hundred others: the part ends before
    its texts have more bytes than `most`, but has one comment at least.

    It is without HTML. listing must be in the order of the keys, and is not counted.
    """
    params = {"tracker": repository.tracker_id, "number": number, **listing.params}
    found: list[Row] = []
    # One by one: of what does not fit only the first comment is read.
    async with aclosing(db.stream(listing.rows(_PLAIN), params, size=1)) as stream:
        async for [row] in stream:
            most -= len((row["content_raw"] or "").encode())
            if found and (most < 0 or len(found) == listing.limit):
                return Page(found, 0, (found[-1]["id"],))
            found.append(row)
    return Page(found, 0, None)


async def get(db: Reader, repository: Repository, number: int, comment_id: int) -> Row:
    """One comment of that issue. Raises NotFound."""
    row = await db.one(
        f"""SELECT {_COMMENT} FROM comment c {join_person("u", "c.account_id")}
             WHERE c.tracker_id = :tracker AND c.issue_number = :number AND c.id = :id""",
        {"tracker": repository.tracker_id, "number": number, "id": comment_id},
    )
    if row is None:
        raise NotFound(NO_COMMENT)
    return row


async def counts(db: Reader, repository: Repository, numbers: Iterable[int]) -> Mapping[int, int]:
    """How many comments each of these issues has, the empty ones that carry a change among them."""
    rows = await db.all(
        _COUNTS, {"tracker": repository.tracker_id, "numbers": json.dumps([*numbers])}
    )
    return {row["number"]: row["size"] for row in rows}


async def create(
    tx: Transaction,
    actor: Actor,
    repository: Repository,
    number: int,
    *,
    content: str,
    markup: Markup = Markup.MARKDOWN,
    html: str | None = None,
) -> int:
    """Write a comment on an issue, which counts as its newest update; returns the comment's id.

    html is the content's, if it is made already (Contents.prepare). The comment's author watches
    the issue from then on (Bitbucket's page on notifications: a watch is set on "issues or pull
    requests you comment on"). Raises NotFound for an absent issue, Conflict while an import runs.
    """
    author = require_account(actor)
    tracker_id = await writable(tx, repository)
    now = await issues.touch(tx, tracker_id, number)
    await votes.put(tx, tracker_id, number, author, Mark.WATCH)
    return await add(tx, tracker_id, number, author, now, content, markup, html)


async def add(
    tx: Transaction,
    tracker_id: int,
    number: int,
    author: int,
    now: str,
    content: str | None,
    markup: Markup = Markup.MARKDOWN,
    html: str | None = None,
) -> int:
    """Write the row of a comment and nothing else; returns its id. Raises Conflict.

    now is issues.touch()'s; content None is that of a change without a message.
    """
    comment_id = await trackers.take_comment_ids(tx, tracker_id)
    await tx.run(
        """INSERT INTO comment (tracker_id, id, issue_number, account_id, content_raw,
                                content_markup, content_html, content_renderer, created_on)
           VALUES (:tracker, :id, :number, :author, :content, :markup, :html, :renderer, :now)""",
        {
            "tracker": tracker_id,
            "id": comment_id,
            "number": number,
            "author": author,
            "content": content,
            "markup": markup,
            "html": html,
            "renderer": None if html is None else VERSION,
            "now": now,
        },
    )
    return comment_id


async def update(
    tx: Transaction,
    actor: Actor,
    repository: Repository,
    number: int,
    comment_id: int,
    *,
    content: str,
    markup: Markup | None = None,
) -> None:
    """Give a comment, or the message of a change, another text; markup None keeps what it is.

    The same text again is no edit. Only its author and the repository's administrators may (1.0's
    documentation); what an archive's people wrote is for administrators. Raises NotFound,
    Forbidden, Conflict while an import runs.
    """
    row = await _own(tx, actor, repository, number, comment_id)
    markup = markup or Markup(row["content_markup"])
    if (content, markup) != (row["content_raw"], row["content_markup"]):
        await _rewrite(tx, repository, number, comment_id, content, markup)


async def delete(
    tx: Transaction, actor: Actor, repository: Repository, number: int, comment_id: int
) -> None:
    """Remove a comment; of a comment with a change only the text, because history can't be altered.
    Permissions and errors are those of update().
    """
    row = await _own(tx, actor, repository, number, comment_id)
    key = {"tracker": repository.tracker_id, "id": comment_id}
    if await tx.one("SELECT 1 FROM log WHERE tracker_id = :tracker AND comment_id = :id", key):
        if row["content_raw"] is not None:
            markup = Markup(row["content_markup"])
            await _rewrite(tx, repository, number, comment_id, None, markup)
        return
    await issues.touch(tx, repository.tracker_id, number)
    await trackers.remember_ids(tx, repository.tracker_id)
    await tx.run("DELETE FROM comment WHERE tracker_id = :tracker AND id = :id", key)


async def _own(
    tx: Transaction, actor: Actor, repository: Repository, number: int, comment_id: int
) -> Row:
    """A comment that the actor may alter: account_id, content_raw, content_markup."""
    account_id = require_account(actor)
    await writable(tx, repository)
    await issues.outline(tx, repository, number)
    row = await tx.one(
        """SELECT account_id, content_raw, content_markup FROM comment
            WHERE tracker_id = :tracker AND issue_number = :number AND id = :id""",
        {"tracker": repository.tracker_id, "number": number, "id": comment_id},
    )
    if row is None:
        raise NotFound(NO_COMMENT)
    if row["account_id"] != account_id:
        require_permission(repository, Permission.ADMIN)
    return row


async def _rewrite(
    tx: Transaction,
    repository: Repository,
    number: int,
    comment_id: int,
    content: str | None,
    markup: Markup,
) -> None:
    await tx.run(
        _REWRITE,
        {
            "content": content,
            "markup": markup,
            "now": await issues.touch(tx, repository.tracker_id, number),
            "tracker": repository.tracker_id,
            "id": comment_id,
        },
    )
