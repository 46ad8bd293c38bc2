"""Where the application keeps what the tracker provides, by typed keys.

A class of the service defines its key beside itself; those of the tracker know nothing of aiohttp,
so their keys are here.
"""

from aiohttp import web

from tracker.blobs import Blobs
from tracker.contents import Contents
from tracker.database import Database
from tracker.query.paging import Hints
from tracker.settings import Settings

SETTINGS = web.AppKey("settings", Settings)
DATABASE = web.AppKey("database", Database)
CONTENTS = web.AppKey("contents", Contents)
HINTS = web.AppKey("hints", Hints)
BLOBS = web.AppKey("blobs", Blobs)
