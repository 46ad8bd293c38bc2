"""Workspaces: what repositories and imported people belong to, and who sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tracker import clock, fields
from tracker.access import accounts
from tracker.access.rights import IS_VISIBLE, Actor, sql_params
from tracker.database import Database, Duplicate, Reader, Row
from tracker.errors import Conflict, Forbidden, NotFound
from tracker.query import Catalogue, Column, Type
from tracker.query.paging import Listing, Page


class WorkspaceRole(StrEnum):
    """The role of a person in a workspace: a member of one of its repositories, or its owner."""

    MEMBER = "member"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace as one actor sees it; role is that actor's (None: a stranger)."""

    id: int
    uuid: str
    slug: str
    name: str
    is_private: bool
    created_on: str
    role: WorkspaceRole | None


_ROLE = """CASE WHEN w.owner_id = :actor OR :is_admin = 1 THEN 'owner'
    WHEN EXISTS (SELECT 1 FROM member m JOIN repository r ON r.id = m.repository_id
                  WHERE m.account_id = :actor AND r.workspace_id = w.id) THEN 'member' END"""
_IS_PUBLIC = """EXISTS (SELECT 1 FROM repository r
                         WHERE r.workspace_id = w.id AND r.is_private = 0)"""
_COLUMNS = f"""w.id, w.uuid, w.slug, w.name, w.created_on, {_ROLE} AS role,
       {_IS_PUBLIC} AS is_public"""

WORKSPACE_PATHS = {
    "workspace.uuid": Column("w.uuid"),
    "workspace.slug": Column("w.slug"),
    "workspace.name": Column("w.name"),
}
"""How lists of what belongs to a workspace w can be asked for it."""

WORKSPACES = Catalogue(
    table="workspace w",
    within=f"{_ROLE} IN ('owner', :role)",
    key="w.id",
    columns={
        "uuid": Column("w.uuid"),
        "slug": Column("w.slug"),
        "name": Column("w.name"),
        "created_on": Column("w.created_on", Type.TIME),
        **WORKSPACE_PATHS,
        "permission": Column(_ROLE, Type.WORD, words=tuple(WorkspaceRole)),
    },
)
"""An actor's own workspaces, as themselves and as memberships."""

MEMBERS = Catalogue(
    table="account a",
    within=f"""a.id IN (SELECT owner_id FROM workspace WHERE id = :workspace UNION
        SELECT m.account_id FROM member m JOIN repository r ON r.id = m.repository_id
          JOIN workspace w ON w.id = r.workspace_id
         WHERE r.workspace_id = :workspace AND {IS_VISIBLE})""",
    key="a.id",
    joins="LEFT JOIN workspace w ON w.id = :workspace",
    columns={
        **accounts.paths("user", "a"),
        **WORKSPACE_PATHS,
        "permission": Column(
            "CASE WHEN a.id = w.owner_id THEN 'owner' ELSE 'member' END",
            Type.WORD,
            words=tuple(WorkspaceRole),
        ),
    },
)
"""A workspace's members: its owner, and the members of those repositories that the actor may
see."""


async def create(db: Database, slug: str, *, owner: str, name: str | None = None) -> int:
    """Make a workspace owned by the account of that username; returns its row id.

    Raises Invalid for a slug that breaks the rules or is reserved, Conflict for one that is
    taken, NotFound for an unknown owner.
    """
    slug = fields.check(fields.workspace_slug(), slug)
    account = await accounts.find(db, owner)
    try:
        async with db.transaction() as tx:
            row = await tx.returning(
                """INSERT INTO workspace (uuid, slug, name, owner_id, created_on)
                   VALUES (:uuid, :slug, :name, :owner, :now) RETURNING id""",
                {
                    "uuid": accounts.new_uuid(),
                    "slug": slug,
                    "name": fields.check(fields.display_name(), name or slug),
                    "owner": account["id"],
                    "now": clock.now(),
                },
            )
    except Duplicate as error:
        raise Conflict(f"A workspace {slug!r} exists already.") from error
    return int(row["id"])


async def find(db: Reader, slug: str) -> Row:
    """The workspace of that slug (id, uuid, slug, name, owner_id). Raises NotFound."""
    row = await db.one(
        "SELECT id, uuid, slug, name, owner_id FROM workspace WHERE slug = :slug",
        {"slug": slug.lower()},
    )
    if row is None:
        raise NotFound(f"There is no workspace {slug!r}.")
    return row


async def see(db: Reader, actor: Actor, name: str) -> Workspace:
    """The workspace of that slug (in any case) or UUID in braces, if this actor may see it.

    Its members see it, and all actors see a workspace with a public repository. Raises NotFound:
    what is invisible is absent.
    """
    column = "uuid" if name.startswith("{") else "slug"
    row = await db.one(
        f"SELECT {_COLUMNS} FROM workspace w WHERE w.{column} = :name",
        {"name": name.lower(), **sql_params(actor)},
    )
    if row is None or not (row["role"] or row["is_public"]):
        raise NotFound(f"No workspace with identifier '{name}'.")
    return _workspace(row)


def require_role(workspace: Workspace, needed: WorkspaceRole) -> None:
    """Raises Forbidden for an actor with a lesser role in the workspace."""
    if workspace.role is not WorkspaceRole.OWNER and workspace.role is not needed:
        raise Forbidden(f"Only {needed}s of {workspace.slug} may do this.")


async def find_all(
    db: Reader, actor: Actor, listing: Listing, *, role: WorkspaceRole = WorkspaceRole.MEMBER
) -> Page[Workspace]:
    """A part of the actor's own workspaces (WORKSPACES); role is the least that they have there."""
    return await listing.find(
        db,
        _COLUMNS,
        "LEFT JOIN workspace w ON w.id = part.id",
        {"role": role, **sql_params(actor)},
        lambda rows: [_workspace(row) for row in rows],
    )


async def members(db: Reader, actor: Actor, workspace: Workspace, listing: Listing) -> Page[Row]:
    """A part of a workspace's members (MEMBERS): user_uuid, ... and permission, a WorkspaceRole."""
    return await listing.find(
        db,
        f"{accounts.shown('a', 'user')}, {MEMBERS.columns['permission'].sql} AS permission",
        f"LEFT JOIN account a ON a.id = part.id {MEMBERS.joins}",
        {"workspace": workspace.id, **sql_params(actor)},
    )


async def member(db: Reader, actor: Actor, workspace: Workspace, selected: str) -> Row:
    """One of members(), by UUID in braces or account_id. Raises NotFound."""
    row = await db.one(
        f"""SELECT {accounts.shown("a", "user")},
                   {MEMBERS.columns["permission"].sql} AS permission
              FROM {MEMBERS.table} {MEMBERS.joins}
             WHERE {MEMBERS.within} AND {accounts.SELECTED}""",
        {"workspace": workspace.id, **sql_params(actor), **accounts.selected(selected)},
    )
    if row is None:
        raise NotFound("No WorkspaceMembership matches the given query.")
    return row


async def all_workspaces(db: Reader) -> Sequence[Row]:
    """Every workspace with its owner's username (slug, name, owner)."""
    return await db.all(
        """SELECT w.slug, w.name, a.username AS owner FROM workspace w
             JOIN account a ON a.id = w.owner_id ORDER BY w.slug"""
    )


def _workspace(row: Row) -> Workspace:
    return Workspace(
        id=row["id"],
        uuid=row["uuid"],
        slug=row["slug"],
        name=row["name"],
        is_private=not row["is_public"],
        created_on=row["created_on"],
        role=WorkspaceRole(row["role"]) if row["role"] else None,
    )
