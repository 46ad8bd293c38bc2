"""The application: settings in, everything wired, nothing started."""

from collections.abc import AsyncIterator

from aiohttp import web

from service.api_v1.dialect import V1
from service.api_v2.dialect import V2
from service.http import answers, downloads, health, keys, routing, signing
from service.http.answer_cache import ANSWER_CACHE, AnswerCache
from service.http.auth import ACCESS_CACHE, FAILURES, AccessCache, Failures
from service.http.dialect import DIALECTS
from service.http.doorbell import DOORBELL, Doorbell
from service.http.issue_cache import ISSUE_CACHE, IssueCache
from service.http.sending import OUTGOING, Outgoing
from service.http.timeouts import TIMEOUTS, Timeouts
from service.http.turns import TURNS, Turns
from service.openapi import page
from service.openapi.endpoints import DOCUMENTS, Documents
from service.pages import avatars, git, home
from tracker import database, files
from tracker.blobs import Blobs
from tracker.contents import Contents
from tracker.markup import Renderer
from tracker.query.paging import Hints
from tracker.settings import Settings


def build_app(settings: Settings) -> web.Application:
    """The web application for these settings. Its start may raise DatabaseUnusable, KeyUnusable."""
    app = web.Application(
        middlewares=[routing.middleware], client_max_size=settings.limits.body_bytes
    )
    app[keys.SETTINGS] = settings
    app[keys.BLOBS] = Blobs(settings.blobs_dir)
    app[keys.HINTS] = Hints()
    app[DIALECTS] = (V2, V1)
    app[DOCUMENTS] = Documents(settings.limits)
    app[FAILURES] = Failures()
    app[TURNS] = Turns()
    app[OUTGOING] = Outgoing()
    app[TIMEOUTS] = Timeouts()
    app[DOORBELL] = Doorbell(settings.redis_url)
    app[health.DISK] = health.Disk(settings)
    app[ACCESS_CACHE] = AccessCache()
    app[ANSWER_CACHE] = AnswerCache(settings.cache_bytes)
    app[ISSUE_CACHE] = IssueCache()
    app.on_response_prepare.append(answers.finish)
    app.cleanup_ctx.append(_database)
    for dialect in app[DIALECTS]:
        routing.add_routes(app, dialect)
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
        app[ANSWER_CACHE].open(db)
        files.make_folder(settings.spool_dir)
        app[downloads.DOWNLOADS] = downloads.Downloads(signing.shared_key(settings.key_file))
        async with Renderer() as renderer:
            app[keys.CONTENTS] = Contents(db, renderer)
            yield
            await app[keys.CONTENTS].close()
    finally:
        await app[DOORBELL].close()
        await db.close()
