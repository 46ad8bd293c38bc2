"""Who asks, and what they may do: where permissions, scopes and locks on trackers are decided."""

from collections.abc import Sequence
from dataclasses import dataclass

from tracker.database import Reader, Row, Transaction
from tracker.errors import Conflict, Forbidden, MissingScope, NotFound, Unauthenticated
from tracker.vocabulary import Permission, Scope

NEEDS_ACCOUNT = "Authentication is required for this: send an API token as Basic or Bearer."

NO_REPOSITORY = (
    "You may not have access to this repository or it no longer exists in this workspace. "
    "If you think this repository exists and you have access, make sure you are authenticated."
)
NO_TRACKER = "Repository has no issue tracker."

_PERMISSIONS = (None, *Permission, Permission.ADMIN)
"""The permission of an actor in a repository, by RANK."""

_RANKS = " ".join(f"WHEN '{word}' THEN {rank}" for rank, word in enumerate(Permission, 1))

RANK = f"""CASE WHEN w.owner_id = :actor THEN 4 WHEN :is_admin = 1 THEN 3 ELSE coalesce((
    SELECT CASE mine.permission {_RANKS} END FROM member mine
     WHERE mine.repository_id = r.id AND mine.account_id = :actor), 0) END"""
"""SQL of what the actor is to repository r in workspace w: 4 its owner, 3 to 1 as Permission goes
down, 0 a stranger. It goes with sql_params()."""

IS_VISIBLE = f"(r.is_private = 0 OR {RANK} > 0)"
"""SQL of whether the actor may see repository r in workspace w."""

REPOSITORY_COLUMNS = f"""r.id, r.uuid, r.slug, r.name, r.description, r.is_private, r.has_issues,
       r.tracker_id, r.created_on, r.updated_on, w.id AS workspace_id, w.uuid AS workspace_uuid,
       w.slug AS workspace_slug, w.name AS workspace_name, {RANK} AS rank"""
"""What seen() makes a Repository of."""

_IMPLIED = {
    Scope.ACCOUNT_WRITE: Scope.ACCOUNT,
    Scope.REPOSITORY_WRITE: Scope.REPOSITORY,
    Scope.ISSUE_WRITE: Scope.ISSUE,
}


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller. id is the account's, None for anonymous requests; scopes None means all of
    them. expires_on is when their token expires; None: never."""

    id: int | None
    username: str | None = None
    is_admin: bool = False
    scopes: frozenset[str] | None = None
    expires_on: str | None = None


ANONYMOUS = Actor(None)
ADMINISTRATOR = Actor(None, "administrator", is_admin=True)
"""The command line, whose user may do everything."""


def sql_params(actor: Actor) -> dict[str, object]:
    """The placeholders of RANK and of what is made of it."""
    return {"actor": actor.id, "is_admin": int(actor.is_admin)}


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as one actor sees it; permission is that actor's (None: a stranger)."""

    id: int
    uuid: str
    slug: str
    name: str
    description: str
    is_private: bool
    has_issues: bool
    tracker_id: int
    created_on: str
    updated_on: str
    workspace_id: int
    workspace_uuid: str
    workspace_slug: str
    workspace_name: str
    permission: Permission | None

    @property
    def full_name(self) -> str:
        """workspace/slug."""
        return f"{self.workspace_slug}/{self.slug}"


_FIND = f"""
SELECT {REPOSITORY_COLUMNS} FROM repository r JOIN workspace w ON w.id = r.workspace_id"""
_FORMER = "JOIN former_name f ON f.repository_id = r.id AND f.workspace_id = w.id"


async def find_repository(db: Reader, actor: Actor, workspace: str, slug: str) -> Repository:
    """The repository, if this actor may see it.

    workspace and slug may each be a slug in any case or a UUID in braces; an empty workspace `{}`
    goes with a repository's UUID (Bitbucket 2.0). A name that it had before will do. Raises
    NotFound: what is invisible is absent, and takes as long.
    """
    by_uuid = slug.startswith("{")
    conditions = []
    if not workspace.startswith("{"):
        conditions.append("w.slug = :workspace")
    elif workspace != "{}" or not by_uuid:
        conditions.append("w.uuid = :workspace")
    params = {"workspace": workspace.lower(), "slug": slug.lower(), **sql_params(actor)}
    for tables, column in (("", "r.uuid" if by_uuid else "r.slug"), (_FORMER, "f.slug")):
        named = " AND ".join([f"{column} = :slug", *conditions])
        row = await db.one(f"{_FIND} {tables} WHERE {named}", params)
        if row is not None and (row["rank"] or not row["is_private"]):
            return seen(row)
    raise NotFound(NO_REPOSITORY)


