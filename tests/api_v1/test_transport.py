"""How API 1.0 is spoken over HTTP: prefixes, slashes, formats, HEAD, status lines, errors."""

import asyncio
import base64

import pytest

from service.api_v1.dialect import V1
from service.http.auth import NO_OAUTH_1
from tests.api_v1.test_issues import ISSUES, create
from tests.conftest import OPEN, Api

READ = (ISSUES, f"{ISSUES}/1", f"{ISSUES}/1/comments", f"{ISSUES}/1/comments/1")
FOLLOWERS = f"{ISSUES}/1/followers"


@pytest.fixture(autouse=True)
async def issue(api: Api) -> None:
    """Every test has bob's issue with a comment."""
    await create(api)
    await api("POST", f"{ISSUES}/1/comments", "dora", data={"content": "hm"})


@pytest.mark.parametrize("prefix", V1.prefixes)
@pytest.mark.parametrize("slash", ["", "/"])
async def test_every_prefix_and_a_slash_at_the_end_mean_the_same(
    api: Api, prefix: str, slash: str
) -> None:
    for path in (*READ, FOLLOWERS):
        same = await api.get(path.replace("/1.0", prefix, 1) + slash)
        assert same == await api.get(path)
    there = ISSUES.replace("/1.0", prefix, 1)
    made = await api("POST", f"{there}{slash}", "bob", data={"title": "t"})
    assert (made.status, made.body["local_id"]) == (200, 2)
    # Where something is, is always said in the same way.
    assert made.body["resource_uri"] == f"{ISSUES}/2"
    put = await api("PUT", f"{there}/2{slash}", "bob", data={"title": "u"})
    assert (put.status, put.body["title"]) == (200, "u")
    said = await api("POST", f"{there}/2/comments{slash}", "bob", data={"content": "c"})
    comment = f"{there}/2/comments/{said.body['comment_id']}{slash}"
    put = await api("PUT", comment, "bob", data={"content": "d"})
    assert (put.status, put.body["content"]) == (200, "d")
    assert (await api("DELETE", comment, "bob")).status == 204
    assert (await api("DELETE", f"{there}/2{slash}", "bob")).status == 204


@pytest.mark.parametrize("asked", ["format=json", "format=JSON", "format=json&format=json"])
async def test_json_is_what_can_be_asked_for(api: Api, asked: str) -> None:
    for path in (*READ, FOLLOWERS):
        answer = await api("GET", f"{path}?{asked}")
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert answer.body == await api.get(path)
    assert (await api("POST", f"{ISSUES}?{asked}", "bob", data={"title": "t"})).status == 200


@pytest.mark.parametrize("asked", ["format=yaml", "format=xml", "format=json&format=x"])
async def test_another_format_is_not_acceptable(api: Api, asked: str) -> None:
    for method, path in (*(("GET", path) for path in READ), ("POST", ISSUES), ("DELETE", READ[1])):
        answer = await api(method, f"{path}?{asked}", "bob", data={"title": "t"})
        assert answer.status == 406
        assert list(answer.body) == ["error"]
        assert "json" in answer.body["error"]["message"]
    assert (await api.get(f"{OPEN}/issues"))["size"] == 1


async def test_what_is_said_in_accept_does_not_matter(api: Api) -> None:
    for accept in ("application/xml", "text/html", "nonsense"):
        assert (await api("GET", READ[1], headers={"Accept": accept})).status == 200


async def test_fields_mean_nothing(api: Api) -> None:
    for path in (READ[1], READ[2]):
        for asked in ("fields=title", "fields=-title", "fields=" + "x," * 60, "q=broken("):
            assert await api.get(f"{path}?{asked}") == await api.get(path)


async def test_head_has_the_headers_of_get_and_no_body(api: Api) -> None:
    for path in (*READ, FOLLOWERS, f"{ISSUES}/9", f"{READ[1]}?format=xml", f"{READ[1]}/"):
        got, head = await api("GET", path), await api("HEAD", path)
        assert (head.status, head.body) == (got.status, "")
        for name in {*got.headers, *head.headers} - {"Date"}:
            assert head.headers.getall(name) == got.headers.getall(name)


async def test_whoever_has_it_already_gets_nothing_again(api: Api) -> None:
    for path in (READ[1], READ[2], READ[3], FOLLOWERS):
        etag = (await api("GET", path)).headers["ETag"]
        answer = await api("GET", path, headers={"If-None-Match": etag})
        assert (answer.status, answer.body) == (304, "")


