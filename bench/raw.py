"""The raw cost of an import and of an export: the same bytes and rows by the plainest means.

`python -m bench.raw import zlib ARCHIVE FOLDER` and `python -m bench.raw export zlib FOLDER ZIP`
print the seconds that the work took, the interpreter's start left out; isal instead of zlib is the
faster library, which Pail uses. Nothing is checked, nothing is synced but the one commit, and
everything is held in memory: nobody would want to run this, but it is what the bytes and rows
cost by themselves.
"""

import sqlite3
import struct
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from isal import isal_zlib

from tracker.database.migrations import schema

_LIBRARIES: dict[str, tuple[Any, int]] = {"zlib": (zlib, 6), "isal": (isal_zlib, 2)}
"""The library and the level at which it deflates: zipfile's default, and Pail's."""

_DATABASE = "raw.db"
_CHUNK = 1 << 16
_TRACKER = 1
_KINDS = ("component", "milestone", "version")

_COLUMNS = {
    "account": "id, uuid, tracker_id, username, account_id, display_name, nickname, created_on",
    "category": "id, tracker_id, kind, name",
    "issue": """tracker_id, number, title, content_raw, reporter_id, assignee_id, state, kind,
        priority, component_id, milestone_id, version_id, votes, watches, created_on, updated_on,
        content_updated_on, edited_on""",
    "vote": "tracker_id, issue_number, account_id",
    "watch": "tracker_id, issue_number, account_id",
    "comment": "tracker_id, id, issue_number, account_id, content_raw, created_on, updated_on",
    "log": """tracker_id, comment_id, ordinal, issue_number, field, changed_from, changed_to,
        account_id, created_on""",
    "attachment": """tracker_id, issue_number, ordinal, name, filename, account_id, url, blob,
        size""",
}

Row = tuple[object, ...]
Json = dict[str, Any]
Account = Callable[[Json | None], int | None]


def import_archive(library: Any, archive: Path, folder: Path) -> None:
    """Unzip into folder, parse both databases, write the rows to a new SQLite file."""
    _unzip(library, archive, folder)
    orjson.loads((folder / "db-1.0.json").read_bytes())
    data = orjson.loads((folder / "db-2.0.json").read_bytes())
    connection = sqlite3.connect(folder / _DATABASE, isolation_level=None)
    connection.executescript(schema())
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN")
    for table, rows in _rows(data, folder):
        places = ", ".join("?" * (_COLUMNS[table].count(",") + 1))
        connection.executemany(f"INSERT INTO {table} ({_COLUMNS[table]}) VALUES ({places})", rows)
    connection.execute("COMMIT")
    connection.close()


def _unzip(library: Any, archive: Path, folder: Path) -> None:
    """Write what an import reads: both databases and the attachments."""
    (folder / "attachments").mkdir()
    with zipfile.ZipFile(archive) as zipped, archive.open("rb") as file:
        for entry in zipped.infolist():
            if "jira" in entry.filename:
                continue
            # The local header: 26 bytes, then the lengths of the name and of what follows it.
            file.seek(entry.header_offset + 26)
            lengths = struct.unpack("<HH", file.read(4))
            file.seek(sum(lengths), 1)
            data = library.decompress(file.read(entry.compress_size), -15, entry.file_size)
            (folder / entry.filename).write_bytes(data)


def _rows(data: Json, folder: Path) -> Iterator[tuple[str, Iterable[Row]]]:
    """The rows of each table, as an importer writes them."""
    people: dict[str, tuple[int, str]] = {}

    def account(person: Json | None) -> int | None:
        if person is None:
            return None
        new = (len(people) + 1, person["display_name"])
        return people.setdefault(person["account_id"], new)[0]

    names = ((kind, one["name"]) for kind in _KINDS for one in data[f"{kind}s"])
    categories = {key: place for place, key in enumerate(names, 1)}
    issues = data["issues"]
    yield "category", ((place, _TRACKER, *key) for key, place in categories.items())
    yield "issue", (_issue(row, account, categories) for row in issues)
    for table, key in (("vote", "voters"), ("watch", "watchers")):
        yield table, [(_TRACKER, row["id"], account(one)) for row in issues for one in row[key]]
    yield "comment", (_comment(row, account) for row in data["comments"])
    yield "log", (_log(n, row, account) for n, row in enumerate(data["logs"]))
    files = enumerate(data["attachments"])
    yield "attachment", (_attachment(n, row, account, folder) for n, row in files)
    yield (
        "account",
        ((n, key, _TRACKER, key, key, name, name, "") for key, (n, name) in people.items()),
    )


def _issue(row: Json, account: Account, categories: dict[tuple[str, str], int]) -> Row:
    return (
        _TRACKER,
        row["id"],
        row["title"],
        row["content"],
        account(row["reporter"]),
        account(row["assignee"]),
        row["status"],
        row["kind"],
        row["priority"],
        *(categories.get((kind, row[kind])) for kind in _KINDS),
        len(row["voters"]),
        len(row["watchers"]),
        row["created_on"],
        row["updated_on"],
        row["content_updated_on"],
        row["edited_on"],
    )


def _comment(row: Json, account: Account) -> Row:
    values = (row["content"], row["created_on"], row["updated_on"])
    return (_TRACKER, row["id"], row["issue"], account(row["user"]), *values)


def _log(place: int, row: Json, account: Account) -> Row:
    values = (row["field"], row["changed_from"], row["changed_to"])
    by = (account(row["user"]), row["created_on"])
    return (_TRACKER, row["comment"], place, row["issue"], *values, *by)


