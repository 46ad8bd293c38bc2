"""Building a tracker from an archive's records, in batches of at most 1,000 rows.

Each batch is made in a thread (parsing is CPU) and written in one short transaction; between two
of them other writers get their turn.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TypeVar

from tracker.archive.markups import SWITCH, Sign, sign_of_creole
from tracker.archive.reading import Archive, Scan
from tracker.archive.records import Attachment, Comment, Issue, Log, Person
from tracker.blobs import Blobs, Stored
from tracker.database import BrokenReference, Database, Duplicate, Reader, Transaction
from tracker.database.folding import fold
from tracker.errors import Invalid
from tracker.transfers.numbering import Numbering
from tracker.transfers.reports import Report
from tracker.transfers.storing import FreeNames, Storing
from tracker.vocabulary import CategoryKind, Markup
from tracker.work.progress import Progress

BATCH = 1000
"""Rows a transaction: foreign writers' p99 stays at some 3 ms."""

FILES_A_BATCH = 100
"""Attachments a transaction: their bytes are on the disk before it commits."""

MOST_ATTACHMENTS = 500_000
"""Attachments an archive: their names are kept in memory, to give each of an issue its own."""

MOST_MADE = 10_000
"""Comments made for log rows without one: real archives have none of these."""

R = TypeVar("R")
"""One of the archive's kinds of record."""

_Moment = tuple[int, int | None, int | None, str]
"""Issue, comment, account and time: log rows that agree in them are one change."""


def _named(values: Sequence[object]) -> tuple[str, dict[str, object]]:
    """`:v0, :v1, ...` and its parameters, for IN (...)."""
    params = {f"v{place}": value for place, value in enumerate(values)}
    return ", ".join(f":{name}" for name in params), params


