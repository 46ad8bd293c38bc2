"""What is kept of rendered texts, and how they are shown."""

import asyncio
import os
import signal

import pytest

from service.http import keys
from tests.conftest import OPEN, Api
from tests.tracker.conftest import Core
from tests.tracker.test_markup import QUICK, QUICK_HTML, SLOW, children, needs_proc
from tracker import contents
from tracker.access.rights import ANONYMOUS
from tracker.contents import Contents, Texts
from tracker.markup import VERSION, Renderer, plain

BASE_URL = "http://pail.example"
LINK = (
    f'<a href="{BASE_URL}/alice/app/issues/1/{{0}}" rel="nofollow" title="{{0}}" '
    'class="ap-connect-link">#1</a>'
)


async def add_issues(core: Core, *raws: str | None) -> None:
    """Issues 1, 2, ... of alice/app with these texts in markdown."""
    for number, raw in enumerate(raws, 1):
        await core.db.run(
            """INSERT INTO issue (tracker_id, number, title, content_raw, state, kind, priority,
                                  created_on, updated_on)
               VALUES (:tracker, :number, 't', :raw, 'new', 'bug', 'major', '2020', '2020')""",
            {"tracker": await core.in_force(), "number": number, "raw": raw},
        )


async def read(core: Core) -> Texts:
    """The texts of all issues of alice/app."""
    repository = await core.repository()
    rows = await core.rows(
        """SELECT number, content_raw, content_markup, content_html, content_renderer
             FROM issue WHERE tracker_id = :tracker ORDER BY number""",
        tracker=repository.tracker_id,
    )
    return await contents.read(core.db, repository, "issue", rows)


async def kept(core: Core) -> list[str | None]:
    return [row["content_html"] for row in (await read(core)).rows]


async def show(core: Core, shown: Contents) -> list[str]:
    """All texts as anybody sees them, after what was to be kept of them is kept."""
    htmls = (await shown.show(await read(core), BASE_URL, ANONYMOUS)).htmls
    await shown.close()
    return htmls


async def test_only_final_html_is_kept(core: Core) -> None:
    await add_issues(core, SLOW[1], QUICK[1])
    async with Renderer(cpu_seconds=0.2, budget_seconds=0.1) as renderer:
        shown = Contents(core.db, renderer)
        slow_html = plain.escaped(SLOW[1])
        assert await show(core, shown) == [slow_html, "<p>*a*</p>"]
        assert await kept(core) == [slow_html, None]
        assert await show(core, shown) == [slow_html, QUICK_HTML]
        assert await kept(core) == [slow_html, QUICK_HTML]


async def test_references_are_filled_in_for_each_answer_and_not_kept(core: Core) -> None:
    await add_issues(core, "*see* #1", "nothing")
    async with Renderer() as renderer:
        shown = Contents(core.db, renderer)
        made = await show(core, shown)
        assert made == [f"<p><em>see</em> {LINK.format('t')}</p>", "<p>nothing</p>"]
        assert await kept(core) == ["<p><em>see</em> \0#1\0</p>", "<p>nothing</p>"]
        await core.db.run("UPDATE issue SET title = 'other' WHERE number = 1")
        assert (await show(core, shown))[0] == f"<p><em>see</em> {LINK.format('other')}</p>"


async def test_what_an_older_renderer_made_is_made_again(core: Core) -> None:
    await add_issues(core, QUICK[1])
    await core.db.run(
        "UPDATE issue SET content_html = 'old', content_renderer = :version",
        {"version": VERSION - 1},
    )
    async with Renderer() as renderer:
        assert await show(core, Contents(core.db, renderer)) == [QUICK_HTML]
    assert await kept(core) == [QUICK_HTML]


async def test_kept_html_is_shown_without_a_renderer(core: Core) -> None:
    await add_issues(core, QUICK[1], "see #1", None, "")
    async with Renderer() as renderer:
        first = await show(core, Contents(core.db, renderer))
    assert first == [QUICK_HTML, f"<p>see {LINK.format('t')}</p>", "", ""]
    assert await show(core, Contents(core.db, renderer)) == first  # which is closed


async def test_html_is_kept_though_its_caller_goes_away(core: Core) -> None:
    await add_issues(core, QUICK[1])
    async with Renderer() as renderer:
        shown = Contents(core.db, renderer)
        caller = asyncio.create_task(shown.show(await read(core), BASE_URL, ANONYMOUS))
        await asyncio.sleep(0)
        caller.cancel()
        while await kept(core) == [None]:
            await asyncio.sleep(0.01)
        assert caller.cancelled()
        assert await kept(core) == [QUICK_HTML]
        await shown.close()


