"""Workers and a Valkey that a test starts, stops, and kills."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import redis

from service.up import valkey
from tests.running.processes import Started, eventually, started
from tests.running.test_valkey import client, server
from tracker.settings import Settings

PLAIN = (sys.executable, "-m", "worker")
ARQ = (sys.executable, "-m", "arq", "worker.WorkerSettings")
"""The two ways to start a worker."""


def worker(
    settings: Settings, folder: Path, command: Sequence[str] = PLAIN, **env: str
) -> AbstractContextManager[Started]:
    """A real worker process for these settings; its own things lie in folder."""
    folder.mkdir(exist_ok=True)
    names = {"PAIL_DATA_DIR": str(settings.data_dir), **env}
    if settings.redis_url:
        names["REDIS_URL"] = settings.redis_url
    return started(folder, command, **names)


@contextmanager
def queue(folder: Path) -> Iterator[tuple[Started, redis.Redis, str]]:
    """A Valkey, a client of it, and its URL.

    The socket lies elsewhere: whoever has its address in the environment is not of Valkey's family.
    """
    elsewhere = folder.with_name(f"socket-of-{folder.name}")
    for made in (folder, elsewhere):
        made.mkdir(exist_ok=True)
    with (
        valkey.socket_path(elsewhere) as socket,
        server(socket, folder) as run,
        client(socket) as connection,
    ):
        yield run, connection, valkey.url(socket)


def connected(connection: redis.Redis) -> None:
    """Wait until somebody else is connected, too."""
    eventually(lambda: len(connection.client_list()) > 1, "a worker at the queue")
