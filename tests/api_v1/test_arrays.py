"""Bare arrays that are longer than what is read at a time."""

import asyncio
import json
import logging
import socket
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from service.api_v1 import arrays
from service.http import keys
from service.http.timeouts import TIMEOUTS
from tests.conftest import APP, OPEN, Api, Start
from tests.rows import TIME
from tracker import catalogues
from tracker.access import repositories, trackers
from tracker.access.rights import ADMINISTRATOR, find_repository
from tracker.database import Transaction
from tracker.query import Selection
from tracker.settings import Settings

ISSUES = f"{APP.replace('/2.0', '/1.0')}/issues"
COMMENTS = f"{ISSUES}/1/comments"
MANY = 2 * arrays.PART + 50

Meanwhile = Callable[[web.Request], Awaitable[object]]


async def _comment(api: Api, count: int, full_name: str = "alice/app", fill: int = 0) -> None:
    """Give that repository's first issue so many comments, from 1 on, with so many "x" in each."""
    await api.post(f"/2.0/repositories/{full_name}/issues", "alice", {"title": "much to say"})
    tracker = (await api.repository(full_name)).tracker_id
    async with api.db.transaction() as tx:
        for number in range(1, count + 1):
            await tx.run(
                """INSERT INTO comment (tracker_id, id, issue_number, content_raw, created_on)
                   VALUES (:tracker, :id, 1, :text, :time)""",
                {"tracker": tracker, "id": number, "text": f"c{number}{fill * 'x'}", "time": TIME},
            )


@pytest.mark.parametrize("coding", ["gzip", "identity"])
async def test_a_long_array_is_exactly_the_list_in_its_order(api: Api, coding: str) -> None:
    await _comment(api, MANY)
    answer = await api("GET", COMMENTS, "alice", headers={"Accept-Encoding": coding})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert [comment["comment_id"] for comment in answer.body] == [*range(MANY, 0, -1)]
    assert [comment["content"] for comment in answer.body] == [f"c{n}" for n in range(MANY, 0, -1)]


@pytest.mark.parametrize("count", [0, 1, arrays.PART - 1, arrays.PART])
async def test_what_fits_into_one_part_has_an_etag(api: Api, count: int) -> None:
    await _comment(api, count)
    answer = await api("GET", COMMENTS, "alice")
    assert len(answer.body) == count
    same = {"If-None-Match": answer.headers["ETag"]}
    assert (await api("GET", COMMENTS, "alice", headers=same)).status == 304


async def test_one_more_than_a_part_is_there_as_well(api: Api) -> None:
    await _comment(api, arrays.PART + 1)
    assert len(await api.get(COMMENTS, "alice")) == arrays.PART + 1


async def test_head_of_a_long_array_has_no_body_and_leaves_the_connection_usable(api: Api) -> None:
    await _comment(api, MANY)
    for _ in range(2):
        answer = await api("HEAD", COMMENTS, "alice")
        assert (answer.status, answer.body) == (200, "")
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert len(await api.get(COMMENTS, "alice")) == MANY


@pytest.mark.parametrize("most", [1, 2, 5, 11, 1000])
async def test_texts_that_do_not_fit_into_one_part_are_all_there(
    api: Api, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "BYTES", most)
    await _comment(api, 12)
    found = await api.get(COMMENTS, "alice")
    assert [comment["content"] for comment in found] == [f"c{n}" for n in range(12, 0, -1)]


async def test_texts_that_fill_a_part_each_arrive_as_they_are(api: Api) -> None:
    await _comment(api, 3, fill=arrays.BYTES - 2)
    found = await api.get(COMMENTS, "alice")
    for comment, number in zip(found, (3, 2, 1), strict=True):
        assert comment["content"] == f"c{number}{'x' * (arrays.BYTES - 2)}"


async def test_an_array_inside_an_object_counts_what_it_holds(api: Api) -> None:
    await _comment(api, 0)
    tracker = (await api.repository("alice/app")).tracker_id
    async with api.db.transaction() as tx:
        for number in range(MANY):
            row = await tx.returning(
                """INSERT INTO account (uuid, account_id, username, display_name, nickname,
                                        workspace_id, created_on)
                   SELECT :uuid, :name, :name, :name, :name, workspace_id, :time FROM repository
                    WHERE tracker_id = :tracker RETURNING id""",
                {"uuid": f"{{{number}}}", "name": f"p{number}", "time": TIME, "tracker": tracker},
            )
            await tx.run(
                "INSERT INTO watch (tracker_id, issue_number, account_id) VALUES (:t, 1, :id)",
                {"t": tracker, "id": row["id"]},
            )
    found = await api.get(f"{ISSUES}/1/followers", "alice")
    assert list(found) == ["count", "followers"]
    assert found["count"] == MANY + 1
    names = [follower["username"] for follower in found["followers"]]
    assert names == ["alice", *(f"p{number}" for number in range(MANY))]


