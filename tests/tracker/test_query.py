"""q and sort: what is read, what is refused in which words, and what is found."""

import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.archives import issue, sample
from tests.tracker.conftest import Core
from tracker import catalogues, clock, issues, query
from tracker.database import Lane
from tracker.errors import Invalid
from tracker.query import paging
from tracker.query.grammar import Comparison, Expression, parse
from tracker.query.paging import Listing
from tracker.settings import Limits
from tracker.vocabulary import Kind, Priority, State
from tracker.work import indexing

LIMITS = Limits()


def said(expression: Expression) -> str:
    """An expression with all its parentheses."""
    if isinstance(expression, Comparison):
        values = ", ".join(str(literal.value) for literal in expression.literals)
        return f"{expression.path} {expression.operator} {values}"
    return "(" + f" {expression.word} ".join(map(said, expression.parts)) + ")"


@pytest.mark.parametrize(
    ("q", "meaning"),
    [
        ('title="x"', "title = x"),
        ('  title  !=\t"x"\r\n', "title != x"),
        ('title ~ "x"', "title ~ x"),
        ('title!~"x"', "title !~ x"),
        ("id > 120", "id > 120"),
        ("id>=-10.302", "id >= -10.302"),
        ("id<007", "id < 7"),
        (f"id <= {'9' * 2000}", f"id <= {'9' * 2000}"),
        ("assignee = null", "assignee = None"),
        ("has_issues = True", "has_issues = True"),
        ("has_issues = fAlSe", "has_issues = False"),
        ('id in (1,2 , "c" )', "id IN 1, 2, c"),
        ("id Not iN (null)", "id NOT IN None"),
        ("a=1 and b=2 AND c=3", "(a = 1 AND b = 2 AND c = 3)"),
        ("a=1 or b=2 AND c=3 Or d=4", "(a = 1 OR (b = 2 AND c = 3) OR d = 4)"),
        ("(a=1 or b=2)AND(c=3)", "((a = 1 OR b = 2) AND c = 3)"),
        ("((((a=1))))", "a = 1"),
        ('a="x"and b="y"', "(a = x AND b = y)"),
        ('changes.state.new = "resolved"', "changes.state.new = resolved"),
        ("_a1.B_2 = 1", "_a1.B_2 = 1"),
        (r't = "\"\\\/\n\t\u00e9\ud83d\ude00"', 't = "\\/\n\té😀'),
        (
            r't = "100\%\_\
"',
            "t = 100%_\n",
        ),
        ('t = "a\nb\u2028c  d"', "t = a\nb\u2028c  d"),
        ('t = ""', "t = "),
        ("t > 2013-04-25", "t > 2013-04-25 00:00:00+00:00"),
        ("t > 2013-04-25T15:39", "t > 2013-04-25 15:39:00+00:00"),
        ("t > 2013-04-25t15:39:38z", "t > 2013-04-25 15:39:38+00:00"),
        ("t > 2013-04-25T15:39:38.5", "t > 2013-04-25 15:39:38.500000+00:00"),
        ("t > 2013-04-25T15:39:38.123456789Z", "t > 2013-04-25 15:39:38.123456+00:00"),
        ("t > 2013-04-25T01:30:00+02:00", "t > 2013-04-24 23:30:00+00:00"),
        ("t > 2013-04-25T01:30-0230", "t > 2013-04-25 04:00:00+00:00"),
        ("t > 2013-04-25T01:30+02", "t > 2013-04-24 23:30:00+00:00"),
        # What a plus sign becomes that was not encoded.
        ("t > 2013-04-25T01:30:00 02:00 and a=1", "(t > 2013-04-24 23:30:00+00:00 AND a = 1)"),
    ],
)
def test_the_grammar_is_read(q: str, meaning: str) -> None:
    assert said(parse(q, LIMITS)) == meaning


