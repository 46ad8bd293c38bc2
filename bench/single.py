"""Calls of API 1.0 that are beside no others: they are as dear as what they find."""

import time
from itertools import repeat

from aiohttp import ClientSession

from bench import closed_loop, load, samples
from bench.checkout import Checkout, serving
from bench.table import Line

_REPOSITORIES = "/1.0/repositories/bench"
_SOMEBODY = "/1.0/users/user3"


async def measure() -> list[Line]:
    """Asks for somebody whom archives name, and for the others once."""
    with serving(Checkout("here"), (samples.TALK, samples.VAST)) as pail:
        message = load.request("GET", _SOMEBODY, pail.token)
        somebody = closed_loop.measure(pail.port, repeat(message), connections=1, seconds=1.0)
        headers = {"Authorization": f"Bearer {pail.token}"}
        async with ClientSession(f"http://127.0.0.1:{pail.port}", headers=headers) as client:
            return [
                Line(f"1.0: GET {_SOMEBODY}, of two trackers' people", str(somebody)),
                await _array(client),
                await _deletion(client),
            ]


async def _array(client: ClientSession) -> Line:
    path = f"{_REPOSITORIES}/{samples.TALK.name}/issues/1/comments"
    start = time.perf_counter()
    async with client.get(path) as response:
        body = await response.read()
    taken = time.perf_counter() - start
    what = f"1.0: array of {samples.TALK.comments:,} comments"
    return Line(what, f"{taken:.2f} s, {len(body) / 1e6:.1f} MB")


async def _deletion(client: ClientSession) -> Line:
    issues = f"{_REPOSITORIES}/{samples.VAST.name}/issues"
    async with client.get(issues, params={"component": "core", "limit": 0}) as response:
        count = (await response.json())["count"]
    async with client.get(f"{issues}/components") as response:
        [number] = [each["id"] for each in await response.json() if each["name"] == "core"]
    start = time.perf_counter()
    async with client.delete(f"{issues}/components/{number}") as response:
        assert response.status == 204
    taken = time.perf_counter() - start
    what = f"1.0: deletion of a component of {count:,} issues among {samples.VAST.issues:,}"
    return Line(what, f"{taken:.2f} s")
