"""A page that shows the OpenAPI document and sends requests: Swagger UI, from its package."""

from functools import cache
from pathlib import Path

from aiohttp import web

_HERE = Path(__file__).parent / "static"
_PACKAGED = ("swagger-ui.css", "swagger-ui-bundle.js")

_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""As for the other pages; but the style sheet of Swagger UI holds pictures."""


def add_routes(app: web.Application) -> None:
    """Add what the page loads."""
    app.router.add_get("/static/docs/{name}", get_file)


def shown() -> web.FileResponse:
    """The page."""
    return web.FileResponse(_HERE / "docs.html", headers={"Content-Security-Policy": _POLICY})


async def get_file(request: web.Request) -> web.FileResponse:
    """A script or a style sheet of the page."""
    path = _files().get(request.match_info["name"])
    if path is None:
        raise web.HTTPNotFound
    return web.FileResponse(path)


@cache
def _files() -> dict[str, Path]:
    """What the page loads, by name: these files and no path at all."""
    import swagger_ui_bundle  # late: a process that shows no page does without it

    packaged = Path(swagger_ui_bundle.swagger_ui_path)
    own = {path.name: path for path in _HERE.iterdir() if path.suffix in (".css", ".js")}
    return {name: packaged / name for name in _PACKAGED} | own
