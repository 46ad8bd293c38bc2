"""Comments: .../issues/{issue_id}/comments and .../comments/{comment_id}."""

import asyncio

import pytest

from service.http import keys
from tests.conftest import APP, OPEN, Api
from tests.rows import add_comment
from tracker.access import repositories

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


async def test_an_edited_comment_says_when(api: Api) -> None:
    comment = await api.post(COMMENTS, "bob", {"content": {"raw": "*a*", "markup": "creole"}})
    path = f"{COMMENTS}/{comment['id']}"
    answer = await api("PUT", path, "bob", json={"content": {"raw": "**b**"}})
    assert answer.status == 200
    edited = answer.body
    assert edited["content"]["raw"] == "**b**"
    assert edited["content"]["markup"] == "creole"
    assert "<strong>b</strong>" in edited["content"]["html"]
    changed = {"content": edited["content"], "updated_on": edited["updated_on"]}
    assert edited == {**comment, **changed}
    assert await api.get(path) == edited
    issue = await api.get(f"{OPEN}/issues/1")
    assert issue["updated_on"] == edited["updated_on"] > comment["created_on"]


async def test_the_same_text_again_is_no_edit(api: Api) -> None:
    comment = await api.post(COMMENTS, "bob", {"content": "same"})
    path = f"{COMMENTS}/{comment['id']}"
    assert (await api("PUT", path, "bob", json={"content": "same"})).body == comment
    assert (await api.get(f"{OPEN}/issues/1"))["updated_on"] == comment["created_on"]


async def test_the_html_of_a_comment_goes_with_its_text(api: Api) -> None:
    comment = await api.post(COMMENTS, "bob", {"content": "old"})
    path = f"{COMMENTS}/{comment['id']}"
    await api.app[keys.CONTENTS].close()
    [row] = await api.db.all("SELECT content_html FROM comment")
    assert "old" in row["content_html"]
    await api("PUT", path, "bob", json={"content": "fresh"})
    assert "fresh" in (await api.get(path))["content"]["html"]


async def test_a_deleted_comment_is_gone(api: Api) -> None:
    comment = await api.post(COMMENTS, "bob", {"content": "regretted"})
    path = f"{COMMENTS}/{comment['id']}"
    answer = await api("DELETE", path, "bob")
    assert (answer.status, answer.body) == (204, "")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    for method in ("GET", "PUT", "DELETE"):
        again = await api(method, path, "bob", json={"content": "x"})
        assert again.status == 404
        assert again.body["error"]["message"] == "No IssueComment matches the given query."
    assert (await api.get(COMMENTS))["size"] == 0
    assert (await api.get(f"{OPEN}/issues/1"))["updated_on"] > comment["created_on"]


async def test_the_id_of_a_deleted_comment_is_not_used_again(api: Api) -> None:
    first = await api.post(COMMENTS, "bob", {"content": "one"})
    await api("DELETE", f"{COMMENTS}/{first['id']}", "bob")
    second = await api.post(COMMENTS, "bob", {"content": "two"})
    assert second["id"] > first["id"]


@pytest.mark.parametrize(
    ("author", "who", "allowed"),
    [
        ("charlie", "charlie", True),
        ("charlie", "alice", True),
        ("charlie", "bob", False),
        ("charlie", "dora", False),
        ("bob", "charlie", False),
        (None, "bob", False),
        (None, "alice", True),
    ],
)
async def test_a_comment_is_its_authors_and_the_administrators(
    api: Api, author: str | None, who: str, allowed: bool
) -> None:
    await add_comment(api, "alice/open", 1, 5, content="an archive's")
    comment_id = (await api.post(COMMENTS, author, {"content": "mine"}))["id"] if author else 5
    path = f"{COMMENTS}/{comment_id}"
    before = await api.get(path)
    put = await api("PUT", path, who, json={"content": "theirs"})
    assert put.status == (200 if allowed else 403)
    if not allowed:
        assert await api.get(path) == before
    assert (await api("DELETE", path, who)).status == (204 if allowed else 403)
    assert (await api("GET", path)).status == (404 if allowed else 200)


