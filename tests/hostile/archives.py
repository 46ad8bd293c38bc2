"""Archives that mean harm or are broken, made by code: HOSTILE is the list of them all."""

import io
import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.archives import (
    Entry,
    Sample,
    as_text,
    as_version,
    attachment,
    comment,
    database,
    issue,
    log,
    sample,
    write_entries,
    write_zip,
)

LZMA, BZIP2, DEFLATE64 = 14, 12, 9
STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
CUT_OFF = "The download was cut off: fetch the file again."
FILE = f"attachments/{'a1' * 16}"


class Hostile(NamedTuple):
    """write makes it at a path; words are in the refusal."""

    name: str
    write: Callable[[Path], Any]
    words: str


def _entries(name: str, words: str, *entries: Entry) -> Hostile:
    return Hostile(name, lambda path: write_entries(path, [database(), *entries]), words)


def _alone(name: str, words: str, *entries: Entry) -> Hostile:
    return Hostile(name, lambda path: write_entries(path, entries), words)


def _bytes(name: str, words: str, data: Callable[[bytes], bytes]) -> Hostile:
    def write(path: Path) -> None:
        write_zip(path, {"2.0": sample()}, {FILE: b"data" * 100})
        path.write_bytes(data(path.read_bytes()))

    return Hostile(name, write, words)


