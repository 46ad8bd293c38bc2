"""Searches in texts find the same with the index and without it."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.archives import issue, sample
from tests.tracker.conftest import Core
from tracker import catalogues, edits, issues, query
from tracker.database import folding, trigrams
from tracker.edits import Edit
from tracker.issues import NewIssue
from tracker.query import paging
from tracker.query.frequencies import Frequencies
from tracker.query.grammar import Comparison, Group, Literal
from tracker.query.paging import Hints, Listing
from tracker.work import indexing

PIECES = (
    *("abc", "ABC", "ab", "bca", "Straße", "e\u0301a", "課題課", "😀😁", '"', "'", " ", "\r\n"),
    *("\0", "\ufffe", "\uffff", "*", "-", "NEAR(", "OR", "%", "_"),
)
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=6).map("".join)
NEEDLES = TEXTS.filter(bool)


async def found(core: Core, *needles: str, word: str = "OR") -> list[int]:
    """The numbers of issues with needles in their titles or contents."""
    parts: tuple[Comparison | Group, ...] = tuple(
        Comparison(path, 0, "~", (Literal(needle, 0),))
        for needle in needles
        for path in ("title", "content.raw")
    )
    selection = query.selected(catalogues.ISSUES, Group(word, parts))
    listing = Listing(selection, 100, hints=Hints())
    page = await issues.find_all(core.db, await core.repository(), listing)
    assert page.size == len(page.items)
    return sorted(row["number"] for row in page.items)


async def write(core: Core, texts: Sequence[tuple[str, str]]) -> list[int]:
    """Make an issue of each title and content."""
    repository, alice = await core.repository(), await core.actor("alice")
    async with core.db.transaction() as tx:
        return [
            await issues.create(tx, alice, repository, NewIssue(title, content))
            for title, content in texts
        ]


async def alter(core: Core, number: int, content: str) -> None:
    """Give an issue another content."""
    repository, alice = await core.repository(), await core.actor("alice")
    async with core.db.transaction() as tx:
        await edits.apply(tx, alice, repository, number, Edit(content=content))


async def clear(core: Core) -> None:
    """Remove all issues."""
    repository, alice = await core.repository(), await core.actor("alice")
    for number in await core.values("SELECT number FROM issue"):
        async with core.db.transaction() as tx:
            await issues.delete(tx, alice, repository, number)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows are many here."""
    monkeypatch.setattr(paging, "_FEW", 2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@example(texts=[("abc", "x")], late=[("x", "abc")], edited="abc", needles=["abc", "\0bc"])
@given(
    texts=st.lists(st.tuples(TEXTS, TEXTS), max_size=4),
    late=st.lists(st.tuples(TEXTS, TEXTS), max_size=2),
    edited=TEXTS,
    needles=st.lists(NEEDLES, min_size=1, max_size=3),
)
async def test_random_texts_are_found_however_far_the_index_is(
    core: Core,
    texts: list[tuple[str, str]],
    late: list[tuple[str, str]],
    edited: str,
    needles: list[str],
) -> None:
    await clear(core)
    numbers = await write(core, texts)
    here = dict(zip(numbers, texts, strict=True))

    async def check() -> None:
        for needle in needles:
            wanted = folding.fold(needle) or ""
            expected = [
                number
                for number, parts in here.items()
                if any(wanted in (folding.fold(part) or "") for part in parts)
            ]
            assert await found(core, needle) == expected, needle

    await check()
    await indexing.index_new(core.db)
    await check()
    if numbers:
        await alter(core, numbers[0], edited)
        here[numbers[0]] = (texts[0][0], edited)
    here.update(zip(await write(core, late), late, strict=True))
    await check()
    await indexing.index_new(core.db)
    await check()


async def test_a_deleted_issues_id_is_not_given_to_another_text(core: Core) -> None:
    await write(core, [("first", "aaa"), ("second", "bbb")])
    await indexing.index_new(core.db)
    repository, alice = await core.repository(), await core.actor("alice")
    [last] = await core.values("SELECT max(number) FROM issue")
    async with core.db.transaction() as tx:
        await issues.delete(tx, alice, repository, last)
    [number] = await write(core, [("third", "needle")])
    assert await found(core, "needle") == [number]


async def test_words_that_must_all_be_there_leave_out_more(core: Core) -> None:
    numbers = await write(core, [("one two", "x"), ("one", "x"), ("two", "x"), ("x", "two one")])
    await indexing.index_new(core.db)
    selection = query.select(
        catalogues.ISSUES,
        core.settings.limits,
        q='(title ~ "one" OR content.raw ~ "one") AND (title ~ "two" OR content.raw ~ "two")',
    )
    assert selection.needles == ("AND", (("OR", ("one", "one")), ("OR", ("two", "two"))))
    assert trigrams.expression(selection.needles, lambda trigram: 0) == '("one") AND ("two")'
    page = await issues.find_all(core.db, await core.repository(), Listing(selection))
    assert sorted(row["number"] for row in page.items) == [numbers[0], numbers[3]]


@pytest.mark.parametrize(
    "q",
    ['title ~ "ab"', 'title !~ "abc"', 'title ~ "abc" OR votes > 3', 'title ~ "abc" OR id = 1'],
)
def test_what_the_index_can_not_tell_is_not_asked_of_it(core: Core, q: str) -> None:
    assert query.select(catalogues.ISSUES, core.settings.limits, q=q).needles is None


async def test_too_many_candidates_are_not_looked_up_one_by_one(core: Core) -> None:
    numbers = await write(core, [("common", "x")] * 5 + [("common rare", "x")])
    await indexing.index_new(core.db)
    assert await found(core, "common") == numbers
    assert await found(core, "rare") == numbers[-1:]


async def test_common_trigrams_are_not_asked_for(core: Core) -> None:
    await write(core, [(f"common {number}", "x") for number in range(20)] + [("rare", "x")])
    frequencies = Frequencies()
    await frequencies.learn(core.db)
    assert trigrams.expression("common", frequencies.share) is None
    assert trigrams.expression("a rare", frequencies.share) == '" ra"'
    assert trigrams.expression(("OR", ("rare", "common")), frequencies.share) is None
    assert trigrams.expression(("AND", ("rare", "common")), frequencies.share) == '"are" AND "rar"'


async def test_an_imported_tracker_and_the_one_before_it_are_found(core: Core) -> None:
    nothing = {"comments": [], "logs": [], "attachments": []}
    for title in ("first needle", "second needle"):
        await core.take(sample(issues=[issue(1, title=title)], **nothing))
        await indexing.index_new(core.db)
        assert await found(core, title) == [1]
    assert await found(core, "first") == []
    await core.undo()
    assert await found(core, "first") == [1]
    assert await found(core, "second") == []


async def test_an_index_of_rows_that_are_gone_is_made_anew(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_STALE", 3)
    [number] = await write(core, [("t", "text 0")])
    for place in range(1, 4):
        await indexing.index_new(core.db)
        await alter(core, number, f"text {place}")
    await indexing.renew(core.db)
    assert await core.values("SELECT value FROM counter WHERE name = 'entries'") == [3]
    await indexing.index_new(core.db)
    await alter(core, number, "text 4")
    await indexing.index_new(core.db)
    await indexing.renew(core.db)
    assert await core.values("SELECT value FROM counter WHERE name = 'entries'") == [0]
    assert await found(core, "text 4") == [number]
    await indexing.index_new(core.db)
    assert await core.values("SELECT value FROM counter WHERE name = 'entries'") == [1]
    assert await found(core, "text 4") == [number]


def test_an_expression_is_bounded() -> None:
    def share(trigram: str) -> float:
        return 0.5 if trigram == "word" else 0.3

    long = trigrams.expression("".join(chr(0x4E00 + place) for place in range(5000)), share)
    assert long is not None
    assert long.count('"') == 12
    many = tuple(f"word{place:06}" for place in range(500))
    assert len(trigrams.expression(("AND", many), share) or "") < 4000
    assert trigrams.expression(("OR", many), share) is None
