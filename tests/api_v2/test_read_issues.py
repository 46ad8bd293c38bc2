"""GET /2.0/repositories/{workspace}/{repo_slug}/issues and .../issues/{issue_id}."""

import sqlite3
from contextlib import closing

import pytest

from service.http import keys
from tests.conftest import APP, OPEN, Api
from tests.rows import add_comment
from tracker import contents
from tracker.access.rights import ANONYMOUS
from tracker.settings import Settings

ISSUE_KEYS = {
    "assignee", "component", "content", "created_on", "edited_on", "id", "kind", "links",
    "milestone", "priority", "reporter", "repository", "state", "title", "type", "updated_on",
    "version", "votes", "watches",
}  # fmt: skip


async def test_an_issue_has_every_key_and_each_link_leads_to_where_it_is(api: Api) -> None:
    await api.post(f"{OPEN}/issues", "alice", {"title": 'Add "How to use" section'})
    issue = await api.get(f"{OPEN}/issues/1")
    assert set(issue) == ISSUE_KEYS
    url = f"{api.url}{OPEN}/issues/1"
    page = f"{api.url}/alice/open/issues/1/add-how-to-use-section"
    assert issue["links"] == {
        "self": {"href": url},
        "html": {"href": page},
        "comments": {"href": f"{url}/comments"},
        "attachments": {"href": f"{url}/attachments"},
        "watch": {"href": f"{url}/watch"},
        "vote": {"href": f"{url}/vote"},
    }
    repository = await api.repository("alice/open")
    assert issue["repository"] == {
        "type": "repository",
        "name": "open",
        "full_name": "alice/open",
        "uuid": repository.uuid,
        "links": {
            "self": {"href": f"{api.url}{OPEN}"},
            "html": {"href": f"{api.url}/alice/open"},
            "avatar": {"href": f"{api.url}/avatar/%7B{repository.uuid[1:-1]}%7D.svg"},
        },
    }
    reporter = issue["reporter"]
    assert set(reporter) == {"type", "display_name", "uuid", "account_id", "nickname", "links"}
    quoted = f"%7B{reporter['uuid'][1:-1]}%7D"
    assert reporter["links"] == {
        "self": {"href": f"{api.url}/2.0/users/{quoted}"},
        "html": {"href": f"{api.url}/{quoted}/"},
        "avatar": {"href": f"{api.url}/avatar/{quoted}.svg"},
    }


async def test_a_list_shows_the_same_issues_as_their_own_addresses(api: Api) -> None:
    for number in range(3):
        await api.post(f"{OPEN}/issues", "bob", {"title": f"{number}", "content": "*text*"})
    page = await api.get(f"{OPEN}/issues")
    assert [issue["id"] for issue in page["values"]] == [3, 2, 1]
    for issue in page["values"]:
        assert issue == await api.get(f"{OPEN}/issues/{issue['id']}")


async def test_the_newest_update_comes_first(api: Api) -> None:
    for number in range(3):
        await api.post(f"{OPEN}/issues", "bob", {"title": f"{number}"})
    await api.post(f"{OPEN}/issues/1/comments", "bob", {"content": {"raw": "bump"}})
    page = await api.get(f"{OPEN}/issues")
    assert [issue["id"] for issue in page["values"]] == [1, 3, 2]


async def test_an_empty_tracker_is_an_empty_page(api: Api) -> None:
    assert await api.get(f"{OPEN}/issues") == {"pagelen": 20, "size": 0, "page": 1, "values": []}


@pytest.mark.parametrize("path", ["issues/2", "issues/0", "issues/999999999999999999999"])
async def test_an_issue_that_is_not_there_is_said_in_bitbuckets_words(api: Api, path: str) -> None:
    await api.post(f"{OPEN}/issues", "bob", {"title": "t"})
    answer = await api("GET", f"{OPEN}/{path}")
    assert answer.status == 404
    assert answer.body == {
        "type": "error",
        "error": {"message": "No Issue matches the given query."},
    }


async def test_an_issue_of_another_repository_is_not_here(api: Api) -> None:
    await api.post(f"{OPEN}/issues", "bob", {"title": "t"})
    assert (await api("GET", f"{APP}/issues/1", "bob")).status == 404


async def test_a_private_repository_is_to_strangers_what_an_absent_one_is(api: Api) -> None:
    await api.post(f"{APP}/issues", "bob", {"title": "secret"})
    for tail in ("", "/issues", "/issues/1", "/issues/1/comments", "/components"):
        for who in (None, "charlie"):
            private = await api("GET", f"{APP}{tail}", who)
            absent = await api("GET", f"/2.0/repositories/alice/nothing{tail}", who)
            nowhere = await api("GET", f"/2.0/repositories/nobody/nothing{tail}", who)
            assert private.status == 404
            assert private.body == absent.body == nowhere.body
            assert {**private.headers, "Date": ""} == {**absent.headers, "Date": ""}


async def test_a_repository_without_a_tracker_says_so_in_the_words_that_clients_look_for(
    api: Api,
) -> None:
    await api.db.run("UPDATE repository SET has_issues = 0 WHERE slug = 'open'")
    for tail in ("/issues", "/issues/1", "/milestones", "/issues/1/changes"):
        answer = await api("GET", f"{OPEN}{tail}")
        assert answer.status == 404
        assert answer.body["error"]["message"] == "Repository has no issue tracker."
    repository = await api.get(OPEN)
    assert repository["has_issues"] is False
    assert "issues" not in repository["links"]


