"""Repositories: a name, who may see it, and the tracker that is in force."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tracker import clock, fields
from tracker.access import accounts, members, trackers, workspaces
from tracker.access.rights import (
    ADMINISTRATOR,
    IS_VISIBLE,
    NO_REPOSITORY,
    RANK,
    REPOSITORY_COLUMNS,
    Actor,
    Repository,
    find_repository,
    seen,
    sql_params,
)
from tracker.blobs import MOST_FREED
from tracker.database import Database, Duplicate, Reader, Row, Transaction
from tracker.errors import Conflict, Invalid, NotFound
from tracker.query import Catalogue, Column, Selection, Type
from tracker.query.paging import Listing, Page
from tracker.vocabulary import Permission


class RepositoryRole(StrEnum):
    """What a list of repositories can ask for: where the actor is that at least, by access.RANK."""

    MEMBER = "member"
    CONTRIBUTOR = "contributor"
    ADMIN = "admin"
    OWNER = "owner"


_TAKEN = "Repository with this Slug and Owner already exists."
"""Bitbucket's words, with its status 400."""

REPOSITORIES = Catalogue(
    table="repository r JOIN workspace w ON w.id = r.workspace_id",
    within=f"""(:workspace IS NULL OR r.workspace_id = :workspace)
        AND CASE WHEN :least = 0 THEN {IS_VISIBLE} ELSE {RANK} >= :least END""",
    key="r.id",
    columns={
        "uuid": Column("r.uuid"),
        "slug": Column("r.slug"),
        "name": Column("r.name"),
        "full_name": Column("w.slug || '/' || r.slug"),
        "description": Column("r.description", sortable=False),
        "is_private": Column("r.is_private", Type.FLAG),
        "has_issues": Column("r.has_issues", Type.FLAG),
        "created_on": Column("r.created_on", Type.TIME),
        "updated_on": Column("r.updated_on", Type.TIME),
        "scm": Column("'git'", sortable=False),
        "language": Column("''", sortable=False),
        "parent": Column("NULL", Type.OBJECT, nullable=True, sortable=False),
        "project.key": Column("NULL", nullable=True, sortable=False),
        **workspaces.WORKSPACE_PATHS,
    },
)
"""The repositories that an actor may see, or where they have a role; all, or a workspace's."""

_OWNER = accounts.shown("o", "owner")

Shown = tuple[Repository, Row]
"""A repository, and whose it is: owner_uuid, owner_account_id, ..."""


@dataclass(frozen=True, slots=True)
class NewRepository:
    """A new repository; private unless it says otherwise."""

    slug: str
    name: str
    description: str = ""
    is_private: bool = True
    has_issues: bool = False


def split(full_name: str) -> tuple[str, str]:
    """WORKSPACE/SLUG in two. Raises Invalid."""
    workspace, slash, slug = full_name.partition("/")
    if not (workspace and slash and slug) or "/" in slug:
        raise Invalid(f"{full_name!r} is not WORKSPACE/SLUG.")
    return workspace, slug


def slug_of(name: str) -> str:
    """The slug that goes with a name: lower case, `-` for what a slug can't hold.

    Raises Invalid for a name that leaves nothing to call it by.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9_.]+", "-", plain).strip("-.")[:62].strip("-.")
    try:
        return str(fields.check(fields.slug(), slug))
    except Invalid as error:
        raise Invalid(f"name: {error.message}", {"name": [error.message]}) from error


async def create(
    db: Database, full_name: str, *, name: str | None = None, private: bool = False
) -> Repository:
    """Make a repository with its issue tracker on.

    Raises Invalid for a slug that breaks the rules, NotFound for an unknown workspace, Conflict
    for a name that is taken.
    """
    return await db.write(lambda tx: make(tx, full_name, name=name, private=private))


async def make(
    tx: Transaction, full_name: str, *, name: str | None = None, private: bool = False
) -> Repository:
    """What create() does, in a transaction of the caller's; raises the same."""
    workspace_slug, slug = split(full_name)
    slug = fields.check(fields.slug(), slug)
    name = fields.check(fields.display_name(), name or slug)
    workspace = await workspaces.find(tx, workspace_slug)
    try:
        await add(
            tx, workspace["id"], NewRepository(slug, name, is_private=private, has_issues=True)
        )
    except Invalid as error:
        raise Conflict(f"A repository {full_name!r} exists already.") from error
    return await find_repository(tx, ADMINISTRATOR, workspace_slug, slug)


