"""The whole of objects that answers show condensed, for a `fields` that asks for more of them.

Nothing is loaded for other requests. What can't be shown stays condensed: no answer fails by this,
least of all one that tells of a write.
"""

from contextlib import suppress
from functools import partial
from typing import Any

from aiohttp import web

from service.api_v2.partial import FIELDS
from service.api_v2.representation import Representation
from service.http import requests
from service.http.links import BASE_URL
from tracker import contents, issues
from tracker.access import repositories
from tracker.access.repositories import Shown
from tracker.access.rights import Actor, Repository, require_scopes
from tracker.contents import Texts
from tracker.database import Reader, Row
from tracker.errors import MissingScope, NotFound, Unauthenticated
from tracker.vocabulary import Scope

_REPOSITORY = ("type", "name", "full_name", "uuid")
_ISSUE = ("type", "id", "title", "repository")
"""What the condensed objects have already."""


async def of_tracker(request: web.Request, tracker: Repository) -> None:
    """Expand the `repository` of an answer, where `fields` asks for more of it."""
    if FIELDS in request:
        whole = await _repository(request, tracker, "repository")
        if whole is not None:
            request[FIELDS].expand("repository", whole)


async def of_issue(request: web.Request, tracker: Repository, number: int) -> None:
    """Expand the `issue` of an answer, and its `repository`, where `fields` asks for more."""
    if FIELDS not in request:
        return
    repository = await _repository(request, tracker, "issue.repository")
    if repository is None and not request[FIELDS].wants("issue", besides=_ISSUE):
        return
    with suppress(NotFound, Unauthenticated):
        work = partial(_issue, tracker=tracker, number=number)
        row, texts = await requests.read(request, work, find=None)
        [html] = await requests.shown(request, texts)
        shown = Representation(request[BASE_URL], tracker).issue(row, html)
        if repository is not None:
            shown["repository"] = repository
        request[FIELDS].expand("issue", shown)


async def _issue(
    db: Reader, actor: Actor, *, tracker: Repository, number: int
) -> tuple[Row, Texts]:
    row = await issues.get(db, tracker, number)
    return row, await contents.read(db, tracker, "issue", [row])


async def _repository(
    request: web.Request, tracker: Repository, place: str
) -> dict[str, Any] | None:
    """The whole repository, if something inside it is asked for at that place."""
    if not request[FIELDS].wants(place, besides=_REPOSITORY):
        return None
    with suppress(NotFound, MissingScope, Unauthenticated):
        work = partial(_shown, tracker=tracker)
        repository, owner = await requests.read(request, work, find=None)
        return Representation(request[BASE_URL], repository).repository(owner)
    return None


async def _shown(db: Reader, actor: Actor, *, tracker: Repository) -> Shown:
    require_scopes(actor, (Scope.REPOSITORY,))
    return await repositories.get(db, actor, tracker.workspace_slug, tracker.uuid)
