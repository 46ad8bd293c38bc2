"""Revisions and the generation: what may have altered since a cached answer was made."""

import sqlite3
from contextlib import closing

import pytest
from aiohttp import FormData

from tests.conftest import APP, Api
from tracker.access import accounts, members, repositories, tokens, workspaces
from tracker.access.rights import ADMINISTRATOR
from tracker.database import Revision, SqliteDatabase

OLD = "/1.0/repositories/alice/app/issues"


async def revision(api: Api) -> Revision:
    """Those of alice/app."""
    return await api.db.revision((await api.repository("alice/app")).tracker_id)


def file() -> FormData:
    """A form with one file."""
    form = FormData()
    form.add_field("files", b"bytes", filename="a.txt")
    return form


@pytest.fixture
async def issue(api: Api) -> str:
    """The address of an issue with a comment and an attachment, and a component in its tracker."""
    await api.post(f"{APP}/issues", "alice", {"title": "t"})
    await api.post(f"{APP}/issues/1/comments", "alice", {"content": {"raw": "c"}})
    await api("POST", f"{APP}/issues/1/attachments", "alice", data=file())
    await api("POST", f"{OLD}/components", "alice", json={"name": "UI"})
    return f"{APP}/issues/1"


COMMENT = {"content": {"raw": "another"}}

WRITES = [
    ("POST", f"{APP}/issues", {"title": "new"}),
    ("PUT", f"{APP}/issues/1", {"title": "other"}),
    ("DELETE", f"{APP}/issues/1", None),
    ("POST", f"{APP}/issues/1/changes", {"changes": {"state": {"new": "open"}}}),
    ("POST", f"{APP}/issues/1/comments", COMMENT),
    ("PUT", f"{APP}/issues/1/comments/1", COMMENT),
    ("DELETE", f"{APP}/issues/1/comments/1", None),
    ("PUT", f"{APP}/issues/1/vote", None),
    ("DELETE", f"{APP}/issues/1/watch", None),
    ("DELETE", f"{APP}/issues/1/attachments/a.txt", None),
    ("POST", f"{OLD}/milestones", {"name": "M"}),
    ("PUT", f"{OLD}/components/1", {"name": "GUI"}),
    ("DELETE", f"{OLD}/components/1", None),
]


@pytest.mark.parametrize(("method", "path", "payload"), WRITES)
async def test_every_write_to_a_tracker_moves_its_revision(
    api: Api, issue: str, method: str, path: str, payload: object
) -> None:
    before = await revision(api)
    arguments = {} if payload is None else {"json": payload}
    answer = await api(method, path, "alice", **arguments)
    assert answer.status < 300, answer
    after = await revision(api)
    assert after.tracker > before.tracker
    assert after.rights == before.rights


async def test_an_upload_moves_the_revision_of_the_tracker(api: Api, issue: str) -> None:
    before = await revision(api)
    await api("POST", f"{issue}/attachments", "alice", data=file())
    assert (await revision(api)).tracker > before.tracker


async def test_nothing_else_moves_a_revision(api: Api, issue: str) -> None:
    await api("PUT", f"{issue}/vote", "alice")
    before = await revision(api)
    for path in ("", "/issues", "/issues/1", "/issues/1/comments", "/issues/1/attachments/a.txt"):
        await api("GET", f"{APP}{path}", "alice")
    await api("PUT", issue, "alice", json={"title": "t"})  # as it is
    await api("PUT", f"{issue}/vote", "alice")
    await api("PUT", f"{APP}/issues/9", "alice", json={"title": "absent"})
    await api("POST", f"{APP}/issues", "alice", json={"title": ""})
    await api("POST", f"{APP}/issues", "charlie", json={"title": "from a stranger"})
    await api.post("/2.0/repositories/alice/open/issues", "alice", {"title": "elsewhere"})
    assert await revision(api) == before


async def test_every_write_that_alters_rights_moves_their_revision(api: Api) -> None:
    db = api.db
    repository = await api.repository("alice/app")

    async def token() -> None:
        await tokens.create(db, "bob")

    async def no_token() -> None:
        [row, *_] = await tokens.of_account(db, "bob")
        await tokens.remove(db, "bob", row["id"])

    async def put(permission: str) -> None:
        await repositories.set_member(db, repository, "charlie", permission)

    async def no_member() -> None:
        charlie = await accounts.find(db, "charlie")
        await db.write(lambda tx: members.remove(tx, repository, charlie["id"]))

    async def private(is_private: bool) -> None:
        await db.write(lambda tx: repositories.update(tx, repository, {"is_private": is_private}))

    async def renamed() -> None:
        await db.write(lambda tx: repositories.update(tx, repository, {"name": "Else"}))

    async def gone() -> None:
        found = await api.repository("alice/open")
        await db.write(lambda tx: repositories.delete(tx, found))

    steps = {
        "account": lambda: accounts.create(db, "frank"),
        "disabled": lambda: accounts.set_active(db, "bob", False),
        "enabled": lambda: accounts.set_active(db, "bob", True),
        "token": token,
        "revoked": no_token,
        "workspace": lambda: workspaces.create(db, "frank", owner="frank"),
        "repository": lambda: repositories.create(db, "frank/x", private=True),
        "member": lambda: put("read"),
        "permission": lambda: put("write"),
        "no member": no_member,
        "public": lambda: private(False),
        "name": renamed,
        "deleted": gone,
    }
    for name, step in steps.items():
        before = await revision(api)
        await step()
        assert (await revision(api)).rights > before.rights, name
    assert ADMINISTRATOR.is_admin


async def test_the_generation_moves_with_every_commit_of_any_process(api: Api) -> None:
    assert isinstance(api.db, SqliteDatabase)
    before = api.db.generation()
    await api.get(APP, "alice")
    assert api.db.generation() == before
    seen = {before}
    await api.post(f"{APP}/issues", "alice", {"title": "ours"})
    seen.add(api.db.generation())
    with closing(sqlite3.connect(api.db.path)) as other:
        other.execute("UPDATE counter SET value = value + 1 WHERE name = 'category'")
        other.commit()
    seen.add(api.db.generation())
    await api.db.run("UPDATE counter SET value = value + 1 WHERE name = 'category'", durable=False)
    seen.add(api.db.generation())
    assert len(seen) == 4
