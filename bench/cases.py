"""What the API is asked for: each case makes as many different requests as one likes."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import permutations, product
from urllib.parse import quote

import orjson

from bench import load, samples
from bench.samples import Size
from tracker.vocabulary import Kind, Priority, State

_NEWEST = 15_000
_BEGINNING = datetime(2012, 1, 1, tzinfo=UTC)
_TEXT = "Press **any** key.\n\n- a\n- b"

Path = Callable[[Size, int], str]
"""The nth path of a case behind /issues, in a tracker of that size."""


@dataclass(frozen=True, slots=True)
class Case:
    """One verb of an API.

    The nth request differs from all others in what it asks for, or at least in a parameter that
    means nothing; the 0th is the one that is asked again and again.
    """

    name: str
    path: Path
    goals: str = ""
    """What each column is to reach with 10,000 issues and 8 connections."""
    most: float | None = None
    """What it may cost at 100,000 issues, beside 1,000."""
    api: str = "2.0"
    method: str = "GET"
    body: Callable[[int], object] | None = None
    status: int = 200

    def request(self, size: Size, number: int, token: str) -> bytes:
        """The nth request as it goes over the wire."""
        path = f"/{self.api}/repositories/bench/{size.name}/issues{self.path(size, number)}"
        body = orjson.dumps(self.body(number)) if self.body else b""
        return load.request(self.method, path, token, body)


def _issue(size: Size, number: int) -> str:
    return f"/{size.issues - number % min(size.issues, _NEWEST)}"


def _a_get(size: Size, number: int) -> str:
    return f"{_issue(size, number)}?n={number}"


def _part(most: str, start: Callable[[Size], str] = lambda size: "") -> Path:
    return lambda size, number: f"?{most}{start(size)}&n={number}"


@cache
def _choices() -> Sequence[tuple[tuple[str, ...], ...]]:
    """Two states, two priorities and two kinds, in each order: 4 percent of the issues each."""
    found = list(product(*(permutations(words, 2) for words in (State, Priority, Kind))))
    random.Random(0).shuffle(found)
    return found


def _choice(number: int) -> tuple[tuple[str, ...], ...]:
    return _choices()[number % len(_choices())]


def _filtered(size: Size, number: int) -> str:
    fields = zip(("state", "priority", "kind"), _choice(number), strict=True)
    terms = (f'({name}="{one}" OR {name}="{two}")' for name, (one, two) in fields)
    return f"?pagelen=50&q={quote(' AND '.join(terms))}&n={number}"


def _since(size: Size, number: int) -> str:
    begin = (_BEGINNING + timedelta(seconds=number)).isoformat()
    term = f'state="open" AND created_on>="{begin}"'
    return f"?pagelen=50&q={quote(term)}&n={number}"


def _old_filtered(limit: int) -> Path:
    def path(size: Size, number: int) -> str:
        fields = zip(("status", "priority", "kind"), _choice(number), strict=True)
        terms = (f"{name}={quote(word)}" for name, words in fields for word in words)
        return f"?limit={limit}&{'&'.join(terms)}&n={number}"

    return path


@cache
def _needles(size: Size) -> list[str]:
    return samples.needles(size)


def _word(size: Size, number: int) -> str:
    words = _needles(size)
    return words[number % len(words)]


def _absent(size: Size, number: int) -> str:
    """Two words without a space between them, as nobody has written them."""
    return _word(size, number) + _word(size, 7 * number + number // len(_needles(size)) + 1)


def _search(needle: Path) -> Path:
    def path(size: Size, number: int) -> str:
        text = needle(size, number)
        terms = f'title ~ "{text}" OR content.raw ~ "{text}"'
        return f"?pagelen=50&q={quote(terms)}&n={number}"

    return path


def _old_search(needle: Path) -> Path:
    return lambda size, number: f"?limit=50&search={needle(size, number)}&n={number}"


def _page(part: float) -> Callable[[Size], str]:
    return lambda size: f"&page={round(size.issues / 50 * part)}"


def _start(part: float) -> Callable[[Size], str]:
    return lambda size: f"&start={round(size.issues * part) - 50}"


_GET = "11,000 / 4,000 / 4,000"
_LIST = "5,000 / 1,000 / 1,000"
_SEARCH = "2,500 / 600 / 600"

READS = (
    Case("GET issue", _a_get, _GET, 1.3),
    Case("list of 50", _part("pagelen=50"), _LIST, 1.3),
    Case("filtered list of 50", _filtered, _LIST, 1.3),
    Case("list of 50, by state and date", _since, _LIST),
    Case("page in the middle", _part("pagelen=50", _page(0.5)), _LIST, 1.3),
    Case("last page", _part("pagelen=50", _page(1)), _LIST, 1.3),
    Case("search, a rare word", _search(_word), _SEARCH, 3),
    Case("search, no hit", _search(_absent), _SEARCH, 3),
    Case("GET issue", _a_get, _GET, 1.3, "1.0"),
    Case("list of 50", _part("limit=50"), _LIST, 1.3, "1.0"),
    Case("filtered list of 50", _old_filtered(50), _LIST, 1.3, "1.0"),
    Case("50 in the middle", _part("limit=50", _start(0.5)), _LIST, 1.3, "1.0"),
    Case("last 50", _part("limit=50", _start(1)), _LIST, 1.3, "1.0"),
    Case("search, a rare word", _old_search(_word), _SEARCH, 3, "1.0"),
    Case("search, no hit", _old_search(_absent), _SEARCH, 3, "1.0"),
    Case("count alone", _old_filtered(0), _LIST, 1.3, "1.0"),
)

WRITES = (
    Case(
        "create issue",
        lambda size, number: "",
        method="POST",
        body=lambda number: {"title": f"It does not work {number}", "content": {"raw": _TEXT}},
        status=201,
        most=1.3,
    ),
    Case(
        "update issue",
        _issue,
        method="PUT",
        body=lambda number: {"title": f"It does not work {number}"},
    ),
    Case(
        "comment",
        lambda size, number: f"{_issue(size, number)}/comments",
        method="POST",
        body=lambda number: {"content": {"raw": f"{_TEXT}\n\n{number}"}},
        status=201,
    ),
)