@pytest.mark.parametrize("prefix", ["/2.0", "/api/2.0", "/!api/2.0"])
@pytest.mark.parametrize("slash", ["", "/"])
async def test_old_prefixes_and_a_trailing_slash_are_the_same_resource(
    api: Api, prefix: str, slash: str
) -> None:
    await api.post(f"{OPEN}/issues", "bob", {"title": "t"})
    for tail in ("/issues", "/issues/1", "/issues/1/comments", ""):
        other = f"{prefix}{OPEN.removeprefix('/2.0')}{tail}{slash}"
        assert await api.get(other) == await api.get(f"{OPEN}{tail}")


async def test_a_repository_answers_to_its_uuid_and_to_any_case(api: Api) -> None:
    await api.post(f"{OPEN}/issues", "bob", {"title": "t"})
    repository = await api.repository("alice/open")
    expected = await api.get(f"{OPEN}/issues")
    for name in (
        "ALICE/Open",
        f"alice/%7B{repository.uuid[1:-1]}%7D",
        f"%7B%7D/%7B{repository.uuid[1:-1].upper()}%7D",
        f"%7B{repository.workspace_uuid[1:-1]}%7D/open",
    ):
        assert await api.get(f"/2.0/repositories/{name}/issues") == expected
    other = await api("GET", f"/2.0/repositories/charlie/%7B{repository.uuid[1:-1]}%7D/issues")
    assert other.status == 404


async def test_a_head_answers_as_a_get_without_the_body(api: Api) -> None:
    await api.post(f"{OPEN}/issues", "bob", {"title": "t"})
    for tail in ("/issues", "/issues/1", "/issues/1/comments", "/issues/7"):
        got, head = await api("GET", f"{OPEN}{tail}"), await api("HEAD", f"{OPEN}{tail}")
        assert (head.status, head.body) == (got.status, "")
        assert {**head.headers, "Date": ""} == {**got.headers, "Date": ""}


async def test_what_a_query_says_beyond_what_is_known_is_ignored(api: Api) -> None:
    await api.post(f"{OPEN}/issues", "bob", {"title": "t"})
    query = "issue_id=7&timestamp=1&limit=0&state=ALL&x=%00&="
    assert (await api.get(f"{OPEN}/issues?{query}"))["size"] == 1


async def test_a_get_with_a_body_is_answered(api: Api) -> None:
    await api.get(f"{OPEN}/issues", data=b"x" * 100_000)


async def test_html_is_made_once_and_kept_beside_the_text(api: Api) -> None:
    await api.post(f"{OPEN}/issues", "bob", {"title": "t", "content": "a **b** <script>"})
    html = (await api.get(f"{OPEN}/issues/1"))["content"]["html"]
    assert "<strong>b</strong>" in html
    assert "<script" not in html
    await api.app[keys.CONTENTS].close()
    await api.db.run("UPDATE issue SET content_html = 'kept' WHERE content_html IS NOT NULL")
    # Other addresses, because an answer that was given is cached.
    assert (await api.get(f"{OPEN}/issues/1?again=1"))["content"]["html"] == "kept"
    await api.db.run("UPDATE issue SET content_renderer = content_renderer - 1")
    assert (await api.get(f"{OPEN}/issues/1?again=2"))["content"]["html"] == html


async def test_html_of_a_text_that_was_edited_meanwhile_is_not_kept(api: Api) -> None:
    await api.post(f"{OPEN}/issues", "bob", {"title": "t", "content": "**old**"})
    await api.app[keys.CONTENTS].close()
    await api.db.run("UPDATE issue SET content_html = NULL, content_renderer = NULL")
    repository = await api.repository("alice/open")
    rows = await api.db.all(
        """SELECT number, content_raw, content_markup, content_html, content_renderer
             FROM issue WHERE tracker_id = :id""",
        {"id": repository.tracker_id},
    )
    texts = await contents.read(api.db, repository, "issue", rows)
    await api.db.run("UPDATE issue SET content_raw = '**new**'")
    shown = await api.app[keys.CONTENTS].show(texts, api.url, ANONYMOUS)
    assert shown.htmls == ["<p><strong>old</strong></p>"]
    await api.app[keys.CONTENTS].close()
    assert "new" in (await api.get(f"{OPEN}/issues/1"))["content"]["html"]


async def test_a_database_that_another_process_writes_to_is_read_without_waiting(
    api: Api, settings: Settings
) -> None:
    await api.post(f"{OPEN}/issues", "bob", {"title": "t", "content": "**b**"})
    await api.app[keys.CONTENTS].close()
    await api.db.run("UPDATE issue SET content_html = NULL, content_renderer = NULL")
    with closing(sqlite3.connect(settings.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        issue = await api.get(f"{OPEN}/issues/1")
        assert issue["content"]["html"] == "<p><strong>b</strong></p>"
        other.execute("ROLLBACK")


async def test_an_issue_without_reporter_or_text_is_shown_with_null_and_an_empty_text(
    api: Api,
) -> None:
    await api.post(f"{OPEN}/issues", "bob", {"title": "t"})
    await api.db.run("UPDATE issue SET reporter_id = NULL, content_raw = NULL")
    issue = await api.get(f"{OPEN}/issues/1")
    assert issue["reporter"] is None
    assert (issue["content"]["raw"], issue["content"]["html"]) == ("", "")


async def test_an_issue_is_not_its_comments_neighbour(api: Api) -> None:
    """Numbers of issues and ids of comments are worlds apart."""
    await api.post(f"{OPEN}/issues", "bob", {"title": "t"})
    await add_comment(api, "alice/open", 1, 55_619_497, content="c")
    assert (await api("GET", f"{OPEN}/issues/55619497")).status == 404
