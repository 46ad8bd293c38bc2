"""A client library for Bitbucket's API 1.0, as its users install it, against a real `pail up`.

It is bitbucket-api, of 2014; nothing but its address is ours. Each of its methods returns whether
it went well, and the JSON; of an error it only tells the class. docs/clients.md tells about the
clients that were tried by hand.
"""

from typing import Any

import pytest
from bitbucket.bitbucket import Bitbucket

from tests.conftest import World
from tests.running import test_up

pytestmark = test_up.pytestmark

REFUSED = (False, "Service not found.")
"""What it says of every status from 400 to 499."""


@pytest.fixture
def alice(url: str, world: World) -> Bitbucket:
    """Alice's client; it takes her name for that of the workspace, too."""
    return signed_in(url, world.tokens["alice"])


@pytest.fixture
def issue(alice: Bitbucket) -> dict[str, Any]:
    return done(alice.issue.create(title="Printer on fire", content="It *burns*.", kind="task"))


def signed_in(url: str, token: str, repository: str = "app") -> Bitbucket:
    """A client that asks for alice's repository."""
    client = Bitbucket("alice", token, repository)
    client.URLS["BASE"] = f"{url}/!api/1.0/%s"
    return client


def done(answer: tuple[bool, Any]) -> Any:
    """The JSON of a call that went well."""
    success, result = answer
    assert success, result
    return result


def test_it_creates_an_issue_and_reads_it_again(alice: Bitbucket, issue: dict[str, Any]) -> None:
    read = done(alice.issue.get(issue["local_id"]))
    assert read == issue
    assert (read["title"], read["content"]) == ("Printer on fire", "It *burns*.")
    assert (read["status"], read["metadata"]["kind"]) == ("new", "task")
    assert read["reported_by"]["username"] == "alice"
    assert "responsible" not in read


def test_it_creates_an_issue_with_all_that_a_form_can_say(alice: Bitbucket) -> None:
    made = done(
        alice.issue.create(
            title="Grüße & Co. = 100 %",
            content="One\r\ntwo + three",
            responsible=alice.username,
            status="on hold",
            kind="proposal",
            priority="blocker",
        )
    )
    assert (made["title"], made["content"]) == ("Grüße & Co. = 100 %", "One\r\ntwo + three")
    assert made["responsible"]["username"] == "alice"
    assert (made["status"], made["priority"]) == ("on hold", "blocker")


def test_it_lists_with_filters_and_an_order(alice: Bitbucket) -> None:
    priorities = ["major", "trivial", "blocker"]
    made = [
        done(alice.issue.create(title=f"Sorted {name}", priority=name))["local_id"]
        for name in priorities
    ]
    params = {
        "title": "~sorted",
        "kind": "!task",
        "priority": ["major", "blocker"],
        "sort": "-priority",
    }
    found = done(alice.issue.all(params=params))
    assert found["count"] == 2
    assert [issue["local_id"] for issue in found["issues"]] == [made[2], made[0]]
    assert found["filter"] == {
        "title": [["~", "sorted"]],
        "kind": [["!", "task"]],
        "priority": [["", "major"], ["", "blocker"]],
    }


def test_it_counts_and_searches(alice: Bitbucket) -> None:
    done(alice.issue.create(title="The paper tray", content="is empty"))
    found = done(alice.issue.all(params={"search": "empty tray", "limit": 0}))
    assert (found["count"], found["search"], found["issues"]) == (1, "empty tray", [])


def test_it_updates_an_issue(alice: Bitbucket, issue: dict[str, Any]) -> None:
    number = issue["local_id"]
    updated = done(alice.issue.update(number, status="resolved", content="It smokes."))
    assert done(alice.issue.get(number)) == updated
    assert (updated["status"], updated["content"]) == ("resolved", "It smokes.")
    assert updated["title"] == issue["title"]


def test_it_comments_reads_edits_and_deletes_a_comment(
    alice: Bitbucket, issue: dict[str, Any]
) -> None:
    number = issue["local_id"]
    done(alice.issue.comment.create(number, content="Bring water"))
    made = done(alice.issue.comment.create(number, content="Bring sand"))
    key = made["comment_id"]
    assert [comment["content"] for comment in done(alice.issue.comment.all(number))] == [
        "Bring sand",
        "Bring water",
    ]
    assert done(alice.issue.comment.get(key, number)) == made
    edited = done(alice.issue.comment.update(key, number, content="Bring foam"))
    assert (edited["comment_id"], edited["content"]) == (key, "Bring foam")
    assert done(alice.issue.comment.delete(key, number)) == ""
    assert alice.issue.comment.get(key, number) == REFUSED


def test_it_deletes_an_issue(alice: Bitbucket, issue: dict[str, Any]) -> None:
    assert done(alice.issue.delete(issue["local_id"])) == ""
    assert alice.issue.get(issue["local_id"]) == REFUSED


def test_it_is_told_that_a_title_is_needed(alice: Bitbucket) -> None:
    assert alice.issue.create(content="Nothing else") == REFUSED


def test_it_reads_the_tracker_of_a_public_repository_without_a_password(url: str) -> None:
    nobody = signed_in(url, "", "open")
    nobody.username = ""
    answer = nobody.dispatch("GET", nobody.url("GET_ISSUES", username="alice", repo_slug="open"))
    assert done(answer)["count"] == 0


def test_it_knows_its_user_and_the_repositories(alice: Bitbucket) -> None:
    assert done(alice.get_user())["username"] == "alice"
    assert {repository["slug"] for repository in done(alice.repository.all())} == {"app", "open"}
    assert [repository["slug"] for repository in done(alice.repository.public())] == ["open"]
    repository = done(alice.repository.get())
    assert (repository["slug"], repository["is_private"]) == ("app", True)
    assert repository["has_issues"]


@pytest.mark.parametrize("token", ["", "pail_wrong"])
def test_it_is_refused_without_a_token(url: str, token: str) -> None:
    assert signed_in(url, token).issue.all() == REFUSED


def test_its_oauth_is_refused_with_an_answer_that_it_understands(alice: Bitbucket) -> None:
    done_so, said = alice.authorize("key", "secret", "http://127.0.0.1/")
    assert not done_so
    assert b"OAuth 1.0a is not served" in said
    alice.finalize_oauth("token", "secret")
    assert alice.issue.all() == REFUSED
