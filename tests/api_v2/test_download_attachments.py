"""The bytes behind an attachment's signed address: parts of them, types, and what is resumed."""

import hashlib
import os
from urllib.parse import quote

import pytest

from service.http import keys
from tests.api_v2.test_upload_attachments import ATTACHMENTS, upload
from tests.conftest import OPEN, Api

DATA = bytes(range(100))


@pytest.fixture(autouse=True)
async def issue(api: Api) -> None:
    """An issue with one file of 100 bytes."""
    await api.post(f"{OPEN}/issues", "alice", {"title": "With files"})
    assert (await upload(api, "bob", ("data.bin", DATA))).status == 201


async def address(api: Api, name: str = "data.bin") -> str:
    """Where the API sends somebody who asks for that attachment."""
    answer = await api("GET", f"{ATTACHMENTS}/{quote(name)}")
    assert answer.status == 302
    return answer.headers["Location"].removeprefix(api.url)


async def part(api: Api, path: str, **headers: str) -> tuple[int, bytes]:
    """The status and the bytes that come back for these headers (If_Range is If-Range)."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with api.client.get(path, headers=sent) as response:
        return response.status, await response.read()


RANGES = [
    ("bytes=0-9", 206, DATA[:10]),
    ("bytes=90-", 206, DATA[90:]),
    ("bytes=-10", 206, DATA[-10:]),
    ("bytes=-1000", 206, DATA),
    ("bytes=50-1000", 206, DATA[50:]),
    ("Bytes=5-5", 206, DATA[5:6]),
    ("bytes=0-" + "9" * 18, 206, DATA),
    ("bytes=2-99999999999999999999", 206, DATA[2:]),
    ("bytes=-99999999999999999999", 206, DATA),
    ("bytes=0-9,20-29", 200, DATA),
    ("bytes=" + "0-," * 2500 + "0-", 200, DATA),
    ("bytes=0-" + "9" * 5000, 200, DATA),
    ("bytes=x-y", 200, DATA),
    ("bytes=٠-٩", 200, DATA),
    ("items=0-9", 200, DATA),
    ("bytes=-", 200, DATA),
    ("", 200, DATA),
]


@pytest.mark.parametrize(("wanted", "status", "data"), RANGES, ids=lambda value: repr(value)[:30])
async def test_one_range_is_served_and_anything_else_is_the_whole_file(
    api: Api, wanted: str, status: int, data: bytes
) -> None:
    assert await part(api, await address(api), Range=wanted) == (status, data)


WRONG_RANGES = ["bytes=100-", "bytes=100-200", "bytes=9-5", "bytes=-0", f"bytes={'9' * 50}-"]


@pytest.mark.parametrize("wanted", WRONG_RANGES)
async def test_a_range_that_lies_outside_is_refused_with_the_size(api: Api, wanted: str) -> None:
    answer = await api("GET", await address(api), headers={"Range": wanted})
    assert answer.status == 416
    assert answer.headers["Content-Range"] == "bytes */100"
    assert answer.body["type"] == "error"


async def test_a_part_says_which_one_it_is(api: Api) -> None:
    answer = await api("GET", await address(api), headers={"Range": "bytes=10-19"})
    assert answer.headers["Content-Range"] == "bytes 10-19/100"
    assert answer.headers["Content-Length"] == "10"
    assert answer.headers["Accept-Ranges"] == "bytes"


async def test_a_download_is_resumed_while_the_file_is_the_same(api: Api) -> None:
    etag = (await api("GET", await address(api))).headers["ETag"]
    again = await part(api, await address(api), Range="bytes=60-", If_Range=etag)
    assert again == (206, DATA[60:])


async def test_no_header_tells_when_the_bytes_were_first_stored(api: Api) -> None:
    """The same bytes of somebody else lie there once: a time would tell him that they do."""
    blobs = api.app[keys.BLOBS]
    before = await api("GET", await address(api))
    os.utime(blobs.path(hashlib.sha256(DATA).hexdigest()), (1, 1))
    after = await api("GET", await address(api))
    for headers in (before.headers, after.headers):
        assert "Last-Modified" not in headers
    assert before.headers["ETag"] == after.headers["ETag"]


async def test_whoever_has_the_file_already_is_told_so(api: Api) -> None:
    etag = (await api("GET", await address(api))).headers["ETag"]
    for tags in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = await api("GET", await address(api), headers={"If-None-Match": tags})
        assert (answer.status, answer.body) == (304, "")
        assert answer.headers["ETag"] == etag
        head = await api("HEAD", await address(api), headers={"If-None-Match": tags})
        assert head.status == 304
    assert (await part(api, await address(api), If_None_Match='"other"')) == (200, DATA)


async def test_whoever_wants_another_file_is_told_so(api: Api) -> None:
    etag = (await api("GET", await address(api))).headers["ETag"]
    for tags in ('"other"', f"W/{etag}", "nonsense"):
        answer = await api("GET", await address(api), headers={"If-Match": tags})
        assert answer.status == 412
        assert answer.body["type"] == "error"
        assert answer.headers["ETag"] == etag
    for tags in (etag, "*", f'"other", {etag}'):
        assert await part(api, await address(api), If_Match=tags) == (200, DATA)


async def test_a_date_says_nothing_about_the_file_and_is_no_reason_for_a_part(api: Api) -> None:
    date = "Fri, 31 Dec 2100 00:00:00 GMT"
    again = await part(api, await address(api), Range="bytes=60-", If_Range=date)
    assert again == (200, DATA)
    assert await part(api, await address(api), If_Modified_Since=date) == (200, DATA)
    date = "Mon, 01 Jan 2001 00:00:00 GMT"
    assert await part(api, await address(api), If_Unmodified_Since=date) == (200, DATA)


async def test_a_download_of_a_file_that_was_replaced_begins_anew(api: Api) -> None:
    etag = (await api("GET", await address(api))).headers["ETag"]
    await upload(api, "bob", ("data.bin", DATA[::-1]))
    for validator in (etag, f"W/{etag}", '"other"'):
        again = await part(api, await address(api), Range="bytes=60-", If_Range=validator)
        assert again == (200, DATA[::-1])


async def test_head_says_what_get_would_and_takes_no_range(api: Api) -> None:
    path = await address(api)
    got = await api("GET", path)
    for headers in ({}, {"Range": "bytes=0-9"}):
        head = await api("HEAD", path, headers=headers)
        assert head.status == 200
        for name in ("Content-Length", "Content-Type", "Content-Disposition", "ETag"):
            assert head.headers[name] == got.headers[name]
    redirect = await api("HEAD", f"{ATTACHMENTS}/data.bin")
    assert redirect.status == 302
    assert "signature=" in redirect.headers["Location"]


TYPES = [
    ("a.png", "image/png"),
    ("a.PNG", "image/png"),
    ("a.svg.png", "image/png"),
    ("a.jpg", "image/jpeg"),
    ("a.jpeg", "image/jpeg"),
    ("a.gif", "image/gif"),
    ("a.webp", "image/webp"),
    ("a.svg", "application/octet-stream"),
    ("a.png.svg", "application/octet-stream"),
    ("a.html", "application/octet-stream"),
    ("a.xhtml", "application/octet-stream"),
    ("a.xml", "application/octet-stream"),
    ("a.pdf", "application/octet-stream"),
    ("a.js", "application/octet-stream"),
    ("a.txt", "application/octet-stream"),
    ("png", "application/octet-stream"),
]


@pytest.mark.parametrize(("name", "expected"), TYPES)
async def test_the_type_is_ours_and_nothing_runs_in_a_browser(
    api: Api, name: str, expected: str
) -> None:
    data = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    await upload(api, "bob", (name, data))
    answer = await api("GET", await address(api, name))
    assert answer.headers["Content-Type"] == expected
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


async def test_an_empty_file_comes_back_empty(api: Api) -> None:
    await upload(api, "bob", ("empty", b""))
    assert await part(api, await address(api, "empty")) == (200, b"")
    status, _ = await part(api, await address(api, "empty"), Range="bytes=0-")
    assert status == 416


async def test_credentials_that_are_sent_along_do_no_harm(api: Api) -> None:
    for who in ("bob", "charlie", "reader", None):
        assert (await api("GET", await address(api), who)).status == 200
