"""DELETE /2.0/repositories/{workspace}/{repo_slug}/issues/{issue_id}."""

from typing import Any

import pytest

from service.http import keys
from tests.conftest import APP, OPEN, Api
from tests.rows import add_attachment, start_import
from tracker.settings import Settings
from tracker.work.sweeping import sweep


async def _filled(api: Api, number: int) -> Any:
    """An issue with one of everything that can hang on it."""
    path = f"{APP}/issues/{number}"
    await api.post(f"{APP}/issues", "bob", {"title": "Doomed", "content": "text"})
    await api.post(f"{path}/comments", "dora", {"content": "said"})
    await api("PUT", path, "bob", json={"state": "open", "title": "Still doomed"})
    await api("PUT", f"{path}/vote", "dora")
    await add_attachment(api, "alice/app", number, 1, "a.txt", None)
    return await api.get(path, "bob")


async def test_it_answers_with_what_it_was_and_is_gone(api: Api) -> None:
    issue = await _filled(api, 1)
    answer = await api("DELETE", f"{APP}/issues/1", "bob")
    assert (answer.status, answer.body) == (200, issue)
    tails = ("", "/comments", "/changes", "/attachments", "/vote", "/watch")
    for method, tail in [("DELETE", ""), *(("GET", tail) for tail in tails)]:
        again = await api(method, f"{APP}/issues/1{tail}", "bob")
        assert again.status == 404
        assert again.body["error"]["message"] == "No Issue matches the given query."
    assert (await api.get(f"{APP}/issues", "bob"))["size"] == 0


async def test_all_that_hung_on_it_goes_and_nothing_of_others(api: Api) -> None:
    for number in (1, 2):
        await _filled(api, number)
    other = await api.get(f"{APP}/issues/2", "bob")
    comments = await api.get(f"{APP}/issues/2/comments", "bob")
    await api("DELETE", f"{APP}/issues/1", "bob")
    hanging = await api.db.all(
        """SELECT m.name AS "table", c.name AS "column"
             FROM sqlite_master m JOIN pragma_table_info(m.name) c
            WHERE m.type = 'table' AND c.name IN ('issue_number', 'number')"""
    )
    assert len(hanging) >= 7
    for row in hanging:
        numbers = await api.db.all(f"SELECT DISTINCT {row['column']} FROM {row['table']}")
        assert [number[0] for number in numbers] == [2], row["table"]
    assert await api.get(f"{APP}/issues/2", "bob") == other
    assert await api.get(f"{APP}/issues/2/comments", "bob") == comments
    assert (await api.get(f"{APP}/issues", "bob"))["size"] == 1
    assert await api.db.check() == []


async def test_its_number_is_never_used_again(api: Api) -> None:
    for number in (1, 2):
        assert (await api.post(f"{APP}/issues", "bob", {"title": "t"}))["id"] == number
        assert (await api("DELETE", f"{APP}/issues/{number}", "bob")).status == 200
    assert (await api.post(f"{APP}/issues", "bob", {"title": "t"}))["id"] == 3


@pytest.mark.parametrize("version", ["2.0", "1.0"])
async def test_the_bytes_of_its_attachments_go_with_it(api: Api, version: str) -> None:
    blobs = api.app[keys.BLOBS]
    with blobs.batch() as batch:
        mine, shared = batch.store([b"mine"]), batch.store([b"shared"])
    for _ in range(2):
        await api.post(f"{APP}/issues", "bob", {"title": "t"})
    await add_attachment(api, "alice/app", 1, 1, "a", mine.sha256)
    await add_attachment(api, "alice/app", 1, 2, "b", shared.sha256)
    await add_attachment(api, "alice/app", 2, 1, "b", shared.sha256)
    path = f"{APP}/issues/1".replace("2.0", version)
    assert (await api("DELETE", path, "bob")).status in (200, 204)
    assert not blobs.path(mine.sha256).exists()
    assert blobs.path(shared.sha256).exists()


async def test_while_a_job_runs_its_bytes_are_left_to_the_sweep(
    api: Api, settings: Settings
) -> None:
    blobs = api.app[keys.BLOBS]
    stored = blobs.store([b"bytes"])
    await api.post(f"{APP}/issues", "bob", {"title": "t"})
    await add_attachment(api, "alice/app", 1, 1, "a", stored.sha256)
    await start_import(api, "alice/open")
    assert (await api("DELETE", f"{APP}/issues/1", "bob")).status == 200
    assert blobs.path(stored.sha256).exists()
    await api.db.run("UPDATE job SET status = 'FAILURE'")
    await sweep(api.db, blobs, settings, young=-1)
    assert not blobs.path(stored.sha256).exists()


async def test_an_issue_that_is_not_deleted_keeps_its_bytes(api: Api) -> None:
    blobs = api.app[keys.BLOBS]
    stored = blobs.store([b"bytes"])
    await api.post(f"{APP}/issues", "bob", {"title": "t"})
    await add_attachment(api, "alice/app", 1, 1, "a", stored.sha256)
    assert (await api("DELETE", f"{APP}/issues/1", "dora")).status == 403
    assert blobs.path(stored.sha256).exists()


@pytest.mark.parametrize(
    ("who", "status"), [("dora", 403), ("charlie", 403), ("bob", 200), ("alice", 200)]
)
async def test_only_who_may_write_deletes_even_the_reporters_own(
    api: Api, who: str, status: int
) -> None:
    made = await api.post(f"{OPEN}/issues", who, {"title": "Mine"})
    path = f"{OPEN}/issues/{made['id']}"
    assert (await api("DELETE", path, who)).status == status
    assert (await api("GET", path)).status == (404 if status == 200 else 200)


async def test_an_issue_without_people_is_deleted_as_any_other(api: Api) -> None:
    await _filled(api, 1)
    await api.db.run("UPDATE issue SET reporter_id = NULL, content_raw = NULL")
    await api.db.run("UPDATE comment SET account_id = NULL")
    answer = await api("DELETE", f"{APP}/issues/1", "bob")
    assert (answer.status, answer.body["reporter"]) == (200, None)


async def test_nothing_is_deleted_while_an_import_replaces_the_tracker(api: Api) -> None:
    issue = await _filled(api, 1)
    await start_import(api, "alice/app")
    assert (await api("DELETE", f"{APP}/issues/1", "bob")).status == 409
    assert await api.get(f"{APP}/issues/1", "bob") == issue
