"""`pail import`, `import-undo` and `export`: archives in and out on the command line."""

import json
import signal
import socket
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.archives import (
    FILES,
    as_data,
    databases,
    issue,
    log,
    sample,
    write_folder,
    write_zip,
)
from tests.cli.conftest import Pail, archive_in, output, refusal
from tests.jobs.working import dump, files, many, select
from tests.running.processes import PAIL, Started, eventually, started
from tracker.settings import Settings


def _numbers(settings: Settings, full_name: str = "alice/app") -> list[int]:
    workspace, _, slug = full_name.partition("/")
    rows = select(
        settings.database,
        """SELECT i.number FROM issue i JOIN repository r ON r.tracker_id = i.tracker_id
             JOIN workspace w ON w.id = r.workspace_id
            WHERE w.slug = ? AND r.slug = ? ORDER BY i.number""",
        (workspace, slug),
    )
    return [number for (number,) in rows]


def test_an_import_prints_its_report(pail: Pail, settings: Settings, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", databases(sample()), {})
    lines = output(pail, "import", "alice/app", path).splitlines()
    assert lines[0] == (
        "alice/app: imported 2 issues, 3 comments, 3 logs, 2 attachments, 2 components, "
        "1 milestones, 2 versions"
    )
    assert len([line for line in lines if line.startswith("missing files: ")]) == 2
    assert len([line for line in lines if line.startswith("placeholders: ")]) == 3
    assert _numbers(settings) == [1, 3]
    assert files(settings.spool_dir) == set()
    assert path.exists()


def test_a_refused_archive_changes_nothing(pail: Pail, settings: Settings, tmp_path: Path) -> None:
    output(pail, "import", "alice/app", archive_in(tmp_path))
    before = dump(settings.database)
    path = write_zip(tmp_path / "a.zip", databases(sample(issues=[issue(1, kind="x")])))
    sentence = refusal(pail, "import", "alice/app", path)
    assert sentence.startswith("db-2.0.json: issues[0].kind: Must be one of")
    assert dump(settings.database) == before
    assert select(settings.database, "SELECT status FROM job ORDER BY id") == [
        ("SUCCESS",),
        ("FAILURE",),
    ]


def test_a_dry_run_shows_the_report_and_changes_nothing(
    pail: Pail, settings: Settings, tmp_path: Path
) -> None:
    before = dump(settings.database)
    out = output(pail, "import", "alice/app", archive_in(tmp_path), "--dry-run")
    assert out.startswith("alice/app: would import 2 issues")
    assert dump(settings.database) == before


def test_a_repository_is_made_only_when_that_is_asked_for(
    pail: Pail, settings: Settings, tmp_path: Path
) -> None:
    path = archive_in(tmp_path)
    assert "with --create it is made" in refusal(pail, "import", "alice/new", path)
    output(pail, "import", "alice/new", path, "--create")
    assert _numbers(settings, "alice/new") == [1, 3]
    assert "alice/new\tnew\tprivate\t2\n" in output(pail, "repo", "list")
    output(pail, "import", "alice/new", path, "--create")
    refusal(pail, "import", "nowhere/new", path, "--create")


def test_a_dry_run_does_not_even_make_the_repository(
    pail: Pail, settings: Settings, tmp_path: Path
) -> None:
    path = archive_in(tmp_path)
    output(pail, "import", "alice/app", path)
    before, jobs = dump(settings.database), select(settings.database, "SELECT * FROM job")
    out = output(pail, "import", "alice/new", path, "--create", "--dry-run")
    assert out.startswith("alice/new: would import 2 issues, 3 comments")
    assert "placeholders" not in out, "the workspace knows them since the first import"
    assert "with --create it is made" in refusal(pail, "import", "alice/new", path, "--dry-run")
    for name, words in (
        ("nowhere/new", "There is no workspace 'nowhere'."),
        ("alice/New Repository", "'New Repository' is not a valid name"),
    ):
        assert words in refusal(pail, "import", name, path, "--create", "--dry-run")
    bad = _broken(tmp_path)["a record"]
    assert "Must be one of" in refusal(pail, "import", "alice/new", bad, "--create", "--dry-run")
    assert dump(settings.database) == before
    assert select(settings.database, "SELECT * FROM job") == jobs
    assert files(settings.spool_dir) == set()


def test_a_dry_run_and_the_import_report_the_same(
    pail: Pail, settings: Settings, tmp_path: Path
) -> None:
    sections = sample(more=[1], components=[], logs=[log(999)])
    path = write_zip(tmp_path / "a.zip", databases(sections), {})
    alone = output(pail, "import", path, "--dry-run")
    beside = output(pail, "import", "alice/new", path, "--dry-run", "--create")
    done = output(pail, "import", "alice/new", path, "--create")
    assert alone.replace(f"{path}: would import", "") == done.replace("alice/new: imported", "")
    assert beside.replace("would import", "imported") == done
    for kind in ("warnings", "unresolved", "missing files", "placeholders"):
        assert f"{kind}: " in done


def test_a_dry_run_of_an_archive_alone_makes_and_needs_nothing(
    pail: Pail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, spool = tmp_path / "home", tmp_path / "tmp"
    for folder in (home, spool):
        folder.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.delenv("PAIL_DATA_DIR")
    monkeypatch.setattr(tempfile, "tempdir", str(spool))
    path = archive_in(tmp_path)
    out = output(pail, "import", "--dry-run", path)
    assert out.splitlines()[0] == (
        f"{path}: would import 2 issues, 3 comments, 3 logs, 2 attachments, 2 components, "
        "1 milestones, 2 versions"
    )
    assert out.count("placeholders: ") == 3
    folder = write_folder(tmp_path / "unpacked", databases(sample()), FILES)
    assert "would import 2 issues" in output(pail, "import", folder, "--dry-run")
    for broken in _broken(tmp_path).values():
        refusal(pail, "import", broken, "--dry-run")
    option = ("--max-content-bytes", 1)
    assert "at most 1 " in refusal(pail, "import", path, "--dry-run", *option)
    monkeypatch.setenv("PAIL_DATA_DIR", "/proc/nobody/may/write/here")
    output(pail, "import", path, "--dry-run")
    assert list(home.iterdir()) == list(spool.iterdir()) == []


def _broken(folder: Path) -> dict[str, Path]:
    """Archives that are found out at each step of an import."""
    (folder / "garbage.zip").write_bytes(b"no zip")
    lost = {name: data for name, data in FILES.items() if data}
    damaged = write_zip(
        folder / "damaged.zip", databases(sample()), lost, method=zipfile.ZIP_STORED
    )
    damaged.write_bytes(damaged.read_bytes().replace(b"PNG\x89PNG", b"PNG\x89PNg", 1))
    rows = [issue(1), issue(1)]
    return {
        "no zip": folder / "garbage.zip",
        "a record": write_zip(folder / "kind.zip", databases(sample(issues=[issue(1, kind="x")]))),
        "a row": write_zip(folder / "twice.zip", databases(sample(issues=rows, comments=[]))),
        "a file": damaged,
    }


def test_a_broken_archive_leaves_no_new_repository(
    pail: Pail, settings: Settings, tmp_path: Path
) -> None:
    before = dump(settings.database)
    for broken in _broken(tmp_path).values():
        refusal(pail, "import", "alice/new", broken, "--create")
        assert dump(settings.database) == before
    assert select(settings.database, "SELECT * FROM job") == []
    assert output(pail, "check") == ""
    output(pail, "import", "alice/new", archive_in(tmp_path), "--create")
    assert _numbers(settings, "alice/new") == [1, 3]


def test_a_repository_that_was_there_outlives_a_broken_archive(
    pail: Pail, settings: Settings, tmp_path: Path
) -> None:
    output(pail, "repo", "create", "alice/old")
    before = dump(settings.database)
    for broken in _broken(tmp_path).values():
        refusal(pail, "import", "alice/old", broken, "--create")
        assert dump(settings.database) == before
    assert select(settings.database, "SELECT status FROM job") == [("FAILURE",)] * 4


def test_an_unpacked_folder_and_a_bare_database_come_in(
    pail: Pail, settings: Settings, tmp_path: Path
) -> None:
    folder = write_folder(tmp_path / "unpacked", databases(sample()), FILES)
    output(pail, "import", "alice/app", folder)
    assert _numbers(settings) == [1, 3]
    out = output(pail, "import", "alice/open", folder / "db-2.0.json")
    assert _numbers(settings, "alice/open") == [1, 3]
    assert out.count("missing files: ") == 2
    (folder / "db-1.0.json").rename(tmp_path / "backup of 2019")
    output(pail, "import", "alice/app", tmp_path / "backup of 2019")
    assert _numbers(settings) == [1, 3]


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    """A folder of good and bad archives."""
    folder = tmp_path / "backups"
    folder.mkdir()
    archive_in(folder, "app-issues.zip")
    archive_in(folder, "Quest.zip")
    archive_in(folder, "no slug.zip")
    (folder / "bad-issues.zip").write_bytes(b"not a zip")
    (folder / "gone.zip").symlink_to(folder / "nowhere")
    (folder / "notes.txt").write_text("no archive")
    return folder


def test_every_archive_of_a_folder_comes_in_and_a_bad_one_stops_no_other(
    pail: Pail, settings: Settings, backups: Path
) -> None:
    result = pail("import", "alice/", backups, "--create")
    assert result.exit_code == 1
    assert "alice/app: imported 2 issues" in result.stdout
    assert "alice/quest: imported 2 issues" in result.stdout
    assert [line.partition(": ")[0] for line in result.stderr.splitlines()] == [
        "alice/bad",
        "alice/gone",
        "alice/no slug",
    ]
    assert _numbers(settings) == _numbers(settings, "alice/quest") == [1, 3]
    assert "alice/bad" not in output(pail, "repo", "list")
    assert "alice/gone" not in output(pail, "repo", "list")


def test_a_dry_run_tries_every_archive_of_a_folder(
    pail: Pail, settings: Settings, backups: Path
) -> None:
    before = dump(settings.database)
    result = pail("import", "alice/", backups, "--create", "--dry-run")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 3)
    assert "alice/app: would import 2 issues" in result.stdout
    assert "alice/quest: would import 2 issues" in result.stdout
    result = pail("import", "alice/", backups, "--dry-run")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 4)
    assert "alice/app: would import 2 issues" in result.stdout
    assert "alice/quest: There is no repository" in result.stderr
    assert dump(settings.database) == before


