"""Partial answers: what the parameter `fields` leaves out of an answer or adds.

`-links` takes away, `+issue.assignee` adds to what is shown anyway, `id` or `values.id` shows
nothing else. The names of one list count from left to right; lists are walked through; `*` is
every name at its place.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from service.http import keys
from tracker.errors import Invalid

MOST_CHARACTERS = 4096
MOST_NAMES = 50
MOST_PARTS = 10
MOST_STARS = 20
"""What one `fields` may hold: each name is a walk over the answer, each star a wide one."""

Path = tuple[str, ...]

_NOTHING: Final = object()


class Selection:
    """What one request wants to see."""

    def __init__(self, names: Sequence[tuple[str, Path]]) -> None:
        """Names are pairs of a sign ("+", "-", or "") and a path."""
        self._names = names
        self._is_exclusive = any(not sign for sign, _ in names)

    def wants(self, path: str, *, besides: Collection[str]) -> bool:
        """Whether something inside the object at that path is asked for, other than besides.

        The path is that in the answer, or in each of a list's values.
        """
        place = tuple(path.split("."))
        return any(
            sign != "-" and _leads_into(route, place, besides)
            for sign, name in self._names
            for route in (name, name[1:] if name[0] in ("values", "*") else ())
        )

    def of(self, data: Any, whole: Mapping[str, Any] | None = None) -> Any:
        """The part of an answer that is wanted; data itself is left as it is.

        whole has objects by the name under which the answer, or each of a list's values, shows
        them condensed: what is asked for inside of these is taken from there.
        """
        is_page = isinstance(data.get("values"), list)
        full = _with(data, whole or {}, is_page)
        shown: Any = {} if self._is_exclusive else data
        for sign, name in self._names:
            if sign == "-":
                shown = _without(shown, name)
                continue
            inner = name[1:] if is_page else name
            is_inside = any(_leads_into(inner, (key,), ()) for key in whole or ())
            shown = _merged(shown, _picked(full if is_inside else data, name))
        return shown


def ask(request: web.Request) -> None:
    """Keep what the request's `fields` asks for with the request. Raises Invalid."""
    selection = parse(request.rel_url.query.get("fields", ""))
    if selection is not None:
        request[keys.FIELDS] = selection


def parse(text: str) -> Selection | None:
    """The selection that `fields` asks for; None when it names nothing.

    A `+` that was not encoded has come as a blank. Raises Invalid beyond the limits.
    """
    if len(text) > MOST_CHARACTERS:
        raise _invalid(f"Ensure this value has at most {MOST_CHARACTERS} characters.")
    names = []
    for item in text.split(","):
        sign = "+" if item[:1] == " " else item[:1] if item[:1] in ("+", "-") else ""
        name = item.lstrip("+- ").rstrip()
        if name:
            names.append((sign, tuple(name.split("."))))
    if len(names) > MOST_NAMES:
        raise _invalid(f"At most {MOST_NAMES} names are possible.")
    if any(len(name) > MOST_PARTS for _, name in names):
        raise _invalid(f"A name can have at most {MOST_PARTS} parts.")
    if sum(name.count("*") for _, name in names) > MOST_STARS:
        raise _invalid(f"At most {MOST_STARS} stars are possible.")
    return Selection(names) if names else None


def _invalid(words: str) -> Invalid:
    return Invalid(f"fields: {words}", {"fields": [words]})


def _leads_into(name: Path, place: Path, besides: Collection[str]) -> bool:
    """Whether the name goes on behind that place, and not with one of besides."""
    return (
        len(name) > len(place)
        and all(part in ("*", key) for part, key in zip(name, place, strict=False))
        and name[len(place)] not in besides
    )


def _with(data: Mapping[str, Any], whole: Mapping[str, Any], is_page: bool) -> Mapping[str, Any]:
    """The data with whole objects in place of condensed ones."""
    if is_page:
        return {**data, "values": [{**value, **whole} for value in data["values"]]}
    return {**data, **whole}


def _picked(node: Any, name: Path) -> Any:
    """What is at that name in a node with everything above it, or _NOTHING."""
    if not name or node is None:
        return node
    if isinstance(node, list):
        items = [_picked(item, name) for item in node]
        if items and all(item is _NOTHING for item in items):
            return _NOTHING
        return [{} if item is _NOTHING else item for item in items]
    if not isinstance(node, dict):
        return _NOTHING
    keys = list(node) if name[0] == "*" else [name[0]] if name[0] in node else []
    found = {key: _picked(node[key], name[1:]) for key in keys}
    return {key: item for key, item in found.items() if item is not _NOTHING} or _NOTHING


def _without(node: Any, name: Path) -> Any:
    """A node without what is at that name."""
    if isinstance(node, list):
        return [_without(item, name) for item in node]
    if not isinstance(node, dict):
        return node
    here, rest = name[0], name[1:]
    return {
        key: _without(item, rest) if here in ("*", key) else item
        for key, item in node.items()
        if rest or here not in ("*", key)
    }


def _merged(node: Any, more: Any) -> Any:
    """A node with what was picked from the same answer."""
    if more is _NOTHING:
        return node
    if isinstance(node, dict) and isinstance(more, dict):
        return node | {
            key: _merged(node[key], item) if key in node else item for key, item in more.items()
        }
    if isinstance(node, list) and isinstance(more, list):
        return [_merged(*pair) for pair in zip(node, more, strict=True)]
    return more
