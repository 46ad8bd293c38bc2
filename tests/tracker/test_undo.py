"""Undo: back to what an import replaced, and forth again."""

import pytest

from tests.archives import issue, sample
from tests.jobs.working import dump
from tests.tracker.conftest import Core
from tests.tracker.test_sweeping import later
from tests.writing import create_comment, create_issue
from tracker import sweeping, undo
from tracker.errors import Conflict, NotFound
from tracker.issues import Draft
from tracker.vocabulary import JobKind


async def _titles(core: Core) -> list[str]:
    titles: list[str] = await core.values(
        "SELECT title FROM issue WHERE tracker_id = :tracker ORDER BY number",
        tracker=await core.in_force(),
    )
    return titles


async def _undo(core: Core, *, yes: bool = False) -> int:
    return (await core.undo(yes=yes)).writes


def _other() -> dict[str, object]:
    return {"issues": [issue(1, title="the other")]}


async def test_it_brings_back_what_was_there_and_once_more_what_came(core: Core) -> None:
    await core.take()
    await core.take(_other())
    assert await _titles(core) == ["the other"]
    assert await _undo(core) == 0
    assert await _titles(core) == [row["title"] for row in sample()["issues"]]
    assert await _undo(core) == 0
    assert await _titles(core) == ["the other"]


async def test_there_must_be_something_to_go_back_to(core: Core) -> None:
    with pytest.raises(NotFound, match="no replaced tracker"):
        await _undo(core)


async def test_a_first_import_can_be_undone_to_the_empty_tracker(core: Core) -> None:
    await core.take()
    await _undo(core)
    assert await _titles(core) == []


async def test_writes_since_the_import_must_be_accepted(core: Core) -> None:
    await core.take()
    alice, repository = await core.actor("alice"), await core.repository()
    number = await create_issue(core.db, alice, repository, Draft("new"))
    await create_comment(core.db, alice, repository, 1, content="a word")
    before = dump(core.settings.database)
    with pytest.raises(Conflict, match="writes made since the import would go out of sight"):
        await _undo(core)
    assert dump(core.settings.database) == before
    assert (await undo.preview(core.db, repository)).writes > 0
    assert await _undo(core, yes=True) > 0
    assert await _titles(core) == []
    await _undo(core, yes=True)
    assert len(await _titles(core)) == 3
    assert number == 4


@pytest.mark.parametrize("kind", [JobKind.IMPORT, JobKind.EXPORT])
async def test_a_running_job_forbids_it(core: Core, kind: JobKind) -> None:
    await core.take()
    job = await core.accept(kind, archive=core.archive())
    with pytest.raises(Conflict) as refusal:
        await _undo(core)
    assert refusal.value.retry_after
    await core.db.run("UPDATE job SET status = 'STARTED' WHERE id = :id", {"id": job.id})
    with pytest.raises(Conflict):
        await _undo(core)


async def test_a_dry_run_is_no_obstacle(core: Core) -> None:
    await core.take()
    await core.claimed(archive=core.archive(), dry_run=True)
    assert await _undo(core) == 0


async def test_it_goes_back_one_step_however_many_were_made(core: Core) -> None:
    for title in ("first", "second", "third"):
        await core.take({"issues": [issue(1, title=title)]})
    await _undo(core)
    assert await _titles(core) == ["second"]


async def test_what_was_kept_long_enough_is_gone(core: Core) -> None:
    await core.take()
    await core.take(_other())
    with later(days=31):
        await sweeping.sweep(core.db, core.blobs, core.settings)
    with pytest.raises(NotFound):
        await _undo(core)
    assert await _titles(core) == ["the other"]
    assert await core.values("SELECT count(*) FROM tracker WHERE status = 'replaced'") == [0]


async def test_a_tracker_that_is_being_removed_does_not_come_back(core: Core) -> None:
    await core.take()
    found = await undo.preview(core.db, await core.repository())
    await core.db.run(
        "UPDATE tracker SET status = 'dropped' WHERE id = :id", {"id": found.tracker_id}
    )
    with pytest.raises(NotFound):
        await _undo(core)


async def test_an_undo_of_what_has_changed_meanwhile_is_refused(core: Core) -> None:
    await core.take()
    seen = await core.repository()
    await core.take()
    with pytest.raises(Conflict, match="look again"):
        await core.undo(seen)
