"""Undo: back to what an import replaced, and forth again."""

import json
import zipfile
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.archives import issue, sample
from tests.jobs.working import dump
from tests.tracker.conftest import Core
from tests.tracker.test_sweeping import later
from tests.writing import create_comment, create_issue
from tracker import attachments, categories, comments, edits, issues, votes
from tracker.access.rights import Actor, Repository, find_repository
from tracker.database import Transaction
from tracker.errors import Conflict, Invalid, NotFound
from tracker.issues import NewIssue
from tracker.transfers import exports, imports, undo
from tracker.transfers.reports import Findings
from tracker.vocabulary import CategoryKind, JobKind
from tracker.work import jobs, sweeping
from tracker.work.progress import Progress

Write = Callable[[Transaction, Actor, Repository], Coroutine[Any, Any, object]]


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
    number = await create_issue(core.db, alice, repository, NewIssue("new"))
    await create_comment(core.db, alice, repository, 1, content="a word")
    before = dump(core.settings.database)
    with pytest.raises(Conflict, match="that only the present issues have would go out of sight"):
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


async def test_only_the_tracker_that_undo_reaches_is_kept(core: Core) -> None:
    for title in ("first", "second", "third"):
        await core.take({"issues": [issue(1, title=title)]})
        assert await core.values("SELECT count(*) FROM tracker WHERE status = 'replaced'") == [1]
    await sweeping.sweep(core.db, core.blobs, core.settings)
    assert await core.values("SELECT title FROM issue ORDER BY 1") == ["second", "third"]
    for expected in (["second"], ["third"], ["second"]):
        await _undo(core)
        assert await _titles(core) == expected
    await core.take({"issues": [issue(1, title="fourth")]})
    await sweeping.sweep(core.db, core.blobs, core.settings)
    await _undo(core)
    assert await _titles(core) == ["second"]


async def test_an_import_that_fails_drops_nothing(core: Core) -> None:
    await core.take()
    before = dump(core.settings.database)
    with pytest.raises(Invalid):
        await core.take({"issues": [issue(1, kind="x")]})
    assert dump(core.settings.database) == before


async def test_an_older_tracker_stays_as_long_as_an_export_reads_it(core: Core) -> None:
    await core.take()
    waiting = await core.accept(JobKind.EXPORT)
    await core.take(_other())
    await core.take(_other())
    assert await core.values(
        "SELECT status FROM tracker WHERE id = :id", id=waiting.tracker_id
    ) == ["dropped"]
    await sweeping.sweep(core.db, core.blobs, core.settings, young=-1)
    job = await jobs.claim(core.db, waiting.id, "this test")
    assert job is not None
    target = core.settings.export_path(job.uuid)
    await exports.run(core.db, core.blobs, core.settings.spool_dir, target, job, Progress())
    with zipfile.ZipFile(target) as written:
        rows = json.loads(written.read("db-2.0.json"))["issues"]
    assert [row["title"] for row in rows] == [row["title"] for row in sample()["issues"]]
    await sweeping.sweep(core.db, core.blobs, core.settings, young=-1)
    assert await core.values("SELECT id FROM tracker WHERE id = :id", id=waiting.tracker_id) == []


async def _writes(core: Core) -> int:
    [writes] = await core.values(
        "SELECT writes FROM tracker WHERE id = :id", id=await core.in_force()
    )
    assert isinstance(writes, int)
    return writes


WRITES: dict[str, Write] = {
    "issue": lambda tx, who, where: issues.create(tx, who, where, NewIssue("new")),
    "deleted issue": lambda tx, who, where: issues.delete(tx, who, where, 3),
    "comment": lambda tx, who, where: comments.create(tx, who, where, 1, content="a word"),
    "edited comment": lambda tx, who, where: comments.update(tx, who, where, 1, 100, content="x"),
    "deleted comment": lambda tx, who, where: comments.delete(tx, who, where, 1, 100),
    "edit": lambda tx, who, where: edits.apply(tx, who, where, 1, edits.Edit(title="After")),
    "vote": lambda tx, who, where: votes.add(tx, who, where, 3, votes.Mark.VOTE),
    "watch": lambda tx, who, where: votes.add(tx, who, where, 3, votes.Mark.WATCH),
    "component": lambda tx, who, where: categories.create(
        tx, who, where, CategoryKind.COMPONENT, "new"
    ),
    "attachment": lambda tx, who, where: attachments.delete(tx, who, where, 1, "log.txt"),
}


@pytest.mark.parametrize("name", WRITES)
async def test_whatever_is_written_is_counted_once(core: Core, name: str) -> None:
    await core.take()
    assert await _writes(core) == 0
    alice = await core.actor("alice")
    await core.db.run("UPDATE attachment SET name = 'log.txt' WHERE ordinal = 1")
    seen = await find_repository(core.db, alice, "alice", "app")
    await core.db.write(lambda tx: WRITES[name](tx, alice, seen))
    assert await _writes(core) == 1
    assert (await undo.preview(core.db, await core.repository())).writes == 1


async def test_what_changes_nothing_is_no_write(core: Core) -> None:
    await core.take()
    alice = await core.actor("alice")
    seen = await find_repository(core.db, alice, "alice", "app")

    async def nothing(tx: Transaction) -> None:
        await votes.remove(tx, alice, seen, 1, votes.Mark.VOTE)
        await edits.apply(tx, alice, seen, 1, edits.Edit(title="Issue 1"))
        await comments.update(tx, alice, seen, 1, 100, content="Comment 100")

    await core.db.write(nothing)
    assert await _writes(core) == 0


def test_the_count_of_lost_writes_is_in_a_report_that_is_full() -> None:
    found = Findings()
    found.add(*(["many"] * 1500))
    found.put_first("the one that counts")
    found.add("late")
    assert found.as_list()[0] == "the one that counts"
    assert found.as_list()[-1] == "... and 501 more"


async def test_writes_are_counted_from_acceptance_over_every_attempt(core: Core) -> None:
    alice, repository = await core.actor("alice"), await core.repository()
    await create_issue(core.db, alice, repository, NewIssue("before"))
    job = await core.accept(archive=core.archive())
    for attempt in range(2):
        await create_issue(core.db, alice, repository, NewIssue(f"while it waits {attempt}"))
        claimed = await jobs.claim(core.db, job.id, "this test")
        assert claimed is not None
        if attempt == 0:
            await jobs.release(core.db, claimed)
    report = await imports.run(
        core.db, core.blobs, core.settings.spool_dir, core.settings.limits, claimed, Progress()
    )
    assert ": 2; they are out of sight" in report.as_dict()["warnings"][0]
    assert (await undo.preview(core.db, await core.repository())).brought_back == 2
