"""kill -9 while clients write: whatever was acknowledged is there afterwards."""

import asyncio
import http.client
import json
import random
import shutil
import threading
import time
from pathlib import Path

import pytest

from tests.conftest import APP, World
from tests.running.processes import eventually
from tests.running.test_web_process import Web
from tracker import database

CLIENTS = 32
ROUNDS = 6


def _write(port: int, headers: dict[str, str], acknowledged: list[int]) -> None:
    """Create issues until the server is gone; note those that it has acknowledged."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        while True:
            connection.request("POST", f"{APP}/issues", json.dumps({"title": "t"}), headers)
            answer = connection.getresponse()
            body = json.loads(answer.read())
            assert answer.status == 201, body
            acknowledged.append(body["id"])
    except (OSError, http.client.HTTPException):
        return
    finally:
        connection.close()


async def _numbers(path: Path) -> tuple[list[int], int, list[str]]:
    """The issues' numbers, how many the tracker counts, and what is broken in the database."""
    db = await database.connect(path)
    try:
        rows = await db.all("SELECT number FROM issue ORDER BY number")
        [counted] = await db.all("SELECT max(issue_count) AS count FROM tracker")
        return [row["number"] for row in rows], counted["count"], await db.check()
    finally:
        await db.close()


@pytest.mark.faults
@pytest.mark.timeout(120)
def test_nothing_that_was_acknowledged_is_lost(tmp_path: Path, world: World) -> None:
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(world.database, data / "pail.db")
    headers = {**world.headers("bob"), "Content-Type": "application/json"}
    acknowledged: list[int] = []
    chance = random.Random(94)
    for _ in range(ROUNDS):
        web = Web(tmp_path, PORT="0")
        try:
            port = eventually(lambda web=web: web.port, "the web process")  # type: ignore[misc]
            before = len(acknowledged)
            clients = [
                threading.Thread(target=_write, args=(port, headers, acknowledged))
                for _ in range(CLIENTS)
            ]
            for client in clients:
                client.start()
            eventually(lambda before=before: len(acknowledged) > before, "a first issue")  # type: ignore[misc]
            time.sleep(chance.random() / 4)
        finally:
            web.process.kill()
            web.process.wait()
        for client in clients:
            client.join()
        numbers, counted, broken = asyncio.run(_numbers(data / "pail.db"))
        assert broken == []
        assert set(acknowledged) <= set(numbers)
        assert len(set(acknowledged)) == len(acknowledged)
        assert counted == len(numbers)
        assert numbers == list(range(1, len(numbers) + 1))