async def test_an_answer_waits_so_long_for_rendering_and_it_is_kept_all_the_same(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "_TIMEOUT", 0.05)
    await add_issues(core, SLOW[1], QUICK[1])
    async with Renderer(cpu_seconds=0.5) as renderer:
        shown = Contents(core.db, renderer)
        slow_html = plain.escaped(SLOW[1])
        htmls = (await shown.show(await read(core), BASE_URL, ANONYMOUS)).htmls
        assert htmls == [slow_html, plain.escaped(QUICK[1])]
        while None in await kept(core):
            await asyncio.sleep(0.01)
        assert await kept(core) == [slow_html, QUICK_HTML]
        await shown.close()


@needs_proc
async def test_an_answer_does_not_wait_for_a_renderer_that_hangs(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.post(f"{OPEN}/issues", "bob", {"title": "t", "content": "**b**"})
    (child,) = children(os.getpid())
    os.kill(child, signal.SIGSTOP)
    monkeypatch.setattr(contents, "_TIMEOUT", 0.2)
    made = await api.post(f"{OPEN}/issues", "bob", {"title": "t", "content": "**c**"})
    assert made["content"]["html"] == "<p>**c**</p>"
    os.kill(child, signal.SIGCONT)
    while (await api.get(f"{OPEN}/issues/2"))["content"]["html"] == "<p>**c**</p>":
        await asyncio.sleep(0.01)
    read = await api.get(f"{OPEN}/issues/2")
    assert read["content"]["html"] == "<p><strong>c</strong></p>"


async def test_the_texts_of_one_account_are_not_in_the_way_of_anothers(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "_TIMEOUT", 60)
    slow = {"title": "t", "content": SLOW[1]}
    crowd = [asyncio.create_task(api.post(f"{OPEN}/issues", "charlie", slow)) for _ in range(5)]
    await asyncio.wait(crowd, return_when=asyncio.FIRST_COMPLETED)
    made = await api.post(f"{OPEN}/issues", "bob", {"title": "t", "content": "**b**"})
    assert made["content"]["html"] == "<p><strong>b</strong></p>"
    assert not all(task.done() for task in crowd)
    answers = await asyncio.gather(*crowd)
    assert {answer["content"]["html"] for answer in answers} == {plain.escaped(SLOW[1])}


async def test_closing_shows_texts_as_they_are_to_whoever_still_waits(core: Core) -> None:
    await add_issues(core, SLOW[1])
    async with Renderer(cpu_seconds=600) as renderer:
        shown = Contents(core.db, renderer)
        caller = asyncio.create_task(shown.show(await read(core), BASE_URL, ANONYMOUS))
        await asyncio.sleep(0)
        await shown.close()
        assert (await caller).htmls == [plain.escaped(SLOW[1])]


async def test_closing_waits_for_no_rendering_that_nobody_waits_for(core: Core) -> None:
    await add_issues(core, SLOW[1])
    async with Renderer(cpu_seconds=600) as renderer:
        shown = Contents(core.db, renderer)
        caller = asyncio.create_task(shown.show(await read(core), BASE_URL, ANONYMOUS))
        await asyncio.sleep(0)
        caller.cancel()
        await shown.close()
        assert await kept(core) == [None]
    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_html_is_written_together_with_its_text(api: Api) -> None:
    issue = {"title": "t", "content": {"raw": "**b** #1"}}
    created = await api.post(f"{OPEN}/issues", "bob", issue)
    comment = await api.post(f"{OPEN}/issues/1/comments", "bob", {"content": {"raw": "*c*"}})
    [row] = await api.db.all(
        "SELECT i.content_html, c.content_html FROM issue i, comment c WHERE c.issue_number = 1"
    )
    assert tuple(row) == ("<p><strong>b</strong> \0#1\0</p>", "<p><em>c</em></p>")
    assert created["content"] == (await api.get(f"{OPEN}/issues/1"))["content"]
    assert comment["content"]["html"] == "<p><em>c</em></p>"


async def test_a_write_does_not_wait_long_for_its_html(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "_SOON", 0.0)
    await api.post(f"{OPEN}/issues", "bob", {"title": "t", "content": {"raw": "**b**"}})
    assert (await api.get(f"{OPEN}/issues/1"))["content"]["html"] == "<p><strong>b</strong></p>"


async def test_what_waits_to_be_kept_is_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_MOST_PENDING", 40)
    await api.post(f"{OPEN}/issues", "bob", {"title": "t", "content": "**b**"})
    await api.post(f"{OPEN}/issues", "bob", {"title": "t", "content": "**much longer than that**"})
    await api.db.run("UPDATE issue SET content_html = NULL, content_renderer = NULL")
    for number in (1, 2):
        await api.get(f"{OPEN}/issues/{number}")
    await api.app[keys.CONTENTS].close()
    rows = await api.db.all("SELECT content_html FROM issue ORDER BY number")
    assert [row[0] for row in rows] == ["<p><strong>b</strong></p>", None]
