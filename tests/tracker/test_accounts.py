"""Who knows of whom."""

import re
from collections.abc import AsyncGenerator, Sequence

import pytest

from tests.tracker.conftest import Core
from tests.tracker.test_references import add_issue, add_placeholder
from tracker import accounts
from tracker.access import ADMINISTRATOR, ANONYMOUS
from tracker.database import Params, Reader, Row
from tracker.errors import NotFound

EVERYBODY = {"nobody", "alice", "bob", "charlie", "dora", "administrator"}


async def knowing(core: Core, selected: str) -> set[str]:
    """Which of the people may know whom that UUID or account_id means."""
    actors = {name: await core.actor(name) for name in ("alice", "bob", "charlie", "dora")}
    actors |= {"nobody": ANONYMOUS, "administrator": ADMINISTRATOR}
    found = set()
    for name, actor in actors.items():
        try:
            await accounts.see(core.db, actor, selected)
        except NotFound:
            continue
        found.add(name)
    return found


async def test_whom_an_archive_only_names_is_known_to_the_workspaces_owner(core: Core) -> None:
    await add_placeholder(core, "ann", "Ann", "alice")
    for selected in ("7:ann", "{00000000-0000-0000-0000-00000000000a}"):
        await core.db.run("UPDATE account SET uuid = :u WHERE username = 'ann'", {"u": selected})
        assert await knowing(core, selected) == {"alice", "administrator"}


@pytest.mark.parametrize(
    ("full_name", "expected"),
    [
        ("alice/app", {"alice", "bob", "dora", "administrator"}),
        ("alice/open", EVERYBODY),
        ("charlie/x", {"charlie", "administrator"}),
    ],
)
@pytest.mark.parametrize("column", ["reporter_id", "assignee_id"])
async def test_whoever_sees_an_issue_knows_its_people(
    core: Core, full_name: str, expected: set[str], column: str
) -> None:
    ann = await add_placeholder(core, "ann", "Ann", full_name.partition("/")[0])
    await add_issue(core, 1, "a", full_name=full_name)
    await core.db.run(f"UPDATE issue SET {column} = :ann", {"ann": ann})
    assert await knowing(core, "7:ann") == expected


class Explaining(Reader):
    """Keeps the plan of what is asked."""

    def __init__(self, reader: Reader) -> None:
        self.plan: list[str] = []
        self._reader = reader

    async def all(self, sql: str, params: Params | None = None) -> Sequence[Row]:
        rows = await self._reader.all(f"EXPLAIN QUERY PLAN {sql}", params)
        self.plan += [row["detail"] for row in rows]
        return await self._reader.all(sql, params)

    def stream(
        self, sql: str, params: Params | None = None, *, size: int = 1000
    ) -> AsyncGenerator[Sequence[Row]]:
        raise NotImplementedError


async def test_to_know_somebody_takes_no_walk_through_what_he_wrote(core: Core) -> None:
    reader = Explaining(core.db)
    with pytest.raises(NotFound):
        await accounts.see(reader, ANONYMOUS, "7:ann")
    found = [step for step in reader.plan if " act " in step]
    assert len(found) == 3
    assert all(re.search(r"\(\w+_id=\? AND tracker_id=\?\)$", step) for step in found)
    assert not [step for step in reader.plan if re.match("SCAN a\\b", step)]
