"""`pail import`, `import-undo` and `export`: archives in and out, with a progress bar.

They run the job right here; its row is there as for any other, so that nobody else begins one.
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
@click.option("--create", is_flag=True, help="Make the repository if there is none (private).")
@click.option(
    "--dry-run", is_flag=True, help="Show the report and change nothing; ARCHIVE alone will do."
)
@click.option("--max-archive-bytes", type=click.IntRange(1), help="For this run.")
@click.option("--max-archive-entries", type=click.IntRange(1), help="For this run.")
@click.option("--max-archive-unpacked-bytes", type=click.IntRange(1), help="For this run.")
@click.option("--max-attachment-bytes", type=click.IntRange(1), help="For this run.")
@click.option("--max-content-bytes", type=click.IntRange(1), help="For this run.")
def import_(words: tuple[str, ...], create: bool, dry_run: bool, **limits: Any) -> None:
    """Replace a repository's issues with those of an archive, and print the report.

    ARCHIVE is the zip that Bitbucket made, the folder it was unpacked to, or a database alone
    (db-*.json, under any name). With WORKSPACE/ instead of WORKSPACE/SLUG it is a folder full of
    zips, each of which goes into the repository that its name says (NAME-issues.zip or NAME.zip).

    With --dry-run and ARCHIVE alone no database is opened or made. What an import that fails had
    made with --create is removed again.
    """
    settings = load()
    changed = {_limit(name): value for name, value in limits.items() if value is not None}
    how = _How(settings, replace(settings.limits, **changed), create, dry_run)
    full_name, archive = _target(words, how)
    if full_name is None:
        _print_report(str(archive), asyncio.run(_rehearse_alone(how, archive)), dry_run=True)
        return
    pairs = _pairs(full_name, archive)
    failed = 0
    for name, path in pairs:
        try:
            report = on_database(
                lambda db, name=name, path=path: _import(  # type: ignore[misc]
                    db, how, name, path.absolute()
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
class _How:
    """The settings and options of an import."""

    settings: Settings
    limits: Limits
    create: bool
    dry_run: bool


def _limit(option: str) -> str:
    return option.removeprefix("max_")


def _target(words: Sequence[str], how: _How) -> tuple[str | None, Path]:
    """The repository, if there is one, and the archive. Raises click.UsageError."""
    *names, path = words
    if len(names) > 1:
        raise click.UsageError(f"Got unexpected extra arguments ({' '.join(words[2:])})")
    if not names and not how.dry_run:
        raise click.UsageError("Missing argument 'ARCHIVE': only a dry run needs no repository.")
    if not names and how.create:
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


async def _import(db: Database, how: _How, full_name: str, archive: Path) -> Report:
    target: Repository | str
    try:
        target = await find(db, full_name)
    except NotFound:
        if not how.create:
            raise NotFound(
                f"There is no repository {full_name}; with --create it is made."
            ) from None
        target = full_name
    settings = how.settings
    with _claimed(settings) as presence, _bar() as progress:
        if how.dry_run and isinstance(target, str):
            return await _ending(
                imports.rehearse(
                    settings.spool_dir, how.limits, archive, progress, db=db, full_name=target
                )
            )
        # Names of files need not be UTF-8, what is kept must be.
        kept = Path(escaped(str(archive)))
        options: dict[str, Any] = {"archive": kept, "dry_run": how.dry_run}
        job = await _begin(db, settings, target, JobKind.IMPORT, presence, **options)
        job = replace(job, archive=str(archive))
        blobs = Blobs(settings.blobs_dir)
        work = imports.run(db, blobs, settings.spool_dir, how.limits, job, progress)
        return await _finish(db, job, progress, work)


async def _rehearse_alone(how: _How, archive: Path) -> Report:
    with tempfile.TemporaryDirectory(prefix="pail-") as spool, _bar() as progress:
        return await _ending(imports.rehearse(Path(spool), how.limits, archive, progress))


@click.command("import-undo")
@click.argument("full_name", metavar="WORKSPACE/SLUG")
@click.option("--yes", is_flag=True, help="Even if writes made since the import go out of sight.")
def import_undo(full_name: str, yes: bool) -> None:
    """Go back to the tracker that the last import replaced; once more, and it is undone."""

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
@click.option("--without-attachments", is_flag=True)
def export(full_name: str, archive: Path, without_attachments: bool) -> None:
    """Write a repository's issues to a zip as Bitbucket made them."""
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
    """End what a command that was killed had begun: perhaps no worker runs that would."""
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
    """Begin a job of the repository, which is made for it if target is only its name."""
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
    """Do the work; the job is settled whatever happens, also when SIGTERM ends the command."""
    try:
        async with jobs.following(db, job, progress):
            return await _ending(work)
    except jobs.Superseded:
        raise Conflict("Somebody else has ended this job meanwhile.") from None
    except TrackerError as error:
        await _fail(db, job, error.message)
        raise
    except BaseException:
        await _fail(db, job, "The command that ran this job was interrupted.")
        raise


async def _fail(db: Database, job: Job, message: str) -> None:
    with suppress(jobs.Superseded):  # ended already
        await jobs.fail(db, job, message)


async def _ending(work: Awaitable[T]) -> T:
    """Do the work, which SIGTERM cancels: what it has put somewhere is cleared away."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work


class _ShownProgress(Progress):
    """A progress that moves a bar."""

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
    """A progress bar on stderr; nothing where that is no terminal."""
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
