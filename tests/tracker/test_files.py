"""What Pail makes is for its account of the machine alone, whatever the umask is."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tracker.conftest import Core
from tracker import files
from tracker.database import connect
from tracker.settings import Settings


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """The umask while the test runs."""
    before = os.umask(request.param)
    try:
        yield request.param
    finally:
        os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """The mode of everything in a folder, and of what is in that."""
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in sorted(folder.rglob("*"))
    }


async def test_a_database_its_wal_and_its_folder_are_for_their_owner_alone(
    tmp_path: Path, umask: int
) -> None:
    db = await connect(tmp_path / "some" / "where" / "pail.db")
    try:
        await db.run("UPDATE counter SET value = 1")
        assert modes(tmp_path) == {
            "some": 0o700,
            "some/where": 0o700,
            "some/where/pail.db": 0o600,
            "some/where/pail.db-shm": 0o600,
            "some/where/pail.db-wal": 0o600,
        }
    finally:
        await db.close()


async def test_so_it_is_where_a_symbolic_link_leads(tmp_path: Path, umask: int) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "pail.db")
    db = await connect(tmp_path / "link.db")
    await db.close()
    assert modes(tmp_path)["pail.db"] == 0o600


async def test_what_others_have_made_keeps_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    folder.chmod(0o750)
    (folder / "pail.db").touch()
    (folder / "pail.db").chmod(0o640)
    db = await connect(folder / "pail.db")
    await db.close()
    assert modes(tmp_path) == {"theirs": 0o750, "theirs/pail.db": 0o640}


async def test_attachments_exports_and_jobs_leave_nothing_that_is_open_to_others(
    core: Core, umask: int
) -> None:
    core.settings.spool_dir.chmod(0o700)  # made by the test, too
    await core.take()
    zipped = await core.give()
    found = modes(core.settings.data_dir)
    del found["archive-1.zip"]  # made by the test
    assert zipped.name in {Path(name).name for name in found}
    assert any(name.startswith("blobs/") for name in found)
    assert {name: mode for name, mode in found.items() if mode & 0o077} == {}


LOOK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0)
try:
    print(*connection.execute("PRAGMA journal_mode = DELETE").fetchone())
except sqlite3.OperationalError as error:
    print(error.sqlite_errorname)
"""


async def test_opening_a_database_again_does_not_end_the_locks_on_it(settings: Settings) -> None:
    db = await connect(settings.database)
    try:
        other = await connect(settings.database)
        # Still open: what is closed here must have been closed before SQLite opened it.
        done = subprocess.run(
            [sys.executable, "-c", LOOK, str(settings.database)],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        await other.close()
    finally:
        await db.close()
    assert done.stdout == "SQLITE_BUSY\n"


def test_a_folder_that_can_not_be_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        files.make_folder(tmp_path / "file" / "below" / "it")
    with pytest.raises(FileExistsError):
        files.make_folder(tmp_path / "file")


def test_a_folder_that_is_gone_is_not_made_in_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(FileNotFoundError):
        files.make_folder(Path("data"))
