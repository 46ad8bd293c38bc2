"""Addresses in the answers of API 1.0: each a resource_uri, without scheme and host."""

from urllib.parse import quote

from tracker.access.rights import Repository


def person(username: str) -> str:
    """A person's resource_uri."""
    return f"/1.0/users/{quote(username, safe='')}"


def repository(found: Repository) -> str:
    """A repository's resource_uri."""
    return f"/1.0/repositories/{found.full_name}"
