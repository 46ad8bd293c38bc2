"""POST .../issues/{issue_id}/attachments and DELETE .../attachments/{path}."""

import asyncio
import io
import json
import os
import shutil
import subprocess
import tracemalloc
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import ClientError, FormData

from service.http import keys
from tests.archives import as_data
from tests.conftest import APP, OPEN, Answer, Api, Start
from tests.jobs.working import give, take, working
from tests.rows import add_attachment, start_import
from tracker.settings import Limits, Settings
from tracker.work import sweeping

# As in the web process: aiohttp warns of headers that are read all the same, or refused, here.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:aiohttp.multipart")

ISSUE = f"{OPEN}/issues/1"
ATTACHMENTS = f"{ISSUE}/attachments"

NAMES = [
    "log.txt",
    "a b.txt",
    "Ünïcode 課題.png",
    "d\u0065\u0301compose\u0301.txt",
    'quo"te.txt',
    "semi;colon;s.txt",
    "per%cent%2f.txt",
    "comma, equals=.txt",
    "trailing dot.",
    ".hidden",
    "con",
    "\u202egnp.exe",
    "#?&=+{b}",
    "<script>alert(1)",
    "x" * 255,
    "ä" * 127,
]


@pytest.fixture(autouse=True)
async def issue(api: Api) -> None:
    """Every test has an issue for the attachments."""
    await api.post(f"{OPEN}/issues", "alice", {"title": "With files"})


def form(*files: tuple[str, bytes], field: str = "files") -> FormData:
    """A form with these files (name, bytes), as browsers send it."""
    data = FormData(quote_fields=False, default_to_multipart=True)
    for name, content in files:
        data.add_field(field, content, filename=name.replace('"', "%22"))
    return data


async def upload(api: Api, who: str, *files: tuple[str, bytes], path: str = ATTACHMENTS) -> Answer:
    """Upload these files; what is answered."""
    return await api("POST", path, who, data=form(*files))


async def download(api: Api, name: str, path: str = ATTACHMENTS) -> bytes:
    """The bytes of an attachment, by way of the address that the API names."""
    answer = await api("GET", f"{path}/{quote(name, safe='')}", "bob")
    assert answer.status == 302, answer
    async with api.client.get(answer.headers["Location"].removeprefix(api.url)) as response:
        assert response.status == 200
        return await response.read()


async def names(api: Api, path: str = ATTACHMENTS) -> list[str]:
    """The names of an issue's attachments."""
    return [value["name"] for value in (await api.get(path, "bob"))["values"]]


