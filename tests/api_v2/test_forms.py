"""Forms, urlencoded or multipart: read by the same rules as JSON."""

import gzip
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.conftest import OPEN, Answer, Api, Start
from tests.rows import define
from tracker.settings import Limits, Settings

# As in the web process: aiohttp warns of headers that are read all the same, or refused, here.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:aiohttp.multipart")

FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=b"
ISSUES = f"{OPEN}/issues"


async def send(
    api: Api, method: str, path: str, body: bytes | str | dict[str, str], content_type: str = FORM
) -> Answer:
    """Send a form as bob; a dict is encoded."""
    data = urlencode(body) if isinstance(body, dict) else body
    return await api(method, path, "bob", data=data, headers={"Content-Type": content_type})


@pytest.fixture(autouse=True)
async def issue(api: Api) -> None:
    """There is an issue to write on."""
    await api.post(ISSUES, "alice", {"title": "first"})


async def test_an_issue_is_created_from_a_form(api: Api) -> None:
    await define(api, "alice/open", "component", "UI & more")
    answer = await send(
        api,
        "POST",
        ISSUES,
        {
            "title": "a=b & ü 課題",
            "content": "line\r\nline +%",
            "kind": "task",
            "component": "UI & more",
            "assignee.username": "alice",
            "type": "issue",
        },
    )
    assert answer.status == 201
    shown = answer.body
    assert shown["title"] == "a=b & ü 課題"
    assert shown["content"]["raw"] == "line\r\nline +%"
    assert shown["kind"] == "task"
    assert shown["component"]["name"] == "UI & more"
    assert shown["assignee"]["display_name"] == "alice"


async def test_a_dot_leads_into_an_object_and_numbers_come_as_text(api: Api) -> None:
    [component] = await define(api, "alice/open", "component", "UI")
    answer = await send(
        api,
        "POST",
        ISSUES,
        {
            "title": "2013",
            "content.raw": "= x =",
            "content.markup": "creole",
            "component.id": str(component),
        },
    )
    assert answer.status == 201
    assert answer.body["title"] == "2013"
    assert answer.body["content"]["raw"] == "= x ="
    assert answer.body["content"]["markup"] == "creole"
    assert answer.body["component"]["name"] == "UI"


async def test_comments_and_edits_take_forms_as_well(api: Api) -> None:
    answer = await send(api, "POST", f"{ISSUES}/1/comments", {"content.raw": "said"})
    assert answer.status == 201
    comment = f"{ISSUES}/1/comments/{answer.body['id']}"
    answer = await send(api, "PUT", comment, "content=changed")
    assert (answer.status, answer.body["content"]["raw"]) == (200, "changed")
    answer = await send(api, "PUT", f"{ISSUES}/1", "title=new&state=open")
    assert (answer.status, answer.body["title"], answer.body["state"]) == (200, "new", "open")


async def test_an_export_takes_true_and_false_from_a_form(api: Api) -> None:
    async def export(body: str) -> int:
        headers = {"Content-Type": FORM}
        path = f"{ISSUES}/export"
        return (await api("POST", path, "alice", data=body, headers=headers)).status

    assert await export("include_attachments=false&send_email=true") == 202
    assert await export("include_attachments=maybe") == 400


SHAPES = [
    ("title=t", "t"),
    ("title=t;x=1", "t;x=1"),
    ("title=first&title=last", "last"),
    ("title=+a+b+", " a b "),
    ("%74itle=t", "t"),
    ("&&title=t&", "t"),
    ("title=t&unknown=1&un.known=2&access_token=x&_method=DELETE", "t"),
    ("title=100%25", "100%"),
    ("title=100%", "100%"),
    ("title=a=b", "a=b"),
    ("title=true", "true"),
    ("title=null", "null"),
]


@pytest.mark.parametrize(("body", "title"), SHAPES)
@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=UTF-8"])
async def test_a_form_is_read_as_browsers_write_it(
    api: Api, body: str, title: str, content_type: str
) -> None:
    answer = await send(api, "POST", ISSUES, body, content_type)
    assert answer.status == 201
    assert answer.body["title"] == title


REFUSED: list[tuple[bytes, str | None]] = [
    (b"", "title"),
    (b"title=", "title"),
    (b"title=%20", "title"),
    (b"title=" + b"x" * 256, "title"),
    (b"title=a%00b", "title"),
    (b"title.x=1", "title"),
    (b"title=t&kind=none", "kind"),
    (b"title=t&component.id=1e3", "component"),
    (b"title=t&component.id=%D9%A1", "component"),
    (b"title=t&component.id=" + b"9" * 5000, "component"),
    (b"title=t&component.other=1", "component"),
    (b"title=t&content.raw.x=1", "content.raw"),
    (b"title=t&content=x&content.raw=y", None),
    (b"title=%FF", None),
    (b"title=\xff", None),
    (b"title=%ED%A0%80", None),
    (b"title=t" + b"&a=1" * 20_000, None),
    (b"title=t" + b"&a.b=1" * 20_000, None),
]


