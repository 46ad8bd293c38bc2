"""Filters of issues: which ones are refused in which words, and what they find."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.archives import issue, sample
from tests.tracker.conftest import Core
from tracker import filters, issues
from tracker.database import Lane
from tracker.errors import Invalid
from tracker.query import paging
from tracker.query.paging import Listing
from tracker.settings import Limits
from tracker.vocabulary import Kind, Priority, State
from tracker.work import indexing

LIMITS = Limits()
MOST_TERMS = 500
"""As many as the settings allow."""

WORDS: Mapping[str, type[State | Kind | Priority]] = {
    "status": State,
    "kind": Kind,
    "priority": Priority,
}
NAMES = ("version", "milestone", "component", "responsible")


def refused(name: str, text: str) -> str:
    """What is said of a filter that is wrong; it names its field."""
    with pytest.raises(Invalid) as raised:
        filters.select(filters.read([(name, text)]), LIMITS)
    [(field, [words])] = raised.value.fields.items()
    assert field == name
    assert raised.value.message == f"{name}: {words}"
    return words


def test_an_operator_is_the_longest_that_a_text_begins_with() -> None:
    given = ["x", "!x", "~x", "!~x", "^x", "$x", "", "!", "!~", "!!x", "!^x", "~!x", "x~", " !x"]
    assert filters.read(("title", text) for text in given) == {
        "title": [
            ("", "x"),
            ("!", "x"),
            ("~", "x"),
            ("!~", "x"),
            ("^", "x"),
            ("$", "x"),
            ("", ""),
            ("!", ""),
            ("!~", ""),
            ("!", "!x"),
            ("!", "^x"),
            ("~", "!x"),
            ("", "x~"),
            ("", " !x"),
        ]
    }


def test_fields_stand_in_the_order_in_which_they_come_first_and_the_rest_is_left() -> None:
    parameters = [("status", "open"), ("format", "json"), ("kind", "!bug"), ("status", "new")]
    found = filters.read([*parameters, ("Title", "x"), ("", "x")])
    assert [*found.items()] == [
        ("status", [("", "open"), ("", "new")]),
        ("kind", [("!", "bug")]),
    ]


@pytest.mark.parametrize("operator", ["~", "!~", "^", "$"])
@pytest.mark.parametrize("name", [*WORDS, *NAMES])
def test_words_and_names_are_equal_or_not_and_no_more_is_asked_of_them(
    name: str, operator: str
) -> None:
    _, meaning = filters.OPERATORS[operator]
    assert refused(name, f"{operator}bug") == (
        f'"{operator}" ({meaning}) can\'t be asked of it, only "!" (is not) or a value'
    )


@pytest.mark.parametrize("operator", ["", "!"])
@pytest.mark.parametrize("text", ["", "Open", "new ", "on_hold", "bug,task", "%", "0"])
@pytest.mark.parametrize("name", WORDS)
def test_a_word_that_there_is_not_is_refused_with_those_that_there_are(
    name: str, text: str, operator: str
) -> None:
    said = refused(name, f"{operator}{text}")
    assert said.startswith("must be one of: ")
    assert {*said.removeprefix("must be one of: ").split(", ")} == {*WORDS[name]}


@pytest.mark.parametrize("name", ["title", "kind", "milestone", "reported_by"])
def test_what_no_database_can_take_is_refused(name: str) -> None:
    assert refused(name, "\0") == "Null characters are not allowed."
    assert refused(name, "\ud800") == "Lone surrogates are not allowed."
    assert refused(name, "é" * 1025) == ("Ensure this value has at most 2048 bytes (it has 2050).")


@pytest.mark.parametrize("search", ["a \0", "\udfff", "a " + "b" * 2049, "a " * 51])
def test_so_is_a_search_for_it(search: str) -> None:
    with pytest.raises(Invalid) as raised:
        filters.select({}, LIMITS, search=search)
    assert [*raised.value.fields] == ["search"]


def test_there_is_a_limit_to_the_values_of_all_fields_and_the_words_together() -> None:
    asked = {"title": [("~", "a")] * 20, "status": [("!", "new")] * 20}
    filters.select(asked, LIMITS, search="b " * 10)
    words = "more than 50 filters and words to search for"
    with pytest.raises(Invalid) as raised:
        filters.select(asked, LIMITS, search="b " * 11)
    assert raised.value.fields == {"search": [words]}
    with pytest.raises(Invalid) as raised:
        filters.select({**asked, "kind": [("", "bug")] * 11}, LIMITS)
    assert raised.value.fields == {"kind": [words]}


@pytest.mark.parametrize(
    ("sort", "words"),
    [
        ("utc_updated", 'unknown field "utc_updated"; did you mean "utc_last_updated"?'),
        ("-zzz", 'unknown field "zzz"'),
        ("--title", 'unknown field "-title"; did you mean "title"?'),
        ("content", 'unknown field "content"; did you mean "component"?'),
        ("-", 'unknown field ""'),
        ("\ud800\0", 'unknown field "\\ud800\0"'),
    ],
)
def test_a_sort_that_is_none_is_refused(sort: str, words: str) -> None:
    with pytest.raises(Invalid) as raised:
        filters.select({}, LIMITS, sort=sort)
    assert raised.value.fields == {"sort": [words]}


def test_nothing_asked_is_the_usual_list_which_is_quick() -> None:
    usual = filters.select({}, LIMITS)
    assert usual.lane is Lane.QUICK
    assert not usual.condition
    assert filters.select({}, LIMITS, search=" \t", sort="") == usual
    assert filters.select({}, LIMITS, sort="-utc_last_updated") == usual


@pytest.mark.parametrize(
    ("asked", "search"),
    [
        ({"title": [("~", "e")] * MOST_TERMS}, ""),
        ({"content": [("!~", "zzz"), ("$", "zzz")] * (MOST_TERMS // 2)}, ""),
        ({"status": [("!", "new"), ("", "new")] * (MOST_TERMS // 2)}, ""),
        ({"reported_by": [("^", "a")] * MOST_TERMS}, ""),
        ({"milestone": [("", ""), ("!", "")] * (MOST_TERMS // 2)}, ""),
        ({}, "e " * MOST_TERMS),
        (
            {
                name: [("", "" if name in NAMES else "new"), ("!", "x")] * 25
                for name in ("title", "content", "reported_by", *NAMES)
            },
            "e " * 150,
        ),
    ],
)
async def test_as_many_as_the_settings_can_allow_are_no_trouble_for_the_database(
    core: Core, asked: dict[str, list[tuple[str, str]]], search: str
) -> None:
    await core.take(sample())
    selection = filters.select(asked, Limits(query_terms=MOST_TERMS), search=search)
    page = await issues.find_all(core.db, await core.repository(), Listing(selection))
    assert page.size == len(page.items)


async def test_where_nothing_but_the_size_is_wanted_no_issue_is_read(core: Core) -> None:
    await core.take(sample())
    repository = await core.repository()
    await core.db.run("UPDATE issue_count SET issues = issues * 10")
    for asked, size in (({}, 2), ({"kind": [("", "proposal")]}, 10)):
        listing = Listing(filters.select(asked, LIMITS), limit=0)
        page = await issues.find_all(core.db, repository, listing)
        assert (page.items, page.size, page.last) == ([], size, None)


# What is found: random filters, beside an oracle that knows nothing of SQL

TEXTS = (
    "100%",
    "a_b",
    "axb",
    "back\\slash*",
    "Straße",
    "STRASSE",
    "Café",
    "Cafe\u0301",
    "İstanbul",
    "課題",
    "題",
    "needle in Hay",
    'say "hi"',
    "'; DROP TABLE issue; --",
    "zz",
    "Zz",
    "~x",
    "🐛 bug",
)
PEOPLE = (None, "alice", "bob_b", "Zoë", "bob%")


def documents() -> Iterator[dict[str, Any]]:
    """Issues as an archive and as the oracle see them."""
    for number in range(1, 37):
        yield {
            "id": number,
            "title": TEXTS[number % len(TEXTS)],
            "content": ("", *TEXTS)[number * 7 % (len(TEXTS) + 1)],
            "status": list(State)[number % 9],
            "kind": list(Kind)[number % 4],
            "priority": list(Priority)[number * 3 % 5],
            "component": (None, "UI", "ui", "a_b")[number % 4],
            "milestone": (None, "M1", "M 2")[number % 3],
            "version": (None, "1.0", "10")[number // 2 % 3],
            "reporter": PEOPLE[number % 5],
            "assignee": PEOPLE[number // 3 % 5],
            "created_on": f"2012-07-29T02:{number % 6:02}:00+00:00",
            "updated_on": f"2012-07-29T02:{number % 7:02}:01+00:00",
            "watchers": ["alice", "bob_b", "charlie"][: number % 4],
        }


MEMBERS = {"responsible": "assignee", "reported_by": "reporter"}
"""What archives call them."""

FIRST = {name: MEMBERS.get(name, name) for name in filters.FIELDS}
ORDERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    **{name: lambda row, member=FIRST[name]: row[member] for name in FIRST if name != "content"},
    "priority": lambda row: [*Priority].index(row["priority"]),
    "local_id": lambda row: row["id"],
    "created_on": lambda row: row["created_on"],
    "utc_created_on": lambda row: row["created_on"],
    "utc_last_updated": lambda row: row["updated_on"],
    "follower_count": lambda row: len(row["watchers"]),
}


def folded(text: str) -> str:
    """What is compared without regard to case and composition."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def holds(row: dict[str, Any], name: str, operator: str, text: str) -> bool:
    """Whether the filter leaves this issue."""
    value = row[FIRST[name]]
    if operator in ("!", "!~"):
        return not holds(row, name, operator[1:], text)
    if operator == "":
        return bool(value == text) or (value is None and text == "")
    if value is None:
        return False
    whole, part = folded(value), folded(text)
    if operator == "~":
        return part in whole
    return whole.startswith(part) if operator == "^" else whole.endswith(part)


