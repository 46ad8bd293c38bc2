"""`pail up` with everything real: its own Valkey, the web and the worker."""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from service.up import valkey
from tests.running.processes import PAIL, ROOT, Started, eventually, started, status_of
from tracker import database
from tracker.access import accounts, tokens
from tracker.settings import Settings

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="processes are looked up in Linux's /proc"
)

ENVIRONMENT = {
    "HOST": "127.0.0.1",
    "PORT": "0",
    "WEB_CONCURRENCY": "",
    "DATABASE_URL": "",
    "REDIS_URL": "",
    "PYTHONUNBUFFERED": "",
}
"""Any free port, and nothing of what the environment of the tests may say."""

UP = ["/bin/sh", "-c", 'umask "${TEST_UMASK:-022}"; exec "$@"', "sh", *PAIL, "up"]


def up(folder: Path, *words: str, **env: str) -> AbstractContextManager[Started]:
    """`pail up` on a free port of this machine, with its data in folder."""
    env = {**ENVIRONMENT, "PAIL_DATA_DIR": str(folder / "data"), **env}
    return started(folder, [*UP, *words], **env)


def address(run: Started) -> str:
    """Wait until it answers; the address that it printed."""
    eventually(lambda: run.out or run.process.poll() is not None, "the address")
    said = re.match(r"Pail answers on (http://\S+)\n", run.out)
    assert said, run.log
    return said[1]


def healthy(url: str) -> bool:
    with urllib.request.urlopen(f"{url}/healthz", timeout=30) as answer:
        return bool(answer.status == 200)


def programs(run: Started) -> str:
    return "\n".join(run.family().values())


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Started]:
    with up(tmp_path) as run:
        address(run)
        yield run


def test_it_answers_on_the_address_that_is_all_its_output(running: Started) -> None:
    assert healthy(address(running))
    assert len(running.out.splitlines()) == 1
    for program in ("valkey-server", "-m service", "-m worker"):
        assert program in programs(running)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_it_with_status_0(running: Started, number: signal.Signals) -> None:
    assert running.send(number) == 0
    assert not running.family()


def test_a_signal_right_after_the_start_ends_it_with_status_0(tmp_path: Path) -> None:
    with up(tmp_path) as run:
        eventually(lambda: "-m worker" in programs(run), "the worker's process")
        assert run.send(signal.SIGTERM) == 0
        assert not run.family()


@pytest.mark.faults
def test_kill_9_leaves_nothing_behind_and_the_next_start_works(running: Started) -> None:
    running.send(signal.SIGKILL)
    running.nobody_is_left()
    with up(running.folder) as again:
        assert healthy(address(again))
        assert again.send(signal.SIGTERM) == 0


@pytest.mark.faults
@pytest.mark.parametrize("program", ["valkey-server", "-m service", "-m worker"])
def test_what_is_killed_is_started_again(running: Started, program: str) -> None:
    def pids() -> list[int]:
        return [pid for pid, line in running.family().items() if program in line]

    (before,) = pids()
    os.kill(before, signal.SIGKILL)
    eventually(lambda: [pid for pid in pids() if pid != before], "its second life")
    assert running.process.poll() is None


def test_a_second_one_on_the_same_data_says_so_and_ends(running: Started, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with up(other, PAIL_DATA_DIR=str(tmp_path / "data")) as second:
        assert second.process.wait(30) == 1
        assert second.log == f"Pail is already running on PAIL_DATA_DIR {tmp_path}/data.\n"
    assert healthy(address(running))


def test_a_port_in_use_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with up(tmp_path, PORT=str(port)) as run:
            assert run.process.wait(30) == 1
            assert run.log == (
                f"Can't listen on HOST 127.0.0.1, PORT {port}: Address already in use.\n"
            )


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"HOST": "nowhere.invalid"}, "Can't listen on HOST nowhere.invalid, PORT 0: "),
        ({"HOST": "192.0.2.1"}, "Can't listen on HOST 192.0.2.1, PORT 0: "),
        ({"PAIL_DATA_DIR": "/dev/null/data"}, "Can't write to PAIL_DATA_DIR /dev/null/data: "),
    ],
)
def test_a_setting_that_can_t_work_is_named(
    tmp_path: Path, env: dict[str, str], sentence: str
) -> None:
    with up(tmp_path, **env) as run:
        assert run.process.wait(30) == 1
        assert run.log.startswith(sentence)
        assert len(run.log.splitlines()) == 1


def test_several_web_processes_share_the_port(tmp_path: Path) -> None:
    with up(tmp_path, WEB_CONCURRENCY="2") as run:
        assert healthy(address(run))
        run.logs("web-1 ")
        run.logs("web-2 ")
        assert "starting it again" not in run.log


def test_a_queue_of_its_own_is_not_started_beside_redis_url(tmp_path: Path) -> None:
    with (
        valkey.socket_path(tmp_path) as path,
        started(tmp_path, valkey.command(path, tmp_path)) as queue,
        up(tmp_path, REDIS_URL=valkey.url(path)) as run,
    ):
        assert healthy(address(run))
        servers = [pid for pid, line in run.family().items() if "valkey-server" in line]
        assert servers == [queue.process.pid]