def blobs(api: Api) -> list[bytes]:
    """The contents of all files below the folder of blobs."""
    folder = api.app[keys.SETTINGS].blobs_dir
    return sorted(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_a_file_is_attached_with_an_empty_answer_that_names_the_collection(
    api: Api,
) -> None:
    answer = await upload(api, "bob", ("log.txt", b"bytes"))
    assert answer.status == 201
    assert answer.body == ""
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Location"] == f"{api.url}{ATTACHMENTS}"
    assert await names(api) == ["log.txt"]
    assert await download(api, "log.txt") == b"bytes"


@pytest.mark.parametrize("field", ["files", "file", "log.txt", "files[]", ""])
async def test_the_name_of_the_field_does_not_matter(api: Api, field: str) -> None:
    data = form(("log.txt", b"bytes"), field=field)
    assert (await api("POST", ATTACHMENTS, "bob", data=data)).status == 201
    assert await names(api) == ["log.txt"]


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_stays_as_it_is(api: Api, name: str) -> None:
    assert (await upload(api, "bob", (name, b"bytes"))).status == 201
    assert await names(api) == [name]
    if name != ".hidden":
        assert await download(api, name) == b"bytes"
    assert (await api("DELETE", f"{ATTACHMENTS}/{quote(name, safe='')}", "bob")).status == 204
    assert await names(api) == []


@pytest.mark.parametrize(
    "name", ["a/b.txt", "/b.txt", "C:\\folder\\b.txt", "..\\..\\b.txt", "../../b.txt", "a\\/b.txt"]
)
async def test_of_a_path_only_the_last_part_counts(api: Api, name: str) -> None:
    assert (await upload(api, "bob", (name, b"bytes"))).status == 201
    assert await names(api) == ["b.txt"]


DISPOSITIONS = [
    ('form-data; name="f"; filename=plain.txt', "plain.txt"),
    ('form-data; name="f"; filename="a \\"quote\\".txt"', 'a "quote".txt'),
    ("form-data; name=f; filename*=utf-8''%C3%BC%20%E8%AA%B2.txt", "ü 課.txt"),
    ("form-data; name=f; filename=\"u.txt\"; filename*=UTF-8''%C3%BC.txt", "ü.txt"),
    ("form-data; name=f; filename*=iso-8859-1''%FC.txt", "ü.txt"),
    ('form-data; name=f; filename*0="long "; filename*1="name.txt"', "long name.txt"),
    ('FORM-DATA; NAME=f; FILENAME="upper.txt"', "upper.txt"),
    ('form-data; filename="no name.txt"', "no name.txt"),
    ('attachment; name=f; filename="x.txt"; filename="y.txt"', "y.txt"),
    ('form-data; name="f"; filename="open.txt', '"open.txt'),
]


def body(disposition: str | bytes, content: bytes = b"bytes", more: bytes = b"") -> dict[str, Any]:
    """A form of one part with that header, to the byte."""
    header = disposition if isinstance(disposition, bytes) else disposition.encode()
    return {
        "data": b"--b\r\nContent-Disposition: %b\r\n%b\r\n%b\r\n--b--\r\n"
        % (header, more, content),
        "headers": {"Content-Type": "multipart/form-data; boundary=b"},
    }


@pytest.mark.parametrize(("disposition", "name"), DISPOSITIONS)
async def test_a_name_is_read_however_a_client_writes_it(
    api: Api, disposition: str, name: str
) -> None:
    answer = await api("POST", ATTACHMENTS, "bob", **body(disposition))
    assert answer.status == 201
    assert await names(api) == [name]


REFUSED_NAMES = [
    b'form-data; name="part"; filename=""',
    b'form-data; name="part"; filename="."',
    b'form-data; name="part"; filename=".."',
    b'form-data; name="part"; filename="a/"',
    b'form-data; name="part"; filename="a\\.."',
    b"form-data; name=\"part\"; filename*=utf-8''%00",
    b"form-data; name=\"part\"; filename*=utf-8''a%0D%0ASet-Cookie:%20x=1",
    b"form-data; name=\"part\"; filename*=utf-8''%7F.txt",
    b"form-data; name=\"part\"; filename*=utf-8''%C2%85.txt",
    b'form-data; name="part"; filename="' + b"x" * 256 + b'"',
    b'form-data; name="part"; filename="' + "ä".encode() * 128 + b'"',
]


@pytest.mark.parametrize("disposition", REFUSED_NAMES)
async def test_a_name_that_no_file_can_have_is_refused_and_the_part_named(
    api: Api, disposition: bytes
) -> None:
    answer = await api("POST", ATTACHMENTS, "bob", **body(disposition))
    assert answer.status == 400
    assert list(answer.body["error"]["fields"]) == ["part"]
    assert answer.body["error"]["message"].startswith("part: ")
    assert await names(api) == []
    assert blobs(api) == []


BROKEN = [
    ("text/plain", b"x"),
    ("application/json", b'{"files": "x"}'),
    ("application/octet-stream", b"x"),
    ("application/x-www-form-urlencoded", b"files=x"),
    (
        "multipart/mixed; boundary=b",
        b'--b\r\nContent-Disposition: a; filename="x"\r\n\r\nx\r\n--b--',
    ),
    ("multipart/form-data", b"--b--"),
    ("multipart/form-data; boundary=b", b""),
    ("multipart/form-data; boundary=b", b"--b--\r\n"),
    ("multipart/form-data; boundary=b", b"nonsense"),
    ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--\r\n"),
    (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="files"\r\n\r\nx\r\n--b--\r\n',
    ),
    (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; filename="x"\r\n\r\ncut off',
    ),
    (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; filename="\xff"\r\n\r\nx\r\n--b--\r\n',
    ),
    (
        "multipart/form-data; boundary=b",
        b"--b\r\nContent-Disposition: form-data; name*=raw-unicode-escape''%5Cud800; filename=.\r\n"
        b"\r\nx\r\n--b--\r\n",
    ),
    (
        "multipart/form-data; boundary=b",
        b"--b\r\nContent-Disposition: form-data; filename*=x; filename*1=y\r\n\r\nx\r\n--b--\r\n",
    ),
    (
        "multipart/form-data; boundary=b",
        b"--b\r\nContent-Disposition: form-data; filename*" + b"9" * 5000 + b"=y\r\n\r\nx\r\n--b--",
    ),
    (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; filename="x"\r\nContent-Type: multipart/mixed; '
        b"boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n",
    ),
    (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; filename="x"\r\nX: ' + b"y" * 1_000_000,
    ),
    (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n\r\n' * 15_000 + b"--b--\r\n",
    ),
    (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; filename="x"\r\nContent-Transfer-Encoding: base64'
        b"\r\n\r\neA==\r\n--b--\r\n",
    ),
]


@pytest.mark.parametrize(("content_type", "data"), BROKEN, ids=lambda value: repr(value)[:60])
async def test_what_is_no_form_with_a_file_is_refused_in_the_shape_of_every_error(
    api: Api, content_type: str, data: bytes
) -> None:
    answer = await api(
        "POST", ATTACHMENTS, "bob", data=data, headers={"Content-Type": content_type}
    )
    assert answer.status == 400
    assert answer.body["type"] == "error"
    assert await names(api) == []
    assert blobs(api) == []


@pytest.mark.parametrize("encoding", [b"binary", b"8bit", b"7BIT"])
async def test_an_encoding_of_a_part_that_is_none_is_taken(api: Api, encoding: bytes) -> None:
    more = b"Content-Transfer-Encoding: %b\r\n" % encoding
    sent = body('form-data; name="f"; filename="x"', b"\r\n--a\xff\r", more)
    assert (await api("POST", ATTACHMENTS, "bob", **sent)).status == 201
    assert await download(api, "x") == b"\r\n--a\xff\r"


async def test_several_files_come_in_one_request_in_their_order(api: Api) -> None:
    files = [("z.txt", b"1"), ("a.txt", b"2"), ("empty", b""), ("same as z", b"1")]
    assert (await upload(api, "bob", *files)).status == 201
    assert await names(api) == ["z.txt", "a.txt", "empty", "same as z"]
    for name, content in files:
        assert await download(api, name) == content
    assert blobs(api) == [b"", b"1", b"2"]


async def test_form_fields_beside_the_files_are_tolerated(api: Api) -> None:
    data = form(("a.txt", b"1"))
    data.add_field("comment", "what this is", content_type="text/plain")
    data.add_field("files", b"2", filename="b.txt")
    assert (await api("POST", ATTACHMENTS, "bob", data=data)).status == 201
    assert await names(api) == ["a.txt", "b.txt"]


async def test_of_several_files_all_are_attached_or_none(api: Api) -> None:
    before = await api.get(ISSUE)
    answer = await upload(api, "bob", ("good.txt", b"1"), ("..", b"2"))
    assert answer.status == 400
    assert await names(api) == []
    assert blobs(api) == []
    assert await api.get(ISSUE) == before
    assert (await api.get(f"{ISSUE}/changes"))["size"] == 0


async def test_a_file_of_the_same_name_takes_the_place_of_the_old_one(api: Api) -> None:
    await upload(api, "bob", ("log.txt", b"old"), ("other.txt", b"stays"))
    await upload(api, "bob", ("log.txt", b"new"))
    assert await names(api) == ["other.txt", "log.txt"]
    assert await download(api, "log.txt") == b"new"
    assert await download(api, "other.txt") == b"stays"


async def test_of_two_files_of_one_name_the_last_one_counts(api: Api) -> None:
    await upload(api, "bob", ("log.txt", b"first"), ("log.txt", b"last"))
    assert await names(api) == ["log.txt"]
    assert await download(api, "log.txt") == b"last"


async def test_an_upload_is_one_change_with_every_file_and_no_message(api: Api) -> None:
    before = await api.get(ISSUE)
    await upload(api, "bob", ("a.txt", b"1"))
    assert (await api.get(ISSUE))["updated_on"] > before["updated_on"]
    page = await api.get(f"{ISSUE}/changes")
    [change] = page["values"]
    assert change["changes"] == {"attachment": {"old": None, "new": "a.txt"}}
    assert change["message"]["raw"] is None
    assert change["user"]["display_name"] == "bob"
    await upload(api, "bob", ("b.txt", b"1"), ("x" * 255, b"2"))
    rows = await api.db.all(
        "SELECT changed_from, changed_to, whole_to FROM log ORDER BY comment_id"
    )
    assert [tuple(row) for row in rows] == [
        ("", "a.txt", None),
        ("", "b.txt", None),
        ("", "x" * 254, "x" * 255),
    ]
    assert (await api.get(f"{ISSUE}/changes"))["size"] == 2
    assert (await api.get(f"{ISSUE}/comments"))["size"] == 2


async def test_a_file_is_replaced_and_removed_by_who_uploaded_it_or_may_write(api: Api) -> None:
    await upload(api, "charlie", ("log.txt", b"charlie's"))
    for who in ("dora",):
        answer = await upload(api, who, ("log.txt", b"dora's"), ("more.txt", b"x"))
        assert answer.status == 403
        assert answer.body["type"] == "error"
        assert (await api("DELETE", f"{ATTACHMENTS}/log.txt", who)).status == 403
    assert await names(api) == ["log.txt"]
    assert await download(api, "log.txt") == b"charlie's"
    assert (await upload(api, "charlie", ("log.txt", b"again"))).status == 201
    assert (await upload(api, "bob", ("log.txt", b"bob's"))).status == 201
    assert await download(api, "log.txt") == b"bob's"
    assert (await api("DELETE", f"{ATTACHMENTS}/log.txt", "charlie")).status == 403
    assert (await api("DELETE", f"{ATTACHMENTS}/log.txt", "bob")).status == 204


async def test_a_file_that_an_archive_lacked_can_be_brought_by_who_may_write(api: Api) -> None:
    await add_attachment(api, "alice/open", 1, 1, "lost.txt", None)
    assert (await upload(api, "dora", ("lost.txt", b"x"))).status == 403
    assert (await upload(api, "bob", ("lost.txt", b"found"))).status == 201
    assert await names(api) == ["lost.txt"]
    assert await download(api, "lost.txt") == b"found"


async def test_a_removed_file_is_gone_with_its_bytes_and_leaves_no_change(api: Api) -> None:
    await upload(api, "bob", ("log.txt", b"gone soon"), ("copy.txt", b"stays"))
    before = await api.get(ISSUE)
    answer = await api("DELETE", f"{ATTACHMENTS}/log.txt", "bob")
    assert answer.status == 204
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert await names(api) == ["copy.txt"]
    assert (await api.get(ISSUE))["updated_on"] > before["updated_on"]
    assert (await api.get(f"{ISSUE}/changes"))["size"] == 1
    for path in ("log.txt", "never.txt"):
        answer = await api("DELETE", f"{ATTACHMENTS}/{path}", "bob")
        assert answer.status == 404
        assert answer.body["error"]["message"] == "No Attachment matches the given query."
    app = api.app
    await sweeping.sweep(api.db, app[keys.BLOBS], app[keys.SETTINGS], young=-1)
    assert blobs(api) == [b"stays"]


async def test_the_attachment_of_another_issue_is_not_removed(api: Api) -> None:
    await upload(api, "bob", ("log.txt", b"x"))
    await api.post(f"{OPEN}/issues", "alice", {"title": "Other"})
    await api.post("/2.0/repositories/charlie/x/issues", "charlie", {"title": "Foreign"})
    for path in (f"{OPEN}/issues/2", "/2.0/repositories/charlie/x/issues/1"):
        answer = await api("DELETE", f"{path}/attachments/log.txt", "charlie")
        assert answer.status == 404
    assert await names(api) == ["log.txt"]


async def test_an_issue_that_is_not_there_takes_no_file(api: Api) -> None:
    answer = await upload(api, "bob", ("a.txt", b"1"), path=f"{OPEN}/issues/9/attachments")
    assert answer.status == 404
    assert answer.body["error"]["message"] == "No Issue matches the given query."
    assert blobs(api) == []


async def test_while_an_import_runs_nothing_is_attached_or_removed(api: Api) -> None:
    await upload(api, "bob", ("log.txt", b"x"))
    await start_import(api, "alice/open")
    for answer in (
        await upload(api, "bob", ("more.txt", b"y")),
        await api("DELETE", f"{ATTACHMENTS}/log.txt", "bob"),
    ):
        assert answer.status == 409
        assert "Retry-After" in answer.headers
    assert await names(api) == ["log.txt"]


@pytest.mark.parametrize(
    ("who", "status"), [(None, b"401"), ("charlie", b"404"), ("reader", b"403")]
)
async def test_who_may_not_attach_is_told_before_the_body_is_read(
    api: Api, who: str | None, status: bytes
) -> None:
    await api.post(f"{APP}/issues", "alice", {"title": "private"})
    assert await told_at_once(api, who, f"{APP}/issues/1/attachments") == status


async def told_at_once(api: Api, who: str | None, path: str) -> bytes:
    """The status of an upload of which only the first byte is sent."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in api.world.headers(who).items())
    reader, writer = await asyncio.open_connection(api.client.host, api.client.port)
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 8000000\r\n\r\n-".encode()
    )
    status = (await asyncio.wait_for(reader.readline(), 10)).split()[1]
    writer.close()
    await writer.wait_closed()
    return status


async def limited(start: Start, settings: Settings, **limits: int) -> Api:
    """Pail with other limits, and an issue in it."""
    api = await start(replace(settings, limits=Limits(**limits)))
    await api.post(f"{OPEN}/issues", "alice", {"title": "With files"})
    return api


async def test_a_file_at_the_limit_passes_and_a_longer_one_does_not(
    start: Start, settings: Settings
) -> None:
    api = await limited(start, settings, attachment_bytes=1000)
    assert (await upload(api, "bob", ("fits", b"x" * 1000))).status == 201
    answer = await upload(api, "bob", ("too long", b"x" * 1001))
    assert answer.status == 413
    assert "1000 bytes" in answer.body["error"]["message"]
    assert await names(api) == ["fits"]


async def test_an_issue_takes_so_many_files_and_no_more(start: Start, settings: Settings) -> None:
    api = await limited(start, settings, attachments_per_issue=3)
    await upload(api, "bob", ("a", b""), ("b", b""))
    assert (await upload(api, "bob", ("c", b""), ("d", b""))).status == 413
    assert (await upload(api, "bob", ("c", b""))).status == 201
    assert (await upload(api, "bob", ("b", b"again"))).status == 201
    assert (await upload(api, "bob", ("d", b""))).status == 413
    assert await names(api) == ["a", "c", "b"]


async def test_a_repository_takes_its_quota_and_no_more_however_many_upload_at_once(
    start: Start, settings: Settings
) -> None:
    api = await limited(start, settings, repository_bytes=1000)
    await api.post(f"{OPEN}/issues", "alice", {"title": "Another"})
    answers = await asyncio.gather(
        *(
            upload(api, "bob", (f"{n}", b"x" * 90), path=f"{OPEN}/issues/{n % 2 + 1}/attachments")
            for n in range(20)
        )
    )
    assert sorted(answer.status for answer in answers) == [201] * 11 + [413] * 9
    rows = await api.db.all("SELECT sum(size) FROM attachment")
    assert rows[0][0] == 990
    assert (await upload(api, "bob", ("last", b"x" * 10))).status == 201
    assert (await upload(api, "bob", ("one more", b"x"))).status == 413
    assert (await upload(api, "bob", ("last", b"y" * 10))).status == 413
    assert (await api("DELETE", f"{ATTACHMENTS}/last", "bob")).status == 204
    assert (await upload(api, "bob", ("one more", b"x"))).status == 201
    await api.post(f"{APP}/issues", "alice", {"title": "Elsewhere"})
    assert (await upload(api, "bob", ("a", b"x"), path=f"{APP}/issues/1/attachments")).status == 201


async def test_files_that_together_pass_the_quota_are_not_even_stored(
    start: Start, settings: Settings
) -> None:
    api = await limited(start, settings, repository_bytes=1000)
    answer = await upload(api, "bob", ("a", b"x" * 501), ("b", b"y" * 500))
    assert answer.status == 413
    assert blobs(api) == []


async def test_a_full_repository_says_so_before_the_body_is_read(
    start: Start, settings: Settings
) -> None:
    api = await limited(start, settings, repository_bytes=1000)
    assert (await upload(api, "bob", ("a", b"x" * 1000))).status == 201
    assert await told_at_once(api, "bob", ATTACHMENTS) == b"413"
    assert await told_at_once(api, "reader", ATTACHMENTS) == b"403"
    assert await told_at_once(api, None, ATTACHMENTS) == b"401"


async def test_what_is_left_of_the_quota_is_all_that_is_taken_from_a_body(
    start: Start, settings: Settings
) -> None:
    api = await limited(start, settings, repository_bytes=1000)
    await upload(api, "bob", ("a", b"x" * 900))
    kept = blobs(api)
    stored: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; filename="b"\r\n\r\n'
        for _ in range(200):
            yield b"y" * 100_000
            stored.append(max(map(len, blobs(api))))

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    with suppress(ClientError):  # the connection is closed over the rest
        answer = await api("POST", ATTACHMENTS, "bob", data=endless(), headers=headers)
        assert answer.status == 413
    assert max(stored) == 900
    answer = await upload(api, "bob", ("b", b"y" * 101))
    assert answer.status == 413
    assert "100 more bytes" in answer.body["error"]["message"]
    answer = await upload(api, "bob", ("b", b"y" * 60), ("c", b"z" * 41))
    assert answer.status == 413
    assert blobs(api) == kept
    assert (await upload(api, "bob", ("b", b"y" * 60), ("c", b"z" * 40))).status == 201


async def test_bytes_that_nobody_names_any_more_go_at_once(
    start: Start, settings: Settings
) -> None:
    api = await limited(start, settings, attachments_per_issue=2)
    await upload(api, "bob", ("a", b"1"), ("b", b"2"))
    assert (await upload(api, "bob", ("c", b"refused"), ("a", b"2"))).status == 413
    assert blobs(api) == [b"1", b"2"]
    assert (await upload(api, "bob", ("a", b"shadowed"), ("a", b"3"))).status == 201
    assert blobs(api) == [b"2", b"3"]
    assert (await upload(api, "bob", ("a", b"2"))).status == 201
    assert blobs(api) == [b"2"]
    assert (await upload(api, "bob", ("a", b"2"))).status == 201
    assert (await api("DELETE", f"{ATTACHMENTS}/a", "bob")).status == 204
    assert await download(api, "b") == b"2"
    assert (await api("DELETE", f"{ATTACHMENTS}/b", "bob")).status == 204
    assert blobs(api) == []


async def test_while_a_job_runs_bytes_stay_for_it(api: Api) -> None:
    await upload(api, "bob", ("a", b"1"))
    await start_import(api, "alice/app")
    assert (await api("DELETE", f"{ATTACHMENTS}/a", "bob")).status == 204
    assert blobs(api) == [b"1"]


async def test_imported_files_do_not_count_in_the_quota(start: Start, settings: Settings) -> None:
    api = await limited(start, settings, repository_bytes=1000)
    await add_attachment(api, "alice/open", 1, 1, "imported", None)
    await api.db.run("UPDATE attachment SET size = 5000")
    assert (await upload(api, "bob", ("a", b"x" * 1000))).status == 201
    assert (await upload(api, "bob", ("b", b"x"))).status == 413


async def test_an_upload_that_breaks_off_leaves_nothing_behind(api: Api) -> None:
    for rest in (
        "Content-Length: 1000000\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nffff\r\n",
    ):
        _, writer = await asyncio.open_connection(api.client.host, api.client.port)
        head = (
            f"POST {ATTACHMENTS} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {api.world.tokens['bob']}\r\n"
            f"Content-Type: multipart/form-data; boundary=b\r\n{rest}"
            '--b\r\nContent-Disposition: form-data; filename="half"\r\n\r\nsome bytes'
        )
        writer.write(head.encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    # The server notices it when it next looks; another whole upload gives it the time.
    for _ in range(100):
        await upload(api, "bob", ("whole", b"whole"))
        if blobs(api) == [b"whole"]:
            break
    assert blobs(api) == [b"whole"]
    assert await names(api) == ["whole"]


@pytest.fixture
def small_disk(settings: Settings) -> Iterator[Path]:
    """The folder of blobs on a disk of 900 KB."""
    folder = settings.blobs_dir
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
        pytest.skip("a small disk can only be mounted by root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_full_disk_takes_nothing_and_is_told_until_there_is_room(
    small_disk: Path, api: Api
) -> None:
    large = os.urandom(600_000)
    for files in ([("a", b"x" * 1_000_000)], [("fits", large), ("does not", large[::-1])]):
        answer = await upload(api, "bob", *files)
        assert answer.status == 507
        assert answer.body["type"] == "error"
        assert await names(api) == []
        assert blobs(api) == []
    assert (await upload(api, "bob", ("fits", large))).status == 201
    assert await download(api, "fits") == large


async def test_bytes_that_a_sweep_took_during_the_upload_are_not_named(api: Api) -> None:
    """Bytes that are there already are not written again; nobody names them when it sweeps."""
    app = api.app
    stored = app[keys.BLOBS].store([b"known"])
    path = app[keys.BLOBS].path(stored.sha256)
    os.utime(path, (1, 1))

    async def slowly() -> AsyncIterator[bytes]:
        head = b'--b\r\nContent-Disposition: form-data; filename="%b"\r\n\r\n%b\r\n'
        yield head % (b"known", b"known") + b"--b\r\nX-Filler: "
        while path.stat().st_mtime == 1:  # until the first file is taken in
            yield b"x"
            await asyncio.sleep(0.01)
        await sweeping.sweep(api.db, app[keys.BLOBS], app[keys.SETTINGS], young=-1)
        assert not path.exists()
        yield b"\r\n" + head[5:] % (b"more", b"more") + b"--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await api("POST", ATTACHMENTS, "bob", data=slowly(), headers=headers)
    assert answer.status == 503
    assert await names(api) == []


async def test_a_large_file_passes_without_filling_the_memory(api: Api, tmp_path: Path) -> None:
    size = 160 * 1024 * 1024
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(size)
    tracemalloc.start()
    with path.open("rb") as file:
        data = FormData()
        data.add_field("files", file, filename="large")
        assert (await api("POST", ATTACHMENTS, "bob", data=data)).status == 201
    location = (await api("GET", f"{ATTACHMENTS}/large")).headers["Location"]
    received = 0
    async with api.client.get(location.removeprefix(api.url)) as response:
        async for chunk in response.content.iter_chunked(1 << 18):
            received += len(chunk)
    assert received == size
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < size / 8


async def test_what_was_attached_here_goes_through_an_archive_unchanged(
    api: Api, settings: Settings
) -> None:
    await upload(api, "bob", ("Ünïcode 課題.png", b"1"), ("b.txt", b"2"))
    await upload(api, "bob", ("b.txt", b"3"), ("x" * 255, b""))
    await api("DELETE", f"{ATTACHMENTS}/{quote('Ünïcode 課題.png')}", "bob")
    async with working(settings):
        exported = await give(api, "alice/open")
        imported = await take(api, exported, "alice/app")
        assert imported["status"] == "SUCCESS", imported
        again = await give(api, "alice/app")
    first, second = (
        json.loads(zipfile.ZipFile(io.BytesIO(zipped)).read("db-2.0.json"))
        for zipped in (exported, again)
    )
    assert as_data(first) == as_data(second)
    path = f"{APP}/issues/1/attachments"
    assert await names(api, path) == ["b.txt", "x" * 255]
    assert await download(api, "b.txt", path) == b"3"
    changes = (await api.get(f"{APP}/issues/1/changes", "bob"))["values"]
    assert [change["changes"] for change in changes] == [
        {"attachment": {"old": None, "new": "b.txt"}},
        {"attachment": {"old": None, "new": "x" * 254}},
    ]
