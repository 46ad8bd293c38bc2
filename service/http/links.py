"""Addresses in answers: absolute, and where the client can reach them."""

import re
from urllib.parse import quote

from aiohttp import web

from service.http import keys
from tracker.access.rights import Repository
from tracker.errors import Invalid


def base_url(request: web.Request) -> str:
    """What every link of the answer starts with: no slash at its end.

    PAIL_PUBLIC_URL, or else the address that the client used if its host is one of
    PAIL_ALLOWED_HOSTS. Raises Invalid for another host: its sender could make us
    write links into a mail or a cache that lead to him.
    """
    settings = request.app[keys.SETTINGS]
    if settings.public_url is not None:
        return settings.public_url
    host = request.headers.get("Host", "")
    if _name(host) not in settings.allowed_hosts:
        raise Invalid(f"Unknown host {host!r}: set PAIL_PUBLIC_URL or PAIL_ALLOWED_HOSTS")
    return f"{request.scheme}://{host}"


_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::([1-9][0-9]{0,4}))?")
"""A name or an address, and a port. Nothing else: browsers read `evil.example\\@localhost` as
evil.example, where Python reads localhost."""


def _name(host: str) -> str | None:
    """The name in a Host header without its port; None when it is not such a header."""
    match = _HOST.fullmatch(host.lower())
    if match is None or int(match[3] or 80) > 65535:
        return None
    return match[1] or match[2]


def avatar(base: str, uuid: str) -> str:
    """The picture of a person, a workspace or a repository."""
    return f"{base}/avatar/%7B{uuid[1:-1]}%7D.svg"


def person(base: str, uuid: str) -> dict[str, object]:
    """The links of a person."""
    quoted = f"%7B{uuid[1:-1]}%7D"
    return {
        "self": {"href": f"{base}/2.0/users/{quoted}"},
        "html": {"href": f"{base}/{quoted}/"},
        "avatar": {"href": avatar(base, uuid)},
    }


def old_person(username: str) -> str:
    """A person's resource_uri in API 1.0: without the base address."""
    return f"/1.0/users/{quote(username, safe='')}"


def workspace(base: str, uuid: str, slug: str) -> dict[str, object]:
    """The links of a workspace that is shown inside something else."""
    return {
        "self": {"href": f"{base}/2.0/workspaces/{slug}"},
        "html": {"href": f"{base}/{slug}/"},
        "avatar": {"href": avatar(base, uuid)},
    }


def old_repository(repository: Repository) -> str:
    """A repository's resource_uri in API 1.0."""
    return f"/1.0/repositories/{repository.full_name}"


class RepositoryLinks:
    """The addresses of one repository and of what is in it."""

    __slots__ = ("api", "avatar", "html")

    def __init__(self, base: str, repository: Repository) -> None:
        self.api = f"{base}/2.0/repositories/{repository.full_name}"
        self.html = f"{base}/{repository.full_name}"
        self.avatar = avatar(base, repository.uuid)

    def code(self) -> dict[str, object]:
        """Where the code would be: GitLab's importer fails without clone."""
        lists = {name: {"href": f"{self.api}/{name}"} for name in ("commits", "downloads", "forks")}
        return {
            **lists,
            "branches": {"href": f"{self.api}/refs/branches"},
            "tags": {"href": f"{self.api}/refs/tags"},
            "pullrequests": {"href": f"{self.api}/pullrequests"},
            "watchers": {"href": f"{self.api}/watchers"},
            "clone": [{"name": "https", "href": f"{self.html}.git"}],
        }

    def issue(self, number: int) -> str:
        """An issue in the API."""
        return f"{self.api}/issues/{number}"

    def comment(self, number: int, comment_id: int) -> str:
        """A comment in the API."""
        return f"{self.api}/issues/{number}/comments/{comment_id}"

    def comment_page(self, number: int, comment_id: int) -> str:
        """A comment, or the change of that id, on its issue's page."""
        return f"{self.html}/issues/{number}#comment-{comment_id}"

    def change(self, number: int, change_id: int) -> str:
        """A change in the API."""
        return f"{self.api}/issues/{number}/changes/{change_id}"

    def attachment(self, number: int, name: str) -> str:
        """An attachment in the API."""
        return f"{self.api}/issues/{number}/attachments/{quote(name, safe='')}"

    def category(self, kind: str, category_id: int) -> str:
        """A component, milestone or version in the API."""
        return f"{self.api}/{kind}s/{category_id}"
