"""What the application carries and what a request carries, by typed keys."""

from typing import TYPE_CHECKING

from aiohttp import web

from service.http.turns import Turns
from tracker.access.rights import Actor
from tracker.blobs import Blobs
from tracker.contents import Contents
from tracker.database import Database
from tracker.settings import Settings
from tracker.vocabulary import Scope

if TYPE_CHECKING:
    from service.api_v2.issue_cache import ReadyIssues
    from service.api_v2.partial import Selection
    from service.http.doorbell import Doorbell
    from service.http.downloads import Downloads
    from service.http.health import Disk
    from service.http.sending import Outgoing
    from service.http.timeouts import Timeouts
    from service.openapi import Description

SETTINGS = web.AppKey("settings", Settings)
DATABASE = web.AppKey("database", Database)
CONTENTS = web.AppKey("contents", Contents)
TURNS = web.AppKey("turns", Turns)
BLOBS = web.AppKey("blobs", Blobs)
DOWNLOADS: web.AppKey["Downloads"] = web.AppKey("downloads")
DOORBELL: web.AppKey["Doorbell"] = web.AppKey("doorbell")
DISK: web.AppKey["Disk"] = web.AppKey("disk")
READY_ISSUES: web.AppKey["ReadyIssues"] = web.AppKey("ready_issues")
DESCRIPTION_V1: web.AppKey["Description"] = web.AppKey("description_v1")
DESCRIPTION_V2: web.AppKey["Description"] = web.AppKey("description_v2")

OUTGOING: web.AppKey["Outgoing"] = web.AppKey("outgoing")
TIMEOUTS: web.AppKey["Timeouts"] = web.AppKey("timeouts")

ACTOR = web.RequestKey("actor", Actor)
SCOPES = web.RequestKey("scopes", tuple[Scope, ...])
FIELDS: web.RequestKey["Selection"] = web.RequestKey("fields")
BASE_URL = web.RequestKey("base_url", str)