def left(row: dict[str, Any], asked: Mapping[str, list[tuple[str, str]]], words: list[str]) -> bool:
    """Whether all filters and the search leave this issue."""
    return all(
        any(holds(row, name, *each) for each in wanted) for name, wanted in asked.items()
    ) and all(
        folded(word) in folded(row["title"]) or folded(word) in folded(row["content"])
        for word in words
    )


def in_order(rows: list[dict[str, Any]], sort: str) -> list[int]:
    """Their numbers: what is not set is last in both directions, ties are by number."""
    value, turned = ORDERS[sort.removeprefix("-")], sort.startswith("-")
    known = [(value(row), row["id"]) for row in rows if value(row) is not None]
    unknown = [row["id"] for row in rows if value(row) is None]
    ordered = [number for _, number in sorted(known, reverse=turned)]
    return ordered + sorted(unknown, reverse=turned)


pieces = st.sampled_from(
    (*TEXTS, "", "a", "Z", "%", "_", "*", "ss", "\u0301", "e", "É", "i", "hay", "HI", "bob")
)


@st.composite
def values(draw: st.DrawFn, name: str) -> tuple[str, str]:
    """An operator that the field takes, and a text."""
    if name in WORDS:
        return draw(st.sampled_from(("", "!"))), str(draw(st.sampled_from([*WORDS[name]])))
    known = st.sampled_from([row[FIRST[name]] or "" for row in documents()])
    operators = filters.OPERATORS if name in filters.SEARCHABLE else ("", "!")
    return draw(st.sampled_from([*operators])), draw(st.one_of(known, pieces))


