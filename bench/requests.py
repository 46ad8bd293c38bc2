"""Requests a second of the API's busiest verbs, each beside a bare handler of the same bytes.

They are asked of a tracker of 1,000 issues and of one of 100,000, in one and the same Pail.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import orjson

from bench import load, processes, samples, single, world
from bench.load import Figures
from bench.table import Line
from bench.world import World
from tracker.vocabulary import JobKind

SMALL = "/2.0/repositories/bench/small/issues"
_SIZES = {"small": samples.SERVED, samples.VAST.name: samples.VAST}
_CONNECTIONS = (1, 8)
_DRAFT = {"title": "It does not work", "content": {"raw": "Press **any** key.\n\n- a\n- b"}}
_FILTER = quote('state="open" AND priority>="major"')
_SEARCH = quote('content.raw ~ "ABC"')
_OLD_FILTER = "status=open&priority=major&priority=critical&priority=blocker"


@dataclass(frozen=True, slots=True)
class _Case:
    """One verb of an API; path goes behind /issues. most is what it may cost at 100,000 as at
    1,000."""

    name: str
    path: str = ""
    method: str = "GET"
    payloads: Sequence[object] = ()
    status: int = 200
    most: str = ""
    api: str = "2.0"

    def messages(self, slug: str, token: str) -> list[bytes]:
        """The requests, to be sent in turns."""
        bodies = [orjson.dumps(payload) for payload in self.payloads] or [b""]
        path = f"/{self.api}/repositories/bench/{slug}/issues{self.path}"
        return [load.request(self.method, path, token, body) for body in bodies]


_CASES = (
    _Case("GET issue", "/7", most="<= 1.3"),
    _Case("list of 50", "?pagelen=50", most="<= 1.3"),
    _Case("filtered list of 50", f"?pagelen=50&q={_FILTER}"),
    _Case("text search, list of 50", f"?pagelen=50&q={_SEARCH}"),
    _Case("last page of 50", "?pagelen=50&page={last}"),
    _Case("1.0: GET issue", "/7", most="<= 1.3", api="1.0"),
    _Case("1.0: list of 50", "?limit=50", most="<= 1.3", api="1.0"),
    _Case("1.0: filtered list of 50", f"?limit=50&{_OLD_FILTER}", api="1.0"),
    _Case("1.0: text search, list of 50", "?limit=50&content=~ABC", api="1.0"),
    _Case("1.0: search for words, list of 50", "?limit=50&search=ABC", api="1.0"),
    _Case("1.0: last 50", "?limit=50&start={start}", api="1.0"),
    _Case("1.0: count for a badge", "?limit=0&status=new&status=open", api="1.0"),
    _Case("create issue", "", "POST", [_DRAFT], 201),
    _Case("update issue", "/9", "PUT", [{"title": f"Title {n}"} for n in range(100)]),
)


async def measure(seconds: float) -> list[Line]:
    """Each verb on both trackers, over one and over eight connections, so many seconds each; then
    what is measured once."""
    async with world.made() as here:
        for slug, size in {**_SIZES, samples.TALK.name: samples.TALK}.items():
            await fill(here, slug, size)
        with processes.web(here.settings.data_dir) as port:
            lines = [line for case in _CASES for line in await _measure(here, port, case, seconds)]
            return lines + await single.measure(here, port, seconds)


async def _measure(here: World, port: int, case: _Case, seconds: float) -> list[Line]:
    lines = []
    alone = {}
    for slug, size in _SIZES.items():
        messages = [
            message.replace(b"{last}", b"%d" % (size.issues // 50)).replace(
                b"{start}", b"%d" % (size.issues - 50)
            )
            for message in case.messages(slug, here.token)
        ]
        for connections in _CONNECTIONS:
            pail, bare = await _beside(here, port, case, messages, connections, seconds)
            alone.setdefault(slug, pail)
            what = f"{case.name} of {size.issues:,}, {connections} at a time"
            lines.append(Line(what, str(pail), f"{bare} (bare)", bare.rate / pail.rate))
    small, vast = alone.values()
    what = f"{case.name}: 100,000 beside 1,000"
    lines.append(Line(what, f"{vast}", f"{small}", small.rate / vast.rate, case.most))
    return lines


async def _beside(
    here: World, port: int, case: _Case, messages: Sequence[bytes], connections: int, seconds: float
) -> tuple[Figures, Figures]:
    """Pail's figures, and those of a bare handler that answers with Pail's bytes."""
    body = here.settings.data_dir / "body"
    # Asked once before: HTML is kept from then on, as it is in daily use.
    body.write_bytes(await load.once(port, messages[0]))
    bare_port = processes.free_port()
    command = [sys.executable, "-m", "bench.bare", str(bare_port), str(body), str(case.status)]
    with processes.answering(command, {}, body.with_suffix(".log"), bare_port):
        pail, bare = [
            await load.closed_loop(one, messages, connections=connections, seconds=seconds)
            for one in (port, bare_port)
        ]
    return pail, bare


async def fill(here: World, slug: str, size: samples.Size) -> None:
    """Import a tracker of that size into bench/slug."""
    await here.repository(slug)
    archive = samples.archive(world.DATA, size)
    with processes.worker(here.settings.data_dir):
        await here.work(slug, JobKind.IMPORT, archive)