@pytest.mark.parametrize(("body", "field"), REFUSED, ids=lambda value: repr(value)[:30])
async def test_what_the_rules_forbid_is_refused_by_name(
    api: Api, body: bytes, field: str | None
) -> None:
    answer = await send(api, "POST", ISSUES, body)
    assert answer.status == 400
    assert answer.body["type"] == "error"
    if field is not None:
        assert list(answer.body["error"]["fields"]) == [field]
    assert (await api.get(ISSUES))["size"] == 1


async def test_a_form_of_another_charset_is_refused(api: Api) -> None:
    for charset in ("windows-1252", "iso-8859-15", "utf-16", "bogus", "hex"):
        answer = await send(api, "POST", ISSUES, b"title=t", f"{FORM}; charset={charset}")
        assert answer.status == 415


@pytest.mark.parametrize("charset", ["ISO-8859-1", "latin1", '"iso_8859-1"'])
@pytest.mark.parametrize("body", [b"title=%E4%80+\xdf", b"ti%74le=\xe4\x80%20%df"])
async def test_a_form_in_latin_1_is_read_when_it_says_so(
    api: Api, charset: str, body: bytes
) -> None:
    answer = await send(api, "POST", ISSUES, body, f"{FORM}; charset={charset}")
    assert answer.status == 201
    assert answer.body["title"] == "ä\x80 ß"
    longer = b"x" * 100_000 + b"&" + body
    answer = await send(api, "POST", ISSUES, longer, f"{FORM}; charset={charset}")
    assert answer.body["title"] == "ä\x80 ß"


def part(
    value: bytes | str, disposition: bytes = b'form-data; name="title"', more: bytes = b""
) -> bytes:
    """One part of a multipart; more are further headers, each with its end."""
    value = value.encode() if isinstance(value, str) else value
    return b"--b\r\nContent-Disposition: %b\r\n%b\r\n%b\r\n" % (disposition, more, value)


def named(name: str, value: str) -> bytes:
    """The part of a field of that name."""
    return part(value, f'form-data; name="{name}"'.encode())


END = b"--b--\r\n"


async def test_a_multipart_of_texts_is_a_form(api: Api) -> None:
    await define(api, "alice/open", "component", "UI & more")
    texts = {
        "title": "a=b & ü 課題",
        "content.raw": "line\r\nline +%\r\n\r\n--c-- \n--b",
        "kind": "bug",
        "component": "UI & more",
        "assignee.username": "alice",
        "unknown": "1",
        "un.known": "2",
    }
    body = b"".join(named(*item) for item in texts.items()) + named("kind", "task") + END
    answer = await send(api, "POST", ISSUES, body, PARTS)
    assert answer.status == 201
    assert answer.body["title"] == texts["title"]
    assert answer.body["content"]["raw"] == texts["content.raw"]
    assert answer.body["kind"] == "task"
    assert answer.body["component"]["name"] == "UI & more"
    assert answer.body["assignee"]["display_name"] == "alice"


WRITTEN: list[tuple[str, bytes, str]] = [
    (PARTS, b"\r\n" + part("t") + END, "t"),
    (PARTS, part("t") + b"--b--", "t"),
    (PARTS, part("t") + END + b"and more\r\n", "t"),
    ('Multipart/Form-Data; Boundary="b"', part("t") + END, "t"),
    (PARTS, part("t", b"form-data; name=title") + END, "t"),
    (PARTS, part("t", more=b"Content-Transfer-Encoding: 8bit\r\n") + END, "t"),
    (PARTS, part("t", more=b"Content-Length: 900\r\n") + END, "t"),
    (PARTS, part("ä", more=b"Content-Type: text/plain; charset=US-ASCII\r\n") + END, "ä"),
    (PARTS, part(b"\xe4", more=b"Content-Type: text/plain; charset=ISO-8859-1\r\n") + END, "ä"),
    (f"{PARTS}; charset=ISO-8859-1", part(b"\xe4") + END, "ä"),
    (
        f"{PARTS}; charset=latin1",
        part("ä", more=b"Content-Type: x/y; charset=utf-8\r\n") + END,
        "ä",
    ),
]


@pytest.mark.parametrize(("content_type", "body", "title"), WRITTEN)
async def test_a_multipart_is_read_as_clients_write_it(
    api: Api, content_type: str, body: bytes, title: str
) -> None:
    answer = await send(api, "POST", ISSUES, body, content_type)
    assert (answer.status, answer.body["title"]) == (201, title)


