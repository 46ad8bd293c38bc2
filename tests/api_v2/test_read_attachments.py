"""GET .../issues/{issue_id}/attachments and .../attachments/{path}, and the bytes behind it."""

import re
from urllib.parse import quote, unquote

import pytest

from service.http import downloads, keys
from tests.conftest import APP, OPEN, Api
from tests.rows import add_attachment

ATTACHMENTS = f"{OPEN}/issues/1/attachments"

NAMES = [
    "log.txt",
    "a b.txt",
    "Ünïcode 課題.png",
    'quo"te\\;x.txt',
    "..",
    ".",
    "con",
    "per%cent%2f.txt",
    "a/b",
    "..\\..\\a",
    "line\r\nSet-Cookie: x=1",
    "\u202egnp.exe",
    "#?&=+{b}",
    "x" * 255,
]


@pytest.fixture(autouse=True)
async def issue(api: Api) -> None:
    """Every test has an issue for the attachments."""
    await api.post(f"{OPEN}/issues", "alice", {"title": "With files"})


async def attach(api: Api, name: str, data: bytes, ordinal: int = 1) -> str:
    """Attach a file to the issue; the path that its own link names."""
    blobs = api.app[keys.BLOBS]
    stored = blobs.store([data])
    await add_attachment(api, "alice/open", 1, ordinal, name, stored.sha256)
    return f"{ATTACHMENTS}/{quote(name, safe='')}"


async def test_attachments_are_listed_in_order_of_upload_with_a_list_of_one_address(
    api: Api,
) -> None:
    await attach(api, "z.txt", b"1", ordinal=1)
    await attach(api, "a b.txt", b"2", ordinal=2)
    page = await api.get(ATTACHMENTS)
    assert page["size"] == 2
    assert page["values"] == [
        {
            "type": "issue_attachment",
            "name": name,
            "links": {"self": {"href": [f"{api.url}{ATTACHMENTS}/{quoted}"]}},
        }
        for name, quoted in (("z.txt", "z.txt"), ("a b.txt", "a%20b.txt"))
    ]


@pytest.mark.parametrize("name", NAMES)
async def test_a_file_of_any_name_comes_back_as_a_download_of_that_name(
    api: Api, name: str
) -> None:
    await attach(api, name, b"\x00bytes")
    page = await api.get(ATTACHMENTS)
    [href] = page["values"][0]["links"]["self"]["href"]
    redirect = await api.client.get(
        _raw(href), allow_redirects=False, headers={"Accept": "application/json"}
    )
    if name in (".", ".."):
        return  # clients fold these segments away before they send them
    assert redirect.status == 302
    response = await api.client.get(_raw(redirect.headers["Location"]))
    assert await response.read() == b"\x00bytes"
    [disposition] = response.headers.getall("Content-Disposition")
    assert disposition.startswith("attachment; filename=")
    found = re.search(r"filename\*=UTF-8''(\S+)$", disposition)
    assert found is not None
    assert unquote(found[1]) == name
    assert "Set-Cookie" not in response.headers


def _raw(href: str):  # type: ignore[no-untyped-def]
    from yarl import URL

    return URL(href, encoded=True).relative()


async def test_no_browser_runs_what_was_attached(api: Api) -> None:
    path = await attach(api, "page.html", b"<script>alert(1)</script>")
    location = (await api("GET", path)).headers["Location"].removeprefix(api.url)
    answer = await api("GET", location)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


async def test_the_address_serves_a_part_and_serves_again(api: Api) -> None:
    path = await attach(api, "big.bin", bytes(range(256)) * 1000)
    location = (await api("GET", path)).headers["Location"].removeprefix(api.url)
    for _ in range(2):
        response = await api.client.get(location, headers={"Range": "bytes=10-19"})
        assert response.status == 206
        assert await response.read() == bytes(range(10, 20))
    many = await api("GET", location, headers={"Range": f"bytes={'0-,' * 500}0-"})
    assert many.status in (200, 416)


async def test_an_address_that_was_changed_or_is_too_old_serves_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await attach(api, "log.txt", b"secret")
    location = (await api("GET", path)).headers["Location"].removeprefix(api.url)
    other = await attach(api, "other.txt", b"more secret", ordinal=2)
    theirs = (await api("GET", other)).headers["Location"].removeprefix(api.url)
    expires = re.search(r"expires=(\d+)", location)
    assert expires is not None
    changed = [
        location.replace("log.txt", "log.exe"),
        location.replace(expires[1], str(int(expires[1]) + 3600)),
        location[:-1] + ("0" if location[-1] != "0" else "1"),
        location.partition("&")[0],
        location.partition("?")[0],
        f"{location.partition('?')[0]}?expires=x&signature=%ff",
        location.replace(expires[1], "9" * 5000),
        theirs.partition("?")[0] + "?" + location.partition("?")[2],
    ]
    for address in changed:
        assert (await api("GET", address)).status == 403
    monkeypatch.setattr(downloads, "VALID_SECONDS", -1)
    late = (await api("GET", path)).headers["Location"].removeprefix(api.url)
    assert (await api("GET", late)).status == 403


async def test_a_file_that_the_archive_lacked_is_missing_with_a_sentence(api: Api) -> None:
    await add_attachment(api, "alice/open", 1, 1, "lost.txt", None)
    answer = await api("GET", f"{ATTACHMENTS}/lost.txt")
    assert answer.status == 404
    assert "held no file" in answer.body["error"]["message"]
    assert (await api.get(ATTACHMENTS))["size"] == 1


async def test_bytes_that_are_gone_from_the_disk_are_a_404_of_that_one(api: Api) -> None:
    path = await attach(api, "log.txt", b"gone soon")
    location = (await api("GET", path)).headers["Location"].removeprefix(api.url)
    [blob] = [p for p in api.app[keys.SETTINGS].blobs_dir.rglob("*") if p.is_file()]
    blob.unlink()
    answer = await api("GET", location)
    assert answer.status == 404
    assert answer.body["type"] == "error"


async def test_an_attachment_of_another_issue_or_repository_is_not_here(api: Api) -> None:
    await attach(api, "log.txt", b"x")
    await api.post(f"{OPEN}/issues", "alice", {"title": "Other"})
    await api.post(f"{APP}/issues", "alice", {"title": "Private"})
    for path in (f"{OPEN}/issues/2", f"{APP}/issues/1"):
        answer = await api("GET", f"{path}/attachments/log.txt", "bob")
        assert answer.status == 404
        assert answer.body["error"]["message"] == "No Attachment matches the given query."
    assert (await api("GET", f"{OPEN}/issues/9/attachments/log.txt")).status == 404
