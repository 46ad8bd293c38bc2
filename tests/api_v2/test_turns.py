"""Who searches much waits for himself."""

import asyncio

import pytest

from service import turns
from service.turns import Turns
from tracker.errors import Unavailable


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
    monkeypatch.setattr(turns, "_PATIENCE", 0.01)
    everybody = Turns()
    async with everybody.of("a"):
        with pytest.raises(Unavailable):
            async with everybody.of("a"):
                pass
        async with everybody.of("b"):
            pass
    async with everybody.of("a"):
        pass
