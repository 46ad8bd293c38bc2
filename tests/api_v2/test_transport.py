"""How the API is spoken over HTTP: OPTIONS and CORS, HEAD, conditional GET, gzip, odd requests."""

import asyncio
import gzip
from typing import Any

import pytest

from service.api_v2.dialect import V2
from service.http import answers
from tests.api_v2.test_upload_attachments import upload
from tests.conftest import APP, OPEN, Answer, Api

ISSUES = f"{OPEN}/issues"

ALLOWED = [
    (ISSUES, "GET,HEAD,OPTIONS,POST"),
    (f"{ISSUES}/1", "DELETE,GET,HEAD,OPTIONS,PUT"),
    (f"{ISSUES}/1/attachments", "GET,HEAD,OPTIONS,POST"),
    (f"{ISSUES}/1/vote", "DELETE,GET,HEAD,OPTIONS,PUT"),
    ("/2.0/user", "GET,HEAD,OPTIONS"),
]


@pytest.fixture(autouse=True)
async def issue(api: Api) -> None:
    """There is an issue with a long text."""
    text = "".join(f"Line {n} of a long text.\n\n" for n in range(300))
    await api.post(ISSUES, "alice", {"title": "t", "content": {"raw": text}})


# OPTIONS and CORS


@pytest.mark.parametrize(("path", "allowed"), ALLOWED)
async def test_options_says_what_can_be_done_to_anybody(api: Api, path: str, allowed: str) -> None:
    for where in (path, f"{path}/", path.replace("/2.0", "/!api/2.0", 1)):
        answer = await api("OPTIONS", where)
        assert answer.status == 204
        assert answer.headers["Allow"] == allowed
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "Access-Control-Allow-Methods" not in answer.headers


async def test_a_browsers_question_is_answered_without_an_account(api: Api) -> None:
    for path in (ISSUES, f"{APP}/issues/1", "/2.0/repositories/nobody/nothing/issues"):
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            answer = await api(
                "OPTIONS",
                path,
                headers={
                    "Origin": "https://board.example",
                    "Access-Control-Request-Method": "PUT",
                    "Access-Control-Request-Headers": "authorization,content-type",
                    **headers,
                },
            )
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert answer.headers["Access-Control-Allow-Methods"] == (
                "GET, POST, PUT, PATCH, DELETE, OPTIONS"
            )
            asked = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
            assert {"authorization", "content-type", "if-none-match", "range"} <= set(asked)
            assert answer.headers["Access-Control-Max-Age"] == "86400"
            assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_options_of_what_is_not_there_is_a_404(api: Api) -> None:
    answer = await api("OPTIONS", "/2.0/nothing/at/all")
    assert answer.status == 404
    assert answer.body["error"]["message"] == "Resource not found"


@pytest.mark.parametrize("prefix", V2.prefixes)
async def test_scripts_of_every_origin_may_read_answers_and_errors_of_the_api(
    api: Api, prefix: str
) -> None:
    path = ISSUES.replace("/2.0", prefix, 1)
    origin = {"Origin": "https://board.example"}
    etag = (await api("GET", path)).headers["ETag"]
    for method, where, who, status, more in (
        ("GET", path, None, 200, {}),
        ("GET", path, None, 304, {"If-None-Match": etag}),
        ("POST", path, "bob", 400, {"Content-Type": "application/json"}),
        ("POST", path, None, 401, {}),
        ("POST", path, "reader", 403, {}),
        ("GET", f"{path}/9", None, 404, {}),
        ("GET", f"{prefix}/nothing", None, 404, {}),
        ("PATCH", path, None, 405, {}),
        ("PUT", f"{path}/1/vote", "bob", 204, {}),
    ):
        answer = await api(method, where, who, headers={**origin, **more})
        assert answer.status == status
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Set-Cookie" not in answer.headers


async def test_attachments_can_be_fetched_by_scripts_to_the_last_byte(api: Api) -> None:
    await upload(api, "bob", ("log.txt", b"bytes"), path=f"{ISSUES}/1/attachments")
    answer = await api("GET", f"{ISSUES}/1/attachments/log.txt")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    answer = await api("GET", answer.headers["Location"].removeprefix(api.url))
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_pages_are_for_their_own_origin(api: Api) -> None:
    origin = {"Origin": "https://board.example", "Access-Control-Request-Method": "GET"}
    for path in ("/", "/static/pail.css", "/healthz", "/nothing", "/2.0.example/x"):
        for method in ("GET", "OPTIONS"):
            answer = await api(method, path, headers=origin)
            assert not [name for name in answer.headers if name.startswith("Access-Control")]


