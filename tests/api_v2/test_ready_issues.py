"""Issues that were shown before are shown as they are now."""

from collections.abc import Awaitable, Callable

import pytest

from service.http import issue_cache
from service.http.issue_cache import ISSUE_CACHE
from tests.conftest import OPEN, Api
from tracker.access import accounts

LIST = f"{OPEN}/issues"


async def _edit(api: Api) -> None:
    assert (await api("PUT", f"{LIST}/2", "alice", json={"title": "another"})).status == 200


async def _rename_reporter(api: Api) -> None:
    await accounts.rename(api.db, "bob", "Robert")


async def _rename_repository(api: Api) -> None:
    assert (await api("PUT", OPEN, "alice", json={"name": "Opened"})).status == 200


async def _close_the_other(api: Api) -> None:
    assert (await api("PUT", f"{LIST}/1", "alice", json={"state": "closed"})).status == 200


async def _vote(api: Api) -> None:
    assert (await api("PUT", f"{LIST}/2/vote", "dora")).status == 204


@pytest.mark.parametrize(
    "change", [_edit, _rename_reporter, _rename_repository, _close_the_other, _vote]
)
async def test_whatever_changes_is_seen_at_once(
    api: Api, change: Callable[[Api], Awaitable[None]]
) -> None:
    await api.post(LIST, "bob", {"title": "one"})
    await api.post(LIST, "bob", {"title": "two", "content": "like #1"})
    before = await api.get(LIST, "bob")
    assert await api.get(LIST, "bob") == before
    await change(api)
    after = await api.get(LIST, "bob")
    api.app[ISSUE_CACHE]._entries.clear()
    assert after == await api.get(f"{LIST}?again=1", "bob") != before
    assert await api.get(f"{LIST}/2") in after["values"]


async def test_each_reader_and_each_address_gets_its_own(api: Api) -> None:
    await api.post(LIST, "bob", {"title": "one", "content": "for @{bob}"})
    bobs = await api.get(f"{LIST}/1", "bob")
    alices = await api.get(f"{LIST}/1", "alice")
    assert "ap-mention-me" in bobs["content"]["html"]
    assert "ap-mention-me" not in alices["content"]["html"]
    elsewhere = await api.get(f"{LIST}/1", "bob", headers={"Host": "localhost:1"})
    assert elsewhere["links"]["self"]["href"].startswith("http://localhost:1/")
    assert await api.get(f"{LIST}/1", "bob") == bobs


async def test_what_is_kept_is_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issue_cache, "_MOST_ISSUES", 2)
    for number in range(4):
        content = "x" * 20_000 if number == 3 else "short"
        await api.post(LIST, "bob", {"title": f"{number}", "content": content})
    page = await api.get(LIST)
    assert [issue["title"] for issue in page["values"]] == ["3", "2", "1", "0"]
    figures = (await api.get("/readyz"))["caches"]["issues"]
    assert figures["issues"] == 2
    assert 1000 < figures["bytes"] < 10_000
    assert await api.get(f"{LIST}?again=1") == page
