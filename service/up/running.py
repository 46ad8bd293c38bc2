"""What `pail up`, `pail web` and `pail worker` do: everything on one machine, or one part of it."""

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
    """Become the web process; it reads the settings from the environment."""
    _become("service")


def worker() -> NoReturn:
    """Become the worker process; it reads the settings from the environment."""
    _become("worker")


def up(settings: Settings, *, demo: bool, token: str | None = None) -> int:
    """Run queue, web and worker until a signal, and return the exit status.

    settings are those of this process's environment, which the children read again. The address,
    and with demo the sample tracker's user, token and, last, a curl line, go to stdout; logs and
    refusals to stderr. The demo's token is the given one, or else derived from the instance's key.
    """
    try:
        with contextlib.ExitStack() as stack:
            host, port = _free_address(settings.host, settings.port)
            if demo and not _is_loopback(host):
                raise CannotStart(
                    f"--demo listens on this machine only: HOST can't be {settings.host}."
                )
            stack.enter_context(_alone(settings.data_dir))
            signing.shared_key(settings.key_file)  # once, before any process needs it
            children = []
            redis_url = settings.redis_url
            if not redis_url:
                path = stack.enter_context(valkey.socket_path(settings.data_dir))
                files.make_file(settings.data_dir / valkey.LOG)
                command = valkey.command(path, settings.data_dir)
                children.append(Child("valkey", command, outlives=True))
                redis_url = valkey.url(path)
            children += _ours(settings.web_concurrency, port, redis_url)
            making = partial(_make_demo, token) if demo else None
            return supervisor.run(children, beside=partial(_announce, settings.host, port, making))
    except (CannotStart, signing.KeyUnusable) as refusal:
        say(refusal, err=True)
        return 1


def _become(module: str) -> NoReturn:
    os.execv(sys.executable, _python(module))  # noqa: S606 - our own program, no shell needed


def _python(module: str) -> list[str]:
    """The command line that runs one of Pail's modules."""
    # -P: the standard library comes before what is installed beside pail_main.py.
    return [sys.executable, "-P", str(ENTRY), "-m", module]


def _ours(webs: int, port: int, redis_url: str) -> list[Child]:
    env = {"PORT": str(port), "REDIS_URL": redis_url, "PYTHONUNBUFFERED": "1"}
    names = ["web"] if webs == 1 else [f"web-{number}" for number in range(1, webs + 1)]
    return [
        *(Child(name, _python("service"), env) for name in names),
        Child("worker", _python("worker"), env),
    ]


def _free_address(host: str, port: int) -> tuple[str, int]:
    """The numeric address of host, and port (or, for 0, any free one), if nobody listens there.

    The web process would find out as well; but a sentence said once, before anything runs, is
    better than three failed starts.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.create_server((host, port), family=family) as probe:
            return str(address[0]), int(probe.getsockname()[1])
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # Python's addition repeats the address
        raise CannotStart(f"Can't listen on HOST {host}, PORT {port}: {reason}.") from error


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


@contextlib.contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    """Hold the data directory's lock: two queues or two supervisors there would fight."""
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


async def _announce(
    host: str, port: int, making: Callable[[], Awaitable[dict[str, str] | None]] | None
) -> int:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    await _answer(host, port)
    lines = [f"Pail answers on {address}"]
    if making:
        made = await making()
        if made is None:
            return 1
        user, token, path = made["user"], made["token"], made["list_path"]
        lines += [f"Demo user: {user}", f"Demo token: {token}"]
        lines += [shlex.join(["curl", "-u", f"{user}:{token}", address + path])]
    for line in lines:
        say(line)
    return 0


async def _answer(host: str, port: int) -> None:
    """Wait until the web answers; any status will do, as its allowed hosts need not hold ours."""
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
            *_python("service.up.demo"),
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
