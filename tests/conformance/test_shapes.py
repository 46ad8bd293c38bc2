"""Our answers have the keys and types of Bitbucket's, as they were recorded.

The recordings are not part of the project: PAIL_REFERENCE names the folder that holds them.
"""

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from service.http import keys
from tests.conftest import OPEN, Api
from tests.rows import add_attachment, add_comment, define

ROOT = Path(__file__).resolve().parents[2]
RECORDED = (
    Path(os.environ.get("PAIL_REFERENCE", ROOT.parent / "shared" / "reference"))
    / "recorded"
    / "objects.jsonl"
)

if not RECORDED.exists() and not os.environ.get("CI"):
    pytest.skip(f"there are no recordings at {RECORDED}", allow_module_level=True)

Types = dict[str, set[str]]

MAY_BE_NULL = {"comment.user", "change.user"}
"""Who wrote is not known of everything, but was of all that was recorded."""

LISTS = {
    "page:issue_list": f"{OPEN}/issues",
    "page:comments": f"{OPEN}/issues/1/comments",
    "page:changes": f"{OPEN}/issues/1/changes",
    "page:attachments": f"{OPEN}/issues/1/attachments",
}
SINGLE = {
    "issue": f"{OPEN}/issues/1",
    "comment": f"{OPEN}/issues/1/comments/5",
    "change": f"{OPEN}/issues/1/changes/5",
}
FREE = {"changes", "values"}
"""Members whose own keys depend on what happened, or that are compared by themselves."""

NEIGHBOURS = {"next", "previous"}
"""Members of a page that are absent at its ends."""


def _types(thing: object, path: str, found: Types) -> None:
    """Note the JSON type at every path of an object."""
    found[path].add(type(thing).__name__)
    if isinstance(thing, dict) and path.rpartition(".")[2] not in FREE:
        for name, value in thing.items():
            _types(value, f"{path}.{name}", found)
    if isinstance(thing, list):
        for value in thing:
            _types(value, f"{path}[]", found)


@pytest.fixture(scope="module")
def recorded() -> dict[str, Types]:
    """By kind of object: by path, the types that were recorded."""
    found: dict[str, Types] = defaultdict(lambda: defaultdict(set))
    with RECORDED.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            record["object"].pop("values", None)
            _types(record["object"], "", found[record["kind"]])
    return found


def _compare(kind: str, shown: Any, recorded: dict[str, Types]) -> None:
    ours: Types = defaultdict(set)
    _types(shown, "", ours)
    theirs = recorded[kind]
    parents_shown = {path for path, types in ours.items() if "dict" in types}
    missing = {
        path
        for path in theirs
        if path not in ours
        and path.rpartition(".")[0] in parents_shown
        and path.rpartition(".")[2] not in NEIGHBOURS
    }
    assert not missing, f"{kind} lacks {missing}"
    # A category had no type in 2020; the API says one today.
    free = NEIGHBOURS | {"type"}
    extra = {p for p in ours if p not in theirs and p.rpartition(".")[2] not in free}
    assert not extra, f"{kind} has {extra}"
    for path, types in ours.items():
        if path in theirs:
            null = {"NoneType"} if f"{kind}{path}" in MAY_BE_NULL else set()
            assert types <= theirs[path] | null, f"{kind}{path}"


@pytest.fixture
async def filled(api: Api) -> Api:
    """An issue that has everything an issue can have."""
    for kind in ("component", "version"):
        await define(api, "alice/open", kind, "Some")
    await api.post(
        f"{OPEN}/issues",
        "alice",
        {
            "title": "All",
            "content": "text",
            "assignee": "bob",
            "component": "Some",
            "version": "Some",
        },
    )
    await add_comment(api, "alice/open", 1, 5, content="c", logs=[("status", "new", "open")])
    await add_comment(api, "alice/open", 1, 6, logs=[("attachment", "/x", "a.txt")])
    await api.post(f"{OPEN}/issues/1/comments", "bob", {"content": "c"})
    await add_attachment(api, "alice/open", 1, 1, "a.txt", None)
    await api.app[keys.CONTENTS].close()
    return api


async def test_pages_have_the_recorded_shape(filled: Api, recorded: dict[str, Types]) -> None:
    for kind, path in LISTS.items():
        for query in ("", "?pagelen=1"):
            page = await filled.get(path + query)
            assert page.pop("values")
            _compare(kind, page, recorded)


async def test_objects_have_the_recorded_shape_alone_and_in_lists(
    filled: Api, recorded: dict[str, Types]
) -> None:
    for kind, path in SINGLE.items():
        _compare(kind, await filled.get(path), recorded)
        page = await filled.get(path.rpartition("/")[0])
        for value in page["values"]:
            _compare(kind, value, recorded)
    for value in (await filled.get(LISTS["page:attachments"]))["values"]:
        _compare("attachment", value, recorded)


async def test_values_of_changes_have_the_recorded_types(
    filled: Api, recorded: dict[str, Types]
) -> None:
    for change in (await filled.get(LISTS["page:changes"]))["values"]:
        for name, values in change["changes"].items():
            assert set(values) == {"old", "new"}
            assert isinstance(values["new"], str)
            assert (values["old"] is None) == (name == "attachment")
