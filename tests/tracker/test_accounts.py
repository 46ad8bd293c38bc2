"""Who knows of whom."""

import re
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.tracker.conftest import Core
from tests.tracker.test_references import add_issue, add_placeholder
from tracker.access import accounts, repositories, trackers, workspaces
from tracker.access.rights import ADMINISTRATOR, ANONYMOUS, Actor
from tracker.database import Params, Reader, Revision, Row
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


async def naming(core: Core, name: str) -> set[str]:
    """Which of the people find somebody by that user name of an archive's."""
    actors = {who: await core.actor(who) for who in ("alice", "bob", "charlie", "dora")}
    actors |= {"nobody": ANONYMOUS, "administrator": ADMINISTRATOR}
    found = set()
    for who, actor in actors.items():
        try:
            row = await accounts.see_named(core.db, actor, name)
        except NotFound:
            continue
        assert row["user_nickname"] == name
        found.add(who)
    return found


async def _call(core: Core, tracker: int, account: int, name: str) -> None:
    """Let the archive of that tracker call somebody so."""
    await core.db.run(
        "INSERT INTO alias VALUES (:tracker, :account, :name, '7:other', 'Robert', '')",
        {"tracker": tracker, "account": account, "name": name},
    )


SHOWING = {
    "reporter": "UPDATE issue SET reporter_id = :ann WHERE tracker_id = :open",
    "assignee": "UPDATE issue SET assignee_id = :ann WHERE tracker_id = :open",
    "author": """INSERT INTO comment (id, tracker_id, issue_number, account_id, created_on)
                 VALUES (9, :open, 1, :ann, '2020')""",
    "follower": """INSERT INTO watch (tracker_id, issue_number, account_id)
                   VALUES (:open, 1, :ann)""",
}
"""SQL that makes an archive's tracker show a person, by their part in it."""


@pytest.mark.parametrize("shown", SHOWING)
async def test_what_an_archive_calls_somebody_is_a_name_for_those_to_whom_it_shows_him(
    core: Core, shown: str
) -> None:
    ann = await add_placeholder(core, "ann", "Ann", "alice")
    await add_issue(core, 1, "known to bob and dora", reporter=ann)
    await add_issue(core, 1, "a", full_name="alice/open")
    tracker = await core.in_force("alice/open")
    await _call(core, tracker, ann, "robert")
    assert await naming(core, "ann") == {"alice", "bob", "dora", "administrator"}
    assert await naming(core, "robert") == {"alice", "administrator"}
    await core.db.run(SHOWING[shown], {"ann": ann, "open": tracker})
    assert await naming(core, "robert") == EVERYBODY


async def test_an_import_that_runs_makes_nobody_known(core: Core) -> None:
    repository = await core.repository("alice/open")
    ann = await add_placeholder(core, "ann", "Ann", "alice")
    ben = await add_placeholder(core, "ben", "Ben", "alice")
    async with core.db.transaction() as tx:
        building = await trackers.create(tx, repository.id, status="building")
    await _call(core, building, ann, "robert")
    await core.db.run(
        "UPDATE account SET workspace_id = NULL, tracker_id = :building WHERE id = :ben",
        {"building": building, "ben": ben},
    )
    [uuid] = await core.values("SELECT uuid FROM account WHERE id = :ben", ben=ben)
    for name in ("robert", "ben", "7:ben", uuid):
        assert await naming(core, name) == set()
        assert await knowing(core, name) == set()


class Explaining(Reader):
    """Keeps how SQLite goes about what is asked."""

    def __init__(self, reader: Reader) -> None:
        self.plan: list[str] = []
        self._reader = reader

    async def all(self, sql: str, params: Params | None = None) -> Sequence[Row]:
        rows = await self._reader.all(f"EXPLAIN QUERY PLAN {sql}", params)
        self.plan += [row["detail"] for row in rows]
        return await self._reader.all(sql, params)

    async def revision(self, tracker_id: int) -> Revision:
        raise NotImplementedError

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


async def test_whom_an_archive_names_is_looked_for_in_its_workspace_alone(core: Core) -> None:
    await add_placeholder(core, "ann", "Ann", "charlie")
    reader = Counting(core.settings.database)
    with pytest.raises(NotFound):
        await accounts.see(reader, ANONYMOUS, "7:ann")
    before, reader.steps = reader.steps, 0
    for number in range(30):
        await repositories.create(core.db, f"alice/many-{number}", private=False)
    with pytest.raises(NotFound):
        await accounts.see(reader, ANONYMOUS, "7:ann")
    assert reader.steps == before


class Counting(Reader):
    """Counts the steps of SQLite's machine, which tell what a query takes without a clock."""

    def __init__(self, database: Path) -> None:
        self.steps = 0
        self._database = database

    async def all(self, sql: str, params: Params | None = None) -> Sequence[Row]:
        with closing(sqlite3.connect(self._database)) as connection:
            connection.row_factory = sqlite3.Row
            connection.set_progress_handler(self._count, 1)
            return connection.execute(sql, params or {}).fetchall()

    async def revision(self, tracker_id: int) -> Revision:
        raise NotImplementedError

    def stream(
        self, sql: str, params: Params | None = None, *, size: int = 1000
    ) -> AsyncGenerator[Sequence[Row]]:
        raise NotImplementedError

    def _count(self) -> int:
        self.steps += 1
        return 0


async def _steps_to_nothing(core: Core, actor: Actor, name: str) -> int:
    """What it takes to find that there is nobody of that name."""
    reader = Counting(core.settings.database)
    with pytest.raises(NotFound):
        await accounts.see_named(reader, actor, name)
    return reader.steps


@pytest.mark.parametrize("who", [None, "bob", "charlie"])
async def test_a_guessed_name_takes_as_long_whether_there_is_somebody_or_not(
    core: Core, who: str | None
) -> None:
    """Or the time would tell who has an account, and whom private archives name."""
    for number in range(30):
        await repositories.create(core.db, f"alice/many-{number}", private=False)
    await repositories.create(core.db, "alice/secret", private=True)
    await accounts.create(core.db, "root", is_admin=True)
    await accounts.create(core.db, "frank")
    await workspaces.create(core.db, "frank", owner="frank")
    await repositories.create(core.db, "frank/secret", private=True)
    for name, workspace in (("ann", "alice"), ("ben", "frank")):
        placeholder = await add_placeholder(core, name, name, workspace)
        await add_issue(core, 1, "a", full_name=f"{workspace}/secret", reporter=placeholder)
    actor = await core.actor(who) if who else ANONYMOUS
    nobody = [await _steps_to_nothing(core, actor, name) for name in ("abel", "zoe")]
    assert nobody[0] == nobody[1]
    for name in ("root", "frank", "eve", "ann", "ben"):
        steps = await _steps_to_nothing(core, actor, name)
        assert abs(steps - nobody[0]) < 0.02 * nobody[0], (name, steps, nobody)
