"""Pail with a worker beside it: archives go in and come out over HTTP."""

import asyncio
import io
import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData

from tests.archives import FILES, Sample, comment, databases, issue, sample, write_zip
from tests.conftest import Answer, Api
from tracker.settings import Settings
from worker import runner
from worker.runner import Runner

APP, OPEN = "alice/app", "alice/open"

_TRACKED = (
    "category",
    "issue",
    "comment",
    "log",
    "attachment",
    "vote",
    "watch",
)


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[Runner]:
    """A worker in this process, which looks for jobs often."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "POLL", 0.02)
        async with Runner(settings) as running:
            yield running


def issues(full_name: str = APP, rest: str = "") -> str:
    """The path of a repository's issues, and what follows."""
    return f"/2.0/repositories/{full_name}/issues{rest}"


def archive(
    folder: Path, sections: Sample | None = None, *versions: str, files: Any = FILES
) -> Path:
    """A zip of these sections (else of the usual sample) in these versions, with these files."""
    return write_zip(
        folder / "archive.zip", databases(sections or sample(), *(versions or ("2.0",))), files
    )


def form(content: Path | bytes) -> FormData:
    """The multipart body that brings an archive."""
    data = FormData()
    data.add_field(
        "archive",
        io.BytesIO(content if isinstance(content, bytes) else content.read_bytes()),
        filename="issues.zip",
        content_type="application/zip",
    )
    return data


async def send(
    api: Api,
    content: Path | bytes,
    full_name: str = APP,
    who: str = "alice",
    *,
    dry_run: bool = False,
) -> Answer:
    """Post an archive."""
    path = issues(full_name, "/import?dry_run=true" if dry_run else "/import")
    return await api("POST", path, who, data=form(content))


async def settled(api: Api, full_name: str = APP, who: str = "alice") -> Any:
    """The newest import's status, once it has ended."""
    async with asyncio.timeout(50):
        while (answer := await api("GET", issues(full_name, "/import"), who)).status == 202:
            await asyncio.sleep(0.02)
    assert answer.status == 200, answer
    return answer.body


async def take(api: Api, content: Path | bytes, full_name: str = APP, **how: Any) -> Any:
    """Import an archive; how it ended."""
    answer = await send(api, content, full_name, **how)
    assert answer.status == 202, answer
    return await settled(api, full_name, how.get("who", "alice"))


async def begin_export(api: Api, full_name: str = APP, **options: Any) -> str:
    """Begin an export; the path where the zip will be."""
    answer = await api("POST", issues(full_name, "/export"), "alice", json=options)
    assert answer.status == 202, answer
    return answer.headers["Location"].removeprefix(api.url)


async def finished_export(api: Api, path: str, who: str = "alice") -> Answer:
    """What is at an export's path, once it is not a status any more; body are the bytes."""
    async with asyncio.timeout(50):
        while True:
            response = await api.client.get(path, headers=api.world.headers(who))
            body = await response.read()
            if response.status != 202:
                return Answer(response.status, response.headers, body)
            await asyncio.sleep(0.02)


async def give(api: Api, full_name: str = APP, **options: Any) -> bytes:
    """Export a repository; the zip."""
    answer = await finished_export(api, await begin_export(api, full_name, **options))
    assert answer.status == 200, answer
    assert isinstance(answer.body, bytes)
    return answer.body


def dump(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that somebody sees or can go back to: all but jobs, counters and waste."""
    kept = "SELECT id FROM tracker WHERE status IN ('current', 'replaced')"
    selections = {
        **{table: f"SELECT * FROM {table} WHERE tracker_id IN ({kept})" for table in _TRACKED},
        "tracker": f"SELECT * FROM tracker WHERE id IN ({kept})",
        "account": "SELECT * FROM account WHERE tracker_id IS NULL",
        **{
            table: f"SELECT * FROM {table}"
            for table in ("repository", "workspace", "member", "token")
        },
    }
    return {table: select(database, selection) for table, selection in selections.items()}


def select(database: Path, sql: str, params: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
    """Rows read past Pail."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql, tuple(params)).fetchall()


def files(*folders: Path) -> set[Path]:
    """Every file in the folders."""
    return {path for folder in folders for path in folder.rglob("*") if not path.is_dir()}


def many(issue_count: int, comment_count: int) -> Sample:
    """A tracker that takes its time: issues, and comments spread over them."""
    return {
        "issues": [issue(1 + number) for number in range(issue_count)],
        "comments": [
            comment(1 + number, on=1 + number % issue_count) for number in range(comment_count)
        ],
        "logs": [],
        "attachments": [],
    }
