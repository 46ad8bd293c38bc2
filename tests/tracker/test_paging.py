"""Parts of lists: what they cost, and what they leave out on purpose."""

from collections.abc import AsyncGenerator, Sequence
from itertools import cycle

import pytest

from tests.archives import issue, sample
from tests.rows import TIME
from tests.tracker.conftest import Core
from tracker import catalogues, comments, issues, query
from tracker.access.rights import Repository
from tracker.database import Lane, Params, Reader, Revision, Row
from tracker.query import anchors, paging
from tracker.query.paging import Hints, Key, Listing, Page
from tracker.settings import Limits
from tracker.vocabulary import Kind, State

LIMITS = Limits()
NEWEST_FIRST = query.select(catalogues.COMMENTS, LIMITS, sort="-id")


async def _issues(core: Core) -> Repository:
    """Seven issues, of every other one the component is "even"."""
    rows = [
        issue(number, title=f"t{number % 3}", component=None if number % 2 else "even")
        for number in range(1, 8)
    ]
    await core.take(sample(issues=rows, comments=[], logs=[], attachments=[]))
    return await core.repository()


@pytest.mark.parametrize("q", [None, "id > 2", 'component = "even"', "id > 7"])
@pytest.mark.parametrize("sort", ["id", "-title", "component", "-component"])
async def test_a_list_that_is_not_counted_has_the_same_parts(
    core: Core, q: str | None, sort: str
) -> None:
    repository = await _issues(core)
    selection = query.select(catalogues.ISSUES, LIMITS, q=q, sort=sort)

    async def part(after: Key | None, *, counted: bool) -> Page[Row]:
        listing = Listing(selection, 2, after=after, counted=counted)
        return await issues.find_all(core.db, repository, listing)

    after: Key | None = None
    while True:
        page, uncounted = await part(after, counted=True), await part(after, counted=False)
        numbers = [[row["number"] for row in found.items] for found in (page, uncounted)]
        assert numbers[0] == numbers[1]
        assert (uncounted.size, uncounted.last) == (0, page.last)
        if page.last is None:
            break
        after = page.last


@pytest.mark.parametrize("sort", ["id", "-updated_on", "title", "-component", "component"])
@pytest.mark.parametrize("q", [None, "id > 2"])
async def test_the_rows_of_a_part_come_in_the_order_of_the_list(
    core: Core, q: str | None, sort: str
) -> None:
    repository = await _issues(core)
    listing = Listing(query.select(catalogues.ISSUES, LIMITS, q=q, sort=sort), 4, 1)
    page = await issues.find_all(core.db, repository, listing)
    params = {"tracker": repository.tracker_id, **listing.params}
    rows = await core.db.all(listing.rows("i.number"), params)
    assert [row[0] for row in rows[:4]] == [row["number"] for row in page.items]
    assert len(page.items) == 4


@pytest.mark.parametrize(
    ("q", "offset", "after", "lane"),
    [
        (None, 0, None, Lane.QUICK),
        (None, 1000, None, Lane.QUICK),
        (None, 1001, None, Lane.ROWS),
        (None, 10**9, None, Lane.ROWS),
        (None, 10**9, (TIME, 5), Lane.QUICK),
        ("id > 1", 0, (TIME, 5), Lane.ROWS),
        ('title ~ "x"', 10**9, None, Lane.TEXTS),
    ],
)
def test_a_far_part_is_apart_from_what_is_quick_unless_its_key_is_known(
    q: str | None, offset: int, after: Key | None, lane: Lane
) -> None:
    listing = Listing(query.select(catalogues.ISSUES, LIMITS, q=q), 20, offset, after)
    assert listing.lane is lane


async def _comments(core: Core, texts: Sequence[str | None]) -> Repository:
    """Issue 1 has these comments, from 1 on."""
    await core.take(sample(issues=[issue(1)], comments=[], logs=[], attachments=[]))
    repository = await core.repository()
    async with core.db.transaction() as tx:
        await tx.many(
            """INSERT INTO comment (tracker_id, id, issue_number, content_raw, created_on)
               VALUES (?, ?, 1, ?, ?)""",
            [(repository.tracker_id, place, text, TIME) for place, text in enumerate(texts, 1)],
        )
    return repository


@pytest.mark.parametrize(
    ("texts", "most", "expected"),
    [
        ([], 5, [[]]),
        (["12345", "12345"], 10, [[2, 1]]),
        (["12345", "12345"], 9, [[2], [1]]),
        (["12345", "12345"], 1, [[2], [1]]),
        (["12345"], 1, [[1]]),
        (["12345", None, None, "", "12345"], 5, [[5, 4, 3, 2], [1]]),
        (["課題課題課", "課題課題課"], 30, [[2, 1]]),
        (["課題課題課", "課題課題課"], 29, [[2], [1]]),
        (["1", "1", "12345678", "1"], 2, [[4], [3], [2, 1]]),
        (["1"] * 8, 1000, [[8, 7, 6, 5], [4, 3, 2, 1]]),
        (["1"] * 9, 1000, [[9, 8, 7, 6], [5, 4, 3, 2], [1]]),
    ],
)
async def test_a_part_holds_as_many_comments_as_may_be_long_together(
    core: Core, texts: Sequence[str | None], most: int, expected: list[list[int]]
) -> None:
    repository = await _comments(core, texts)
    found, after = [], None
    while True:
        listing = Listing(NEWEST_FIRST, 4, after=after)
        page = await comments.find_some(core.db, repository, 1, listing, most=most)
        assert [row["content_raw"] for row in page.items] == [
            texts[row["id"] - 1] for row in page.items
        ]
        found.append([row["id"] for row in page.items])
        if page.last is None:
            break
        after = page.last
    assert found == expected


