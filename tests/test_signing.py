"""The key of the instance: made once, on the disk before it has its name, and never another."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.http import keys, signing
from service.http.downloads import DOWNLOADS
from service.http.signing import KeyUnusable, shared_key
from tests.conftest import Api


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "download.key"


def test_whoever_asks_gets_the_same_key_which_is_for_its_owner_alone(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: shared_key(path), range(32)))
    assert made == {path.read_bytes()}
    assert len(path.read_bytes()) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


async def test_the_application_signs_with_the_key_of_its_data_directory(api: Api) -> None:
    key = shared_key(api.app[keys.SETTINGS].key_file)
    assert vars(api.app[DOWNLOADS]) == {"_key": key}


def test_the_bytes_are_on_the_disk_before_the_name_and_the_name_before_it_is_used(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []
    fsync, link = os.fsync, os.link

    def synced(descriptor: int) -> None:
        done.append(("fsync", os.readlink(f"/proc/self/fd/{descriptor}")))
        if not path.exists():
            assert os.fstat(descriptor).st_size == 32
        fsync(descriptor)

    def linked(source: Path, target: Path) -> None:
        done.append(("link", str(source)))
        link(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "link", linked)
    shared_key(path)
    draft = done[0][1]
    assert Path(draft).parent == path.parent
    assert done == [("fsync", draft), ("link", draft), ("fsync", str(path.parent))]


def test_a_disk_that_refuses_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refused)
        with pytest.raises(KeyUnusable) as refusal:
            shared_key(path)
    assert str(refusal.value) == f"The key {path} can't be read or made: Input/output error."
    assert list(path.parent.iterdir()) == []
    assert len(shared_key(path)) == 32


@pytest.mark.parametrize("size", [0, 1, 31, 33, 64])
def test_a_key_of_another_length_is_refused_and_left_alone(path: Path, size: int) -> None:
    path.parent.mkdir()
    path.write_bytes(b"k" * size)
    with pytest.raises(KeyUnusable) as refusal:
        shared_key(path)
    assert str(refusal.value) == (
        f"The key {path} has {size} bytes instead of 32: bring it back from a backup, "
        "or remove it, and a new one is made."
    )
    assert path.read_bytes() == b"k" * size


def test_what_is_no_file_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(KeyUnusable, match="can't be read or made: Is a directory"):
        shared_key(path)


def test_what_is_derived_depends_on_the_key_and_the_purpose() -> None:
    one, two = b"1" * 32, b"2" * 32
    assert signing.derived(one, "a", 30) == signing.derived(one, "a", 30)
    derived = {signing.derived(key, purpose, 30) for key in (one, two) for purpose in "ab"}
    assert len(derived) == 4
    assert {len(text) for text in derived} == {30}
