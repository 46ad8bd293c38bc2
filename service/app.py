"""The application: settings in, everything wired, nothing started."""

from collections.abc import AsyncIterator

from aiohttp import web

from service import openapi
from service.api_v1 import asking, endpoints
from service.api_v2 import (
    attachments,
    categories,
    changes,
    code,
    comments,
    issues,
    jobs,
    partial,
    permissions,
    repositories,
    users,
    votes,
    workspaces,
)
from service.api_v2.issue_cache import ReadyIssues
from service.http import answers, auth, bodies, cors, downloads, errors, health, keys, signing
from service.http.doorbell import Doorbell
from service.http.endpoint import V1, V2, add_routes
from service.http.sending import Outgoing
from service.http.timeouts import Timeouts
from service.http.turns import Turns
from service.openapi import dialects, page
from service.pages import avatars, git, home
from tracker import database, files
from tracker.blobs import Blobs
from tracker.contents import Contents
from tracker.markup import Renderer
from tracker.settings import Settings

ENDPOINTS = (
    *issues.ENDPOINTS,
    *comments.ENDPOINTS,
    *changes.ENDPOINTS,
    *votes.ENDPOINTS,
    *attachments.ENDPOINTS,
    *categories.ENDPOINTS,
    *repositories.ENDPOINTS,
    *users.ENDPOINTS,
    *workspaces.ENDPOINTS,
    *permissions.ENDPOINTS,
    *jobs.ENDPOINTS,
    *code.ENDPOINTS,
    *openapi.ENDPOINTS,
)
"""API 2.0; the busiest first, because they are matched in order."""


def build_app(settings: Settings) -> web.Application:
    """The web application for these settings. Its start may raise DatabaseUnusable, KeyUnusable."""
    app = web.Application(
        middlewares=[
            bodies.middleware,
            errors.middleware,
            cors.middleware,
            auth.Authentication().middleware,
        ],
        client_max_size=settings.limits.body_bytes,
    )
    app[keys.SETTINGS] = settings
    app[keys.TURNS] = Turns()
    app[keys.OUTGOING] = Outgoing()
    app[keys.TIMEOUTS] = Timeouts()
    app[keys.BLOBS] = Blobs(settings.blobs_dir)
    app[keys.DOORBELL] = Doorbell(settings.redis_url)
    app[keys.DISK] = health.Disk(settings)
    app[keys.READY_ISSUES] = ReadyIssues()
    old = openapi.Description(dialects.V1, endpoints.ENDPOINTS, settings.limits)
    app[keys.DESCRIPTION_V1] = old
    app[keys.DESCRIPTION_V2] = openapi.Description(dialects.V2, ENDPOINTS, settings.limits)
    app.on_response_prepare.append(answers.finish)
    app.on_response_prepare.append(cors.finish)
    app.cleanup_ctx.append(_database)
    add_routes(app, V2, ENDPOINTS, partial.ask)
    add_routes(app, V1, endpoints.ENDPOINTS, asking.ask)
    app.router.add_get("/healthz", health.healthz)
    app.router.add_get("/readyz", health.readyz)
    app.router.add_get(downloads.ROUTE, downloads.get_bytes)
    home.add_routes(app)
    avatars.add_routes(app)
    git.add_routes(app)
    page.add_routes(app)
    return app


async def _database(app: web.Application) -> AsyncIterator[None]:
    """The database, and what works on it, for as long as the application runs."""
    settings = app[keys.SETTINGS]
    db = await database.connect(settings.database)
    try:
        app[keys.DATABASE] = db
        files.make_folder(settings.spool_dir)
        app[keys.DOWNLOADS] = downloads.Downloads(signing.shared_key(settings.key_file))
        async with Renderer() as renderer:
            app[keys.CONTENTS] = Contents(db, renderer)
            yield
            await app[keys.CONTENTS].close()
    finally:
        await app[keys.DOORBELL].close()
        await db.close()