@pytest.mark.parametrize(
    ("q", "message"),
    [
        ("(", "column 2: expected a field, but q ends here"),
        (")", 'column 1: expected a field, not ")"'),
        ("title", "column 6: expected one of = != ~ !~ > >= < <= IN NOT IN, but q ends here"),
        ('title "x"', "column 7: expected one of = != ~ !~ > >= < <= IN NOT IN, not the text"),
        ("title =", "column 8: expected a value, but q ends here"),
        ("title = x", 'column 9: expected a value, not "x": texts stand in double quotes'),
        ("title = 'x'", 'column 9: unexpected "\'"'),
        ('title = "x', "column 9: this text does not end"),
        (r'title = "\"', "column 9: this text does not end"),
        (r'title = "\u12"', r"column 9: four hexadecimal digits must follow \u"),
        (r'title = "\u0000"', "column 9: Null characters are not allowed."),
        (r'title = "\ud800"', "column 9: Lone surrogates are not allowed."),
        ('title = "\ud800"', "Lone surrogates are not allowed."),
        ('title = "\0"', "Null characters are not allowed."),
        ('title == "x"', 'column 8: expected a value, not "="'),
        ('title ! "x"', 'column 7: unexpected "!"'),
        ('title = "x" title = "y"', 'column 13: expected AND or OR, not "title"'),
        ('title = "x" AND', "column 16: expected a field, but q ends here"),
        (
            'title = "x" AND OR id = 1',
            'column 20: expected one of = != ~ !~ > >= < <= IN NOT IN, not "id"',
        ),
        ('(title = "x"', 'column 13: expected ")", but q ends here'),
        ('title = "x")', 'column 12: expected AND or OR, not ")"'),
        ('NOT title = "x"', 'column 5: expected one of = != ~ !~ > >= < <= IN NOT IN, not "title"'),
        ('title NOT = "x"', 'column 11: expected "IN", not "="'),
        ("id IN 1", 'column 7: expected "(", not "1"'),
        ("id IN ()", 'column 8: expected a value, not ")"'),
        ("id IN (1,)", 'column 10: expected a value, not ")"'),
        ("id IN (1 2)", 'column 10: expected ")", not "2"'),
        ("id = 1.", 'column 6: "1." is neither a number nor a time'),
        ("id = 1e3", 'column 6: "1e3" is neither a number nor a time'),
        ("id = 1_0", 'column 6: "1_0" is neither a number nor a time'),
        ("id = 5AND id = 6", 'column 6: "5AND" is neither a number nor a time'),
        ("id = +1", 'column 6: unexpected "+"'),
        ("id = ١", 'column 6: unexpected "١"'),
        ("id = -", 'column 6: unexpected "-"'),
        ("created_on > 2013-4-5", 'column 14: "2013-4-5" is neither a number nor a time'),
        ("created_on > 2013-02-30", 'column 14: there is no such time as "2013-02-30"'),
        ("created_on > 2013-04-25T25:00", 'column 14: there is no such time as "2013-04-25T25:00"'),
        (
            "created_on > 0001-01-01T00:00+05:00",
            'column 14: there is no such time as "0001-01-01T00:00+05:00"',
        ),
        ("title..raw = 1", 'column 6: unexpected "."'),
        ("id = 1; DROP TABLE issue", 'column 7: unexpected ";"'),
        ("id = 1 -- x", 'column 8: unexpected "-"'),
        (
            'state = "opened"',
            "column 9: must be one of: closed, duplicate, invalid, new, on hold,"
            " open, resolved, submitted, wontfix",
        ),
        (
            'priority >= "nonsense"',
            "column 13: must be one of: trivial, minor, major, critical, blocker",
        ),
        ('kind IN ("bug", "x")', "column 17: must be one of: bug, enhancement, proposal, task"),
        ('id = "1"', 'column 6: "id" is compared with a number'),
        ("title = 1", 'column 9: "title" is compared with a text in double quotes, like "text"'),
        ("state = true", 'column 9: "state" is compared with a text in double quotes, like "text"'),
        *(
            (
                f"{field} {shown}",
                f'column {column}: "{field}" is compared with a time,'
                " like 2013-04-25T15:39:39+00:00",
            )
            for field, shown, column in (
                ("created_on", '> "2013-4-5"', 14),
                ("created_on", '= ""', 14),
                ("created_on", '< " 2013-04-25"', 14),
                ("updated_on", '!= "yesterday"', 15),
                ("edited_on", 'IN ("2013-04-25", "2013-04-25T")', 29),
                ("created_on", "= 2013", 14),
            )
        ),
        ('created_on > "2013-02-30"', 'column 14: there is no such time as "2013-02-30"'),
        (
            'created_on NOT IN (null, "0001-01-01T00:00+05:00")',
            'column 26: there is no such time as "0001-01-01T00:00+05:00"',
        ),
        ('created_on ~ "2013"', 'column 1: "created_on" is no text: ~ and !~ need one'),
        ('id = "2013-04-25"', 'column 6: "id" is compared with a number'),
        (
            'assignee = "bob"',
            'column 12: "assignee" is compared with null, or one of its members'
            ' like "assignee.uuid" with a text',
        ),
        ("assignee > 1", 'column 12: > compares by an order: "assignee" has no order'),
        ("id > null", "column 6: > compares by an order: null has none"),
        ("id ~ 1", 'column 1: "id" is no text: ~ and !~ need one'),
        ("title ~ 1", 'column 9: ~ and !~ need a text in double quotes, like "text"'),
        ("title !~ null", 'column 10: ~ and !~ need a text in double quotes, like "text"'),
    ],
)
def test_a_mistake_is_named_with_its_place(q: str, message: str) -> None:
    with pytest.raises(Invalid) as raised:
        query.select(catalogues.ISSUES, LIMITS, q=q)
    assert raised.value.message == f"q: {message}"
    assert raised.value.fields == {"q": [message]}