async def test_nothing_that_is_removed_has_a_status_line_of_its_own(api: Api) -> None:
    # A client of 1.0 compares the text.
    token = api.world.tokens["alice"]
    for path in (READ[3], READ[1]):
        reader, writer = await asyncio.open_connection(api.client.host, api.client.port)
        lines = ("Host: localhost", f"Authorization: Bearer {token}", "Connection: close")
        head = "".join(f"{line}\r\n" for line in lines)
        writer.write(f"DELETE {path} HTTP/1.1\r\n{head}\r\n".encode())
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 204 NO CONTENT\r\n")
        assert answer.endswith(b"\r\n\r\n")


async def test_basic_and_bearer_are_who_one_is(api: Api) -> None:
    token = api.world.tokens["dora"]
    basic = base64.b64encode(f"dora:{token}".encode()).decode()
    for header in (f"Basic {basic}", f"Bearer {token}"):
        answer = await api(
            "POST", READ[2], headers={"Authorization": header}, data={"content": "me"}
        )
        assert answer.body["author_info"]["username"] == "dora"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
async def test_a_signature_of_oauth_1_is_told_what_to_send_instead(api: Api, method: str) -> None:
    path = ISSUES if method == "POST" else READ[1]
    header = {"Authorization": 'OAuth oauth_consumer_key="k", oauth_signature="s"'}
    query = f"{path}?oauth_consumer_key=k&oauth_signature=s"
    by_header = [await api(method, path, headers=header, data={"title": "t"}) for _ in range(15)]
    # A client with a token gets the same answer: its signature would be taken for something else.
    by_query = [await api(method, query, who, data={"title": "t"}) for who in (None, "alice")]
    for answer in (*by_header, *by_query):
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="Pail"'
    if method != "HEAD":
        for answer in (*by_header, by_query[1]):
            assert answer.body == {"error": {"message": NO_OAUTH_1}}
    assert (await api.get(f"{OPEN}/issues"))["size"] == 1


async def test_an_error_is_an_object_without_a_type(api: Api) -> None:
    for method, path, who, status in (
        ("GET", f"{ISSUES}/1", "wrong", 401),
        ("POST", ISSUES, None, 401),
        ("DELETE", READ[1], "dora", 403),
        ("DELETE", READ[1], "reader", 403),
        ("PUT", READ[1], "bob", 400),
        ("PATCH", READ[1], "bob", 405),
    ):
        answer = await api(method, path, who, data={"status": "x"})
        assert answer.status == status
        assert list(answer.body) == ["error"]
        assert isinstance(answer.body["error"]["message"], str)


async def test_what_is_not_there_is_always_not_found_in_these_words(api: Api) -> None:
    for path in (
        f"{ISSUES}/9",
        f"{ISSUES}/1/comments/9",
        f"{ISSUES}/01",
        f"{ISSUES}/1/votes",
        "/1.0/repositories/nobody/nothing/issues/1",
        "/api/1.0/nothing",
        "/!api/1.0/nothing",
    ):
        answer = await api("GET", path)
        assert answer.status == 404
        assert answer.body["error"]["message"] == "Not Found"
        assert isinstance(answer.body["error"]["detail"], str)


async def test_a_tracker_that_is_switched_off_says_so_in_the_detail(api: Api) -> None:
    await api("PUT", OPEN, "alice", json={"has_issues": False})
    answer = await api("GET", READ[1])
    assert answer.body == {
        "error": {"message": "Not Found", "detail": "Repository has no issue tracker."}
    }


PART = b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'

FORMS = (
    ("application/x-www-form-urlencoded; charset=ISO-8859-1", b"title=%FC&responsible=dora"),
    ("application/x-www-form-urlencoded; charset=UTF-8", b"title=%C3%BC&responsible=dora"),
    (
        "multipart/form-data; boundary=b",
        PART % (b"title", b"\xc3\xbc") + PART % (b"responsible", b"dora") + b"--b--\r\n",
    ),
)


@pytest.mark.parametrize(("content_type", "body"), FORMS)
async def test_forms_are_read_as_old_clients_send_them(
    api: Api, content_type: str, body: bytes
) -> None:
    headers = {"Content-Type": content_type}
    for method, path in (("POST", ISSUES), ("PUT", READ[1])):
        answer = await api(method, path, "bob", data=body, headers=headers)
        assert answer.status == 200
        assert answer.body["title"] == "ü"
        assert answer.body["responsible"]["username"] == "dora"


async def test_a_file_is_no_form(api: Api) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="title"; filename="x"\r\n\r\nt\r\n--b--'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await api("POST", ISSUES, "bob", data=body, headers=headers)
    assert answer.status == 400
    assert answer.body == {"error": {"message": "title: It must be a text, not a file."}}


async def test_nothing_at_all_is_told_what_is_missing(api: Api) -> None:
    for path, missing in ((ISSUES, "title"), (READ[2], "content")):
        answer = await api("POST", path, "bob", skip_auto_headers=["Content-Type"])
        assert answer.status == 400
        assert list(answer.body["error"]["fields"]) == [missing]
