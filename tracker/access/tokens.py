"""API tokens: random strings of which only the SHA-256 is stored."""

import base64
import hashlib
import secrets
from collections.abc import Sequence

from tracker import clock, fields
from tracker.access import accounts
from tracker.access.rights import Actor
from tracker.database import Database, Reader, Row, Transaction
from tracker.errors import Conflict, Invalid, NotFound
from tracker.vocabulary import Scope

PREFIX = "pail_"
"""The prefix of every token, by which secret scanners find published ones."""

SIZE = 30
"""Random bytes of a token, written in 40 characters behind PREFIX."""


def spelled(secret: bytes) -> str:
    """The token of SIZE bytes."""
    return PREFIX + base64.urlsafe_b64encode(secret).decode()


def digest(secret: str) -> str:
    """The stored hash of a token."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


async def create(
    db: Database,
    username: str,
    *,
    name: str = "",
    scopes: Sequence[str] = (),
    days: int | None = None,
) -> str:
    """Make a token for an account and return the secret, which can't be shown again.

    No scopes means all of them; days None means that it does not expire.
    Raises NotFound for an unknown account, Invalid for a scope that does not exist.
    """
    account = await accounts.find(db, username)
    for scope in scopes:
        if scope not in set(Scope):
            raise Invalid(f"Unknown scope {scope!r}; there are: {', '.join(Scope)}.")
    secret = spelled(secrets.token_bytes(SIZE))
    await db.run(
        """INSERT INTO token (account_id, name, sha256, scopes, created_on, expires_on)
           VALUES (:account, :name, :sha256, :scopes, :now, :expires)""",
        {
            "account": account["id"],
            "name": name,
            "sha256": digest(secret),
            "scopes": " ".join(sorted(scopes or Scope)),
            "now": clock.now(),
            "expires": None if days is None else clock.shifted(days=days),
        },
    )
    return secret


async def authenticate(db: Reader, secret: str, *, user: str | None = None) -> Actor | None:
    """The account of a token; None when the token is unknown or expired, or its account disabled.

    user is the name that came along with it (Basic): the account's username or e-mail address, or
    one of fields.GENERIC_USERS; any other name means None.
    """
    row = await db.one(
        """SELECT a.id, a.username, a.email, a.is_admin, t.scopes, t.expires_on
             FROM token t JOIN account a ON a.id = t.account_id
            WHERE t.sha256 = :sha256 AND a.is_active = 1""",
        {"sha256": digest(secret)},
    )
    if row is None or (row["expires_on"] is not None and row["expires_on"] <= clock.now()):
        return None
    if user is not None:
        names = {row["username"], (row["email"] or row["username"]).lower(), *fields.GENERIC_USERS}
        if user.lower() not in names:
            return None
    scopes = frozenset(row["scopes"].split())
    return Actor(row["id"], row["username"], bool(row["is_admin"]), scopes, row["expires_on"])


async def of_account(db: Reader, username: str) -> Sequence[Row]:
    """An account's tokens (id, name, scopes, created_on, expires_on). Raises NotFound."""
    account = await accounts.find(db, username)
    return await db.all(
        """SELECT id, name, scopes, created_on, expires_on FROM token
            WHERE account_id = :account ORDER BY id""",
        {"account": account["id"]},
    )


async def remove(db: Database, username: str, token_id: int) -> None:
    """Revoke one token of an account. Raises NotFound."""
    account = await accounts.find(db, username)
    if not await db.run(
        "DELETE FROM token WHERE id = :id AND account_id = :account",
        {"id": token_id, "account": account["id"]},
    ):
        raise NotFound(f"{username} has no token {token_id}.")


async def set_named(db: Database, username: str, name: str, secret: str) -> None:
    """Make secret the only token of this name of an account, with all scopes and no expiry.

    The account's others of that name are revoked; all else stays as it is.
    Raises NotFound, and Conflict for a secret that is another token already.
    """

    async def work(tx: Transaction) -> None:
        account = await accounts.find(tx, username)
        values = {"account": account["id"], "name": name, "sha256": digest(secret)}
        await tx.run(
            """DELETE FROM token
                WHERE account_id = :account AND name = :name AND sha256 != :sha256""",
            values,
        )
        if not await tx.run(
            """INSERT INTO token (account_id, name, sha256, scopes, created_on)
               VALUES (:account, :name, :sha256, :scopes, :now)
               ON CONFLICT (sha256) DO UPDATE SET scopes = excluded.scopes, expires_on = NULL
                WHERE account_id = excluded.account_id AND name = excluded.name""",
            {**values, "scopes": " ".join(sorted(Scope)), "now": clock.now()},
        ):
            raise Conflict("This is another token already: choose another one.")

    await db.write(work)
