"""Partial answers: what the parameter `fields` leaves out of an answer or adds.

`-links` takes away, `+issue.assignee` adds to what is shown anyway, `id` or `values.id` shows
nothing else. The names of one list count from left to right; lists are walked through; `*` is
every name at its place.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from aiohttp import web
from marshmallow import ValidationError
from marshmallow import fields as marshmallow_fields

from service.http import answers
from tracker import fields

MOST_CHARACTERS = 4096
MOST_NAMES = 50
MOST_PARTS = 10
MOST_STARS = 20
"""What one `fields` may hold: each name is a walk over the answer, each star a wide one."""

Path = tuple[str, ...]

_NOTHING: Final = object()


class FieldSelection:
    """The parts of an answer that one request asks for."""

    def __init__(self, names: Sequence[tuple[str, Path]]) -> None:
        """Names are pairs of a sign ("+", "-", or "") and a path."""
        self._names = names
        self._is_exclusive = any(not sign for sign, _ in names)
        self._expansions: dict[str, Any] = {}

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

    def expand(self, name: str, whole: Mapping[str, Any]) -> None:
        """Take what is asked for inside an object from the whole of it.

        The answer, or each of a list's values, shows the object condensed under that name.
        """
        self._expansions[name] = whole

    def of(self, data: Any) -> Any:
        """The part of an answer that is asked for; data itself stays as it is."""
        is_page = isinstance(data.get("values"), list)
        full = _with(data, self._expansions, is_page)
        shown: Any = {} if self._is_exclusive else data
        for sign, name in self._names:
            if sign == "-":
                shown = _without(shown, name)
                continue
            inner = name[1:] if is_page else name
            is_inside = any(_leads_into(inner, (key,), ()) for key in self._expansions)
            shown = _merged(shown, _picked(full if is_inside else data, name))
        return shown


FIELDS = web.RequestKey("fields", FieldSelection)
"""What the request asks for, if it does."""


class FieldNames(marshmallow_fields.String):
    """The value of `fields`: loads as a FieldSelection, or as None where it names nothing.

    A `+` that was not encoded arrives as a blank.
    """

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if len(value) > MOST_CHARACTERS:
            raise ValidationError(f"Ensure this value has at most {MOST_CHARACTERS} characters.")
        names = []
        for item in value.split(","):
            sign = "+" if item[:1] == " " else item[:1] if item[:1] in ("+", "-") else ""
            name = item.lstrip("+- ").rstrip()
            if name:
                names.append((sign, tuple(name.split("."))))
        if len(names) > MOST_NAMES:
            raise ValidationError(f"At most {MOST_NAMES} names are possible.")
        if any(len(name) > MOST_PARTS for _, name in names):
            raise ValidationError(f"A name can have at most {MOST_PARTS} parts.")
        if sum(name.count("*") for _, name in names) > MOST_STARS:
            raise ValidationError(f"At most {MOST_STARS} stars are possible.")
        return FieldSelection(names) if names else None


PARAMETERS = fields.Payload.from_dict(
    {
        "fields": FieldNames(
            metadata={
                "description": "Parts of the answer, separated by commas: `a.b` for these alone, "
                "`-a.b` for all but these, `+a.b` for more than usual; `*` stands for every name."
            }
        )
    }
)()
"""What every request may say in its query."""


def parse(text: str) -> FieldSelection | None:
    """What a `fields` asks for; None where it names nothing. Raises Invalid beyond the limits."""
    selection: FieldSelection | None = fields.load(PARAMETERS, {"fields": text})["fields"]
    return selection


def read_query(request: web.Request) -> None:
    """Keep what the request's `fields` asks for with the request. Raises as parse() does."""
    query = request.rel_url.query
    selection = parse(query["fields"]) if "fields" in query else None
    if selection is not None:
        request[FIELDS] = selection
        request[answers.SELECT] = selection.of


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
