"""Comments: .../issues/{issue_id}/comments and .../comments/{comment_id}."""

import asyncio

import pytest

from tests.conftest import APP, OPEN, Api
from tests.rows import add_comment

COMMENTS = f"{OPEN}/issues/1/comments"


@pytest.fixture(autouse=True)
async def issue(api: Api) -> None:
    """Every test has an issue to talk about."""
    await api.post(f"{OPEN}/issues", "alice", {"title": "Talk"})


async def test_a_comment_is_answered_with_its_address(api: Api) -> None:
    answer = await api("POST", COMMENTS, "bob", json={"content": {"raw": "Yes **it** is"}})
    assert answer.status == 201
    comment = answer.body
    number = comment["id"]
    url = f"{api.url}{COMMENTS}/{number}"
    assert answer.headers["Location"] == url
    assert comment["links"] == {
        "self": {"href": url},
        "html": {"href": f"{api.url}/alice/open/issues/1#comment-{number}"},
    }
    assert comment["content"] == {
        "type": "rendered",
        "raw": "Yes **it** is",
        "markup": "markdown",
        "html": "<p>Yes <strong>it</strong> is</p>",
    }
    assert comment["user"]["nickname"] == "bob"
    assert comment["updated_on"] is None
    assert set(comment["issue"]) == {"type", "id", "title", "repository", "links"}
    assert (comment["issue"]["id"], comment["issue"]["title"]) == (1, "Talk")
    assert await api.get(f"{COMMENTS}/{number}") == comment
    assert (await api.get(COMMENTS))["values"] == [comment]


async def test_comments_are_listed_from_the_oldest(api: Api) -> None:
    for text in ("one", "two", "three"):
        await api.post(COMMENTS, "charlie", {"content": {"raw": text}})
    page = await api.get(COMMENTS)
    assert [comment["content"]["raw"] for comment in page["values"]] == ["one", "two", "three"]
    assert page["size"] == 3


async def test_a_comment_is_the_issues_newest_update(api: Api) -> None:
    before = (await api.get(f"{OPEN}/issues/1"))["updated_on"]
    comment = await api.post(COMMENTS, "bob", {"content": "bump"})
    assert (await api.get(f"{OPEN}/issues/1"))["updated_on"] == comment["created_on"] > before


async def test_a_new_comment_goes_above_every_id_that_was_imported(api: Api) -> None:
    await add_comment(api, "alice/open", 1, 55_619_497, content="old")
    first = await api.post(COMMENTS, "bob", {"content": "new"})
    second = await api.post(COMMENTS, "bob", {"content": "newer"})
    assert (first["id"], second["id"]) == (55_619_498, 55_619_499)


async def test_many_comments_at_once_get_different_ids(api: Api) -> None:
    made = await asyncio.gather(
        *(api.post(COMMENTS, "bob", {"content": f"{n}"}) for n in range(40))
    )
    assert len({comment["id"] for comment in made}) == 40
    assert (await api.get(COMMENTS))["size"] == 40


async def test_a_comment_that_only_carries_a_change_has_no_text(api: Api) -> None:
    await add_comment(api, "alice/open", 1, 5, content=None, logs=[("status", "new", "open")])
    comment = await api.get(f"{COMMENTS}/5")
    assert comment["content"] == {
        "type": "rendered",
        "raw": None,
        "markup": "markdown",
        "html": "",
    }
    assert comment["user"] is None


async def test_a_comment_of_another_issue_or_repository_is_not_here(api: Api) -> None:
    await api.post(f"{OPEN}/issues", "alice", {"title": "Other"})
    await api.post(f"{APP}/issues", "alice", {"title": "Private"})
    comment = await api.post(COMMENTS, "bob", {"content": "mine"})
    for path, who in ((f"{OPEN}/issues/2", None), (f"{APP}/issues/1", "bob")):
        answer = await api("GET", f"{path}/comments/{comment['id']}", who)
        assert answer.status == 404
        assert answer.body["error"]["message"] == "No IssueComment matches the given query."


async def test_comments_of_an_absent_issue_are_absent(api: Api) -> None:
    for method, payload in (("GET", None), ("POST", {"content": "x"})):
        answer = await api(method, f"{OPEN}/issues/2/comments", "bob", json=payload)
        assert answer.status == 404
        assert answer.body["error"]["message"] == "No Issue matches the given query."


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"content": None},
        {"content": 1},
        {"content": []},
        {"content": {}},
        {"content": {"raw": None}},
        {"content": {"raw": 1}},
        {"content": {"raw": {}}},
        {"content": {"raw": "a\0"}},
        {"content": {"raw": "x", "markup": "rst"}},
        {"raw": "x"},
    ],
    ids=repr,
)
async def test_a_comment_needs_a_text(api: Api, payload: object) -> None:
    answer = await api("POST", COMMENTS, "bob", json=payload)
    assert answer.status == 400
    [field] = answer.body["error"]["fields"]
    assert field.startswith("content")
    assert (await api.get(COMMENTS))["size"] == 0


async def test_what_only_the_server_decides_is_ignored(api: Api) -> None:
    sent = {
        "content": {"raw": "x"},
        "id": 9,
        "user": {"username": "alice"},
        "created_on": "2001-01-01T00:00:00+00:00",
        "issue": {"id": 2},
        "deleted": True,
    }
    comment = await api.post(COMMENTS, "bob", sent)
    assert comment["id"] != 9
    assert comment["user"]["nickname"] == "bob"
    assert comment["created_on"] > "2020"
    assert comment["issue"]["id"] == 1
