"""Whatever strangers send as q, sort and pages: a literal meaning or a 400, and nothing changes."""

import dataclasses
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api_v2.test_queries import LISTS
from tests.conftest import APP, OPEN, Api, Start
from tests.jobs.working import dump
from tests.rows import add_attachment, add_comment, define
from tracker import catalogues, issues, query
from tracker.errors import Invalid
from tracker.query.paging import Listing
from tracker.settings import Limits, Settings

INJECTIONS = (
    "' OR '1'='1",
    "' OR 1=1 --",
    "'; DROP TABLE issue; --",
    "') UNION SELECT password_hash FROM account --",
    '" OR ""="',
    '") OR ("1"="1',
    "1 OR 1=1",
    "1; ATTACH DATABASE '/tmp/x' AS x",
    ":q0",
    ":tracker",
    "?1",
    "%",
    "_",
    "\\",
    "%' ESCAPE '%",
    "*",
    "[a-z]",
    "/* */",
    "--",
    "`id`",
    "${7*7}",
    "{{7*7}}",
    "randomblob(1000000000)",
    "load_extension('x')",
    "\u2019 OR 1=1",
    "\u02bc OR 1=1",
)


async def fill(api: Api, full_name: str, who: str, title: str) -> None:
    """An issue of that title, with one of everything that lists have."""
    await api.post(f"/2.0/repositories/{full_name}/issues", who, {"title": title})
    first = 100 if full_name == "alice/open" else 200
    await add_comment(api, full_name, 1, first, content=title, logs=[("title", "x", title)])
    await add_attachment(api, full_name, 1, 1, title, None)
    for kind in ("component", "milestone", "version"):
        await define(api, full_name, kind, title)


@pytest.fixture
async def two(api: Api) -> Api:
    """The same things in a public repository and in a stranger's private one."""
    await fill(api, "alice/open", "alice", "mine")
    await fill(api, "charlie/x", "charlie", "secret")
    await fill(api, "alice/app", "alice", "hidden")
    return api


@pytest.mark.parametrize("tail", LISTS)
@pytest.mark.parametrize(
    "tautology", ['{field} != "zzz" OR {field} = "zzz"', '{field} !~ "zzz" or {field} ~ ""']
)
async def test_no_query_leaves_its_list(two: Api, tail: str, tautology: str) -> None:
    field = {"comments": "content.raw", "changes": "message.raw", "issues": "title"}
    q = tautology.format(field=field.get(tail.rpartition("/")[2], "name"))
    path = f"{OPEN}/{tail}"
    everything = await two.get(path)
    found = await two.get(f"{path}?q={quote(q)}")
    assert found["values"] == everything["values"]
    assert found["size"] == everything["size"] == len(everything["values"])
    assert "secret" not in json.dumps(found)
    assert "hidden" not in json.dumps(found)


@pytest.mark.parametrize(
    "q",
    [
        ") OR (1=1",
        ") OR (id > 0",
        "id > 0) OR (id > 0",
        "1 = 1",
        "id = id",
        "tracker_id = 1",
        "i.tracker_id != 1",
        "id = (1)",
        "id = 1 UNION SELECT 1",
        'EXISTS(title = "x")',
        "id IN (SELECT 1)",
        'title LIKE "%"',
        "id IS NULL",
        "id = :tracker",
        "id = ?",
        "repository.id = 1",
    ],
)
async def test_what_is_sql_and_no_query_is_refused(two: Api, q: str) -> None:
    for tail in LISTS:
        answer = await two("GET", f"{OPEN}/{tail}?q={quote(q, safe='')}")
        assert answer.status == 400, tail
        assert list(answer.body["error"]["fields"]) == ["q"]


def written(text: str) -> str:
    """A text as q has it, in an address."""
    return quote(json.dumps(text), safe="")


