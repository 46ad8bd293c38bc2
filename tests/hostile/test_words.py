"""Values that are one of a few words: what each wrong one is told, to the byte."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.conftest import OPEN, Api
from tests.hostile.members import FORM

JSON = {"Content-Type": "application/json"}
OLD = "/1.0/repositories/alice/open/issues"

STATES = "Must be one of: " + (
    "submitted, new, open, resolved, on hold, invalid, duplicate, wontfix, closed."
)
KINDS = "Must be one of: bug, enhancement, proposal, task."
PRIORITIES = "Must be one of: trivial, minor, major, critical, blocker."
MARKUPS = "Must be one of: markdown, creole, plaintext."
PERMISSIONS = "Must be one of: read, write, admin."

NO_STRING = "Not a valid string."
NULL = "Field may not be null."
NUL = "Null characters are not allowed."

FIELDS: dict[str, tuple[str, str, str, str]] = {
    "new state": ("POST", f"{OPEN}/issues", "state", STATES),
    "new kind": ("POST", f"{OPEN}/issues", "kind", KINDS),
    "new priority": ("POST", f"{OPEN}/issues", "priority", PRIORITIES),
    "new markup": ("POST", f"{OPEN}/issues", "content.markup", MARKUPS),
    "edited state": ("PUT", f"{OPEN}/issues/1", "state", STATES),
    "edited kind": ("PUT", f"{OPEN}/issues/1", "kind", KINDS),
    "edited priority": ("PUT", f"{OPEN}/issues/1", "priority", PRIORITIES),
    "edited markup": ("PUT", f"{OPEN}/issues/1", "content.markup", MARKUPS),
    "changed state": ("POST", f"{OPEN}/issues/1/changes", "changes.state.new", STATES),
    "changed kind": ("POST", f"{OPEN}/issues/1/changes", "changes.kind.new", KINDS),
    "changed priority": ("POST", f"{OPEN}/issues/1/changes", "changes.priority.new", PRIORITIES),
    "message's markup": ("POST", f"{OPEN}/issues/1/changes", "message.markup", MARKUPS),
    "comment's markup": ("POST", f"{OPEN}/issues/1/comments", "content.markup", MARKUPS),
    "permission": ("PUT", f"{OPEN}/permissions-config/users/{{bob}}", "permission", PERMISSIONS),
    "old new status": ("POST", OLD, "status", STATES),
    "old new kind": ("POST", OLD, "kind", KINDS),
    "old new priority": ("POST", OLD, "priority", PRIORITIES),
    "old edited status": ("PUT", f"{OLD}/1", "status", STATES),
    "old edited kind": ("PUT", f"{OLD}/1", "kind", KINDS),
    "old edited priority": ("PUT", f"{OLD}/1", "priority", PRIORITIES),
}
"""Method, path, the field as errors name it, and what another word is told."""

ROLES = {
    "/2.0/repositories": "Must be one of: member, contributor, admin, owner.",
    "/2.0/workspaces": "Must be one of: owner, collaborator, member.",
}
"""Lists that are asked for by a role."""

VALUES: list[tuple[Any, str | None]] = [
    (None, NULL),
    (True, NO_STRING),
    (1, NO_STRING),
    (1.5, NO_STRING),
    ([], NO_STRING),
    (["new"], NO_STRING),
    ({"name": "new"}, NO_STRING),
    ("nonsense", None),
    ("", None),
    ("New", None),
    (" new", None),
    ("new\0", NUL),
    ("\0", NUL),
]
"""What is none of the words; None stands for the list of the words."""


def _payload(name: str, value: object) -> dict[str, Any]:
    """A right payload, but for that value."""
    payload: dict[str, Any] = {"title": "t", "content": "c"}
    first, *inner = name.split(".")
    for part in reversed(inner):
        value = {part: value} if part == "new" or first == "changes" else {"raw": "c", part: value}
    return {**payload, first: value}


@pytest.fixture(autouse=True)
async def issue(api: Api) -> None:
    """There is an issue to write on."""
    await api.post(f"{OPEN}/issues", "alice", {"title": "first"})


def _texts(words: str) -> Iterator[tuple[str, str]]:
    """The values that a form or a query can hold, and what each is told."""
    for value, message in VALUES:
        if isinstance(value, str):
            yield value, message or words


async def _told(api: Api, method: str, path: str, **arguments: Any) -> object:
    """What a request is refused with."""
    answer = await api(method, path, "alice", **arguments)
    return answer.body["error"] if answer.status == 400 else answer


@pytest.mark.parametrize("name", FIELDS)
async def test_what_is_none_of_the_words_is_told_so_in_json(api: Api, name: str) -> None:
    method, path, field, words = FIELDS[name]
    path = path.replace("{bob}", str((await api.get("/2.0/user", "bob"))["uuid"]))
    for value, message in VALUES:
        said = message or words
        body = json.dumps(_payload(field, value))
        told = await _told(api, method, path, data=body, headers=JSON)
        expected = {"message": f"{field}: {said}", "fields": {field: [said]}}
        assert (value, told) == (value, expected)


@pytest.mark.parametrize("name", [name for name in FIELDS if name.startswith(("new", "old"))])
async def test_what_is_none_of_the_words_is_told_so_in_a_form(api: Api, name: str) -> None:
    method, path, field, words = FIELDS[name]
    content = {"content.raw": "c"} if field == "content.markup" else {}
    for value, said in _texts(words):
        body = urlencode({"title": "t", field: value, **content})
        told = await _told(api, method, path, data=body, headers={"Content-Type": FORM})
        expected = {"message": f"{field}: {said}", "fields": {field: [said]}}
        assert (value, told) == (value, expected)


@pytest.mark.parametrize("path", ROLES)
async def test_what_is_no_role_is_told_so(api: Api, path: str) -> None:
    for value, said in _texts(ROLES[path]):
        told = await _told(api, "GET", f"{path}?{urlencode({'role': value})}")
        expected = {"message": f"role: {said}", "fields": {"role": [said]}}
        assert (value, told) == (value, expected)
