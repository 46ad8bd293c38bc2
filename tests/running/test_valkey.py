"""The private Valkey, started for real: a socket of its owner, no TCP port, nothing on disk."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest
import redis
from arq.connections import RedisSettings

from service.up import valkey
from tests.running.processes import ROOT, Started, eventually, started


@contextmanager
def client(socket: Path) -> Iterator[redis.Redis]:
    """A client of the server on socket, which answers."""
    with redis.Redis.from_url(valkey.url(socket), decode_responses=True) as connection:

        def answers() -> bool:
            try:
                return bool(connection.ping())
            except redis.ConnectionError:
                return False

        eventually(answers, "an answer of Valkey")
        yield connection


def server(socket: Path, folder: Path) -> AbstractContextManager[Started]:
    return started(folder, valkey.command(socket, folder))


def test_it_answers_on_its_socket_which_only_its_owner_may_open(tmp_path: Path) -> None:
    with valkey.socket_path(tmp_path) as socket, server(socket, tmp_path), client(socket) as queue:
        assert socket == tmp_path / "valkey.sock"
        assert queue.ping() is True
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700


@pytest.mark.skipif(sys.platform != "linux", reason="sockets are looked up in Linux's /proc")
def test_it_listens_on_no_tcp_port(tmp_path: Path) -> None:
    with valkey.socket_path(tmp_path) as socket, server(socket, tmp_path) as run:
        with client(socket) as queue:
            assert queue.config_get("port") == {"port": "0"}
        inodes = set()
        for descriptor in Path(f"/proc/{run.process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # our connection, closed in the meantime
                inodes.add(descriptor.stat().st_ino)
        assert inodes
        tables = "".join(Path(f"/proc/net/{name}").read_text() for name in ("tcp", "tcp6"))
        owned = {int(row.split()[9]) for row in tables.splitlines() if "sl" not in row}
        assert not inodes & owned


def test_it_keeps_nothing_on_disk_but_its_log(tmp_path: Path) -> None:
    with valkey.socket_path(tmp_path) as socket, server(socket, tmp_path) as run:
        with client(socket) as queue:
            queue.set("kept", "no")
        run.process.terminate()
        assert run.process.wait(30) == 0
    assert [path.name for path in tmp_path.iterdir()] == [valkey.LOG]


def test_a_socket_left_by_a_killed_server_is_no_hindrance(tmp_path: Path) -> None:
    with valkey.socket_path(tmp_path) as socket:
        with server(socket, tmp_path) as run, client(socket):
            run.process.kill()
            run.process.wait(30)
        assert socket.is_socket()
        with server(socket, tmp_path), client(socket) as queue:
            assert queue.ping() is True


@pytest.mark.parametrize("name", ["long" * 30, "sharp #1", "50%"])
def test_a_path_that_no_url_can_hold_gives_way_to_a_private_folder(
    tmp_path: Path, name: str
) -> None:
    data_dir = tmp_path / name
    data_dir.mkdir()
    with valkey.socket_path(data_dir) as socket:
        assert len(os.fsencode(socket)) <= valkey.LONGEST_SOCKET_PATH
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        with server(socket, data_dir), client(socket) as queue:
            assert queue.ping() is True
    assert not socket.parent.exists()


def test_the_job_queue_understands_its_address(tmp_path: Path) -> None:
    with valkey.socket_path(tmp_path) as socket:
        assert RedisSettings.from_dsn(valkey.url(socket)).unix_socket_path == str(socket)


def bare_binary(path: Path) -> subprocess.CompletedProcess[str]:
    """What valkey.binary() says in a Python without packages, with programs looked up in path."""
    code = f"import sys; sys.path.append({str(ROOT)!r}); from service.up import valkey; "
    code += "print(valkey.binary())"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", ["valkey-server", "redis-server"])
def test_without_the_package_the_systems_server_serves(tmp_path: Path, name: str) -> None:
    program = tmp_path / name
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert bare_binary(tmp_path).stdout == f"{program}\n"


def test_without_any_server_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    run = bare_binary(tmp_path)
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].endswith(
        "No Valkey was found: install valkey-server or redis-server, or set REDIS_URL."
    )
