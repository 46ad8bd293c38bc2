"""The front page: what this is, and where the public trackers are."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from service.http import keys
from tracker.access import repositories

if TYPE_CHECKING:
    import jinja2

_HERE = Path(__file__).parent
_STATIC = {path.name: path for path in (_HERE / "static").iterdir()}
"""What /static serves: these files and no path at all."""

MOST = 100
"""How many trackers the front page names."""

_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


def add_routes(app: web.Application) -> None:
    """Add the pages and what they load."""
    app.router.add_get("/", get_home)
    app.router.add_get("/static/{name}", get_static)


async def get_home(request: web.Request) -> web.Response:
    """The front page."""
    rows = await repositories.public_trackers(request.app[keys.DATABASE], MOST + 1)
    html = (
        _environment()
        .get_template("home.html")
        .render(repositories=rows[:MOST], has_more=len(rows) > MOST)
    )
    return web.Response(
        text=html, content_type="text/html", headers={"Content-Security-Policy": _POLICY}
    )


async def get_static(request: web.Request) -> web.FileResponse:
    """A style sheet or a picture."""
    path = _STATIC.get(request.match_info["name"])
    if path is None:
        raise web.HTTPNotFound
    return web.FileResponse(path)


@cache
def _environment() -> "jinja2.Environment":
    import jinja2  # late: a process that shows no page does without it

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
