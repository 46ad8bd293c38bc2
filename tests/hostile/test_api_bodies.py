"""Bodies that nobody should send: each member of each route's body, held against its schema."""

import gzip
import json
import re
import tomllib
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import FormData

from service.api_v1.dialect import V1
from service.api_v2.dialect import V2
from tests.api_v2.test_bodies import GARBAGE, PARTS
from tests.conformance.places import places
from tests.conftest import Answer, Api, Start
from tests.hostile.members import (
    FORM,
    body_with,
    members,
    names_one,
    vacant,
    validator,
)
from tests.hostile.routes import FILES, JSON, ROUTES, Places, Route, dump, is_refused, send
from tests.hostile.test_queries import INJECTIONS
from tracker.settings import Limits, Settings

VALUES: tuple[Any, ...] = (
    None,
    [],
    {},
    [1],
    [[]],
    [{"raw": "x"}],
    {"raw": {}},
    {"raw": []},
    {"new": {"new": {"new": 1}}},
    {"x": {"y": []}},
    True,
    False,
    0,
    -1,
    1.5,
    1e300,
    2**31,
    2**52 + 1,
    2**63 - 1,
    2**63,
    2**64,
    -(2**63),
    -(2**64),
    "",
    " \t\n",
    "\0",
    "a\0b",
    "x" * 300,
    "1e3",
    "1_0",
    "+1",
    "-1",
    "01",
    "1.0",
    "\u0661",
    "9" * 5000,
    "null",
    "__class__",
    *INJECTIONS[:3],
)

MAY_BE_EMPTY = {
    (f"POST /2.0/repositories/{{workspace}}/{{repo_slug}}/issues{rest}", member)
    for rest, member in (
        ("", "content"),
        ("/{issue_id}/changes", "content"),
        ("/{issue_id}/changes", "message"),
    )
}
"""Texts that clients send as {} for none."""

FOR_THE_WHOLE = ("Nothing would be altered", "Repository with this Slug")
"""What is said when each member is right."""

UNREADABLE: tuple[Any, ...] = (
    "\ud800",
    "a\udfffb",
    float("nan"),
    float("inf"),
    10**4000,
    [[[]]] * 30_000,
)
"""What is no JSON of ours, so that no member can be named."""


@pytest.fixture
async def private(api: Api) -> Places:
    """One of everything in alice's private repository."""
    return await places(api, "alice/app")


async def _end_jobs(api: Api) -> None:
    """An export with other options would have to wait for one that runs."""
    await api.db.run("UPDATE job SET status = 'FAILURE'")


@pytest.mark.parametrize("route", JSON, ids=str)
async def test_a_value_that_is_none_is_refused_by_name(
    api: Api, settings: Settings, private: Places, route: Route
) -> None:
    right = validator(route)
    url = route.at(vacant(route, private))
    before = dump(settings.database)
    wrong, accepted = [], []
    for member in members(route):
        for value in VALUES:
            body = body_with(route, member, value)
            if right.is_valid(body) or (value == {} and (str(route), *member) in MAY_BE_EMPTY):
                accepted.append((member, body))
                continue
            answer = await send(api, route, url, "alice", json=body)
            if not is_refused(answer, 400) or not names_one(answer, member):
                wrong.append(f"{'.'.join(member)} = {str(value)[:40]!r}: {answer}")
    assert wrong == []
    assert dump(settings.database) == before
    for member, body in accepted:
        await _end_jobs(api)
        answer = await send(api, route, url, "alice", json=body)
        said = str(answer.body)
        named = is_refused(answer, 400) and (
            names_one(answer, member) or any(words in said for words in FOR_THE_WHOLE)
        )
        if not (named or answer.status < 300):
            wrong.append(f"{'.'.join(member)} in {str(body)[:80]}: {answer}")
        if answer.status < 300 and "slug" in answer.body:  # it may have another name now
            url = route.at({**private, "repo_slug": answer.body["slug"]})
    assert wrong == []


