"""SIGTERM under load: who is being served is answered or refused, and the process ends well."""

import http.client
import json
import shutil
import signal
import threading
from pathlib import Path

import pytest

from tests.conftest import APP, World
from tests.jobs.working import select
from tests.running.processes import eventually
from tests.running.test_web_process import Web

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

CLIENTS = 8


def _write(port: int, headers: dict[str, str], acknowledged: list[int]) -> None:
    """Create issues until the service is gone."""
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


def test_a_service_that_is_told_to_end_keeps_what_it_acknowledged(
    tmp_path: Path, world: World
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(world.database, data / "pail.db")
    headers = {**world.headers("bob"), "Content-Type": "application/json"}
    acknowledged: list[int] = []
    web = Web(tmp_path, PORT="0")
    try:
        port = eventually(lambda: web.port, "the web process")
        clients = [
            threading.Thread(target=_write, args=(port, headers, acknowledged))
            for _ in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        eventually(lambda: len(acknowledged) > 50, "some issues")
        assert web.stop(signal.SIGTERM) == 0
    finally:
        web.process.kill()
        web.process.wait()
    for client in clients:
        client.join()
    numbers = [number for (number,) in select(data / "pail.db", "SELECT number FROM issue")]
    assert set(acknowledged) <= set(numbers)
    assert len(acknowledged) == len(set(acknowledged))
    assert "Traceback" not in web.log.read_text()
