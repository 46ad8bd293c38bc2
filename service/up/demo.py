"""`python -m service.up.demo [TOKEN]`: makes the sample tracker of `pail up --demo` and its token.

Prints {"user", "token", "list_path"} as JSON. The token is TOKEN, or else derived from the key of
the instance, so it stays the same with the data directory. Other tokens of the demo are revoked.
The sample is imported like any archive.
"""

import asyncio
import json
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from service.http import signing
from tracker.access import accounts, repositories, tokens, workspaces
from tracker.access.rights import ADMINISTRATOR, Repository, find_repository
from tracker.blobs import Blobs
from tracker.database import Database, connect
from tracker.errors import NotFound, TrackerError
from tracker.files import make_folder
from tracker.settings import Settings, load
from tracker.terminal import say
from tracker.transfers import imports
from tracker.vocabulary import JobKind
from tracker.work import jobs
from tracker.work.presence import Presence
from tracker.work.progress import Progress

USER = "demo"
REPOSITORY = "demo/sample"

_SAM = {"display_name": "Sam Rivers", "account_id": "557058:demo-sam"}
_KIM = {"display_name": "Kim Osei", "account_id": "557058:demo-kim"}


async def prepare(db: Database, settings: Settings, token: str) -> dict[str, str]:
    """Create what is missing of the demo: account, workspace, repository, issues and token.

    Returns user, token and list_path. Raises Conflict if the token exists already for another use.
    """
    try:
        await accounts.find(db, USER)
    except NotFound:
        await accounts.create(db, USER, display_name="Demo User")
        await workspaces.create(db, "demo", owner=USER, name="Demo")
    try:
        repository = await find_repository(db, ADMINISTRATOR, *repositories.split(REPOSITORY))
    except NotFound:
        repository = await repositories.create(db, REPOSITORY, name="Sample")
        await _fill(db, settings, repository)
    await tokens.set_named(db, USER, "demo", token)
    return {
        "user": USER,
        "token": token,
        "list_path": f"/2.0/repositories/{repository.full_name}/issues",
    }


async def _fill(db: Database, settings: Settings, repository: Repository) -> None:
    make_folder(settings.spool_dir)
    with (
        Presence(settings.data_dir, is_command=True) as presence,
        tempfile.NamedTemporaryFile(dir=settings.spool_dir, suffix=".zip") as file,
    ):
        _write_sample(Path(file.name))
        job = await db.write(
            lambda tx: jobs.accept(
                tx,
                repository,
                JobKind.IMPORT,
                account_id=None,
                base_url="",
                archive=Path(file.name),
                options={"local": True},
                worker=presence.name,
            )
        )
        try:
            await imports.run(
                db,
                Blobs(settings.blobs_dir),
                settings.spool_dir,
                settings.limits,
                job,
                Progress(),
            )
        except BaseException as error:
            await jobs.fail(db, job, str(error))
            raise


def _issue(number: int, title: str, content: str, **more: Any) -> dict[str, Any]:
    day = f"2026-03-{number:02}T09:15:00.000000+00:00"
    people = {"reporter": _SAM, "assignee": None, "watchers": [_SAM], "voters": []}
    words = {"status": "new", "kind": "bug", "priority": "major"}
    names = {"component": None, "milestone": None, "version": None}
    times = {"created_on": day, "updated_on": day, "content_updated_on": None, "edited_on": None}
    return (
        {"id": number, "title": title, "content": content} | people | words | names | times | more
    )


def _sample() -> dict[str, Any]:
    resolved = "2026-04-02T14:03:27.512000+00:00"
    commented = "2026-04-05T08:40:11.250000+00:00"
    return {
        "meta": {
            "default_assignee": None,
            "default_component": None,
            "default_kind": "bug",
            "default_milestone": None,
            "default_version": None,
        },
        "components": [{"name": "Editor"}, {"name": "Sync"}],
        "milestones": [{"name": "1.1"}],
        "versions": [{"name": "1.0"}],
        "issues": [
            _issue(
                1,
                "Notes lose their line breaks when they are pasted",
                "Paste this into a new note:\r\n\r\n```\r\nfirst\r\nsecond\r\n```\r\n\r\n"
                "**Expected**: two lines. **Seen**: one.",
                status="resolved",
                component="Editor",
                version="1.0",
                assignee=_KIM,
                updated_on=resolved,
                watchers=[_SAM, _KIM],
                voters=[_KIM],
            ),
            _issue(
                2,
                "Sync stops silently when the disk is full",
                "The status stays *green*. See the log that is attached.",
                status="open",
                priority="critical",
                component="Sync",
                milestone="1.1",
                assignee=_KIM,
                updated_on=commented,
            ),
            _issue(
                4,
                "Offer a dark theme",
                "At night the white page is too bright.",
                kind="enhancement",
                priority="minor",
                reporter=_KIM,
                watchers=[_KIM],
                voters=[_SAM, _KIM],
            ),
            _issue(
                5,
                "Write the release notes of 1.1",
                "- what is new\n- what was mended\n- how to upgrade",
                kind="task",
                milestone="1.1",
            ),
        ],
        "comments": [
            {
                "id": 101,
                "issue": 1,
                "user": _KIM,
                "content": "Mended: the clipboard's text was folded twice.",
                "created_on": resolved,
                "updated_on": None,
            },
            {
                "id": 102,
                "issue": 2,
                "user": _KIM,
                "content": "I can reproduce it with a file system of 10 MB.",
                "created_on": commented,
                "updated_on": None,
            },
        ],
        "logs": [
            {
                "issue": 1,
                "comment": 101,
                "user": _KIM,
                "field": "status",
                "changed_from": "new",
                "changed_to": "resolved",
                "created_on": resolved,
            }
        ],
        "attachments": [
            {
                "issue": 2,
                "path": "attachments/5f0c1d2e3b4a59687786a5b4c3d2e1f0",
                "filename": "sync.log",
                "user": _SAM,
            }
        ],
    }


def _write_sample(path: Path) -> None:
    sample = _sample()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("db-2.0.json", json.dumps(sample))
        archive.writestr(
            sample["attachments"][0]["path"],
            "12:00:01 sync: 3 notes\n12:00:02 write: no space left on device\n12:00:02 sync: ok\n",
        )


def derived_token(settings: Settings) -> str:
    """Return the demo's token for this data directory. Raises KeyUnusable."""
    key = signing.shared_key(settings.key_file)
    return tokens.spelled(signing.derived(key, "the demo's token", tokens.SIZE))


async def _main(token: str | None = None) -> None:
    settings = load()
    db = await connect(settings.database)
    try:
        made = await prepare(db, settings, token or derived_token(settings))
        say(json.dumps(made))
    finally:
        await db.close()


if __name__ == "__main__":
    try:
        asyncio.run(_main(*sys.argv[1:]))
    except (TrackerError, signing.KeyUnusable) as error:
        say(error, err=True)
        sys.exit(1)