async def find_tracker(db: Reader, actor: Actor, workspace: str, slug: str) -> Repository:
    """The repository, if this actor may see it and its issue tracker is on. Raises NotFound."""
    repository = await find_repository(db, actor, workspace, slug)
    if not repository.has_issues:
        raise NotFound(NO_TRACKER)
    return repository


def seen(row: Row) -> Repository:
    """The repository in a row of REPOSITORY_COLUMNS."""
    return Repository(
        id=row["id"],
        uuid=row["uuid"],
        slug=row["slug"],
        name=row["name"],
        description=row["description"],
        is_private=bool(row["is_private"]),
        has_issues=bool(row["has_issues"]),
        tracker_id=row["tracker_id"],
        created_on=row["created_on"],
        updated_on=row["updated_on"],
        workspace_id=row["workspace_id"],
        workspace_uuid=row["workspace_uuid"],
        workspace_slug=row["workspace_slug"],
        workspace_name=row["workspace_name"],
        permission=_PERMISSIONS[row["rank"]],
    )


def require_account(actor: Actor) -> int:
    """The id of the account that asks. Raises Unauthenticated for an anonymous actor."""
    if actor.id is None:
        raise Unauthenticated(NEEDS_ACCOUNT)
    return actor.id


def require_permission(repository: Repository, needed: Permission) -> None:
    """Raises Forbidden when the actor's permission on the repository is less than needed."""
    if _PERMISSIONS.index(repository.permission) < _PERMISSIONS.index(needed):
        # The actor sees the repository, so "read access" would be no answer.
        access = "membership of" if needed is Permission.READ else f"{needed} access to"
        raise Forbidden(f"This needs {access} {repository.full_name}.")


async def require_administrator(db: Reader, account_id: int | None, repository_id: int) -> None:
    """Check that an account exists, is active and administers the repository (both are row ids).

    Raises Forbidden with the reason.
    """
    account = await db.one(
        "SELECT is_admin, is_active FROM account WHERE id = :id", {"id": account_id}
    )
    if account is None:
        raise Forbidden("The account that asked for this does not exist any more.")
    if not account["is_active"]:
        raise Forbidden("The account that asked for this is disabled.")
    actor = Actor(account_id, is_admin=bool(account["is_admin"]))
    row = await db.one(
        f"{_FIND} WHERE r.id = :repository", {"repository": repository_id, **sql_params(actor)}
    )
    if row is None or seen(row).permission is not Permission.ADMIN:
        raise Forbidden("The account that asked for this does not administer the repository.")


async def writable(tx: Transaction, repository: Repository) -> int:
    """The id of the tracker in force, inside the transaction that is about to write to it.

    Raises Conflict while an import is about to replace it and when one has done so
    since the caller looked: its numbers may mean other issues now. Raises NotFound when it has been
    switched off meanwhile.
    """
    row = await tx.one(
        """SELECT r.tracker_id, r.has_issues,
                  (SELECT count(*) FROM job
                    WHERE repository_id = r.id AND kind = 'import' AND status = 'STARTED'
                      AND dry_run = 0) AS importing
             FROM repository r WHERE r.id = :id""",
        {"id": repository.id},
    )
    if row is None or not row["has_issues"]:
        raise NotFound(NO_TRACKER)
    if row["importing"] or row["tracker_id"] != repository.tracker_id:
        raise _replaced()
    return int(row["tracker_id"])


def require_same(before: Repository, now: Repository) -> None:
    """Raises Conflict when an import has put another tracker in force in between."""
    if now.tracker_id != before.tracker_id:
        raise _replaced()


def _replaced() -> Conflict:
    return Conflict(
        "An import is replacing the issues of this repository; try again when it is done.",
        retry_after=5,
    )


def require_scopes(actor: Actor, needed: Sequence[Scope]) -> None:
    """Raises MissingScope when the actor's token was made without one of the scopes."""
    if actor.scopes is None:
        return
    granted = actor.scopes | {
        implied for scope, implied in _IMPLIED.items() if scope in actor.scopes
    }
    if not granted.issuperset(needed):
        raise MissingScope(sorted(actor.scopes), [str(scope) for scope in needed])