class Building:
    """One tracker while it is filled; the methods are called in the order of their parents."""

    def __init__(
        self,
        db: Database,
        blobs: Blobs | None,
        archive: Archive,
        tracker_id: int,
        accounts: Sequence[int],
        numbering: Numbering,
        report: Report,
        progress: Progress,
    ) -> None:
        self._db = db
        self._archive = archive
        self._database = f"db-{archive.versions[0]}.json"
        self._storing = Storing(archive, blobs, report, progress)
        self._tracker_id = tracker_id
        self._accounts = accounts
        self._report = report
        self._progress = progress
        self._categories: dict[tuple[str, str], int] = {}
        self._numbering = numbering
        self._made: dict[_Moment, int] = {}
        self._made_for: dict[int, int] = {}
        self._names: dict[int, FreeNames] = {}
        self._creole: Counter[Sign] = Counter()

    async def definitions(self, tx: Transaction, scan: Scan) -> None:
        """Write components, milestones, versions (undeclared ones too) and the defaults."""
        names = [
            (kind, name)
            for kind, declared in (
                (CategoryKind.COMPONENT, scan.components),
                (CategoryKind.MILESTONE, scan.milestones),
                (CategoryKind.VERSION, scan.versions),
            )
            for name in (*declared, *scan.undeclared.get(kind, ()))
        ]
        self._report.unresolved.add(
            *(
                f"{kind} {name!r} was used and not declared: it is declared now"
                for kind, undeclared in scan.undeclared.items()
                for name in undeclared
            )
        )
        last = await tx.returning(
            "UPDATE counter SET value = value + :n WHERE name = 'category' RETURNING value",
            {"n": len(names)},
        )
        first = int(last["value"]) - len(names) + 1
        self._categories = {key: first + place for place, key in enumerate(names)}
        await tx.many(
            "INSERT INTO category (id, tracker_id, kind, name) VALUES (?, ?, ?, ?)",
            [(id, self._tracker_id, kind, name) for (kind, name), id in self._categories.items()],
        )
        meta = scan.meta
        await tx.run(
            """UPDATE tracker
                  SET default_assignee_id = :assignee, default_component = :component,
                      default_kind = :kind, default_milestone = :milestone,
                      default_version = :version
                WHERE id = :id""",
            {
                "assignee": self._account(meta.default_assignee),
                "component": meta.default_component,
                "kind": meta.default_kind,
                "milestone": meta.default_milestone,
                "version": meta.default_version,
                "id": self._tracker_id,
            },
        )

    def _account(self, person: Person | None) -> int | None:
        return None if person is None else self._accounts[person.index]

    async def _batches(self, records: Iterator[list[R]]) -> AsyncIterator[tuple[int, list[R]]]:
        """Each batch with the place of its first record in the section."""
        start = 0
        while (batch := await self._progress.run(next, records, None)) is not None:
            yield start, batch
            start += len(batch)
            self._progress.tick(len(batch))

    # Issues

    async def issues(self) -> None:
        """Write the issues with their votes and watches."""
        async for start, batch in self._batches(self._archive.issues(BATCH)):
            rows, votes, watches = await self._progress.run(self._issue_rows, batch)
            texts = await self._progress.run(self._issue_texts, batch)
            try:
                async with self._db.transaction(durable=False) as tx:
                    await tx.many(_INSERT_ISSUE, rows)
                    await tx.many(_NEW_TEXT, texts)
                    await tx.many("INSERT INTO vote VALUES (?, ?, ?)", votes)
                    await tx.many("INSERT INTO watch VALUES (?, ?, ?)", watches)
            except Duplicate as error:
                raise await self._repeated_issue(start, batch) from error

    def _issue_rows(
        self, batch: Sequence[Issue]
    ) -> tuple[list[Sequence[object]], list[Sequence[object]], list[Sequence[object]]]:
        tracker, account, category = self._tracker_id, self._account, self._category
        rows: list[Sequence[object]] = []
        votes: list[Sequence[object]] = []
        watches: list[Sequence[object]] = []
        for issue in batch:
            voters = {self._accounts[person.index] for person in issue.voters}
            watchers = {self._accounts[person.index] for person in issue.watchers}
            votes += [(tracker, issue.number, id) for id in sorted(voters)]
            watches += [(tracker, issue.number, id) for id in sorted(watchers)]
            rows.append(
                (
                    tracker,
                    issue.number,
                    issue.title,
                    issue.content,
                    self._markup(issue),
                    account(issue.reporter),
                    account(issue.assignee),
                    issue.status,
                    issue.kind,
                    issue.priority,
                    category(CategoryKind.COMPONENT, issue.component),
                    category(CategoryKind.MILESTONE, issue.milestone),
                    category(CategoryKind.VERSION, issue.version),
                    len(voters),
                    len(watchers),
                    issue.created_on,
                    issue.updated_on,
                    issue.content_updated_on,
                    issue.edited_on,
                )
            )
        return rows, votes, watches

    def _markup(self, issue: Issue) -> Markup:
        sign = sign_of_creole(issue)
        if sign is None:
            return Markup.MARKDOWN
        self._creole[sign] += 1
        return Markup.CREOLE

    def _issue_texts(self, batch: Sequence[Issue]) -> list[Sequence[object]]:
        return [
            (self._tracker_id, issue.number, fold(issue.title), fold(issue.content) or "")
            for issue in batch
        ]

    def _category(self, kind: CategoryKind, name: str | None) -> int | None:
        return None if name is None else self._categories[kind, name]

    # Comments

    async def comments(self) -> None:
        """Write the comments under their ids; those of other issues' comments get new ones."""
        async for start, batch in self._batches(self._archive.comments(BATCH)):
            rows = [
                (
                    self._tracker_id,
                    id,
                    comment.issue,
                    self._account(comment.user),
                    comment.content,
                    comment.created_on,
                    comment.updated_on,
                )
                for id, comment in zip(await self._comment_ids(start, batch), batch, strict=True)
            ]
            try:
                async with self._db.transaction(durable=False) as tx:
                    await tx.many(_INSERT_COMMENT, rows)
            except BrokenReference as error:
                raise await self._absent_issue("comments", start, batch) from error
        if count := self._numbering.count:
            self._report.warnings.add(
                f"{self._database}: comments without an id, or with one that another issue's "
                f"comment has: {count}; they got new ids."
            )

    async def _comment_ids(self, start: int, batch: Sequence[Comment]) -> list[int]:
        owners = await self._owners(self._db, {comment.id for comment in batch})
        ids = []
        for place, comment in enumerate(batch, start):
            try:
                id = self._numbering.take(comment, owners)
            except Invalid as error:
                raise self._invalid("comments", place, "id", error.message) from error
            owners[id] = comment.issue
            ids.append(id)
        return ids

    # Logs

    async def logs(self) -> None:
        """Write the log rows; one whose comment is missing gets a comment without text."""
        async for start, batch in self._batches(self._archive.logs(BATCH)):
            try:
                async with self._db.transaction(durable=False) as tx:
                    await tx.many(_INSERT_LOG, await self._log_rows(tx, start, batch))
            except BrokenReference as error:
                raise await self._absent_issue("logs", start, batch) from error

    async def _log_rows(
        self, tx: Transaction, start: int, batch: Sequence[Log]
    ) -> list[Sequence[object]]:
        """The rows, numbered by their place in the archive."""
        named = [self._numbering.find(log.issue, log.comment) for log in batch]
        owners = self._made_for | await self._owners(tx, set(named))
        rows: list[Sequence[object]] = []
        for place, (log, comment_id) in enumerate(zip(batch, named, strict=True), start):
            account = self._account(log.user)
            moment = (log.issue, comment_id, account, log.created_on)
            comment_id = self._made.get(moment, comment_id)
            if comment_id is None or comment_id not in owners:
                comment_id = await self._make_comment(tx, place, moment, owners)
            elif owners[comment_id] != log.issue:
                if comment_id not in self._made_for:
                    words = f"Comment {comment_id} belongs to issue {owners[comment_id]}."
                    raise self._invalid("logs", place, "comment", words)
                comment_id = await self._make_comment(tx, place, moment, owners)
            values = (log.field, log.changed_from, log.changed_to)
            row = (self._tracker_id, comment_id, place, log.issue, *values)
            rows.append((*row, account, log.created_on))
        return rows

    async def _owners(self, db: Reader, ids: set[int | None]) -> dict[int, int]:
        """The issue of each comment that is there under one of the ids."""
        places, params = _named(sorted(id for id in ids if id is not None))
        rows = await db.all(
            f"""SELECT id, issue_number FROM comment
                 WHERE tracker_id = :tracker AND id IN ({places})""",
            {**params, "tracker": self._tracker_id},
        )
        return {row["id"]: row["issue_number"] for row in rows}

    async def _make_comment(
        self, tx: Transaction, place: int, moment: _Moment, owners: dict[int, int]
    ) -> int:
        """A comment for log rows that have none: with the id that they name if it is free, else
        with one that nothing in the archive names.
        """
        issue, comment_id, account, created_on = moment
        if len(self._made) >= MOST_MADE:
            words = f"More than {MOST_MADE} rows belong to comments that are not there."
            raise self._invalid("logs", place, "comment", words)
        if comment_id is None or comment_id in owners:
            try:
                comment_id = self._numbering.new()
            except Invalid as error:
                raise self._invalid("logs", place, "comment", error.message) from error
        row = (self._tracker_id, comment_id, issue, account, None, created_on, None)
        await tx.many(_INSERT_COMMENT, [row])
        owners[comment_id] = issue
        self._made[moment] = comment_id
        self._made_for[comment_id] = issue
        self._report.unresolved.add(
            f"logs[{place}] of issue {issue} has no comment: comment {comment_id} was made"
        )
        return comment_id

    # Attachments

    async def attachments(self) -> None:
        """Write the attachments: first their bytes, then the rows that name them."""
        async for start, batch in self._batches(self._archive.attachments(FILES_A_BATCH)):
            if start + len(batch) > MOST_ATTACHMENTS:
                words = f"An archive may have at most {MOST_ATTACHMENTS} attachments."
                raise self._invalid("attachments", MOST_ATTACHMENTS, "issue", words)
            stored = await self._progress.run(self._storing.store, batch)
            rows = list(map(self._attachment_row, batch, stored))
            try:
                async with self._db.transaction(durable=False) as tx:
                    await tx.many(_INSERT_ATTACHMENT, rows)
            except BrokenReference as error:
                raise await self._absent_issue("attachments", start, batch) from error

    def _attachment_row(self, attachment: Attachment, blob: Stored | None) -> Sequence[object]:
        names = self._names.setdefault(attachment.issue, FreeNames())
        name = names.take(attachment.filename)
        return (
            self._tracker_id,
            attachment.issue,
            len(names),
            name,
            attachment.filename,
            self._account(attachment.user),
            attachment.url,
            blob.sha256 if blob else None,
            blob.size if blob else 0,
            attachment.created_on,
        )

    async def finish(self) -> None:
        """Count the issues; report files that no attachment names, and texts taken as creole."""
        unread = self._archive.unread()
        if unread:
            self._report.warnings.add(
                f"{len(unread)} files in the archive belong to no attachment and were left out: "
                f"{', '.join(unread[:10])}{', ...' if len(unread) > 10 else ''}"
            )
        if self._creole:
            signs = ", ".join(f"{count} {sign}" for sign, count in sorted(self._creole.items()))
            self._report.warnings.add(f"Texts of issues that were taken as creole: {signs}.")
        await self._db.run(
            """UPDATE tracker SET issue_count =
                      (SELECT count(*) FROM issue WHERE tracker_id = :id) WHERE id = :id""",
            {"id": self._tracker_id},
            durable=False,
        )

    # What is wrong, and where

    def _invalid(self, section: str, place: int, key: str, words: str) -> Invalid:
        return Invalid(f"{self._database}: {section}[{place}].{key}: {words}")

    async def _present(self, numbers: Sequence[int]) -> set[int]:
        places, params = _named(numbers)
        rows = await self._db.all(
            f"SELECT number FROM issue WHERE tracker_id = :tracker AND number IN ({places})",
            {**params, "tracker": self._tracker_id},
        )
        return {row["number"] for row in rows}

    async def _repeated_issue(self, start: int, batch: Sequence[Issue]) -> Invalid:
        numbers = [issue.number for issue in batch]
        seen = await self._present(numbers)
        place = 0
        while numbers[place] not in seen:
            seen.add(numbers[place])
            place += 1
        return self._invalid("issues", start + place, "id", f"{numbers[place]} is there twice.")

    async def _absent_issue(
        self, section: str, start: int, batch: Sequence[Comment | Log | Attachment]
    ) -> Invalid:
        present = await self._present([record.issue for record in batch])
        place = next(i for i, record in enumerate(batch) if record.issue not in present)
        return self._invalid(
            section, start + place, "issue", f"There is no issue {batch[place].issue}."
        )


_NEW_TEXT = "INSERT INTO issue_text (tracker_id, number, title, content) VALUES (?, ?, ?, ?)"

_INSERT_ISSUE = """
INSERT INTO issue (tracker_id, number, title, content_raw, content_markup, reporter_id, assignee_id,
                   state, kind, priority, component_id, milestone_id, version_id, votes, watches,
                   created_on, updated_on, content_updated_on, edited_on)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

# ?6 is created_on: whatever writes a comment, its markup is that of its date.
_INSERT_COMMENT = f"""
INSERT INTO comment (tracker_id, id, issue_number, account_id, content_raw, created_on, updated_on,
                     content_markup)
VALUES (?, ?, ?, ?, ?, ?, ?, CASE WHEN ?6 < '{SWITCH}' THEN 'creole' ELSE 'markdown' END)"""

_INSERT_LOG = """
INSERT INTO log (tracker_id, comment_id, ordinal, issue_number, field, changed_from, changed_to,
                 account_id, created_on)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""

_INSERT_ATTACHMENT = """
INSERT INTO attachment (tracker_id, issue_number, ordinal, name, filename, account_id, url, blob,
                        size, created_on)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
