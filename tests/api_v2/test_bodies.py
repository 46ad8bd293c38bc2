"""What a body may be: every route that reads JSON."""

import asyncio
import gzip
from dataclasses import replace

import pytest

from tests.conftest import OPEN, Api, Start
from tracker.settings import Limits, Settings

ROUTES = (
    ("POST", f"{OPEN}/issues"),
    ("PUT", f"{OPEN}/issues/1"),
    ("POST", f"{OPEN}/issues/1/comments"),
    ("PUT", f"{OPEN}/issues/1/comments/1"),
    ("POST", f"{OPEN}/issues/1/changes"),
)

JSON = "application/json"
PARTS = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="title"'

GARBAGE = [
    (JSON, b"", 400),
    (JSON, b"{", 400),
    (JSON, b"nonsense", 400),
    (JSON, b'"text"', 400),
    (JSON, b"[]", 400),
    (JSON, b"null", 400),
    (JSON, b"1", 400),
    (JSON, b'{"title": NaN}', 400),
    (JSON, b'{"title": Infinity}', 400),
    (JSON, b'{"title": "\\ud800", "content": "\\ud800"}', 400),
    (JSON, b'{"\\ud800": 1}', 400),
    (JSON, b'{"title": "\xff\xfe", "content": "\xff"}', 400),
    (JSON, b'{"title": "a\x00b", "content": "a\x00b"}', 400),
    (JSON, b'{"title": ' + b"[" * 100_000, 400),
    (JSON, b'{"title": "t", "content": "t", "more": [' + b'{"a":[]},' * 20_000 + b"1]}", 400),
    (JSON, b'{"title": "' + b'{,\\"' * 20_000, 400),
    (JSON, b'{"title": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    (JSON, b'{"title": ' + b"9" * 5000 + b', "content": ' + b"9" * 5000 + b"}", 400),
    (JSON, b'{"title": 1e999, "content": 1e999}', 400),
    (JSON, b'\xef\xbb\xbf{"title": "bom", "content": "bom"}', 400),
    (JSON, '{"title": "t"}'.encode("utf-16"), 400),
    (f"{JSON}; charset=bogus", b'{"title": "t"}', 415),
    (f"{JSON}; charset=undefined", b'{"title": "t"}', 415),
    (f"{JSON}; charset=hex", b'{"title": "t"}', 415),
    (f"{JSON}; charset=utf-16", '{"title": "t"}'.encode("utf-16"), 415),
    ("text/plain", b'{"title": "t"}', 415),
    (f"{JSON}; charset=iso-8859-1", b'{"title": "t"}', 415),
    ("multipart/form-data", b"x", 400),
    ("multipart/form-data", PART + b"\r\n\r\nt\r\n--b--\r\n", 400),
    ("multipart/form-data; boundary=" + "b" * 71, b"--" + b"b" * 71, 400),
    (f"{PARTS}; charset=utf-16", PART + b"\r\n\r\nt\r\n--b--\r\n", 415),
    ("multipart/mixed; boundary=b", PART + b"\r\n\r\nt\r\n--b--\r\n", 415),
    (PARTS, b"", 400),
    (PARTS, b"x", 400),
    (PARTS, b"--c\r\n", 400),
    (PARTS, b"\n" * 1_000_000, 400),
    (PARTS, b"x\n" * 400_000 + PART + b"\r\n\r\nt\r\n--b--\r\n", 400),
    (PARTS, b"--b\r\n\r\nx\r\n--b--\r\n", 400),
    (PARTS, PART, 400),
    (PARTS, PART + b"\r\n\r\ncut off", 400),
    (PARTS, PART + b"\r\n\r\nt\r\n--b\r\n", 400),
    (PARTS, PART + b"\r\n\r\nt\r\n--bc\r\n", 400),
    (PARTS, PART + b"\r\nX: " + b"y" * 1_000_000, 400),
    (PARTS, PART + b"\r\nX: y" * 1000 + b"\r\n\r\nt\r\n--b--\r\n", 400),
    (PARTS, PART + b'; filename="x"\r\n\r\nt\r\n--b--\r\n', 400),
    (PARTS, (PART + b"\r\n\r\nt\r\n") * 15_000 + b"--b--\r\n", 400),
    ("nonsense", b'{"title": "t"}', 415),
]


@pytest.fixture(autouse=True)
async def issue(api: Api) -> None:
    """There is an issue to comment on, and bob has done so."""
    await api.post(f"{OPEN}/issues", "alice", {"title": "t"})
    comment = await api.post(f"{OPEN}/issues/1/comments", "bob", {"content": "c"})
    assert comment["id"] == 1


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(("content_type", "body", "status"), GARBAGE, ids=lambda v: repr(v)[:30])
async def test_garbage_is_refused_in_the_shape_of_every_error(
    api: Api, method: str, path: str, content_type: str, body: bytes, status: int
) -> None:
    answer = await api(method, path, "bob", data=body, headers={"Content-Type": content_type})
    assert answer.status == status
    assert answer.body["type"] == "error"
    assert answer.body["error"]["message"]


@pytest.mark.parametrize(
    "content_type", [JSON, f"{JSON}; charset=UTF-8", "application/vnd.api+json", None]
)
async def test_json_is_read_under_each_of_its_names_and_under_none(
    api: Api, content_type: str | None
) -> None:
    body = '{"title": "ä", "title": "ö", "content": "x"}'.encode()
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = await api(
        "POST",
        f"{OPEN}/issues",
        "bob",
        data=body,
        headers=headers,
        skip_auto_headers=["Content-Type"],
    )
    assert answer.status == 201
    assert answer.body["title"] == "ö"


async def test_nothing_at_all_is_told_what_is_missing(api: Api) -> None:
    for body in (None, b""):
        answer = await api(
            "POST", f"{OPEN}/issues", "bob", data=body, skip_auto_headers=["Content-Type"]
        )
        assert answer.status == 400
        assert list(answer.body["error"]["fields"]) == ["title"]
    for content_type, said in ((JSON, "not valid JSON"), (PARTS, "not a proper multipart")):
        headers = {"Content-Type": content_type}
        answer = await api("POST", f"{OPEN}/issues", "bob", data=b"", headers=headers)
        assert said in answer.body["error"]["message"]


async def test_a_body_of_another_type_is_told_what_to_send(api: Api) -> None:
    headers = {"Content-Type": "text/xml"}
    answer = await api("POST", f"{OPEN}/issues", "bob", data=b"<issue/>", headers=headers)
    assert answer.status == 415
    assert answer.body["error"]["message"] == "Send the body as a form or as JSON, in UTF-8."


async def test_a_body_at_the_limit_passes_and_a_longer_one_does_not(
    start: Start, settings: Settings
) -> None:
    small = await start(replace(settings, limits=Limits(body_bytes=2000)))

    async def post(data: bytes, **headers: str) -> int:
        headers = {"Content-Type": JSON, **headers}
        return (await small("POST", f"{OPEN}/issues", "bob", data=data, headers=headers)).status

    fitting = b'{"title": "t"}'.ljust(2000)
    assert await post(fitting) == 201
    assert await post(fitting + b" ") == 413
    assert await post(gzip.compress(fitting), **{"Content-Encoding": "gzip"}) == 201
    bomb = gzip.compress(b" " * 50_000_000)
    assert await post(bomb, **{"Content-Encoding": "gzip"}) == 413
    assert await post(b"no gzip", **{"Content-Encoding": "gzip"}) == 400


async def test_a_text_at_the_limit_passes_and_a_longer_one_is_refused_by_name(
    start: Start, settings: Settings
) -> None:
    small = await start(replace(settings, limits=Limits(content_bytes=10)))
    path = f"{OPEN}/issues/1/comments"
    for fitting, longer in (("x" * 10, "x" * 11), ("ä" * 5, "ä" * 6)):
        assert (await small("POST", path, "bob", json={"content": fitting})).status == 201
        answer = await small("POST", path, "bob", json={"content": longer})
        assert answer.status == 400
        assert list(answer.body["error"]["fields"]) == ["content.raw"]


async def test_a_chunked_body_of_single_bytes_is_read(api: Api) -> None:
    async def chunks():  # type: ignore[no-untyped-def]
        for byte in b'{"title": "in pieces"}':
            yield bytes([byte])
            await asyncio.sleep(0)

    headers = {"Content-Type": JSON}
    answer = await api("POST", f"{OPEN}/issues", "bob", data=chunks(), headers=headers)
    assert answer.status == 201


async def test_a_body_that_breaks_off_leaves_the_server_answering(api: Api) -> None:
    head = (
        f"POST {OPEN}/issues HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n"
        f"Authorization: Bearer {api.world.tokens['bob']}\r\n"
    )
    for rest in (
        "Content-Length: 100\r\n\r\n{",
        "Transfer-Encoding: chunked\r\n\r\n5\r\n{\r\nxx",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ):
        _, writer = await asyncio.open_connection(api.client.host, api.client.port)
        writer.write((head + rest).encode())
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.close()
        await writer.wait_closed()
    assert (await api.get(f"{OPEN}/issues"))["size"] == 1


async def test_a_text_may_hold_any_number_of_marks(api: Api) -> None:
    text = '{[,"\\' * 30_000
    created = await api.post(f"{OPEN}/issues", "alice", {"title": "t", "content": {"raw": text}})
    assert created["content"]["raw"] == text
