"""GET .../issues/{issue_id}/changes and .../changes/{change_id}."""

import pytest

from tests.conftest import OPEN, Api
from tests.rows import TIME, add_comment

CHANGES = f"{OPEN}/issues/1/changes"


@pytest.fixture(autouse=True)
async def issue(api: Api) -> None:
    """Every test has an issue that was changed."""
    await api.post(f"{OPEN}/issues", "alice", {"title": "Altered"})


async def test_the_log_rows_of_one_comment_are_one_change_in_the_apis_words(api: Api) -> None:
    await add_comment(
        api,
        "alice/open",
        1,
        12,
        content="It is **done**",
        logs=[
            ("status", "new", "resolved"),
            ("responsible", "", "kevin"),
            ("responsible_account_id", "", "557058:a"),
            ("milestone", "None", "M1"),
            ("title", "None", "Some"),
        ],
    )
    change = await api.get(f"{CHANGES}/12")
    assert change == {
        "type": "issue_change",
        "id": 12,
        "issue": (await api.get(f"{OPEN}/issues/1/comments/12"))["issue"],
        "changes": {
            "state": {"old": "new", "new": "resolved"},
            "assignee": {"old": "", "new": "kevin"},
            "assignee_account_id": {"old": "", "new": "557058:a"},
            "milestone": {"old": "", "new": "M1"},
            "title": {"old": "None", "new": "Some"},
        },
        "message": {
            "type": "rendered",
            "raw": "It is **done**",
            "markup": "markdown",
            "html": "<p>It is <strong>done</strong></p>",
        },
        "user": None,
        "created_on": TIME,
        "links": {
            "self": {"href": f"{api.url}{CHANGES}/12"},
            "html": {"href": f"{api.url}/alice/open/issues/1#comment-12"},
        },
    }
    assert (await api.get(CHANGES))["values"] == [change]


async def test_a_change_without_a_message_has_a_null_text(api: Api) -> None:
    await add_comment(api, "alice/open", 1, 12, logs=[("kind", "bug", "task")])
    message = (await api.get(f"{CHANGES}/12"))["message"]
    assert message == {"type": "rendered", "raw": None, "markup": "markdown", "html": ""}


async def test_where_an_attachment_lay_is_not_told(api: Api) -> None:
    path = "/ws/slug/issue-attachment/344/ws/slug/1338291898.18/344/config.log"
    await add_comment(api, "alice/open", 1, 12, logs=[("attachment", path, "config.log")])
    changes = (await api.get(f"{CHANGES}/12"))["changes"]
    assert changes == {"attachment": {"old": None, "new": "config.log"}}


async def test_a_missing_value_is_an_empty_string(api: Api) -> None:
    logs = [("component", None, "UI"), ("version", "1.0", "None"), ("assignee", "None", None)]
    await add_comment(api, "alice/open", 1, 12, logs=logs)
    assert (await api.get(f"{CHANGES}/12"))["changes"] == {
        "component": {"old": "", "new": "UI"},
        "version": {"old": "1.0", "new": ""},
        "assignee": {"old": "", "new": ""},
    }


async def test_changes_are_listed_from_the_oldest_and_counted_as_changes(api: Api) -> None:
    for comment_id in (30, 10, 20):
        logs = [("state", "new", "open"), ("kind", "bug", "task")]
        await add_comment(api, "alice/open", 1, comment_id, logs=logs)
    await add_comment(api, "alice/open", 1, 15, content="no change")
    first = await api.get(f"{CHANGES}?pagelen=2")
    assert [change["id"] for change in first["values"]] == [10, 20]
    assert first["size"] == 3
    second = await api.get(first["next"].removeprefix(api.url))
    assert [change["id"] for change in second["values"]] == [30]
    assert "next" not in second


async def test_a_comment_without_log_rows_is_no_change(api: Api) -> None:
    comment = await api.post(f"{OPEN}/issues/1/comments", "bob", {"content": "x"})
    answer = await api("GET", f"{CHANGES}/{comment['id']}")
    assert answer.status == 404
    assert answer.body["error"]["message"] == "No IssueChange matches the given query."


async def test_a_change_of_another_issue_is_not_here(api: Api) -> None:
    await api.post(f"{OPEN}/issues", "alice", {"title": "Other"})
    await add_comment(api, "alice/open", 1, 12, logs=[("kind", "bug", "task")])
    assert (await api("GET", f"{OPEN}/issues/2/changes/12")).status == 404
    assert (await api("GET", f"{OPEN}/issues/3/changes")).status == 404
    assert (await api.get(f"{OPEN}/issues/2/changes"))["size"] == 0
