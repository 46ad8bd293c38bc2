"""How API 2.0 shows people and workspaces, key by key."""

from typing import Any
from urllib.parse import quote

from service.http import links
from tracker.access.workspaces import Role, Workspace
from tracker.database import Row

Json = dict[str, Any]


def person(base: str, row: Row, prefix: str = "") -> Json:
    """The person in the columns prefix + uuid, prefix + display_name and so on."""
    uuid = row[f"{prefix}uuid"]
    return {
        "type": "user",
        "display_name": row[f"{prefix}display_name"],
        "uuid": uuid,
        "account_id": row[f"{prefix}account_id"],
        "nickname": row[f"{prefix}nickname"],
        "links": links.person(base, uuid),
    }


def user(base: str, row: Row) -> Json:
    """Somebody as others see him; row has the columns of accounts.FULL."""
    return {
        **person(base, row),
        "created_on": row["created_on"],
        "account_status": "active" if row["is_active"] else "inactive",
        "is_staff": False,
    }


def account(base: str, row: Row) -> Json:
    """An account as itself sees it; row has the columns of accounts.FULL."""
    shown = user(base, row)
    shown["links"]["repositories"] = {"href": f"{base}/2.0/repositories?role=owner"}
    return {
        **shown,
        "username": row["username"],
        "has_2fa_enabled": None,
        "website": None,
        "location": None,
    }


def email(base: str, address: str) -> Json:
    """The address of an account, which whoever administers Pail vouches for."""
    return {
        "type": "email",
        "email": address,
        "is_primary": True,
        "is_confirmed": True,
        "links": {"self": {"href": f"{base}/2.0/user/emails/{quote(address, safe='@')}"}},
    }


def outlined_workspace(base: str, uuid: str, slug: str, name: str) -> Json:
    """A workspace as it is shown inside something else."""
    return {
        "type": "workspace",
        "uuid": uuid,
        "slug": slug,
        "name": name,
        "links": links.workspace(base, uuid, slug),
    }


def _outlined(base: str, found: Workspace) -> Json:
    return outlined_workspace(base, found.uuid, found.slug, found.name)


def workspace(base: str, found: Workspace) -> Json:
    """A workspace itself."""
    shown = _outlined(base, found)
    url = shown["links"]["self"]["href"]
    shown["links"] |= {
        "members": {"href": f"{url}/members"},
        "owners": {"href": f"{url}/permissions?q=permission%3D%22owner%22"},
        "projects": {"href": f"{url}/projects"},
        "repositories": {"href": f"{base}/2.0/repositories/{found.slug}"},
    }
    return {**shown, "is_private": found.is_private, "created_on": found.created_on}


def workspace_access(base: str, found: Workspace) -> Json:
    """A workspace of whoever asks, as /user/workspaces shows it."""
    return {
        "type": "workspace_access",
        "administrator": found.role is Role.OWNER,
        "workspace": _outlined(base, found),
    }


def membership(base: str, found: Workspace, person: Json) -> Json:
    """Somebody in a workspace; person is person()'s."""
    shown = _outlined(base, found)
    url = f"{shown['links']['self']['href']}/members/%7B{person['uuid'][1:-1]}%7D"
    return {
        "type": "workspace_membership",
        "user": person,
        "workspace": shown,
        "links": {"self": {"href": url}},
    }
