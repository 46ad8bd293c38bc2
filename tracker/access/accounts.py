"""Accounts: the people who can sign in."""

import secrets
import uuid
from collections.abc import Sequence

from tracker import clock, fields
from tracker.access.rights import IS_VISIBLE, Actor, sql_params
from tracker.database import Database, Duplicate, Reader, Row
from tracker.errors import Conflict, NotFound
from tracker.query import Column

FULL = """id, uuid, username, account_id, display_name, nickname, email, is_admin, is_active,
created_on"""

NO_ACCOUNT = "No Account matches the given query."

SELECTED = "(a.uuid = :selected_uuid OR a.account_id = :selected)"
"""SQL of whether account a is {selected_user} in a path; it goes with selected()."""

IS_SIGNING_IN = "a.workspace_id IS NULL AND a.tracker_id IS NULL"
"""SQL of whether a is an account and no placeholder."""

_SHOWN = {
    "uuid": None,
    "account_id": "named_account_id",
    "display_name": "display_name",
    "nickname": "username",
}
"""What answers show of an account, and the columns of an alias that go before."""

_ACTS = (("issue", "reporter_id"), ("issue", "assignee_id"), ("comment", "account_id"))


def is_in(tracker: str) -> str:
    """SQL of whether account a is reporter, assignee or author of a comment in that tracker."""
    acts = (
        f"EXISTS (SELECT 1 FROM {table} act WHERE act.{who} = a.id AND act.tracker_id = {tracker})"
        for table, who in _ACTS
    )
    return f"({' OR '.join(acts)})"


def _is_shown_in(tracker: str) -> str:
    """SQL of whether account a is in that tracker, or follows an issue there."""
    follows = f"SELECT 1 FROM watch WHERE account_id = a.id AND tracker_id = {tracker}"
    return f"({is_in(tracker)} OR EXISTS ({follows}))"


_IS_KNOWN = f"""(:is_admin = 1 OR a.id = :actor OR EXISTS (
    SELECT 1 FROM workspace w LEFT JOIN repository r ON r.workspace_id = w.id
     WHERE w.id IN (SELECT a.workspace_id
                     UNION ALL SELECT id FROM workspace WHERE a.workspace_id IS NULL)
       AND (w.owner_id = :actor OR (r.id IS NOT NULL AND {IS_VISIBLE}))
       AND (w.owner_id = a.id
            OR (w.owner_id = :actor AND w.id = a.workspace_id)
            OR EXISTS (SELECT 1 FROM member m WHERE m.repository_id = r.id AND m.account_id = a.id)
            OR {_is_shown_in("r.tracker_id")})))"""
"""SQL of whether the actor may know that there is an account or a placeholder a: the actor sees
something of their workspace, or a repository where they are a member, are in the tracker or follow
an issue. A placeholder belongs to one workspace, and only its owner knows all of them, because a
private archive may have named them."""

_NAMED = f"""
SELECT a.id, a.workspace_id, CAST(NULL AS INTEGER) AS tracker_id FROM account a
 WHERE {SELECTED}
 UNION
SELECT coalesce((SELECT a.id FROM account a
                  WHERE a.username = :selected_username AND {IS_SIGNING_IN}), -1), NULL, NULL
 UNION
SELECT coalesce((SELECT a.id FROM account a
                  WHERE a.workspace_id = w.id AND a.username = :selected), -1), w.id, NULL
  FROM workspace w
 UNION
SELECT a.id, a.workspace_id, l.tracker_id FROM alias l JOIN account a ON a.id = l.account_id
  JOIN repository r ON r.tracker_id = l.tracker_id JOIN workspace w ON w.id = r.workspace_id
 WHERE l.username = :selected AND {IS_VISIBLE}
   AND (w.owner_id = :actor OR :is_admin = 1 OR {_is_shown_in("l.tracker_id")})"""
"""SQL of the accounts and placeholders that a UUID, an account_id or a user name may mean; and the
tracker whose archive calls them so, where it shows them to the actor. The row -1 stands for an
absent account of that name, and for an absent placeholder in each workspace: absent names take as
long as known ones."""


def new_uuid() -> str:
    """A random UUID in braces, as Bitbucket writes them."""
    return f"{{{uuid.uuid4()}}}"


def hash_password(password: str) -> str:
    """The argon2id hash of a password; takes some 50 ms of CPU."""
    from argon2 import PasswordHasher  # late: no request needs it

    return PasswordHasher().hash(password)


async def create(
    db: Database,
    username: str,
    *,
    display_name: str | None = None,
    email: str | None = None,
    is_admin: bool = False,
) -> str:
    """Make an account that can sign in; returns its random password, which is kept only as a hash.

    Raises Invalid for a name or address that breaks the rules, Conflict for one that is taken.
    """
    username = fields.check(fields.username(), username)
    display_name = fields.check(fields.display_name(), display_name or username)
    email = fields.check(fields.email(), email) if email else None
    password = secrets.token_urlsafe(15)
    identity = new_uuid()
    try:
        await db.run(
            """INSERT INTO account (uuid, username, account_id, display_name, nickname, email,
                                    password_hash, is_admin, created_on)
               VALUES (:uuid, :username, :account_id, :display_name, :username, :email,
                       :password_hash, :is_admin, :now)""",
            {
                "uuid": identity,
                "username": username,
                "account_id": f"712020:{identity.strip('{}')}",
                "display_name": display_name,
                "email": email,
                "password_hash": hash_password(password),
                "is_admin": int(is_admin),
                "now": clock.now(),
            },
        )
    except Duplicate as error:
        what = "address" if "account.email" in error.columns else "name"
        raise Conflict(f"An account with that {what} exists already.") from error
    return password


