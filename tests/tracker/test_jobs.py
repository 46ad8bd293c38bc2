"""Jobs: accepted once, claimed once, settled once, and never left hanging."""

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from service.up import demo
from tests.jobs.working import dump
from tests.running.processes import ROOT
from tests.tracker.conftest import Core
from tests.tracker.test_sweeping import later
from tracker import clock
from tracker.access import accounts, repositories
from tracker.database import Transaction
from tracker.errors import Conflict, Forbidden, NotFound
from tracker.transfers import exports, imports
from tracker.vocabulary import AskedBy, JobKind, JobStatus, Phase
from tracker.work import jobs, sweeping
from tracker.work.jobs import Job, Superseded
from tracker.work.presence import Presence
from tracker.work.progress import Progress

Lose = Callable[[Core], Awaitable[None]]


@contextmanager
def seconds_later(seconds: float) -> Iterator[None]:
    """The stopped clock of so many seconds from now."""
    moment = datetime.fromisoformat(clock.shifted(seconds=seconds))
    clock.set_source(lambda: moment)
    try:
        yield
    finally:
        clock.set_source(None)


async def _again(core: Core, job: Job) -> Job:
    return await jobs.get(core.db, job.id)


async def _settle(core: Core, presence: Presence | None = None) -> None:
    await sweeping.settle_jobs(core.db, core.settings, presence or Presence(core.settings.data_dir))


async def _claim_as(core: Core, worker: str) -> Job:
    job = await jobs.claim(core.db, (await core.accept(archive=core.archive())).id, worker)
    assert job is not None
    return job


# Accepting and claiming


async def test_a_job_is_claimed_once(core: Core) -> None:
    waiting = await core.accept()
    claims = await asyncio.gather(
        *(jobs.claim(core.db, waiting.id, f"worker {number}") for number in range(10))
    )
    [job] = [claim for claim in claims if claim is not None]
    assert (job.status, job.attempt) == (JobStatus.STARTED, 1)
    assert await jobs.accepted(core.db) == []


async def test_jobs_of_a_workspace_wait_oldest_first(core: Core) -> None:
    first = await core.accept()
    second = await core.accept(JobKind.EXPORT)
    assert await jobs.accepted(core.db) == [first.id, second.id]


async def _many(core: Core, count: int) -> list[Job]:
    """Exports that wait, each of a repository of its own in alice's workspace."""
    for number in range(count):
        await repositories.create(core.db, f"alice/r{number}")
    return [await core.accept(JobKind.EXPORT, f"alice/r{number}") for number in range(count)]


async def test_workspaces_take_turns(core: Core) -> None:
    many = await _many(core, 3)
    two = [
        await core.accept(JobKind.EXPORT, "charlie/x"),
        await core.accept(JobKind.IMPORT, "charlie/x"),
    ]
    turns = [many[0].id, two[0].id, many[1].id, two[1].id, many[2].id]
    assert await jobs.accepted(core.db) == turns
    claimed = [await jobs.claim_next(core.db, "worker") for _ in turns]
    assert [job and job.id for job in claimed] == turns
    assert await jobs.claim_next(core.db, "worker") is None


async def test_whoever_has_a_job_that_runs_comes_after_whoever_has_none(core: Core) -> None:
    many = await _many(core, 3)
    assert await jobs.claim(core.db, many[0].id, "worker") is not None
    late = await core.accept(JobKind.EXPORT, "charlie/x")
    assert await jobs.accepted(core.db) == [late.id, many[1].id, many[2].id]


async def test_an_import_that_can_not_begin_holds_up_no_job_behind_it(core: Core) -> None:
    running = await core.claimed()
    blocked = await core.accept(JobKind.IMPORT, "alice/open")
    behind = await core.accept(JobKind.EXPORT)
    job = await jobs.claim_next(core.db, "worker")
    assert job is not None
    assert job.id == behind.id
    assert await jobs.claim_next(core.db, "worker") is None
    await jobs.fail(core.db, running, "wrong")
    job = await jobs.claim_next(core.db, "worker")
    assert job is not None
    assert job.id == blocked.id


async def test_many_workers_that_claim_what_comes_next_get_a_job_each(core: Core) -> None:
    many = await _many(core, 6)
    claimed = await asyncio.gather(*(jobs.claim_next(core.db, f"w{n}") for n in range(8)))
    assert sorted(job.id for job in claimed if job) == [job.id for job in many]


