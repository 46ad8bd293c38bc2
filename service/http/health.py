"""Whether the process runs, and whether it can work."""

import asyncio
import logging
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from service.http import answers, keys
from service.http.answer_cache import ANSWER_CACHE
from service.http.doorbell import DOORBELL
from service.http.issue_cache import ISSUE_CACHE
from tracker.database import Database
from tracker.settings import MIB, Settings
from tracker.work import presence

KEPT = 5.0
"""Seconds for which the last check of the disk, or the last refused write, is valid."""

LEAST_FREE = 1 * MIB
"""Bytes: a disk with less than this is full."""

_log = logging.getLogger("pail.service")


async def healthz(request: web.Request) -> web.Response:
    """200 as long as the process answers."""
    return answers.json({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """200 when the database answers and its disk has room, else 503.

    The states of queue and worker and the figures of caches are shown, but do not change the
    status.
    """
    db = request.app[keys.DATABASE]
    facts = {
        "database": await _database(db),
        "disk": await request.app[DISK].state(db),
        "queue": await request.app[DOORBELL].state(),
        "worker": await _worker(request.app[keys.SETTINGS]),
        "caches": {
            "answers": request.app[ANSWER_CACHE].figures(),
            "issues": request.app[ISSUE_CACHE].figures(),
        },
    }
    is_ready = facts["database"] == facts["disk"] == "ok"
    return answers.json(facts, status=200 if is_ready else 503)


async def _database(db: Database) -> str:
    try:
        await db.one("SELECT value FROM counter LIMIT 1")
    except Exception:  # whatever it is, it is the answer to what was asked here
        _log.exception("The database does not answer")
        return "does not answer"
    return "ok"


async def _worker(settings: Settings) -> str:
    """ok when a worker runs on this machine, else none."""
    return "ok" if await asyncio.to_thread(presence.is_any_here, settings.data_dir) else "none"


class Disk:
    """How full the disks are: by what they last refused, and by what is free on them."""

    def __init__(self, settings: Settings) -> None:
        self._folders = (settings.data_dir, settings.database.parent)
        self._looked_on = float("-inf")
        self._has_room = True

    async def state(self, db: Database) -> str:
        """ok, or full. Writes nothing.

        A refusal counts for a few seconds only: a load balancer that sends no writes while Pail is
        not ready must learn when it is ready again.
        """
        now = time.monotonic()
        if now - self._looked_on > KEPT:
            self._looked_on = now
            self._has_room = await asyncio.to_thread(_has_room, self._folders)
        is_refused = db.refused_on is not None and now - db.refused_on <= KEPT
        return "full" if is_refused or not self._has_room else "ok"


DISK = web.AppKey("disk", Disk)


def _has_room(folders: Iterable[Path]) -> bool:
    for folder in folders:
        with suppress(OSError):  # what can't be looked at is no reason not to serve
            if shutil.disk_usage(folder).free < LEAST_FREE:
                return False
    return True
