"""Comments in API 1.0."""

from typing import Any

import pytest

from tests.api_v1.test_issues import ISSUES, PRIVATE, create, edit
from tests.conftest import Api
from tests.rows import add_comment, start_import

COMMENTS = f"{ISSUES}/1/comments"
NO_COMMENT = {
    "error": {"message": "Not Found", "detail": "No IssueComment matches the given query."}
}


@pytest.fixture(autouse=True)
async def issue(api: Api) -> None:
    """Every test has bob's issue, which everybody can see."""
    await create(api)


async def say(api: Api, content: str = "I say", who: str = "dora") -> Any:
    """Post a comment as a form; the comment."""
    answer = await api("POST", COMMENTS, who, data={"content": content})
    assert answer.status == 200, answer
    return answer.body


async def test_a_comment_is_answered_and_found_again(api: Api) -> None:
    comment = await say(api, "a=b & ü\r\n課題 +%")
    assert comment["content"] == "a=b & ü\r\n課題 +%"
    assert comment["author_info"]["username"] == "dora"
    assert comment["utc_created_on"] == comment["utc_updated_on"]
    assert comment["is_spam"] is False
    assert await api.get(f"{COMMENTS}/{comment['comment_id']}") == comment
    assert await api.get(COMMENTS) == [comment]
    assert (await api.get(f"{ISSUES}/1"))["comment_count"] == 1


async def test_json_does_as_well(api: Api) -> None:
    sent = {"content": "I say", "comment_id": 99, "is_spam": True, "author_info": "alice"}
    answer = await api("POST", COMMENTS, "bob", json=sent)
    assert answer.status == 200
    assert answer.body["comment_id"] == 1
    assert answer.body["author_info"]["username"] == "bob"
    assert answer.body["is_spam"] is False


@pytest.mark.parametrize("asked", ["", "?sort=comment_id", "?sort=-nothing&limit=1&start=2"])
async def test_the_newest_is_first_whatever_is_asked_and_all_are_there(
    api: Api, asked: str
) -> None:
    for text in ("one", "two", "three"):
        await say(api, text)
    found = await api.get(f"{COMMENTS}{asked}")
    assert [comment["content"] for comment in found] == ["three", "two", "one"]


async def test_a_change_is_a_comment_without_content_and_nobody_may_have_written_one(
    api: Api,
) -> None:
    await edit(api, status="open")
    await add_comment(api, "alice/open", 1, 70, content="an archive's")
    imported, change = await api.get(COMMENTS)
    assert (imported["content"], imported["author_info"]) == ("an archive's", None)
    assert (change["content"], change["author_info"]["username"]) == (None, "bob")
    assert imported["utc_created_on"] == imported["utc_updated_on"] == "2013-04-25 15:39:39+00:00"
    assert (await api.get(f"{ISSUES}/1"))["comment_count"] == 2


async def test_an_edited_comment_says_when(api: Api) -> None:
    await add_comment(api, "alice/open", 1, 70, content="before")
    answer = await api("PUT", f"{COMMENTS}/70", "alice", data={"content": "after"})
    assert answer.status == 200
    comment = answer.body
    assert (comment["comment_id"], comment["content"]) == (70, "after")
    assert comment["utc_created_on"] == "2013-04-25 15:39:39+00:00"
    assert comment["utc_updated_on"] > comment["utc_created_on"]
    assert await api.get(COMMENTS) == [comment]


async def test_its_author_and_administrators_edit_and_delete_a_comment(api: Api) -> None:
    path = f"{COMMENTS}/{(await say(api))['comment_id']}"
    for who, status in ((None, 401), ("charlie", 403), ("bob", 403), ("reader", 403)):
        assert (await api("PUT", path, who, data={"content": "x"})).status == status
        assert (await api("DELETE", path, who)).status == status
    assert (await api.get(path))["content"] == "I say"
    for who in ("dora", "alice"):
        answer = await api("PUT", path, who, data={"content": f"{who}'s"})
        assert answer.body["content"] == f"{who}'s"
    answer = await api("DELETE", path, "dora")
    assert (answer.status, answer.body) == (204, "")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    for method in ("GET", "DELETE"):
        answer = await api(method, path, "dora")
        assert (answer.status, answer.body) == (404, NO_COMMENT)
    assert await api.get(COMMENTS) == []


