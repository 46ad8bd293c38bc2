"""The people that every test knows, and Pail running for them.

alice owns the private repository alice/app and the public alice/open. bob may write in both, dora
may read both. charlie is a stranger who owns the private charlie/x. eve's account is switched off.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import hypothesis
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDictProxy
from yarl import URL

from service.app import build_app
from service.http import keys
from service.http.connections import Runner
from tests.described import Watch
from tracker import database
from tracker.access import accounts, repositories, tokens, workspaces
from tracker.access.rights import ADMINISTRATOR, Repository, find_repository
from tracker.database import Database
from tracker.settings import Settings

# No deadlines: timings belong in bench/. A run of CI is the same as the one before it.
hypothesis.settings.register_profile(
    "pail", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True
)
hypothesis.settings.load_profile("pail")

APP = "/2.0/repositories/alice/app"
OPEN = "/2.0/repositories/alice/open"

READ_SCOPES = ("account", "issue", "repository")


@dataclass(frozen=True)
class World:
    """A database file with the people in it, and a token for each; "reader" is alice's that may
    only read, "wrong" is nobody's."""

    database: Path
    tokens: dict[str, str]

    def headers(self, who: str | None) -> dict[str, str]:
        """The credentials of one of them; None sends none."""
        return {} if who is None else {"Authorization": f"Bearer {self.tokens[who]}"}


@dataclass(frozen=True)
class Answer:
    """What came back: body is the JSON, or the text where it is none."""

    status: int
    headers: CIMultiDictProxy[str]
    body: Any


class Api:
    """Pail over HTTP, asked as one of the people."""

    def __init__(
        self, client: TestClient[web.Request, web.Application], world: World, watch: Watch
    ) -> None:
        self.client = client
        self.world = world
        self.watch = watch

    async def __call__(
        self, method: str, path: str | URL, who: str | None = None, **arguments: Any
    ) -> Answer:
        """Send a request, following no redirect; a URL is sent as it is written."""
        headers = {**self.world.headers(who), **arguments.pop("headers", {})}
        response = await self.client.request(
            method, path, headers=headers, allow_redirects=False, **arguments
        )
        text = await response.text(errors="replace")
        is_json = response.content_type == "application/json" and text
        return Answer(response.status, response.headers, await response.json() if is_json else text)

    async def get(self, path: str, who: str | None = None, **arguments: Any) -> Any:
        """The JSON at that path, which must be there."""
        answer = await self("GET", path, who, **arguments)
        assert answer.status == 200, answer
        return answer.body

    async def post(self, path: str, who: str, payload: object) -> Any:
        """Post JSON that must be accepted; the JSON that comes back."""
        answer = await self("POST", path, who, json=payload)
        assert answer.status == 201, answer
        return answer.body

    @property
    def app(self) -> web.Application:
        """The application that answers."""
        assert self.client.app is not None
        return self.client.app

    @property
    def db(self) -> Database:
        """The database of the application."""
        return self.app[keys.DATABASE]

    @property
    def url(self) -> str:
        """What the application's links start with."""
        return str(self.client.make_url("")).rstrip("/")

    async def repository(self, full_name: str) -> Repository:
        """A repository as the administrator sees it."""
        return await find_repository(self.db, ADMINISTRATOR, *full_name.split("/"))


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The people, made once; tests work on copies of the file."""
    path = tmp_path_factory.mktemp("world") / "pail.db"
    return World(path, asyncio.run(_make_world(path)))


async def _make_world(path: Path) -> dict[str, str]:
    db = await database.connect(path, durable=False)
    try:
        made = {}
        for name in ("alice", "bob", "charlie", "dora", "eve"):
            await accounts.create(db, name, email=f"{name}@example.org")
            made[name] = await tokens.create(db, name)
        made["reader"] = await tokens.create(db, "alice", scopes=READ_SCOPES)
        made["wrong"] = f"{tokens.PREFIX}nobodys"
        await workspaces.create(db, "alice", owner="alice")
        await workspaces.create(db, "charlie", owner="charlie")
        await repositories.create(db, "charlie/x", private=True)
        for full_name, private in (("alice/app", True), ("alice/open", False)):
            repository = await repositories.create(db, full_name, private=private)
            await repositories.set_member(db, repository, "bob", "write")
            await repositories.set_member(db, repository, "dora", "read")
        await accounts.set_active(db, "eve", False)
        return made
    finally:
        await db.close()


@pytest.fixture
def settings(world: World, tmp_path: Path) -> Settings:
    """Settings over a fresh copy of the world."""
    shutil.copy(world.database, tmp_path / "pail.db")
    return Settings(data_dir=tmp_path, database=tmp_path / "pail.db")


Change = Callable[[web.Application], None]


class Server(TestServer):
    """Runs an application as `python -m service` does: nothing ends a handler whose client went."""

    async def _make_runner(self, **arguments: Any) -> Runner:
        return Runner(self.app, **{**arguments, "handler_cancellation": False})


class Start(Protocol):
    """Starts Pail with these settings, after a change to the application."""

    async def __call__(self, settings: Settings, change: Change | None = None) -> Api: ...


@pytest.fixture
async def start(world: World) -> AsyncIterator[Start]:
    """Start Pail with other settings than usual."""
    clients = []
    watches = []

    async def started(settings: Settings, change: Change | None = None) -> Api:
        app = build_app(settings)
        watches.append(watch := Watch(app))
        if change is not None:
            change(app)
        client = TestClient(Server(app))
        await client.start_server()
        clients.append(client)
        return Api(client, world, watch)

    yield started
    for client in clients:
        await client.close()
    wrong = [problem for watch in watches for problem in watch.wrong]
    assert not wrong, "answers that are not as the OpenAPI document describes them"


@pytest.fixture
async def api(start: Start, settings: Settings) -> Api:
    """Pail, running."""
    return await start(settings)
