"""What texts refer to: which issues and people are found, and what a reader sees of them."""

from collections.abc import AsyncGenerator, Sequence

import pytest

from tests.tracker.conftest import Core
from tracker import references
from tracker.access.rights import ANONYMOUS, Actor
from tracker.database import Params, Reader, Revision, Row
from tracker.markup.engine import render
from tracker.vocabulary import State

BASE_URL = "http://pail.example"


async def add_issue(
    core: Core,
    number: int,
    title: str,
    *,
    state: str = "new",
    full_name: str = "alice/app",
    reporter: int | None = None,
) -> None:
    await core.db.run(
        """INSERT INTO issue (tracker_id, number, title, state, kind, priority, created_on,
                              updated_on, reporter_id)
           VALUES (:tracker, :number, :title, :state, 'bug', 'major', '2020', '2020', :reporter)""",
        {
            "tracker": await core.in_force(full_name),
            "number": number,
            "title": title,
            "state": state,
            "reporter": reporter,
        },
    )


async def add_placeholder(core: Core, username: str, display_name: str, workspace: str) -> int:
    """Somebody whom an archive of that workspace named; account_id is 7:username."""
    row = await core.db.one("SELECT id FROM workspace WHERE slug = :slug", {"slug": workspace})
    assert row is not None
    async with core.db.transaction() as tx:
        added = await tx.returning(
            """INSERT INTO account (uuid, workspace_id, username, account_id, display_name,
                                    nickname, created_on)
               VALUES (:uuid, :workspace, :username, '7:' || :username, :name, :username, '2020')
               RETURNING id""",
            {
                "uuid": f"{workspace} {username}",
                "workspace": row["id"],
                "username": username,
                "name": display_name,
            },
        )
    return int(added["id"])


async def account_id(core: Core, username: str) -> str:
    [found] = await core.values(
        "SELECT account_id FROM account WHERE email = :e", e=f"{username}@example.org"
    )
    return str(found)


async def shown(
    core: Core, raw: str, *, full_name: str = "alice/app", actor: Actor = ANONYMOUS
) -> str:
    """The text in markdown, as this actor sees it in a paragraph."""
    repository = await core.repository(full_name)
    htmls = [render("markdown", raw)]
    found = await references.find(core.db, repository, htmls)
    [html] = references.fill(htmls, found, BASE_URL, repository, actor)
    return html.removeprefix("<p>").removesuffix("</p>")


def mention(account_id: str, name: str) -> str:
    return f'<span class="ap-mention" data-atlassian-id="{account_id}">@{name}</span>'


async def test_an_issues_number_becomes_a_link_with_its_title(core: Core) -> None:
    await add_issue(core, 8, 'It\'s <b> & "c" é')
    assert await shown(core, "see #08, #9") == (
        'see <a href="http://pail.example/alice/app/issues/8/its-c-e" rel="nofollow" '
        'title="It&#x27;s &lt;b&gt; &amp; &quot;c&quot; é" class="ap-connect-link">#08</a>, #9'
    )


@pytest.mark.parametrize("state", State)
async def test_a_settled_issue_is_struck_through(core: Core, state: State) -> None:
    await add_issue(core, 1, "a", state=state)
    is_struck = state in ("resolved", "closed", "duplicate", "wontfix", "invalid")
    assert (">" + ("<s>#1</s>" if is_struck else "#1") + "</a>") in await shown(core, "#1")


async def test_only_issues_of_the_same_tracker_are_found(core: Core) -> None:
    await add_issue(core, 1, "secret")
    assert await shown(core, "#1", full_name="alice/open") == "#1"


async def test_an_issue_that_is_gone_is_text_again(core: Core) -> None:
    await add_issue(core, 1, "a")
    assert "<a " in await shown(core, "#1")
    await core.db.run("DELETE FROM issue WHERE number = 1")
    assert await shown(core, "#1") == "#1"


async def test_numbers_beyond_every_issue_are_text(core: Core) -> None:
    for raw in ("#9007199254740993", "#9999999999999999", "#" + "9" * 5000, "#0"):
        assert await shown(core, raw) == raw


async def test_a_placeholder_of_the_workspace_is_named(core: Core) -> None:
    ann = await add_placeholder(core, "ann", "Ann & <Co>", "alice")
    await add_issue(core, 1, "a", reporter=ann)
    for raw in ("@{7:ann}", "@{ann}"):
        assert await shown(core, raw) == mention("7:ann", "Ann &amp; &lt;Co&gt;")


async def test_another_workspaces_placeholder_is_nobody(core: Core) -> None:
    await add_placeholder(core, "ann", "Ann", "charlie")
    assert await shown(core, "@{7:ann} @{ann}") == "@{7:ann} @{ann}"


async def test_a_name_with_signs_is_found_as_it_was_written(core: Core) -> None:
    ann = await add_placeholder(core, "o'neil & sons", "Ann", "alice")
    await add_issue(core, 1, "a", reporter=ann)
    assert await shown(core, "@{o'neil & sons}") == mention("7:o&#x27;neil &amp; sons", "Ann")


async def test_a_trackers_archive_names_people_first(core: Core) -> None:
    someone = await add_placeholder(core, "ann", "Ann", "alice")
    ben = await add_placeholder(core, "ben", "Ben", "alice")
    await add_issue(core, 1, "a", reporter=someone)
    await add_issue(core, 1, "a", reporter=ben, full_name="alice/open")
    await core.db.run(
        """INSERT INTO alias (tracker_id, account_id, username, named_account_id, display_name)
           VALUES (:tracker, :account, 'ben', '7:ben', 'Ann as Ben')""",
        {"tracker": await core.in_force(), "account": someone},
    )
    for raw in ("@{7:ben}", "@{ben}", "@{ann}"):
        assert await shown(core, raw) == mention("7:ben", "Ann as Ben")
    assert await shown(core, "@{ben}", full_name="alice/open") == mention("7:ben", "Ben")


