"""Tell what a file is, whatever its name: a zip, or which of the databases."""

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tracker.archive.members import CHUNK, DATABASE
from tracker.archive.stream import walk
from tracker.errors import Invalid

_LOOKED_AT = 1 << 24
"""Bytes of a database that are read to tell which one it is: nearly always the first row tells."""

_NAMED = re.compile(rf"(?:^|[^0-9A-Za-z]){DATABASE.pattern}$")
_PEOPLE = ("user", "reporter", "assignee", "default_assignee")
_SECTIONS = frozenset({"issues", "comments", "logs", "attachments", "meta"})


class _LookedAtAll(Exception):
    """So many bytes were read."""


def is_text(path: Path) -> bool:
    """Whether a file starts like a JSON object, or its name says that it is JSON."""
    with path.open("rb") as file:
        start = file.read(CHUNK).removeprefix(BOM_UTF8)
    return path.suffix == ".json" or start.lstrip(b" \t\r\n").startswith(b"{")


def version_of(path: Path, longest: int) -> str:
    """Which database a bare file is, "2.0" or "1.0": by its name, else by its people.

    2.0 has objects for people and 1.0 texts; one without any people is both, and called 1.0. No
    element may take more than longest bytes. Raises Invalid for what is no database.
    """
    if named := _NAMED.search(path.name):
        return named[1]
    sections: dict[str, int] = {}
    try:
        for section, _, element in walk(_chunks(path), "The file", longest, sections):
            if section in _SECTIONS and (version := _version(element)):
                return version
    except _LookedAtAll:
        is_one = not _SECTIONS.isdisjoint(sections)
    else:
        is_one = "issues" in sections
    if not is_one:
        raise Invalid("The file is neither a db-2.0.json nor a db-1.0.json: it has no issues.")
    return "1.0"


def _version(element: Any) -> str | None:
    """Which database has such an element, by the first person in it."""
    if not isinstance(element, dict):
        return None
    for person in _people(element):
        if isinstance(person, dict):
            return "2.0" if "account_id" in person or "display_name" in person else "1.0"
        if isinstance(person, str) and person:
            return "1.0"
    return None


def _people(element: dict[str, Any]) -> Iterator[Any]:
    for key in _PEOPLE:
        yield element.get(key)
    for key in ("watchers", "voters"):
        people = element.get(key)
        if isinstance(people, dict):
            people = list(people.values())
        yield from people if isinstance(people, list) else ()


def _chunks(path: Path) -> Iterator[bytes]:
    """The first bytes of a file; raises _LookedAtAll where there are more."""
    left = _LOOKED_AT
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
            left -= len(chunk)
            if left <= 0 and file.peek(1):
                raise _LookedAtAll