def test_a_folder_without_archives_is_refused(pail: Pail, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "There is no zip" in refusal(pail, "import", "alice/", tmp_path / "empty")


@pytest.mark.parametrize(
    "option",
    [
        "--max-archive-bytes",
        "--max-archive-entries",
        "--max-archive-unpacked-bytes",
        "--max-attachment-bytes",
        "--max-content-bytes",
    ],
)
def test_limits_are_those_of_one_run(
    pail: Pail, settings: Settings, tmp_path: Path, option: str
) -> None:
    path = archive_in(tmp_path)
    assert "at most" in (sentence := refusal(pail, "import", "alice/app", path, option, 1)) or (
        "more than 1" in sentence
    )
    output(pail, "import", "alice/app", path)
    assert _numbers(settings) == [1, 3]


def test_a_limit_of_the_settings_can_be_raised_for_one_run(
    pail: Pail, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIL_MAX_ARCHIVE_BYTES", "100")
    path = archive_in(tmp_path)
    refusal(pail, "import", "alice/app", path)
    output(pail, "import", "alice/app", path, "--max-archive-bytes", 1_000_000)
    assert _numbers(settings) == [1, 3]


def test_an_import_can_be_undone_and_that_too(
    pail: Pail, settings: Settings, tmp_path: Path
) -> None:
    assert "no replaced tracker" in refusal(pail, "import-undo", "alice/app")
    output(pail, "import", "alice/app", archive_in(tmp_path))
    for expected in ([], [1, 3]):
        out = output(pail, "import-undo", "alice/app")
        assert out == "alice/app is back at what it was; later writes out of sight: 0.\n"
        assert _numbers(settings) == expected


def test_undo_wants_a_yes_when_writes_go_out_of_sight(
    pail: Pail, settings: Settings, tmp_path: Path
) -> None:
    path = write_zip(
        tmp_path / "future.zip", databases({"issues": [issue(1, created_on="2999-01-01T00:00Z")]})
    )
    output(pail, "import", "alice/app", path)
    output(pail, "import-undo", "alice/app")  # what an archive dates in the future is no write
    output(pail, "import-undo", "alice/app")
    with closing(sqlite3.connect(settings.database)) as database, database:
        database.execute("UPDATE tracker SET writes = 1 WHERE status = 'current'")
    sentence = refusal(pail, "import-undo", "alice/app")
    assert sentence.startswith("1 write that only the present issues have")
    assert "--yes" in sentence
    output(pail, "import-undo", "alice/app", "--yes")
    assert _numbers(settings) == []
    out = output(pail, "import-undo", "alice/app")
    assert out.endswith("later writes out of sight: 0, earlier ones brought back: 1.\n")


def test_an_export_is_what_came_in(pail: Pail, tmp_path: Path) -> None:
    output(pail, "import", "alice/app", archive_in(tmp_path))
    target = tmp_path / "out.zip"
    result = pail("export", "alice/app", target)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"alice/app is in {target}.\n"
    assert as_data(_database(target)) == as_data(sample())
    output(pail, "export", "alice/app", tmp_path / "without.zip", "--without-attachments")
    assert _database(tmp_path / "without.zip")["attachments"] == []


def test_an_export_goes_into_a_folder_that_is_there(pail: Pail, tmp_path: Path) -> None:
    for target in (tmp_path, tmp_path / "none" / "out.zip"):
        assert refusal(pail, "export", "alice/app", target).endswith("that can be written.")
    assert not (tmp_path / "none").exists()


def test_what_a_killed_command_had_begun_is_settled_by_the_next(
    pail: Pail, settings: Settings, tmp_path: Path
) -> None:
    output(pail, "import", "alice/app", archive_in(tmp_path))
    with closing(sqlite3.connect(settings.database)) as database, database:
        database.execute(
            """UPDATE job SET status = 'STARTED', finished_on = NULL, options = '{"local": true}',
                              worker = ? || '-1-dead'""",
            (socket.gethostname(),),
        )
    found = pail("check")
    assert (found.exit_code, found.stdout.count("nobody works on it any more")) == (1, 1)
    output(pail, "import", "alice/open", archive_in(tmp_path))
    assert select(settings.database, "SELECT status FROM job ORDER BY id") == [
        ("FAILURE",),
        ("SUCCESS",),
    ]


@pytest.fixture
def long_import(settings: Settings, tmp_path: Path) -> Iterator[Started]:
    """A command that makes alice/new and is in the middle of filling it."""
    path = write_zip(tmp_path / "long.zip", databases(many(3_000, 60_000), "2.0"))
    words = [*PAIL, "import", "alice/new", str(path), "--create"]
    (tmp_path / "elsewhere").mkdir()
    with started(tmp_path / "elsewhere", words, PAIL_DATA_DIR=str(settings.data_dir)) as run:
        half = "SELECT 1 FROM job WHERE status = 'STARTED' AND tracker_id > 0"
        eventually(lambda: select(settings.database, half), "the middle of the import")
        yield run


def test_a_command_that_was_ended_leaves_no_new_repository(
    pail: Pail, long_import: Started
) -> None:
    assert long_import.send(signal.SIGTERM) == 1
    assert long_import.log == "Interrupted.\n"
    assert "alice/new" not in output(pail, "repo", "list")


def test_the_next_command_removes_the_new_repository_of_one_that_was_killed(
    pail: Pail, settings: Settings, long_import: Started, tmp_path: Path
) -> None:
    long_import.send(signal.SIGKILL)
    assert "alice/new" in output(pail, "repo", "list")
    output(pail, "import", "alice/app", archive_in(tmp_path))
    assert "alice/new" not in output(pail, "repo", "list")
    assert select(settings.database, "SELECT status FROM job") == [("SUCCESS",)]


def test_what_somebody_else_uses_meanwhile_stays(
    pail: Pail, settings: Settings, long_import: Started, tmp_path: Path
) -> None:
    output(pail, "member", "add", "alice/new", "bob", "read")
    long_import.send(signal.SIGTERM)
    assert "alice/new" in output(pail, "repo", "list")
    assert select(settings.database, "SELECT status FROM job") == [("FAILURE",)]


def test_a_job_that_somebody_else_has_ended_is_given_up_in_one_sentence(
    pail: Pail, settings: Settings, long_import: Started
) -> None:
    with closing(sqlite3.connect(settings.database)) as database, database:
        database.execute("UPDATE job SET status = 'FAILURE', message = 'Enough.'")
    assert long_import.process.wait(50) == 1
    assert long_import.log == "Somebody else has ended this job meanwhile.\n"
    assert select(settings.database, "SELECT message FROM job") == [("Enough.",)]


def test_an_export_that_fails_leaves_what_was_there(
    pail: Pail, settings: Settings, tmp_path: Path
) -> None:
    output(pail, "import", "alice/app", archive_in(tmp_path))
    for path in files(settings.blobs_dir):
        path.unlink()
    target = tmp_path / "out.zip"
    target.write_bytes(b"last week's")
    assert "are missing" in refusal(pail, "export", "alice/app", target)
    assert target.read_bytes() == b"last week's"
    assert list(tmp_path.glob("out.zip?*")) == []


def test_a_running_import_is_not_disturbed(pail: Pail, settings: Settings, tmp_path: Path) -> None:
    output(pail, "import", "alice/app", archive_in(tmp_path))
    before = dump(settings.database)
    _accept_import(settings)
    assert "waits or runs already" in refusal(pail, "import", "alice/app", archive_in(tmp_path))
    assert "A job is running" in refusal(pail, "import-undo", "alice/app")
    assert dump(settings.database) == before


def _accept_import(settings: Settings) -> None:
    with closing(sqlite3.connect(settings.database)) as connection:
        connection.execute(
            """INSERT INTO job (uuid, kind, repository_id, status, base_url, created_on)
               SELECT 'waiting', 'import', id, 'ACCEPTED', '', '' FROM repository
                WHERE slug = 'app'"""
        )
        connection.commit()


def _database(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("db-2.0.json"))