def _cut_behind(data: bytes) -> bytes:
    """A download that was cut off behind an attachment that is an archive itself."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("db-2.0.json", as_text(sample(issues=[])))
        archive.writestr("attachments/a", data)
        archive.writestr("attachments/b", b"b" * 3000)
    return whole.getvalue().partition(data)[0] + data + b"b" * 1000


def _text(name: str, words: str, text: bytes | Callable[[], bytes]) -> Hostile:
    def write(path: Path) -> None:
        write_zip(path, {"2.0": text if isinstance(text, bytes) else text()})

    return Hostile(name, write, words)


def _sample(name: str, words: str, sections: Sample, version: str = "2.0") -> Hostile:
    text = json.dumps(as_version(sections, version)).encode()
    return Hostile(name, lambda path: write_zip(path, {version: text}), words)


def _inside(before: bytes, piece: bytes, times: int, after: bytes) -> Callable[[], bytes]:
    return lambda: before + piece * times + after


def zeros(mebibytes: int) -> bytes:
    """So many MiB of zeros, deflated, in a fraction of a second: one piece repeated."""
    packer = zlib.compressobj(wbits=-15)
    piece = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return piece * mebibytes + b"\3\0"


def _nested_entries(path: Path) -> None:
    """The second entry lies inside the first: both inflate, the disk holds it once."""
    inner = Entry("attachments/inner", b"x" * 50)
    packed, _ = inner.parts(0)
    entries = [Entry("attachments/outer", packed), inner]
    start = 30 + len("attachments/outer")
    inner.offset = start
    write_entries(path, [*entries, database()])


def _shared_entry(path: Path) -> None:
    """Two lines of the directory for one entry."""
    write_entries(path, [Entry("attachments/a"), Entry("attachments/b", offset=0), database()])


def _many_entries(path: Path) -> None:
    write_entries(path, [Entry(f"{number}") for number in range(60_001)])


def _long_directory(path: Path) -> None:
    write_entries(path, [Entry(f"{number}", comment=b"c" * 65_000) for number in range(260)])


def _two_files(name: str, words: str, first: str, second: str) -> Hostile:
    text = as_text(sample())
    return _alone(name, words, Entry(first, text), Entry(second, text))


def _row(section: str, words: str, row: Any, version: str = "2.0") -> Hostile:
    """A sample whose last row of a section is the one given."""
    sections = sample()
    sections[section] = [*sections[section], row]
    place = f"db-{version}.json: {section}[{len(sections[section]) - 1}]"
    name = f"{section} {words} {json.dumps(row)[:40]}"
    return _sample(name, f"{place}{words}", sections, version)


NAMES = [
    _entries(f"named {name[:20]!r}", "has a name", Entry(name))
    for name in (
        "../../x",
        "attachments/../../x",
        "/etc/passwd",
        "C:\\x",
        "C:x",
        "file:///etc/passwd",
        "..\\x",
        "attachments\\..\\..\\x",
        "\\etc\\passwd",
        "\\\\server\\x",
        "C:/x",
        "attachments/a\0b",
        "attachments/a\nb",
        "n" * 256,
        "",
    )
]

ZIPS = [
    _entries("a link", "'link': The entry is a link", Entry("link", b"/etc/passwd", mode=0o120777)),
    _entries("a device", "special file", Entry("zero", mode=0o020666)),
    _entries("an encrypted entry", "'a': The entry is encrypted", Entry("a", flags=1)),
    _entries("LZMA", "'a': The entry is packed with LZMA", Entry("a", method=LZMA)),
    _entries("bzip2", "packed with bzip2", Entry("a", method=BZIP2)),
    _entries("deflate64", "packed with deflate64", Entry("a", method=DEFLATE64)),
    _entries("an unknown method", "packed with 77", Entry("a", method=77)),
    _entries("a name twice", "a: The zip has this name twice", Entry("a"), Entry("a")),
    _entries("another name in the header", "differs", Entry("a", local_name=b"b")),
    _entries("a longer name in the header", "differs", Entry("a", local_name=b"a" * 9)),
    _entries("other flags in the header", "differs", Entry("a", local_flags=1)),
    _entries("another size in the header", "differs", Entry("a", b"12", local_size=1)),
    _entries("a header that is elsewhere", "overlaps", Entry("attachments/a", offset=7)),
    _entries("a header beyond the end", "header is missing", Entry("a", offset=1 << 30)),
    _entries("stored with two sizes", "two sizes", Entry("a", b"12345", size=3)),
    _entries("more than the file has", "overlaps", Entry("a", b"1", size=999, packed_size=999)),
    _entries("10 GB declared", "at most", Entry("big", size=(1 << 31) + 1, method=DEFLATED)),
    _entries(
        "20 GB in all",
        "unpacks to more than",
        *[Entry(f"{n}", size=2_000_000_000, method=DEFLATED) for n in range(10)],
    ),
    _alone(
        "a bomb that says 10 bytes",
        "db-2.0.json: The entry's size",
        database(b"0123456789", method=DEFLATED, packed=zeros(3000)),
    ),
    _alone(
        "a bomb that tells the truth",
        "db-2.0.json: the text must be UTF-8",
        database(b"", size=3000 << 20, method=DEFLATED, packed=zeros(3000)),
    ),
    _entries(
        "a file that is longer than it says",
        f"{FILE}: The entry's size",
        Entry(FILE, b"0123456789", method=DEFLATED, packed=zeros(50)),
    ),
    _entries(
        "a file that is shorter than it says",
        f"{FILE}: The entry's size",
        Entry(FILE, b"0123456789", method=DEFLATED, size=11),
    ),
    _entries("a wrong checksum", f"{FILE}: The entry is damaged", Entry(FILE, b"123", crc=1)),
    _entries(
        "no deflate at all",
        f"{FILE}: The entry is damaged",
        Entry(FILE, b"123", method=DEFLATED, packed=b"\xff" * 50),
    ),
    _entries(
        "deflate without an end",
        f"{FILE}: The entry ends too early",
        Entry(FILE, b"123", method=DEFLATED, packed=zlib.compress(b"123", wbits=-15)[:-1]),
    ),
    _entries(
        "something behind the end of deflate",
        f"{FILE}: The entry has more",
        Entry(FILE, b"123", method=DEFLATED, packed=zlib.compress(b"123", wbits=-15) + b"more"),
    ),
    _alone("a database with a wrong checksum", "is damaged", database(crc=1)),
    _alone(
        "no database",
        "There is neither",
        Entry("db-3.0.json", b"{}"),
        Entry("x/attachments/db-2.0.json"),
        Entry("x/__MACOSX/db-2.0.json"),
    ),
    _alone("nothing at all", "There is neither"),
    _two_files(
        "two of a version",
        "x/b/db-2.0.json: There is a second db-2.0.json in the archive, beside that in x/a/.",
        "x/a/db-2.0.json",
        "x/b/db-2.0.json",
    ),
    _two_files("two folders", "different folders of the", "a/db-2.0.json", "b/db-1.0.json"),
    _two_files("two slashes", "a/b: The zip has this name twice", "a/b", "a\\b"),
    Hostile("entries in entries", _nested_entries, "overlaps another"),
    Hostile("two names for one entry", _shared_entry, "overlaps another"),
    Hostile("60,001 entries", _many_entries, "more than 60000 entries"),
    Hostile("17 MB of directory", _long_directory, "directory has more than"),
    _bytes("not a zip", "not a zip", lambda data: b"Not a zip.\n" * 100),
    _bytes("empty", "not a zip", lambda data: b""),
    _bytes("cut in half", CUT_OFF, lambda data: data[: len(data) // 2]),
    _bytes("without its last byte", CUT_OFF, lambda data: data[:-1]),
    _bytes("cut in a zip that is attached", CUT_OFF, _cut_behind),
    _bytes("a page before the zip", "This is not a zip: something", lambda data: b"<html>" + data),
    _bytes("two bytes", CUT_OFF, lambda data: data[:2]),
    _bytes(
        "a directory that is none", "not a zip", lambda data: data.replace(b"PK\1\2", b"PK\1\3")
    ),
    _bytes("without its first bytes", "header is missing", lambda data: data[10:]),
]

_DEEP = 1_000_000

JSON = [
    _text("an empty text", "must be an object", b""),
    _text("a list", "must be an object", b"[]"),
    _text("a number", "must be an object", b"1"),
    _text("half an object", "ends too early", as_text(sample())[:-200]),
    _text("no closing brace", "ends too early", as_text(sample())[:-1]),
    _text("two objects", "something follows", as_text(sample()) * 2),
    _text("a missing comma", "delimiter", b'{"issues":[{"id":1 "title":""}],"logs":[]}'),
    _text("no comma between rows", "expected", b'{"issues":[{} {}],"logs":[],"comments":[]}'),
    _text("a comma too much", "a value expected", b'{"x":[{},],"logs":[]                   }'),
    _text("a key without quotes", "name of a section", b"{issues:[]}"),
    _text("no colon", "not valid JSON", b'{"issues",[]}'),
    _text("NaN", "NaN is not JSON", b'{"issues":[{"id":NaN}]}'),
    _text("Infinity", "Infinity is not JSON", b'{"x":-Infinity}'),
    _text("5,000 digits", "too many digits", b'{"issues":[{"id":' + b"9" * 5000 + b"}]}"),
    _text("a control character", "control character", b'{"issues":[{"id":"\n"}],"logs":[1,2,3]}'),
    _text("not UTF-8", "not valid UTF-8", b'{"issues":[{"title":"\xff"}]}'),
    _text("half a character", "not valid UTF-8", b'{"issues":[{"title":"\xc3'),
    _text("UTF-16", "must be UTF-8", json.dumps(sample()).encode("utf-16")),
    _text("UTF-16 without a mark", "must be UTF-8", json.dumps(sample()).encode("utf-16-le")),
    _text("UTF-32", "must be UTF-8", json.dumps(sample()).encode("utf-32-be")),
    _text("a section twice", "'issues' is there twice", b'{"issues":[],"issues":[]}'),
    _text("1,000 sections", "too many sections", json.dumps(dict.fromkeys(range(1000))).encode()),
    _text("a section that is no list", "issues: Must be a list", b'{"issues":{}}'),
    _text("components as names", "components[0]: Must be an object", b'{"components":["ui"]}'),
    _text("meta as a list", "meta: Must be an object", b'{"meta":[{}]}'),
    _text("meta as text", "meta: Must be an object", b'{"meta":"bug"}'),
    _text("lists a million deep", "too deeply", b'{"issues":[' + b"[" * _DEEP),
    _text("objects a million deep", "too deeply", b'{"x":' + b'{"x":' * _DEEP),
    _text("a text without end", "takes more than", _inside(b'{"x":"', b"x" * 99, 600_000, b'"}')),
    _text("a key without end", "takes more than", _inside(b'{"', b"x" * 99, 600_000, b'":1}')),
    _text("backslashes without end", "takes more", _inside(b'{"x":"', b"\\\\", 9_000_000, b'"}')),
    _text(
        "lists in one row", "too many values", _inside(b'{"x":{"y":[', b"[],", 3_000_000, b"1]}}")
    ),
]

LONGER = "x" * 256

RECORDS = [
    _row("issues", ": Must be an object.", 1),
    _row("issues", ".id: Must be greater than or equal to 1.", issue(0)),
    _row("issues", ".id: Must be greater than or equal to 1.", issue(-1)),
    _row("issues", ".id: Not a valid integer.", issue(1 << 63)),
    _row("issues", ".id: Not a valid integer.", issue((1 << 52) + 1)),
    _row("issues", ".id: Not a valid integer.", issue(5, id=True)),
    _row("issues", ".id: Not a valid integer.", issue(5, id=1.0)),
    _row("issues", ".id: Not a valid integer.", issue(5, id="٣")),
    _row("issues", ".id: Field may not be null.", issue(5, id=None)),
    _row("issues", ".id: Missing data for required field.", issue(5, id=...)),
    _row("issues", ".title: Missing data for required field.", issue(5, title=...)),
    _row("issues", ".title: Not a valid string.", issue(5, title=["x"])),
    _row("issues", ".title: Ensure this value has at most 255 char", issue(5, title="x" * 256)),
    _row("issues", ".title: Null characters are not allowed.", issue(5, title="a\0b")),
    _row("issues", ".title: Lone surrogates are not allowed.", issue(5, title="\ud800")),
    _row(
        "issues", ".content: Ensure this value has at most 104", issue(5, content="x" * 2_000_000)
    ),
    _row("issues", ".content: Ensure this value has at most 104", issue(5, content="é" * 600_000)),
    _row("issues", ".status: Must be one of: submitted, new", issue(5, status="done")),
    _row("issues", ".status: Not a valid string.", issue(5, status=["new"])),
    _row("issues", ".kind: Must be one of: bug, enhancement, proposal, task.", issue(5, kind="")),
    _row("issues", ".priority: Must be one of: trivial,", issue(5, priority="Major")),
    _row("issues", ".component: Ensure this value has at most 128", issue(5, component="x" * 129)),
    _row("issues", ".milestone: Not a valid string.", issue(5, milestone={})),
    _row("issues", ".created_on: Missing data for required", issue(5, created_on=...)),
    _row("issues", ".created_on: Field may not be null.", issue(5, created_on=None)),
    _row("issues", ".created_on: Not a valid datetime.", issue(5, created_on="yesterday")),
    _row("issues", ".created_on: Not a valid datetime.", issue(5, created_on=1343529338)),
    _row("issues", ".updated_on: Not a valid datetime.", issue(5, updated_on="2012-02-30")),
    _row(
        "issues", ".edited_on: Not a valid datetime.", issue(5, edited_on="0001-01-01T00:00+14:00")
    ),
    _row(
        "issues", ".edited_on: Not a valid datetime.", issue(5, edited_on="9999-12-31T23:00-02:00")
    ),
    _row("issues", ".reporter: Not a valid mapping type.", issue(5, reporter="alice")),
    _row("issues", ".assignee: Not a valid string.", issue(5, assignee={"account_id": 1})),
    _row("issues", ".assignee: Ensure this value has", issue(5, assignee={"account_id": LONGER})),
    _row("issues", ".reporter: Not a valid string.", issue(5, reporter={}), "1.0"),
    _row("issues", ".watchers: Not a valid list.", issue(5, watchers="alice")),
    _row("issues", ".watchers: Not a valid list.", issue(5, watchers={"alice": 1})),
    _row("issues", ".voters[0]: Not a valid mapping type.", issue(5, voters=[1])),
    _row("comments", ".issue: Must be greater than or equal to 1.", comment(5, on=0)),
    _row("comments", ".id: Not a valid integer.", comment(1, id="1e3")),
    _row("comments", ".content: Null characters are", comment(5, content="\0")),
    _row("comments", ".created_on: Missing data", comment(5, created_on=...)),
    _row("logs", ".field: Must be one of: ", log(101, field="votes")),
    _row("logs", ".field: Missing data for required", log(101, field=...)),
    _row("logs", ".comment: Must be greater than", log(0)),
    _row("logs", ".changed_to: Not a valid string.", log(101, changed_to=1)),
    _row("attachments", ".path: Missing data for required", attachment(path=...)),
    _row("attachments", ".path: The path leaves the archive.", attachment("../tracker.db")),
    _row("attachments", ".path: The path leaves the archive.", attachment("attachments/../x")),
    _row("attachments", ".path: The path is not relative.", attachment("/etc/passwd")),
    _row("attachments", ".path: The path is not relative.", attachment("file:///etc/passwd")),
    _row("attachments", ".path: The path is not relative.", attachment("C:x")),
    _row("attachments", ".path: The path leaves the archive.", attachment("..\\x")),
    _row("attachments", ".path: The path is not relative.", attachment("\\\\server\\x")),
    _row("attachments", ".path: The path has control characters.", attachment("a\rb")),
    _row("attachments", ".path: The path is empty.", attachment("")),
    _row("attachments", ".filename: Ensure this value has", attachment(filename="x" * 1025)),
    _row("attachments", ".filename: Null characters", attachment(filename="a\0")),
    _row("attachments", ".url: Not a valid string.", attachment(url=[])),
    _row("components", ".name: This field may not be blank.", {"name": ""}),
    _row("milestones", ".name: Missing data for required field.", {}),
    _row("versions", ".name: Ensure this value has at most 128", {"name": "v" * 129}),
    _sample(
        "a default kind",
        "db-2.0.json: meta.default_kind: Must be one of",
        sample(meta={"default_kind": "x"}),
    ),
]


def _second_broken(path: Path) -> None:
    write_zip(path, {"2.0": sample(), "1.0": b'{"issues":['})


def _folder_with_link(path: Path) -> None:
    path.mkdir()
    (path / "db-2.0.json").symlink_to("/etc/passwd")


def zip_in_zip() -> bytes:
    """A zip as an attachment is only an attachment."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("../../x", b"x")
    return inner.getvalue()


OTHERS = [
    Hostile("a broken db-1.0.json beside a good db-2.0.json", _second_broken, "db-1.0.json: not"),
    Hostile("a folder with a link", _folder_with_link, "db-2.0.json: Only regular files"),
]

HOSTILE = [*NAMES, *ZIPS, *JSON, *RECORDS, *OTHERS]
