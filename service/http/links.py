"""The address that links in answers start with, and the addresses that every face shares."""

import re

from aiohttp import web

from service.http import keys
from tracker.errors import Invalid

BASE_URL = web.RequestKey("base_url", str)


def base_url(request: web.Request) -> str:
    """What every link of the answer starts with, without a slash at its end.

    It is PAIL_PUBLIC_URL, or else the address that the client used if its host is one of
    PAIL_ALLOWED_HOSTS. Raises Invalid for another host: its sender could make us write links to
    their own site into a mail or a cache.
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
