"""`pail import`, `import-undo` and `export`: import and export archives, with a progress bar.

The command runs the job itself. The job has a row in the database like any other job, so that no
worker or other command starts a second one for the same repository.
"""

import asyncio
import signal
import sys
import tempfile
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from service.cli.administration import find, on_database
from tracker.access import repositories
from tracker.access.rights import Repository
from tracker.blobs import Blobs
from tracker.database import Database, Transaction
from tracker.errors import Conflict, Invalid, NotFound, TrackerError
from tracker.escaping import escaped
from tracker.files import make_folder
from tracker.settings import Limits, Settings, load
from tracker.terminal import say
from tracker.transfers import exports, imports, undo
from tracker.transfers.reports import Report
from tracker.transfers.undo import Undone
from tracker.vocabulary import JobKind
from tracker.work import jobs, sweeping
from tracker.work.jobs import MAKES_REPOSITORY, Job
from tracker.work.presence import Presence
from tracker.work.progress import Progress

T = TypeVar("T")

_SUFFIXES = ("-issues.zip", ".zip")


@click.command("import")
@click.argument("words", nargs=-1, required=True, metavar="[WORKSPACE/SLUG] ARCHIVE")
@click.option(
    "--create", is_flag=True, help="Create the repository, private, if it does not exist."
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print the report and change nothing. WORKSPACE/SLUG is optional.",
)
@click.option("--max-archive-bytes", type=click.IntRange(1), help="Limit of this import.")
@click.option("--max-archive-entries", type=click.IntRange(1), help="Limit of this import.")
@click.option("--max-archive-unpacked-bytes", type=click.IntRange(1), help="Limit of this import.")
@click.option("--max-attachment-bytes", type=click.IntRange(1), help="Limit of this import.")
@click.option("--max-content-bytes", type=click.IntRange(1), help="Limit of this import.")
def import_(words: tuple[str, ...], create: bool, dry_run: bool, **limits: Any) -> None:
    """Import an archive and print a report.

    The issues of the archive replace those of the repository.

    ARCHIVE is the zip from Bitbucket, the folder it was unpacked to, or only its database
    (db-*.json, under any name). With WORKSPACE/ instead of WORKSPACE/SLUG, ARCHIVE is a folder of
    zips: each NAME-issues.zip or NAME.zip is imported into the repository NAME.

    With --dry-run and only ARCHIVE no database is opened or created. If an import with --create
    fails, the new repository is removed.
    """
    settings = load()
    changed = {_limit(name): value for name, value in limits.items() if value is not None}
    options = _ImportOptions(settings, replace(settings.limits, **changed), create, dry_run)
    full_name, archive = _target(words, options)
    if full_name is None:
        _print_report(str(archive), asyncio.run(_rehearse_alone(options, archive)), dry_run=True)
        return
    pairs = _pairs(full_name, archive)
    failed = 0
    for name, path in pairs:
        try:
            report = on_database(
                lambda db, name=name, path=path: _import(  # type: ignore[misc]
                    db, options, name, path.absolute()
                )
            )
        except (TrackerError, OSError) as error:
            if len(pairs) == 1:
                raise
            say(f"{name}: {error}", err=True)
            failed = 1
            continue
        _print_report(name, report, dry_run=dry_run)
    sys.exit(failed)


@dataclass(frozen=True, slots=True)
class _ImportOptions:
    """The settings and options of an import."""

    settings: Settings
    limits: Limits
    create: bool
    dry_run: bool


def _limit(option: str) -> str:
    return option.removeprefix("max_")


def _target(words: Sequence[str], options: _ImportOptions) -> tuple[str | None, Path]:
    """Return the repository, if one is given, and the archive. Raises click.UsageError."""
    *names, path = words
    if len(names) > 1:
        raise click.UsageError(f"Got unexpected extra arguments ({' '.join(words[2:])})")
    if not names and not options.dry_run:
        raise click.UsageError("Missing argument 'ARCHIVE': only a dry run needs no repository.")
    if not names and options.create:
        raise click.UsageError("--create needs WORKSPACE/SLUG.")
    if not Path(path).exists():
        raise click.BadParameter(f"Path {path!r} does not exist.", param_hint="'ARCHIVE'")
    return (names[0] if names else None), Path(path)


def _pairs(full_name: str, archive: Path) -> list[tuple[str, Path]]:
    workspace, slash, slug = full_name.partition("/")
    if not (workspace and slash) or slug:
        return [(full_name, archive)]
    if not archive.is_dir():
        raise click.BadParameter(f"{str(archive)!r} is no folder.", param_hint="'ARCHIVE'")
    pairs = []
    for path in sorted(archive.glob("*.zip")):
        suffix = next(suffix for suffix in _SUFFIXES if path.name.endswith(suffix))
        pairs.append((f"{workspace}/{path.name.removesuffix(suffix).lower()}", path))
    if not pairs:
        raise Invalid(f"There is no zip in {archive}.")
    return pairs


async def _import(db: Database, options: _ImportOptions, full_name: str, archive: Path) -> Report:
    target: Repository | str
    try:
        target = await find(db, full_name)
    except NotFound:
        if not options.create:
            raise NotFound(
                f"There is no repository {full_name}; with --create it is made."
            ) from None
        target = full_name
    settings = options.settings
    with _claimed(settings) as presence, _bar() as progress:
        if options.dry_run and isinstance(target, str):
            return await _cancelled_by_sigterm(
                imports.rehearse(
                    settings.spool_dir, options.limits, archive, progress, db=db, full_name=target
                )
            )
        # A file name may not be UTF-8, but the text in the database must be.
        kept = Path(escaped(str(archive)))
        arguments: dict[str, Any] = {"archive": kept, "dry_run": options.dry_run}
        job = await _begin(db, settings, target, JobKind.IMPORT, presence, **arguments)
        job = replace(job, archive=str(archive))
        blobs = Blobs(settings.blobs_dir)
        work = imports.run(db, blobs, settings.spool_dir, options.limits, job, progress)
        return await _finish(db, job, progress, work)


