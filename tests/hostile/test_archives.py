"""No archive may do anything but come in or be refused with its fault named."""

import random
import re
from pathlib import Path

import pytest

from tests.archives import (
    FILES,
    database,
    databases,
    issue,
    read,
    sample,
    write_entries,
    write_folder,
    write_zip,
)
from tests.hostile.archives import FILE, HOSTILE, Hostile, zip_in_zip
from tracker.errors import Invalid
from tracker.settings import Limits


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def tree(folder: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_it_is_refused_by_name_and_leaves_nothing_behind(
    hostile: Hostile, tmp_path: Path, spool: Path
) -> None:
    path = tmp_path / "hostile"
    hostile.write(path)
    before = tree(tmp_path)
    with pytest.raises(Invalid, match=re.escape(hostile.words)) as refusal:
        read(path, spool)
    assert len(refusal.value.message) < 1_000
    after = tree(tmp_path)
    del before[str(spool)], after[str(spool)]
    assert after == before


def test_every_limit_can_be_lowered_below_a_good_archive(tmp_path: Path, spool: Path) -> None:
    path = write_zip(tmp_path / "good.zip", databases(sample()), FILES)
    for low in (
        Limits(archive_bytes=1_000),
        Limits(archive_entries=3),
        Limits(archive_unpacked_bytes=1_000),
        Limits(archive_directory_bytes=100),
        Limits(attachment_bytes=1_000),
        Limits(archive_people=2),
        Limits(content_bytes=10),
    ):
        with pytest.raises(Invalid):
            read(path, spool, low)
    assert len(read(path, spool).issues) == 2


def test_an_unpacked_folder_has_the_same_limits(tmp_path: Path, spool: Path) -> None:
    folder = write_folder(tmp_path / "unpacked", databases(sample()), FILES)
    for low in (Limits(archive_entries=3), Limits(archive_unpacked_bytes=1_000)):
        with pytest.raises(Invalid, match="The folder"):
            read(folder, spool, low)


@pytest.mark.parametrize("section", ["components", "issues"])
def test_names_without_end_are_refused(section: str, tmp_path: Path, spool: Path) -> None:
    rows = {
        "components": [{"name": f"c{number}"} for number in range(100_001)],
        "issues": [issue(1 + number, component=f"c{number}") for number in range(100_001)],
    }
    path = write_zip(tmp_path / "names.zip", {"2.0": {section: rows[section]}})
    with pytest.raises(Invalid, match=f"{section}.*more than 100000"):
        read(path, spool)


def test_a_zip_inside_a_zip_is_only_an_attachment(tmp_path: Path, spool: Path) -> None:
    path = write_zip(tmp_path / "a.zip", databases(sample()), {FILE: zip_in_zip()})
    assert read(path, spool).files[FILE] == zip_in_zip()


def test_a_file_that_lies_about_its_size_is_found_before_its_end(
    tmp_path: Path, spool: Path
) -> None:
    hostile = next(one for one in HOSTILE if one.name == "a bomb that says 10 bytes")
    path = tmp_path / "bomb.zip"
    hostile.write(path)
    written = []
    with pytest.raises(Invalid):
        read(path, spool, progress=lambda done, total: written.append(done))
    assert sum(written) < 1 << 20


def test_a_thousand_mutations_come_in_or_are_refused(tmp_path: Path, spool: Path) -> None:
    path = write_zip(tmp_path / "good.zip", databases(sample()), FILES)
    good = path.read_bytes()
    refused = 0
    for seed in range(1_000):
        path.write_bytes(mutated(good, random.Random(seed)))
        try:
            read(path, spool)
        except Invalid:
            refused += 1
        assert not list(spool.iterdir())
    assert refused > 500


def test_a_thousand_mutations_of_the_text_come_in_or_are_refused(
    tmp_path: Path, spool: Path
) -> None:
    good = database().data
    refused = 0
    for seed in range(1_000):
        text = mutated(good, random.Random(seed))
        path = write_entries(tmp_path / "text.zip", [database(text)])
        try:
            read(path, spool)
        except Invalid:
            refused += 1
    assert 500 < refused < 1_000


def mutated(good: bytes, chance: random.Random) -> bytes:
    """One to four bytes changed, a piece cut out, doubled or moved, or the end cut off."""
    data = bytearray(good)
    place, size = chance.randrange(len(data)), chance.randrange(1, 40)
    match chance.randrange(6):
        case 0:
            del data[place:]
        case 1:
            del data[place : place + size]
        case 2:
            data[place:place] = data[place : place + size]
        case 3:
            data[place : place + size] = chance.randbytes(size)
        case _:
            for _ in range(chance.randrange(1, 5)):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)
