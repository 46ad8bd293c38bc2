"""Blobs: bytes under their SHA-256, all of them or none."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs.working import files
from tracker import blobs as module
from tracker.blobs import CHUNK, Blobs, Stored


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


def test_bytes_come_back_in_fixed_pieces_whatever_they_came_in(root: Path) -> None:
    blobs, data = Blobs(root), os.urandom(3 * CHUNK + 1)
    stored = blobs.store(data[start : start + 1000] for start in range(0, len(data), 1000))
    assert stored == Stored(hashlib.sha256(data).hexdigest(), len(data))
    pieces = list(blobs.read(stored.sha256))
    assert b"".join(pieces) == data
    assert [len(piece) for piece in pieces] == [CHUNK, CHUNK, CHUNK, 1]


def test_the_same_bytes_lie_there_once(root: Path) -> None:
    blobs = Blobs(root)
    assert blobs.store([b"a", b"b"]) == blobs.store([b"ab"])
    assert len(files(root)) == 1


def test_bytes_that_are_stored_again_are_young_again(root: Path) -> None:
    blobs = Blobs(root)
    stored = blobs.store([b"x"])
    os.utime(blobs.path(stored.sha256), (1, 1))
    [folder] = blobs.folders()
    assert blobs.names(folder, older_than=60) == [stored.sha256]
    blobs.store([b"x"])
    assert blobs.names(folder, older_than=60) == []


def test_a_store_that_fails_half_way_leaves_nothing(root: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        Blobs(root).store(broken())
    assert files(root) == set()


@pytest.mark.parametrize("failing", [1, 2], ids=["the bytes", "the names"])
def test_a_batch_that_the_disk_refuses_raises(
    root: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    synced = []
    fsync = os.fsync

    def refused(descriptor: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")))
        if len(synced) == failing:
            raise OSError("the disk refuses")
        fsync(descriptor)

    monkeypatch.setattr(module, "_syncfs", None)
    monkeypatch.setattr(os, "fsync", refused)
    with pytest.raises(OSError, match="the disk refuses"):
        Blobs(root).store([b"x"])
    assert len(files(root)) == failing - 1  # no name before its bytes are on the disk


def test_both_the_bytes_and_their_names_are_synced(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    monkeypatch.setattr(module, "_syncfs", None)
    monkeypatch.setattr(os, "fsync", noted)
    blobs = Blobs(root)
    stored = blobs.store([b"x"])
    assert synced[0].parent == root
    assert set(synced[1:]) == {root, blobs.path(stored.sha256).parent}


@pytest.mark.parametrize("name", ["../../etc/passwd", "A" * 64, "a" * 63, "", "a" * 63 + "\n"])
def test_only_a_hash_is_a_name(root: Path, name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        Blobs(root).path(name)


def test_bytes_that_are_not_there_are_missed_at_once(root: Path) -> None:
    with pytest.raises(FileNotFoundError):
        next(Blobs(root).read("0" * 64))
    Blobs(root).remove("0" * 64)
