"""`pail user`, `token`, `workspace`, `repo`, `member` and `check`: use the database directly."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import click

from tracker.access import accounts, repositories, tokens, workspaces
from tracker.access.rights import ADMINISTRATOR, Repository, find_repository
from tracker.blobs import Blobs
from tracker.database import Database, connect
from tracker.errors import Invalid, NotFound
from tracker.settings import load
from tracker.terminal import say
from tracker.vocabulary import Permission, Scope
from tracker.work import checking

T = TypeVar("T")


def on_database(work: Callable[[Database], Awaitable[T]]) -> T:
    """Open the database of the settings, run work on it, and return what work returns.

    Raises Invalid if an argument of the command line is not UTF-8, and what work raises.
    """

    async def run() -> T:
        db = await connect(load().database)
        try:
            return await work(db)
        finally:
            await db.close()

    try:
        return asyncio.run(run())
    except UnicodeEncodeError as error:
        raise Invalid(f"{error.object!r} is not UTF-8.") from error


async def find(db: Database, full_name: str) -> Repository:
    """Return the repository WORKSPACE/SLUG. Raises Invalid, NotFound."""
    try:
        return await find_repository(db, ADMINISTRATOR, *repositories.split(full_name))
    except NotFound:
        raise NotFound(f"There is no repository {full_name}.") from None


def _print(rows: Iterable[Iterable[object]]) -> None:
    """Print rows with tabs between the columns, so that scripts can read them."""
    for row in rows:
        say(*row)


@click.group()
def user() -> None:
    """Manage accounts."""


@user.command("add")
@click.argument("username")
@click.option("--name", help="The display name.")
@click.option("--email", help="An e-mail address, which also works as user name.")
@click.option("--admin", is_flag=True, help="Allow everything in all repositories.")
def user_add(username: str, name: str | None, email: str | None, admin: bool) -> None:
    """Create an account and print its new random password."""
    say(
        on_database(
            lambda db: accounts.create(db, username, display_name=name, email=email, is_admin=admin)
        )
    )


@user.command("list")
def user_list() -> None:
    """List accounts: name, display name, address, admin or user, active or disabled."""
    _print(
        (
            row["username"],
            row["display_name"],
            row["email"],
            "admin" if row["is_admin"] else "user",
            "active" if row["is_active"] else "disabled",
        )
        for row in on_database(accounts.all_accounts)
    )


@user.command("disable")
@click.argument("username")
def user_disable(username: str) -> None:
    """Disable an account. Its tokens stop working at once."""
    on_database(lambda db: accounts.set_active(db, username, False))


@user.command("enable")
@click.argument("username")
def user_enable(username: str) -> None:
    """Enable a disabled account."""
    on_database(lambda db: accounts.set_active(db, username, True))


@user.command("rename")
@click.argument("username")
@click.argument("name")
def user_rename(username: str, name: str) -> None:
    """Change the display name of an account."""
    on_database(lambda db: accounts.rename(db, username, name))


@click.group()
def token() -> None:
    """Manage API tokens."""


@token.command("create")
@click.argument("username")
@click.option("--name", default="", help="The name of the token, such as its purpose.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([str(scope) for scope in Scope]),
    help="Can be repeated. The default is all scopes.",
)
@click.option(
    "--expires",
    type=click.IntRange(0, 36_500),
    metavar="DAYS",
    help="Days until the token expires. The default is never.",
)
def token_create(username: str, name: str, scopes: tuple[str, ...], expires: int | None) -> None:
    """Create a token and print it. It can't be shown again."""
    say(on_database(lambda db: tokens.create(db, username, name=name, scopes=scopes, days=expires)))


@token.command("list")
@click.argument("username")
def token_list(username: str) -> None:
    """List the tokens of an account: id, name, scopes, created, expires."""
    _print(
        (row["id"], row["name"], row["scopes"], row["created_on"], row["expires_on"])
        for row in on_database(lambda db: tokens.of_account(db, username))
    )