async def find(db: Reader, username: str) -> Row:
    """The account of that username (columns of FULL). Raises NotFound."""
    row = await db.one(
        f"""SELECT {FULL} FROM account
             WHERE username = :username AND workspace_id IS NULL AND tracker_id IS NULL""",
        {"username": username.lower()},
    )
    if row is None:
        raise NotFound(f"There is no account {username!r}.")
    return row


async def get(db: Reader, account_id: int) -> Row:
    """The account with that row id (columns of FULL). Raises NotFound."""
    row = await db.one(f"SELECT {FULL} FROM account WHERE id = :id", {"id": account_id})
    if row is None:
        raise NotFound("There is no such account.")
    return row


async def all_accounts(db: Reader) -> Sequence[Row]:
    """Every account that can sign in, by name (columns of FULL)."""
    return await db.all(
        f"""SELECT {FULL} FROM account
             WHERE workspace_id IS NULL AND tracker_id IS NULL ORDER BY username"""
    )


async def set_active(db: Database, username: str, active: bool) -> None:
    """Switch an account on or off; off, its tokens stop working at once. Raises NotFound."""
    row = await find(db, username)
    await db.run(
        "UPDATE account SET is_active = :active WHERE id = :id",
        {"active": int(active), "id": row["id"]},
    )


async def rename(db: Database, username: str, display_name: str) -> None:
    """Give an account another display name. Raises NotFound, Invalid."""
    row = await find(db, username)
    await db.run(
        "UPDATE account SET display_name = :name WHERE id = :id",
        {"name": fields.check(fields.display_name(), display_name), "id": row["id"]},
    )


def selected(text: str) -> dict[str, object]:
    """The placeholders of SELECTED for a UUID in braces (in any case) or an account_id."""
    return {"selected": text, "selected_uuid": text.lower()}


def shown(name: str, prefix: str, *, alias: str | None = None) -> str:
    """SQL of what answers show of account `name`: prefix_uuid, prefix_account_id, ...

    alias is the joined row of that table, if any: what it says goes before.
    """
    return ", ".join(f"{sql} AS {prefix}_{part}" for part, sql in _parts(name, alias).items())


def paths(path: str, name: str, *, alias: str | None = None) -> dict[str, Column]:
    """How a list can be asked for the account `name` that its items show under that path.

    With an alias as in shown(); the person may be null.
    """
    columns = {
        f"{path}.{part}": Column(sql, nullable=alias is not None)
        for part, sql in _parts(name, alias).items()
    }
    # Old clients ask for names that answers have not shown since 2019.
    return {**columns, f"{path}.username": columns[f"{path}.nickname"]}


def _parts(name: str, alias: str | None) -> dict[str, str]:
    return {
        part: f"coalesce({alias}.{before}, {name}.{part})" if alias and before else f"{name}.{part}"
        for part, before in _SHOWN.items()
    }


async def see(db: Reader, actor: Actor, text: str) -> Row:
    """Whom a UUID in braces or an account_id means, if this actor may know (columns of FULL).

    An account goes before a placeholder. Raises NotFound: who is unknown to the actor is absent.
    """
    row = await db.one(
        f"""SELECT {FULL} FROM account a
             WHERE {SELECTED} AND a.tracker_id IS NULL AND {_IS_KNOWN}
             ORDER BY a.workspace_id IS NOT NULL, a.id LIMIT 1""",
        {**selected(text), **sql_params(actor)},
    )
    if row is None:
        raise NotFound(NO_ACCOUNT)
    return row


async def see_named(db: Reader, actor: Actor, text: str) -> Row:
    """As see(), and whom a user name means: id, user_uuid, user_display_name, ... (as in shown()).

    API 1.0 names people by user name, as the tracker's archive does where it shows them. Each
    workspace may have a person of that name: an account comes first, then the oldest person whom
    the actor may know. Raises NotFound.

    User names can be guessed, so an absent name must take as long as a known one: it is one query
    that compares a person of that name with everything that the actor sees.
    """
    row = await db.one(
        f"""WITH named AS MATERIALIZED ({_NAMED}),
                 known AS MATERIALIZED (SELECT a.id, a.tracker_id FROM named a WHERE {_IS_KNOWN})
            SELECT a.id, {shown("a", "user", alias="l")}
              FROM known JOIN account a ON a.id = known.id
              LEFT JOIN alias l ON l.tracker_id = known.tracker_id AND l.account_id = a.id
             WHERE a.tracker_id IS NULL
             ORDER BY a.workspace_id IS NOT NULL, a.id, coalesce(known.tracker_id, 0) LIMIT 1""",
        {**selected(text), "selected_username": text.lower(), **sql_params(actor)},
    )
    if row is None:
        raise NotFound(NO_ACCOUNT)
    return row


async def find_selected(db: Reader, text: str, *, is_active: bool = False) -> Row:
    """The account with that UUID or account_id (columns of FULL).

    Raises NotFound; with is_active also for an account that is switched off.
    """
    row = await db.one(
        f"SELECT {FULL} FROM account a WHERE {SELECTED} AND {IS_SIGNING_IN}", selected(text)
    )
    if row is None or (is_active and not row["is_active"]):
        raise NotFound(NO_ACCOUNT)
    return row