@pytest.mark.parametrize(
    ("q", "field", "place"),
    [
        ("closed_on > 2013-04-25", "closed_on", 'column 1; did you mean "created_on"?'),
        ('stat = "open"', "stat", 'column 1; did you mean "state"?'),
        ('id = 1 OR zzz = "open"', "zzz", "column 11"),
        ("reporter.name = 1", "reporter.name", 'column 1; did you mean "reporter.username"?'),
        (f"{'a' * 70} = 1", f"{'a' * 52}...", "column 1"),
    ],
)
def test_an_unknown_field_is_refused_in_bitbuckets_words_and_with_its_place(
    q: str, field: str, place: str
) -> None:
    with pytest.raises(Invalid) as raised:
        query.select(catalogues.ISSUES, LIMITS, q=q)
    message = f'Field ".values.{field}" does not support filtering ({place})'
    assert raised.value.message == message
    assert raised.value.fields == {"q": [message]}


@pytest.mark.parametrize(
    ("sort", "message"),
    [
        ("updated", 'unknown field "updated"; did you mean "updated_on"?'),
        ("--id", 'unknown field "-id"; did you mean "id"?'),
        ("id,title", "a list can be sorted by one field only"),
        ("title DESC", 'unknown field "title DESC"; did you mean "title"?'),
        ("content.raw", '"content.raw" has no order'),
        ("-assignee", '"assignee" has no order'),
    ],
)
def test_a_sort_that_is_none_is_refused(sort: str, message: str) -> None:
    with pytest.raises(Invalid) as raised:
        query.select(catalogues.ISSUES, LIMITS, sort=sort)
    assert raised.value.message == f"sort: {message}"
    assert raised.value.fields == {"sort": [message]}


def test_nothing_asked_is_everything_in_the_usual_order() -> None:
    usual = query.select(catalogues.ISSUES, LIMITS)
    assert query.select(catalogues.ISSUES, LIMITS, q=" ", sort="") == usual
    assert query.select(catalogues.ISSUES, LIMITS, sort="-updated_on") == usual
    assert usual.lane is Lane.QUICK


