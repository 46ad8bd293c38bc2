"""Starts what `pail up`, `pail web` and `pail worker` run: all processes, or one of them."""

import asyncio
import contextlib
import fcntl
import ipaddress
import json
import os
import shlex
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NoReturn

from service.http import signing
from service.up import supervisor, valkey
from service.up.supervisor import CannotStart, Child
from tracker import files
from tracker.settings import Settings
from tracker.terminal import say

LOCK = "pail.lock"

ENTRY = Path(__file__).parents[2] / "pail_main.py"


def web() -> NoReturn:
    """Replace this process by the web process, which reads the settings from the environment."""
    _exec("service")


def worker() -> NoReturn:
    """Replace this process by the worker, which reads the settings from the environment."""
    _exec("worker")


def up(settings: Settings, *, demo: bool, token: str | None = None) -> int:
    """Run queue, web and worker until a signal, and return the exit status.

    settings must come from this process's environment: the children read it again. Prints the
    address to stdout and, with demo, the sample tracker's user and token and a curl line; logs and
    errors go to stderr. Without token the demo's token is derived from the instance's key.
    """
    try:
        with contextlib.ExitStack() as stack:
            host, port = _free_address(settings.host, settings.port)
            if demo and not _is_loopback(host):
                raise CannotStart(
                    f"--demo listens on this machine only: HOST can't be {settings.host}."
                )
            stack.enter_context(_locked(settings.data_dir))
            signing.shared_key(settings.key_file)  # made before the processes use it
            children = []
            redis_url = settings.redis_url
            if not redis_url:
                path = stack.enter_context(valkey.socket_path(settings.data_dir))
                files.make_file(settings.data_dir / valkey.LOG)
                command = valkey.command(path, settings.data_dir)
                children.append(Child("valkey", command, stop_last=True))
                redis_url = valkey.url(path)
            children += _web_and_worker(settings.web_concurrency, port, redis_url)
            make_demo = partial(_make_demo, token) if demo else None
            on_start = partial(_print_address, settings.host, port, make_demo)
            return supervisor.run(children, on_start=on_start)
    except (CannotStart, signing.KeyUnusable) as error:
        say(error, err=True)
        return 1


def _exec(module: str) -> NoReturn:
    os.execv(sys.executable, _command(module))  # noqa: S606 - our own program, no shell needed


def _command(module: str) -> list[str]:
    """The command line that runs one of Pail's modules."""
    # -P: the standard library comes before what is installed beside pail_main.py.
    return [sys.executable, "-P", str(ENTRY), "-m", module]


def _web_and_worker(webs: int, port: int, redis_url: str) -> list[Child]:
    env = {"PORT": str(port), "REDIS_URL": redis_url, "PYTHONUNBUFFERED": "1"}
    names = ["web"] if webs == 1 else [f"web-{number}" for number in range(1, webs + 1)]
    return [
        *(Child(name, _command("service"), env) for name in names),
        Child("worker", _command("worker"), env),
    ]


def _free_address(host: str, port: int) -> tuple[str, int]:
    """Return the numeric address of host, and port or, for port 0, a free one.

    Raises CannotStart if the address can't be listened on: one sentence before anything runs,
    instead of three failed starts of the web process.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.create_server((host, port), family=family) as probe:
            return str(address[0]), int(probe.getsockname()[1])
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # Python adds the address in parentheses
        raise CannotStart(f"Can't listen on HOST {host}, PORT {port}: {reason}.") from error


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


@contextlib.contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """Hold the data directory's lock, so that only one `pail up` uses it.

    Raises CannotStart if another one holds it, or the directory can't be written.
    """
    try:
        files.make_folder(data_dir)
        files.make_file(data_dir / LOCK)
        lock = (data_dir / LOCK).open("a")
    except OSError as error:
        raise CannotStart(f"Can't write to PAIL_DATA_DIR {data_dir}: {error.strerror}.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotStart(f"Pail is already running on PAIL_DATA_DIR {data_dir}.") from error
        yield


async def _print_address(
    host: str, port: int, make_demo: Callable[[], Awaitable[dict[str, str] | None]] | None
) -> int:
    """Print the address once the web process answers, and the demo's user, token and curl line.

    Returns the exit status: 1 if the demo could not be made.
    """
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    await _wait_for_web(host, port)
    lines = [f"Pail answers on {address}"]
    if make_demo:
        made = await make_demo()
        if made is None:
            return 1
        user, token, path = made["user"], made["token"], made["list_path"]
        lines += [f"Demo user: {user}", f"Demo token: {token}"]
        lines += [shlex.join(["curl", "-u", f"{user}:{token}", address + path])]
    for line in lines:
        say(line)
    return 0


async def _wait_for_web(host: str, port: int) -> None:
    """Wait until the web process answers, with any status: localhost may not be an allowed host."""
    while True:
        with contextlib.suppress(OSError):
            async with asyncio.timeout(2.0):
                reader, writer = await asyncio.open_connection(host, port)
                with contextlib.closing(writer):
                    writer.write(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
                    if (await reader.readline()).startswith(b"HTTP/1."):
                        return
        await asyncio.sleep(0.02)


async def _make_demo(token: str | None) -> dict[str, str] | None:
    with supervisor.process_group() as group:
        process = await asyncio.create_subprocess_exec(
            *_command("service.up.demo"),
            *([token] if token else []),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            process_group=group,
        )
        output, _ = await process.communicate()
    if process.returncode:
        return None
    made: dict[str, str] = json.loads(output)
    return made
