"""docs/coverage.md: `python -m tests.conformance.coverage` writes it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from service.api_v1.dialect import V1
from service.api_v2.dialect import V2
from service.openapi.document import plain_path
from tests.conformance import official, old_calls
from tests.conformance.examples import EXAMPLES, why_not
from tests.described import APIS

PAGE = official.ROOT / "docs" / "coverage.md"

_HEAD = """\
# Bitbucket's operations, and ours

Every operation of Bitbucket's OpenAPI for the issue tracker and for what stands around it, and
what Pail has for it. Each one that is served is a test case of
`tests/conformance/test_official.py`, which holds the answers against Bitbucket's own schemas; the
file in the last column, below `tests/`, says more of it. At the end stand the calls of API 1.0:
those of the page about its issues resource, and others that its clients make. This page is made by
`python -m tests.conformance.coverage`; a test fails when it is stale.
"""

Named = tuple[str, str]
"""A group of operations, and "METHOD path"."""


def routes(api: str = V2.prefixes[0]) -> dict[str, str]:
    """The routes of an API by method and path without the names of parameters: "METHOD path"."""
    return {
        f"{endpoint.method} {official.shape(path)}": f"{endpoint.method} {path}"
        for endpoint in APIS[api].endpoints
        for path in [plain_path(endpoint.path)]
    }


def page(operations: Sequence[Named]) -> str:
    """The whole page for these operations. Raises LookupError for one that nobody accounts for."""
    lines = [_HEAD]
    for group in official.FILES:
        names = [name for there, name in operations if there == group]
        served = sum(name in EXAMPLES for name in names)
        lines += [
            f"## {group[0].upper()}{group[1:]}: {served} of {len(names)}\n",
            "| Bitbucket | Pail | tests |",
            "| --- | --- | --- |",
            *map(_row, names),
            "",
        ]
    return "\n".join([*lines, *_ours(operations), *_old()])


def _row(name: str) -> str:
    if name not in EXAMPLES:
        return f"| `{name}` | not served: {why_not(name)} | |"
    method, path = name.split(" ")
    ours = routes()[f"{method} {official.shape(path)}"]
    return f"| `{name}` | `{ours}` | {EXAMPLES[name].tests} |"


def _ours(operations: Iterable[Named]) -> Iterator[str]:
    known = {official.shape(name) for _, name in operations}
    yield "## Ours\n"
    yield "Not in those files; some are Bitbucket's all the same, and newer or about code.\n"
    for route, name in sorted(routes().items()):
        if route not in known:
            yield f"* `{name}`"
    yield ""


def _old() -> Iterator[str]:
    for title, calls in (("its page of issues", old_calls.PAGE), ("beside it", old_calls.BESIDE)):
        yield f"## API 1.0, {title}: {len(calls)} of {len(calls)}\n"
        yield "| Bitbucket | Pail, below `/1.0` | tests |"
        yield "| --- | --- | --- |"
        yield from _old_rows(calls)
        yield ""
    yield "Not served:\n"
    yield from (f"* `{name}`: {reason}" for name, reason in old_calls.NOT_SERVED.items())
    yield ""


def _old_rows(calls: Mapping[str, str]) -> Iterator[str]:
    """Raises LookupError for a call that has no route."""
    ours = routes(V1.prefixes[0])
    for name, tests in calls.items():
        yield f"| `{name}` | `{ours[official.shape(name)]}` | {tests} |"


def listed(text: str) -> list[Named]:
    """The operations that such a page lists."""
    found = []
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        for group in official.FILES:
            if section.lower().startswith(group):
                found += [(group, name) for name in re.findall(r"^\| `(.*?)`", section, re.M)]
    return found


if __name__ == "__main__":
    PAGE.write_text(page([(each.group, each.name) for each in official.operations()]), "utf-8")