def _attachment(place: int, row: Json, account: Account, folder: Path) -> Row:
    path, name = row["path"], row["filename"]
    blob = (row.get("url"), path, (folder / path).stat().st_size)
    return (_TRACKER, row["issue"], place, name, name, account(row["user"]), *blob)


def export_tracker(library: Any, level: int, folder: Path, target: Path) -> None:
    """Read what import_archive left in folder, make the three databases, deflate everything."""
    texts = _texts(folder / _DATABASE)

    def deflated(pieces: Iterable[bytes]) -> Iterator[bytes]:
        compressor = library.compressobj(level, zlib.DEFLATED, -15)
        checksum = 0
        for piece in pieces:
            checksum = library.crc32(piece, checksum)
            yield compressor.compress(piece)
        yield compressor.flush()

    with target.open("wb") as file:
        for path in (folder / "attachments").glob("*"):
            with path.open("rb") as attachment:
                file.writelines(deflated(iter(partial(attachment.read, _CHUNK), b"")))
        for text in texts:
            pieces = (text[at : at + _CHUNK] for at in range(0, len(text), _CHUNK))
            file.writelines(deflated(pieces))


def _texts(database: Path) -> list[bytes]:
    """db-1.0.json, db-2.0.json and db-jira-cloud.json in all but the order of their keys."""
    connection = sqlite3.connect(database)
    people = dict(connection.execute("SELECT id, username FROM account"))
    objects = {
        n: {"display_name": name, "account_id": account_id}
        for n, name, account_id in connection.execute(
            "SELECT id, display_name, account_id FROM account"
        )
    }
    names = dict(connection.execute("SELECT id, name FROM category"))
    tables: dict[str, list[Any]] = {}
    for table in ("issue", "vote", "watch", "comment", "log", "attachment"):
        columns = [name.strip() for name in _COLUMNS[table].split(",")][1:]
        order = "number" if table == "issue" else "issue_number"
        statement = (
            f"SELECT {', '.join(columns)} FROM {table} WHERE tracker_id = 1 ORDER BY {order}"
        )
        tables[table] = connection.execute(statement).fetchall()
    connection.close()
    return [
        orjson.dumps(_database(tables, names, people)),
        orjson.dumps(_database(tables, names, objects)),
        orjson.dumps(_jira(tables, people)),
    ]


Tables = dict[str, list[Any]]


def _by_issue(rows: Iterable[tuple[Any, ...]]) -> dict[int, list[Any]]:
    """Accounts of votes or watches by issue."""
    found: dict[int, list[Any]] = {}
    for number, account in rows:
        found.setdefault(number, []).append(account)
    return found


def _database(tables: Tables, names: dict[int, str], people: dict[int, Any]) -> Json:
    call = people.get
    votes, watches = _by_issue(tables["vote"]), _by_issue(tables["watch"])
    return {
        "issues": [
            {
                "id": number,
                "title": title,
                "content": content,
                "reporter": call(reporter),
                "assignee": call(assignee),
                "status": state,
                "kind": kind,
                "priority": priority,
                "component": names.get(component),
                "milestone": names.get(milestone),
                "version": names.get(version),
                "created_on": created_on,
                "updated_on": updated_on,
                "content_updated_on": content_updated_on,
                "edited_on": edited_on,
                "watchers": [call(person) for person in watches.get(number, ())],
                "voters": [call(person) for person in votes.get(number, ())],
            }
            for (
                number,
                title,
                content,
                reporter,
                assignee,
                state,
                kind,
                priority,
                component,
                milestone,
                version,
                _,
                _,
                created_on,
                updated_on,
                content_updated_on,
                edited_on,
            ) in tables["issue"]
        ],
        "attachments": [
            {"path": blob, "issue": issue, "user": call(user), "filename": filename, "url": url}
            for issue, _, _, filename, user, url, blob, _ in tables["attachment"]
        ],
        "comments": [
            {
                "id": number,
                "issue": issue,
                "user": call(user),
                "content": content,
                "created_on": created_on,
                "updated_on": updated_on,
            }
            for number, issue, user, content, created_on, updated_on in tables["comment"]
        ],
        "logs": [
            {
                "issue": issue,
                "comment": comment,
                "user": call(user),
                "field": field,
                "changed_from": before,
                "changed_to": after,
                "created_on": created_on,
            }
            for comment, _, issue, field, before, after, user, created_on in tables["log"]
        ],
    }


def _jira(tables: Tables, people: dict[int, str]) -> Json:
    """What Jira's importer reads: issues with their comments in them."""
    address = "http://127.0.0.1:8080/bench/tracker/issues"
    comments: dict[int, list[Json]] = {}
    for _, issue, user, content, created_on, _ in tables["comment"]:
        row = {"body": content, "created": created_on, "author": people.get(user)}
        comments.setdefault(issue, []).append(row)
    watches = _by_issue(tables["watch"])
    issues = [
        {
            "externalId": f"tracker-{row[0]}",
            "summary": row[1],
            "description": f"Imported from {address}/{row[0]} \n\n {row[2]}",
            "issueType": row[6],
            "status": row[5],
            "priority": row[7],
            "watchers": [people.get(person) for person in watches.get(row[0], ())],
            "created": row[13],
            "updated": row[14],
            "reporter": people.get(row[3]),
            "comments": comments.get(row[0], []),
        }
        for row in tables["issue"]
    ]
    return {"projects": [{"issues": issues}]}


def main() -> None:
    """Do one of the two and print its seconds."""
    verb, name, first, second = sys.argv[1:]
    library, level = _LIBRARIES[name]
    start = time.perf_counter()
    if verb == "import":
        import_archive(library, Path(first), Path(second))
    else:
        export_tracker(library, level, Path(first), Path(second))
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main()
