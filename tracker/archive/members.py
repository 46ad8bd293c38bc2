"""The files of an archive, and where they come from if that is no zip: a folder or a bare file."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tracker.errors import Invalid
from tracker.settings import Limits

CHUNK = 1 << 18
_IGNORED = re.compile(r"(^|/)(__MACOSX/|\.DS_Store$)")
_NO_FOLDERS = frozenset({"attachments", "__MACOSX"})
"""Folders whose files are never databases."""

DATABASE = re.compile(r"db-(1\.0|2\.0)\.json")


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive: its name, the common top folder included, and its size in bytes."""

    name: str
    size: int


class Source(Protocol):
    """What an archive is read from."""

    members: dict[str, Member]

    def read(self, member: Member) -> Iterator[bytes]:
        """The bytes in chunks; raises Invalid if they are not what was declared."""

    def close(self) -> None:
        """Let go of the files."""


class Bare(Source):
    """One database and nothing else: version says which."""

    def __init__(self, path: Path, version: str) -> None:
        self._path = path
        member = Member(f"db-{version}.json", path.stat().st_size)
        self.members = {member.name: member}

    def read(self, member: Member) -> Iterator[bytes]:
        return _chunks(self._path, member)

    def close(self) -> None:
        """Nothing is held open."""


class Folder(Source):
    """An unpacked archive. Links are refused, never followed."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self.members: dict[str, Member] = {}
        total = 0
        for top, folders, files in os.walk(path):
            for name in (*folders, *files):
                place = Path(top, name)
                inside = place.relative_to(path).as_posix()
                found = place.lstat()
                if stat.S_ISREG(found.st_mode):
                    self.members[inside] = Member(inside, found.st_size)
                    total += found.st_size
                elif not stat.S_ISDIR(found.st_mode):
                    raise Invalid(f"{inside}: Only regular files and folders are taken.")
                if len(self.members) > limits.archive_entries:
                    raise Invalid(f"The folder has more than {limits.archive_entries} files.")
        if total > limits.archive_unpacked_bytes:
            raise Invalid(f"The folder holds more than {limits.archive_unpacked_bytes} bytes.")

    def read(self, member: Member) -> Iterator[bytes]:
        return _chunks(self._path / member.name, member)

    def close(self) -> None:
        """Nothing is held open."""


def _chunks(path: Path, member: Member) -> Iterator[bytes]:
    with path.open("rb") as file:
        read = 0
        while chunk := file.read(CHUNK):
            read += len(chunk)
            if read > member.size:
                break
            yield chunk
    if read != member.size:
        raise Invalid(f"{member.name}: The file changed while it was read.")


def find_databases(members: dict[str, Member]) -> dict[str, Member]:
    """The databases by version, the preferred one first: those of the folder nearest to the top.

    Raises Invalid where there is none, or where several folders are as near.
    """
    folders: dict[str, dict[str, Member]] = {}
    for name, member in members.items():
        *folder, base = name.split("/")
        version = DATABASE.fullmatch(base)
        if version and _NO_FOLDERS.isdisjoint(folder):
            folders.setdefault("".join(f"{part}/" for part in folder), {})[version[1]] = member
    if not folders:
        raise Invalid("There is neither a db-2.0.json nor a db-1.0.json in the archive.")
    nearest = min(folder.count("/") for folder in folders)
    first, *others = sorted(folder for folder in folders if folder.count("/") == nearest)
    if others:
        raise _tie(first, folders[first], others[0], folders[others[0]])
    return dict(sorted(folders[first].items(), reverse=True))


def _tie(first: str, found: dict[str, Member], other: str, more: dict[str, Member]) -> Invalid:
    """The refusal of databases in two folders."""
    for version, member in more.items():
        if version in found:
            words = f"There is a second db-{version}.json in the archive, beside that in {first}."
            return Invalid(f"{member.name}: {words}")
    places = f"{first} and {other}"
    return Invalid(
        f"db-1.0.json and db-2.0.json lie in different folders of the archive: {places}."
    )


def is_ignored(name: str) -> bool:
    """What a file manager leaves in a zip."""
    return bool(_IGNORED.search(name))