async def test_one_import_at_a_time_in_a_repository(core: Core) -> None:
    job = await core.accept()
    with pytest.raises(Conflict, match="waits or runs already") as refusal:
        await core.accept()
    assert refusal.value.retry_after
    with pytest.raises(Conflict):
        await jobs.require_no_import(core.db, await core.repository())
    await jobs.claim(core.db, job.id, "worker")
    with pytest.raises(Conflict):
        await core.accept()
    await jobs.fail(core.db, await _again(core, job), "wrong")
    await core.accept()


@pytest.mark.parametrize("kind", JobKind)
@pytest.mark.parametrize("worker", [None, "a command"])
async def test_nothing_is_promised_for_a_repository_that_was_deleted_meanwhile(
    core: Core, kind: JobKind, worker: str | None
) -> None:
    seen = await core.repository()
    await core.db.write(lambda tx: repositories.delete(tx, seen))
    with pytest.raises(NotFound, match="no longer exists"):
        await core.db.write(
            lambda tx: jobs.accept(tx, seen, kind, account_id=None, base_url="", worker=worker)
        )
    assert await jobs.accepted(core.db) == []


async def test_imports_of_one_workspace_are_done_one_after_the_other(core: Core) -> None:
    first = await core.claimed()
    second = await core.accept(JobKind.IMPORT, "alice/open")
    elsewhere = await core.accept(JobKind.IMPORT, "charlie/x")
    export = await core.accept(JobKind.EXPORT)
    assert await jobs.claim(core.db, second.id, "worker") is None
    assert await jobs.claim(core.db, elsewhere.id, "worker") is not None
    assert await jobs.claim(core.db, export.id, "worker") is not None
    with pytest.raises(Conflict, match="in this workspace"):
        await core.accept(JobKind.IMPORT, "alice/open", worker="a command")
    await jobs.fail(core.db, first, "wrong")
    assert await jobs.claim(core.db, second.id, "worker") is not None


async def test_an_export_that_runs_is_not_begun_twice(core: Core) -> None:
    first = await core.accept(JobKind.EXPORT, options={"a": 1, "b": 2})
    assert (await core.accept(JobKind.EXPORT, options={"b": 2, "a": 1})).id == first.id
    with pytest.raises(Conflict, match="other options") as refusal:
        await core.accept(JobKind.EXPORT, options={"a": 2})
    assert refusal.value.retry_after
    with pytest.raises(Conflict, match="other options"):
        await core.accept(JobKind.EXPORT, options=first.options, base_url="http://other.example")
    assert (await core.accept(JobKind.EXPORT, "alice/open", options={"a": 1, "b": 2})).id != (
        first.id
    )
    job = await jobs.claim(core.db, first.id, "worker")
    assert job is not None
    assert (await core.accept(JobKind.EXPORT, options={"a": 1, "b": 2})).id == first.id
    await jobs.fail(core.db, job, "wrong")
    assert (await core.accept(JobKind.EXPORT, options={"a": 1, "b": 2})).id != first.id


async def test_a_command_that_exports_gets_a_job_of_its_own(core: Core) -> None:
    how = {"options": {"local": True}, "account_id": None}
    beside = await core.accept(JobKind.EXPORT)
    first = await core.accept(JobKind.EXPORT, worker="a command", **how)
    second = await core.accept(JobKind.EXPORT, worker="another command", **how)
    assert len({beside.id, first.id, second.id}) == 3
    assert second.worker == "another command"
    assert {job.asked_by for job in (first, second)} == {AskedBy.COMMAND_LINE}
    assert (await core.accept(JobKind.EXPORT)).id == beside.id
    assert beside.asked_by is AskedBy.ACCOUNT


async def test_the_newest_import_is_the_one_to_look_at(core: Core) -> None:
    with pytest.raises(NotFound):
        await jobs.latest_import(core.db, await core.repository())
    await core.take()
    job = await core.accept()
    assert (await jobs.latest_import(core.db, await core.repository())).id == job.id


# Who asked


async def _disable(core: Core) -> None:
    await accounts.set_active(core.db, "bob", False)


async def _delete(core: Core) -> None:
    bob = await core.actor("bob")
    await core.db.run("DELETE FROM account WHERE id = :id", {"id": bob.id})
    await accounts.create(core.db, "other")  # a new row may get the id of one that is gone
    await core.db.run(
        "UPDATE account SET id = :id, is_admin = 1 WHERE username = 'other'", {"id": bob.id}
    )


async def _demote(core: Core) -> None:
    await repositories.set_member(core.db, await core.repository(), "bob", "write")


