"""Pictures of people, repositories and workspaces: drawn here, from a UUID and a name."""

import re
from functools import partial

from aiohttp import web

from service.http import requests
from tracker.access import avatars

_UUID = re.compile(r"\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}")

_SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64" viewBox="0 0 64 64">
<rect width="64" height="64" rx="8" fill="hsl({hue},45%,35%)"/>
{drawing}
</svg>
"""
_LETTERS = (
    '<text x="32" y="41" text-anchor="middle" font-family="sans-serif" font-size="{size}" '
    'fill="#fff">{letters}</text>'
)
_NEUTRAL = '<circle cx="32" cy="32" r="12" fill="none" stroke="#fff" stroke-width="4"/>'
"""For a name without letters, and for what the caller may not know: the two look the same."""


def add_routes(app: web.Application) -> None:
    """Add the pictures."""
    app.router.add_get("/avatar/{uuid:[^/]+}.svg", get_avatar)


async def get_avatar(request: web.Request) -> web.Response:
    """A picture for any UUID in braces, with initials where the caller may know whose it is."""
    uuid = request.match_info["uuid"].lower()
    if not _UUID.fullmatch(uuid):
        raise web.HTTPNotFound
    name = await requests.read(request, partial(avatars.name_of, uuid=uuid), find=None)
    return web.Response(
        text=draw(uuid, avatars.initials(name or "")),
        content_type="image/svg+xml",
        headers={
            "Content-Security-Policy": "default-src 'none'",
            "Cache-Control": "private, max-age=3600",
            "Vary": "Authorization",
        },
    )


def draw(uuid: str, letters: str) -> str:
    """The SVG of a picture: its colour comes from the UUID, its letters are letters or digits."""
    drawing = _LETTERS.format(size=28 if len(letters) > 1 else 32, letters=letters)
    return _SVG.format(hue=int(uuid[1:5], 16) % 360, drawing=drawing if letters else _NEUTRAL)
