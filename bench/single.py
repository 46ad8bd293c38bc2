"""Calls of API 1.0 that are beside no others: they are as dear as what they find."""

import time
from itertools import repeat

import orjson

from bench import closed_loop, load, samples
from bench.checkout import present
from bench.pail import Pail, serving
from bench.table import Line

_REPOSITORIES = "/1.0/repositories/bench"
_SOMEBODY = "/1.0/users/user3"


def measure() -> list[Line]:
    """Asks for somebody whom archives name, and for the others once."""
    with serving(present(), (samples.TALK, samples.VAST)) as pail:
        message = load.request("GET", _SOMEBODY, pail.token)
        somebody = closed_loop.measure(pail.port, repeat(message), connections=1, seconds=1.0)
        return [
            Line(f"1.0: GET {_SOMEBODY}, of two trackers' people", str(somebody)),
            _array(pail),
            _deletion(pail),
        ]


def _ask(pail: Pail, method: str, path: str) -> tuple[bytes, float]:
    """The body of an answer, and how many seconds it took."""
    message = load.request(method, f"{_REPOSITORIES}/{path}", pail.token)
    start = time.perf_counter()
    body = load.body(pail.port, message)
    return body, time.perf_counter() - start


def _array(pail: Pail) -> Line:
    body, taken = _ask(pail, "GET", f"{samples.TALK.name}/issues/1/comments")
    what = f"1.0: array of {samples.TALK.comments:,} comments"
    return Line(what, f"{taken:.2f} s, {len(body) / 1e6:.1f} MB")


def _deletion(pail: Pail) -> Line:
    issues = f"{samples.VAST.name}/issues"
    found, _ = _ask(pail, "GET", f"{issues}?component=core&limit=0")
    components, _ = _ask(pail, "GET", f"{issues}/components")
    [number] = [each["id"] for each in orjson.loads(components) if each["name"] == "core"]
    _, taken = _ask(pail, "DELETE", f"{issues}/components/{number}")
    count = orjson.loads(found)["count"]
    what = f"1.0: deletion of a component of {count:,} issues among {samples.VAST.issues:,}"
    return Line(what, f"{taken:.2f} s")