async def _rehearse_alone(options: _ImportOptions, archive: Path) -> Report:
    with tempfile.TemporaryDirectory(prefix="pail-") as spool, _bar() as progress:
        return await _cancelled_by_sigterm(
            imports.rehearse(Path(spool), options.limits, archive, progress)
        )


@click.command("import-undo")
@click.argument("full_name", metavar="WORKSPACE/SLUG")
@click.option("--yes", is_flag=True, help="Undo even if writes made since the import are hidden.")
def import_undo(full_name: str, yes: bool) -> None:
    """Restore the tracker that the last import replaced. Run it again to redo the import."""

    async def work(db: Database) -> Undone:
        repository = await find(db, full_name)
        await _settle_abandoned(db, load())
        try:
            return await db.write(lambda tx: undo.undo(tx, repository, accept_writes=yes))
        except Conflict as error:
            raise Conflict(
                error.message.replace("confirm with yes=true", "confirm with --yes")
            ) from None

    done = on_database(work)
    back = f", earlier ones brought back: {done.brought_back}" if done.brought_back else ""
    say(f"{full_name} is back at what it was; later writes out of sight: {done.writes}{back}.")


@click.command("export")
@click.argument("full_name", metavar="WORKSPACE/SLUG")
@click.argument("archive", metavar="ARCHIVE.zip", type=click.Path(path_type=Path))
@click.option("--without-attachments", is_flag=True, help="Leave out the attachments.")
def export(full_name: str, archive: Path, without_attachments: bool) -> None:
    """Export the issues of a repository to a zip in Bitbucket's format."""
    settings = load()
    if archive.is_dir() or not archive.parent.is_dir():
        raise Invalid(f"{archive} is not a file that can be written.")

    async def work(db: Database) -> None:
        repository = await find(db, full_name)
        options = {"include_attachments": not without_attachments}
        with _claimed(settings) as presence, _bar() as progress:
            job = await _begin(db, settings, repository, JobKind.EXPORT, presence, options=options)
            blobs = Blobs(settings.blobs_dir)
            running = exports.run(db, blobs, settings.spool_dir, archive, job, progress)
            await _finish(db, job, progress, running)

    on_database(work)
    say(f"{full_name} is in {archive}.", err=True)


@contextmanager
def _claimed(settings: Settings) -> Iterator[Presence]:
    make_folder(settings.spool_dir)
    with Presence(settings.data_dir, is_command=True) as presence:
        yield presence


async def _settle_abandoned(db: Database, settings: Settings) -> None:
    """Settle jobs of commands that were killed: a worker may not be running."""
    await sweeping.settle_jobs(db, settings, Presence(settings.data_dir))


async def _begin(
    db: Database,
    settings: Settings,
    target: Repository | str,
    kind: JobKind,
    presence: Presence,
    *,
    options: dict[str, Any] | None = None,
    **arguments: Any,
) -> Job:
    """Begin a job of the repository, which is created first if target is a name."""
    await _settle_abandoned(db, settings)
    options = {**(options or {}), "local": True}
    if isinstance(target, str):
        options[MAKES_REPOSITORY] = True

    async def write(tx: Transaction) -> Job:
        return await jobs.accept(
            tx,
            await repositories.make(tx, target, private=True)
            if isinstance(target, str)
            else target,
            kind,
            account_id=None,
            base_url=settings.public_url or f"http://{settings.host}:{settings.port}",
            options=options,
            worker=presence.name,
            **arguments,
        )

    return await db.write(write)


async def _finish(db: Database, job: Job, progress: Progress, work: Awaitable[T]) -> T:
    """Do the work and settle the job, also when it fails or SIGTERM ends the command."""
    try:
        async with jobs.following(db, job, progress):
            return await _cancelled_by_sigterm(work)
    except jobs.Superseded:
        raise Conflict("Somebody else has ended this job meanwhile.") from None
    except TrackerError as error:
        await _fail(db, job, error.message)
        raise
    except BaseException:
        await _fail(db, job, "The command that ran this job was interrupted.")
        raise


async def _fail(db: Database, job: Job, message: str) -> None:
    with suppress(jobs.Superseded):  # settled by somebody else
        await jobs.fail(db, job, message)


async def _cancelled_by_sigterm(work: Awaitable[T]) -> T:
    """Do the work; SIGTERM cancels it, so that it removes its temporary files."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work


class _ShownProgress(Progress):
    """Progress that updates a bar on the terminal."""

    def __init__(self, bar: Bar, task: TaskID) -> None:
        super().__init__()
        self._bar = bar
        self._task = task

    def tick(self, count: int = 0) -> None:
        super().tick(count)
        total = self.total or None
        self._bar.update(self._task, phase=self.phase, completed=self.count, total=total)


@contextmanager
def _bar() -> Iterator[Progress]:
    """Yield a progress that shows a bar on stderr, if stderr is a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.fields[phase]:12}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        yield _ShownProgress(bar, bar.add_task("", phase="", total=None))


def _print_report(full_name: str, report: Report, *, dry_run: bool) -> None:
    found = report.as_dict()
    counts = ", ".join(f"{count} {name}" for name, count in found.pop("counts").items())
    say(f"{full_name}: {'would import' if dry_run else 'imported'} {counts}")
    for name, entries in found.items():
        for entry in entries:
            say(f"{name.replace('_', ' ')}: {entry}")


COMMANDS = {"import": import_, "import-undo": import_undo, "export": export}
