"""Who an issue can be assigned to: accounts that may see it, and people known from an archive."""

from tracker.access.accounts import is_in
from tracker.access.rights import Actor, Repository
from tracker.database import Reader
from tracker.errors import Invalid

NO_PERSON = "There is no such person here."

_COLUMNS = {
    "uuid": ("a.uuid", "NULL"),
    "account_id": ("a.account_id", "l.named_account_id"),
    "username": ("a.username", "l.username"),
    "nickname": ("a.nickname", "l.username"),
}
"""In an account, and in what the tracker's archive calls it."""


async def resolve(
    db: Reader, actor: Actor, repository: Repository, by: str, value: str | int
) -> int:
    """The row id of the account or placeholder that by = value means.

    by is uuid, account_id, username or nickname. Of several, an account goes first, then whom the
    tracker's archive calls so, then whom the workspace does. Raises Invalid, the same for a person
    who does not exist and for one who may not see the repository. A name can be guessed, so it
    means only a person who belongs to the repository or is in its tracker already (administrators,
    too), or the actor: names do not tell who has an account.
    """
    column, alias = _COLUMNS[by]
    row = await db.one(
        f"""SELECT a.id, 0 AS is_placeholder FROM account a
             WHERE {column} = :value AND a.workspace_id IS NULL AND a.tracker_id IS NULL
               AND a.is_active = 1
               AND (a.id = (SELECT owner_id FROM workspace WHERE id = :workspace)
                    OR EXISTS (SELECT 1 FROM member m
                                WHERE m.repository_id = :repository AND m.account_id = a.id)
                    OR ((:private = 0 OR a.is_admin = 1)
                        AND (:guess = 0 OR a.id = :actor OR {is_in(":tracker")})))
             UNION ALL
            SELECT l.account_id, 1 FROM alias l
             WHERE l.tracker_id = :tracker AND {alias} = :value
             UNION ALL
            SELECT a.id, 2 FROM account a
             WHERE {column} = :value AND a.workspace_id = :workspace
               AND (:guess = 0 OR {is_in(":tracker")})
             ORDER BY is_placeholder, id LIMIT 1""",
        {
            "value": value,
            "actor": actor.id,
            "workspace": repository.workspace_id,
            "repository": repository.id,
            "tracker": repository.tracker_id,
            "private": int(repository.is_private),
            "guess": int(by in ("username", "nickname")),
        },
    )
    if row is None:
        raise Invalid(f"assignee: {NO_PERSON}", {"assignee": [NO_PERSON]})
    return int(row["id"])
