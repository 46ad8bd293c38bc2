"""Repositories: a name, who may see it, and the tracker that is in force."""

from collections.abc import Sequence

from tracker import accounts, clock, fields, trackers, workspaces
from tracker.access import ADMINISTRATOR, Repository, find_repository
from tracker.database import Database, Duplicate, Reader, Row
from tracker.errors import Conflict, Invalid, NotFound
from tracker.vocabulary import Permission


def split(full_name: str) -> tuple[str, str]:
    """WORKSPACE/SLUG in two. Raises Invalid."""
    workspace, slash, slug = full_name.partition("/")
    if not (workspace and slash and slug) or "/" in slug:
        raise Invalid(f"{full_name!r} is not WORKSPACE/SLUG.")
    return workspace, slug


async def create(
    db: Database, full_name: str, *, name: str | None = None, private: bool = False
) -> Repository:
    """Make a repository with its issue tracker on.

    Raises Invalid for a slug that breaks the rules, NotFound for an unknown workspace, Conflict
    for a name that is taken.
    """
    workspace_slug, slug = split(full_name)
    slug = fields.check(fields.slug(), slug)
    name = fields.check(fields.display_name(), name or slug)
    workspace = await workspaces.find(db, workspace_slug)
    try:
        async with db.transaction() as tx:
            row = await tx.returning(
                """INSERT INTO repository (uuid, workspace_id, slug, name, is_private, created_on,
                                           updated_on)
                   VALUES (:uuid, :workspace, :slug, :name, :private, :now, :now) RETURNING id""",
                {
                    "uuid": accounts.new_uuid(),
                    "workspace": workspace["id"],
                    "slug": slug,
                    "name": name,
                    "private": int(private),
                    "now": clock.now(),
                },
            )
            tracker = await trackers.create(tx, row["id"], status="current")
            await tx.run(
                "UPDATE repository SET tracker_id = :tracker WHERE id = :id",
                {"tracker": tracker, "id": row["id"]},
            )
    except Duplicate as error:
        raise Conflict(f"A repository {full_name!r} exists already.") from error
    return await find_repository(db, ADMINISTRATOR, workspace_slug, slug)


async def all_repositories(db: Reader) -> Sequence[Row]:
    """Every repository with its number of issues (full_name, name, is_private, issues)."""
    return await db.all(
        """SELECT w.slug || '/' || r.slug AS full_name, r.name, r.is_private,
                  t.issue_count AS issues
             FROM repository r JOIN workspace w ON w.id = r.workspace_id
             JOIN tracker t ON t.id = r.tracker_id ORDER BY full_name"""
    )


async def set_member(
    db: Database, repository: Repository, username: str, permission: str | None
) -> None:
    """Give an account read, write or admin access, or (None) take its access away.

    Raises NotFound for an unknown account or, taking away, one that is no member; Invalid for an
    unknown permission.
    """
    account = await accounts.find(db, username)
    key = {"repository": repository.id, "account": account["id"]}
    if permission is None:
        if not await db.run(
            "DELETE FROM member WHERE repository_id = :repository AND account_id = :account", key
        ):
            raise NotFound(f"{username} is no member of {repository.full_name}.")
        return
    if permission not in set(Permission):
        raise Invalid(f"The permission must be one of: {', '.join(Permission)}.")
    await db.run(
        """INSERT INTO member (repository_id, account_id, permission)
           VALUES (:repository, :account, :permission)
           ON CONFLICT (repository_id, account_id)
           DO UPDATE SET permission = excluded.permission""",
        {**key, "permission": permission},
    )


async def members(db: Reader, repository: Repository) -> Sequence[Row]:
    """Who is a member of the repository (username, permission)."""
    return await db.all(
        """SELECT a.username, m.permission FROM member m JOIN account a ON a.id = m.account_id
            WHERE m.repository_id = :repository ORDER BY a.username""",
        {"repository": repository.id},
    )
