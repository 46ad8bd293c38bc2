"""Cached answers: the same bytes as fresh ones, to the same person, as long as they are true."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from aiohttp import ClientSession, web
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from service.app import build_app
from service.http.answer_cache import ANSWER_CACHE, AnswerCache
from service.http.connections import AccessLogger, Runner
from tests.conformance.places import places
from tests.conftest import APP, OPEN, Answer, Api, Start, World
from tests.hostile.routes import ROUTES, Route
from tests.tracker.test_markup import SLOW
from tracker import clock, comments, contents, edits, issues
from tracker.access import accounts, tokens
from tracker.access.rights import ADMINISTRATOR, Actor, find_tracker
from tracker.database import Database, SqliteDatabase, connect
from tracker.edits import Edit
from tracker.issues import NewIssue
from tracker.settings import Settings
from tracker.votes import Mark, add, remove

ISSUES = f"{APP}/issues"
ONE = f"{ISSUES}/1"
OLD = ONE.replace("/2.0", "/1.0")


def cache(api: Api) -> AnswerCache:
    return api.app[ANSWER_CACHE]


async def hits(api: Api, ask: Callable[[], Awaitable[Answer]]) -> tuple[Answer, int]:
    """An answer, and how many hits the cache had for it."""
    before = cache(api).figures()["hits"]
    answer = await ask()
    return answer, cache(api).figures()["hits"] - before


def shown(answer: Answer) -> tuple[int, dict[str, str], Any]:
    """What must be the same: everything but the time of the answer."""
    headers = {name: value for name, value in answer.headers.items() if name != "Date"}
    return answer.status, headers, answer.body


@pytest.fixture
async def other(api: Api) -> AsyncIterator[Database]:
    """The same database, open in what stands for another process."""
    assert isinstance(api.db, SqliteDatabase)
    db = await connect(api.db.path)
    yield db
    await db.close()


@pytest.fixture
async def one(api: Api) -> None:
    """An issue with a comment."""
    await api.post(ISSUES, "alice", {"title": "One", "content": {"raw": "a *b*, see #1, @{bob}"}})
    await api.post(f"{ONE}/comments", "bob", {"content": {"raw": "c"}})


@pytest.mark.usefixtures("one")
@pytest.mark.parametrize(
    "path",
    [
        ONE,
        OLD,
        ISSUES,
        f'{ISSUES}?q=title ~ "one"&sort=-votes&fields=%2Bvalues.repository.*',
        f"{ONE}/comments",
        f"{ONE}/changes",
        f"{ONE}/attachments",
        f"{APP}/components",
        f"{OLD}/comments",
        f"{OLD}/followers",
        f"{APP.replace('/2.0', '/1.0')}/issues?limit=0&status=new",
        f"{APP.replace('/2.0', '/1.0')}/issues/components",
    ],
)
async def test_what_is_asked_again_is_answered_from_the_cache(api: Api, path: str) -> None:
    await api("GET", path, "bob")
    first = await api("GET", f"{path}{'&' if '?' in path else '?'}x=1", "bob")
    fresh, none = await hits(api, partial(api, "GET", path, "bob"))
    again, some = await hits(api, partial(api, "GET", path, "bob"))
    assert (none, some) in {(0, 1), (1, 1)}
    assert shown(again) == shown(fresh)
    assert again.status == first.status == 200
    assert "Date" in again.headers


@pytest.mark.usefixtures("one")
async def test_a_write_is_seen_by_the_next_request(api: Api) -> None:
    for title in ("Two", "Three"):
        await api("PUT", ONE, "alice", json={"title": title})
        for _ in range(2):
            assert (await api.get(ONE, "bob"))["title"] == title
            assert (await api.get(ISSUES, "bob"))["values"][0]["title"] == title
            assert (await api.get(OLD, "bob"))["title"] == title


@pytest.mark.usefixtures("one")
async def test_a_write_of_another_process_is_seen_by_the_next_request(
    api: Api, other: Database
) -> None:
    repository = await find_tracker(other, ADMINISTRATOR, "alice", "app")
    [row] = await other.all("SELECT id FROM account WHERE username = 'alice'")
    alice = Actor(row["id"], "alice")
    for number in range(30):
        edit = Edit(title=f"Title {number}")
        await other.write(lambda tx, edit=edit: edits.apply(tx, alice, repository, 1, edit))
        for _ in range(2):
            assert (await api.get(ONE, "bob"))["title"] == edit.title


@pytest.mark.usefixtures("one")
async def test_a_commit_that_alters_nothing_here_leaves_answers_valid(
    api: Api, other: Database
) -> None:
    await api.get(ONE, "bob")
    await api.get(ONE, "bob")
    await other.run("UPDATE counter SET value = value + 1 WHERE name = 'category'")
    assert (await hits(api, partial(api, "GET", ONE, "bob")))[1] == 1
    await api.post(f"{OPEN}/issues", "alice", {"title": "elsewhere"})
    assert (await hits(api, partial(api, "GET", ONE, "bob")))[1] == 1


@pytest.mark.usefixtures("one")
@pytest.mark.parametrize("loss", ["token", "account", "member", "tracker", "repository"])
async def test_who_loses_a_right_gets_no_cached_answer(
    api: Api, other: Database, loss: str
) -> None:
    async def lose() -> None:
        if loss == "token":
            [token] = await tokens.of_account(other, "bob")
            await tokens.remove(other, "bob", token["id"])
        elif loss == "account":
            await accounts.set_active(other, "bob", False)
        elif loss == "member":
            await other.run("DELETE FROM member WHERE permission = 'write'")
        elif loss == "tracker":
            await other.run("UPDATE repository SET has_issues = 0")
        else:
            await other.run("UPDATE repository SET slug = 'moved' WHERE slug = 'app'")

    for _ in range(3):
        await api.get(ONE, "bob")
    await lose()
    expected = 401 if loss in ("token", "account") else 404
    for _ in range(2):
        assert (await api("GET", ONE, "bob")).status == expected


@pytest.mark.usefixtures("one")
async def test_a_token_that_expires_gets_no_cached_answer(api: Api, world: World) -> None:
    secret = await tokens.create(api.db, "bob", days=1)
    headers = {"Authorization": f"Bearer {secret}"}
    now = datetime.now(UTC)
    try:
        for days, status in ((0.5, 200), (0.9, 200), (1.1, 401), (0.5, 200)):
            clock.set_source(lambda days=days: now + timedelta(days=days))
            assert (await api("GET", ONE, headers=headers)).status == status
            assert (await api("GET", ONE, headers=headers)).status == status
    finally:
        clock.set_source(None)


@pytest.mark.usefixtures("one")
async def test_answers_differ_as_the_headers_of_requests_do(api: Api) -> None:
    alike = [
        {"Accept-Encoding": "identity"},
        {"Accept-Encoding": "gzip"},
        {"Origin": "https://a.example"},
        {"If-None-Match": "*"},
        {"If-None-Match": '"x"'},
        {"X-Anything": "x"},
    ]
    found = {}
    for turn in range(3):
        for place, headers in enumerate(alike):
            for who in ("bob", "alice", None, "charlie"):
                answer = await api("GET", ONE, who, headers=headers)
                assert shown(answer) == found.setdefault((place, who), shown(answer)), turn
    statuses = {key: value[0] for key, value in found.items()}
    assert statuses[0, "bob"] == statuses[0, "alice"] == 200
    assert statuses[3, "bob"] == 304
    assert statuses[0, None] == statuses[0, "charlie"] == 404
    assert (await api("GET", ONE, "wrong", headers=alike[0])).status == 401
    assert "ap-mention-me" in str(found[0, "bob"])
    assert "ap-mention-me" not in str(found[0, "alice"])


@pytest.mark.usefixtures("one")
@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("HEAD", {}),
        ("GET", {"headers": {"Connection": "close"}}),
        ("GET", {"data": b"body"}),
        ("GET", {"headers": {"Expect": "100-continue"}}),
    ],
)
async def test_what_is_more_than_a_plain_get_is_not_answered_from_the_cache(
    api: Api, method: str, arguments: dict[str, Any]
) -> None:
    for _ in range(3):
        answer, count = await hits(api, partial(api, method, ONE, "bob", **arguments))
        assert answer.status == 200
        assert count == 0


@pytest.mark.usefixtures("one")
@pytest.mark.parametrize("path", ["/2.0/user", APP, f"{ISSUES}/export", f"{ONE}/vote", "/readyz"])
async def test_what_depends_on_more_is_not_cached(api: Api, path: str) -> None:
    for _ in range(2):
        _, count = await hits(api, partial(api, "GET", path, "alice"))
        assert count == 0


async def test_a_text_that_is_not_rendered_finally_is_not_cached(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "_TIMEOUT", 0.0)
    await api.post(f"{OPEN}/issues", "alice", {"title": "t", "content": {"raw": SLOW[1]}})
    for _ in range(2):
        _, count = await hits(api, partial(api, "GET", f"{OPEN}/issues/1"))
        assert count == 0


@pytest.mark.usefixtures("one")
async def test_the_cache_is_bounded_and_can_be_turned_off(start: Start, settings: Settings) -> None:
    small = await start(replace(settings, cache_bytes=10_000))
    for number in range(50):
        await small.get(f"{ONE}?x={number}", "bob")
    figures = (await small.get("/readyz"))["caches"]["answers"]
    assert 1 <= figures["answers"] <= 5
    assert 1000 < figures["bytes"] <= 10_000
    off = await start(replace(settings, cache_bytes=0))
    for _ in range(3):
        await off.get(ONE, "bob")
    figures = (await off.get("/readyz"))["caches"]["answers"]
    assert (figures["answers"], figures["bytes"], figures["hits"]) == (0, 0, 0)


@asynccontextmanager
async def connected(api: Api) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    assert api.client.port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", api.client.port)
    yield reader, writer
    writer.close()


async def answered(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The head and the body of one answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    [length] = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    return head, await reader.readexactly(int(length.partition(b":")[2]))


@pytest.mark.usefixtures("one")
async def test_answers_come_in_the_order_of_requests_however_these_are_cut(
    api: Api, world: World
) -> None:
    token = world.tokens["bob"]
    requests = [
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        for path in (ONE, OLD, f"{ONE}/comments", "/healthz")
    ]
    async with connected(api) as (reader, writer):
        expected = []
        for request in requests:
            writer.write(request)
            expected.append((await answered(reader))[1])
        whole = b"".join(requests)
        for size in (len(whole), 1000, 333, 100, len(requests[0]), 17):
            for start in range(0, len(whole), size):
                writer.write(whole[start : start + size])
                await writer.drain()
                await asyncio.sleep(0)
            assert [(await answered(reader))[1] for _ in requests] == expected


@pytest.mark.usefixtures("one")
async def test_hits_are_logged_like_other_requests(
    settings: Settings, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    log = logging.getLogger("pail.test")
    app = build_app(settings)
    runner = Runner(app, access_log_class=AccessLogger, access_log=log)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    lines = []
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with ClientSession(base, headers=world.headers("bob")) as client:
        for _ in range(2):
            async with client.get(f"{ONE}?access_token=secret") as answer:
                assert answer.status == 200
            [line] = capsys.readouterr().err.splitlines()
            lines.append(line.split()[2:-1])
    assert app[ANSWER_CACHE].figures()["hits"] == 1
    await runner.cleanup()
    assert lines[0] == lines[1]
    assert lines[0][1:5] == ["127.0.0.1", '"GET', f'{ONE}"', "200"]


async def test_every_route_gives_everybody_what_it_gives_without_a_cache(
    start: Start, settings: Settings
) -> None:
    with_cache = await start(settings)
    without = await start(replace(settings, cache_bytes=0))
    there = await places(with_cache)
    routes: list[Route] = [route for route in ROUTES if route.method == "GET"]
    people = (None, "alice", "bob", "charlie", "reader")
    host = {"Host": "localhost"}
    for order in (people, people[::-1]):
        for _ in range(2):
            for route in routes:
                for who in order:
                    path = route.at(there)
                    cached = await with_cache("GET", path, who, headers=host)
                    fresh = await without("GET", path, who, headers=host)
                    assert _alike(cached) == _alike(fresh), (str(route), who)
    assert cache(with_cache).figures()["hits"] > 100


def _alike(answer: Answer) -> Any:
    status, headers, body = shown(answer)
    if answer.status == 302:
        headers = {**headers, "Location": headers.get("Location", "").partition("?")[0]}
    if isinstance(body, dict) and "caches" in body:
        body = {**body, "caches": None}
    return status, {**headers, "Content-Length": ""}, body if "Etag" not in headers else ""


def test_whatever_rights_are_read_from_moves_their_revision(world: World) -> None:
    """The tables that identification and the look-up of a repository read have triggers."""
    read: set[str] = set()

    async def look() -> None:
        db = await connect(world.database)
        try:

            def note(action: int, table: str | None, *rest: Any) -> int:
                if action == sqlite3.SQLITE_READ and table:
                    read.add(table)
                return sqlite3.SQLITE_OK

            db._reader._connection.set_authorizer(note)
            for name, token in world.tokens.items():
                actor = await tokens.authenticate(db, token)
                if actor is not None and name != "eve":
                    for slug in ("app", "open", "former"):
                        try:
                            await find_tracker(db, actor, "alice", slug)
                        except Exception:
                            continue
        finally:
            await db.close()

    asyncio.run(look())
    with closing(sqlite3.connect(world.database)) as db:
        triggers = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
    assert {"account", "token", "repository", "workspace", "member", "former_name"} <= read
    for table in read:
        for verb in ("insert", "update", "delete"):
            assert f"rights_{table}_{verb}" in triggers, table


PATHS = (ISSUES, f"{ISSUES}?q=state=%22new%22", ONE, f"{ISSUES}/2", f"{ONE}/comments", OLD)
STEPS = st.lists(
    st.tuples(st.sampled_from(["here", "there"]), st.integers(0, 6), st.integers(1, 2)),
    min_size=1,
    max_size=12,
)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(steps=STEPS)
async def test_writes_of_two_processes_never_leave_an_old_answer(
    two: tuple[Api, Api, Database], steps: list[tuple[str, int, int]]
) -> None:
    with_cache, without, other = two
    for place, step, number in steps:
        await _write(with_cache.db if place == "here" else other, step, number)
        for path in PATHS:
            for who in ("bob", None):
                cached = await with_cache("GET", path, who, headers={"Host": "localhost"})
                fresh = await without("GET", path, who, headers={"Host": "localhost"})
                assert _alike(cached) == _alike(fresh), path
                assert cached.body == fresh.body


@pytest.fixture
async def two(
    start: Start, settings: Settings, one: None
) -> AsyncIterator[tuple[Api, Api, Database]]:
    """Pail with a cache, without, and what stands for a third process, on one database."""
    with_cache, without = await start(settings), await start(replace(settings, cache_bytes=0))
    await with_cache.post(ISSUES, "alice", {"title": "Two"})
    other = await connect(settings.database)
    yield with_cache, without, other
    await other.close()


async def _write(db: Database, step: int, number: int) -> None:
    """One of several writes, as the core does it."""
    repository = await find_tracker(db, ADMINISTRATOR, "alice", "app")
    [row] = await db.all("SELECT id FROM account WHERE username = 'alice'")
    alice = Actor(row["id"], "alice")
    mark = Mark.VOTE

    async def work(tx: Any) -> None:
        if step == 0:
            await issues.create(tx, alice, repository, NewIssue("new", "text"))
        elif step == 1:
            edit = Edit(title=clock.now(), state=None)
            await edits.apply(tx, alice, repository, number, edit)
        elif step == 2:
            await comments.create(tx, alice, repository, number, content=clock.now())
        elif step == 3:
            await add(tx, alice, repository, number, mark)
        elif step == 4:
            await remove(tx, alice, repository, number, mark)
        elif step == 5:
            await tx.run("UPDATE repository SET is_private = 1 - is_private WHERE slug = 'app'")
        else:
            await tx.run(
                "UPDATE account SET display_name = :now WHERE id = :id",
                {"now": clock.now(), "id": alice.id},
            )

    await db.write(work, short=number == 1)