async def add(tx: Transaction, workspace_id: int, new: NewRepository) -> None:
    """Make a repository in a workspace. Raises Invalid for a slug that is taken."""
    try:
        row = await tx.returning(
            """INSERT INTO repository (uuid, workspace_id, slug, name, description, is_private,
                                       has_issues, created_on, updated_on)
               VALUES (:uuid, :workspace, :slug, :name, :description, :private, :has_issues, :now,
                       :now) RETURNING id""",
            {
                "uuid": accounts.new_uuid(),
                "workspace": workspace_id,
                "slug": new.slug,
                "name": new.name,
                "description": new.description,
                "private": int(new.is_private),
                "has_issues": int(new.has_issues),
                "now": clock.now(),
            },
        )
    except Duplicate as error:
        raise Invalid(_TAKEN, {"slug": [_TAKEN]}) from error
    tracker = await trackers.create(tx, row["id"], status="current")
    await tx.run(
        "UPDATE repository SET tracker_id = :tracker WHERE id = :id",
        {"tracker": tracker, "id": row["id"]},
    )
    await _forget_former(tx, workspace_id, new.slug)


async def update(tx: Transaction, repository: Repository, values: Mapping[str, str | bool]) -> None:
    """Change name, description, is_private or has_issues: what values has.

    The repository was found in this transaction. The slug follows a new name, and the old one leads
    here until another repository takes it. A tracker that is switched off keeps its issues. Raises
    Invalid for a slug that is taken or is none.
    """
    changed = {key: value for key, value in values.items() if value != getattr(repository, key)}
    if not changed:
        return
    if "name" in changed and (slug := slug_of(str(changed["name"]))) != repository.slug:
        changed["slug"] = slug
    params = {"id": repository.id, "now": clock.now(), **changed}
    try:
        await tx.run(
            f"""UPDATE repository SET {", ".join(f"{key} = :{key}" for key in changed)},
                       updated_on = :now WHERE id = :id""",
            params,
        )
    except Duplicate as error:
        raise Invalid(_TAKEN, {"name": [_TAKEN]}) from error
    if "slug" in changed:
        await _forget_former(tx, repository.workspace_id, str(changed["slug"]))
        await tx.run(
            """INSERT INTO former_name (workspace_id, slug, repository_id)
               VALUES (:workspace, :slug, :repository)""",
            {
                "workspace": repository.workspace_id,
                "slug": repository.slug,
                "repository": repository.id,
            },
        )


async def _forget_former(tx: Transaction, workspace_id: int, slug: str) -> None:
    """Forget a former name that a repository takes now."""
    await tx.run(
        "DELETE FROM former_name WHERE workspace_id = :workspace AND slug = :slug",
        {"workspace": workspace_id, "slug": slug},
    )


async def delete(tx: Transaction, repository: Repository) -> set[str]:
    """Remove the repository with its members and jobs, at once.

    It was found in this transaction. Its trackers are left to the sweep, a running job to its
    worker, who finds it gone. Returns the SHA-256 of the bytes of its attachments, of at most
    MOST_FREED, for sweeping.free() when this is committed.
    """
    blobs = await tx.all(
        """DELETE FROM attachment WHERE (tracker_id, issue_number, ordinal) IN (
               SELECT a.tracker_id, a.issue_number, a.ordinal
                 FROM tracker t JOIN attachment a ON a.tracker_id = t.id
                WHERE t.repository_id = :id AND a.blob IS NOT NULL LIMIT :most)
           RETURNING blob""",
        {"id": repository.id, "most": MOST_FREED},
    )
    await _delete(tx, repository.id)
    return {row["blob"] for row in blobs}


async def _delete(tx: Transaction, repository_id: int) -> None:
    params = {"id": repository_id}
    await tx.run("UPDATE tracker SET status = 'dropped' WHERE repository_id = :id", params)
    await tx.run("DELETE FROM repository WHERE id = :id", params)


