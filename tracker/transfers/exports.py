"""Exports: the tracker in force becomes the zip that Bitbucket would have made.

The rows are copied to a spool in one short read of one snapshot; they and the attachments are
deflated afterwards, without delaying anything.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

from tracker.archive.records import Attachment, Comment, Issue, Log, Meta, Person
from tracker.archive.writing import StoredAttachment, Writer
from tracker.blobs import Blobs
from tracker.database import Database, Reader, Row
from tracker.errors import Forbidden, Invalid, NotFound
from tracker.files import make_folder
from tracker.transfers.placeholders import DERIVED_ACCOUNT_ID, Names, Unique, given
from tracker.vocabulary import PERSON_FIELDS, JobStatus, Phase
from tracker.work import jobs
from tracker.work.jobs import Job
from tracker.work.progress import Progress

T = TypeVar("T")


async def run(
    db: Database, blobs: Blobs, spool: Path, target: Path, job: Job, progress: Progress
) -> None:
    """Do a claimed export to its end: the zip lies at target and the job is SUCCESS.

    Raises Invalid when a file that the tracker names is missing, jobs.Superseded when the job was
    settled elsewhere, Forbidden when the account that asked for it has lost the permission.
    """
    make_folder(target.parent)
    repository = await db.one(
        """SELECT r.slug, r.name, w.slug AS workspace
             FROM repository r JOIN workspace w ON w.id = r.workspace_id WHERE r.id = :id""",
        {"id": job.repository_id},
    )
    if repository is None:
        raise NotFound("The repository does not exist any more.")
    with Writer(
        spool,
        workspace=repository["workspace"],
        slug=repository["slug"],
        name=repository["name"],
        base_url=job.base_url,
        project_key=job.options.get("project_key"),
        project_name=job.options.get("project_name"),
    ) as writer:
        async with db.snapshot() as reader:
            people = await _people(reader, job)
            derived = await _derived_usernames(reader, job)
            await _definitions(reader, writer, job, people)
            copying = _Copying(reader, job, people, derived, progress)
            await progress.run(copying.run, writer)
        size = await progress.run(_write, writer, target, blobs, progress)
    try:
        async with db.transaction() as tx:
            total = progress.total
            await jobs.settle(tx, job, JobStatus.SUCCESS, report={"size": size}, total=total)
            older = await jobs.replace_exports(tx, job)
    except Forbidden:
        await asyncio.to_thread(target.unlink, missing_ok=True)
        raise
    for uuid in older:
        await asyncio.to_thread(target.with_name(f"{uuid}.zip").unlink, missing_ok=True)


async def _people(reader: Reader, job: Job) -> dict[int, Person]:
    """The people whom the tracker names, by row id: what was derived of their names is None.

    The tracker's aliases go first, then the workspace's placeholders, then accounts: an account
    with a username that is another's by then gets a number behind it, as when the archive comes
    back.
    """
    rows = await reader.all(
        """SELECT a.id, a.workspace_id IS NULL AS is_account,
                  coalesce(l.username, a.username) AS username,
                  coalesce(l.named_account_id, a.account_id) AS account_id,
                  coalesce(l.display_name, a.display_name) AS display_name,
                  coalesce(l.derived, a.derived) AS derived
             FROM account a
             LEFT JOIN alias l ON l.tracker_id = :tracker AND l.account_id = a.id
            WHERE a.id IN (SELECT reporter_id FROM issue WHERE tracker_id = :tracker
                           UNION SELECT assignee_id FROM issue WHERE tracker_id = :tracker
                           UNION SELECT account_id FROM comment WHERE tracker_id = :tracker
                           UNION SELECT account_id FROM log WHERE tracker_id = :tracker
                           UNION SELECT account_id FROM attachment WHERE tracker_id = :tracker
                           UNION SELECT account_id FROM vote WHERE tracker_id = :tracker
                           UNION SELECT account_id FROM watch WHERE tracker_id = :tracker
                           UNION SELECT default_assignee_id FROM tracker WHERE id = :tracker)
            ORDER BY l.account_id IS NULL, a.workspace_id IS NULL, a.id""",
        {"tracker": job.tracker_id},
    )
    # The archive's people first, then accounts, as the rows are sorted.
    usernames = Unique([])
    people: dict[int, Person] = {}
    known: dict[str, Person] = {}
    for row in rows:
        names = Names(row["username"], row["account_id"], row["display_name"])
        person = given(names, row["derived"])
        key = person.account_id or f"row {row['id']}"
        if key not in known:
            known[key] = person
            if person.username is not None:
                name = usernames.derive(person.username)
                person.username = name if row["is_account"] else person.username
        people[row["id"]] = known[key]
    return people


async def _derived_usernames(reader: Reader, job: Job) -> frozenset[str]:
    """Usernames that an edit made here may have written, and that no archive and no account has."""
    rows = await reader.all(
        """SELECT l.username FROM alias l
            WHERE l.tracker_id = :tracker AND l.derived IN ('username', 'both')
            UNION
           SELECT a.username FROM account a JOIN repository r ON r.workspace_id = a.workspace_id
            WHERE r.id = :repository AND a.derived IN ('username', 'both')
              AND a.id NOT IN (SELECT account_id FROM alias WHERE tracker_id = :tracker)
           EXCEPT
           SELECT username FROM alias
            WHERE tracker_id = :tracker AND derived NOT IN ('username', 'both')
           EXCEPT
           SELECT username FROM account WHERE workspace_id IS NULL AND tracker_id IS NULL""",
        {"tracker": job.tracker_id, "repository": job.repository_id},
    )
    return frozenset(row["username"] for row in rows)


async def _definitions(reader: Reader, writer: Writer, job: Job, people: dict[int, Person]) -> None:
    tracker = {"tracker": job.tracker_id}
    meta = await reader.one("SELECT * FROM tracker WHERE id = :tracker", tracker)
    if meta is None:
        raise NotFound("The tracker does not exist any more.")
    assignee = meta["default_assignee_id"]
    writer.meta(
        Meta(
            people[assignee] if assignee else None,
            meta["default_component"],
            meta["default_kind"],
            meta["default_milestone"],
            meta["default_version"],
        )
    )
    names: dict[str, list[str]] = {"component": [], "milestone": [], "version": []}
    for row in await reader.all(
        "SELECT kind, name FROM category WHERE tracker_id = :tracker ORDER BY id", tracker
    ):
        names[row["kind"]].append(row["name"])
    writer.categories(names["component"], names["milestone"], names["version"])


class _Copying:
    """Hands a tracker's rows to the writer, issue by issue, in a thread of its own."""

    def __init__(
        self,
        reader: Reader,
        job: Job,
        people: dict[int, Person],
        derived: frozenset[str],
        progress: Progress,
    ) -> None:
        self._reader = reader
        self._job = job
        self._people = people
        self._derived = derived
        self._progress = progress
        self._loop = asyncio.get_running_loop()
        self._open = ExitStack()

    def run(self, writer: Writer) -> None:
        """Copy everything; called in a thread, fetches its rows through the loop."""
        with self._open:
            self._copy(writer)

    def _copy(self, writer: Writer) -> None:
        [count] = self._rows("SELECT issue_count FROM tracker WHERE id = :tracker")
        self._progress.begin(Phase.ISSUES, count["issue_count"])
        comments = self._by_issue(_COMMENTS)
        logs = self._by_issue(_LOGS)
        votes = self._by_issue(_VOTES)
        watches = self._by_issue(_WATCHES)
        with_files = self._job.options.get("include_attachments", True)
        attachments = self._by_issue(_ATTACHMENTS) if with_files else _nothing
        for row in self._rows(_ISSUES):
            number = row["number"]
            writer.issue(
                self._issue(row, list(votes(number)), list(watches(number))),
                map(self._comment, comments(number)),
                map(self._log, logs(number)),
                map(self._attachment, attachments(number)),
            )
            self._progress.tick(1)

    def _rows(self, sql: str) -> Iterator[Row]:
        rows = self._reader.stream(sql, {"tracker": self._job.tracker_id}, size=200)
        # The next rows are fetched while these are written.
        ahead = self._begin(_following(rows))

        def close() -> None:
            # Not in a finally: a generator that is collected may be so in the loop's own thread.
            ahead.exception()
            self._begin(rows.aclose()).result()

        self._open.callback(close)
        while batch := ahead.result():
            ahead = self._begin(_following(rows))
            yield from batch

    def _begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _by_issue(self, sql: str) -> Callable[[int], Iterator[Row]]:
        """The rows of one issue after the other, for ascending numbers."""
        rows = self._rows(sql)
        waiting: list[Row] = []

        def of(number: int) -> Iterator[Row]:
            while row := waiting.pop() if waiting else next(rows, None):
                if row["issue_number"] != number:
                    waiting.append(row)
                    return
                yield row

        return of

    def _person(self, account_id: int | None) -> Person | None:
        return self._people[account_id] if account_id is not None else None

    def _persons(self, rows: Sequence[Row]) -> list[Person]:
        return [self._people[row["account_id"]] for row in rows]

    def _issue(self, row: Row, votes: Sequence[Row], watches: Sequence[Row]) -> Issue:
        return Issue(
            number=row["number"],
            title=row["title"],
            content=row["content_raw"],
            reporter=self._person(row["reporter_id"]),
            assignee=self._person(row["assignee_id"]),
            status=row["state"],
            kind=row["kind"],
            priority=row["priority"],
            component=row["component"],
            milestone=row["milestone"],
            version=row["version"],
            created_on=row["created_on"],
            updated_on=row["updated_on"],
            content_updated_on=row["content_updated_on"],
            edited_on=row["edited_on"],
            watchers=self._persons(watches),
            voters=self._persons(votes),
        )

    def _comment(self, row: Row) -> Comment:
        return Comment(
            id=row["id"],
            issue=row["issue_number"],
            user=self._person(row["account_id"]),
            content=row["content_raw"],
            created_on=row["created_on"],
            updated_on=row["updated_on"],
        )

    def _log(self, row: Row) -> Log:
        return Log(
            issue=row["issue_number"],
            comment=row["comment_id"],
            user=self._person(row["account_id"]),
            field=row["field"],
            changed_from=self._logged(row, row["changed_from"]),
            changed_to=self._logged(row, row["changed_to"]),
            created_on=row["created_on"],
        )

    def _logged(self, row: Row, value: str | None) -> str | None:
        """A value as it leaves: "" for a derived account_id and, where it was written here, a
        derived username."""
        if not value or row["field"] not in PERSON_FIELDS:
            return value
        is_derived = value.startswith(DERIVED_ACCOUNT_ID) or (
            row["is_ours"] and value in self._derived
        )
        return "" if is_derived else value

    def _attachment(self, row: Row) -> StoredAttachment:
        record = Attachment(
            issue=row["issue_number"],
            path="",
            filename=row["filename"],
            user=self._person(row["account_id"]),
            url=row["url"],
            created_on=row["created_on"],
        )
        return StoredAttachment(record, row["ordinal"], row["blob"], row["size"])


