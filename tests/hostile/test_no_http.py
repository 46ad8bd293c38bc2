"""What is no HTTP, or asks for what HTTP does not have: refused in our shape, without an echo."""

import json
import logging

import pytest

from tests.conftest import OPEN, Api
from tests.hostile.test_slow_clients import Client, connected

MARK = b"SECRET"
"""Something of the client that no answer repeats."""

HOST = b"Host: localhost\r\n"
ISSUES = f"{OPEN}/issues".encode()

REQUESTS = {
    "no request line": b"SECRET\r\n\r\n",
    "a method with NUL": b"SECRET\x00 / HTTP/1.1\r\n%b\r\n" % HOST,
    "TLS": b"\x16\x03\x01SECRET\x02\x00\x01\xfc\x03\x03\r\n\r\n",
    "another version": b"GET /SECRET HTTP/9.9\r\n%b\r\n" % HOST,
    "bare line feeds": b"GET /SECRET HTTP/1.1\nHost: localhost\n\n",
    "an address that is none": b"GET http://[SECRET HTTP/1.1\r\n%b\r\n" % HOST,
    "a long address": b"GET /%b HTTP/1.1\r\n%b\r\n" % (MARK * 2000, HOST),
    "a long header": b"GET / HTTP/1.1\r\n%bX: %b\r\n\r\n" % (HOST, MARK * 2000),
    "a long name": b"GET / HTTP/1.1\r\n%b%b: x\r\n\r\n" % (HOST, MARK * 2000),
    "many headers": b"GET / HTTP/1.1\r\n%b%b\r\n" % (HOST, b"SECRET: x\r\n" * 500),
    "a header without a colon": b"GET / HTTP/1.1\r\n%bSECRET\r\n\r\n" % HOST,
    "a blank in a name": b"GET / HTTP/1.1\r\n%bSEC RET: x\r\n\r\n" % HOST,
    "NUL in a value": b"GET / HTTP/1.1\r\n%bX: SECRET\x00\r\n\r\n" % HOST,
    "a folded header": b"GET / HTTP/1.1\r\n%bX: x\r\n SECRET\r\n\r\n" % HOST,
    "two hosts": b"GET / HTTP/1.1\r\n%bHost: SECRET\r\n\r\n" % HOST,
    "no host": b"GET /SECRET HTTP/1.1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\n%bContent-Length: 1\r\nContent-Length: 2\r\n\r\n" % HOST,
    "a length that is none": b"POST / HTTP/1.1\r\n%bContent-Length: SECRET\r\n\r\n" % HOST,
    "a negative length": b"POST / HTTP/1.1\r\n%bContent-Length: -1\r\n\r\n" % HOST,
    "a length and chunks": (
        b"POST / HTTP/1.1\r\n%bContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n" % HOST
    ),
    "another encoding": b"POST / HTTP/1.1\r\n%bTransfer-Encoding: SECRET\r\n\r\n" % HOST,
    "a chunk without a size": (
        b"POST / HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\n\r\nSECRET\r\n" % HOST
    ),
    "a coding that is not there": (
        b"POST / HTTP/1.1\r\n%bContent-Encoding: br\r\nContent-Length: 6\r\n\r\nSECRET" % HOST
    ),
    "something behind an upgrade": (
        b"GET /healthz HTTP/1.1\r\n%b%b\r\nSECRET\r\n\r\n"
        % (HOST, b"Connection: Upgrade\r\nUpgrade: websocket\r\n")
    ),
}


async def _refused(client: Client, status: int = 400, api: str = "2.0") -> str:
    """The message of the next answer, which must be an error in our shape."""
    got, headers, body = await client.answer()
    assert got == status
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "private, no-cache"
    assert headers["server"] == "pail"
    shape = {"type": "error"} if api == "2.0" else {}
    assert body == {**shape, "error": {"message": body["error"]["message"]}}
    for text in (json.dumps(body), str(headers)):
        assert MARK.decode() not in text
        assert "python" not in text.lower()
    return str(body["error"]["message"])


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
async def test_what_is_no_http_is_refused_in_our_shape(api: Api, request_: bytes) -> None:
    async with connected(api) as client:
        await client.send(request_)
        if b"Upgrade" in request_:
            assert (await client.answer())[0] == 200
        message = await _refused(client)
        assert message == (
            "The address or a header is too long."
            if MARK * 2000 in request_
            else "The request is not valid HTTP."
        )
        assert await client.end() == b""
    assert (await api("GET", "/healthz")).status == 200


