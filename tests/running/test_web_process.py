"""`python -m service`: how it starts, stops, and refuses to start."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running.processes import ROOT, eventually, status_of


class Web:
    """A web process with its log."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "service"],
                cwd=ROOT,
                env={**os.environ, "PAIL_DATA_DIR": str(folder / "data"), **environment},
                stdout=log,
                stderr=log,
            )

    @property
    def port(self) -> int:
        """The port it listens on, or 0 as long as it does not."""
        _, found, rest = self.log.read_text().partition("Listening on http://127.0.0.1:")
        return int(rest.split()[0]) if found and "\n" in rest else 0

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit status."""
        self.process.send_signal(number)
        return self.process.wait(10)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    """A running web process on a free port."""
    web = Web(tmp_path, PORT="0")
    try:
        eventually(lambda: web.port or web.process.poll() is not None, "the web process")
        yield web
    finally:
        web.process.kill()
        web.process.wait()


def _get(port: int, path: str, **headers: str) -> int:
    return status_of(f"http://127.0.0.1:{port}{path}", **headers)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_until_it_is_told_to_stop_and_ends_with_0(web: Web, number: int) -> None:
    assert _get(web.port, "/healthz") == 200
    assert _get(web.port, "/readyz") == 200
    assert web.stop(number) == 0


def test_a_connection_that_says_nothing_does_not_hold_up_the_end(web: Web) -> None:
    with socket.create_connection(("127.0.0.1", web.port)) as idle:
        idle.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert web.stop() == 0


def test_the_log_has_one_harmless_line_a_request_and_no_secret(web: Web) -> None:
    _get(web.port, "/%0d%0aFAKE%1b%5b31m?access_token=hush", **{"User-Agent": "EVIL"})
    _get(web.port, "/2.0/user", Authorization="Bearer hush")
    assert web.stop() == 0
    log = web.log.read_text()
    assert len([line for line in log.splitlines() if "GET" in line]) == 2
    assert "hush" not in log
    assert "EVIL" not in log
    assert "\x1b" not in log
    assert not [line for line in log.splitlines() if line.startswith("FAKE")]


def _refusal(tmp_path: Path, **environment: str) -> str:
    web = Web(tmp_path, **environment)
    assert web.process.wait(20) == 1
    return web.log.read_text()


def test_a_port_that_is_taken_is_one_sentence_and_status_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = _refusal(tmp_path, PORT=str(port))
    assert len(text.splitlines()) == 1
    assert f"127.0.0.1:{port}" in text


def test_a_wrong_setting_is_one_sentence_that_names_it(tmp_path: Path) -> None:
    text = _refusal(tmp_path, PORT="eighty")
    assert len(text.splitlines()) == 1
    assert "PORT" in text


def test_a_database_that_is_none_is_one_sentence_and_untouched(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("my notes\n" * 1000)
    text = _refusal(tmp_path, PORT="0", DATABASE_URL=f"sqlite:///{file}")
    assert len(text.splitlines()) == 1
    assert "notes.txt" in text
    assert file.read_text() == "my notes\n" * 1000


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_length_is_one_sentence_and_status_1(tmp_path: Path, size: int) -> None:
    key = tmp_path / "data" / "download.key"
    key.parent.mkdir()
    key.write_bytes(b"k" * size)
    text = _refusal(tmp_path, PORT="0")
    assert text.startswith(f"The key {key} has {size} bytes instead of 32: ")
    assert len(text.splitlines()) == 1


def test_processes_share_a_port_when_there_are_several(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    several = [Web(tmp_path / name, PORT=port, WEB_CONCURRENCY="2") for name in _made(tmp_path)]
    try:
        for web in several:
            eventually(lambda web=web: web.port, "each process")  # type: ignore[misc]
        assert _get(int(port), "/healthz") == 200
        assert [web.stop() for web in several] == [0, 0]
    finally:
        for web in several:
            web.process.kill()
            web.process.wait()


def _made(folder: Path) -> list[str]:
    for name in ("one", "two"):
        (folder / name).mkdir()
    return ["one", "two"]


@pytest.mark.parametrize(
    "request_line",
    [
        b"FOO\x00 / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 9000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization : Bearer hush\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer hush\0\r\n\r\n",
        b"Authorization: Bearer hush\r\n\r\n",
    ],
    ids=["method", "two hosts", "two lengths", "long header", "blank", "NUL", "no request line"],
)
def test_what_is_no_http_is_refused_without_a_version_and_in_one_line(
    web: Web, request_line: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", web.port), 10) as connection:
        connection.sendall(request_line)
        answer = connection.makefile("rb").read(4096)
    assert answer.split(b"\r\n")[0].endswith(b" 400 Bad Request")
    assert b"\r\nX-Content-Type-Options: nosniff\r\n" in answer
    assert answer.endswith(b'"}}')
    assert b'\r\n\r\n{"type":"error","error":{"message":"The ' in answer
    assert b"aiohttp" not in answer
    assert b"Python" not in answer
    assert web.stop() == 0
    log = web.log.read_text()
    assert "Traceback" not in log
    assert "hush" not in log
