"""Accounts: the people who can sign in."""

import secrets
import uuid
from collections.abc import Sequence

from tracker import clock, fields
from tracker.database import Database, Duplicate, Reader, Row
from tracker.errors import Conflict, NotFound

FULL = """id, uuid, username, account_id, display_name, nickname, email, is_admin, is_active,
created_on"""


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
        what = "address" if "email" in str(error) else "name"
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