async def test_far_parts_are_the_same_from_an_anchor_and_from_an_end(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "_FAR", 5)
    monkeypatch.setattr(paging, "EVERY", 7)
    monkeypatch.setattr(anchors, "EVERY", 7)
    rows = [
        issue(number, updated_on=f"2013-04-{1 + number % 9:02}T00:00:00+00:00", kind=kind)
        for number, kind in zip(range(1, 62), cycle(("bug", "task", "proposal")), strict=False)
    ]
    await core.take(sample(issues=rows, comments=[], logs=[], attachments=[]))
    repository = await core.repository()
    known = Hints()
    for sort in ("-updated_on", "updated_on"):
        for q in (None, 'kind != "bug"'):
            selection = query.select(catalogues.ISSUES, LIMITS, q=q, sort=sort)
            whole = await issues.find_all(core.db, repository, Listing(selection, 100))
            expected = [row["number"] for row in whole.items]
            for offset in [*range(0, 64, 3), *range(63, 0, -5)]:
                for _ in range(2):
                    listing = Listing(selection, 4, offset, hints=known)
                    page = await issues.find_all(core.db, repository, listing)
                    found = [row["number"] for row in page.items]
                    assert found == expected[offset : offset + 4], (sort, q, offset)
                    assert page.size == len(expected)
                    assert (page.last is None) == (offset + 4 >= len(expected))


async def test_anchors_of_an_older_list_are_not_used(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "_FAR", 5)
    monkeypatch.setattr(paging, "EVERY", 7)
    monkeypatch.setattr(anchors, "EVERY", 7)
    rows = [issue(number) for number in range(1, 62)]
    await core.take(sample(issues=rows, comments=[], logs=[], attachments=[]))
    repository, alice = await core.repository(), await core.actor("alice")
    known = Hints()
    selection = query.select(catalogues.ISSUES, LIMITS)
    for number in range(5):
        for _ in range(12):
            listing = Listing(selection, 4, 28, hints=known)
            page = await issues.find_all(core.db, repository, listing)
            whole = await issues.find_all(core.db, repository, Listing(selection, 100))
            assert [row["number"] for row in page.items] == [
                row["number"] for row in whole.items[28:32]
            ]
        async with core.db.transaction() as tx:
            await issues.delete(tx, alice, repository, 60 - 7 * number)


class Explaining(Reader):
    """Keeps how the engine goes about each query."""

    def __init__(self, reader: Reader) -> None:
        self.plans: list[str] = []
        self._reader = reader

    async def all(self, sql: str, params: Params | None = None) -> Sequence[Row]:
        rows = await self._reader.all(f"EXPLAIN QUERY PLAN {sql}", params)
        self.plans.append("\n".join(row["detail"] for row in rows))
        return await self._reader.all(sql, params)

    async def revision(self, tracker_id: int) -> Revision:
        raise NotImplementedError

    def stream(
        self, sql: str, params: Params | None = None, *, size: int = 1000
    ) -> AsyncGenerator[Sequence[Row]]:
        raise NotImplementedError


@pytest.fixture
async def long(core: Core) -> Repository:
    """A repository of 3,000 issues."""
    states, kinds = cycle(sorted(State)), cycle(sorted(Kind))
    rows = [
        issue(number, status=next(states), kind=next(kinds), assignee=None)
        for number in range(1, 3001)
    ]
    await core.take(sample(issues=rows, comments=[], logs=[], attachments=[]))
    return await core.repository()


async def test_no_list_holds_more_than_a_few_rows(core: Core, long: Repository) -> None:
    for q in (
        None,
        'state = "new"',
        'state = "new" OR state = "open" OR state = "on hold"',
        'state != "closed"',
        'state = "new" AND kind = "bug" AND priority = "trivial"',
        "assignee = null",
        'reporter.nickname != "nobody" AND kind = "bug"',
        "votes > 3",
    ):
        for offset in (0, 500, 1500, 2900):
            reader = Explaining(core.db)
            listing = Listing(query.select(catalogues.ISSUES, LIMITS, q=q), 50, offset)
            page = await issues.find_all(reader, long, listing)
            plan = "\n".join(reader.plans)
            assert "MATERIALIZE" not in plan, (q, plan)
            if page.size > 1000:
                assert "TEMP B-TREE" not in plan, (q, offset, plan)


async def test_sizes_by_state_kind_and_priority_look_at_no_issue(
    core: Core, long: Repository
) -> None:
    for q in ('state = "new"', 'kind != "bug" AND (state = "open" OR priority >= "major")'):
        reader = Explaining(core.db)
        listing = Listing(query.select(catalogues.ISSUES, LIMITS, q=q), limit=0)
        page = await issues.find_all(reader, long, listing)
        assert page.size > 0
        assert "issue_updated" not in "".join(reader.plans)