# Odd requests


async def test_head_has_the_headers_of_get_and_no_body(api: Api) -> None:
    for path in (ISSUES, f"{ISSUES}/1", f"{ISSUES}/9", f"{OPEN}/components", f"{ISSUES}/1/"):
        for coding in ("gzip", "identity"):
            headers = {"Accept-Encoding": coding}
            got = await api("GET", path, headers=headers)
            head = await api("HEAD", path, headers=headers)
            assert head.status == got.status
            assert head.body == ""
            for name in {*got.headers, *head.headers} - {"Date"}:
                assert head.headers.getall(name) == got.headers.getall(name)


async def raw(api: Api, *requests: bytes) -> list[bytes]:
    """The status lines of what comes back for these requests on one connection."""
    reader, writer = await asyncio.open_connection(api.client.host, api.client.port)
    lines = []
    try:
        for request in requests:
            writer.write(request)
            lines.append(await asyncio.wait_for(reader.readline(), 10))
            length = 0
            while (line := await asyncio.wait_for(reader.readline(), 10)) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            if not request.startswith(b"HEAD"):
                await reader.readexactly(length)
    finally:
        writer.close()
        await writer.wait_closed()
    return lines


async def test_a_body_that_comes_with_a_get_is_ignored_and_the_connection_goes_on(
    api: Api,
) -> None:
    path = f"{ISSUES}/1".encode()
    head = b" %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" % path
    long = b"Content-Length: 100000\r\n\r\n" + b"x" * 100_000
    chunked = b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    lines = await raw(
        api,
        b"GET" + head + b'Content-Length: 8\r\n\r\n{"a": 1}',
        b"GET" + head + long,
        b"GET" + head + chunked,
        b"HEAD" + head + b"Content-Length: 2\r\n\r\n{}",
        b"OPTIONS" + head + b"Content-Length: 2\r\n\r\n{}",
        b"GET" + head + b"\r\n",
    )
    assert [line.split()[1] for line in lines] == [b"200"] * 4 + [b"204", b"200"]


async def test_an_unsafe_request_needs_a_body_only_where_one_is_read(api: Api) -> None:
    token = api.world.tokens["bob"].encode()
    head = b" HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\n" % token
    vote, comments = f"{ISSUES}/1/vote".encode(), f"{ISSUES}/1/comments".encode()
    [put, empty, deleted, missing] = await raw(
        api,
        b"PUT " + vote + head + b"\r\n",
        b"PUT " + vote + head + b"Content-Length: 0\r\n\r\n",
        b"DELETE " + vote + head + b"\r\n",
        b"POST " + comments + head + b"\r\n",
    )
    for line in (put, empty, deleted):
        assert line.split()[1] == b"204"
    assert missing.split()[1] == b"400"


@pytest.mark.parametrize("method", ["PATCH", "TRACE", "PROPFIND", "MERGE", "LINK", "LOCK", "PURGE"])
async def test_a_method_that_nobody_needs_is_refused(api: Api, method: str) -> None:
    for path in (ISSUES, f"{ISSUES}/1", "/2.0/user", "/"):
        answer = await api(method, path, "alice")
        assert answer.status == 405
        assert answer.body["type"] == "error"
        assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("method", [b"delete", b"Delete", b"get", b"DELETE1", b"\xff"])
async def test_a_method_of_another_spelling_is_no_http(api: Api, method: bytes) -> None:
    token = api.world.tokens["alice"].encode()
    [line] = await raw(
        api,
        b"%b %b/1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\n\r\n"
        % (method, ISSUES.encode(), token),
    )
    assert line.split()[1] in (b"400", b"405")
    assert (await api.get(ISSUES))["size"] == 1