async def _following(rows: AsyncIterator[Sequence[Row]]) -> Sequence[Row]:
    async for batch in rows:
        return batch
    return ()


def _nothing(number: int) -> Iterator[Row]:
    return iter(())


def _write(writer: Writer, target: Path, blobs: Blobs, progress: Progress) -> int:
    def read_blob(sha256: str) -> Iterator[bytes]:
        try:
            yield from blobs.read(sha256)
        except FileNotFoundError as error:
            raise Invalid(f"The bytes of the attachment {sha256} are missing.") from error

    progress.begin(Phase.ATTACHMENTS)
    writer.write(target, read_blob, progress.at)
    return target.stat().st_size


_ISSUES = """
SELECT i.number, i.title, i.content_raw, i.reporter_id, i.assignee_id, i.state, i.kind, i.priority,
       i.created_on, i.updated_on, i.content_updated_on, i.edited_on,
       c.name AS component, m.name AS milestone, v.name AS version
  FROM issue i
  LEFT JOIN category c ON c.id = i.component_id
  LEFT JOIN category m ON m.id = i.milestone_id
  LEFT JOIN category v ON v.id = i.version_id
 WHERE i.tracker_id = :tracker
 ORDER BY i.number"""

_COMMENTS = """
SELECT id, issue_number, account_id, content_raw, created_on, updated_on
  FROM comment WHERE tracker_id = :tracker ORDER BY issue_number, id"""

_LOGS = """
SELECT l.comment_id, l.issue_number, l.account_id, l.field, l.changed_from, l.changed_to,
       l.created_on, a.id IS NOT NULL AND a.workspace_id IS NULL AS is_ours
  FROM log l LEFT JOIN account a ON a.id = l.account_id
 WHERE l.tracker_id = :tracker ORDER BY l.issue_number, l.comment_id, l.ordinal"""

_ATTACHMENTS = """
SELECT issue_number, ordinal, filename, account_id, url, blob, size, created_on
  FROM attachment WHERE tracker_id = :tracker ORDER BY issue_number, ordinal"""

_VOTES = """
SELECT issue_number, account_id FROM vote WHERE tracker_id = :tracker ORDER BY issue_number"""

_WATCHES = """
SELECT issue_number, account_id FROM watch WHERE tracker_id = :tracker ORDER BY issue_number"""