@pytest.mark.parametrize(
    ("catalogue", "q", "sort", "lane"),
    [
        ("ISSUES", None, "-id", Lane.QUICK),
        ("ISSUES", None, "updated_on", Lane.QUICK),
        ("ISSUES", None, "votes", Lane.ROWS),
        ("ISSUES", "id > 0", None, Lane.ROWS),
        ("ISSUES", 'state = "new" OR state = "open"', None, Lane.ROWS),
        ("ISSUES", 'state ~ "o" AND component = "x"', "-milestone", Lane.ROWS),
        ("ISSUES", 'assignee = null OR reporter.nickname = "bob"', None, Lane.ROWS),
        ("ISSUES", 'component ~ "x"', None, Lane.TEXTS),
        ("ISSUES", 'reporter.nickname !~ "x"', None, Lane.TEXTS),
        ("ISSUES", 'title = "x"', None, Lane.TEXTS),
        ("ISSUES", 'state = "new" AND (votes > 3 OR title ~ "x")', "id", Lane.TEXTS),
        ("ISSUES", 'content.markup != "creole"', None, Lane.TEXTS),
        ("ISSUES", None, "-title", Lane.TEXTS),
        ("COMMENTS", None, "-id", Lane.QUICK),
        ("COMMENTS", None, "-created_on", Lane.TEXTS),
        ("CHANGES", "changes.state != null", None, Lane.TEXTS),
    ],
)
def test_what_looks_at_texts_is_apart_from_what_looks_at_rows(
    catalogue: str, q: str | None, sort: str | None, lane: Lane
) -> None:
    assert query.select(getattr(catalogues, catalogue), LIMITS, q=q, sort=sort).lane is lane


def test_limits_hold_at_the_last_allowed_and_the_first_refused() -> None:
    def refused(q: str) -> str:
        with pytest.raises(Invalid) as raised:
            parse(q, LIMITS)
        return raised.value.message

    parse(f'title = "{"é" * 1019}"', LIMITS)
    assert refused(f'title = "{"é" * 1019}" ') == (
        "q: Ensure this value has at most 2048 bytes (it has 2049)."
    )
    parse(f"{'(' * 20}id = 1{')' * 20}", LIMITS)
    assert refused(f"{'(' * 21}id = 1{')' * 21}") == (
        "q: column 21: more than 20 parentheses inside one another"
    )
    parse(" OR ".join(["(id=1)"] * 50), LIMITS)
    assert refused(" OR ".join(["id=1"] * 51)) == "q: column 401: more than 50 comparisons"


# What is found: random expressions, beside an oracle that knows nothing of SQL

TITLES = (
    "",
    "100%",
    "a_b",
    "axb",
    "back\\slash",
    "Straße",
    "STRASSE",
    "Café",
    "Cafe\u0301",
    "課題",
    "needle in Hay",
    'say "hi"',
    "'; DROP TABLE issue; --",
    "zz",
    "Zz",
    "🐛 bug",
    "NULL",
)
START = datetime(2013, 4, 25, 15, 39, 39, 417474, tzinfo=UTC)
PEOPLE = {1: "alice", 2: "bob", 3: "charlie"}


def documents() -> Iterator[dict[str, Any]]:
    """Issues as the oracle sees them."""
    for number in range(1, 41):
        person = PEOPLE.get(number % 5)
        yield {
            "id": number,
            "title": TITLES[number % len(TITLES)],
            "content.raw": TITLES[number * 7 % len(TITLES)],
            "state": list(State)[number % 9],
            "kind": list(Kind)[number % 4],
            "priority": list(Priority)[number * 3 % 5],
            "votes": number % 4,
            "created_on": START + timedelta(hours=number % 6),
            "edited_on": START + timedelta(days=number) if number % 3 else None,
            "component": (None, "UI", "ui", "api")[number % 4],
            "reporter": person,
            "reporter.nickname": person,
        }