asked_of_all = st.lists(st.sampled_from([*filters.FIELDS]), max_size=3, unique=True).flatmap(
    lambda names: st.fixed_dictionaries(
        {name: st.lists(values(name), min_size=1, max_size=3) for name in names}
    )
)


@pytest.fixture(params=[False, True], ids=["scanned", "indexed"])
async def filled(
    core: Core, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Core:
    """The core with the documents in a repository."""
    rows = [issue(row["id"], **row) for row in documents()]
    nothing: dict[str, Any] = {"comments": [], "logs": [], "attachments": []}
    await core.take(core.archive(sample(issues=rows, **nothing), "1.0", files={}))
    if request.param:
        monkeypatch.setattr(paging, "_FEW", 2)
        await indexing.index_new(core.db)
    return core


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(
    asked=asked_of_all,
    words=st.lists(pieces.filter(lambda text: " " not in text and text != ""), max_size=2),
    sort=st.sampled_from([sign + name for name in filters.ORDERS for sign in ("", "-")]),
    limit=st.integers(1, 15),
)
async def test_random_filters_find_what_an_oracle_finds(
    filled: Core,
    asked: dict[str, list[tuple[str, str]]],
    words: list[str],
    sort: str,
    limit: int,
) -> None:
    wanted = [row for row in documents() if left(row, asked, words)]
    selection = filters.select(asked, LIMITS, search=" ".join(words), sort=sort)
    repository = await filled.repository()
    found: list[int] = []
    for start in range(0, len(wanted) + limit, limit):
        page = await issues.find_all(filled.db, repository, Listing(selection, limit, start))
        assert page.size == len(wanted)
        found += [row["number"] for row in page.items]
    assert found == in_order(wanted, sort)


def test_every_field_and_every_order_has_its_oracle() -> None:
    assert ORDERS.keys() == filters.ORDERS.keys()
