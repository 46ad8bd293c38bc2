"""Every list is read in the lane of what it costs: it holds up none but its like."""

import asyncio
from contextlib import AsyncExitStack
from urllib.parse import quote

import pytest
from yarl import URL

from tests.conformance.places import places
from tests.conftest import OPEN, Api
from tests.hostile.routes import LISTS, Route
from tests.lanes import held
from tracker.database import Lane

OLD = OPEN.replace("/2.0", "/1.0")


async def answered(api: Api, url: str | URL, lane: Lane) -> bool:
    """Whether a list is there while nobody gets anything in the other slow lanes."""
    async with AsyncExitStack() as stack:
        for other in set(Lane) - {lane, Lane.QUICK}:
            await stack.enter_async_context(held(api, other))
        try:
            async with asyncio.timeout(5):
                return (await api("GET", url)).status == 200
        except TimeoutError:
            return False


@pytest.mark.parametrize(
    ("query", "lane"),
    [
        ("", Lane.QUICK),
        ("limit=0", Lane.QUICK),
        ("start=1000", Lane.QUICK),
        ("start=1001", Lane.ROWS),
        ("limit=0&status=new&status=open", Lane.ROWS),
        ("sort=local_id", Lane.QUICK),
        ("sort=status", Lane.ROWS),
        ("reported_by=bob", Lane.ROWS),
        ("reported_by=~bob", Lane.TEXTS),
        ("title=It", Lane.TEXTS),
        ("content=~it", Lane.TEXTS),
        ("search=it", Lane.TEXTS),
        ("start=1001&sort=title", Lane.TEXTS),
    ],
)
async def test_the_old_list_of_issues_is_read_where_it_costs_what_it_asks_for(
    api: Api, query: str, lane: Lane
) -> None:
    assert await answered(api, f"{OLD}/issues?{query}", lane)


@pytest.mark.parametrize(
    ("query", "lane"),
    [
        ("", Lane.QUICK),
        ("page=51", Lane.QUICK),
        ("page=52", Lane.ROWS),
        ('q=state = "new"', Lane.ROWS),
        ("sort=votes", Lane.ROWS),
        ('q=title ~ "it"', Lane.TEXTS),
        ("sort=title", Lane.TEXTS),
    ],
)
async def test_the_list_of_issues_is_read_where_it_costs_what_it_asks_for(
    api: Api, query: str, lane: Lane
) -> None:
    assert await answered(api, f"{OPEN}/issues?{quote(query, safe='=')}", lane)


@pytest.mark.parametrize("route", LISTS, ids=str)
async def test_no_far_page_holds_up_what_is_quick(api: Api, route: Route) -> None:
    there = await places(api)
    who = api.world.headers("alice")
    async with AsyncExitStack() as stack:
        for lane in (Lane.ROWS, Lane.TEXTS):
            await stack.enter_async_context(held(api, lane))
        far = asyncio.create_task(api.client.get(route.at(there, "page=1002"), headers=who))
        quick = await api.client.get(route.at(there), headers=who)
        assert quick.status == 200
        assert not far.done()
    assert (await far).status == 200