@token.command("remove")
@click.argument("username")
@click.argument("token_id", type=int)
def token_remove(username: str, token_id: int) -> None:
    """Revoke a token. It stops working at once."""
    on_database(lambda db: tokens.remove(db, username, token_id))


@click.group()
def workspace() -> None:
    """Manage workspaces, which contain repositories."""


@workspace.command("create")
@click.argument("slug")
@click.option("--owner", required=True, metavar="USERNAME")
@click.option("--name", help="The display name.")
def workspace_create(slug: str, owner: str, name: str | None) -> None:
    """Create a workspace. Its owner administers all repositories in it."""
    on_database(lambda db: workspaces.create(db, slug, owner=owner, name=name))


@workspace.command("list")
def workspace_list() -> None:
    """List workspaces: slug, name, owner."""
    _print(
        (row["slug"], row["name"], row["owner"]) for row in on_database(workspaces.all_workspaces)
    )


@click.group()
def repo() -> None:
    """Manage repositories, each with an issue tracker."""


@repo.command("create")
@click.argument("full_name", metavar="WORKSPACE/SLUG")
@click.option("--name", help="The display name.")
@click.option("--private", is_flag=True, help="Only members can see it.")
def repo_create(full_name: str, name: str | None, private: bool) -> None:
    """Create a repository with its issue tracker enabled."""
    on_database(lambda db: repositories.create(db, full_name, name=name, private=private))


@repo.command("list")
def repo_list() -> None:
    """List repositories: WORKSPACE/SLUG, name, private or public, number of issues."""
    _print(
        (
            row["full_name"],
            row["name"],
            "private" if row["is_private"] else "public",
            row["issues"],
        )
        for row in on_database(repositories.all_repositories)
    )


@click.group()
def member() -> None:
    """Manage the members of a repository and their permissions."""


@member.command("add")
@click.argument("full_name", metavar="WORKSPACE/SLUG")
@click.argument("username")
@click.argument("permission", type=click.Choice([str(word) for word in Permission]))
def member_add(full_name: str, username: str, permission: str) -> None:
    """Grant an account read, write or admin permission, or change it."""
    _set_member(full_name, username, Permission(permission))


@member.command("remove")
@click.argument("full_name", metavar="WORKSPACE/SLUG")
@click.argument("username")
def member_remove(full_name: str, username: str) -> None:
    """Remove an account from the members of a repository."""
    _set_member(full_name, username, None)


def _set_member(full_name: str, username: str, permission: Permission | None) -> None:
    async def work(db: Database) -> None:
        await repositories.set_member(db, await find(db, full_name), username, permission)

    on_database(work)


@member.command("list")
@click.argument("full_name", metavar="WORKSPACE/SLUG")
def member_list(full_name: str) -> None:
    """List the members of a repository: name and permission."""

    async def work(db: Database) -> None:
        rows = await repositories.all_members(db, await find(db, full_name))
        _print((row["username"], row["permission"]) for row in rows)

    on_database(work)


@click.command()
@click.option("--quick", is_flag=True, help="Don't read the contents of attachments.")
def check(quick: bool) -> None:
    """Check database, blobs and jobs for damage.

    Damage is printed, and the exit status is 1. Files that other accounts can open are warnings on
    stderr, which don't change the exit status.
    """
    settings = load()
    blobs = Blobs(settings.blobs_dir)
    found = on_database(lambda db: checking.check(db, blobs, settings, with_bytes=not quick))
    for sentence in checking.warnings(settings):
        say(f"Warning: {sentence}", err=True)
    for sentence in found:
        say(sentence)
    if found:
        raise SystemExit(1)
    say("Everything is sound.", err=True)


COMMANDS = {
    "user": user,
    "token": token,
    "workspace": workspace,
    "repo": repo,
    "member": member,
    "check": check,
}