@pytest.mark.parametrize(
    "header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"]
)
async def test_a_method_can_not_be_overridden(api: Api, header: str) -> None:
    comment = {"content": {"raw": "c", "_method": "DELETE"}, "_method": "DELETE"}
    for method, path, sent, status in (
        ("GET", f"{ISSUES}/1", {}, 200),
        ("GET", f"{ISSUES}/1?_method=DELETE&method=DELETE", {}, 200),
        ("POST", f"{ISSUES}/1/comments?_method=DELETE", {"json": comment}, 201),
        ("POST", f"{ISSUES}/1/comments", {"data": {"content": "c", "_method": "DELETE"}}, 201),
    ):
        answer = await api(method, path, "alice", headers={header: "DELETE"}, **sent)
        assert answer.status == status
    assert (await api.get(f"{ISSUES}/1"))["id"] == 1


async def test_identity_comes_from_no_other_header(api: Api) -> None:
    await api.post(f"{APP}/issues", "alice", {"title": "private"})
    for name in ("X-WEBAUTH-USER", "X-Remote-User", "X-Forwarded-User", "Remote-User", "Cookie"):
        value = "user=alice" if name == "Cookie" else "alice"
        assert (await api("GET", f"{APP}/issues/1", headers={name: value})).status == 404


async def test_a_token_in_the_query_or_the_form_is_not_read(api: Api) -> None:
    await api.post(f"{APP}/issues", "alice", {"title": "private"})
    token = api.world.tokens["alice"]
    assert (await api("GET", f"{APP}/issues/1?access_token={token}")).status == 404
    form = {"title": "t", "access_token": token}
    assert (await api("POST", ISSUES, data=form)).status == 401


@pytest.mark.parametrize(
    "query",
    ["?issue_id=1", "?timestamp=1&state=ALL&limit=0", "?milestones", "?a[]=1&a[]=2", "?&=&"],
)
async def test_parameters_that_nobody_knows_are_ignored(api: Api, query: str) -> None:
    for path in (ISSUES, f"{ISSUES}/1", f"{ISSUES}/", f"{OPEN}/milestones"):
        assert (await api("GET", path + query)).status == 200


async def test_what_a_client_accepts_is_not_negotiated(api: Api) -> None:
    for accept in ("text/html", "application/zip", "image/*;q=0", "nonsense"):
        answer = await api("GET", ISSUES, headers={"Accept": accept, "Accept-Language": "x" * 8000})
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


# Conditional GET


@pytest.fixture
async def etags(api: Api) -> dict[str, str]:
    """The ETag of a list and of an issue."""
    paths = (ISSUES, f"{ISSUES}/1", f"{ISSUES}/1/comments", f"{OPEN}/components")
    return {path: (await api("GET", path)).headers["ETag"] for path in paths}


async def _conditional(api: Api, path: str, tags: str, method: str = "GET") -> Answer:
    return await api(method, path, headers={"If-None-Match": tags})


async def test_who_has_it_already_gets_no_body(api: Api, etags: dict[str, str]) -> None:
    for path, etag in etags.items():
        strong = etag.removeprefix("W/")
        for tags in (etag, strong, "*", f'"a", {etag}', f'{strong},"b"', f' W/"x" , {etag} '):
            for method in ("GET", "HEAD"):
                answer = await _conditional(api, path, tags, method)
                assert answer.status == 304
                assert answer.body == ""
                assert answer.headers["ETag"] == etag
                assert answer.headers["Cache-Control"] == "private, no-cache"
                assert answer.headers["Vary"] == "Accept-Encoding"
                assert "Content-Type" not in answer.headers


@pytest.mark.parametrize(
    "tags", ['"x"', "", "x", 'W/"', '"', "W/", ",,,", "**", '"*"', '"x",' * 1500 + '"y"']
)
async def test_who_has_something_else_gets_it_whole(
    api: Api, etags: dict[str, str], tags: str
) -> None:
    for path in etags:
        answer = await _conditional(api, path, tags)
        assert answer.status == 200
        assert answer.headers["ETag"] == etags[path]


async def test_what_was_changed_comes_anew(api: Api, etags: dict[str, str]) -> None:
    await api("PUT", f"{ISSUES}/1", "alice", json={"title": "new"})
    for path in (ISSUES, f"{ISSUES}/1"):
        assert (await _conditional(api, path, etags[path])).status == 200
    assert (
        await _conditional(api, f"{OPEN}/components", etags[f"{OPEN}/components"])
    ).status == 304