@pytest.fixture(params=[False, True], ids=["scanned", "indexed"])
async def filled(
    core: Core, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Core:
    """The core with the documents in a repository, and the same ones in another one."""
    for full_name in ("alice/app", "charlie/x"):
        await _fill(core, await core.in_force(full_name))
    if request.param:
        monkeypatch.setattr(paging, "_FEW", 2)
        await indexing.index_new(core.db)
    return core


async def _fill(core: Core, tracker: int) -> None:
    ids = {name: (await core.actor(name)).id for name in PEOPLE.values()}
    async with core.db.transaction() as tx:
        for place, name in enumerate(("UI", "ui", "api"), tracker * 10):
            await tx.run(
                "INSERT INTO category VALUES (:id, :tracker, 'component', :name)",
                {"id": place, "tracker": tracker, "name": name},
            )
        for issue in documents():
            edited = issue["edited_on"]
            values = {
                **{name.replace(".", "_"): value for name, value in issue.items()},
                "tracker": tracker,
                "created_on": clock.text(issue["created_on"]),
                "edited_on": None if edited is None else clock.text(edited),
                "component": issue["id"] % 4 and tracker * 10 - 1 + issue["id"] % 4,
                "reporter": ids.get(issue["reporter"]),
            }
            await tx.run(
                """INSERT INTO issue (tracker_id, number, title, content_raw, state, kind, priority,
                                      votes, component_id, reporter_id, created_on, updated_on,
                                      edited_on)
                   VALUES (:tracker, :id, :title, :content_raw, :state, :kind, :priority, :votes,
                           nullif(:component, 0), :reporter, :created_on, :created_on,
                           :edited_on)""",
                values,
            )
            await tx.run(
                """INSERT INTO issue_text (tracker_id, number, title, content)
                   VALUES (:tracker, :id, fold(:title), fold(:content_raw))""",
                values,
            )
        await tx.run(
            "UPDATE tracker SET issue_count = 40 WHERE id = :tracker", {"tracker": tracker}
        )


def quoted(text: str) -> str:
    """A text as q has it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def folded(text: str) -> str:
    """What ~ compares."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda value, wanted: value == wanted,
    "<": lambda value, wanted: value < wanted,
    "<=": lambda value, wanted: value <= wanted,
    ">": lambda value, wanted: value > wanted,
    ">=": lambda value, wanted: value >= wanted,
    "~": lambda value, wanted: folded(wanted) in folded(value),
}
ORDER = ("<", "<=", ">", ">=")
EQUAL = ("=", "!=", "IN", "NOT IN")
LIKE = ("~", "!~")
RANKS: dict[str, list[str]] = {"priority": list(Priority)}

texts = st.sampled_from((*TITLES, "a", "%", "_", "SS", "E\u0301", "bob", "UI")).map(
    lambda text: (text, quoted(text))
)
numbers = st.one_of(
    st.integers(-2, 45).map(Decimal),
    st.decimals(-2, 45, places=2),
    st.sampled_from((Decimal(2) ** 63, -(Decimal(2) ** 63) - 1, Decimal("1" * 400))),
).map(lambda number: (number, f"{number:f}"))
times = st.builds(
    lambda hours, zone: START.replace(microsecond=417474) + timedelta(hours=hours, minutes=zone),
    st.integers(-2, 500),
    st.sampled_from((0, 0, 0, 30)),
).flatmap(
    lambda time: st.sampled_from([(time, time.isoformat()), (time, quoted(time.isoformat()))])
)
VALUES: dict[str, tuple[st.SearchStrategy[Any], tuple[str, ...]]] = {
    "id": (numbers, (*EQUAL, *ORDER)),
    "votes": (numbers, (*EQUAL, *ORDER)),
    "title": (texts, (*EQUAL, *ORDER, *LIKE)),
    "content.raw": (texts, (*EQUAL, *ORDER, *LIKE)),
    "component": (texts, (*EQUAL, *ORDER, *LIKE)),
    "reporter.nickname": (texts, (*EQUAL, *ORDER, *LIKE)),
    "created_on": (times, (*EQUAL, *ORDER)),
    "edited_on": (times, (*EQUAL, *ORDER)),
    "reporter": (st.nothing(), EQUAL),
    **{
        path: (st.sampled_from([(str(word), f'"{word}"') for word in words]), (*EQUAL, *ORDER))
        for path, words in (("state", State), ("kind", Kind), ("priority", Priority))
    },
}

Test = Callable[[dict[str, Any]], bool]