async def test_injections_are_texts_like_others(two: Api, settings: Settings) -> None:
    for title in INJECTIONS:
        await two.post(f"{OPEN}/issues", "alice", {"title": title})
    before = dump(settings.database)
    for number, text in enumerate(INJECTIONS, 2):
        path = f"{OPEN}/issues?pagelen=100&sort=id&q="
        equal = await two.get(f"{path}title={written(text)}")
        assert [issue["id"] for issue in equal["values"]] == [number]
        alike = await two.get(f"{path}title~{written(text)}")
        assert [issue["title"] for issue in alike["values"]] == [
            title for title in ("mine", *INJECTIONS) if text.casefold() in title.casefold()
        ]
        among = await two.get(f"{path}title IN ({written(text)}) AND reporter.nickname != null")
        assert among["values"] == equal["values"]
    assert dump(settings.database) == before


@pytest.mark.parametrize("name", ["q", "sort", "after"])
async def test_injections_in_parameters_are_refused(
    two: Api, settings: Settings, name: str
) -> None:
    before = dump(settings.database)
    for text in INJECTIONS:
        for tail in LISTS:
            answer = await two("GET", f"{OPEN}/{tail}?{name}={quote(text, safe='')}")
            assert answer.status == 400, (text, tail)
            assert answer.body["type"] == "error"
    assert dump(settings.database) == before


BOMBS = {
    "parentheses": "(" * 2000,
    "closed parentheses": "(" * 1000 + "id=1" + ")" * 1000,
    "alternatives": " OR ".join(["id=1"] * 250),
    "a long text": f'title ~ "{"a" * 3000}"',
    "many quotes": 'a"' * 1000,
    "many backslashes": 'title="' + "\\" * 1999,
    "a long number": "id = " + "9" * 2500,
    "a long field": "a." * 1000 + "a = 1",
    "a long list": f"id IN ({'1,' * 1500}1)",
    "words": "NOT " * 500,
}


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_is_refused(api: Api, name: str) -> None:
    answer = await api("GET", f"{OPEN}/issues?q={quote(BOMBS[name], safe='')}")
    assert answer.status == 400
    assert answer.body["error"]["message"].startswith(("q: ", "Field "))


LAST = "\U0010ffff"


async def test_the_biggest_queries_that_are_allowed_are_answered(two: Api) -> None:
    for q in (
        " OR ".join(['(title!~"zz" AND id>0)'] * 25),
        "(" * 20 + " AND ".join(["id>0"] * 50) + ")" * 20,
        f'title !~ "{"%" * 2000}"',
        f"id IN ({','.join(['1'] * 1000)})",
        f"id < {'9' * 2000}",
        f"id > -{'9' * 1000}.{'9' * 1000}",
        f'title <= "{LAST * 500}"',
    ):
        answer = await two("GET", f"{OPEN}/issues?q={quote(q, safe='')}")
        assert (answer.status, answer.body.get("size")) == (200, 1), q[:40]


def nested(depth: int, terms: int, leaf: str, word: str = "OR") -> str:
    """Parentheses as deep as allowed, and in them comparisons on both sides as long as there are
    enough; the deepest stand on the right."""
    if depth == 0:
        return leaf
    other = "AND" if word == "OR" else "OR"
    left = terms // 2 if terms >= 4 * depth else 1
    before = nested(depth - 1, left, leaf, other) if left > 1 else leaf
    return f"({before} {word} {leaf} {other} {nested(depth - 1, terms - left - 1, leaf, other)})"


