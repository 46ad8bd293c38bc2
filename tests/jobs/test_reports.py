"""Reports and messages over HTTP: readable, whatever an archive is called and calls things."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.archives import Entry, database, databases, sample, write_entries, write_zip
from tests.conftest import Api
from tests.faults.beside import worker
from tests.jobs.working import APP, issues, send, settled, take
from tests.running.processes import ROOT
from tests.texts import EXTRA, LONE, SHOWN, STEERING, everywhere, steering
from tracker.settings import Settings
from tracker.work import jobs

IMPORT = issues(APP, "/import")


def _texts(value: Any) -> list[str]:
    """Every text in JSON, keys too."""
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [value] if isinstance(value, str) else []


def _steering(body: Any) -> list[str]:
    return [text for text in _texts(body) if steering(text)]


@pytest.mark.parametrize("dry_run", [False, True], ids=["import", "dry run"])
async def test_a_report_shows_what_it_quotes_escaped(
    pail: Api, tmp_path: Path, dry_run: bool
) -> None:
    path = write_zip(tmp_path / "texts.zip", databases(everywhere(), "2.0"), EXTRA)
    body = await take(pail, path, dry_run=dry_run)
    assert body["status"] == "SUCCESS", body["message"]
    assert not _steering(body)
    report = body["report"]
    assert SHOWN in report["placeholders"]
    for kind in ("milestone", "version"):
        assert f"{kind} {STEERING!r} was used and not declared" in "\n".join(report["unresolved"])
    assert report["missing_files"] == [rf"attachments/\x9b\u202e\u2028 ({STEERING!r} of issue 1)"]
    warnings = "\n".join(report["warnings"])
    for key in ("k", "issues.", "comments.", "components."):
        assert rf"{key}{SHOWN}\ud800" in warnings
    assert r"attachments/\x9b\u202e\u2028more" in warnings


async def test_a_person_keeps_the_name_that_the_report_shows_escaped(
    pail: Api, tmp_path: Path
) -> None:
    path = write_zip(tmp_path / "texts.zip", databases(everywhere(), "2.0"), EXTRA)
    await take(pail, path)
    shown = await pail.get(issues(APP, "/1"), "alice")
    assert shown["reporter"]["display_name"] == STEERING


async def test_disagreeing_usernames_are_shown_escaped(pail: Api, tmp_path: Path) -> None:
    named = {"2.0": everywhere(), "1.0": {"issues": _with_usernames(everywhere()["issues"])}}
    body = await take(pail, write_zip(tmp_path / "both.zip", named, EXTRA))
    assert body["status"] == "SUCCESS", body["message"]
    assert not _steering(body)
    assert f"the username {SHOWN} for more than one account" in "\n".join(
        body["report"]["warnings"]
    )


def _with_usernames(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with one username for everybody."""
    people = {"reporter": STEERING, "watchers": [STEERING], "voters": []}
    return [row | people for row in rows]


@pytest.mark.parametrize("key", [LONE, STEERING, f"a{LONE}b\udfff"])
async def test_a_key_that_can_not_be_kept_fails_nothing(
    pail: Api, tmp_path: Path, key: str
) -> None:
    body = await take(pail, write_zip(tmp_path / "key.zip", databases(sample(**{key: 1}), "2.0")))
    assert body["status"] == "SUCCESS"
    assert not _steering(body)
    assert any("is unknown and was left out" in text for text in body["report"]["warnings"])


@pytest.mark.parametrize(
    "entries",
    [
        [Entry("attachments/\x9b\u202e\u2028", flags=0x800)] * 2,
        [Entry("attachments/\x9b\u202e\u2028", flags=0x801)],
        [Entry("attachments/\x1b[2J", flags=0x800)],
        [Entry("attachments/\x9b\u202e\u2028", b"x", flags=0x800, size=2, packed_size=2)],
    ],
    ids=["twice", "encrypted", "control characters", "damaged"],
)
async def test_a_message_shows_the_name_of_a_file_escaped(
    pail: Api, tmp_path: Path, entries: list[Entry]
) -> None:
    body = await take(pail, write_entries(tmp_path / "bad.zip", [database(), *entries]))
    assert body["status"] == "FAILURE"
    assert not _steering(body)
    assert r"attachments/\x" in body["message"]


async def test_a_message_shows_the_name_of_a_section_escaped(pail: Api, tmp_path: Path) -> None:
    twice = json.dumps({STEERING + LONE: [1]})
    text = f"{twice[:-1]},{twice[1:]}".encode()
    body = await take(pail, write_zip(tmp_path / "bad.zip", {"2.0": text}))
    assert body["status"] == "FAILURE"
    assert not _steering(body)
    assert r"\ud800' is there twice" in body["message"]


async def test_any_message_can_be_kept_and_asked_for(api: Api) -> None:
    await send(api, b"whatever")
    [job_id] = await jobs.accepted(api.db)
    job = await jobs.claim(api.db, job_id, "this test")
    assert job is not None
    await jobs.fail(api.db, job, f"It failed: {STEERING}{LONE}")
    body = await settled(api)
    assert body["message"] == rf"It failed: {SHOWN}\ud800"


async def test_the_worker_logs_what_it_quotes_in_one_line(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    entry = Entry("attachments/\x9b\u202e\u2028INFO forged", flags=0x800)
    path = write_entries(tmp_path / "bad.zip", [database(), entry, entry])
    await send(api, path)
    with worker(settings, tmp_path / "worker") as run:
        assert (await settled(api))["status"] == "FAILURE"
        lines = run.log.split("\n")
    assert not [line for line in lines if steering(line)]
    assert len([line for line in lines if r"\x9b\u202e\u2028INFO forged" in line]) == 1


def test_under_arq_the_worker_logs_in_one_line_and_once(settings: Settings) -> None:
    code = (
        "import logging, worker;"
        "worker.WorkerSettings; worker.WorkerSettings;"
        "logging.getLogger('pail.worker').warning('a\\nb\\x1b')"
    )
    env = {"PAIL_DATA_DIR": str(settings.data_dir), "REDIS_URL": "unix:///nobody.sock"}
    assert _said(code, env) == (0, "WARNING a\\nb\\x1b\n")
    assert _said(code, env | {"REDIS_URL": ""}) == (
        1,
        "REDIS_URL is not set, and arq needs it; `pail up` brings its own queue.\n",
    )
    status, text = _said(code, env | {"PORT": "\x1b"})
    assert (status, text.count("\n")) == (1, 1)
    assert text.startswith("PORT must be a whole number")


def _said(code: str, env: dict[str, str]) -> tuple[int, str]:
    """The exit status of a Python process, and what it wrote to standard error."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **env},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    return done.returncode, done.stderr
