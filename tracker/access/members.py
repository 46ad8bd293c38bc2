"""Members: who may do what in a repository."""

from tracker.access import accounts
from tracker.access.rights import REPOSITORY_COLUMNS, Actor, Repository, seen, sql_params
from tracker.database import Reader, Row, Transaction
from tracker.errors import NotFound
from tracker.query import Catalogue, Column, Type
from tracker.query.paging import Listing, Page
from tracker.vocabulary import Permission

NONE = "none"
"""The permission of a person who is no member: that of strangers."""

_REPOSITORY_PATHS = {
    "repository.uuid": Column("r.uuid"),
    "repository.name": Column("r.name"),
    "repository.full_name": Column("w.slug || '/' || r.slug"),
}


def _permission(sql: str) -> dict[str, Column]:
    return {"permission": Column(sql, Type.WORD, words=tuple(Permission))}


MEMBERS = Catalogue(
    table="member m",
    within="m.repository_id = :repository",
    key="m.account_id",
    joins="LEFT JOIN account a ON a.id = m.account_id",
    columns={**accounts.paths("user", "a"), **_permission("m.permission")},
)
"""A repository's members."""

_GRANTED = """(SELECT r.workspace_id, r.id AS repository_id, w.owner_id AS account_id,
                      'admin' AS permission
                 FROM repository r JOIN workspace w ON w.id = r.workspace_id
                UNION ALL
               SELECT r.workspace_id, m.repository_id, m.account_id, m.permission
                 FROM member m JOIN repository r ON r.id = m.repository_id
                 JOIN workspace w ON w.id = r.workspace_id
                WHERE m.account_id <> w.owner_id) g"""
_PAIR = "g.repository_id * 4294967296 + g.account_id"


def _granted(within: str) -> Catalogue:
    return Catalogue(
        table=_GRANTED,
        within=within,
        key=_PAIR,
        joins="""LEFT JOIN repository r ON r.id = g.repository_id
                 LEFT JOIN workspace w ON w.id = r.workspace_id
                 LEFT JOIN account a ON a.id = g.account_id""",
        columns={**_REPOSITORY_PATHS, **accounts.paths("user", "a"), **_permission("g.permission")},
    )


# A catalogue for each: a condition for some of them only could not use an index.
OWN_PERMISSIONS = _granted("g.account_id = :about")
"""What an account may do in repositories, those of its own workspaces included."""

REPOSITORY_PERMISSIONS = _granted("g.repository_id = :about")
"""What people may do in a repository, the workspace's owner included."""

WORKSPACE_PERMISSIONS = _granted("g.workspace_id = :about")
"""What people may do in the repositories of a workspace, its owner included."""

Grant = tuple[Repository, Row]
"""A repository, and a person with a permission there: user_uuid, ... and permission."""


async def find_all(db: Reader, repository: Repository, listing: Listing) -> Page[Row]:
    """A part of the repository's members (MEMBERS): user_uuid, ... and permission."""
    return await listing.find(
        db,
        f"{accounts.shown('a', 'user')}, m.permission",
        f"""LEFT JOIN member m ON m.repository_id = :repository AND m.account_id = part.id
            {MEMBERS.joins}""",
        {"repository": repository.id},
    )


async def get(db: Reader, repository: Repository, selected: str) -> Row:
    """What an account may do in the repository: user_uuid, ... and permission, NONE for a stranger.

    selected is a UUID in braces or an account_id. Raises NotFound where no account has it.
    """
    row = await db.one(
        f"""SELECT {accounts.shown("a", "user")}, coalesce(m.permission, '{NONE}') AS permission
              FROM account a
              LEFT JOIN member m ON m.repository_id = :repository AND m.account_id = a.id
             WHERE {accounts.SELECTED} AND {accounts.IS_SIGNING_IN}""",
        {"repository": repository.id, **accounts.selected(selected)},
    )
    if row is None:
        raise NotFound(accounts.NO_ACCOUNT)
    return row


async def put(
    tx: Transaction, repository: Repository, account_id: int, permission: Permission
) -> None:
    """Give an account read, write or admin access, or change the access that it has."""
    await tx.run(
        """INSERT INTO member (repository_id, account_id, permission)
           VALUES (:repository, :account, :permission)
           ON CONFLICT (repository_id, account_id)
           DO UPDATE SET permission = excluded.permission""",
        {"repository": repository.id, "account": account_id, "permission": permission},
    )


async def remove(tx: Transaction, repository: Repository, account_id: int) -> bool:
    """Take an account's access away, from its next request on; False when it had none."""
    return bool(
        await tx.run(
            "DELETE FROM member WHERE repository_id = :repository AND account_id = :account",
            {"repository": repository.id, "account": account_id},
        )
    )


async def permissions(db: Reader, actor: Actor, listing: Listing, about: int) -> Page[Grant]:
    """A part of what people may do (OWN_PERMISSIONS, REPOSITORY_PERMISSIONS, ...).

    about is the row id of the account, repository or workspace that is asked about.
    """
    return await listing.find(
        db,
        f"""{REPOSITORY_COLUMNS}, {accounts.shown("a", "user")},
            CASE WHEN a.id = w.owner_id THEN 'admin' ELSE m.permission END AS permission""",
        """LEFT JOIN repository r ON r.id = part.id / 4294967296
           LEFT JOIN workspace w ON w.id = r.workspace_id
           LEFT JOIN account a ON a.id = part.id % 4294967296
           LEFT JOIN member m ON m.repository_id = r.id AND m.account_id = a.id""",
        {"about": about, **sql_params(actor)},
        lambda rows: [(seen(row), row) for row in rows],
    )