@pytest.mark.parametrize(
    "limits", [Limits(), Limits(query_bytes=32 * 1024, query_depth=30, query_terms=500)]
)
@pytest.mark.parametrize("leaf", ["id>0", 'reporter.nickname NOT IN ("a",null)', 'title!~"zz"'])
async def test_what_the_limits_allow_is_no_more_than_the_database_takes(
    two: Api, limits: Limits, leaf: str
) -> None:
    repository = await two.repository("alice/open")
    longest = (limits.query_bytes - 20) // 2
    for q in (
        nested(limits.query_depth, limits.query_terms * 2 // 3, leaf),
        " AND ".join([leaf] * min(limits.query_terms, limits.query_bytes // (len(leaf) + 5))),
        f"id IN ({','.join('1' * longest)}) AND id > 0",
    ):
        # Bytes aside, which are not what the database minds here.
        roomy = dataclasses.replace(limits, query_bytes=1 << 20)
        listing = Listing(query.select(catalogues.ISSUES, roomy, q=q, sort="assignee.nickname"))
        assert (await issues.find_all(two.db, repository, listing)).size == 1


async def test_limits_come_from_the_settings(start: Start, settings: Settings) -> None:
    limits = dataclasses.replace(settings.limits, query_bytes=40, query_depth=1, query_terms=2)
    api = await start(dataclasses.replace(settings, limits=limits))
    for q, status in (
        ("(id=1) OR (id=2)", 200),
        ("((id=1))", 400),
        ("id=1 OR id=2 OR id=3", 400),
        (f'title="{"a" * 32}"', 200),
        (f'title="{"a" * 33}"', 400),
    ):
        assert (await api("GET", f"{OPEN}/issues?q={quote(q)}")).status == status, q


@pytest.mark.parametrize(
    "number",
    [
        "0",
        "-1",
        "2147483648",
        "9223372036854775807",
        "9223372036854775808",
        "1" * 400,
        "0.5",
        "-9223372036854775809",
    ],
)
@pytest.mark.parametrize("operator", ["=", "!=", "<", ">=", "IN", "NOT IN"])
async def test_every_number_compares(two: Api, operator: str, number: str) -> None:
    value = f"({number})" if "IN" in operator else number
    page = await two.get(f"{OPEN}/issues?q=id {operator} {value}")
    holds = {
        "=": False,
        "IN": False,
        "!=": True,
        "NOT IN": True,
        "<": float(number) > 1,
        ">=": float(number) <= 1,
    }
    assert page["size"] == holds[operator]


@pytest.mark.parametrize(
    "query_string",
    [
        "q=%00",
        'q=title="%00"',
        "q=%ED%A0%80",
        'q=title="%ED%A0%80',
        'q=title="%5Cud800"',
        "q=%FF",
        "sort=%00",
        "sort=%ED%A0%80",
        "sort=%FF",
        "sort=-",
        "sort=+id",
        "sort=__class__",
        "q=%0d%0aX: y",
    ],
)
async def test_what_is_no_text_is_refused(api: Api, query_string: str) -> None:
    answer = await api("GET", f"{OPEN}/issues?{query_string}")
    assert answer.status == 400
    assert answer.body["type"] == "error"


async def test_a_repeated_parameter_is_no_bomb(two: Api) -> None:
    page = await two.get(f"{OPEN}/issues?q=id=1{'&state=new&q=(' * 500}")
    assert page["size"] == 1


async def test_counts_do_not_tell_what_is_hidden(two: Api) -> None:
    assert (await two.get(f'{OPEN}/issues?q=title = "secret" OR title = "hidden"'))["size"] == 0
    for who in (None, "charlie"):
        answer = await two("GET", f"{APP}/issues?q=id=1&sort=title", who)
        absent = await two("GET", "/2.0/repositories/alice/none/issues?q=id=1&sort=title", who)
        assert (answer.status, answer.body) == (absent.status, absent.body)


WORDS = st.sampled_from(
    [
        *catalogues.ISSUES.columns,
        "(",
        ")",
        ",",
        "AND",
        "OR",
        "NOT",
        "IN",
        "=",
        "!=",
        "~",
        "<=",
        "null",
        "true",
        '"x"',
        '"open"',
        "5",
        "-1.5",
        "2013-04-25",
        "2013-04-25T10:00Z",
        '"',
        "\\",
        "é",
        "\ud800",
        "\0",
        " 02:00",
        ".",
    ]
)


@given(
    q=st.one_of(
        st.text(max_size=60),
        st.lists(WORDS, max_size=25).map(" ".join),
        st.lists(WORDS, max_size=12).map("".join),
    ),
    sort=st.one_of(st.none(), st.text(max_size=10), WORDS),
)
def test_anything_is_understood_or_refused(q: str, sort: str | None) -> None:
    try:
        selection = query.select(catalogues.ISSUES, Limits(), q=q, sort=sort)
        said = selection.condition
        named = set(selection.params)
    except Invalid as error:
        said, named = error.message, set(error.fields)
    assert said.encode() or not q.strip()
    assert all(name in said for name in named)
