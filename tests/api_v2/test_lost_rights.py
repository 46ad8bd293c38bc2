"""Rights count when something is written: one lost during the request is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from service.http.auth import ACTOR
from tests.conftest import APP, Answer, Api, Start
from tests.jobs.working import archive, files, form
from tests.rows import TIME
from tracker.access import repositories, trackers
from tracker.access.rights import ADMINISTRATOR, find_repository
from tracker.database import Reader, Transaction
from tracker.settings import Settings

Meanwhile = Callable[[Transaction], Awaitable[object]]


def _empty(folder: Path) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Verb:
    """What somebody asks for; body makes the arguments of the request."""

    method: str
    path: str
    body: Callable[[Path], dict[str, Any]] = _empty

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


ADMINISTERING = (
    Verb("PUT", APP, lambda folder: {"json": {"name": "mine"}}),
    Verb("DELETE", APP),
    Verb(
        "PUT",
        f"{APP}/permissions-config/users/{{dora}}",
        lambda folder: {"json": {"permission": "admin"}},
    ),
    Verb("DELETE", f"{APP}/permissions-config/users/{{dora}}"),
    Verb("POST", f"{APP}/issues/import", lambda folder: {"data": form(archive(folder))}),
    Verb("DELETE", f"{APP}/issues/import"),
    Verb("POST", f"{APP}/issues/import/undo"),
    Verb("POST", f"{APP}/issues/export", lambda folder: {"json": {}}),
)
MAKING = (
    Verb("POST", "/2.0/repositories/alice/new", lambda folder: {"json": {}}),
    Verb("PUT", "/2.0/repositories/alice/new", lambda folder: {"json": {}}),
)

_BOB = "(SELECT id FROM account WHERE username = 'bob')"


async def _lose_access(tx: Transaction) -> None:
    await tx.run(f"DELETE FROM member WHERE account_id = {_BOB}")


async def _keep_writing(tx: Transaction) -> None:
    await tx.run(f"UPDATE member SET permission = 'write' WHERE account_id = {_BOB}")


async def _lose_account(tx: Transaction) -> None:
    await tx.run("UPDATE account SET is_active = 0 WHERE username = 'bob'")


async def _lose_workspace(tx: Transaction) -> None:
    await tx.run(f"UPDATE workspace SET owner_id = {_BOB} WHERE slug = 'alice'")


async def _delete(tx: Transaction) -> None:
    await repositories.delete(tx, await find_repository(tx, ADMINISTRATOR, "alice", "app"))


class Asking:
    """Pail, where something happens between the check of a right and its use."""

    def __init__(self, api: Api, settings: Settings, seen: list[web.Request]) -> None:
        self.api = api
        self._settings = settings
        self._seen = seen

    async def __call__(self, verb: Verb, who: str, meanwhile: Meanwhile) -> Answer:
        """Ask; nothing but what happens meanwhile may be written."""
        dora = (await self.api.get("/2.0/user", "dora"))["uuid"]
        arguments = verb.body(self._settings.data_dir)
        self._seen.clear()
        async with self.api.db.transaction() as tx:  # other writers wait for it
            path = verb.path.format(dora=dora)
            asked = asyncio.create_task(self.api(verb.method, path, who, **arguments))
            async with asyncio.timeout(10):
                while not self._seen or ACTOR not in self._seen[-1]:
                    await asyncio.sleep(0.001)
            await meanwhile(tx)
            before = await self._rows(tx)
        answer = await asked
        assert await self._rows(self.api.db) == before
        assert files(self._settings.spool_dir) == set()
        return answer

    async def _rows(self, reader: Reader) -> list[list[tuple[object, ...]]]:
        tables = ("workspace", "repository", "former_name", "member", "job", "tracker")
        return [
            [tuple(row) for row in await reader.all(f"SELECT * FROM {table}")] for table in tables
        ]


@pytest.fixture
async def asking(start: Start, settings: Settings) -> Asking:
    """bob administers alice/app, where an import can be undone."""
    seen: list[web.Request] = []

    @web.middleware
    async def remember(request: web.Request, handler: Handler) -> web.StreamResponse:
        seen.append(request)
        return await handler(request)

    api = await start(settings, lambda app: app.middlewares.append(remember))
    repository = await api.repository("alice/app")
    await repositories.set_member(api.db, repository, "bob", "admin")
    await api.db.run(
        """INSERT INTO tracker (repository_id, status, created_on, replaced_on)
           VALUES (:repository, 'replaced', :time, :time)""",
        {"repository": repository.id, "time": TIME},
    )
    return Asking(api, settings, seen)


@pytest.mark.parametrize("verb", ADMINISTERING, ids=str)
@pytest.mark.parametrize(
    ("meanwhile", "status"),
    [(_lose_access, 404), (_keep_writing, 403), (_lose_account, 401), (_delete, 404)],
)
async def test_a_right_that_is_lost_before_the_writing_is_none(
    asking: Asking, verb: Verb, meanwhile: Meanwhile, status: int
) -> None:
    assert (await asking(verb, "bob", meanwhile)).status == status


@pytest.mark.parametrize("verb", MAKING, ids=str)
async def test_whoever_owned_the_workspace_makes_nothing_in_it(asking: Asking, verb: Verb) -> None:
    assert (await asking(verb, "alice", _lose_workspace)).status == 403


async def test_somebody_who_was_switched_off_meanwhile_is_given_nothing(asking: Asking) -> None:
    async def switch_off(tx: Transaction) -> None:
        await tx.run("UPDATE account SET is_active = 0 WHERE username = 'dora'")

    assert (await asking(ADMINISTERING[2], "bob", switch_off)).status == 404


@pytest.mark.parametrize("verb", MAKING, ids=str)
async def test_a_name_that_is_taken_meanwhile_is_refused(asking: Asking, verb: Verb) -> None:
    async def take(tx: Transaction) -> None:
        workspace = (await asking.api.repository("alice/app")).workspace_id
        await repositories.add(tx, workspace, repositories.NewRepository("new", "New"))

    assert (await asking(verb, "alice", take)).status == 400


async def test_what_was_meant_for_the_issues_before_an_import_is_not_done_to_those_after_it(
    asking: Asking,
) -> None:
    await asking.api.post(f"{APP}/issues", "alice", {"title": "old"})
    verb = Verb("PUT", f"{APP}/issues/1", lambda folder: {"json": {"state": "closed"}})

    async def swap(tx: Transaction) -> None:
        repository = await find_repository(tx, ADMINISTRATOR, "alice", "app")
        tracker = await trackers.create(tx, repository.id, status="building")
        await tx.run(
            """INSERT INTO issue (tracker_id, number, title, state, kind, priority, created_on,
                                  updated_on)
               VALUES (:tracker, 1, 'new', 'new', 'bug', 'major', :time, :time)""",
            {"tracker": tracker, "time": TIME},
        )
        await trackers.put_in_force(tx, repository.id, tracker)

    answer = await asking(verb, "bob", swap)
    assert answer.status == 409
    issue = await asking.api.get(f"{APP}/issues/1", "bob")
    assert (issue["title"], issue["state"]) == ("new", "new")
