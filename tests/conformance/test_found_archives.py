"""What public converters and tools make of an archive comes in with its right values."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.archives import FOUND, as_text, found, write_entries, write_zip
from tests.archives import Entry as ZipEntry
from tests.tracker.conftest import Core, core

__all__ = ["core"]


async def _take(core: Core, sections: dict[str, Any]) -> list[str]:
    """Import a db-1.0.json; the warnings."""
    path = write_zip(core.settings.data_dir / "found.zip", {"1.0": sections})
    warnings: list[str] = (await core.take(path)).as_dict()["warnings"]
    return warnings


async def _rows(core: Core, columns: str, rest: str) -> list[tuple[Any, ...]]:
    """Rows of the tracker in force."""
    sql = f"SELECT {columns} FROM {rest}"
    return [tuple(row) for row in await core.rows(sql, tracker=await core.in_force())]


@pytest.mark.parametrize("case", FOUND)
async def test_it_comes_in_and_goes_round(core: Core, case: str) -> None:
    await _take(core, found(case))
    first = await core.give()
    await core.take(first)
    assert (await core.give()).read_bytes() == first.read_bytes()


async def test_comments_numbered_on_each_issue_become_one_series(core: Core) -> None:
    [*_, warning] = await _take(core, found("comment ids that begin anew on each issue"))
    assert await _rows(
        core, "id, issue_number, content_raw", "comment WHERE tracker_id = :tracker ORDER BY id"
    ) == [(1, 1, "c1 of 1"), (2, 1, "c2 of 1"), (3, 2, "c1 of 2")]
    assert "1; they got new ids" in warning
    assert await _rows(core, "comment_id, issue_number", "log WHERE tracker_id = :tracker") == [
        (3, 2)
    ]


@pytest.mark.parametrize("case", ["comment ids that are null", "comment ids that are missing"])
async def test_comments_without_ids_are_numbered_in_the_files_order(core: Core, case: str) -> None:
    warnings = await _take(core, found(case))
    assert await _rows(
        core, "id, issue_number, content_raw", "comment WHERE tracker_id = :tracker ORDER BY id"
    ) == [(1, 3, "c1"), (2, 3, "c2")]
    assert "2; they got new ids" in warnings[-1]


async def test_rubys_times_are_utc(core: Core) -> None:
    assert await _take(core, found("times of Ruby")) == []
    noon = "2013-05-01T12:00:00.000000+00:00"
    times = "created_on, updated_on, content_updated_on, edited_on"
    assert await _rows(core, times, "issue WHERE tracker_id = :tracker") == [(noon,) * 4]
    assert await _rows(
        core, "issue_number, created_on, updated_on", "comment WHERE tracker_id = :tracker"
    ) == [(1, noon, noon)]


async def test_a_version_in_an_object_is_that_version(core: Core) -> None:
    await _take(core, found("a version in an object"))
    names = "issue i JOIN category c ON c.id = i.version_id WHERE i.tracker_id = :tracker"
    assert await _rows(core, "c.kind, c.name", names) == [("version", "1.0")]


async def test_watchers_in_an_object_are_a_list(core: Core) -> None:
    await _take(core, found("watchers in an object"))
    names = "watch w JOIN account a ON a.id = w.account_id WHERE w.tracker_id = :tracker"
    assert await _rows(core, "a.username", f"{names} ORDER BY 1") == [("ann",), ("bob",)]


def _with_backslashes(folder: Path, text: bytes) -> Path:
    entries = [ZipEntry("db-1.0.json", text), ZipEntry("attachments\\x.bin", b"1234")]
    return write_entries(folder / "found.zip", entries)


def _two_folders_deep(folder: Path, text: bytes) -> Path:
    files = {"attachments/x.bin": b"1234"}
    return write_zip(folder / "found.zip", {"1.0": text}, files, top="repo-master/issues/")


@pytest.mark.parametrize("write", [_with_backslashes, _two_folders_deep])
async def test_a_zip_of_other_tools_has_its_attachment(
    core: Core, write: Callable[[Path, bytes], Path]
) -> None:
    report = await core.take(write(core.settings.data_dir, as_text(found("an attachment"))))
    assert report.as_dict()["missing_files"] == report.as_dict()["warnings"] == []
    [(blob, size)] = await _rows(core, "blob, size", "attachment WHERE tracker_id = :tracker")
    assert (b"".join(core.blobs.read(blob)), size) == (b"1234", 4)


async def test_a_bare_database_may_have_any_name(core: Core) -> None:
    path = core.settings.data_dir / "other-name-issues.json"
    path.write_bytes(as_text(found("an old export"), "old"))
    report = await core.take(path)
    assert report.as_dict()["warnings"] == []
    reporters = "issue i JOIN account a ON a.id = i.reporter_id WHERE i.tracker_id = :tracker"
    assert await _rows(core, "i.number, a.username", f"{reporters} ORDER BY 1") == [
        (1, "ann"),
        (2, "ann"),
    ]
