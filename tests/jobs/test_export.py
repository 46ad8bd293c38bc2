"""Exporting over HTTP: the answers, the options, who gets which zip, and for how long."""

import asyncio
import io
import json
import os
import uuid
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDictProxy

from service.http import keys
from tests.archives import as_data, sample
from tests.conftest import Api, Start
from tests.jobs.working import (
    APP,
    archive,
    begin_export,
    files,
    finished_export,
    give,
    issues,
    select,
    take,
)
from tests.test_error_shape import is_error
from tracker.access import repositories
from tracker.blobs import Blobs
from tracker.settings import Settings
from tracker.work import jobs, sweeping

EXPORT = issues(APP, "/export")


def _opened(zipped: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(zipped))


def _database(zipped: bytes) -> Any:
    return json.loads(_opened(zipped).read("db-2.0.json"))


async def test_it_is_accepted_and_its_place_answers_with_a_status(api: Api) -> None:
    answer = await api("POST", EXPORT, "alice")
    assert answer.status == 202
    path = answer.headers["Location"].removeprefix(api.url)
    assert path.startswith(f"{EXPORT}/app-issues-")
    assert path.endswith(".zip")
    status = await api("GET", path, "alice")
    assert status.status == 202
    assert (status.body["type"], status.body["status"]) == ("issue_job_status", "ACCEPTED")


async def test_it_ends_as_a_zip_that_browsers_save(pail: Api, tmp_path: Path) -> None:
    await take(pail, archive(tmp_path))
    answer = await finished_export(pail, await begin_export(pail))
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/zip"
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    assert 'attachment; filename="app-issues.zip"' in answer.headers["Content-Disposition"]
    assert "no-store" in answer.headers["Cache-Control"]
    assert as_data(_database(answer.body)) == as_data(sample())


