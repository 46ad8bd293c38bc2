"""The whole of what answers show condensed, for a `fields` that asks for more of it.

Nothing is loaded for anybody else. What can't be shown stays condensed: no answer fails by this,
least of all one that tells of something written.
"""

from contextlib import suppress
from typing import Any

from aiohttp import web

from service.api_v2.representation import Representation
from service.http import keys, requests
from tracker import contents, issues
from tracker.access import repositories
from tracker.access.repositories import Shown
from tracker.access.rights import Actor, Repository, require_scopes
from tracker.contents import Texts
from tracker.database import Reader, Row
from tracker.errors import MissingScope, NotFound
from tracker.vocabulary import Scope

Wholes = dict[str, dict[str, Any]]

_REPOSITORY = ("type", "name", "full_name", "uuid")
_ISSUE = ("type", "id", "title", "repository")
"""What the condensed ones have already."""


async def of_tracker(request: web.Request, tracker: Repository) -> Wholes:
    """What answers.answer() takes for answers with a `repository`."""
    return await _repository(request, tracker, "repository")


async def of_issue(request: web.Request, tracker: Repository, number: int) -> Wholes:
    """What answers.answer() takes for answers with an `issue`, which has a `repository`."""
    if keys.FIELDS not in request:
        return {}
    repository = await _repository(request, tracker, "issue.repository")
    if not repository and not request[keys.FIELDS].wants("issue", besides=_ISSUE):
        return {}

    async def find(reader: Reader, actor: Actor) -> tuple[Row, Texts]:
        row = await issues.get(reader, tracker, number)
        return row, await contents.read(reader, tracker, "issue", [row])

    with suppress(NotFound):
        row, texts = await requests.read(request, find)
        [html] = await requests.shown(request, texts)
        shown = Representation(request[keys.BASE_URL], tracker).issue(row, html)
        return {"issue": {**shown, **repository}}
    return {}


async def _repository(request: web.Request, tracker: Repository, place: str) -> Wholes:
    """{"repository": it} if something inside it is asked for at that place."""
    if keys.FIELDS not in request or not request[keys.FIELDS].wants(place, besides=_REPOSITORY):
        return {}

    async def find(reader: Reader, actor: Actor) -> Shown:
        require_scopes(actor, (Scope.REPOSITORY,))
        return await repositories.get(reader, actor, tracker.workspace_slug, tracker.uuid)

    with suppress(NotFound, MissingScope):
        repository, owner = await requests.read(request, find)
        return {"repository": Representation(request[keys.BASE_URL], repository).repository(owner)}
    return {}