def test_a_folder_named_worker_where_it_is_called_is_not_ours(tmp_path: Path) -> None:
    for name in ("service", "worker", "tracker"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('somebody else')")
    with up(tmp_path) as run:
        assert healthy(address(run))
        assert "somebody else" not in run.log


def test_demo_prints_user_token_and_last_a_curl_line(tmp_path: Path) -> None:
    with up(tmp_path, "--demo", "--token", "s3cret~token") as run:
        url = address(run)
        eventually(lambda: run.out.count("\n") >= 4, "the lines of the demo")
        assert run.out.splitlines()[1:] == [
            "Demo user: demo",
            "Demo token: s3cret~token",
            f"curl -u 'demo:s3cret~token' {url}/2.0/repositories/demo/sample/issues",
        ]


def test_a_demo_that_can_t_be_made_stops_everything(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", database=tmp_path / "data" / "pail.db")
    token = asyncio.run(token_of_alice(settings))
    with up(tmp_path, "--demo", "--token", token) as run:
        assert run.process.wait(30) == 1
        assert "This is another token already: choose another one." in run.log
        assert not run.out
        assert not run.family()


async def token_of_alice(settings: Settings) -> str:
    """A new account's token, in the database of these settings."""
    db = await database.connect(settings.database)
    try:
        await accounts.create(db, "alice")
        return await tokens.create(db, "alice")
    finally:
        await db.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_demo_refuses_an_address_that_others_reach(tmp_path: Path, host: str) -> None:
    with up(tmp_path, "--demo", HOST=host) as run:
        assert run.process.wait(30) == 1
        assert not run.out
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("part", ["web", "worker"])
def test_web_and_worker_can_be_run_alone(tmp_path: Path, part: str) -> None:
    env = {**ENVIRONMENT, "PAIL_DATA_DIR": str(tmp_path / "data")}
    with started(tmp_path, [*PAIL, part], **env) as run:
        eventually((tmp_path / "data" / "pail.db").exists, "the database")
        assert list(run.family()) == [run.process.pid]
        assert run.send(signal.SIGTERM) == 0


def test_the_procfile_runs_web_and_worker_beside_a_queue(tmp_path: Path) -> None:
    commands = dict(line.split(": ") for line in (ROOT / "Procfile").read_text().splitlines())
    assert set(commands) == {"web", "worker"}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with valkey.socket_path(tmp_path) as socket_path:
        env = {
            **ENVIRONMENT,
            "PATH": path,
            "PAIL_DATA_DIR": str(tmp_path / "data"),
            "REDIS_URL": valkey.url(socket_path),
        }
        with (
            started(tmp_path, valkey.command(socket_path, tmp_path)),
            started(tmp_path, commands["web"].split(), **env) as web,
            started(tmp_path, commands["worker"].split(), **env) as worker,
        ):
            web.logs("Listening on")
            listening = re.search(r"Listening on (http://\S+)", web.log)
            assert listening
            assert healthy(listening[1])
            worker.logs("Starting worker")
            assert web.send(signal.SIGTERM) == 0
            assert worker.send(signal.SIGTERM) == 0


@pytest.mark.parametrize("umask", ["000", "022"])
def test_nothing_that_it_keeps_is_open_to_other_accounts(tmp_path: Path, umask: str) -> None:
    with up(tmp_path, "--demo", TEST_UMASK=umask) as run:
        address(run)
        data = tmp_path / "data"
        modes = {path: path.stat().st_mode & 0o077 for path in (data, *data.rglob("*"))}
        names = {path.name for path in modes}
        assert names >= {"pail.db", "pail.db-wal", "pail.db-shm", "download.key", "valkey.log"}
        assert {path for path, mode in modes.items() if mode} == set()


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is what it is about")
def test_the_curl_line_of_the_demo_lists_its_issues_as_pasted(tmp_path: Path) -> None:
    with up(tmp_path, "--demo") as run:
        address(run)
        line = run.out.splitlines()[-1]
        listed = subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=True)
        assert json.loads(listed.stdout)["size"] > 0


def demo_token(folder: Path, *words: str) -> tuple[str, int]:
    """Start and stop the demo; the token that it prints, and the status of a GET with it."""
    with up(folder, "--demo", *words) as run:
        url = f"{address(run)}/2.0/user"
        said = re.search(r"^Demo token: (\S+)$", run.out, re.MULTILINE)
        assert said
        status = status_of(url, Authorization=f"Bearer {said[1]}")
        assert run.send(signal.SIGTERM) == 0
    return said[1], status


def test_the_token_of_the_demo_stays_on_the_same_data_and_is_another_on_other_data(
    tmp_path: Path,
) -> None:
    first, second = demo_token(tmp_path), demo_token(tmp_path)
    assert first == second
    token, status = first
    assert status == 200
    assert re.fullmatch(r"pail_[A-Za-z0-9_-]{40}", token)
    (tmp_path / "other").mkdir()
    assert demo_token(tmp_path / "other")[0] != token


def test_the_demo_takes_a_token_of_one_s_own(tmp_path: Path) -> None:
    assert demo_token(tmp_path, "--token", "my-own.token_~1") == ("my-own.token_~1", 200)


@pytest.mark.parametrize("size", [0, 33])
def test_a_key_of_another_length_stops_the_start_with_one_sentence(
    tmp_path: Path, size: int
) -> None:
    key = tmp_path / "data" / "download.key"
    key.parent.mkdir()
    key.write_bytes(b"k" * size)
    with up(tmp_path) as run:
        assert run.process.wait(30) == 1
        assert run.log.startswith(f"The key {key} has {size} bytes instead of 32: ")
        assert len(run.log.splitlines()) == 1
