"""A client library for Bitbucket Cloud, as its users install it, against a real `pail up`.

It is atlassian-python-api; nothing but its address is ours. It has classes for issues and lists;
for the rest its users call get, post, put and delete on the client itself. docs/clients.md tells
about the clients that were tried by hand.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from atlassian.bitbucket import Cloud
from atlassian.bitbucket.cloud.repositories.issues import Issue, Issues
from requests import HTTPError

from tests.conftest import World
from tests.running import test_up

pytestmark = test_up.pytestmark

NAME = "Grüße aus dem Büro.txt"
BYTES = b"\x00\x01 not text \xff"


@pytest.fixture
def cloud(url: str, world: World) -> Iterator[Cloud]:
    with Cloud(url=url, username="alice", password=world.tokens["alice"]) as client:
        yield client


@pytest.fixture
def issues(cloud: Cloud) -> Issues:
    return cloud.repositories.get("alice", "app").issues


@pytest.fixture
def issue(issues: Issues) -> Issue:
    return issues.create("Printer on fire", "It *burns*.", "bug", "critical")


def path(issue: Issue, rest: str) -> str:
    """What hangs on an issue, from the client's address on."""
    return f"repositories/alice/app/issues/{issue.id}/{rest}"


def refused(error: pytest.ExceptionInfo[HTTPError]) -> tuple[int, str]:
    """The status, and what the client tells its user."""
    response = error.value.response
    assert response is not None
    return response.status_code, str(error.value)


@pytest.mark.parametrize("user", ["alice", "alice@example.org", "x-token-auth"])
def test_it_signs_in_with_a_token_as_the_password(url: str, world: World, user: str) -> None:
    with Cloud(url=url, username=user, password=world.tokens["alice"]) as client:
        assert client.get("user")["nickname"] == "alice"


def test_it_signs_in_with_a_bearer_token(url: str, world: World) -> None:
    with Cloud(url=url, token=world.tokens["alice"]) as client:
        assert client.get("user")["nickname"] == "alice"


def test_it_is_told_that_a_token_is_wrong(url: str) -> None:
    with (
        Cloud(url=url, username="alice", password="pail_wrong") as client,
        pytest.raises(HTTPError) as error,
    ):
        client.get("user")
    assert refused(error)[0] == 401


def test_it_finds_workspaces_and_repositories(cloud: Cloud) -> None:
    assert [workspace.slug for workspace in cloud.workspaces.each()] == ["alice"]
    workspace = cloud.workspaces.get("alice")
    assert {repository.slug for repository in workspace.repositories.each()} == {"app", "open"}
    assert cloud.repositories.get("alice", "app").is_private


def test_it_creates_an_issue_and_reads_it_again(issues: Issues, issue: Issue) -> None:
    read = issues.get(issue.id)
    assert (read.title, read.kind, read.priority) == ("Printer on fire", "bug", "critical")
    assert (read.state, read.votes, read.edited_on) == ("new", 0, None)
    assert read.content["html"] == "<p>It <em>burns</em>.</p>"
    assert read.created_on == issue.created_on
    assert read.created_on is not None


def test_it_lists_with_a_filter_and_an_order(issues: Issues) -> None:
    priorities = ["major", "trivial", "blocker"]
    made = [issues.create(f"Sorted {name}", "", "task", name).id for name in priorities]
    q = 'title ~ "sorted" AND kind = "task" AND priority >= "major"'
    assert [found.id for found in issues.each(q=q, sort="-priority")] == [made[2], made[0]]


def test_it_updates_an_issue(issues: Issues, issue: Issue) -> None:
    issue.state = "open"
    issue.update(title="Printer put out", content={"raw": "It smokes."}, kind="task")
    read = issues.get(issue.id)
    assert (read.state, read.title, read.kind) == ("open", "Printer put out", "task")
    assert read.content["raw"] == "It smokes."
    assert read.edited_on == issue.edited_on
    assert read.edited_on is not None


def test_it_comments_and_reads_the_comments(cloud: Cloud, issue: Issue) -> None:
    made = cloud.post(path(issue, "comments"), data={"content": {"raw": "Bring water"}})
    comments = cloud.get(path(issue, "comments"), params={"sort": "-created_on"})
    assert [(comment["id"], comment["content"]["raw"]) for comment in comments["values"]] == [
        (made["id"], "Bring water")
    ]


def test_it_changes_the_state_with_a_message(cloud: Cloud, issues: Issues, issue: Issue) -> None:
    data = {"changes": {"state": {"new": "resolved"}}, "message": {"raw": "Cooled down"}}
    change = cloud.post(path(issue, "changes"), data=data)
    assert change["changes"]["state"] == {"old": "new", "new": "resolved"}
    assert issues.get(issue.id).state == "resolved"


def test_it_attaches_a_file_and_reads_it_back(cloud: Cloud, issue: Issue) -> None:
    # Its usual headers say JSON, whatever is sent; these are the ones that it uploads with.
    sent = {"files": (NAME, BYTES)}
    cloud.post(path(issue, "attachments"), files=sent, headers=cloud.no_check_headers)
    [attachment] = cloud.get(path(issue, "attachments"))["values"]
    assert attachment["name"] == NAME
    [link] = attachment["links"]["self"]["href"]
    assert cloud.get(link, absolute=True, not_json_response=True) == BYTES
    cloud.delete(path(issue, f"attachments/{NAME}"))
    assert cloud.get(path(issue, "attachments"))["values"] == []


@pytest.mark.parametrize(("mark", "count"), [("vote", "votes"), ("watch", "watches")])
def test_it_votes_and_watches(cloud: Cloud, issues: Issues, mark: str, count: str) -> None:
    marked = issues.create("Marked", "", "bug", "major")
    cloud.delete(path(marked, mark))
    assert issues.get(marked.id).get_data(count) == 0
    cloud.put(path(marked, mark))
    cloud.get(path(marked, mark))
    assert issues.get(marked.id).get_data(count) == 1
    cloud.delete(path(marked, mark))
    with pytest.raises(HTTPError) as error:
        cloud.get(path(marked, mark))
    assert refused(error)[0] == 404


def test_it_deletes_an_issue(issues: Issues, issue: Issue) -> None:
    deleted: Any = issue.delete()
    assert deleted["id"] == issue.id
    with pytest.raises(HTTPError) as error:
        issues.get(issue.id)
    assert refused(error) == (404, "No Issue matches the given query.")


def test_it_is_told_what_is_wrong_with_an_issue(issues: Issues) -> None:
    with pytest.raises(HTTPError) as error:
        issues.create("x" * 256, "", "bug", "major")
    status, said = refused(error)
    assert status == 400
    assert said.startswith("title: Ensure this value has at most 255 characters")


def test_it_walks_through_120_issues(issues: Issues) -> None:
    titles = [f"Page {number:03}" for number in range(120)]
    for title in titles:
        issues.create(title, "", "bug", "major")
    found = [issue.title for issue in issues.each(q='title ~ "page "', sort="title")]
    assert found == titles
