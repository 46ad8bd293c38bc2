"""Real exports of Bitbucket go in and come out, equal as data in each version that they had."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.archives import as_data, reference, write_folder
from tests.tracker.conftest import Core, core
from tracker.checking import check

__all__ = ["core"]


def _exports() -> Iterator[tuple[str, Path | dict[str, Path]]]:
    """Each export by name: a zip, or its databases by version."""
    folder = reference()
    databases: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        name, _, version = path.name.removesuffix(".json").partition(".db-")
        if path.suffix == ".zip":
            yield path.stem, path
        elif version in ("1.0", "2.0"):
            databases.setdefault(name, {})[version] = path
    yield from databases.items()


def _contents(export: Path | dict[str, Path]) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The export's databases by version, and its files."""
    if isinstance(export, dict):
        return {version: path.read_bytes() for version, path in export.items()}, {}
    with zipfile.ZipFile(export) as archive:
        names = archive.namelist()
        found = {
            version: archive.read(f"db-{version}.json")
            for version in ("1.0", "2.0")
            if f"db-{version}.json" in names
        }
        return found, {
            n: archive.read(n) for n in names if n.startswith("attachments/") and n[-1] != "/"
        }


def _written(path: Path, version: str) -> Any:
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        return json.loads(archive.read(f"db-{version}.json"))


async def test_every_real_export_comes_out_equal_and_then_the_same(core: Core) -> None:
    exports = dict(_exports())
    assert exports
    for name, export in exports.items():
        databases, files = _contents(export)
        source = export
        if isinstance(export, dict):
            source = write_folder(core.settings.data_dir / name, dict(databases))
        assert isinstance(source, Path)
        await core.take(source)
        written = await core.give()
        for version, text in databases.items():
            assert as_data(_written(written, version)) == as_data(json.loads(text)), name
        with zipfile.ZipFile(written) as archive:
            stored = [archive.read(n) for n in archive.namelist() if n.startswith("attachments/")]
        assert sorted(stored) == sorted(set(files.values())) or len(stored) == len(files), name
        first = written.read_bytes()
        await core.take(written)
        assert (await core.give()).read_bytes() == first, name
    assert await check(core.db, core.blobs, core.settings) == []


async def test_the_quest_for_kgdunns_tracker_loses_nothing(core: Core) -> None:
    zips = [path for path in reference().glob("*.zip") if path.name.startswith("kgdunn")]
    if not zips:
        pytest.skip("that export is not among the real ones")
    report = await core.take(zips[0])
    assert [report.counts[name] for name in ("issues", "comments", "logs", "attachments")] == [
        116,
        100,
        96,
        6,
    ]
    assert report.as_dict()["missing_files"] == []
    assert await core.values("SELECT count(*) FROM attachment WHERE blob IS NULL") == [0]
