"""Nobody's data reaches a terminal as it is, through whichever command."""

import ast
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest

from service.cli.commands import main
from tests.archives import databases, sample, write_folder, write_zip
from tests.cli.conftest import Pail, archive_in
from tests.jobs.working import files, select
from tests.test_architecture import ROOT, SOURCES
from tests.texts import EXTRA, LONE, SHOWN, STEERING, everywhere, steering
from tracker.settings import Settings

Process = Callable[..., "subprocess.CompletedProcess[str]"]

NOT_UTF8 = os.fsdecode(b"\xff\x9b")
"""How Python calls a file whose name is no UTF-8."""


# Nothing goes past it


SAY = ROOT / "tracker" / "terminal.py"
OTHERS = {
    "service/http/connections.py": "sys.stderr",  # a line a request, made of ASCII: it must be fast
    "service/cli/transfers.py": "rich",  # the progress bar, which shows words of ours
    "service/cli/commands.py": "error.show",  # into a text, which is then said
}
"""What else writes by itself, and why it may."""


def _named(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_named(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


_WRITES = {
    "click.echo",
    "click.secho",
    "click.echo_via_pager",
    "click.prompt",
    "click.confirm",
    "click.progressbar",
    "click.get_text_stream",
    "click.get_binary_stream",
    "error.show",
    "print",
    "logging.StreamHandler",
    "logging.lastResort",
    "sys.stdout",
    "sys.stderr",
    "sys.__stdout__",
    "sys.__stderr__",
    "os.write",
    "traceback.print_exc",
    "warnings.showwarning",
}


def _writing(tree: ast.AST) -> Iterator[str]:
    """What in a source prints, or ends the process with a text that is printed."""
    for node in ast.walk(tree):
        if _named(node) in _WRITES:
            yield _named(node)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [getattr(node, "module", None) or "", *(name.name for name in node.names)]
            yield from {"rich" for name in names if name.partition(".")[0] == "rich"}
            if isinstance(node, ast.ImportFrom) and node.module in ("click", "sys", "logging"):
                yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Call):
            yield from _ending_with_text(node)


def _ending_with_text(call: ast.Call) -> Iterator[str]:
    if _named(call.func) in ("sys.exit", "SystemExit"):
        for argument in call.args:
            is_text = isinstance(argument, ast.JoinedStr) or (
                isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            )
            if is_text or (isinstance(argument, ast.Call) and _named(argument.func) == "str"):
                yield f"{_named(call.func)} with a text"
    if _named(call.func) == "logging.basicConfig" and "handlers" not in {
        keyword.arg for keyword in call.keywords
    }:
        yield "logging.basicConfig without log_handler"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_whatever_is_printed_goes_through_one_place(path: Path) -> None:
    if path == SAY:
        return
    found = set(_writing(ast.parse(path.read_text("utf-8"))))
    allowed = OTHERS.get(str(path.relative_to(ROOT)))
    assert found == ({allowed} if allowed else set()), f"{path}: use tracker.terminal"


@pytest.mark.parametrize(
    "source",
    [
        "click.echo(name)",
        "from click import echo",
        "sys.stdout.write(name)",
        "print(name)",
        "sys.exit(str(error))",
        "raise SystemExit(f'{error}')",
        "logging.basicConfig(level=1)",
        "from rich import print",
    ],
)
def test_what_goes_past_it_is_found(source: str) -> None:
    assert list(_writing(ast.parse(source)))


# Every command


def _leaves(group: click.Group, *words: str) -> Iterator[tuple[str, ...]]:
    """Every command that does something."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _leaves(command, *words, name)
        else:
            yield (*words, name)


@pytest.fixture
def hostile(pail: Pail, settings: Settings, tmp_path: Path) -> Path:
    """A folder of archives; and in the database such texts wherever it takes them."""
    with closing(sqlite3.connect(settings.database)) as database, database:
        for statement in (
            "UPDATE account SET display_name = ?, nickname = ?",
            "UPDATE token SET name = ?, scopes = ?",
            "UPDATE workspace SET name = ?",
            "UPDATE repository SET name = ?, description = ?",
        ):
            database.execute(statement, [STEERING] * statement.count("?"))
    folder = tmp_path / "archives"
    folder.mkdir()
    write_zip(folder / "app-issues.zip", databases(everywhere(), "2.0"), EXTRA)
    (folder / f"{STEERING}.zip").write_bytes(b"no zip")
    write_folder(folder / STEERING, databases(everywhere(), "2.0"))
    return folder


def _calls(folder: Path) -> dict[tuple[str, ...], list[list[object]]]:
    """Each command with words that it prints, or prints of."""
    bad, zip_, name = STEERING, folder / "app-issues.zip", folder / STEERING
    repository = f"alice/{STEERING}"
    return {
        ("up",): [[bad]],
        ("web",): [[bad]],
        ("worker",): [[bad]],
        ("user", "add"): [[bad], ["neu", "--email", bad], ["neu", "--name", bad], [f"--{bad}"]],
        ("user", "list"): [[], [bad]],
        ("user", "disable"): [[bad]],
        ("user", "enable"): [[bad]],
        ("user", "rename"): [[bad, bad], ["bob", bad]],
        ("token", "create"): [[bad], ["bob", "--name", bad], ["bob", "--scope", bad]],
        ("token", "list"): [["bob"], [bad]],
        ("token", "remove"): [["bob", bad], [bad, 1]],
        ("workspace", "create"): [[bad, "--owner", "bob"], ["neu", "--owner", bad]],
        ("workspace", "list"): [[]],
        ("repo", "create"): [[bad], [repository], ["alice/neu", "--name", bad]],
        ("repo", "list"): [[]],
        ("member", "add"): [["alice/app", bad, "read"], [repository, "bob", "read"], [bad] * 3],
        ("member", "remove"): [["alice/app", bad], [repository, "bob"]],
        ("member", "list"): [["alice/app"], [repository]],
        ("import",): [
            ["alice/app", zip_],
            ["alice/app", zip_, "--dry-run"],
            ["alice/neu", name, "--create", "--dry-run"],
            [zip_, "--dry-run"],
            [name, "--dry-run"],
            [f"{name}.zip", "--dry-run"],
            ["alice/app", f"{name}.zip"],
            [repository, zip_],
            [repository, zip_, "--create"],
            ["alice/", folder],
            ["alice/", folder, "--create"],
            ["alice/app", bad],
            ["alice/", f"{name}.zip"],
            [bad, bad, bad, bad],
        ],
        ("import-undo",): [[repository], [bad]],
        ("export",): [["alice/app", folder / f"out{STEERING}"], [repository, bad], [bad, bad]],
        ("check",): [[], [bad]],
    }


def test_no_command_prints_a_control_character_of_anybodys_data(
    pail: Pail, hostile: Path, settings: Settings
) -> None:
    calls = _calls(hostile)
    assert set(calls) == set(_leaves(main))
    printed = ""
    for command, lists in calls.items():
        for words in lists:
            if command == ("check",):
                for path in files(settings.blobs_dir):
                    path.unlink()
            result = pail(*command, *words)
            assert result.exception is None or isinstance(result.exception, SystemExit), words
            assert _steering(result.output) == [], (command, words)
            printed += result.output
    assert printed.count(SHOWN) > 20


def _steering(output: str) -> list[str]:
    return [character for character in steering(output) if character not in "\n\t"]


def test_a_line_of_a_table_is_a_line_and_a_cell_a_cell(pail: Pail, hostile: Path) -> None:
    assert f"bob\t{SHOWN}\tbob@example.org\tuser\tactive\n" in pail("user", "list").stdout
    assert f"alice\t{SHOWN}\talice\n" in pail("workspace", "list").stdout
    assert f"alice/app\t{SHOWN}\tprivate\t0\n" in pail("repo", "list").stdout


def test_an_import_shows_names_and_keys_escaped(pail: Pail, hostile: Path) -> None:
    lines = pail("import", "alice/app", hostile / "app-issues.zip").stdout.splitlines()
    assert f"placeholders: {SHOWN}" in lines
    assert any(line.startswith(rf"warnings: db-2.0.json: k{SHOWN}\ud800 is") for line in lines)


def test_wrong_usage_quotes_escaped(pail: Pail) -> None:
    result = pail("check", "\x1b[2J\nError: forged")
    assert result.exit_code == 2
    assert result.stderr.endswith(
        "Error: Got unexpected extra argument (\\x1b[2J\\nError: forged)\n"
    )


@pytest.mark.parametrize("command", [("up",), ("web",), ("worker",), ("user", "list")])
def test_a_wrong_setting_is_quoted_escaped(
    pail: Pail, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", STEERING)
    result = pail(*command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("PORT must be")
    assert _steering(result.stderr) == []


def test_check_names_an_attachment_escaped(pail: Pail, hostile: Path, settings: Settings) -> None:
    sections = sample()
    sections["attachments"][0]["filename"] = STEERING
    path = write_zip(hostile / "one.zip", databases(sections), {f"attachments/{'a1' * 16}": b"x"})
    assert pail("import", "alice/app", path).exit_code == 0
    for blob in files(settings.blobs_dir):
        blob.unlink()
    result = pail("check")
    assert result.exit_code == 1
    assert f"The attachment {STEERING!r}" in result.stdout
    assert _steering(result.stdout) == []


# Encodings


@pytest.mark.parametrize(
    ("env", "shown"),
    [
        ({"LC_ALL": "C", "PYTHONUTF8": "0"}, r"\u043e\u0431"),
        ({"PYTHONIOENCODING": "latin-1"}, r"\u043e\u0431"),
        ({"PYTHONUTF8": "1"}, "об"),
    ],
    ids=["ascii", "latin-1", "utf-8"],
)
def test_an_encoding_that_lacks_a_letter_fails_no_command(
    process: Process, settings: Settings, env: dict[str, str], shown: str
) -> None:
    path = write_zip(settings.data_dir / "a.zip", databases(sample(**{"об": 1})))
    with closing(sqlite3.connect(settings.database)) as database, database:
        database.execute("UPDATE account SET display_name = 'об'")
    done = process("user", "list", **env)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"bob\t{shown}\t" in done.stdout
    done = process("import", "alice/app", path, **env)
    assert (done.returncode, done.stderr) == (0, "")
    assert f": {shown} is unknown" in done.stdout
    done = process("token", "list", "об", **env)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert process("--help", **env).returncode == 0


# Names that are no UTF-8


@pytest.mark.parametrize(
    "words",
    [
        ("user", "add", NOT_UTF8),
        ("user", "add", "neu", "--name", NOT_UTF8),
        ("user", "rename", "bob", NOT_UTF8),
        ("user", "disable", NOT_UTF8),
        ("token", "create", "bob", "--name", NOT_UTF8),
        ("token", "list", NOT_UTF8),
        ("workspace", "create", NOT_UTF8, "--owner", "bob"),
        ("workspace", "create", "neu", "--owner", NOT_UTF8),
        ("repo", "create", f"alice/{NOT_UTF8}"),
        ("repo", "create", f"{NOT_UTF8}/neu"),
        ("member", "add", "alice/app", NOT_UTF8, "read"),
        ("member", "list", f"alice/{NOT_UTF8}"),
        ("import-undo", f"alice/{NOT_UTF8}"),
        ("export", f"alice/{NOT_UTF8}", "/tmp/never.zip"),
    ],
    ids=" ".join,
)
def test_a_word_that_is_no_utf8_is_refused_in_one_sentence(
    pail: Pail, words: tuple[str, ...]
) -> None:
    result = pail(*words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert _steering(result.stderr) == []


def test_a_file_may_have_a_name_that_is_no_utf8(
    pail: Pail, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / NOT_UTF8
    folder.mkdir()
    path = archive_in(folder, f"{NOT_UTF8}.zip")
    assert pail("import", "alice/app", path).exit_code == 0
    assert pail("import", "alice/app", path, "--dry-run").exit_code == 0
    assert pail("import", path, "--dry-run").stdout.startswith(str(tmp_path / r"\udcff\udc9b"))
    unpacked = write_folder(folder / "unpacked", databases(sample()))
    (unpacked / "attachments").mkdir()
    (unpacked / "attachments" / NOT_UTF8).write_bytes(b"x")
    result = pail("import", "alice/app", unpacked)
    assert result.exit_code == 0
    assert r"attachments/\udcff\udc9b" in result.stdout
    (unpacked / f"link{NOT_UTF8}").symlink_to("/dev/null")
    result = pail("import", "alice/app", unpacked)
    assert result.exit_code == 1
    assert result.stderr == "link\\udcff\\udc9b: Only regular files and folders are taken.\n"
    assert select(settings.database, "SELECT message FROM job ORDER BY id DESC LIMIT 1") == [
        (result.stderr.strip(),)
    ]
    target = folder / "out.zip"
    result = pail("export", "alice/app", target)
    assert (result.exit_code, target.exists()) == (0, True)


def test_of_a_folder_the_archive_with_such_a_name_alone_is_refused(
    pail: Pail, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for name in ("app", NOT_UTF8, "zoo"):
        archive_in(folder, f"{name}.zip")
    result = pail("import", "alice/", folder, "--create")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith(r"alice/\udcff\udc9b: ")
    for name in ("app", "zoo"):
        assert f"alice/{name}: imported" in result.stdout


def test_a_key_with_a_lone_surrogate_comes_in(pail: Pail, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "key.zip", databases(sample(**{LONE: 1})))
    result = pail("import", "alice/app", path)
    assert result.exit_code == 0
    assert r"db-2.0.json: \ud800 is unknown and was left out (1 times)." in result.stdout
