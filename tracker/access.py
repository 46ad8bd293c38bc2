"""Who asks, and what they may do: the one place where permissions and scopes are decided."""

from collections.abc import Sequence
from dataclasses import dataclass

from tracker.database import Reader, Row
from tracker.errors import Forbidden, MissingScope, NotFound, Unauthenticated
from tracker.vocabulary import Permission, Scope

NO_REPOSITORY = (
    "You may not have access to this repository or it no longer exists in this workspace. "
    "If you think this repository exists and you have access, make sure you are authenticated."
)
NO_TRACKER = "Repository has no issue tracker."

_RANK = {permission: rank for rank, permission in enumerate(Permission)}
_IMPLIED = {
    Scope.ACCOUNT_WRITE: Scope.ACCOUNT,
    Scope.REPOSITORY_WRITE: Scope.REPOSITORY,
    Scope.ISSUE_WRITE: Scope.ISSUE,
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever asks. id is the account's, None for nobody; scopes None means all of them."""

    id: int | None
    username: str | None = None
    is_admin: bool = False
    scopes: frozenset[str] | None = None


ANONYMOUS = Actor(None)
ADMINISTRATOR = Actor(None, "administrator", is_admin=True)
"""Whoever has the machine: the command line."""


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


_FIND = """
SELECT r.id, r.uuid, r.slug, r.name, r.description, r.is_private, r.has_issues, r.tracker_id,
       r.created_on, r.updated_on, w.id AS workspace_id, w.uuid AS workspace_uuid,
       w.slug AS workspace_slug, w.name AS workspace_name, w.owner_id, m.permission
  FROM repository r
  JOIN workspace w ON w.id = r.workspace_id
  LEFT JOIN member m ON m.repository_id = r.id AND m.account_id = :actor
"""


async def find_repository(db: Reader, actor: Actor, workspace: str, slug: str) -> Repository:
    """The repository, if this actor may see it.

    workspace and slug may each be a slug in any case or a UUID in braces; an empty workspace `{}`
    goes with a repository's UUID (Bitbucket 2.0). Raises NotFound: what is invisible is absent.
    """
    conditions = ["r.uuid = :slug" if slug.startswith("{") else "r.slug = :slug"]
    if workspace.startswith("{"):
        if workspace != "{}" or not slug.startswith("{"):
            conditions.append("w.uuid = :workspace")
    else:
        conditions.append("w.slug = :workspace")
    row = await db.one(
        f"{_FIND} WHERE {' AND '.join(conditions)}",
        {"workspace": workspace.lower(), "slug": slug.lower(), "actor": actor.id},
    )
    repository = _repository(row, actor) if row is not None else None
    if repository is None or (repository.is_private and repository.permission is None):
        raise NotFound(NO_REPOSITORY)
    return repository


async def find_tracker(db: Reader, actor: Actor, workspace: str, slug: str) -> Repository:
    """The repository, if this actor may see it and its issue tracker is on. Raises NotFound."""
    repository = await find_repository(db, actor, workspace, slug)
    if not repository.has_issues:
        raise NotFound(NO_TRACKER)
    return repository


def _repository(row: Row, actor: Actor) -> Repository:
    permission = Permission(row["permission"]) if row["permission"] else None
    if actor.is_admin or (actor.id is not None and row["owner_id"] == actor.id):
        permission = Permission.ADMIN
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
        permission=permission,
    )


def require_account(actor: Actor) -> int:
    """The id of the account that asks. Raises Unauthenticated for nobody."""
    if actor.id is None:
        raise Unauthenticated("Authentication is required for this.")
    return actor.id


def require_permission(repository: Repository, needed: Permission) -> None:
    """Raises Forbidden when the actor's permission on the repository is less than needed."""
    if repository.permission is None or _RANK[repository.permission] < _RANK[needed]:
        raise Forbidden(f"This needs {needed} access to {repository.full_name}.")


def require_scopes(actor: Actor, needed: Sequence[Scope]) -> None:
    """Raises MissingScope when the actor's token was made without one of the scopes."""
    if actor.scopes is None:
        return
    granted = actor.scopes | {
        implied for scope, implied in _IMPLIED.items() if scope in actor.scopes
    }
    if not granted.issuperset(needed):
        raise MissingScope(sorted(actor.scopes), [str(scope) for scope in needed])
