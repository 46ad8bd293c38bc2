"""Real exports of Bitbucket go in and come out, equal as data in each version that they had."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.archives import as_data, reference, write_folder, write_zip
from tests.tracker.conftest import Core, core
from tracker.work.checking import check

__all__ = ["core"]


PERSON = ("reporter", "assignee", "user", "default_assignee")
LISTS = ("watchers", "voters")


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


def _named(value: Any) -> set[str]:
    """The account_ids or usernames of everybody in a part of a database."""
    found: set[str] = set()
    if isinstance(value, list):
        return found.union(*map(_named, value))
    for key, inner in value.items():
        if key in ("account_id", *PERSON) and isinstance(inner, str):
            found.add(inner)
        elif key in LISTS:
            found |= {one for one in inner or [] if isinstance(one, str)} | _named(
                [one for one in inner or [] if isinstance(one, dict)]
            )
        elif isinstance(inner, dict | list):
            found |= _named(inner)
    return found


def _without(value: Any, lost: set[str]) -> Any:
    """The same without these account_ids and usernames: null in their places."""
    if isinstance(value, list):
        return [_without(inner, lost) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        key: None
        if key in ("account_id", *PERSON) and isinstance(inner, str) and inner in lost
        else [None if one in lost else one for one in inner]
        if key in LISTS and inner and isinstance(inner[0], str)
        else _without(inner, lost)
        for key, inner in value.items()
    }


@pytest.mark.parametrize("every", [1, 2, 3])
async def test_every_real_export_comes_out_equal_where_halves_of_people_are_null(
    core: Core, every: int
) -> None:
    exports = {name: _contents(export)[0] for name, export in _exports()}
    both = {name: databases for name, databases in exports.items() if len(databases) == 2}
    assert both
    for name, databases in both.items():
        changed = {}
        for version, text in databases.items():
            read = json.loads(text)
            people = sorted(_named(read))
            # Other ones in each database: some have lost the one half, some the other, some both.
            lost = set(people[:: every + (version == "1.0" and every > 1)])
            changed[version] = _without(read, lost)
            assert changed[version] != read, name
        path = core.settings.data_dir / f"{name}-{every}.zip"
        await core.take(write_zip(path, changed))
        written = await core.give()
        for version, sections in changed.items():
            assert as_data(_written(written, version)) == as_data(sections), (name, version)
        first = written.read_bytes()
        await core.take(written)
        assert (await core.give()).read_bytes() == first, name


async def test_an_export_of_a_real_one_names_nobody_otherwise(core: Core) -> None:
    for name, export in _exports():
        databases, _ = _contents(export)
        given = set().union(*(_named(json.loads(text)) for text in databases.values()))
        await core.take(write_zip(core.settings.data_dir / f"{name}.zip", {**databases}))
        written = await core.give()
        for version in ("1.0", "2.0"):
            assert _named(_written(written, version)) <= given, name
        with zipfile.ZipFile(written) as archive:
            assert all(b'"pail:' not in archive.read(one) for one in archive.namelist())


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
