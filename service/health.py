"""Whether the process runs, and whether it can work (DECISIONS 25)."""

import logging

from aiohttp import web

from service import answers, keys, requests

_log = logging.getLogger("pail.service")


async def healthz(request: web.Request) -> web.Response:
    """200 as long as the process answers."""
    return answers.json({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """200 when the database answers, else 503; the queue's state is told but decides nothing."""
    try:
        await requests.database(request).one("SELECT value FROM counter LIMIT 1")
        status, database = 200, "ok"
    except Exception:  # whatever it is, it is the answer to what was asked here
        _log.exception("The database does not answer")
        status, database = 503, "does not answer"
    queue = await request.app[keys.DOORBELL].state()
    return answers.json({"database": database, "queue": queue}, status=status)
