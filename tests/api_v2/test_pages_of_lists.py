"""page, pagelen and next: walking along a list."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.conftest import OPEN, Api
from tests.rows import define

ISSUES = f"{OPEN}/issues"


async def make_issues(api: Api, count: int) -> None:
    """So many issues."""
    for number in range(count):
        await api.post(ISSUES, "bob", {"title": f"{number}"})


async def walk(api: Api, path: str) -> list[int]:
    """The ids along the list, following next."""
    ids = []
    while True:
        page = await api.get(path)
        ids += [value["id"] for value in page["values"]]
        if "next" not in page:
            return ids
        path = page["next"].removeprefix(api.url)


async def test_a_walk_sees_every_issue_once(api: Api) -> None:
    await make_issues(api, 7)
    for length in (1, 2, 3, 6, 7, 8):
        assert await walk(api, f"{ISSUES}?pagelen={length}") == [7, 6, 5, 4, 3, 2, 1]


async def test_first_middle_and_last_page_have_the_neighbours_that_exist(api: Api) -> None:
    await make_issues(api, 5)
    pages = [await api.get(f"{ISSUES}?pagelen=2&page={number}") for number in (1, 2, 3)]
    assert [[issue["id"] for issue in page["values"]] for page in pages] == [[5, 4], [3, 2], [1]]
    assert [page["page"] for page in pages] == [1, 2, 3]
    assert [page["pagelen"] for page in pages] == [2, 2, 2]
    assert [page["size"] for page in pages] == [5, 5, 5]
    assert [("next" in page, "previous" in page) for page in pages] == [
        (True, False),
        (True, True),
        (False, True),
    ]
    assert pages[1]["previous"] == f"{api.url}{ISSUES}?pagelen=2&page=1"


async def test_a_page_beyond_the_end_is_empty_and_knows_the_size(api: Api) -> None:
    await make_issues(api, 2)
    page = await api.get(f"{ISSUES}?page=999999999&pagelen=100")
    assert (page["values"], page["size"], page["page"]) == ([], 2, 999_999_999)
    assert "next" not in page


async def test_next_keeps_what_the_client_asked_for_once(api: Api) -> None:
    await make_issues(api, 4)
    asked = "q=id%21%3D+4&sort=-id&pagelen=1&fields=%2Bx&x=1&x=2&page=2&y=%C3%A4&q=zz&sort=zz"
    page = await api.get(f"{ISSUES}?{asked}")
    assert [issue["id"] for issue in page["values"]] == [2]
    kept = [
        ("q", "id!= 4"),
        ("sort", "-id"),
        ("pagelen", "1"),
        ("fields", "+x"),
        ("x", "1"),
        ("y", "ä"),
    ]
    after = parse_qsl(urlsplit(page["next"]).query)
    assert after[:-1] == [*kept, ("page", "3")]
    assert after[-1][0] == "after"
    before = parse_qsl(urlsplit(page["previous"]).query)
    assert before == [*kept, ("page", "1")]
    last = await api.get(page["next"].removeprefix(api.url) + "&sort=id&q=id=4")
    assert [issue["id"] for issue in last["values"]] == [1]
    assert "next" not in last


async def test_of_a_repeated_parameter_the_first_counts(api: Api) -> None:
    await make_issues(api, 3)
    page = await api.get(f"{ISSUES}?pagelen=2&page=2&pagelen=x&page=9")
    assert (page["pagelen"], page["page"]) == (2, 2)
    # Some clients send their own parameters again behind those of next.
    first = await api.get(f"{ISSUES}?pagelen=2")
    again = await api.get(f"{first['next'].removeprefix(api.url)}&pagelen=2&page=1")
    assert [issue["id"] for issue in again["values"]] == [1]


async def test_a_walk_loses_nothing_when_the_list_grows_in_front_of_it(api: Api) -> None:
    await make_issues(api, 4)
    first = await api.get(f"{ISSUES}?pagelen=2")
    await make_issues(api, 3)
    second = await api.get(first["next"].removeprefix(api.url))
    assert [issue["id"] for issue in second["values"]] == [2, 1]


@pytest.mark.parametrize("sort", ["id", "-id", "created_on", "-created_on", "edited_on", "-title"])
@pytest.mark.parametrize("q", ["", "&q=id > 0"])
async def test_a_walk_sees_what_stays_exactly_once_whatever_comes_and_goes(
    api: Api, sort: str, q: str
) -> None:
    await make_issues(api, 12)
    await api.db.run("UPDATE issue SET edited_on = created_on WHERE number % 3 = 0")
    seen: list[int] = []
    path = f"{ISSUES}?pagelen=2&sort={sort}{q}"
    doomed = [11, 2, 7, 5]
    while True:
        page = await api.get(path)
        seen += [issue["id"] for issue in page["values"]]
        if "next" not in page:
            break
        path = page["next"].removeprefix(api.url)
        await make_issues(api, 1)
        if doomed:
            key = {"number": doomed.pop()}
            for table, column in (("watch", "issue_number"), ("issue_text", "number")):
                await api.db.run(f"DELETE FROM {table} WHERE {column} = :number", key)
            await api.db.run("DELETE FROM issue WHERE number = :number", key)
    assert len(seen) == len(set(seen))
    assert {1, 3, 4, 6, 8, 9, 10, 12} <= set(seen)


async def test_a_key_belongs_to_its_order(api: Api) -> None:
    await make_issues(api, 3)
    page = await api.get(f"{ISSUES}?pagelen=1&sort=votes")
    key = dict(parse_qsl(urlsplit(page["next"]).query))["after"]
    for sort in ("id", "title", "created_on", "reporter.nickname"):
        answer = await api("GET", f"{ISSUES}?pagelen=1&page=2&sort={sort}&after={key}")
        assert answer.status == 400
        assert answer.body == {"type": "error", "error": {"message": "Invalid page"}}


async def test_the_size_is_that_of_the_whole_answer_to_q(api: Api) -> None:
    await make_issues(api, 5)
    path = f"{ISSUES}?pagelen=2&q=id > 1"
    sizes = [(await api.get(f"{path}&page={page}"))["size"] for page in (1, 2, 3, 99)]
    assert sizes == [4, 4, 4, 4]
    assert (await api.get(f"{ISSUES}?q=id > 9"))["size"] == 0


@pytest.mark.parametrize(
    "value",
    ["0", "101", "-1", "1e2", "1_0", "+5", "", "abc", "١", "5000000000", "9" * 5000, "1.0", "%00"],
)
async def test_a_page_length_out_of_bounds_is_refused(api: Api, value: str) -> None:
    for path in (ISSUES, f"{OPEN}/components"):
        answer = await api("GET", f"{path}?pagelen={value.replace('+', '%2B')}")
        assert answer.status == 400
        assert answer.body == {"type": "error", "error": {"message": "Invalid pagelen"}}


@pytest.mark.parametrize(
    "query",
    [
        *(f"page={value}" for value in ("0", "-1", "1e2", "1_0", "", "x", "١", "9" * 5000, "2/")),
        *(
            f"page=2&after={value}"
            for value in ("", "x", "!!!", "é", "W10", "WzFd", "WyJhIl0", "WyJhIixudWxsXQ", "bnVsbA")
        ),
        "page=2&after=WyJhIiwxMDAwMDAwMDAwMDAwMDAwMDAwMF0",
        "page=2&after=WyJhIix0cnVlXQ",
        "page=2&after=" + "W" * 4000,
    ],
)
async def test_a_page_that_is_none_is_refused(api: Api, query: str) -> None:
    answer = await api("GET", f"{ISSUES}?{query}")
    assert answer.status == 400
    assert answer.body == {"type": "error", "error": {"message": "Invalid page"}}


@pytest.mark.parametrize("tail", ["components", "milestones", "versions"])
async def test_definitions_are_walked_likewise(api: Api, tail: str) -> None:
    ids = await define(api, "alice/open", tail.removesuffix("s"), *"abcde")
    assert await walk(api, f"{OPEN}/{tail}?pagelen=2") == ids


async def test_comments_are_walked_likewise(api: Api) -> None:
    await make_issues(api, 1)
    path = f"{ISSUES}/1/comments"
    ids = [(await api.post(path, "bob", {"content": "x"}))["id"] for _ in range(5)]
    assert await walk(api, f"{path}?pagelen=2") == ids


async def test_a_key_with_another_pages_number_is_put_aside(api: Api) -> None:
    for number in range(6):
        await api.post(f"{OPEN}/issues", "bob", {"title": f"{number}"})
    first = await api.get(f"{OPEN}/issues?pagelen=2&sort=id")
    path = first["next"].removeprefix(api.url)
    second = await api.get(path)
    assert [issue["id"] for issue in second["values"]] == [3, 4]
    third = await api.get(path.replace("page=2", "page=3"))
    assert [issue["id"] for issue in third["values"]] == [5, 6]
