"""A worker that is killed at any moment leaves the old issues or the new ones, never a mixture."""

import asyncio
import random
import signal
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.archives import Sample, attachment, databases, issue, write_zip
from tests.archives import comment as a_comment
from tests.conftest import Api
from tests.faults.beside import worker
from tests.jobs.working import files, issues, select, send, settled
from tests.running.processes import eventually
from tracker.blobs import Blobs
from tracker.settings import Settings
from tracker.work import sweeping
from tracker.work.checking import check

KILLS = 20
ISSUES, COMMENTS, FILES = 4_000, 12_000, 60


def _tracker(name: str) -> tuple[Sample, dict[str, bytes]]:
    """A tracker each of whose rows and files bears its name."""
    contents = {
        f"attachments/{number:032x}": f"{name} {number}".encode() for number in range(FILES)
    }
    sections = {
        "issues": [issue(1 + number, title=name) for number in range(ISSUES)],
        "comments": [
            a_comment(1 + number, on=1 + number % ISSUES, content=name)
            for number in range(COMMENTS)
        ],
        "attachments": [attachment(path, filename=name) for path in contents],
    }
    return sections, contents


def _in_force(settings: Settings) -> list[tuple[Any, ...]]:
    """What can be seen: each name with its numbers of issues, comments and attachments."""
    return select(
        settings.database,
        """WITH t AS (SELECT tracker_id AS id FROM repository WHERE slug = 'app')
           SELECT 'issues', title, count(*) FROM issue, t WHERE tracker_id = t.id GROUP BY title
            UNION ALL
           SELECT 'comments', content_raw, count(*) FROM comment, t WHERE tracker_id = t.id
            GROUP BY content_raw
            UNION ALL
           SELECT 'files', filename, count(blob) FROM attachment, t WHERE tracker_id = t.id
            GROUP BY filename""",
    )


def _whole(name: str) -> list[tuple[Any, ...]]:
    return [("issues", name, ISSUES), ("comments", name, COMMENTS), ("files", name, FILES)]


@dataclass(frozen=True)
class _Target:
    """Where a worker is killed: when its attempt has written so many rows of a table."""

    table: str
    rows: int

    def is_reached(self, settings: Settings, before: tuple[int, int]) -> bool:
        """Whether it is, or the job has ended; before are the last job's id and attempt."""
        [(number, attempt, status)] = select(settings.database, _NEWEST)
        if status in ("SUCCESS", "FAILURE"):
            return True
        if status != "STARTED" or (number, attempt) == before:
            return False
        [(rows,)] = select(
            settings.database,
            f"""SELECT count(*) FROM {self.table} WHERE tracker_id =
                   (SELECT tracker.id FROM tracker, job WHERE tracker.id = job.tracker_id
                       AND tracker.status = 'building' AND job.id = ?)""",
            (number,),
        )
        return int(rows) >= self.rows


def _targets() -> list[_Target]:
    """For each kill one, the same in every run: right after the claim, and anywhere in a table."""
    chance = random.Random(19)
    sizes = {"issue": ISSUES, "comment": COMMENTS, "attachment": FILES}
    tables = [*sizes] * (KILLS // len(sizes)) + [*sizes][: KILLS % len(sizes)]
    return [_Target(table, chance.randrange(sizes[table])) for table in tables]


_NEWEST = "SELECT id, attempt, status FROM job ORDER BY id DESC LIMIT 1"
_HALF_BUILT = "SELECT 1 FROM tracker WHERE status = 'building' LIMIT 1"


def _status(settings: Settings) -> str:
    [(status,)] = select(settings.database, "SELECT status FROM job ORDER BY id DESC LIMIT 1")
    return str(status)


@pytest.mark.faults
@pytest.mark.timeout(300)
async def test_after_twenty_kills_every_job_has_ended_and_all_is_sound(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    archives = {
        name: write_zip(tmp_path / f"{name}.zip", databases(sections, "2.0"), contents)
        for name in ("first", "second")
        for sections, contents in [_tracker(name)]
    }
    allowed: list[list[tuple[Any, ...]]] = [[], _whole("first"), _whole("second")]
    names = iter(["first", "second"] * KILLS)
    half_way = 0
    for kill, target in enumerate(_targets()):
        if kill == 0 or _status(settings) in ("SUCCESS", "FAILURE"):
            assert (await send(api, archives[next(names)])).status == 202
        [(number, attempt, _)] = select(settings.database, _NEWEST)
        is_reached = partial(target.is_reached, settings, (number, attempt))
        with worker(settings, tmp_path / "worker") as run:
            await asyncio.to_thread(eventually, is_reached, f"{target}")
            await asyncio.to_thread(run.send, signal.SIGKILL)
        assert _in_force(settings) in allowed
        assert await api.db.check() == []
        half_way += len(select(settings.database, _HALF_BUILT))
    assert half_way >= KILLS // 3
    with worker(settings, tmp_path / "worker"):
        body = await settled(api)
    assert body["status"] in ("SUCCESS", "FAILURE")
    endings = select(settings.database, "SELECT status, message FROM job")
    assert {status for status, _ in endings} <= {"SUCCESS", "FAILURE"}
    for status, message in endings:
        assert status == "SUCCESS" or message == "The worker died during each of 3 attempts."
    assert _in_force(settings) in allowed
    await sweeping.sweep(api.db, Blobs(settings.blobs_dir), settings, young=-1)
    assert files(settings.spool_dir) == set()
    named = {name for (name,) in select(settings.database, "SELECT DISTINCT blob FROM attachment")}
    assert {path.name for path in files(settings.blobs_dir)} == named
    assert await check(api.db, Blobs(settings.blobs_dir), settings) == []
    assert (await api("POST", issues(), "bob", json={"title": "and on"})).status == 201


@pytest.mark.faults
async def test_a_worker_that_is_told_to_end_puts_its_import_back(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    sections, contents = _tracker("first")
    archive = write_zip(tmp_path / "a.zip", databases(sections, "2.0"), contents)
    assert (await send(api, archive)).status == 202
    with worker(settings, tmp_path / "worker") as run:
        await asyncio.to_thread(
            eventually, lambda: _status(settings) == "STARTED", "the worker's start"
        )
        assert await asyncio.to_thread(run.send, signal.SIGTERM) == 0
    if _status(settings) == "ACCEPTED":
        assert _in_force(settings) == []
        assert select(settings.database, "SELECT attempt FROM job") == [(0,)]
    with worker(settings, tmp_path / "worker"):
        assert (await settled(api))["status"] == "SUCCESS"
    assert _in_force(settings) == _whole("first")
