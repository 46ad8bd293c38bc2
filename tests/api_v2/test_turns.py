"""Who searches much waits for himself."""

import asyncio
from base64 import b64encode
from itertools import islice

import pytest

from service.http import turns
from service.http.turns import Turns
from tests.conftest import OPEN, Api
from tests.lanes import held
from tracker.database import Lane
from tracker.errors import Unavailable

ROWS = f"{OPEN}/issues?sort=votes"
TEXTS = f"{OPEN}/issues?sort=title"


async def test_everybody_has_one_turn_at_a_time() -> None:
    everybody, seen = Turns(), []

    async def search(who: str, number: int) -> None:
        async with everybody.of(who):
            seen.append(f"{who}{number} begins")
            await asyncio.sleep(0.01)
            seen.append(f"{who}{number} ends")

    await asyncio.gather(*(search("a", n) for n in range(3)), search("b", 0))
    assert seen.index("b0 begins") < seen.index("a0 ends")
    for number in range(2):
        assert seen.index(f"a{number} ends") < seen.index(f"a{number + 1} begins")


async def test_whoever_waits_for_himself_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_TIMEOUT", 0.01)
    everybody = Turns()
    async with everybody.of("a"):
        with pytest.raises(Unavailable):
            async with everybody.of("a"):
                pass
        async with everybody.of("b"):
            pass
    async with everybody.of("a"):
        pass


def _ways(token: str) -> list[dict[str, str]]:
    """Headers that say the same."""
    users = ("bob", "BOB", "bob@example.org", "x-token-auth")
    words = [b64encode(f"{user}:{token}".encode()).decode() for user in users]
    bearer = [f"Bearer {token}", f"Bearer  {token}", f"bearer {token}"]
    return [{"Authorization": value} for value in (*bearer, *(f"Basic {word}" for word in words))]


async def test_a_token_has_one_turn_however_it_is_sent(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_TIMEOUT", 0.01)
    ways = _ways(api.world.tokens["bob"])
    async with held(api, Lane.ROWS):
        others = [asyncio.create_task(api("GET", ROWS, who)) for who in ("alice", None)]
        searches = [asyncio.create_task(api("GET", ROWS, headers=headers)) for headers in ways]
        for refused in islice(asyncio.as_completed(searches), len(ways) - 1):
            assert (await refused).status == 503
    assert sorted([(await search).status for search in searches])[0] == 200
    assert [(await other).status for other in others] == [200, 200]


async def test_a_search_through_texts_holds_up_no_list_of_the_same_person(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_TIMEOUT", 0.01)
    async with held(api, Lane.TEXTS):
        searches = [asyncio.create_task(api("GET", TEXTS, "bob")) for _ in range(2)]
        # One of them is refused, because the other has its turn by now.
        assert (await next(asyncio.as_completed(searches))).status == 503
        assert (await api("GET", ROWS, "bob")).status == 200
    assert sorted([(await search).status for search in searches]) == [200, 503]
