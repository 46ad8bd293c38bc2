"""Writes through the core, each in a transaction of its own."""

from typing import Any

from tracker import comments, issues
from tracker.access.rights import Actor, Repository
from tracker.database import Database
from tracker.issues import NewIssue


async def create_issue(db: Database, actor: Actor, repository: Repository, draft: NewIssue) -> int:
    """A new issue; its number."""
    return await db.write(lambda tx: issues.create(tx, actor, repository, draft))


async def create_comment(
    db: Database, actor: Actor, repository: Repository, number: int, **text: Any
) -> int:
    """A new comment; its id."""
    return await db.write(lambda tx: comments.create(tx, actor, repository, number, **text))