async def test_a_condition_counts_for_reading_what_is_there_only(api: Api) -> None:
    answer = await _conditional(api, f"{ISSUES}/9", "*")
    assert answer.status == 404
    answer = await api("POST", ISSUES, "bob", json={"title": "t"}, headers={"If-None-Match": "*"})
    assert answer.status == 201
    assert "ETag" not in answer.headers


# gzip


async def _coded(api: Api, coding: str | None, path: str = f"{ISSUES}/1") -> tuple[str, bytes]:
    """The Content-Encoding of the answer, and the bytes as they were sent."""
    headers = {} if coding is None else {"Accept-Encoding": coding}
    async with api.client.session.get(
        api.client.make_url(path),
        headers=headers,
        skip_auto_headers=["Accept-Encoding"],
        auto_decompress=False,
    ) as response:
        assert response.status == 200
        assert "Accept-Encoding" in response.headers["Vary"]
        body = await response.read()
        assert response.headers["Content-Length"] == str(len(body))
        return response.headers.get("Content-Encoding", ""), body


@pytest.fixture
async def plain(api: Api) -> bytes:
    """The issue as it is sent to who takes no coding."""
    coding, body = await _coded(api, None)
    assert coding == ""
    return body


@pytest.mark.parametrize(
    "accepted",
    ["gzip", "GZip", "deflate, gzip", "gzip;q=0.5", "gzip ; q=0.001", "*", "br;q=1.0, *;q=0.1"],
)
async def test_a_long_answer_is_compressed_for_who_takes_it(
    api: Api, plain: bytes, accepted: str
) -> None:
    coding, body = await _coded(api, accepted)
    assert coding == "gzip"
    assert gzip.decompress(body) == plain
    assert len(body) < len(plain) / 2


@pytest.mark.parametrize(
    "accepted",
    ["", "identity", "br", "gzip;q=0", "gzip; q=0.000", "GZIP;Q=0", "*;q=0", "gzipped", ",;,"],
)
async def test_who_takes_no_gzip_gets_none(api: Api, plain: bytes, accepted: str) -> None:
    assert await _coded(api, accepted) == ("", plain)


async def test_gzip_refused_by_name_is_not_taken_by_a_star(api: Api, plain: bytes) -> None:
    for accepted in ("gzip;q=0, *", "*, gzip;q=0"):
        assert await _coded(api, accepted) == ("", plain)


async def test_a_short_answer_is_not_compressed(api: Api) -> None:
    coding, _ = await _coded(api, "gzip", f"{OPEN}/components")
    assert coding == ""


async def test_both_codings_have_one_weak_etag(api: Api) -> None:
    tags = {
        (await api("GET", ISSUES, headers={"Accept-Encoding": coding})).headers["ETag"]
        for coding in ("gzip", "identity")
    }
    [tag] = tags
    assert tag.startswith('W/"')


# Empty answers


async def test_an_empty_answer_has_a_type_that_no_client_takes_for_json(api: Api) -> None:
    empty: list[tuple[str, str, int, dict[str, Any]]] = [
        ("PUT", f"{ISSUES}/1/vote", 204, {}),
        ("GET", f"{ISSUES}/1/vote", 204, {}),
        ("DELETE", f"{ISSUES}/1/vote", 204, {}),
        ("POST", f"{ISSUES}/export", 202, {}),
    ]
    for method, path, status, sent in empty:
        answer = await api(method, path, "alice", **sent)
        assert answer.status == status
        assert answer.body == ""
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


async def test_a_very_long_answer_is_sent_as_it_is(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others would wait while it is hashed and compressed."""
    await api.post(f"{OPEN}/issues", "bob", {"title": "t", "content": "x" * 9000})
    headers = {"Accept-Encoding": "gzip"}
    usual = await api("GET", f"{OPEN}/issues/1", headers=headers)
    assert "ETag" in usual.headers
    monkeypatch.setattr(answers, "_MOST", 9000)
    long = await api("GET", f"{OPEN}/issues/1?again=1", headers=headers)
    assert "ETag" not in long.headers
    assert "Content-Encoding" not in long.headers
    assert long.body == usual.body
