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


async def test_next_keeps_what_the_client_asked_for(api: Api) -> None:
    await make_issues(api, 2)
    page = await api.get(f"{ISSUES}?q=a%3D%22b+c%22&pagelen=1&fields=%2Bx&x=1&x=2&page=1&y=%C3%A4")
    kept = parse_qsl(urlsplit(page["next"]).query, keep_blank_values=True)
    assert kept[:6] == [
        ("q", 'a="b c"'),
        ("pagelen", "1"),
        ("fields", "+x"),
        ("x", "1"),
        ("x", "2"),
        ("y", "ä"),
    ]
    assert kept[6] == ("page", "2")


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