@dataclass(frozen=True)
class Zip:
    """An export that has ended: its address in one of the APIs, its bytes and its ETag."""

    api: Api
    path: str
    whole: bytes
    headers: CIMultiDictProxy[str]

    async def ask(self, method: str = "GET", **headers: str) -> tuple[int, bytes]:
        """The status and the bytes for these headers (If_Range is If-Range)."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.api.client.request(
            method, self.path, headers={**sent, **self.api.world.headers("alice")}
        ) as response:
            return response.status, await response.read()


@pytest.fixture(params=["2.0", "1.0"])
async def zipped(pail: Api, tmp_path: Path, request: pytest.FixtureRequest) -> Zip:
    """An export in each API."""
    await take(pail, archive(tmp_path))
    path = await begin_export(pail)
    whole = (await finished_export(pail, path)).body
    if request.param == "1.0":
        path = EXPORT.replace("/2.0", "/1.0") + "/zip"
    response = await pail.client.get(path, headers=pail.world.headers("alice"))
    assert await response.read() == whole
    return Zip(pail, path, whole, response.headers)


async def test_a_part_of_the_zip_can_be_asked_for(zipped: Zip) -> None:
    whole, size = zipped.whole, len(zipped.whole)
    for wanted, status, data in (
        ("bytes=5-9", 206, whole[5:10]),
        (f"bytes={size - 7}-", 206, whole[-7:]),
        ("bytes=-10", 206, whole[-10:]),
        ("Bytes=1-99999999999999999999", 206, whole[1:]),
        ("bytes=0-9,20-29", 200, whole),
        ("bytes=x-y", 200, whole),
        ("bytes=-", 200, whole),
        ("items=0-9", 200, whole),
        ("nonsense", 200, whole),
    ):
        assert await zipped.ask(Range=wanted) == (status, data), wanted
        assert await zipped.ask("HEAD", Range=wanted) == (200, b""), wanted


async def test_a_part_of_the_zip_says_which_one_it_is(zipped: Zip) -> None:
    answer = await zipped.api("GET", zipped.path, "alice", headers={"Range": "bytes=10-19"})
    assert answer.headers["Content-Range"] == f"bytes 10-19/{len(zipped.whole)}"
    assert answer.headers["Content-Length"] == "10"
    for name in ("Content-Type", "Content-Disposition", "ETag", "Last-Modified", "Cache-Control"):
        assert answer.headers[name] == zipped.headers[name]
    assert answer.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    "wanted", ["bytes={size}-", "bytes={size}-{size}", "bytes=9-5", "bytes=-0"]
)
async def test_a_part_behind_the_end_of_the_zip_is_refused_with_its_size(
    zipped: Zip, wanted: str
) -> None:
    size = len(zipped.whole)
    headers = {"Range": wanted.format(size=size)}
    answer = await zipped.api("GET", zipped.path, "alice", headers=headers)
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{size}"
    assert is_error(answer)


async def test_a_download_of_the_zip_is_resumed_while_it_is_the_same(zipped: Zip) -> None:
    etag, date = zipped.headers["ETag"], zipped.headers["Last-Modified"]
    part = (206, zipped.whole[5:])
    for validator in (etag, date):
        assert await zipped.ask(Range="bytes=5-", If_Range=validator) == part
    for validator in (f"W/{etag}", '"other"', "Fri, 31 Dec 2100 00:00:00 GMT", "nonsense"):
        again = await zipped.ask(Range="bytes=5-", If_Range=validator)
        assert again == (200, zipped.whole), validator


BEFORE, AFTER = "Mon, 01 Jan 2001 00:00:00 GMT", "Fri, 31 Dec 2100 00:00:00 GMT"


async def test_conditions_of_a_download_of_the_zip_are_kept(zipped: Zip) -> None:
    etag, date = zipped.headers["ETag"], zipped.headers["Last-Modified"]
    assert not etag.startswith("W/")
    sent: list[tuple[int, dict[str, str]]] = [
        (200, {"If_Match": etag}),
        (200, {"If_Match": f'"other", {etag}'}),
        (200, {"If_Match": "*"}),
        (412, {"If_Match": f"W/{etag}"}),
        (412, {"If_Match": '"other"'}),
        (412, {"If_Match": '"other"', "If_None_Match": etag, "Range": "bytes=0-1"}),
        (200, {"If_Unmodified_Since": date}),
        (200, {"If_Unmodified_Since": AFTER}),
        (200, {"If_Unmodified_Since": "nonsense"}),
        (412, {"If_Unmodified_Since": BEFORE}),
        (200, {"If_Unmodified_Since": BEFORE, "If_Match": etag}),
        (304, {"If_None_Match": etag}),
        (304, {"If_None_Match": f"W/{etag}"}),
        (304, {"If_None_Match": "*"}),
        (200, {"If_None_Match": '"other"'}),
        (200, {"If_None_Match": '"other"', "If_Modified_Since": date}),
        (304, {"If_Modified_Since": date}),
        (200, {"If_Modified_Since": BEFORE}),
    ]
    for status, headers in sent:
        for method in ("GET", "HEAD"):
            assert (await zipped.ask(method, **headers))[0] == status, headers
    answer = await zipped.api("GET", zipped.path, "alice", headers={"If-Match": '"other"'})
    assert answer.status == 412
    assert is_error(answer)
    assert answer.headers["ETag"] == etag
    known = await zipped.api("GET", zipped.path, "alice", headers={"If-None-Match": etag})
    assert (known.body, known.headers["ETag"]) == ("", etag)


async def test_head_of_the_zip_says_what_get_would(zipped: Zip) -> None:
    head = await zipped.api("HEAD", zipped.path, "alice")
    assert (head.status, head.body) == (200, "")
    for name in {*zipped.headers, *head.headers} - {"Date"}:
        assert head.headers[name] == zipped.headers[name]


async def test_every_export_has_an_etag_of_its_own_that_outlives_a_restart(
    zipped: Zip, start: Start, settings: Settings
) -> None:
    again = await start(settings)
    answer = await again("HEAD", zipped.path, "alice")
    assert answer.headers["ETag"] == zipped.headers["ETag"]
    another = await finished_export(zipped.api, await begin_export(zipped.api))
    assert another.body == zipped.whole
    assert another.headers["ETag"] != zipped.headers["ETag"]


async def test_a_zip_that_goes_between_two_looks_is_gone(
    pail: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await begin_export(pail)
    await finished_export(pail, path)
    monkeypatch.setattr(Path, "exists", lambda self: True)
    for file in files(pail.app[keys.SETTINGS].exports_dir):
        file.unlink()
    answer = await pail("GET", path, "alice")
    assert answer.status == 410
    assert "kept for 7 days" in answer.body["error"]["message"]


async def test_what_comes_in_again_goes_out_the_same(pail: Api, tmp_path: Path) -> None:
    await take(pail, archive(tmp_path, sample(), "1.0", "2.0"))
    await pail.post(issues(), "bob", {"title": "live", "content": {"raw": "line\r\nline"}})
    first = await give(pail)
    assert (await take(pail, first))["status"] == "SUCCESS"
    assert await give(pail) == first


async def test_attachments_can_be_left_out(pail: Api, tmp_path: Path) -> None:
    await take(pail, archive(tmp_path))
    names = _opened(await give(pail)).namelist()
    assert len([name for name in names if name.startswith("attachments/")]) == 2
    without = await give(pail, include_attachments=False)
    assert not [name for name in _opened(without).namelist() if name.startswith("attachments/")]
    assert _database(without)["attachments"] == []


async def test_the_project_of_jira_can_be_named(pail: Api) -> None:
    zipped = await give(pail, project_key="QST", project_name="Quest")
    jira = json.loads(_opened(zipped).read("db-jira-cloud.json"))
    assert "QST" in json.dumps(jira)
    assert "Quest" in json.dumps(jira)


@pytest.mark.parametrize(
    "options",
    [
        {"type": "export_options", "send_email": True},
        {"send_email": False, "include_attachments": True, "something": {"new": 1}},
        {"project_key": None, "project_name": None},
    ],
)
async def test_what_we_do_not_know_or_do_is_no_fault(api: Api, options: dict[str, Any]) -> None:
    assert (await api("POST", EXPORT, "alice", json=options)).status == 202


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"include_attachments": "yes"}, "include_attachments"),
        ({"include_attachments": None}, "include_attachments"),
        ({"send_email": 1}, "send_email"),
        ({"project_key": 1}, "project_key"),
        ({"project_name": "x" * 256}, "project_name"),
    ],
)
async def test_an_option_of_another_kind_is_refused(
    api: Api, settings: Settings, options: dict[str, Any], field: str
) -> None:
    answer = await api("POST", EXPORT, "alice", json=options)
    assert answer.status == 400
    assert field in answer.body["error"]["fields"]
    assert select(settings.database, "SELECT * FROM job") == []


async def test_while_one_runs_a_second_is_the_same(api: Api) -> None:
    first = await begin_export(api)
    same = {"include_attachments": True, "send_email": True, "project_key": None}
    assert await begin_export(api, **same) == first
    await jobs.claim(api.db, (await jobs.accepted(api.db))[0], "this test")
    assert await begin_export(api) == first


@pytest.mark.parametrize("options", [{"include_attachments": False}, {"project_key": "QST"}])
async def test_while_one_runs_one_with_other_options_has_to_wait(
    api: Api, options: dict[str, Any]
) -> None:
    first = await begin_export(api)
    for _ in range(2):
        answer = await api("POST", EXPORT, "alice", json=options)
        assert answer.status == 409
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.body["error"]["message"] == jobs.EXPORT_RUNNING
        await jobs.claim_next(api.db, "this test")
    assert await begin_export(api, "alice/open", **options)
    await api.db.run("UPDATE job SET status = 'FAILURE'")
    assert await begin_export(api, **options) != first


async def test_of_twenty_at_once_one_is_begun(api: Api, settings: Settings) -> None:
    answers = await asyncio.gather(
        *(
            api("POST", EXPORT, "alice", json={"project_key": "QST"} if number % 2 else {})
            for number in range(20)
        )
    )
    assert Counter(answer.status for answer in answers) == {202: 10, 409: 10}
    assert len({answer.headers.get("Location") for answer in answers}) == 2
    assert select(settings.database, "SELECT count(*) FROM job") == [(1,)]


async def test_every_answer_that_says_wait_says_how_long(api: Api) -> None:
    started = await api("POST", EXPORT, "alice")
    status = await api("GET", started.headers["Location"].removeprefix(api.url), "alice")
    for answer in (started, status):
        assert (answer.status, answer.headers["Retry-After"]) == (202, "1")


async def test_one_that_has_ended_is_not_given_twice(pail: Api) -> None:
    first = await begin_export(pail)
    await finished_export(pail, first)
    second = await begin_export(pail)
    assert second != first
    assert (await finished_export(pail, second)).status == 200
    assert (await finished_export(pail, first)).status == 200


async def test_a_missing_file_fails_it_and_is_named(
    pail: Api, settings: Settings, tmp_path: Path
) -> None:
    await take(pail, archive(tmp_path))
    [(blob,)] = select(settings.database, "SELECT blob FROM attachment WHERE size > 0")
    Blobs(settings.blobs_dir).remove(blob)
    answer = await finished_export(pail, await begin_export(pail))
    assert answer.status == 410
    message = json.loads(answer.body)["error"]["message"]
    assert message.startswith("The export failed: ")
    assert blob in message
    assert files(settings.exports_dir) == set()


async def test_one_that_was_removed_is_gone(pail: Api, settings: Settings) -> None:
    path = await begin_export(pail)
    await finished_export(pail, path)
    for file in files(settings.exports_dir):
        file.unlink()
    answer = await finished_export(pail, path)
    assert answer.status == 410
    assert "kept for 7 days" in json.loads(answer.body)["error"]["message"]


async def test_the_newest_three_are_kept(pail: Api, settings: Settings) -> None:
    paths = []
    for number in range(5):
        paths.append(await begin_export(pail, project_name=str(number)))
        assert (await finished_export(pail, paths[-1])).status == 200
    other = await begin_export(pail, "alice/open")
    assert (await finished_export(pail, other)).status == 200
    answers = [await finished_export(pail, path) for path in paths]
    assert [answer.status for answer in answers] == [410, 410, 200, 200, 200]
    message = json.loads(answers[0].body)["error"]["message"]
    assert message == "Newer exports have replaced this one (3 are kept): begin another one."
    async with asyncio.timeout(20):
        while len(files(settings.exports_dir)) != 4:
            await asyncio.sleep(0.01)


async def test_a_replaced_zip_that_was_not_removed_is_swept(pail: Api, settings: Settings) -> None:
    path = await begin_export(pail)
    await finished_export(pail, path)
    [kept] = files(settings.exports_dir)
    content = kept.read_bytes()
    for _ in range(3):
        await give(pail)
    kept.write_bytes(content)  # as if the worker had been killed before it came to that
    os.utime(kept, (1, 1))
    assert (await finished_export(pail, path)).status == 410
    await sweeping.sweep(pail.db, Blobs(settings.blobs_dir), settings)
    assert not kept.exists()
    assert len(files(settings.exports_dir)) == 3


async def test_one_that_fails_replaces_none(pail: Api, settings: Settings, tmp_path: Path) -> None:
    for _ in range(3):
        await give(pail)
    await take(pail, archive(tmp_path))
    for blob in files(settings.blobs_dir):
        blob.unlink()
    assert (await finished_export(pail, await begin_export(pail))).status == 410
    assert len(files(settings.exports_dir)) == 3


async def test_exports_do_not_stay_for_ever(pail: Api, settings: Settings) -> None:
    await give(pail)
    assert len(files(settings.exports_dir)) == 1
    await pail.db.run("UPDATE job SET finished_on = '2000-01-01T00:00:00.000000+00:00'")
    for file in files(settings.exports_dir):
        os.utime(file, (1, 1))
    await sweeping.sweep(pail.db, Blobs(settings.blobs_dir), settings)
    assert files(settings.exports_dir) == set()


@pytest.mark.parametrize(
    ("who", "status"), [(None, 404), ("charlie", 404), ("bob", 403), ("dora", 403)]
)
async def test_others_do_not_get_it(pail: Api, who: str | None, status: int) -> None:
    path = await begin_export(pail)
    await finished_export(pail, path)
    assert (await pail("GET", path, who)).status == status


async def test_a_task_id_that_was_guessed_leads_nowhere(pail: Api) -> None:
    path = await begin_export(pail)
    await finished_export(pail, path)
    for _ in range(100):
        guess = f"{EXPORT}/app-issues-{uuid.uuid4()}.zip"
        assert (await pail("GET", guess, "alice")).status == 404
    for wrong in ("app-issues-.zip", "app-issues-..%2f..%2fpail.db.zip", "app.zip"):
        assert (await pail("GET", f"{EXPORT}/{wrong}", "alice")).status == 404


async def test_two_repositories_of_one_name_get_their_own(pail: Api, tmp_path: Path) -> None:
    await repositories.create(pail.db, "charlie/app", private=True)
    await take(pail, archive(tmp_path))
    mine = await begin_export(pail)
    answer = await pail("POST", issues("charlie/app", "/export"), "charlie")
    theirs = answer.headers["Location"].removeprefix(pail.url)
    task = mine.rpartition("/")[2]
    assert (await pail("GET", issues("charlie/app", f"/export/{task}"), "charlie")).status == 404
    assert len(_database((await finished_export(pail, mine)).body)["issues"]) == 2
    zipped = (await finished_export(pail, theirs, "charlie")).body
    assert _database(zipped)["issues"] == []


async def test_links_in_it_start_with_the_address_that_was_asked(pail: Api, tmp_path: Path) -> None:
    await take(pail, archive(tmp_path))
    jira = _opened(await give(pail)).read("db-jira-cloud.json").decode()
    assert f"{pail.url}/2.0/repositories/{APP}/issues" in jira
