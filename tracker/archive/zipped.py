"""Reading a zip that may be hostile.

zipfile reads its directory. This module checks that the directory is true, and counts the bytes
that it unpacks.
"""

import os
import stat
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from isal import isal_zlib

from tracker.archive.members import CHUNK, Member, Source
from tracker.archive.rules import forward, unsafe
from tracker.errors import Invalid
from tracker.settings import Limits

NAME_BYTES = 255
CUT_OFF = "The download was cut off: fetch the file again."

_ENTRY = b"PK\1\2"
_LOCAL = struct.Struct("<4s5H3L2H")
_ENCRYPTED, _DESCRIPTOR, _UTF8 = 0x1, 0x8, 0x800
_METHODS = {
    1: "shrink",
    6: "implode",
    9: "deflate64",
    12: "bzip2",
    14: "LZMA",
    93: "zstd",
    95: "XZ",
}
_BROKEN = (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error)


class _Directory:
    """The file as zipfile may see it while it reads the directory: nothing too big for memory."""

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        self._limits = limits
        self._file = file
        self.seek = file.seek
        self.tell = file.tell
        self.seekable = file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > self._limits.archive_directory_bytes:
            raise Invalid(
                f"The zip's directory has more than {self._limits.archive_directory_bytes} bytes."
            )
        data = self._file.read(size)
        if data.count(_ENTRY) > self._limits.archive_entries:
            raise Invalid(f"The zip has more than {self._limits.archive_entries} entries.")
        return data