async def delete_unused(tx: Transaction, repository_id: int) -> None:
    """Remove a repository that a job was to fill, unless it is in use.

    It is in use when it has a member or another job, or was altered or filled.
    """
    unused = await tx.one(
        """SELECT 1 FROM repository r
            WHERE id = :id AND updated_on = created_on AND last_issue_number = 0
              AND NOT EXISTS (SELECT 1 FROM member WHERE repository_id = r.id)
              AND (SELECT count(*) FROM job WHERE repository_id = r.id) = 1""",
        {"id": repository_id},
    )
    if unused is not None:
        await _delete(tx, repository_id)


async def get(db: Reader, actor: Actor, workspace: str, slug: str) -> Shown:
    """A repository and its owner, found as access.find_repository does. Raises NotFound."""
    repository = await find_repository(db, actor, workspace, slug)
    row = await db.one(
        f"""SELECT {_OWNER} FROM workspace w JOIN account o ON o.id = w.owner_id
             WHERE w.id = :workspace""",
        {"workspace": repository.workspace_id},
    )
    if row is None:
        raise NotFound(NO_REPOSITORY)
    return repository, row


async def find_all(
    db: Reader,
    actor: Actor,
    listing: Listing,
    *,
    workspace: int | None = None,
    role: RepositoryRole | None = None,
) -> Page[Shown]:
    """A part of the repositories that an actor sees (REPOSITORIES), oldest first.

    workspace is a row id: only that one's.
    """
    return await listing.find(
        db,
        f"{REPOSITORY_COLUMNS}, {_OWNER}",
        """LEFT JOIN repository r ON r.id = part.id
           LEFT JOIN workspace w ON w.id = r.workspace_id
           LEFT JOIN account o ON o.id = w.owner_id""",
        {
            "workspace": workspace,
            "least": [None, *RepositoryRole].index(role),
            **sql_params(actor),
        },
        lambda rows: [(seen(row), row) for row in rows],
    )


def owned_by(account_id: int) -> Selection:
    """Of REPOSITORIES those in the workspaces of an account (its row id)."""
    return Selection(REPOSITORIES, None, False, "w.owner_id = :owner", {"owner": account_id})


def of(workspace_id: int) -> Selection:
    """Of REPOSITORIES those in one workspace (its row id)."""
    return Selection(REPOSITORIES, None, False, "w.id = :in", {"in": workspace_id})


async def all_repositories(db: Reader) -> Sequence[Row]:
    """Every repository with its number of issues (full_name, name, is_private, issues)."""
    return await db.all(
        """SELECT w.slug || '/' || r.slug AS full_name, r.name, r.is_private,
                  t.issue_count AS issues
             FROM repository r JOIN workspace w ON w.id = r.workspace_id
             JOIN tracker t ON t.id = r.tracker_id ORDER BY full_name"""
    )


async def public_trackers(db: Reader, most: int) -> Sequence[Row]:
    """The first public repositories whose tracker is on, by name (full_name, name, issues)."""
    return await db.all(
        """SELECT w.slug || '/' || r.slug AS full_name, r.name, t.issue_count AS issues
             FROM workspace w JOIN repository r ON r.workspace_id = w.id
             JOIN tracker t ON t.id = r.tracker_id
            WHERE r.is_private = 0 AND r.has_issues = 1 ORDER BY w.slug, r.slug LIMIT :most""",
        {"most": most},
    )


async def set_member(
    db: Database, repository: Repository, username: str, permission: Permission | None
) -> None:
    """Give an account read, write or admin access, or (None) take its access away.

    Raises NotFound for an unknown account or, taking away, one that is no member.
    """
    account = await accounts.find(db, username)
    async with db.transaction() as tx:
        if permission is not None:
            await members.put(tx, repository, account["id"], permission)
        elif not await members.remove(tx, repository, account["id"]):
            raise NotFound(f"{username} is no member of {repository.full_name}.")


async def all_members(db: Reader, repository: Repository) -> Sequence[Row]:
    """Every member of the repository (username, permission)."""
    return await db.all(
        """SELECT a.username, m.permission FROM member m JOIN account a ON a.id = m.account_id
            WHERE m.repository_id = :repository ORDER BY a.username""",
        {"repository": repository.id},
    )
