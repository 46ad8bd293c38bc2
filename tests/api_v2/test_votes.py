""".../issues/{issue_id}/vote and .../issues/{issue_id}/watch."""

import asyncio

import pytest

from tests.conftest import APP, OPEN, Api
from tests.rows import start_import
from tracker.access import tokens

MARKS = pytest.mark.parametrize(
    ("mark", "counter", "already"), [("vote", "votes", 0), ("watch", "watches", 1)]
)
"""What is put on an issue, the member that counts it, and how many there are from the start: the
reporter watches."""


@pytest.fixture(autouse=True)
async def issue(api: Api) -> None:
    """Every test has alice's issue, which everybody can see."""
    await api.post(f"{OPEN}/issues", "alice", {"title": "Popular"})


async def _status(api: Api, method: str, mark: str, who: str | None, number: int = 1) -> int:
    return (await api(method, f"{OPEN}/issues/{number}/{mark}", who)).status


async def _count(api: Api, counter: str, number: int = 1) -> int:
    count: int = (await api.get(f"{OPEN}/issues/{number}"))[counter]
    return count


@MARKS
async def test_yes_is_204_and_no_is_404(api: Api, mark: str, counter: str, already: int) -> None:
    answer = await api("GET", f"{OPEN}/issues/1/{mark}", "bob")
    assert answer.status == 404
    assert answer.body["error"]["message"] == f"No {mark.capitalize()} matches the given query."
    assert await _status(api, "PUT", mark, "bob") == 204
    assert await _status(api, "GET", mark, "bob") == 204
    assert await _status(api, "GET", mark, "dora") == 404
    assert await _count(api, counter) == already + 1
    assert await _status(api, "DELETE", mark, "bob") == 204
    assert await _status(api, "GET", mark, "bob") == 404
    assert await _count(api, counter) == already


@MARKS
async def test_doing_it_twice_changes_nothing(
    api: Api, mark: str, counter: str, already: int
) -> None:
    for method, more in (("DELETE", 0), ("PUT", 1), ("PUT", 1), ("DELETE", 0), ("DELETE", 0)):
        assert await _status(api, method, mark, "bob") == 204
        assert await _count(api, counter) == already + more


@MARKS
async def test_no_body_is_needed_and_none_comes_back(
    api: Api, mark: str, counter: str, already: int
) -> None:
    path = f"{OPEN}/issues/1/{mark}"
    for method in ("PUT", "GET", "DELETE"):
        answer = await api(method, path, "bob", skip_auto_headers=["Content-Type"])
        assert (answer.status, answer.body) == (204, "")
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert (await api("PUT", path, "bob", json={"anything": 1})).status == 204


@MARKS
async def test_the_counter_is_right_whatever_happens_at_once(
    api: Api, mark: str, counter: str, already: int
) -> None:
    people = ("bob", "dora", "charlie")
    for method, more in (("PUT", len(people)), ("DELETE", 0)):
        statuses = await asyncio.gather(
            *(_status(api, method, mark, who) for who in people for _ in range(10))
        )
        assert set(statuses) == {204}
        assert await _count(api, counter) == already + more
    await asyncio.gather(
        *(_status(api, method, mark, who) for who in people for method in ("PUT", "DELETE") * 10)
    )
    [row] = await api.db.all(f"SELECT count(*) FROM {mark}")
    assert await _count(api, counter) == row[0]


@MARKS
async def test_it_is_no_update_of_the_issue_and_of_no_other_issue(
    api: Api, mark: str, counter: str, already: int
) -> None:
    await api.post(f"{OPEN}/issues", "alice", {"title": "Other"})
    before = await api.get(f"{OPEN}/issues/1")
    await _status(api, "PUT", mark, "bob")
    assert await api.get(f"{OPEN}/issues/1") == {**before, counter: already + 1}
    assert await _count(api, counter, 2) == already


@MARKS
async def test_it_goes_on_counting_what_an_archive_has_brought(
    api: Api, mark: str, counter: str, already: int
) -> None:
    await api.db.run(
        f"""INSERT INTO {mark} (tracker_id, issue_number, account_id)
            SELECT tracker_id, 1, (SELECT id FROM account WHERE username = 'eve') FROM issue"""
    )
    await api.db.run(f"UPDATE issue SET {counter} = {counter} + 1")
    await _status(api, "PUT", mark, "bob")
    assert await _count(api, counter) == already + 2
    await _status(api, "DELETE", mark, "bob")
    await _status(api, "DELETE", mark, "charlie")
    assert await _count(api, counter) == already + 1


@MARKS
async def test_strangers_take_part_where_everybody_can_see_and_nowhere_else(
    api: Api, mark: str, counter: str, already: int
) -> None:
    await api.post(f"{APP}/issues", "alice", {"title": "Private"})
    for method in ("PUT", "GET", "DELETE"):
        assert await _status(api, method, mark, "charlie") == 204
        assert (await api(method, f"{APP}/issues/1/{mark}", "charlie")).status == 404
        assert await _status(api, method, mark, None) == 401
    assert (await api.get(f"{APP}/issues/1", "alice"))[counter] == already


@MARKS
async def test_an_absent_issue_is_absent(api: Api, mark: str, counter: str, already: int) -> None:
    for method in ("PUT", "GET", "DELETE"):
        answer = await api(method, f"{OPEN}/issues/2/{mark}", "bob")
        assert answer.status == 404
        assert answer.body["error"]["message"] == "No Issue matches the given query."


@pytest.mark.parametrize(
    ("method", "scopes", "lacks"),
    [
        ("GET", ["account", "issue"], ["issue"]),
        ("GET", ["account", "issue"], ["account"]),
        ("PUT", ["account:write", "issue"], ["account", "issue:write"]),
        ("DELETE", ["account:write", "issue:write"], ["account:write", "issue"]),
    ],
)
@MARKS
async def test_a_token_needs_the_scopes_that_bitbucket_names(
    api: Api,
    mark: str,
    counter: str,
    already: int,
    method: str,
    scopes: list[str],
    lacks: list[str],
) -> None:
    await _status(api, "PUT", mark, "bob")
    for granted, status in ((scopes, 204), (lacks, 403)):
        token = await tokens.create(api.db, "bob", scopes=granted)
        headers = {"Authorization": f"Bearer {token}"}
        answer = await api(method, f"{OPEN}/issues/1/{mark}", headers=headers)
        assert answer.status == status
        if status == 403:
            assert answer.body["error"]["detail"]["required"] == scopes


@MARKS
async def test_nothing_is_counted_while_an_import_replaces_the_tracker(
    api: Api, mark: str, counter: str, already: int
) -> None:
    await start_import(api, "alice/open")
    for method in ("PUT", "DELETE"):
        assert await _status(api, method, mark, "alice") == 409
    assert await _count(api, counter) == already


async def test_whoever_comments_watches_from_then_on(api: Api) -> None:
    for text in ("one", "two"):
        await api.post(f"{OPEN}/issues/1/comments", "bob", {"content": text})
    assert await _status(api, "GET", "watch", "bob") == 204
    assert await _count(api, "watches") == 2
    await api.post(f"{OPEN}/issues/1/changes", "dora", {"message": "three"})
    assert await _count(api, "watches") == 3
    await api("PUT", f"{OPEN}/issues/1", "alice", json={"state": "closed"})
    await _status(api, "DELETE", "watch", "alice")
    await api("PUT", f"{OPEN}/issues/1", "alice", json={"state": "open"})
    assert await _status(api, "GET", "watch", "alice") == 404