class Zip(Source):
    """A zip whose every entry was compared with the directory before a byte is inflated."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._file = path.open("rb")
        try:
            self._open(limits)
        except BaseException:
            self._file.close()
            raise

    def _open(self, limits: Limits) -> None:
        try:
            directory = zipfile.ZipFile(_Directory(self._file, limits))
        except _BROKEN as error:
            if self._is_cut_off():
                raise Invalid(CUT_OFF) from error
            raise Invalid(f"This is not a zip, or a broken one: {error}.") from error
        entries = directory.infolist()
        self._check_beginning(entries)
        self._entries: dict[str, zipfile.ZipInfo] = {}
        self._starts: dict[str, int] = {}
        for entry in entries:
            name = _check_entry(entry)
            if name in self._entries:
                raise Invalid(f"{name}: The zip has this name twice.")
            self._entries[name] = entry
        if sum(entry.file_size for entry in entries) > limits.archive_unpacked_bytes:
            raise Invalid(f"The zip unpacks to more than {limits.archive_unpacked_bytes} bytes.")
        self._check_places(entries, directory.start_dir)
        self.members = {
            name: Member(name, entry.file_size)
            for name, entry in self._entries.items()
            if not name.endswith("/")
        }

    def _is_cut_off(self) -> bool:
        """Whether the file starts as a zip and ends without a directory."""
        self._file.seek(0)
        return self._file.read(2) == b"PK" and not zipfile.is_zipfile(self._file)

    def _check_beginning(self, entries: list[zipfile.ZipInfo]) -> None:
        """Refuse a zip in another file: zipfile takes the last directory that it finds.

        Where a download was cut off, that is the directory of an attachment that is a zip itself.
        """
        before = min((entry.header_offset for entry in entries), default=0)
        if before > 0:
            self._file.seek(0)
            raise Invalid(
                CUT_OFF
                if self._file.read(2) == b"PK"
                else f"This is not a zip: something else is in its first {before} bytes."
            )

    def _check_places(self, entries: list[zipfile.ZipInfo], end: int) -> None:
        """Compare the local headers with the directory; no entry may reach into the next."""
        entries = sorted(entries, key=lambda entry: entry.header_offset)
        limits = (*(entry.header_offset for entry in entries[1:]), end)
        for entry, limit in zip(entries, limits, strict=False):
            start = self._check_header(entry)
            if start + entry.compress_size > limit:
                raise Invalid(f"{entry.orig_filename}: The entry overlaps another one.")
            self._starts[entry.orig_filename] = start

    def _check_header(self, entry: zipfile.ZipInfo) -> int:
        """The place of the entry's first byte, once its own header agrees with the directory."""
        name = entry.orig_filename.encode("utf-8" if entry.flag_bits & _UTF8 else "cp437")
        try:
            self._file.seek(entry.header_offset)
            header = _LOCAL.unpack(self._file.read(_LOCAL.size))
        except (ValueError, OSError, struct.error) as error:
            raise Invalid(f"{entry.orig_filename}: The entry's header is missing.") from error
        signature, _, flags, method, _, _, crc, packed, size, name_size, extra_size = header
        declared = (b"PK\3\4", entry.flag_bits, entry.compress_type, name)
        if (signature, flags, method, self._file.read(name_size)) != declared:
            raise Invalid(f"{entry.orig_filename}: The entry's header differs from the directory.")
        sizes = (entry.compress_size, entry.file_size)
        if not flags & _DESCRIPTOR and (
            crc != entry.CRC
            or any(a not in (b, 0xFFFFFFFF) for a, b in zip((packed, size), sizes, strict=True))
        ):
            raise Invalid(f"{entry.orig_filename}: The entry's header differs from the directory.")
        start: int = entry.header_offset + _LOCAL.size + name_size + extra_size
        return start

    def read(self, member: Member) -> Iterator[bytes]:
        entry = self._entries[member.name]
        crc = read = 0
        for chunk in self._inflated(entry):
            read += len(chunk)
            if read > entry.file_size:
                break
            crc = isal_zlib.crc32(chunk, crc)
            yield chunk
        if read != entry.file_size:
            raise Invalid(f"{member.name}: The entry's size is not the declared one.")
        if crc != entry.CRC:
            raise Invalid(f"{member.name}: The entry is damaged (its checksum is wrong).")

    def _inflated(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        packed = self._packed(entry)
        if entry.compress_type == zipfile.ZIP_STORED:
            yield from packed
            return
        inflater = isal_zlib.decompressobj(-15)
        try:
            for data in packed:
                pending = data
                while pending:
                    if inflater.eof:
                        raise Invalid(f"{entry.orig_filename}: The entry has more than its data.")
                    yield inflater.decompress(pending, CHUNK)
                    pending = inflater.unconsumed_tail or inflater.unused_data
            while not inflater.eof and (rest := inflater.decompress(b"", CHUNK)):
                yield rest
        except isal_zlib.error as error:  # type: ignore[misc]
            raise Invalid(f"{entry.orig_filename}: The entry is damaged ({error}).") from error
        if not inflater.eof:
            raise Invalid(f"{entry.orig_filename}: The entry ends too early.")

    def _packed(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        """The entry's bytes as they stand in the file."""
        place, left = self._starts[entry.orig_filename], entry.compress_size
        while left:
            # Not seek and read: several files may be read at the same time.
            data = os.pread(self._file.fileno(), min(CHUNK, left), place)
            if not data:
                raise Invalid(f"{entry.orig_filename}: The zip ends too early.")
            place, left = place + len(data), left - len(data)
            yield data

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _check_entry(entry: zipfile.ZipInfo) -> str:
    """The entry's name, with slashes where Windows has written backslashes.

    Raises Invalid naming the entry for what the directory alone tells.
    """
    name = forward(entry.orig_filename)
    mode = stat.S_IFMT(entry.external_attr >> 16)
    wrong = None
    if len(name.encode(errors="replace")) > NAME_BYTES:
        wrong = f"has a name of more than {NAME_BYTES} bytes"
    elif reason := unsafe(name):
        wrong = f"has a name that {reason}"
    elif mode and not (stat.S_ISREG(mode) or (stat.S_ISDIR(mode) and name.endswith("/"))):
        wrong = "is a link or another special file"
    elif entry.flag_bits & _ENCRYPTED:
        wrong = "is encrypted"
    elif entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        method = _METHODS.get(entry.compress_type, entry.compress_type)
        wrong = f"is packed with {method}; only deflate and store are taken"
    elif entry.compress_type == zipfile.ZIP_STORED and entry.compress_size != entry.file_size:
        wrong = "has two sizes"
    if wrong:
        raise Invalid(f"{name!r}: The entry {wrong}.")
    return name