@pytest.mark.parametrize("route", JSON, ids=str)
async def test_what_can_not_be_read_is_refused(
    api: Api, settings: Settings, private: Places, route: Route
) -> None:
    url = route.at(vacant(route, private))
    before = dump(settings.database)
    wrong = []
    for member in members(route):
        for value in UNREADABLE:
            answer = await send(api, route, url, "alice", json=body_with(route, member, value))
            if not is_refused(answer, 400):
                wrong.append(f"{'.'.join(member)} = {str(value)[:40]!r}: {answer}")
    for content_type, body, status in GARBAGE:
        if not body and _may_be_empty(route):
            continue
        headers = {"Content-Type": content_type}
        answer = await send(api, route, url, "alice", data=body, headers=headers)
        if not is_refused(answer, status):
            wrong.append(f"{content_type} {body[:40]!r}: {answer}")
    assert wrong == []
    assert dump(settings.database) == before


FLAT = {
    V1.prefixes[0]: {"title": "t", "content": "c", "name": "t"},
    V2.prefixes[0]: {"title": "t", "content": "c", "permission": "read"},
}
"""A form that is right everywhere in an API."""


def _may_be_empty(route: Route) -> bool:
    """Whether a route needs no body."""
    return route.path.endswith(("/{repo_slug}", "/export"))


@pytest.mark.parametrize("route", JSON, ids=str)
async def test_a_form_of_no_texts_or_too_many_is_refused(
    api: Api, settings: Settings, private: Places, route: Route
) -> None:
    url = route.at(vacant(route, private))
    headers = {"Content-Type": FORM}
    refused = ("%ED%A0%80", "%FF", "x&" + "a=1&" * 20_000)
    before = dump(settings.database)
    wrong = []
    for member in members(route):
        name = ".".join(member)
        for text in refused:
            answer = await send(api, route, url, "alice", data=f"{name}={text}", headers=headers)
            if not is_refused(answer, 400):
                wrong.append(f"{name}={text[:40]}: {answer}")
    assert wrong == []
    assert dump(settings.database) == before


@pytest.mark.parametrize("kind", [FORM, PARTS], ids=["urlencoded", "multipart"])
@pytest.mark.parametrize("route", JSON, ids=str)
async def test_a_form_is_refused_or_understood(
    api: Api, private: Places, route: Route, kind: str
) -> None:
    url = route.at(vacant(route, private))
    wrong = []
    for member in members(route):
        name = ".".join(member)
        for value in (value for value in VALUES if isinstance(value, str)):
            texts = {**FLAT[route.api], name: value}
            await _end_jobs(api)
            data = urlencode(texts).encode() if kind == FORM else _multipart(texts)
            headers = {"Content-Type": kind}
            answer = await send(api, route, url, "alice", data=data, headers=headers)
            if not (answer.status < 300 or is_refused(answer, 400)):
                wrong.append(f"{data[-60:]!r}: {answer}")
            if answer.status < 300 and "slug" in answer.body:  # as above
                url = route.at({**private, "repo_slug": answer.body["slug"]})
    assert wrong == []


LIMIT = 3000


def _multipart(texts: dict[str, str]) -> bytes:
    part = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    return "".join([part.format(*item) for item in texts.items()] + ["--b--"]).encode()


@cache
def _bomb(body: bytes, more: bytes) -> bytes:
    """The body with very much more behind it, compressed."""
    return gzip.compress(body + more * 30_000_000)


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for place in range(0, len(body), 7):
        yield body[place : place + 7]