LOSSES = {_disable: "is disabled", _delete: "not exist any more", _demote: "not administer"}


@pytest.fixture
async def bob(core: Core) -> int:
    """bob's id: he administers alice/app and has nothing else."""
    await repositories.set_member(core.db, await core.repository(), "bob", "admin")
    bob = (await core.actor("bob")).id
    assert bob is not None
    return bob


@pytest.mark.parametrize("kind", JobKind)
@pytest.mark.parametrize("lose", LOSSES)
async def test_a_job_of_somebody_who_lost_their_right_fails_at_its_claim(
    core: Core, bob: int, kind: JobKind, lose: Lose, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pail")
    upload = core.settings.spool_dir / "upload"
    upload.write_bytes(b"zip")
    job = await core.accept(kind, account_id=bob, archive=upload)
    await lose(core)
    assert await jobs.claim_next(core.db, "worker") is None
    failed = await _again(core, job)
    assert failed.status is JobStatus.FAILURE
    assert LOSSES[lose] in (failed.message or "")
    assert f"{kind} {job.uuid}: {failed.message}" in caplog.text
    assert failed.finished_on is not None
    assert not upload.exists()
    await core.accept(kind)


async def test_an_export_that_another_account_joined_does_not_fail_for_the_first_one(
    core: Core, bob: int
) -> None:
    job = await core.accept(JobKind.EXPORT, account_id=bob)
    assert (await core.accept(JobKind.EXPORT)).id == job.id
    await _demote(core)
    assert await jobs.claim_next(core.db, "worker") is not None


@pytest.mark.parametrize("lose", LOSSES)
async def test_an_import_of_somebody_who_lost_their_right_puts_nothing_in_force(
    core: Core, bob: int, lose: Lose
) -> None:
    job = await core.claimed(account_id=bob, archive=core.archive())
    await lose(core)
    before = dump(core.settings.database)
    with pytest.raises(Forbidden, match=LOSSES[lose]):
        await imports.run(
            core.db, core.blobs, core.settings.spool_dir, core.settings.limits, job, Progress()
        )
    await jobs.fail(core.db, job, "what the worker says")
    assert dump(core.settings.database) == before


@pytest.mark.parametrize("lose", LOSSES)
async def test_an_export_of_somebody_who_lost_their_right_leaves_no_zip(
    core: Core, bob: int, lose: Lose
) -> None:
    job = await core.claimed(JobKind.EXPORT, account_id=bob)
    await lose(core)
    target = core.settings.export_path(job.uuid)
    with pytest.raises(Forbidden, match=LOSSES[lose]):
        await exports.run(core.db, core.blobs, core.settings.spool_dir, target, job, Progress())
    assert not target.exists()
    assert (await _again(core, job)).status is JobStatus.STARTED


@pytest.mark.parametrize("way", ["owner", "member", "site"])
async def test_a_job_of_anybody_who_administers_the_repository_is_done(
    core: Core, bob: int, way: str
) -> None:
    if way != "member":
        await repositories.set_member(core.db, await core.repository(), "bob", None)
    if way == "owner":
        await core.db.run("UPDATE workspace SET owner_id = :bob WHERE slug = 'alice'", {"bob": bob})
    if way == "site":
        await core.db.run("UPDATE account SET is_admin = 1 WHERE id = :bob", {"bob": bob})
    await core.take(account_id=bob)
    assert (await jobs.latest_import(core.db, await core.repository())).status is JobStatus.SUCCESS


async def test_a_token_that_is_revoked_ends_no_job(core: Core, bob: int) -> None:
    job = await core.accept(JobKind.EXPORT, account_id=bob)
    await core.db.run("DELETE FROM token WHERE account_id = :bob", {"bob": bob})
    assert await jobs.claim(core.db, job.id, "worker") is not None


async def test_the_command_line_needs_no_account(core: Core) -> None:
    await core.take(account_id=None)
    assert await core.values("SELECT asked_by FROM job") == ["command line"]
    assert await core.values("SELECT status FROM job") == ["SUCCESS"]


async def test_the_demos_import_is_asked_for_by_the_command_line(core: Core) -> None:
    await demo.prepare(core.db, core.settings, "pail_demo")
    rows = await core.rows("SELECT asked_by, status FROM job")
    assert [tuple(row) for row in rows] == [("command line", "SUCCESS")]


# Withdrawing


async def _withdraw(core: Core) -> Job:
    repository = await core.repository()
    return await core.db.write(lambda tx: jobs.withdraw_import(tx, repository))


async def test_an_import_is_withdrawn_or_claimed_and_never_both(core: Core) -> None:
    for _ in range(10):
        job = await core.accept()
        claim, withdrawn = await asyncio.gather(
            jobs.claim(core.db, job.id, "worker"), _withdraw(core), return_exceptions=True
        )
        assert isinstance(withdrawn, Conflict) != (claim is None)
        now = await _again(core, job)
        if isinstance(claim, Job):
            assert now.status is JobStatus.STARTED
            await jobs.fail(core.db, claim, "enough")
        else:
            assert (now.status, now.message) == (JobStatus.FAILURE, "Withdrawn.")
            assert await jobs.claim(core.db, job.id, "worker") is None


async def test_what_was_put_back_can_be_withdrawn(core: Core) -> None:
    job = await core.claimed(archive=core.archive())
    await jobs.release(core.db, job)
    await _withdraw(core)
    assert (await _again(core, job)).status is JobStatus.FAILURE
    with pytest.raises(Superseded):
        await jobs.fail(core.db, job, "too late")


async def test_only_what_waits_for_long_says_so(core: Core) -> None:
    seconds = core.settings.job_patience_seconds
    job = await core.accept()
    with seconds_later(seconds - 1):
        assert jobs.waiting_message(job, seconds) is None
    with seconds_later(seconds + 1):
        message = jobs.waiting_message(job, seconds)
        assert message == "No worker has taken this import within 300 seconds; it still waits."
        claimed = await jobs.claim(core.db, job.id, "worker")
        assert claimed is not None
        assert jobs.waiting_message(claimed, seconds) is None
        await jobs.release(core.db, claimed)  # from now on it waits anew
        assert jobs.waiting_message(await _again(core, job), seconds) is None


# Progress


async def test_percent_is_a_hundred_only_for_what_succeeded(core: Core) -> None:
    job = await core.claimed()
    assert (await _again(core, job)).percent == 0
    await jobs.move(core.db, job, Phase.ISSUES, 3, 1, moved=True)
    assert (await _again(core, job)).percent == 33
    await jobs.move(core.db, job, Phase.ISSUES, 3, 3, moved=True)
    assert (await _again(core, job)).percent == 99
    async with core.db.transaction() as tx:
        await jobs.settle(tx, job, JobStatus.SUCCESS, total=3)
    done = await _again(core, job)
    assert (done.percent, done.phase, done.count, done.total) == (100, Phase.FINISHING, 3, 3)


async def test_whoever_was_overtaken_changes_nothing(core: Core) -> None:
    overtaken = await core.claimed()
    await jobs.release(core.db, overtaken)
    await core.db.run("UPDATE job SET attempt = 1")
    job = await jobs.claim(core.db, overtaken.id, "the next")
    assert job is not None
    with pytest.raises(Superseded):
        await jobs.move(core.db, overtaken, Phase.ISSUES, 1, 1, moved=True)
    with pytest.raises(Superseded):
        await jobs.fail(core.db, overtaken, "too late")
    await jobs.release(core.db, overtaken)
    now = await _again(core, job)
    assert (now.status, now.attempt, now.worker) == (JobStatus.STARTED, 2, "the next")


async def test_an_import_that_was_overtaken_puts_nothing_in_force(core: Core) -> None:
    job = await core.claimed(archive=core.archive())
    before = await core.in_force()
    await jobs.fail(core.db, job, "settled by another")
    with pytest.raises(Superseded):
        await imports.run(
            core.db, core.blobs, core.settings.spool_dir, core.settings.limits, job, Progress()
        )
    assert await core.in_force() == before
    assert (await _again(core, job)).message == "settled by another"


async def test_work_ends_when_its_job_turns_out_to_be_somebody_elses(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_STEP", 0.01)
    job = await core.claimed()
    progress = Progress()

    async def work() -> None:
        async with jobs.following(core.db, job, progress):
            await core.db.run("UPDATE job SET attempt = attempt + 1")
            while True:
                progress.tick()
                await asyncio.sleep(0.01)

    with pytest.raises(Superseded):
        await work()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_heartbeat_goes_on_while_nothing_moves(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_STEP", 0.005)
    job = await core.claimed()
    [[beat, moved]] = await core.rows("SELECT heartbeat_on, moved_on FROM job")

    async def beats() -> tuple[str, str]:
        [row] = await core.rows("SELECT heartbeat_on, moved_on FROM job")
        return row[0], row[1]

    async with asyncio.timeout(20), jobs.following(core.db, job, Progress()):
        while (await beats())[1] == moved:  # the first look counts as a movement
            await asyncio.sleep(0.005)
        beat, moved = await beats()
        while (await beats())[0] == beat:
            await asyncio.sleep(0.005)
        assert (await beats())[1] == moved


# What others left behind


async def test_a_job_whose_worker_is_at_it_is_left_alone(core: Core) -> None:
    with Presence(core.settings.data_dir) as worker:
        job = await _claim_as(core, worker.name)
        await _settle(core)
        assert (await _again(core, job)).status is JobStatus.STARTED


async def test_a_job_whose_worker_ended_is_accepted_anew(core: Core) -> None:
    with Presence(core.settings.data_dir) as worker:
        job = await _claim_as(core, worker.name)
    await _settle(core)
    again = await _again(core, job)
    assert (again.status, again.attempt, again.worker) == (JobStatus.ACCEPTED, 1, None)
    taken = await jobs.claim(core.db, job.id, "the next")
    assert taken is not None
    assert taken.attempt == 2


async def test_a_job_whose_worker_was_killed_is_accepted_anew_at_once(core: Core) -> None:
    code = """
import sys, time
from pathlib import Path
from tracker.work.presence import Presence
with Presence(Path(sys.argv[1])) as presence:
    print(presence.name, flush=True)
    time.sleep(600)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, core.settings.data_dir],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with process:
        assert process.stdout is not None
        job = await _claim_as(core, process.stdout.readline().strip())
        await _settle(core)
        assert (await _again(core, job)).status is JobStatus.STARTED
        process.kill()
    await _settle(core)
    assert (await _again(core, job)).status is JobStatus.ACCEPTED
    assert list((core.settings.data_dir / "workers").iterdir()) == []


async def test_a_worker_of_another_machine_is_given_up_when_it_is_silent(core: Core) -> None:
    job = await _claim_as(core, "elsewhere-1-abc")
    await _settle(core)
    assert (await _again(core, job)).status is JobStatus.STARTED
    with seconds_later(core.settings.job_stalled_seconds + 1):
        await _settle(core)
    assert (await _again(core, job)).status is JobStatus.ACCEPTED


async def test_a_live_worker_that_is_silent_is_given_up_too(core: Core) -> None:
    with Presence(core.settings.data_dir) as worker:
        job = await _claim_as(core, worker.name)
        with seconds_later(core.settings.job_stalled_seconds - 1):
            await _settle(core)
            assert (await _again(core, job)).status is JobStatus.STARTED
        with seconds_later(core.settings.job_stalled_seconds + 1):
            await _settle(core)
    assert (await _again(core, job)).status is JobStatus.ACCEPTED


async def test_after_its_attempts_it_fails_with_the_reason(core: Core) -> None:
    job = await _claim_as(core, f"{socket.gethostname()}-gone")
    for attempt in range(2, core.settings.job_attempts + 1):
        await _settle(core)
        taken = await jobs.claim(core.db, job.id, f"{socket.gethostname()}-gone")
        assert taken is not None
        assert taken.attempt == attempt
    await _settle(core)
    failed = await _again(core, job)
    assert failed.status is JobStatus.FAILURE
    assert failed.message == "The worker died during each of 3 attempts."
    await core.accept()


async def test_what_an_attempt_had_built_is_given_up_with_it(core: Core) -> None:
    job = await _claim_as(core, f"{socket.gethostname()}-gone")
    repository = await core.repository()
    await core.db.run(
        """INSERT INTO tracker (id, repository_id, status, created_on)
           VALUES (99, :repository, 'building', '')""",
        {"repository": repository.id},
    )
    await core.db.run("UPDATE job SET tracker_id = 99 WHERE id = :id", {"id": job.id})
    await _settle(core)
    assert await core.values("SELECT status FROM tracker WHERE id = 99") == ["dropped"]


async def test_a_job_that_beats_and_does_not_move_fails(core: Core) -> None:
    with Presence(core.settings.data_dir) as worker:
        job = await _claim_as(core, worker.name)
        with seconds_later(core.settings.job_patience_seconds + 1):
            await jobs.move(core.db, job, Phase.ISSUES, 1, 0, moved=False)
            await _settle(core)
    failed = await _again(core, job)
    assert failed.status is JobStatus.FAILURE
    assert failed.message == "Nothing moved for 300 seconds."


async def test_a_job_that_moves_is_given_all_the_time_it_needs(core: Core) -> None:
    with Presence(core.settings.data_dir) as worker:
        job = await _claim_as(core, worker.name)
        for days in (1, 2, 3):
            with later(days=days):
                await jobs.move(core.db, job, Phase.ISSUES, 9, days, moved=True)
                await _settle(core)
        assert (await _again(core, job)).status is JobStatus.STARTED


async def test_a_commands_job_is_not_taken_up_by_a_worker(core: Core) -> None:
    job = await core.accept(worker=f"{socket.gethostname()}-gone", options={"local": True})
    await _settle(core)
    failed = await _again(core, job)
    assert failed.status is JobStatus.FAILURE
    assert failed.message == "The command that ran this job ended before it was done."


async def test_what_is_put_back_counts_as_no_attempt(core: Core) -> None:
    job = await core.claimed()
    await jobs.release(core.db, job)
    again = await _again(core, job)
    assert (again.status, again.attempt) == (JobStatus.ACCEPTED, 0)


def test_a_presence_leaves_no_file(tmp_path: Path) -> None:
    with Presence(tmp_path) as one, Presence(tmp_path) as two:
        assert len(list((tmp_path / "workers").iterdir())) == 2
        assert not one.is_gone(two.name)
    assert one.is_gone(two.name)
    assert list((tmp_path / "workers").iterdir()) == []


# The repository that an import makes for itself


async def _filling(core: Core) -> Job:
    """A job that has made alice/new."""

    async def write(tx: Transaction) -> Job:
        made = await repositories.make(tx, "alice/new", private=True)
        options = {jobs.MAKES_REPOSITORY: True}
        return await jobs.accept(
            tx, made, JobKind.IMPORT, account_id=None, base_url="", options=options, worker="me"
        )

    return await core.db.write(write)


async def _is_there(core: Core) -> bool:
    return bool(await core.rows("SELECT 1 FROM repository WHERE slug = 'new'"))


async def test_it_goes_when_the_import_fails(core: Core) -> None:
    job = await _filling(core)
    await jobs.fail(core.db, job, "wrong")
    assert not await _is_there(core)
    assert await core.values("SELECT status FROM tracker WHERE repository_id IS NULL") == [
        "dropped"
    ]
    with pytest.raises(NotFound):
        await _again(core, job)


async def test_it_stays_when_the_import_was_settled_by_somebody_else(core: Core) -> None:
    job = await _filling(core)
    await core.db.write(lambda tx: jobs.settle(tx, job, JobStatus.SUCCESS))
    with pytest.raises(Superseded):
        await jobs.fail(core.db, job, "wrong")
    assert await _is_there(core)


@pytest.mark.parametrize("used", ["altered", "a member", "an export", "an issue"])
async def test_it_stays_when_somebody_has_used_it(core: Core, used: str) -> None:
    job = await _filling(core)
    new = await core.repository("alice/new")
    match used:
        case "altered":
            await core.db.write(lambda tx: repositories.update(tx, new, {"is_private": False}))
        case "a member":
            await repositories.set_member(core.db, new, "bob", "read")
        case "an export":
            await core.accept(JobKind.EXPORT, "alice/new")
        case _:
            await core.db.run(
                "UPDATE repository SET last_issue_number = 1 WHERE id = :id", {"id": new.id}
            )
    await jobs.fail(core.db, job, "wrong")
    assert await _is_there(core)
    assert (await _again(core, job)).status is JobStatus.FAILURE


async def test_nothing_is_made_when_the_job_can_not_be_accepted(core: Core) -> None:
    await core.claimed()
    with pytest.raises(Conflict, match="in this workspace"):
        await _filling(core)
    assert not await _is_there(core)


async def test_a_report_that_an_older_version_kept_can_be_sent(core: Core) -> None:
    await core.take()
    await core.db.run(
        """UPDATE job SET report = '{"counts": {}, "warnings": ["\\ud800\\u001b[31m"]}'"""
    )
    job = await jobs.latest_import(core.db, await core.repository())
    assert job.report == {"counts": {}, "warnings": [r"\ud800\x1b[31m"]}


@pytest.mark.parametrize(("asker", "count"), [("alice", 1), (None, 0)])
async def test_an_archive_that_the_command_line_names_is_never_pails_to_remove(
    core: Core, asker: str | None, count: int
) -> None:
    account_id = (await core.actor(asker)).id if asker else None
    await core.accept(account_id=account_id, archive=core.archive())
    found = await jobs.files(core.db, await core.repository(), core.settings.exports_dir)
    assert len(found) == count
