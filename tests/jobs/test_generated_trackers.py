"""Any tracker at all goes in, comes out equal as data, and from then on always the same."""

import asyncio
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.archives import as_data, databases, time, write_zip
from tests.tracker.conftest import Core
from tracker.access import repositories, workspaces
from tracker.database import connect
from tracker.settings import Settings
from tracker.vocabulary import LOG_FIELDS, Kind, Priority, State
from tracker.work.checking import check

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NAME = TEXT.filter(str.strip).map(str.strip).filter(bool)
MOMENT = st.integers(0, 3_000).map(time)
PEOPLE = [
    {"display_name": name, "account_id": f"557058:{number}"}
    for number, name in enumerate(("Ann", "Ann", "Ünï Cødé", "課題", "x-2"))
]
PERSON = st.none() | st.sampled_from(PEOPLE)
SOME = st.lists(st.sampled_from(PEOPLE), unique_by=lambda person: person["account_id"], max_size=3)


def _unique(values: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, unique=True, max_size=most)


@st.composite
def trackers(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The sections of a db-2.0.json, and files."""
    names = {kind: draw(_unique(NAME, 3)) for kind in ("component", "milestone", "version")}
    numbers = draw(_unique(st.integers(1, 1 << 40), 5))
    issues = [draw(_issue(number, names)) for number in numbers]
    on = st.sampled_from(numbers) if numbers else st.nothing()
    ids = draw(_unique(st.integers(1, 1 << 52), 6)) if numbers else []
    comments = [
        {
            "id": number,
            "issue": draw(on),
            "user": draw(PERSON),
            "content": draw(st.none() | TEXT),
            "created_on": draw(MOMENT),
            "updated_on": draw(st.none() | MOMENT),
        }
        for number in ids
    ]
    logs = [draw(_log(row)) for row in comments for _ in range(draw(st.integers(0, 2)))]
    files = {f"attachments/{number:032x}": draw(st.binary(max_size=40)) for number in range(3)}
    attachments = [
        {
            "path": path,
            "issue": draw(on),
            "user": draw(PERSON),
            "filename": draw(st.sampled_from(["a.png", "a.1.png", "b"]) | NAME),
        }
        for path in draw(st.lists(st.sampled_from(sorted(files)), max_size=4 if numbers else 0))
    ]
    meta = {
        "default_assignee": draw(PERSON),
        "default_kind": draw(st.sampled_from([str(kind) for kind in Kind])),
        **{
            f"default_{kind}": draw(st.none() | st.sampled_from(found) if found else st.none())
            for kind, found in names.items()
        },
    }
    declared = {f"{kind}s": [{"name": name} for name in found] for kind, found in names.items()}
    rows = {"issues": issues, "comments": comments, "logs": logs, "attachments": attachments}
    return {"meta": meta, **declared, **rows}, files


@st.composite
def _issue(draw: st.DrawFn, number: int, names: dict[str, list[str]]) -> dict[str, Any]:
    return {
        "id": number,
        "title": draw(TEXT),
        "content": draw(st.none() | TEXT),
        "reporter": draw(PERSON),
        "assignee": draw(PERSON),
        "status": draw(st.sampled_from([str(state) for state in State])),
        "kind": draw(st.sampled_from([str(kind) for kind in Kind])),
        "priority": draw(st.sampled_from([str(priority) for priority in Priority])),
        **{
            kind: draw(st.none() | st.sampled_from(found) if found else st.none())
            for kind, found in names.items()
        },
        "created_on": draw(MOMENT),
        "updated_on": draw(MOMENT),
        "content_updated_on": draw(st.none() | MOMENT),
        "edited_on": draw(st.none() | MOMENT),
        "watchers": draw(SOME),
        "voters": draw(SOME),
    }


@st.composite
def _log(draw: st.DrawFn, comment: dict[str, Any]) -> dict[str, Any]:
    return {
        "issue": comment["issue"],
        "comment": comment["id"],
        "user": draw(PERSON),
        "field": draw(st.sampled_from(sorted(LOG_FIELDS))),
        "changed_from": draw(st.none() | TEXT),
        "changed_to": draw(st.none() | TEXT),
        "created_on": draw(MOMENT),
    }


async def _round(folder: Path, sections: dict[str, Any], files: dict[str, bytes]) -> None:
    plain = Settings(data_dir=folder, database=folder / "pail.db")
    db = await connect(plain.database, durable=False)
    try:
        core = Core(db, plain)
        await db.run(
            """INSERT INTO account (uuid, username, account_id, display_name, nickname, created_on)
               VALUES ('{a}', 'ann', '557058:real', 'Ann', 'ann', '')"""
        )
        await workspaces.create(db, "alice", owner="ann")
        await repositories.create(db, "alice/app")
        path = write_zip(folder / "in.zip", databases(sections, "2.0"), files)
        await core.take(path)
        first = await core.give()
        with zipfile.ZipFile(first) as archive:
            assert as_data(json.loads(archive.read("db-2.0.json"))) == as_data(sections)
            stored = {n for n in archive.namelist() if n.startswith("attachments/")}
            written = json.loads(archive.read("db-2.0.json"))["attachments"]
            assert {row["path"] for row in written} == stored
        await core.take(first)
        assert (await core.give()).read_bytes() == first.read_bytes()
        assert await check(db, core.blobs, plain) == []
    finally:
        await db.close()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(trackers())
def test_any_tracker_comes_out_as_it_went_in(
    tracker: tuple[dict[str, Any], dict[str, bytes]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_round(Path(folder), *tracker))