NO_TEXTS: list[tuple[bytes, str]] = [
    (END, "title: Missing data"),
    (named("x", "y") + END, "title: Missing data"),
    (part("\0") + END, "title: Null"),
    (part(b"\xff") + END, "not in UTF-8"),
    (part("t", b'form-data; name="title"; filename="x"') + END, "title: It must be a text"),
    (part("t", b"form-data; name=\"title\"; filename*=utf-8''x") + END, "title: It must be a text"),
    (part("t", b'form-data; name="title"; filename=""') + END, "title: It must be a text"),
    (part("t", b"form-data") + END, "no name"),
    (part("t", b'form-data; name=""') + END, "no name"),
    (part("t", b"; ;;=") + END, "no name"),
    (part("t", b'form-data; name="title"' + b";" * 900) + END, "proper"),
    (part("t", b'form-data; name="\xff.x"') + part("t", b'form-data; name="\xff"') + END, "proper"),
    (part("t", b"form-data; name*=raw-unicode-escape''%5Cud800") + END, "proper"),
    (part("t", more=b"Content-Transfer-Encoding: base64\r\n") + END, "title: It must be sent as"),
    (part("t", more=b"Content-Encoding: gzip\r\n") + END, "title: It must be sent as it is"),
    (part("t", more=b"Content-Type: text/plain; charset=utf-16\r\n") + END, "in UTF-8"),
    (part("t", more=b"Content-Type: text/plain; charset=hex\r\n") + END, "in UTF-8"),
    (
        part("--c\r\n\r\nx\r\n--c--", more=b"Content-Type: multipart/mixed; boundary=c\r\n") + END,
        "multipart inside",
    ),
    (part("t", more=b"no header\r\n") + END, "proper"),
    (named("_charset_", "x" * 40) + END, "proper"),
    (named("content", "x") + named("content.raw", "y") + END, "content has a value already"),
    (part("t") + named("x", "y") * 100 + END, "more than 100 parts"),
]


@pytest.mark.parametrize(("body", "said"), NO_TEXTS, ids=lambda value: repr(value)[:90])
async def test_a_multipart_of_something_else_is_refused_in_words(
    api: Api, body: bytes, said: str
) -> None:
    answer = await send(api, "POST", ISSUES, body, PARTS)
    assert answer.status == 400
    assert said in answer.body["error"]["message"]
    assert (await api.get(ISSUES))["size"] == 1


async def test_a_multipart_of_the_most_parts_and_of_the_longest_texts_is_read(api: Api) -> None:
    body = part("t") + named("x", "y") * 99 + END
    assert (await send(api, "POST", ISSUES, body, PARTS)).status == 201
    text = "\r\n--ä" * 100_000
    body = part("t") + named("content", text) + END
    answer = await send(api, "POST", ISSUES, body, PARTS)
    assert answer.body["content"]["raw"] == text


async def test_a_compressed_multipart_is_read(api: Api) -> None:
    headers = {"Content-Type": PARTS, "Content-Encoding": "gzip"}
    for body, status in ((part("t") + END, 201), (part("t") + END + b" " * 10_000_000, 413)):
        data = gzip.compress(body)
        assert (await api("POST", ISSUES, "bob", data=data, headers=headers)).status == status


async def test_a_form_has_the_limits_of_json(start: Start, settings: Settings) -> None:
    limits = Limits(body_bytes=200_000, content_bytes=100_000)
    small = await start(replace(settings, limits=limits))
    head = "title=t&content="
    assert (await send(small, "POST", ISSUES, f"{head}{'x' * 100_000}")).status == 201
    answer = await send(small, "POST", ISSUES, f"{head}{'x' * 100_001}")
    assert answer.status == 400
    assert list(answer.body["error"]["fields"]) == ["content.raw"]
    assert (await send(small, "POST", ISSUES, "title=t&a=".ljust(200_000, "x"))).status == 201
    assert (await send(small, "POST", ISSUES, "title=t&a=".ljust(200_001, "x"))).status == 413
    parts = part("t") + END
    assert (await send(small, "POST", ISSUES, parts.ljust(200_000), PARTS)).status == 201
    assert (await send(small, "POST", ISSUES, parts.ljust(200_001), PARTS)).status == 413


READ_ONLY: dict[str, Any] = {
    "id": "77",
    "number": "77",
    "reporter": "bob",
    "created_on": "2001-01-01T00:00:00+00:00",
    "votes": "9",
    "links.self": "x",
    "repository": "charlie/x",
}


async def test_what_nobody_may_set_is_ignored(api: Api) -> None:
    answer = await send(api, "POST", ISSUES, {"title": "t", **READ_ONLY})
    assert answer.status == 201
    assert answer.body["id"] == 2
    assert answer.body["votes"] == 0
    assert answer.body["created_on"] > "2002"
    assert answer.body["repository"]["full_name"] == "alice/open"


async def test_json_that_calls_itself_a_form_is_told_so(api: Api) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await api("POST", f"{OPEN}/issues", "bob", data=b'{"title": "t"}', headers=headers)
    assert answer.status == 400
    assert "Content-Type: application/json" in answer.body["error"]["message"]


async def test_words_are_flags_in_forms_only(api: Api) -> None:
    answer = await api("PUT", OPEN, "alice", data={"is_private": "true"})
    assert answer.body["is_private"] is True
    refused = await api("PUT", OPEN, "alice", json={"is_private": "false"})
    assert refused.status == 400
    assert list(refused.body["error"]["fields"]) == ["is_private"]
