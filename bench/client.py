"""What the load generator itself reaches: against fixed bytes, and against a bare handler."""

import sys
import tempfile
from itertools import repeat
from pathlib import Path

from bench import closed_loop, load, processes, world
from bench.table import Line

_SIZES = {"an issue": 2_500, "a list": 190_000}
_CONNECTIONS = (1, 8, 32)
_SERVERS = {"fixed bytes": ("bench.raw_server",), "bare handler": ("bench.bare", "200")}


def measure(seconds: float) -> list[Line]:
    """Both servers with the bytes of an issue and of a list, so many seconds each."""
    world.DATA.mkdir(exist_ok=True)
    message = load.request("GET", "/2.0/repositories/bench/small/issues/7", "pail_" + "x" * 43)
    lines = []
    with tempfile.TemporaryDirectory(prefix="client-", dir=world.DATA) as folder:
        body, log = Path(folder, "body"), Path(folder, "log")
        for what, length in _SIZES.items():
            body.write_bytes(b"x" * length)
            for server, (module, *more) in _SERVERS.items():
                port = processes.free_port()
                command = [sys.executable, "-m", module, str(port), str(body), *more]
                with processes.answering(command, {}, log, port):
                    for connections in _CONNECTIONS:
                        figures = closed_loop.measure(
                            port, repeat(message), connections=connections, seconds=seconds
                        )
                        name = f"load generator: {server}, {what}, {connections} at a time"
                        lines.append(Line(name, str(figures)))
    return lines