@pytest.mark.parametrize("route", JSON, ids=str)
async def test_a_body_of_the_limit_passes_and_one_more_byte_does_not(
    start: Start, settings: Settings, route: Route
) -> None:
    api = await start(replace(settings, limits=Limits(body_bytes=LIMIT)))
    there = vacant(route, await places(api, "alice/app"))

    async def post(body: bytes, kind: str = "application/json", coding: str = "") -> Answer:
        headers = {"Content-Type": kind, **({"Content-Encoding": coding} if coding else {})}
        data = _pieces(body) if coding == "" and kind.endswith("json") else body
        return await send(api, route, route.at(there), "alice", data=data, headers=headers)

    right = {**route.right, "title": "x", "changes": {"title": "x"}}
    fitting = json.dumps(right).encode().ljust(LIMIT)
    flat = {**FLAT[route.api], "changes.title": "f", "more": ""}
    form = urlencode(flat).encode().ljust(LIMIT, b"x")
    parts = _multipart(flat).ljust(LIMIT)
    before = dump(settings.database)
    for body, kind, coding in (
        (fitting + b" ", "application/json", ""),
        (form + b"x", FORM, ""),
        (parts + b" ", PARTS, ""),
        (gzip.compress(fitting + b" "), "application/json", "gzip"),
        (_bomb(b"", b" "), "application/json", "gzip"),
        (_bomb(form, b"x"), FORM, "gzip"),
        (_bomb(parts, b" "), PARTS, "gzip"),
    ):
        answer = await post(body, kind, coding)
        assert is_refused(answer, 413), (kind, coding, len(body))
    assert is_refused(await post(b"no gzip", "application/json", "gzip"), 400)
    assert is_refused(await post(b"no gzip", FORM, "gzip"), 400)
    assert is_refused(await post(b"no gzip", PARTS, "gzip"), 400)
    assert dump(settings.database) == before
    assert (await post(fitting)).status < 300
    if route.method == "PUT":
        assert (await post(form, FORM)).status < 300
        assert (await post(parts, PARTS)).status < 300
        assert (await post(gzip.compress(fitting), coding="gzip")).status < 300


async def test_a_compressed_body_that_nobody_wants_is_not_unpacked(
    api: Api, private: Places
) -> None:
    bomb = _bomb(b"", b" ")
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    for route in ROUTES:
        for who in (None, "charlie"):
            answer = await send(api, route, route.at(private), who, data=bomb, headers=headers)
            # Else all of it is unpacked to find the next request of the connection.
            assert answer.headers.get("Connection") == "close", (str(route), who, answer)
            assert answer.status < 500, (str(route), who, answer)


@pytest.mark.parametrize("route", FILES, ids=str)
async def test_a_file_of_the_limit_passes_and_one_more_byte_does_not(
    start: Start, settings: Settings, route: Route
) -> None:
    limits = Limits(attachment_bytes=LIMIT, archive_bytes=LIMIT, body_bytes=100)
    api = await start(replace(settings, limits=limits))
    there = await places(api, "alice/app")
    field = route.endpoint.files if route.endpoint else None

    async def post(size: int) -> Answer:
        form = FormData()
        form.add_field(str(field).replace("*", "files"), b"x" * size, filename="x.bin")
        return await send(api, route, route.at(there), "alice", data=form)

    before = dump(settings.database)
    for size in (LIMIT + 1, 1_000_000):
        assert is_refused(await post(size), 413)
    assert dump(settings.database) == before
    assert list(settings.spool_dir.iterdir()) == []
    assert (await post(LIMIT)).status < 300


@pytest.mark.parametrize("route", JSON, ids=str)
async def test_a_hundred_thousand_wrong_items_are_refused_at_once(
    api: Api, settings: Settings, private: Places, route: Route
) -> None:
    before = dump(settings.database)
    url = route.at(vacant(route, private))
    for body in (
        [{"title": 1}] * 50_000,
        {"changes": [{"title": 1}] * 50_000},
        {"content": [1] * 50_000},
        {"changes": {str(number): 1 for number in range(30_000)}},
    ):
        assert is_refused(await send(api, route, url, "alice", json=body), 400)
    assert dump(settings.database) == before


def test_no_schema_takes_many_things_at_once_or_is_cut_by_what_was_sent() -> None:
    root = Path(__file__).resolve().parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert "marshmallow>=4.1.2" in project["dependencies"]
    for path in [*root.glob("service/**/*.py"), *root.glob("tracker/**/*.py")]:
        # What answers are described with is never loaded with.
        code = re.sub(r"\bobjects\.\w+\(many=True\)", "", path.read_text())
        assert not re.search(r"[(,]\s*many=", code), path
        assert not re.search(r"\b(?:only|exclude)=(?!\(\")", code), path
