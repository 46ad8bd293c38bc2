"""Pictures at /avatar/{uuid}.svg."""

from xml.etree import ElementTree

import pytest

from service.pages.avatars import draw
from tests.conftest import APP, OPEN, Answer, Api
from tracker.access import accounts
from tracker.access.avatars import initials

UNKNOWN = "{00000000-0000-0000-0000-000000000000}"


def letters(answer: Answer) -> str | None:
    """What is written on a picture, which must be a sound SVG."""
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "image/svg+xml; charset=utf-8"
    root = ElementTree.fromstring(answer.body)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    text = root.find("{http://www.w3.org/2000/svg}text")
    return None if text is None else text.text


async def _picture(api: Api, uuid: str, who: str | None = None) -> Answer:
    return await api("GET", f"/avatar/{uuid}.svg", who)


async def test_people_repositories_and_workspaces_have_their_initials(api: Api) -> None:
    await accounts.rename(api.db, "alice", "Alice von Liddell")
    shown = await api.get(OPEN)
    for thing, expected in ((shown["owner"], "AL"), (shown, "O"), (shown["workspace"], "A")):
        path = thing["links"]["avatar"]["href"].removeprefix(api.url)
        answer = await api("GET", path)
        assert letters(answer) == expected
        assert len(answer.body) < 500


async def test_a_picture_may_be_kept_and_can_do_nothing(api: Api) -> None:
    headers = (await _picture(api, (await api.get(OPEN))["uuid"])).headers
    assert headers["Cache-Control"] == "private, max-age=3600"
    assert headers["Vary"] == "Authorization"
    assert headers["Content-Security-Policy"] == "default-src 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_what_you_may_not_see_has_the_picture_of_what_is_not_there(api: Api) -> None:
    shown = await api.get(APP, "alice")
    charlie = (await api.get("/2.0/user", "charlie"))["uuid"]
    workspace = (await api.get("/2.0/workspaces/charlie", "charlie"))["uuid"]
    for uuid, who in ((shown["uuid"], None), (charlie, "bob"), (workspace, "bob")):
        answer = await _picture(api, uuid, who)
        assert letters(answer) is None
        assert set(answer.headers) == set((await _picture(api, UNKNOWN, who)).headers)
    assert letters(await _picture(api, UNKNOWN)) is None
    assert letters(await _picture(api, shown["uuid"], "dora")) == "A"
    assert letters(await _picture(api, charlie, "charlie")) == "C"


async def test_a_uuid_has_its_own_colour_in_any_case(api: Api) -> None:
    uuid = (await api.get(OPEN))["uuid"]
    same = [await _picture(api, text) for text in (uuid, uuid.upper(), f"%7B{uuid[1:-1]}%7D")]
    assert len({answer.body for answer in same}) == 1
    assert draw("{0000" + uuid[5:], "X") != draw("{0001" + uuid[5:], "X")


@pytest.mark.parametrize("name", ["x", "{}", "%7B%7D", "{0}", UNKNOWN[:-1], "..%2f..", "%00"])
async def test_what_is_no_uuid_has_no_picture(api: Api, name: str) -> None:
    assert (await _picture(api, name)).status == 404


async def test_wrong_credentials_are_refused_here_too(api: Api) -> None:
    assert (await _picture(api, UNKNOWN, "wrong")).status == 401


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ada Lovelace", "AL"),
        ("Ada King, Countess of Lovelace", "AL"),
        ("ada", "A"),
        ("<script>alert(1)</script> &amp;", "SA"),
        ('" onload="x', "O"),
        ("O'Brien (admin)", "OA"),
        ("課題 管理", "課管"),
        ("ﬁn", "FI"),
        ("--- !!!", ""),
        ("", ""),
    ],
)
async def test_initials_are_letters_and_digits_only(name: str, expected: str) -> None:
    assert initials(name) == expected
    ElementTree.fromstring(draw(UNKNOWN, initials(name)))
