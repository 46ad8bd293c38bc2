"""Requests a second of the API's busiest verbs, each beside a bare handler of the same bytes."""

import sys
from dataclasses import dataclass

import orjson

from bench import load, processes, samples, world
from bench.table import Line
from bench.world import World
from tracker.vocabulary import JobKind

ISSUES = "/2.0/repositories/bench/tracker/issues"
_CONNECTIONS = (1, 8)
_PAYLOAD = orjson.dumps(
    {"title": "It does not work", "content": {"raw": "Press **any** key.\n\n- a\n- b"}}
)


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    method: str
    path: str
    body: bytes = b""
    status: int = 200


_CASES = (
    _Case("GET issue", "GET", f"{ISSUES}/7"),
    _Case("list of 50", "GET", f"{ISSUES}?pagelen=50"),
    _Case("create issue", "POST", ISSUES, _PAYLOAD, 201),
)


async def measure(seconds: float) -> list[Line]:
    """Each verb, over one and over eight connections, so many seconds each."""
    async with world.made() as here:
        await fill(here)
        with processes.web(here.settings.data_dir) as port:
            return [line for case in _CASES for line in await _measure(here, port, case, seconds)]


async def _measure(here: World, port: int, case: _Case, seconds: float) -> list[Line]:
    message = load.request(case.method, case.path, here.token, case.body)
    body = here.settings.data_dir / "body"
    # Asked once before: HTML is kept from then on, as it is in daily use.
    body.write_bytes(await load.once(port, message))
    bare_port = processes.free_port()
    command = [sys.executable, "-m", "bench.bare", str(bare_port), str(body), str(case.status)]
    lines = []
    with processes.answering(command, {}, body.with_suffix(".log"), bare_port):
        for connections in _CONNECTIONS:
            pail, bare = [
                await load.closed_loop(one, message, connections=connections, seconds=seconds)
                for one in (port, bare_port)
            ]
            what = f"{case.name}, {connections} at a time"
            lines.append(Line(what, str(pail), f"{bare} (bare)", bare.rate / pail.rate))
    return lines


async def fill(here: World) -> None:
    """Import a tracker of 1,000 issues into bench/tracker."""
    await here.repository("tracker")
    archive = samples.archive(world.DATA, samples.SERVED)
    with processes.worker(here.settings.data_dir):
        await here.work("tracker", JobKind.IMPORT, archive)
