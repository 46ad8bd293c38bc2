"""Undoing an import over HTTP."""

import asyncio
from pathlib import Path

from tests.archives import issue
from tests.conftest import Api
from tests.jobs.working import APP, archive, issues, send, settled, take, working
from tracker.settings import Settings

UNDO = issues(APP, "/import/undo")


async def _numbers(api: Api) -> list[int]:
    return sorted(row["id"] for row in (await api.get(issues(), "alice"))["values"])


async def test_it_swings_back_and_forth(pail: Api, tmp_path: Path) -> None:
    await take(pail, archive(tmp_path))
    await take(pail, archive(tmp_path, {"issues": [issue(7)]}))
    for expected in ([1, 3], [7], [1, 3]):
        answer = await pail("POST", UNDO, "alice")
        assert answer.status == 200
        assert answer.body == {
            "type": "issue_import_undo",
            "writes_out_of_sight": 0,
            "writes_brought_back": 0,
        }
        assert await _numbers(pail) == expected


async def test_it_wants_a_yes_when_writes_go_out_of_sight(pail: Api, tmp_path: Path) -> None:
    await take(pail, archive(tmp_path))
    await pail.post(issues(), "bob", {"title": "since"})
    for refused in (UNDO, f"{UNDO}?yes=false"):
        answer = await pail("POST", refused, "alice")
        assert answer.status == 409
        assert "1 write that only the present issues have" in answer.body["error"]["message"]
    assert await _numbers(pail) == [1, 3, 4]
    answer = await pail("POST", f"{UNDO}?yes=true", "alice")
    assert (answer.status, answer.body["writes_out_of_sight"]) == (200, 1)
    assert await _numbers(pail) == []
    assert (await pail("POST", f"{UNDO}?yes=maybe", "alice")).status == 400


async def test_there_is_nothing_to_undo_at_first(api: Api) -> None:
    answer = await api("POST", UNDO, "alice")
    assert answer.status == 404
    assert "no replaced tracker" in answer.body["error"]["message"]


async def test_a_job_that_waits_comes_first(api: Api, settings: Settings, tmp_path: Path) -> None:
    async with working(settings):
        await take(api, archive(tmp_path))
    await send(api, archive(tmp_path))
    answer = await api("POST", UNDO, "alice")
    assert answer.status == 409
    assert int(answer.headers["Retry-After"]) > 0
    assert await _numbers(api) == [1, 3]


async def test_two_at_once_are_one_after_the_other(pail: Api, tmp_path: Path) -> None:
    await take(pail, archive(tmp_path))
    answers = await asyncio.gather(*(pail("POST", UNDO, "alice") for _ in range(2)))
    assert {answer.status for answer in answers} <= {200, 409}
    done = [answer for answer in answers if answer.status == 200]
    assert await _numbers(pail) == ([] if len(done) == 1 else [1, 3])


async def test_writes_between_acceptance_and_start_are_counted_and_come_back(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    await api.post(issues(), "bob", {"title": "before"})
    await send(api, archive(tmp_path))
    await api.post(issues(), "bob", {"title": "while it waits"})
    await api.post(issues(APP, "/1/comments"), "bob", {"content": {"raw": "so do I"}})
    assert (await api("PUT", issues(APP, "/1"), "bob", json={"state": "open"})).status == 200
    assert (await api("PUT", issues(APP, "/1/vote"), "bob")).status == 204
    async with working(settings):
        body = await settled(api)
    assert body["report"]["warnings"][0] == (
        "writes to the old issues between the import's acceptance and its start: 4; "
        "they are out of sight now, and an undo of the import brings them back"
    )
    answer = await api("POST", UNDO, "alice")
    assert answer.body["writes_out_of_sight"] == 0
    assert answer.body["writes_brought_back"] == 4
    assert await _numbers(api) == [1, 2]
    assert (await api.get(issues(APP, "/1"), "bob"))["votes"] == 1
    answer = await api("POST", UNDO, "alice")
    assert (answer.status, "4 writes" in answer.body["error"]["message"]) == (409, True)
    answer = await api("POST", f"{UNDO}?yes=true", "alice")
    assert answer.body["writes_out_of_sight"] == 4
    assert await _numbers(api) == [1, 3]
    await api.post(issues(), "bob", {"title": "after the import"})
    answer = await api("POST", UNDO, "alice")
    assert answer.body["error"]["message"] == (
        "1 write that only the present issues have would go out of sight, and 4 writes come back; "
        "confirm with yes=true to go on."
    )
    answer = await api("POST", f"{UNDO}?yes=true", "alice")
    assert (answer.body["writes_out_of_sight"], answer.body["writes_brought_back"]) == (1, 4)


async def test_an_import_that_loses_nothing_says_nothing(pail: Api, tmp_path: Path) -> None:
    await pail.post(issues(), "bob", {"title": "before"})
    body = await take(pail, archive(tmp_path))
    assert body["report"]["warnings"] == []
