"""The tracker in force as a zip: everything in it, always the same bytes."""

import asyncio
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.archives import FILES, as_data, as_version, attachment, comment, issue, sample
from tests.tracker.conftest import Core
from tests.writing import create_comment, create_issue
from tracker import comments, edits, issues, votes
from tracker.changes import Message
from tracker.database import Transaction
from tracker.edits import Edit
from tracker.errors import Invalid
from tracker.issues import NewIssue
from tracker.transfers import exports
from tracker.vocabulary import JobKind, State
from tracker.votes import Mark
from tracker.work import jobs
from tracker.work.jobs import Superseded
from tracker.work.progress import Progress


def _database(path: Path, version: str = "2.0") -> Any:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(f"db-{version}.json"))


@pytest.mark.parametrize("version", ["1.0", "2.0"])
async def test_what_came_in_goes_out(core: Core, version: str) -> None:
    await core.take(core.archive(sample(), "1.0", "2.0"))
    written = _database(await core.give(), version)
    assert as_data(written) == as_data(as_version(sample(), version))


async def test_files_go_out_once_each_and_both_databases_point_at_them(core: Core) -> None:
    path, other = FILES
    rows = [attachment(path), attachment(path, filename="twin"), attachment(other, on=3)]
    await core.take(core.archive(sample(attachments=rows)))
    written = await core.give()
    with zipfile.ZipFile(written) as archive:
        names = [name for name in archive.namelist() if name.startswith("attachments/")]
        found = {name: archive.read(name) for name in names}
    assert len(names) == len(set(names))
    for version in ("1.0", "2.0"):
        rows = _database(written, version)["attachments"]
        assert {row["path"] for row in rows} == set(found)
        assert [found[row["path"]] for row in rows] == [FILES[path], FILES[path], FILES[other]]


async def test_the_names_of_entries_are_ours_whatever_a_file_is_called(core: Core) -> None:
    path = next(iter(FILES))
    names = ["..\\..\\a", "../../etc/passwd", "a/b", "C:\\x", "a\r\nb", "x" * 300, "/"]
    await core.take(
        core.archive(sample(attachments=[attachment(path, filename=name) for name in names]))
    )
    written = await core.give()
    with zipfile.ZipFile(written) as archive:
        for name in archive.namelist():
            assert re.fullmatch(r"attachments/[0-9a-f]{32}|db-[a-z0-9.-]+\.json|\.signature", name)
    assert [row["filename"] for row in _database(written)["attachments"]] == names


async def test_without_attachments_there_are_none(core: Core) -> None:
    await core.take()
    written = await core.give(include_attachments=False)
    with zipfile.ZipFile(written) as archive:
        assert not [name for name in archive.namelist() if name.startswith("attachments/")]
    assert _database(written)["attachments"] == []
    assert len(_database(written)["issues"]) == 2


async def test_an_attachment_without_bytes_stays_a_row(core: Core) -> None:
    await core.take(core.archive(sample(), files={}))
    assert len(_database(await core.give())["attachments"]) == 2


async def test_the_same_tracker_gives_the_same_bytes(core: Core) -> None:
    await core.take()
    assert (await core.give()).read_bytes() == (await core.give()).read_bytes()


async def test_an_export_that_comes_in_again_goes_out_the_same(core: Core) -> None:
    await core.take(core.archive(sample(), "1.0", "2.0"))
    alice = await core.actor("alice")
    number = await create_issue(
        core.db, alice, await core.repository(), NewIssue("live", content="by alice")
    )
    await create_comment(core.db, alice, await core.repository(), number, content="later")
    first = (await core.give()).read_bytes()
    path = core.settings.data_dir / "first.zip"
    path.write_bytes(first)
    await core.take(path)
    assert (await core.give()).read_bytes() == first