async def test_who_may_see_the_repository_no_more_can_not_touch_what_he_said(api: Api) -> None:
    await api.post(f"{APP}/issues", "alice", {"title": "Private"})
    comment = await api.post(f"{APP}/issues/1/comments", "dora", {"content": "mine"})
    path = f"{APP}/issues/1/comments/{comment['id']}"
    await repositories.set_member(api.db, await api.repository("alice/app"), "dora", None)
    for method in ("PUT", "DELETE"):
        assert (await api(method, path, "dora", json={"content": "x"})).status == 404
    assert await api.get(path, "alice") == comment


async def test_only_the_text_of_a_comment_that_carries_a_change_can_be_deleted(api: Api) -> None:
    payload = {"changes": {"state": "closed"}, "message": "regretted"}
    change = await api.post(f"{OPEN}/issues/1/changes", "bob", payload)
    path = f"{COMMENTS}/{change['id']}"
    assert (await api("PUT", path, "bob", json={"content": "reworded"})).status == 200
    told = f"{OPEN}/issues/1/changes/{change['id']}"
    assert (await api.get(told))["message"]["raw"] == "reworded"
    for _ in range(2):
        assert (await api("DELETE", path, "bob")).status == 204
        comment = await api.get(path)
        assert (comment["content"]["raw"], comment["content"]["html"]) == (None, "")
    left = await api.get(told)
    assert (left["changes"], left["message"]["raw"]) == (change["changes"], None)
    assert (await api.get(f"{OPEN}/issues/1"))["state"] == "closed"


@pytest.mark.parametrize("payload", [{}, {"content": None}, {"content": {"raw": 1}}, {"raw": "x"}])
async def test_an_edit_needs_a_text(api: Api, payload: object) -> None:
    comment = await api.post(COMMENTS, "bob", {"content": "kept"})
    path = f"{COMMENTS}/{comment['id']}"
    answer = await api("PUT", path, "bob", json=payload)
    assert answer.status == 400
    [field] = answer.body["error"]["fields"]
    assert field.startswith("content")
    assert await api.get(path) == comment


async def test_an_edit_alters_the_text_and_nothing_else(api: Api) -> None:
    comment = await api.post(COMMENTS, "bob", {"content": "old"})
    path = f"{COMMENTS}/{comment['id']}"
    sent = {**comment, "id": 9, "user": {"username": "alice"}, "created_on": "x", "content": "new"}
    edited = (await api("PUT", path, "bob", json=sent)).body
    assert {name for name in comment if edited[name] != comment[name]} == {"content", "updated_on"}


async def test_an_id_is_never_given_twice_whatever_was_removed(api: Api) -> None:
    await api.post(f"{OPEN}/issues", "alice", {"title": "one"})
    await api.post(f"{OPEN}/issues", "alice", {"title": "two"})
    await add_comment(api, "alice/open", 1, 55_619_497, content="imported")
    seen = [55_619_497]
    assert (await api("DELETE", f"{OPEN}/issues/1/comments/55619497", "alice")).status == 204
    for number in (1, 2, 2):
        made = await api.post(f"{OPEN}/issues/{number}/comments", "bob", {"content": "c"})
        seen.append(made["id"])
        if number == 1:
            assert (await api("DELETE", f"{OPEN}/issues/1", "alice")).status == 200
        else:
            url = f"{OPEN}/issues/2/comments/{made['id']}"
            assert (await api("DELETE", url, "bob")).status == 204
    assert seen == sorted(set(seen))


@pytest.mark.parametrize("content", ["", " \n\t", {"raw": ""}])
async def test_a_comment_says_something(api: Api, content: object) -> None:
    await api.post(f"{OPEN}/issues", "bob", {"title": "t"})
    answer = await api("POST", f"{OPEN}/issues/1/comments", "bob", json={"content": content})
    assert answer.status == 400
    assert list(answer.body["error"]["fields"]) == ["content.raw"]
