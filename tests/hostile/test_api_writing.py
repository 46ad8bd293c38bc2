"""What nobody may set, and what belongs to others: every route that writes leaves it alone."""

import io
import json
import random
import zipfile
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from aiohttp import FormData

from service.api_v1.dialect import V1
from service.api_v2.dialect import V2
from tests.conformance.places import places
from tests.conftest import Api, Start
from tests.hostile.members import FORM, Member, body_with, members, names_one, vacant
from tests.hostile.routes import JSON, UNSAFE, Places, Route, dump, is_refused, send
from tests.jobs.working import give, working
from tests.rows import define
from tracker.access import accounts
from tracker.settings import Settings


@pytest.fixture
async def private(api: Api) -> Places:
    """One of everything in alice's private repository."""
    return await places(api, "alice/app")


FORBIDDEN: dict[str, Any] = {
    "id": 987654321,
    "uuid": "{77777777-7777-4777-8777-777777777777}",
    "number": 987654321,
    "type": "poison",
    "slug": "poison",
    "full_name": "charlie/x",
    "tracker_id": 1,
    "repository_id": 1,
    "workspace_id": 2,
    "account_id": "712020:poison",
    "reporter": {"username": "bob"},
    "reporter_id": 2,
    "user": {"username": "bob"},
    "author": {"username": "bob"},
    "owner": {"username": "charlie"},
    "owner_id": 3,
    "workspace": {"slug": "charlie"},
    "project": {"key": "POISON"},
    "repository": {"full_name": "charlie/x"},
    "issue": {"id": 2},
    "created_on": "2001-01-01T00:00:00.000000+00:00",
    "updated_on": "2001-01-01T00:00:00.000000+00:00",
    "edited_on": "2001-01-01T00:00:00.000000+00:00",
    "votes": 987654321,
    "watches": 987654321,
    "voters": ["bob"],
    "watchers": ["bob"],
    "links": {"self": {"href": "https://evil.example"}},
    "attachments": [{"name": "poison"}],
    "comments": [{"content": {"raw": "poison"}}],
    "metadata": {"id": 987654321, "title": "poison", "reported_by": "bob"},
    "metadata.id": "poison",
    "is_admin": True,
    "is_active": False,
    "is_staff": True,
    "tracker": {"id": 1},
    "last_issue_number": 987654321,
    "html": "<b>poison</b>",
    "status": "SUCCESS",
    "job": {"status": "SUCCESS"},
    "base_url": "https://evil.example",
    "scopes": "repository:admin",
    "local_id": 987654321,
    "reported_by": "bob",
    "author_info": {"username": "bob"},
    "comment_id": 987654321,
    "utc_created_on": "2001-01-01 00:00:00+00:00",
    "utc_last_updated": "2001-01-01 00:00:00+00:00",
    "utc_updated_on": "2001-01-01 00:00:00+00:00",
    "comment_count": 987654321,
    "follower_count": 987654321,
    "resource_uri": "/1.0/poison",
    "is_spam": True,
}
"""What only Pail says, or somebody else."""


def _forbidden(route: Route) -> dict[str, Any]:
    """What nobody may set there: a state is `status` in API 1.0."""
    meant = {"status"} if route.api == V1.prefixes[0] else set()
    return {name: value for name, value in FORBIDDEN.items() if name not in meant}


def _poisoned(route: Route, how: str) -> dict[str, Any]:
    """A right request, with what nobody may set in it."""
    assert route.endpoint is not None
    if route.endpoint.files is not None:
        form = FormData()
        form.add_field("files" if route.endpoint.files == "*" else "archive", b"x", filename="x")
        for name, value in _forbidden(route).items() if how != "clean" else ():
            form.add_field(name, json.dumps(value))
        return {"data": form}
    if how == "form":
        # Where `metadata` means something it is no text.
        names = [name for name in _forbidden(route) if "." not in name and name != "metadata"]
        flat = {name: str(FORBIDDEN[name]) for name in names}
        flat |= {"title": "t", "content": "c", "permission": "write", "changes.title": "t"}
        return {"data": {**flat, **({"name": "t"} if route.api == V1.prefixes[0] else {})}}
    right = dict(route.right)
    if how != "clean" and route.api == V2.prefixes[0]:
        right["content"] = {**_forbidden(route), "raw": "c"}
    return {"json": right if how == "clean" else {**_forbidden(route), **right}}