class Interrupted:
    """Pail, where something happens between the first part of a long array and the next one."""

    def __init__(self, api: Api, waiting: list[Meanwhile]) -> None:
        self.api = api
        self.waiting = waiting

    async def ask(self, meanwhile: Meanwhile, who: str | None = "bob", path: str = COMMENTS) -> str:
        """Get an array while that happens: what came after the headers, chunks put together.

        "" where not even the headers came to an end; what is whole ends with an empty chunk.
        """
        self.waiting.append(meanwhile)
        reader, writer = await asyncio.open_connection(self.api.client.host, self.api.client.port)
        try:
            heads = {"Host": "localhost", **self.api.world.headers(who)}
            lines = "".join(f"{name}: {value}\r\n" for name, value in heads.items())
            writer.write(f"GET {path} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode())
            got = b""
            async with asyncio.timeout(20):
                try:
                    while chunk := await reader.read(1 << 16):
                        got += chunk
                except ConnectionResetError:
                    pass
        finally:
            writer.close()
        assert got.count(b"HTTP/1.1") <= 1
        head, _, rest = got.partition(b"\r\n\r\n")
        assert not head or head.startswith(b"HTTP/1.1 200 ")
        return rest.decode()


def _whole(chunked: str) -> list[object]:
    """The array in these chunks. Raises ValueError where it is none."""
    text = ""
    while not chunked.startswith("0\r\n"):
        size, _, rest = chunked.partition("\r\n")
        text += rest[: int(size, 16)]
        chunked = rest[int(size, 16) + 2 :]
    found: list[object] = json.loads(text)
    return found


@pytest.fixture
async def interrupted(start: Start, settings: Settings) -> Interrupted:
    """bob and everybody else may read arrays of 250 comments."""
    waiting: list[Meanwhile] = []

    async def interrupt(request: web.Request, response: web.StreamResponse) -> None:
        # It is prepared when the first part was read, and before anything was sent.
        if waiting and not isinstance(response, web.Response):
            await waiting.pop()(request)

    api = await start(settings, lambda app: app.on_response_prepare.append(interrupt))
    # Test servers cancel a handler whose client has gone; Pail's own do not.
    runner = api.client.server.runner
    assert runner is not None
    assert runner.server is not None
    runner.server.handler_cancellation = False
    for full_name in ("alice/app", "alice/open"):
        await _comment(api, MANY, full_name)
    return Interrupted(api, waiting)


def _writing(work: Callable[[Transaction], Awaitable[object]]) -> Meanwhile:
    async def meanwhile(request: web.Request) -> None:
        async with request.app[keys.DATABASE].transaction() as tx:
            await work(tx)

    return meanwhile


async def _replace(tx: Transaction) -> None:
    repository = await find_repository(tx, ADMINISTRATOR, "alice", "app")
    tracker = await trackers.create(tx, repository.id, status="building")
    await trackers.put_in_force(tx, repository.id, tracker)


async def _lose_access(tx: Transaction) -> None:
    await tx.run("DELETE FROM member")


async def _lose_account(tx: Transaction) -> None:
    await tx.run("UPDATE account SET is_active = 0 WHERE username = 'bob'")


async def _lose_token(tx: Transaction) -> None:
    await tx.run("DELETE FROM token")


async def _delete_issue(tx: Transaction) -> None:
    for table in ("watch", "comment", "issue_text", "issue"):
        await tx.run(f"DELETE FROM {table}")


async def _delete_repository(tx: Transaction) -> None:
    await repositories.delete(tx, await find_repository(tx, ADMINISTRATOR, "alice", "app"))


async def _switch_off(tx: Transaction) -> None:
    await tx.run("UPDATE repository SET has_issues = 0")


@pytest.mark.parametrize(
    "work",
    [
        _replace,
        _lose_access,
        _lose_account,
        _lose_token,
        _delete_issue,
        _delete_repository,
        _switch_off,
    ],
)
async def test_an_array_that_can_not_go_on_breaks_off_and_the_log_says_so(
    interrupted: Interrupted,
    caplog: pytest.LogCaptureFixture,
    work: Callable[[Transaction], Awaitable[object]],
) -> None:
    got = await interrupted.ask(_writing(work))
    assert not got.endswith("0\r\n\r\n")
    assert "error" not in got
    assert f'"c{MANY - arrays.PART}"' not in got, "something of the second part"
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.getMessage().startswith(f"A list broke off in {COMMENTS}: ")
    assert not record.exc_info
    assert (await interrupted.api("GET", "/healthz")).status == 200


async def test_what_breaks_off_for_a_reason_nobody_knows_is_told_with_its_traceback(
    interrupted: Interrupted, caplog: pytest.LogCaptureFixture
) -> None:
    async def break_table(tx: Transaction) -> None:
        await tx.run("ALTER TABLE comment RENAME COLUMN content_raw TO text")

    got = await interrupted.ask(_writing(break_table))
    assert not got.endswith("0\r\n\r\n")
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.exc_info


async def test_a_client_that_goes_away_is_one_line_in_the_log(
    interrupted: Interrupted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    api = interrupted.api
    reader, writer = await asyncio.open_connection(api.client.host, api.client.port)

    async def leave(request: web.Request) -> None:
        writer.close()
        while request.transport is not None:
            await asyncio.sleep(0.001)

    interrupted.waiting.append(leave)
    path = COMMENTS.replace("alice/app", "alice/open")
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    async with asyncio.timeout(10):
        while not (ended := [r for r in caplog.records if path in r.getMessage()]):
            await asyncio.sleep(0.001)
    [record] = ended
    assert (record.levelname, record.exc_info) == ("INFO", None)
    assert " 499 " in record.getMessage()
    assert await reader.read() == b""


async def test_a_few_long_texts_are_read_one_after_the_other(interrupted: Interrupted) -> None:
    async def remove(tx: Transaction) -> None:
        await tx.run("DELETE FROM comment WHERE id < 3")

    await interrupted.api.db.run("DELETE FROM comment")
    await _comment(interrupted.api, 3, fill=arrays.BYTES // 2)
    assert len(_whole(await interrupted.ask(_writing(remove)))) == 1


async def test_a_client_that_reads_nothing_is_cut_off(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    api.app[TIMEOUTS].reader = 0.2
    await _comment(api, 16, "alice/open", fill=arrays.BYTES)  # more than a kernel keeps
    path = COMMENTS.replace("alice/app", "alice/open")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((api.client.host, api.client.port))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        async with asyncio.timeout(20):
            while not (ended := [r for r in caplog.records if path in r.getMessage()]):
                await asyncio.sleep(0.001)
    [record] = ended
    assert (record.levelname, record.exc_info) == ("INFO", None)
    assert " 499 " in record.getMessage()


async def test_a_repository_that_gets_another_name_goes_on_under_the_old_one(
    interrupted: Interrupted,
) -> None:
    async def rename(request: web.Request) -> None:
        answer = await interrupted.api("PUT", APP, "alice", json={"name": "renamed"})
        assert answer.body["full_name"] == "alice/renamed"

    assert len(_whole(await interrupted.ask(rename))) == MANY


async def test_a_name_that_means_another_repository_by_now_breaks_off(
    interrupted: Interrupted,
) -> None:
    async def take_name(request: web.Request) -> None:
        api = interrupted.api
        await api("PUT", APP, "alice", json={"name": "renamed"})
        await api("PUT", OPEN, "alice", json={"name": "app"})

    assert not (await interrupted.ask(take_name)).endswith("0\r\n\r\n")


@pytest.mark.parametrize("who", ["bob", None])
async def test_what_is_removed_meanwhile_leaves_an_array_behind(
    interrupted: Interrupted, who: str | None
) -> None:
    async def remove(tx: Transaction) -> None:
        await tx.run("DELETE FROM comment WHERE id <= :id", {"id": MANY - arrays.PART})

    path = COMMENTS if who else COMMENTS.replace("alice/app", "alice/open")
    assert len(_whole(await interrupted.ask(_writing(remove), who, path))) == arrays.PART


async def test_what_is_written_meanwhile_moves_nothing(interrupted: Interrupted) -> None:
    async def comment(request: web.Request) -> None:
        await interrupted.api("POST", COMMENTS, "bob", data={"content": "newest"})

    assert len(_whole(await interrupted.ask(comment))) == MANY


async def test_a_token_that_is_lost_meanwhile_counts_as_no_wrong_one(
    interrupted: Interrupted,
) -> None:
    await interrupted.ask(_writing(_lose_token))
    guesses = [await interrupted.api("GET", COMMENTS, "wrong") for _ in range(11)]
    assert [guess.status for guess in guesses] == [*10 * [401], 429]


def test_only_the_first_part_counts_the_whole_list() -> None:
    selection = Selection(catalogues.COMMENTS, order=None, is_descending=True)
    assert [arrays.part(selection, after).counted for after in (None, (7,))] == [True, False]