async def test_a_placeholder_goes_before_an_account(core: Core) -> None:
    robert = await add_placeholder(core, "bob", "Robert", "alice")
    await add_issue(core, 1, "a", reporter=robert)
    assert await shown(core, "@{bob}") == mention("7:bob", "Robert")


async def test_an_account_is_named_by_its_account_id_anywhere(core: Core) -> None:
    charlie = await account_id(core, "charlie")
    assert await shown(core, f"@{{{charlie}}}") == mention(charlie, "charlie")


async def test_a_nickname_does_not_tell_who_has_an_account(core: Core) -> None:
    for username in ("alice", "bob", "dora"):
        named = mention(await account_id(core, username), username)
        assert await shown(core, f"@{{{username}}}") == named
    assert await shown(core, "@{charlie} @{nobody}") == "@{charlie} @{nobody}"
    assert await shown(core, "@{charlie}", full_name="alice/open") == "@{charlie}"


ACTS = (
    "UPDATE issue SET reporter_id = :who WHERE tracker_id = :tracker",
    "UPDATE issue SET assignee_id = :who WHERE tracker_id = :tracker",
    """INSERT INTO comment (tracker_id, id, issue_number, account_id, created_on)
       VALUES (:tracker, 1, 1, :who, '2020')""",
)


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("name", ["charlie", "ann"])
@pytest.mark.parametrize("full_name", ["alice/app", "alice/open"])
async def test_a_nickname_means_who_has_to_do_with_the_tracker(
    core: Core, act: str, name: str, full_name: str
) -> None:
    await add_placeholder(core, "ann", "ann", "alice")
    [who] = await core.values("SELECT id FROM account WHERE username = :name", name=name)
    for place in ("alice/app", "alice/open"):
        await add_issue(core, 1, "a", full_name=place)
        assert await shown(core, f"@{{{name}}}", full_name=place) == f"@{{{name}}}"
    await core.db.run(act, {"who": who, "tracker": await core.in_force(full_name)})
    for place in ("alice/app", "alice/open"):
        is_found = "ap-mention" in await shown(core, f"@{{{name}}}", full_name=place)
        assert is_found == (place == full_name)


@pytest.mark.parametrize("full_name", ["alice/app", "alice/open"])
async def test_a_nickname_does_not_tell_who_is_administrator(core: Core, full_name: str) -> None:
    await core.db.run("UPDATE account SET is_admin = 1 WHERE username = 'charlie'")
    assert await shown(core, "@{charlie}", full_name=full_name) == "@{charlie}"
    [charlie] = await core.values("SELECT id FROM account WHERE username = 'charlie'")
    await add_issue(core, 1, "a", full_name=full_name, reporter=charlie)
    assert "ap-mention" in await shown(core, "@{charlie}", full_name=full_name)


async def test_readers_see_where_they_are_meant(core: Core) -> None:
    html = await shown(core, "@{alice} @{bob}", actor=await core.actor("alice"))
    assert html.count('class="ap-mention ap-mention-me"') == 1
    assert html.index("ap-mention-me") < html.index("@alice</span>") < html.index("@bob</span>")
    assert "ap-mention-me" not in await shown(core, "@{alice} @{bob}")


async def test_changesets_and_relative_links_lead_into_the_repository(core: Core) -> None:
    assert await shown(core, "3fd1279 [b](c/d%20e?f&g)") == (
        '<a href="http://pail.example/alice/app/commits/3fd1279" rel="nofollow" '
        'class="ap-connect-link">3fd1279</a> '
        '<a data-is-external-link="true" href="/alice/app/src/HEAD/c/d%20e?f&amp;g" '
        'rel="nofollow">b</a>'
    )


async def test_a_renamed_repository_is_linked_by_its_name_of_now(core: Core) -> None:
    await add_issue(core, 1, "a")
    await core.db.run("UPDATE repository SET slug = 'new' WHERE slug = 'app'")
    assert 'href="http://pail.example/alice/new/issues/1/a"' in await shown(
        core, "#1", full_name="alice/new"
    )


class Counting(Reader):
    """Counts what is asked."""

    def __init__(self, reader: Reader) -> None:
        self.count = 0
        self._reader = reader

    async def all(self, sql: str, params: Params | None = None) -> Sequence[Row]:
        self.count += 1
        return await self._reader.all(sql, params)

    async def revision(self, tracker_id: int) -> Revision:
        raise NotImplementedError

    def stream(
        self, sql: str, params: Params | None = None, *, size: int = 1000
    ) -> AsyncGenerator[Sequence[Row]]:
        raise NotImplementedError


async def test_a_page_asks_once_for_everything_that_its_texts_name(core: Core) -> None:
    await add_issue(core, 1, "a")
    reader = Counting(core.db)
    htmls = [render("markdown", f"#{n} @{{bob}} and #1, @{{nobody}}") for n in range(1, 51)]
    found = await references.find(reader, await core.repository(), htmls)
    assert reader.count == 1
    assert set(found.issues) == {1}
    assert set(found.people) == {"bob"}


async def test_texts_that_name_nothing_ask_for_nothing(core: Core) -> None:
    reader = Counting(core.db)
    htmls = [None, "", render("markdown", "*a* 3fd1279 [b](c)")]
    found = await references.find(reader, await core.repository(), htmls)
    assert reader.count == 0
    assert (found.issues, found.people) == ({}, {})