async def test_what_was_edited_deleted_and_voted_for_here_goes_out_in_an_archives_words(
    core: Core,
) -> None:
    await core.take(core.archive(sample(), "1.0", "2.0"))
    alice, repository = await core.actor("alice"), await core.repository()
    edit = Edit(title="After", content="x" * 300, state=State.CLOSED, references={"assignee": None})

    async def write(tx: Transaction) -> None:
        doomed = await comments.create(tx, alice, repository, 1, content="deleted")
        kept = await comments.create(tx, alice, repository, 1, content="typo")
        await comments.delete(tx, alice, repository, 1, doomed)
        await comments.update(tx, alice, repository, 1, kept, content="corrected")
        await edits.apply(tx, alice, repository, 1, edit, Message("why"))
        await votes.add(tx, alice, repository, 1, Mark.VOTE)
        await issues.delete(tx, alice, repository, 3)

    await core.db.write(write)
    written = await core.give()
    found = _database(written)
    assert [row["id"] for row in found["issues"]] == [1]
    assert {row["issue"] for row in (*found["comments"], *found["attachments"])} == {1}
    [issue] = found["issues"]
    assert (issue["title"], issue["status"], issue["assignee"]) == ("After", "closed", None)
    assert issue["edited_on"] == issue["content_updated_on"] == issue["updated_on"]
    assert len(issue["voters"]) == 2
    said = {row["content"]: row for row in found["comments"]}
    assert "deleted" not in said
    assert said["corrected"]["updated_on"] > said["corrected"]["created_on"]
    [before] = [row for row in sample()["issues"] if row["id"] == 1]
    logs = [row for row in found["logs"] if row["comment"] == said["why"]["id"]]
    assert [(row["field"], row["changed_from"], row["changed_to"]) for row in logs] == [
        ("content", before["content"], "x" * 254),
        ("title", "Issue 1", "After"),
        ("responsible", "bob_b", ""),
        ("responsible_account_id", before["assignee"]["account_id"], ""),
        ("status", "new", "closed"),
    ]
    await core.take(written)
    assert (await core.give()).read_bytes() == written.read_bytes()


async def test_an_account_and_a_placeholder_of_one_name_stay_apart(core: Core) -> None:
    await core.take(core.archive(sample(), "1.0"))
    await create_issue(
        core.db, await core.actor("alice"), await core.repository(), NewIssue("by the account")
    )
    written = await core.give()
    reporters = [row["reporter"] for row in _database(written, "1.0")["issues"]]
    assert reporters == ["alice", None, "alice-2"]
    await core.take(written)
    assert _database(await core.give(), "1.0") == _database(written, "1.0")


async def test_a_file_that_is_gone_fails_the_export_and_is_named(core: Core) -> None:
    await core.take()
    [blob] = await core.values("SELECT blob FROM attachment WHERE size > 0")
    core.blobs.remove(blob)
    with pytest.raises(Invalid, match=blob):
        await core.give()
    assert list(core.settings.exports_dir.glob("*")) == []
    assert list(core.settings.spool_dir.glob("*")) == []
    assert await core.values("SELECT status FROM job WHERE kind = 'export'") == ["FAILURE"]


async def test_the_export_is_of_one_moment_while_others_write(core: Core) -> None:
    rows = [issue(1 + number) for number in range(600)]
    await core.take({"issues": rows, "comments": [comment(1)]})
    stop = asyncio.Event()
    alice, repository = await core.actor("alice"), await core.repository()

    async def write() -> int:
        written = 0
        while not stop.is_set():
            number = await create_issue(core.db, alice, repository, NewIssue("new"))
            await create_comment(core.db, alice, repository, number, content="said")
            await create_comment(core.db, alice, repository, 1, content="said")
            written += 1
        return written

    writer = asyncio.create_task(write())
    trackers = [_database(await core.give()) for _ in range(3)]
    stop.set()
    assert await writer > 0
    for tracker in trackers:
        numbers = {row["id"] for row in tracker["issues"]}
        assert {row["issue"] for row in tracker["comments"]} <= numbers
        live = numbers - set(range(1, 601))
        said = [row["issue"] for row in tracker["comments"] if row["content"] == "said"]
        # One issue, one comment on it, one on the first: never more than one step apart.
        assert len(live) - 1 <= len([on for on in said if on != 1]) <= len(live)
        assert len(live) - 1 <= len([on for on in said if on == 1]) <= len(live)


async def test_an_export_whose_job_was_settled_meanwhile_says_so(core: Core) -> None:
    await core.take()
    job = await core.claimed(JobKind.EXPORT)
    await jobs.fail(core.db, job, "too slow")
    with pytest.raises(Superseded):
        await exports.run(
            core.db,
            core.blobs,
            core.settings.spool_dir,
            core.settings.export_path(job.uuid),
            job,
            Progress(),
        )
    assert (await jobs.get(core.db, job.id)).message == "too slow"


async def test_an_empty_tracker_goes_out_and_comes_in(core: Core) -> None:
    written = await core.give()
    assert _database(written)["issues"] == []
    report = await core.take(written)
    assert report.counts["issues"] == 0


async def test_what_another_repository_imports_changes_no_export(core: Core) -> None:
    alice = await core.actor("alice")
    await create_issue(core.db, alice, await core.repository(), NewIssue("Live"))
    before = (await core.give()).read_bytes()
    await core.take(core.archive(sample(), "1.0"), "alice/open")  # names another "alice"
    assert (await core.give()).read_bytes() == before
