"""Presence: a worker's sign of life is seen by others for as long as it lives, and no longer."""

import socket
from pathlib import Path

import pytest

from tracker.work.presence import Presence, is_any_here


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "workers"
    made.mkdir()
    return made


def test_nobody_is_here_where_nobody_ever_was(tmp_path: Path) -> None:
    assert not is_any_here(tmp_path)


def test_who_lives_is_here_beside_what_others_left(tmp_path: Path, folder: Path) -> None:
    (folder / "elsewhere-1-abc").touch()
    with Presence(tmp_path):
        (folder / f"{socket.gethostname()}-1-abc").touch()
        assert is_any_here(tmp_path)
    assert not is_any_here(tmp_path)
    assert len(list(folder.iterdir())) == 2, "looking removes nothing"


def test_a_start_removes_what_the_dead_of_this_machine_left(tmp_path: Path, folder: Path) -> None:
    for name in ("elsewhere-1-abc", f"{socket.gethostname()}-1-abc"):
        (folder / name).touch()
    with Presence(tmp_path) as other, Presence(tmp_path) as presence:
        kept = {"elsewhere-1-abc", other.name, presence.name}
        assert {path.name for path in folder.iterdir()} == kept


def test_a_folder_in_the_place_of_a_file_is_in_nobodys_way(tmp_path: Path, folder: Path) -> None:
    name = f"{socket.gethostname()}-1-abc"
    (folder / name).mkdir()
    with Presence(tmp_path) as presence:
        assert presence.is_gone(name)
    assert not is_any_here(tmp_path)


def test_a_file_that_can_not_be_opened_may_be_a_worker(tmp_path: Path, folder: Path) -> None:
    path = folder / "elsewhere-1-abc"
    path.symlink_to(path)
    assert is_any_here(tmp_path)


def test_a_command_with_a_job_of_its_own_is_no_worker_and_known_when_it_is_gone(
    tmp_path: Path,
) -> None:
    with Presence(tmp_path, is_command=True) as command, Presence(tmp_path) as worker:
        assert is_any_here(tmp_path)
        assert not worker.is_gone(command.name)
    with Presence(tmp_path, is_command=True):
        assert not is_any_here(tmp_path)
        assert worker.is_gone(command.name)