async def test_of_a_change_only_the_text_goes(api: Api) -> None:
    await edit(api, status="open")
    [change] = await api.get(COMMENTS)
    path = f"{COMMENTS}/{change['comment_id']}"
    assert (await api("PUT", path, "bob", data={"content": "because"})).status == 200
    assert (await api("DELETE", path, "bob")).status == 204
    assert (await api.get(path))["content"] is None


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"content": ""},
        {"content": " \n"},
        {"content": None},
        {"content": 7},
        {"content": {"raw": "2.0"}},
        {"content": "a\0b"},
        {"comment": "content is the name"},
    ],
)
async def test_a_comment_says_something(api: Api, payload: dict[str, Any]) -> None:
    comment = await say(api)
    for method, path in (("POST", COMMENTS), ("PUT", f"{COMMENTS}/{comment['comment_id']}")):
        answer = await api(method, path, "dora", json=payload)
        assert answer.status == 400
        assert list(answer.body["error"]["fields"]) == ["content"]
    assert await api.get(COMMENTS) == [comment]


async def test_a_comment_belongs_to_its_issue(api: Api) -> None:
    comment = await say(api)
    await create(api)
    path = f"{ISSUES}/2/comments/{comment['comment_id']}"
    for method in ("GET", "PUT", "DELETE"):
        answer = await api(method, path, "alice", data={"content": "x"})
        assert (answer.status, answer.body) == (404, NO_COMMENT)
    assert await api.get(f"{ISSUES}/2/comments") == []


@pytest.mark.parametrize("number", ["0", "9", "9" * 18, "9" * 400])
async def test_an_absent_comment_is_absent(api: Api, number: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = await api(method, f"{COMMENTS}/{number}", "alice", data={"content": "x"})
        assert (answer.status, answer.body) == (404, NO_COMMENT)


async def test_what_is_absent_is_said_to_be_the_issue_where_that_is(api: Api) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = await api(method, f"{ISSUES}/9/comments/1", "alice", data={"content": "x"})
        assert answer.status == 404
        assert answer.body["error"]["detail"] == "No Issue matches the given query."


async def test_comments_count_in_their_own_tracker(api: Api) -> None:
    await create(api, PRIVATE)
    await add_comment(api, "alice/app", 1, 70, content="elsewhere")
    await say(api)
    await say(api)
    for issues, count in ((ISSUES, 2), (PRIVATE, 1)):
        [issue] = (await api.get(issues, "dora"))["issues"]
        assert issue["comment_count"] == count
        assert (await api.get(f"{issues}/1", "dora"))["comment_count"] == count


async def test_strangers_comment_where_everybody_can_see_and_nowhere_else(api: Api) -> None:
    assert (await say(api, who="charlie"))["author_info"]["username"] == "charlie"
    assert (await api("POST", COMMENTS, None, data={"content": "x"})).status == 401
    await create(api, PRIVATE)
    for method in ("GET", "POST"):
        answer = await api(method, f"{PRIVATE}/1/comments", "charlie", data={"content": "x"})
        assert answer.status == 404
    assert await api.get(f"{PRIVATE}/1/comments", "dora") == []


async def test_nothing_is_said_while_an_import_replaces_the_tracker(api: Api) -> None:
    comment = await say(api)
    await start_import(api, "alice/open")
    path = f"{COMMENTS}/{comment['comment_id']}"
    for method, where in (("POST", COMMENTS), ("PUT", path), ("DELETE", path)):
        assert (await api(method, where, "dora", data={"content": "x"})).status == 409
    assert await api.get(COMMENTS) == [comment]
