"""Importing over HTTP: the answers, who may, what may be sent, and what stays behind."""

import asyncio
import io
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.archives import as_text, issue, sample
from tests.conftest import Api, Start
from tests.jobs.working import (
    APP,
    archive,
    dump,
    files,
    form,
    issues,
    select,
    send,
    settled,
    take,
    working,
)
from tests.tracker.test_jobs import seconds_later
from tracker.access import repositories
from tracker.settings import Limits, Settings
from tracker.work import jobs

IMPORT = issues(APP, "/import")
BOUNDARY = "0123456789abcdef"


async def test_it_is_accepted_with_a_status_that_can_be_asked_for(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    before = await api("GET", IMPORT, "alice")
    assert (before.status, before.body["error"]["message"]) == (404, "No import job has begun.")
    answer = await send(api, archive(tmp_path))
    assert (answer.status, answer.headers["Retry-After"]) == (202, "1")
    assert answer.body == {
        "type": "issue_job_status",
        "status": "ACCEPTED",
        "phase": "Initializing",
        "total": 0,
        "count": 0,
        "pct": 0,
        "percent": 0,
    }
    asked = await api("GET", IMPORT, "alice")
    assert (asked.status, asked.body) == (202, answer.body)
    assert asked.headers["Retry-After"] == "1"


async def test_it_ends_with_a_report_and_the_issues(pail: Api, tmp_path: Path) -> None:
    body = await take(pail, archive(tmp_path))
    assert body["status"] == "SUCCESS"
    assert (body["phase"], body["pct"], body["percent"]) == ("Finishing", 100, 100)
    assert body["count"] == body["total"] == 10
    assert body["report"]["counts"]["comments"] == 3
    assert body["report"]["placeholders"] == ["Alice Liddell", "Bob Baumeister", "Charlie"]
    listed = await pail.get(issues(), "alice")
    assert [row["id"] for row in listed["values"]] == [3, 1]
    shown = await pail.get(issues(APP, "/1/attachments"), "alice")
    assert shown["size"] == 2


async def test_a_database_alone_may_be_sent_too(pail: Api) -> None:
    body = await take(pail, as_text(sample()))
    assert body["status"] == "SUCCESS"
    assert (await pail.get(issues(), "alice"))["size"] == 2
    assert len(body["report"]["missing_files"]) == 2


async def test_half_a_download_is_said_to_be_one(pail: Api, tmp_path: Path) -> None:
    body = await take(pail, archive(tmp_path).read_bytes()[:-9])
    assert body["message"] == "The download was cut off: fetch the file again."


async def test_a_failure_says_what_was_wrong_and_where(pail: Api, tmp_path: Path) -> None:
    rows = [*sample()["issues"], issue(4, kind="Bug")]
    body = await take(pail, archive(tmp_path, sample(issues=rows)))
    assert body["status"] == "FAILURE"
    assert body["message"] == (
        "db-2.0.json: issues[2].kind: Must be one of: bug, enhancement, proposal, task."
    )
    assert (await pail.get(issues(), "alice"))["size"] == 0


async def test_after_a_failure_the_next_one_is_welcome(pail: Api, tmp_path: Path) -> None:
    assert (await take(pail, b"not a zip"))["status"] == "FAILURE"
    assert (await take(pail, archive(tmp_path)))["status"] == "SUCCESS"


async def test_nothing_but_the_blobs_stays_on_the_disk(
    pail: Api, settings: Settings, tmp_path: Path
) -> None:
    await take(pail, archive(tmp_path))
    await take(pail, b"not a zip")
    async with asyncio.timeout(20):
        while files(settings.spool_dir):
            await asyncio.sleep(0.01)
    assert len(files(settings.blobs_dir)) == 2


@pytest.mark.parametrize(
    ("who", "status"), [(None, 401), ("wrong", 401), ("charlie", 404), ("bob", 403), ("dora", 403)]
)
async def test_whoever_may_not_is_told_before_the_body_is_read(
    api: Api, settings: Settings, who: str | None, status: int
) -> None:
    assert await _status_after(api, who, b"x" * 1_000) == status
    assert files(settings.spool_dir) == set()


async def test_a_second_one_is_refused_before_its_body_is_read(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    assert (await send(api, archive(tmp_path))).status == 202
    assert await _status_after(api, "alice", b"x" * 1_000) == 409
    answer = await send(api, b"another")
    assert answer.status == 409
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.body["error"]["message"] == jobs.IMPORT_RUNNING
    assert len(files(settings.spool_dir)) == 1


async def _opened(api: Api, who: str | None, start: bytes) -> tuple[Any, asyncio.StreamWriter]:
    """A connection on which the start of a body of a gigabyte was sent."""
    url = urlsplit(api.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    headers = {
        "Host": url.netloc,
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(1 << 30),
        **api.world.headers(who),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"POST {IMPORT} HTTP/1.1\r\n{lines}\r\n".encode() + start)
    await writer.drain()
    return reader, writer


async def _status_after(api: Api, who: str | None, start: bytes) -> int:
    """The status that comes although most of the body has not."""
    reader, writer = await _opened(api, who, start)
    try:
        async with asyncio.timeout(20):
            line = await reader.readline()
        return int(line.split()[1])
    finally:
        writer.close()


async def test_of_twenty_at_once_one_is_accepted(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    content = archive(tmp_path).read_bytes()
    answers = await asyncio.gather(*(send(api, content) for _ in range(20)))
    assert Counter(answer.status for answer in answers) == {202: 1, 409: 19}
    assert select(settings.database, "SELECT count(*) FROM job") == [(1,)]
    assert len(files(settings.spool_dir)) == 1


PART = b'--%b\r\nContent-Disposition: form-data; name="archive"; filename="a.zip"\r\n' % (
    BOUNDARY.encode()
)
END = b"\r\n--%b--\r\n" % BOUNDARY.encode()

MALFORMED: dict[str, bytes] = {
    "nothing": b"",
    "no part": END,
    "garbage": b"garbage",
    "no end": PART + b"\r\nzip",
    "no header end": PART,
    "another field": PART.replace(b"archive", b"file") + b"\r\nzip" + END,
    "no filename": PART.replace(b'; filename="a.zip"', b"") + b"\r\nzip" + END,
    "two files": PART + b"\r\nzip\r\n" + PART + b"\r\nzip" + END,
    "no disposition": b"--%b\r\nContent-Type: application/zip\r\n\r\nzip" % BOUNDARY.encode() + END,
    "a part encoding": PART + b"Content-Transfer-Encoding: base64\r\n\r\nemlw" + END,
    "an unknown encoding": PART + b"Content-Transfer-Encoding: bogus\r\n\r\nzip" + END,
    "a packed part": PART + b"Content-Encoding: gzip\r\n\r\nzip" + END,
    "a multipart in it": PART
    + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nzip\r\n--x--"
    + END,
    "15,000 parts": b"".join(
        b'--%b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n'
        % (BOUNDARY.encode(), number)
        for number in range(15_000)
    )
    + END[2:],
    "a megabyte of headers": PART + b"X-Long: " + b"x" * (1 << 20) + b"\r\n\r\nzip" + END,
    "many headers": PART + b"X-More: x\r\n" * 10_000 + b"\r\nzip" + END,
    "a large other field": PART.replace(b"archive", b"f") + b"\r\n" + b"x" * (1 << 21) + END,
    "a part charset": PART + b"Content-Type: text/plain; charset=bogus\r\n\r\nzip\r\n" + END[2:9],
    "a header without a colon": PART + b"no colon\r\n\r\nzip" + END,
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_what_is_no_proper_form_is_refused_and_leaves_nothing(
    api: Api, settings: Settings, name: str
) -> None:
    answer = await api(
        "POST",
        IMPORT,
        "alice",
        data=io.BytesIO(MALFORMED[name]),
        headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
    )
    assert answer.status in (400, 413), answer
    assert answer.body["type"] == "error"
    assert answer.body["error"]["message"]
    assert files(settings.spool_dir) == set()
    assert select(settings.database, "SELECT * FROM job") == []


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/zip",
        "application/json",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "b" * 71,
        "multipart/mixed; boundary=x",
    ],
)
async def test_what_is_no_form_is_refused(
    api: Api, settings: Settings, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = await api("POST", IMPORT, "alice", data=b"PK\5\6" + b"\0" * 18, headers=headers)
    assert answer.status == 400, answer
    assert answer.body["type"] == "error"
    assert files(settings.spool_dir) == set()


async def test_fields_beside_the_file_are_no_matter(pail: Api, tmp_path: Path) -> None:
    data = form(archive(tmp_path))
    data.add_field("comment", "from Bitbucket")
    assert (await pail("POST", IMPORT, "alice", data=data)).status == 202
    assert (await settled(pail))["status"] == "SUCCESS"


async def test_the_file_is_taken_to_its_last_allowed_byte(
    start: Start, settings: Settings, tmp_path: Path
) -> None:
    content = archive(tmp_path).read_bytes()
    for limit, status in ((len(content) - 1, 413), (len(content), 202)):
        api = await start(replace(settings, limits=Limits(archive_bytes=limit)))
        answer = await send(api, content)
        assert answer.status == status, answer
        assert len(files(settings.spool_dir)) == (status == 202)
        assert select(settings.database, "SELECT count(*) FROM job") == [(status == 202,)]


@pytest.fixture
async def half_sent(api: Api, settings: Settings) -> AsyncIterator[asyncio.StreamWriter]:
    """An upload that is under way."""
    _, writer = await _opened(api, "alice", PART + b"\r\n" + b"x" * (4 << 20))
    async with asyncio.timeout(20):
        while not sum(path.stat().st_size for path in files(settings.spool_dir)):
            await asyncio.sleep(0.01)
    yield writer
    writer.close()


async def test_a_client_that_vanishes_leaves_neither_job_nor_file(
    api: Api, settings: Settings, half_sent: asyncio.StreamWriter
) -> None:
    half_sent.transport.abort()
    async with asyncio.timeout(20):
        while files(settings.spool_dir):
            await asyncio.sleep(0.01)
    assert select(settings.database, "SELECT * FROM job") == []
    assert (await send(api, b"the next")).status == 202


async def test_an_upload_holds_nobody_up(api: Api, half_sent: asyncio.StreamWriter) -> None:
    await api.post(issues(), "bob", {"title": "meanwhile"})
    assert not half_sent.is_closing()


# Writes meanwhile


async def test_until_a_worker_has_begun_writes_are_welcome(api: Api, tmp_path: Path) -> None:
    await send(api, archive(tmp_path))
    assert (await api.post(issues(), "bob", {"title": "a queue may be dead"}))["id"] == 1


async def test_once_a_worker_has_begun_writes_are_put_off(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    await api.post(issues(), "bob", {"title": "before"})
    await send(api, archive(tmp_path))
    [job_id] = await jobs.accepted(api.db)
    job = await jobs.claim(api.db, job_id, "this test")
    assert job is not None
    for path, payload in (
        (issues(), {"title": "during"}),
        (issues(APP, "/1/comments"), {"content": {"raw": "during"}}),
    ):
        answer = await api("POST", path, "bob", json=payload)
        assert answer.status == 409, answer
        assert int(answer.headers["Retry-After"]) > 0
    assert (await api.get(issues(), "bob"))["size"] == 1
    assert (await api.post(issues("alice/open"), "bob", {"title": "elsewhere"}))["id"] == 1
    await jobs.fail(api.db, job, "enough")
    assert (await api.post(issues(), "bob", {"title": "after"}))["id"] == 2


async def test_every_write_beside_imports_is_there_or_was_refused(
    pail: Api, settings: Settings, tmp_path: Path
) -> None:
    content = archive(tmp_path, {"issues": [issue(1 + n) for n in range(1_500)]}, files={})
    numbers: list[int] = []
    stop = asyncio.Event()

    async def write() -> None:
        while not stop.is_set():
            answer = await pail("POST", issues(), "bob", json={"title": "live"})
            assert answer.status in (201, 409), answer
            if answer.status == 201:
                numbers.append(answer.body["id"])
            await asyncio.sleep(0.005)

    writer = asyncio.create_task(write())
    for _ in range(2):
        assert (await take(pail, content))["status"] == "SUCCESS"
        await asyncio.sleep(0.02)
    stop.set()
    await writer
    rows = select(settings.database, "SELECT number FROM issue WHERE title = 'live'")
    assert sorted(number for (number,) in rows) == sorted(numbers)
    assert len(set(numbers)) == len(numbers)


# Withdrawing


@pytest.mark.parametrize("dry_run", [False, True])
async def test_one_that_waits_can_be_withdrawn(
    api: Api, settings: Settings, tmp_path: Path, dry_run: bool
) -> None:
    await send(api, archive(tmp_path), dry_run=dry_run)
    assert len(files(settings.spool_dir)) == 1
    answer = await api("DELETE", IMPORT, "alice")
    assert (answer.status, answer.body) == (204, "")
    assert files(settings.spool_dir) == set()
    ended = await api.get(IMPORT, "alice")
    assert (ended["status"], ended["message"]) == ("FAILURE", "Withdrawn.")
    async with working(settings):
        assert (await take(api, archive(tmp_path)))["status"] == "SUCCESS"


async def test_one_that_has_begun_can_not_be_withdrawn(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    await send(api, archive(tmp_path))
    job = await jobs.claim_next(api.db, "this test")
    assert job is not None
    answer = await api("DELETE", IMPORT, "alice")
    assert (answer.status, "begun already" in answer.body["error"]["message"]) == (409, True)
    assert (await jobs.get(api.db, job.id)).status == "STARTED"
    assert len(files(settings.spool_dir)) == 1


async def test_where_none_waits_there_is_nothing_to_withdraw(pail: Api, tmp_path: Path) -> None:
    assert (await pail("DELETE", IMPORT, "alice")).status == 404
    await take(pail, archive(tmp_path))
    answer = await pail("DELETE", IMPORT, "alice")
    assert (answer.status, answer.body["error"]["message"]) == (404, "No import is waiting.")
    assert (await pail.get(IMPORT, "alice"))["status"] == "SUCCESS"


async def test_withdrawing_is_for_whoever_may_import(api: Api, tmp_path: Path) -> None:
    await send(api, archive(tmp_path))
    for who, status in ((None, 401), ("charlie", 404), ("bob", 403), ("reader", 403)):
        assert (await api("DELETE", IMPORT, who)).status == status
    assert (await api("GET", IMPORT, "alice")).body["status"] == "ACCEPTED"


async def test_a_file_that_is_gone_already_is_no_obstacle(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    await send(api, archive(tmp_path))
    for upload in files(settings.spool_dir):
        upload.unlink()
    assert (await api("DELETE", IMPORT, "alice")).status == 204


@pytest.mark.parametrize("dry_run", [False, True])
async def test_one_that_no_worker_takes_says_so(
    api: Api, settings: Settings, tmp_path: Path, dry_run: bool
) -> None:
    await send(api, archive(tmp_path), dry_run=dry_run)
    with seconds_later(settings.job_patience_seconds + 1):
        answer = await api("GET", IMPORT, "alice")
    assert answer.status == 202
    assert answer.body["status"] == "ACCEPTED"
    assert answer.body["message"] == (
        "No worker has taken this import within 300 seconds; it still waits."
    )
    async with working(settings):
        assert (await settled(api))["status"] == "SUCCESS"


# Whose it is


async def test_an_import_of_somebody_who_was_removed_fails_and_says_why(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    repository = await api.repository(APP)
    await repositories.set_member(api.db, repository, "bob", "admin")
    await send(api, archive(tmp_path), who="bob")
    await repositories.set_member(api.db, repository, "bob", "write")
    async with working(settings):
        body = await settled(api)
    assert body["status"] == "FAILURE"
    assert body["message"] == (
        "The account that asked for this does not administer the repository."
    )
    assert (await api.get(issues(), "alice"))["size"] == 0
    assert files(settings.spool_dir) == set()


async def test_somebody_who_is_removed_while_their_import_runs_gets_nothing_of_it(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    repository = await api.repository(APP)
    await repositories.set_member(api.db, repository, "bob", "admin")
    await api.db.run(
        """CREATE TRIGGER removed AFTER INSERT ON issue
           BEGIN UPDATE account SET is_active = 0 WHERE username = 'bob'; END"""
    )
    async with working(settings):
        await send(api, archive(tmp_path, files={}), who="bob")
        body = await settled(api)
    assert body["status"] == "FAILURE"
    assert body["message"] == "The account that asked for this is disabled."
    assert (await api.get(issues(), "alice"))["size"] == 0


# Dry run


async def test_a_dry_run_reports_and_changes_nothing(
    pail: Api, settings: Settings, tmp_path: Path
) -> None:
    await take(pail, archive(tmp_path))
    before, blobs = dump(settings.database), files(settings.blobs_dir)
    sections = {"issues": [issue(1), issue(7)], "attachments": sample()["attachments"]}
    content = archive(tmp_path, sections, files={})
    body = await take(pail, content, dry_run=True)
    assert (body["status"], body["dry_run"]) == ("SUCCESS", True)
    assert body["report"]["counts"]["issues"] == 2
    assert len(body["report"]["missing_files"]) == 2
    assert dump(settings.database) == before
    assert files(settings.blobs_dir) == blobs


async def test_a_dry_run_finds_what_an_import_finds(pail: Api, tmp_path: Path) -> None:
    content = archive(tmp_path, sample(comments=[]) | {"logs": [{"issue": 9}]})
    tried = await take(pail, content, dry_run=True)
    done = await take(pail, content)
    assert tried["status"] == done["status"] == "FAILURE"
    assert tried["message"] == done["message"]


async def test_whether_it_is_a_dry_run_must_be_clear(api: Api, settings: Settings) -> None:
    answer = await api("POST", f"{IMPORT}?dry_run=perhaps", "alice", data=form(b"zip"))
    assert answer.status == 400
    assert "dry_run" in answer.body["error"]["fields"]
    assert files(settings.spool_dir) == set()


async def test_the_upload_is_written_down_and_not_held_in_memory(
    start: Start, settings: Settings
) -> None:
    api = await start(settings)
    sent = 48 << 20

    async def body() -> AsyncIterator[bytes]:
        yield PART + b"\r\n"
        for _ in range(sent >> 20):
            yield b"\0" * (1 << 20)
        yield END

    before = _resident()
    answer = await api(
        "POST",
        IMPORT,
        "alice",
        data=body(),
        headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
    )
    assert answer.status == 202, answer
    [upload] = files(settings.spool_dir)
    assert upload.stat().st_size == sent
    assert _resident() - before < sent // 2


def _resident() -> int:
    """Bytes of memory that this process ever needed at once."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) << 10


async def test_a_worker_that_starts_later_finds_the_job(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    assert (await send(api, archive(tmp_path))).status == 202
    async with working(settings):
        assert (await settled(api))["status"] == "SUCCESS"
