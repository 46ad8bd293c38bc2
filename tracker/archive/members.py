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
    """One database and nothing else; what stands before db-*.json in its name is dropped."""

    def __init__(self, path: Path) -> None:
        found = re.search(rf"(?:^|[^0-9A-Za-z])({DATABASE.pattern})$", path.name)
        if not found:
            raise Invalid(f"{path.name}: A bare file must be a db-2.0.json or a db-1.0.json.")
        self._path = path
        member = Member(found[1], path.stat().st_size)
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
    """The databases by version, the preferred one first; they may lie in one top folder.

    Raises Invalid where there is none, or more than one of a version.
    """
    found: dict[str, Member] = {}
    for name, member in members.items():
        folder, _, base = name.rpartition("/")
        version = DATABASE.fullmatch(base)
        if not version or "/" in folder or folder in ("attachments", "__MACOSX"):
            continue
        if version[1] in found:
            raise Invalid(f"{name}: There is a second {base} in the archive.")
        found[version[1]] = member
    if not found:
        raise Invalid("There is neither a db-2.0.json nor a db-1.0.json in the archive.")
    if len({member.name.rpartition("/")[0] for member in found.values()}) > 1:
        raise Invalid("db-1.0.json and db-2.0.json lie in different folders of the archive.")
    return dict(sorted(found.items(), reverse=True))


def is_ignored(name: str) -> bool:
    """What a file manager leaves in a zip."""
    return bool(_IGNORED.search(name))