@st.composite
def comparisons(draw: st.DrawFn) -> tuple[str, Test]:
    """A comparison and its meaning."""
    path = draw(st.sampled_from(sorted(VALUES)))
    values, operators = VALUES[path]
    operator = draw(st.sampled_from(operators))
    if operator in EQUAL:
        values = st.one_of(st.just((None, "null")), values)
    wanted = draw(st.lists(values, min_size=1, max_size=3 if "IN" in operator else 1))
    shown = ", ".join(text for _, text in wanted)
    right = f"({shown})" if "IN" in operator else shown
    negative = operator in ("!=", "!~", "NOT IN")
    compare = COMPARE[{"!=": "=", "!~": "~", "IN": "=", "NOT IN": "="}.get(operator, operator)]

    def meaning(issue: dict[str, Any]) -> bool:
        value = issue[path]
        if path in RANKS and operator in ORDER:
            ranks = RANKS[path]
            return compare(ranks.index(value), ranks.index(wanted[0][0]))
        holds = any(
            one is None if value is None else one is not None and compare(value, one)
            for one, _ in wanted
        )
        return holds is not negative

    return f"{path} {operator} {right}", meaning


def joined(parts: list[tuple[str, Test]], word: str) -> tuple[str, Test]:
    """Expressions in parentheses, joined by a word."""
    every = all if word.upper() == "AND" else any
    return (
        f" {word} ".join(f"({text})" for text, _ in parts),
        lambda issue: every(meaning(issue) for _, meaning in parts),
    )


expressions = st.recursive(
    comparisons(),
    lambda inner: st.builds(
        joined, st.lists(inner, min_size=2, max_size=3), st.sampled_from(("AND", "or", "And"))
    ),
    max_leaves=8,
)


def oracle_order(path: str, is_descending: bool) -> Callable[[dict[str, Any]], Any]:
    """A key for sorting documents, nulls last in both directions."""
    ranks = {word: place for place, word in enumerate(Priority)} if path == "priority" else {}

    def key(issue: dict[str, Any]) -> Any:
        value = issue[path]
        unknown = value is None
        return (
            unknown is not is_descending,
            0 if unknown else ranks.get(value, value),
            issue["id"],
        )

    def separated(issue: dict[str, Any]) -> Any:
        unknown, value, number = key(issue)
        return (unknown, value, number) if issue[path] is not None else (unknown, number)

    return separated


SORTABLE = sorted(set(VALUES) - {"content.raw", "reporter"})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(
    asked=expressions,
    path=st.sampled_from(SORTABLE),
    is_descending=st.booleans(),
    limit=st.integers(1, 15),
)
async def test_random_queries_find_what_an_oracle_finds(
    filled: Core, asked: tuple[str, Test], path: str, is_descending: bool, limit: int
) -> None:
    q, meaning = asked
    wanted = [issue for issue in documents() if meaning(issue)]
    wanted.sort(key=oracle_order(path, is_descending), reverse=is_descending)
    selection = query.select(
        catalogues.ISSUES, LIMITS, q=q, sort=f"{'-' if is_descending else ''}{path}"
    )
    repository = await filled.repository()
    found: list[int] = []
    after = None
    while True:
        listing = Listing(selection, limit, after=after)
        page = await issues.find_all(filled.db, repository, listing)
        assert page.size == len(wanted)
        found += [row["number"] for row in page.items]
        if page.last is None:
            break
        after = page.last
    assert found == [issue["id"] for issue in wanted]


async def test_what_an_archive_brought_is_found_by_its_folded_text(core: Core) -> None:
    brought = [issue(3, title="STRASSE", content="Cafe\u0301"), issue(4)]
    await core.take(sample(issues=brought, comments=[], logs=[], attachments=[]))
    repository = await core.repository()
    for q in ('title ~ "straße"', 'content.raw ~ "CAFÉ"'):
        listing = Listing(query.select(catalogues.ISSUES, LIMITS, q=q))
        page = await issues.find_all(core.db, repository, listing)
        assert [row["number"] for row in page.items] == [3], q