async def test_it_is_refused_in_the_same_way_behind_a_good_request(api: Api) -> None:
    async with connected(api) as client:
        for _ in range(2):
            await client.send(b"GET /healthz HTTP/1.1\r\n%b\r\n" % HOST)
            assert (await client.answer())[0] == 200
        await client.send(REQUESTS["a header without a colon"])
        await _refused(client)
        assert await client.end() == b""


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=b"])
@pytest.mark.parametrize("path", [ISSUES, ISSUES + b"/import", ISSUES.replace(b"/2.0", b"/1.0")])
async def test_chunks_that_become_nonsense_are_refused_while_the_body_is_read(
    api: Api, caplog: pytest.LogCaptureFixture, path: bytes, kind: str
) -> None:
    head = b"POST %b HTTP/1.1\r\n%bAuthorization: Bearer %b\r\nContent-Type: %b\r\n"
    token = api.world.tokens["alice"].encode()
    async with connected(api) as client:
        await client.send(head % (path, HOST, token, kind.encode()))
        await client.send(b"Transfer-Encoding: chunked\r\n\r\n3\r\n--b\r\n")
        await client.send(b"SECRET\r\n")
        status, headers, body = await client.answer()
        assert status in (400, 415)
        assert headers["content-type"] == "application/json; charset=utf-8"
        assert "SECRET" not in str(body)
        await client.end()
    assert "Internal error" not in caplog.text
    assert (await api.get(f"{OPEN}/issues"))["size"] == 0


async def test_a_chunk_that_is_nonsense_ends_the_wait_for_it(api: Api) -> None:
    token = api.world.tokens["alice"].encode()
    async with connected(api) as client:
        await client.send(
            b"POST %b HTTP/1.1\r\n%bAuthorization: Bearer %b\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n" % (ISSUES, HOST, token)
        )
        assert b" 100 " in await client.reader.readuntil(b"\r\n\r\n")  # it waits for the body
        await client.send(b'3\r\n{"a\r\n')
        await client.send(b"SECRET\r\n")
        assert "could not be read" in await _refused(client)
        await client.end()


EXPECTED = ["SECRET", "100-continue, SECRET", "100-continued", "200-ok"]


@pytest.mark.parametrize("expected", EXPECTED)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/2.0/user"),
        ("POST", f"{OPEN}/issues"),
        ("POST", f"{OPEN}/issues/import"),
        ("GET", "/nothing"),
        ("DELETE", "/2.0/user"),
        ("GET", "/1.0/user"),
        ("POST", f"{OPEN}/issues".replace("/2.0", "/!api/1.0")),
        ("GET", "/1.0/nothing"),
    ],
)
async def test_what_can_not_be_expected_is_417(
    api: Api, method: str, path: str, expected: str
) -> None:
    async with connected(api) as client:
        lines = (f"{method} {path} HTTP/1.1", "Host: localhost", f"Expect: {expected}", "", "")
        await client.send("\r\n".join(lines).encode())
        await _refused(client, 417, "1.0" if "1.0" in path else "2.0")
        await client.send(b"GET /healthz HTTP/1.1\r\n%b\r\n" % HOST)
        assert (await client.answer())[0] == 200


@pytest.mark.parametrize("expected", ["100-continue", "100-Continue", ""])
async def test_a_client_that_waits_to_be_told_to_go_on_is_told(api: Api, expected: str) -> None:
    body = b'{"title": "t"}'
    lines = (
        f"POST {OPEN}/issues HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {api.world.tokens['bob']}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"Expect: {expected}",
    )
    async with connected(api) as client:
        await client.send("\r\n".join((*lines, "", "")).encode())
        if expected:
            said = await client.reader.readuntil(b"\r\n\r\n")
            assert said == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(body)
        assert (await client.answer())[0] == 201


async def test_what_fails_outside_of_every_handler_has_our_shape_too(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    api.watch.may_break = True

    async def broken(request: object) -> None:
        raise ValueError("SECRET")

    monkeypatch.setattr(api.client.server.app.router, "resolve", broken)
    async with connected(api) as client:
        await client.send(b"GET / HTTP/1.1\r\n%b\r\n" % HOST)
        assert await _refused(client, 500) == "Internal error"
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info
