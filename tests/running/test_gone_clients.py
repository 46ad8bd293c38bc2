"""Clients that go away in the middle: one line in the log of the real process, and nothing left."""

import re
import shutil
import socket
import struct
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import APP, World
from tests.jobs.working import files, select
from tests.running.processes import eventually
from tests.running.test_web_process import Web

ISSUES = f"{APP}/issues"
OLD = ISSUES.replace("/2.0", "/1.0")
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="archive"; filename="half.zip"\r\n\r\nbytes'


class Watched(Web):
    """A web process over the people, whose log is read piece by piece."""

    def __init__(self, folder: Path, world: World) -> None:
        self.data = folder / "data"
        self.data.mkdir()
        shutil.copy(world.database, self.data / "pail.db")
        self._token = world.tokens["alice"]
        super().__init__(folder, PORT="0")

    def head(self, method: str, path: str, *more: str) -> bytes:
        """The headers of a request by alice."""
        lines = (f"{method} {path} HTTP/1.1", "Host: localhost")
        who = f"Authorization: Bearer {self._token}"
        return "\r\n".join((*lines, who, *more, "", "")).encode()

    def send(self, path: str, kind: str, body: bytes | None = None) -> tuple[str, bytes]:
        """Send a whole request (POST with a body); where the answer came from, and its body."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.url, answer.read()

    def connect(self, most: int | None = None) -> socket.socket:
        """A connection that has been answered once; most is how many bytes it takes unread."""
        client = socket.socket()
        client.settimeout(20)
        if most is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, most)
        client.connect(("127.0.0.1", self.port))
        client.sendall(self.head("GET", "/healthz"))
        assert client.recv(10_000).startswith(b"HTTP/1.1 200 ")
        return client

    @contextmanager
    def one_line(self, method: str, path: str, status: int = 499) -> Iterator[None]:
        """What happens in here leaves one line in the log, of a request that ended so."""
        self.send("/healthz?begin", FORM)  # the line of the request before is there by now
        before = len(self.log.read_text())
        yield
        eventually(lambda: f" {path}" in self.log.read_text()[before:], "a line in the log")
        self.send("/healthz?end", FORM)  # what comes with that line is there by now
        lines = self.log.read_text()[before:].splitlines()
        [line] = [line for line in lines if "/healthz" not in line]
        said = rf'\S+ \S+ INFO 127\.0\.0\.1 "{method} {re.escape(path)}" {status} \d+ [\d.]+'
        assert re.fullmatch(said, line)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, world: World) -> Iterator[Watched]:
    """A web process with one issue, which has a long text."""
    web = Watched(tmp_path_factory.mktemp("web"), world)
    try:
        eventually(lambda: web.port or web.process.poll() is not None, "the web process")
        web.send(OLD, FORM, b"title=first&content=" + b"x" * 1_000_000)
        yield web
        assert web.stop() == 0
        for word in ("Traceback", "ERROR", "WARNING", "Unhandled", "Fatal"):
            assert word not in web.log.read_text()
    finally:
        web.process.kill()
        web.process.wait()


def _leave(client: socket.socket, rudely: bool) -> None:
    """Close the connection; rudely is without a word to the other side (RST)."""
    if rudely:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


BEGUN = [
    pytest.param(ISSUES, "application/json", b'{"title":', id="JSON"),
    pytest.param(ISSUES, FORM, b"title=x", id="form"),
    pytest.param(ISSUES, MULTIPART, PART, id="multipart form"),
    pytest.param(OLD, FORM, b"title=x", id="form of 1.0"),
    pytest.param(f"{ISSUES}/1/attachments", MULTIPART, PART, id="attachment"),
    pytest.param(f"{ISSUES}/1/attachments", MULTIPART, PART[:20], id="headers of a part"),
    pytest.param(f"{ISSUES}/import", MULTIPART, PART, id="archive"),
]


@pytest.mark.parametrize("size", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("rudely", [False, True], ids=["closes", "resets"])
@pytest.mark.parametrize(("path", "kind", "begun"), BEGUN)
def test_a_body_that_breaks_off_is_one_line_and_leaves_nothing(
    web: Watched, path: str, kind: str, begun: bytes, rudely: bool, size: str
) -> None:
    if "chunked" in size:
        begun = b"%x\r\n%b\r\n" % (len(begun), begun)
    with web.one_line("POST", path):
        client = web.connect()
        client.sendall(web.head("POST", path, f"Content-Type: {kind}", size) + begun)
        if path.endswith("import"):
            eventually(lambda: files(web.data / "spool"), "the first bytes in the spool")
        _leave(client, rudely)
    assert files(web.data / "spool") == set()
    assert not [path for path in files(web.data / "blobs") if path.stat().st_size < 100]
    assert select(web.data / "pail.db", "SELECT count(*) FROM job") == [(0,)]
    assert select(web.data / "pail.db", "SELECT title FROM issue") == [("first",)]


@pytest.fixture(scope="module")
def address(web: Watched) -> str:
    """Where an attachment of 2 MB is."""
    body = b'--b\r\nContent-Disposition: form-data; filename="large"\r\n\r\n%b\r\n--b--\r\n'
    web.send(f"{ISSUES}/1/attachments", MULTIPART, body % (b"x" * (2 << 20)))
    url, _ = web.send(f"{ISSUES}/1/attachments/large", FORM)
    return url.partition(str(web.port))[2]


@pytest.mark.parametrize("rudely", [False, True], ids=["closes", "resets"])
def test_a_download_that_is_broken_off_is_one_line(
    web: Watched, address: str, rudely: bool
) -> None:
    with web.one_line("GET", address.partition("?")[0]):
        client = web.connect(4096)
        client.sendall(web.head("GET", address))
        assert client.recv(10) == b"HTTP/1.1 2"
        _leave(client, rudely)


@pytest.mark.parametrize("path", [ISSUES, f"{ISSUES}/1", OLD])
@pytest.mark.parametrize("rudely", [False, True], ids=["closes", "resets"])
def test_a_long_answer_that_is_broken_off_is_one_line(
    web: Watched, path: str, rudely: bool
) -> None:
    with web.one_line("GET", path, 200):
        client = web.connect(4096)
        client.sendall(web.head("GET", path))
        assert client.recv(10) == b"HTTP/1.1 2"
        _leave(client, rudely)


@pytest.mark.parametrize("rudely", [False, True], ids=["closes", "resets"])
def test_a_body_that_nobody_waited_for_may_break_off(web: Watched, rudely: bool) -> None:
    """It was refused by its headers, and what is left of it is read and thrown away."""
    path = ISSUES.replace("app", "absent")
    with web.one_line("POST", path, 404):
        client = web.connect()
        client.sendall(web.head("POST", path, "Content-Length: 1000000") + b"x" * 1000)
        assert client.recv(10) == b"HTTP/1.1 4"
        client.sendall(b"x" * 1000)
        _leave(client, rudely)
