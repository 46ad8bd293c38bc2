"""Old comments of an archive, as the API shows them."""

from pathlib import Path
from typing import Any

from tests.archives import comment, issue, log, sample
from tests.conftest import Api
from tests.jobs.working import APP, archive, issues, take


def old_tracker() -> dict[str, Any]:
    """Comments before and after the switch to markdown, one of them a change without a text."""
    first = (
        "Could //anyone// apply [[http://b.example/p|this]], see #1?\r\n{{{\r\n#!python\r\nx\r\n}}}"
    )
    return sample(
        issues=[issue(1, content="**body**", created_on="2012-08-03T20:00:00+00:00")],
        comments=[
            comment(1, content=first, created_on="2012-08-03T21:01:42.111324+00:00"),
            comment(2, content=None, created_on="2012-10-08T17:31:08.499343+00:00"),
            comment(3, content="**now** `markdown`", created_on="2012-10-09T18:26:05.387955+00:00"),
        ],
        logs=[log(1), log(2)],
        attachments=[],
    )


async def test_old_comments_and_messages_are_shown_as_creole(pail: Api, tmp_path: Path) -> None:
    assert (await take(pail, archive(tmp_path, old_tracker())))["status"] == "SUCCESS"
    one, two, three = (await pail.get(issues(APP, "/1/comments"), "alice"))["values"]
    assert one["content"]["markup"] == "creole"
    html = one["content"]["html"]
    assert html.startswith(
        '<p>Could <em>anyone</em> apply <a href="http://b.example/p" rel="nofollow">this</a>, see'
    )
    assert html.endswith(
        '?</p>\n<div class="codehilite highlight"><pre><span></span><span class="n">x</span>\n'
        "</pre></div>\n\n"
    )
    assert two["content"] == {"type": "rendered", "raw": None, "markup": "creole", "html": ""}
    assert three["content"]["markup"] == "markdown"
    assert three["content"]["html"] == "<p><strong>now</strong> <code>markdown</code></p>"
    body = (await pail.get(issues(APP, "/1"), "alice"))["content"]
    assert (body["markup"], body["html"]) == ("markdown", "<p><strong>body</strong></p>")
    messages = (await pail.get(issues(APP, "/1/changes"), "alice"))["values"]
    assert {change["id"]: change["message"] for change in messages} == {
        1: one["content"],
        2: two["content"],
    }


async def test_what_is_edited_keeps_its_markup_and_what_is_new_is_markdown(
    pail: Api, tmp_path: Path
) -> None:
    await take(pail, archive(tmp_path, old_tracker()))
    place = issues(APP, "/1/comments")
    await pail("PUT", f"{place}/1", "alice", json={"content": {"raw": "//new//"}})
    edited = (await pail.get(f"{place}/1", "alice"))["content"]
    assert (edited["markup"], edited["html"]) == ("creole", "<p><em>new</em></p>\n")
    added = (await pail.post(place, "alice", {"content": {"raw": "{{{\na\n}}}"}}))["content"]
    assert added["markup"] == "markdown"