def _written(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """What was written, but for what is random, or the time; nothing of it is FORBIDDEN."""
    rows = dump(settings.database)
    for poison in ("2001-01-01", "77777777-7777", "987654321"):
        assert poison not in str(rows)
    return {
        table: [tuple(value for value in row if not _varies(value)) for row in values]
        for table, values in rows.items()
    }


def _varies(value: Any) -> bool:
    """Whether that is a time, a random UUID, an address or a file: others in each run."""
    return isinstance(value, str) and (
        value[4:5] == value[7:8] == "-"
        or value.count("-") == 4
        or "://" in value
        or value.startswith("/")
    )


NOTHING_THERE = {("POST", "undo"), ("DELETE", "import")}
"""Routes whose right requests find no import to undo or to withdraw."""


@pytest.mark.parametrize("route", UNSAFE, ids=str)
async def test_what_nobody_may_set_is_set_by_nobody(
    start: Start, settings: Settings, route: Route
) -> None:
    is_absent = (route.method, route.path.rpartition("/")[2]) in NOTHING_THERE
    outcomes = []
    original = settings.database.read_bytes()
    for how in ("clean", "json", "form"):
        folder = settings.data_dir / how
        folder.mkdir()
        (folder / "pail.db").write_bytes(original)
        own = replace(settings, data_dir=folder, database=folder / "pail.db")
        api = await start(own)
        there = vacant(route, await places(api, "alice/app"))
        answer = await send(api, route, route.at(there), "alice", **_poisoned(route, how))
        assert answer.status < 300 or is_absent, (how, answer)
        assert "poison" not in str(answer.body)
        assert "987654321" not in str(answer.body)
        outcomes.append(_written(own))
    assert outcomes[0] == outcomes[1] == outcomes[2]


async def _strangers(api: Api) -> dict[str, list[Any]]:
    """By the kind of a reference: somebody's in another repository, then nobody's."""
    charlie = await accounts.find(api.db, "charlie")
    nobody = "{00000000-0000-4000-8000-000000000000}"
    found: dict[str, list[Any]] = {
        "uuid": [charlie["uuid"], nobody],
        "account_id": [charlie["account_id"], f"712020:{nobody[1:-1]}"],
        "username": ["charlie", "nobody"],
        "nickname": ["charlie", "nobody"],
        "name": ["Theirs", "Nobody's"],
    }
    for kind in ("component", "milestone", "version"):
        found[kind] = [*await define(api, "charlie/x", kind, "Theirs"), 999_999]
    return found


PEOPLE = ("assignee", "responsible")


def _references(route: Route) -> list[tuple[Member, str]]:
    """The members of a route's body that name somebody or something, and the kind of name."""
    found = []
    for member in members(route):
        kind, place = member[-1], [name for name in member if name not in ("changes", "new")]
        if place and place[0].startswith((*PEOPLE, "component", "milestone", "version")):
            if kind in ("uuid", "account_id", "username", "nickname", "name"):
                found.append((member, kind))
            elif kind == "id":
                found.append((member, place[0]))
            elif kind == place[0] or kind == "new":
                by = "account_id" if place[0].endswith("account_id") else "username"
                found.append((member, by if place[0].startswith(PEOPLE) else "name"))
    return found


@pytest.mark.parametrize("route", [route for route in JSON if _references(route)], ids=str)
async def test_what_is_anothers_is_refused_like_what_is_nobodys(
    api: Api, settings: Settings, private: Places, route: Route
) -> None:
    strangers = await _strangers(api)
    before = dump(settings.database)
    wrong = []
    for member, kind in _references(route):
        bodies = [body_with(route, member, value) for value in strangers[kind]]
        foreign, absent = [
            await send(api, route, route.at(private), "alice", json=body) for body in bodies
        ]
        if (foreign.status, foreign.body) != (absent.status, absent.body):
            wrong.append(f"{'.'.join(member)}: {foreign} and {absent}")
        if not is_refused(foreign, 400) or not names_one(foreign, member):
            wrong.append(f"{'.'.join(member)}: {foreign}")
        if len(member) < 3:
            forms = [urlencode({".".join(member): value}) for value in strangers[kind]]
            answers = [
                await send(
                    api,
                    route,
                    route.at(private),
                    "alice",
                    data=f"title=t&{form}",
                    headers={"Content-Type": FORM},
                )
                for form in forms
            ]
            if answers[0].body != answers[1].body or not is_refused(answers[0], 400):
                wrong.append(f"{forms}: {answers}")
    assert wrong == []
    assert len(_references(route)) >= (4 if route.api == V1.prefixes[0] else 13)
    assert dump(settings.database) == before


# Texts

UNUSUAL = (
    "\u00e9 e\u0301",
    "\u05d0\u05d1 \u202etxt.exe\u202c",
    "\U0001f469\u200d\U0001f4bb\U0001f3fd",
    "\ufeffbom",
    "a\u2028b\u2029c\x85d",
    "\ufffe\uffff\U0010ffff",
    "\x01\x08\x0b\x1b[31m\x7f",
    "\ufdfa" * 80,
    " leading and trailing ",
    "tab\tnew\nline\r\n",
    "\u202a\u2066\u200b\u00ad x",
)


def _texts() -> list[str]:
    """Texts that are unusual, and some of any characters that there are."""
    source = random.Random(76)
    kinds = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000]
    made = ["".join(source.choices(kinds, k=source.randint(1, 200))) for _ in range(40)]
    return [*UNUSUAL, *(f"x{text}" for text in made)]


async def test_every_other_text_stays_as_it_is_on_every_way(api: Api, settings: Settings) -> None:
    path = "/2.0/repositories/alice/app/issues"
    for number, text in enumerate(_texts(), 1):
        for body in (
            {"json": {"title": text, "content": {"raw": text}}},
            {"data": {"title": text, "content": text}},
        ):
            created = await api("POST", path, "alice", **body)
            assert created.status == 201, (text, created)
            assert created.body["title"] == created.body["content"]["raw"] == text
        old = path.replace("/2.0/", "/1.0/")
        created = await api("POST", old, "alice", data={"title": text, "content": text})
        assert created.status == 200, (text, created)
        assert created.body["title"] == created.body["content"] == text
        comment = await api.post(f"{path}/{3 * number}/comments", "alice", {"content": text})
        assert comment["content"]["raw"] == text
        q = quote(json.dumps(text, ensure_ascii=False), safe="")
        found = await api.get(f"{path}?q=title={q}", "alice")
        assert [issue["id"] for issue in found["values"]] == [
            3 * number - earlier for earlier in range(3)
        ], text
    async with working(settings):
        exported = zipfile.ZipFile(io.BytesIO(await give(api, "alice/app")))
    data = json.loads(exported.read("db-2.0.json"))
    assert {issue["content"] for issue in data["issues"]} == set(_texts())
    assert {issue["title"] for issue in data["issues"]} == set(_texts())
    assert {comment["content"] for comment in data["comments"]} == set(_texts())
