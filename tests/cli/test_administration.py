"""Administration: results on stdout, the rest on stderr; 0 done, 1 refused, 2 wrong usage."""

import asyncio
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing

import pytest

from tests.cli.conftest import Pail, archive_in, output, refusal
from tests.jobs.working import select
from tests.running.processes import ROOT
from tracker.access import tokens
from tracker.blobs import Blobs
from tracker.database import connect
from tracker.settings import Settings

Process = Callable[..., "subprocess.CompletedProcess[str]"]


def _authenticates(settings: Settings, token: str) -> bool:
    async def ask() -> bool:
        db = await connect(settings.database)
        try:
            return await tokens.authenticate(db, token, user=None) is not None
        finally:
            await db.close()

    return asyncio.run(ask())


def test_an_account_is_made_with_a_random_password_that_is_printed_alone(
    pail: Pail, settings: Settings
) -> None:
    words = ("user", "add", "frida", "--name", "Frida K", "--email", "frida@example.org")
    password = output(pail, *words)
    assert re.fullmatch(r"\S{20}\n", password)
    assert password != output(pail, "user", "add", "gala", "--admin")
    assert "frida\tFrida K\tfrida@example.org\tuser\tactive\n" in output(pail, "user", "list")
    assert "gala\tgala\t\tadmin\tactive\n" in output(pail, "user", "list")
    with closing(sqlite3.connect(settings.database)) as connection:
        for table in ("account", "token"):
            assert password.strip() not in str(
                connection.execute(f"SELECT * FROM {table}").fetchall()
            )
    assert "exists already" in refusal(pail, *words)
    assert "exists already" in refusal(pail, "user", "add", "other", "--email", words[-1])


def test_an_account_is_renamed_disabled_and_enabled(pail: Pail) -> None:
    assert output(pail, "user", "rename", "bob", "Bobby") == ""
    assert output(pail, "user", "disable", "bob") == ""
    assert "bob\tBobby\tbob@example.org\tuser\tdisabled\n" in output(pail, "user", "list")
    assert output(pail, "user", "enable", "bob") == ""
    assert "bob\tBobby\tbob@example.org\tuser\tactive\n" in output(pail, "user", "list")
    assert refusal(pail, "user", "disable", "nobody") == "There is no account 'nobody'."


def test_a_token_is_printed_alone_and_works_until_it_is_removed(
    pail: Pail, settings: Settings
) -> None:
    token = output(pail, "token", "create", "bob", "--name", "ci", "--scope", "issue").strip()
    assert "\n" not in token
    assert _authenticates(settings, token)
    [line] = [
        line for line in output(pail, "token", "list", "bob").splitlines() if "\tci\t" in line
    ]
    token_id, _, scopes, _, expires = line.split("\t")
    assert (scopes, expires) == ("issue", "")
    assert token not in output(pail, "token", "list", "bob")
    assert output(pail, "token", "remove", "bob", token_id) == ""
    assert not _authenticates(settings, token)
    refusal(pail, "token", "remove", "bob", token_id)


def test_a_token_that_expires_says_when(pail: Pail, settings: Settings) -> None:
    gone = output(pail, "token", "create", "bob", "--expires", "0").strip()
    later = output(pail, "token", "create", "bob", "--expires", "30").strip()
    assert not _authenticates(settings, gone)
    assert _authenticates(settings, later)


def test_a_workspace_and_its_repositories_are_made_and_listed(pail: Pail) -> None:
    assert output(pail, "workspace", "create", "team", "--owner", "bob", "--name", "The team") == ""
    assert "team\tThe team\tbob\n" in output(pail, "workspace", "list")
    assert output(pail, "repo", "create", "team/site", "--name", "Site", "--private") == ""
    assert output(pail, "repo", "create", "team/open") == ""
    listed = output(pail, "repo", "list")
    assert "team/site\tSite\tprivate\t0\n" in listed
    assert "team/open\topen\tpublic\t0\n" in listed
    assert "exists already" in refusal(pail, "repo", "create", "team/site")
    assert "exists already" in refusal(pail, "workspace", "create", "team", "--owner", "bob")
    refusal(pail, "repo", "create", "nowhere/site")
    refusal(pail, "workspace", "create", "api", "--owner", "bob")
    refusal(pail, "workspace", "create", "x", "--owner", "nobody")
    assert "WORKSPACE/SLUG" in refusal(pail, "repo", "create", "site")


def test_members_come_change_and_go(pail: Pail) -> None:
    assert output(pail, "member", "add", "alice/app", "charlie", "read") == ""
    assert "charlie\tread\n" in output(pail, "member", "list", "alice/app")
    assert output(pail, "member", "add", "alice/app", "charlie", "admin") == ""
    assert "charlie\tadmin\n" in output(pail, "member", "list", "alice/app")
    assert output(pail, "member", "remove", "alice/app", "charlie") == ""
    assert "charlie" not in output(pail, "member", "list", "alice/app")
    assert "is no member" in refusal(pail, "member", "remove", "alice/app", "charlie")
    refusal(pail, "member", "add", "alice/none", "charlie", "read")


@pytest.mark.parametrize(
    "words",
    [
        ("no-such-command",),
        ("user", "add"),
        ("user", "add", "x", "--colour", "red"),
        ("token", "create", "bob", "--scope", "everything"),
        ("token", "create", "bob", "--expires", "-1"),
        ("token", "remove", "bob", "first"),
        ("member", "add", "alice/app", "bob", "own"),
        ("workspace", "create", "team"),
        ("import", "alice/app"),
        ("import",),
        ("import", "--dry-run"),
        ("import", "alice/app", "--dry-run"),
        ("import", ".", "--dry-run", "--create"),
        ("import", "alice/app", ".", "more"),
        ("import", "alice/app", "/no/such/file.zip"),
        ("import", "/no/such/file.zip", "--dry-run"),
        ("import", "alice/", __file__),
        ("import", "alice/", __file__, "--create", "--dry-run"),
        ("export", "alice/app"),
        ("check", "everything"),
    ],
)
def test_wrong_usage_is_two(pail: Pail, words: tuple[str, ...]) -> None:
    result = pail(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage: " in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("up",),
        ("web",),
        ("worker",),
        ("user",),
        ("token",),
        ("workspace",),
        ("repo",),
        ("member",),
        ("import",),
        ("import-undo",),
        ("export",),
        ("check",),
    ],
)
def test_every_command_explains_itself(pail: Pail, words: tuple[str, ...]) -> None:
    text = output(pail, *words, "--help")
    assert text.startswith("Usage: ")
    assert len(text.splitlines()) > 3


def test_check_says_what_is_not_sound(pail: Pail, settings: Settings) -> None:
    output(pail, "import", "alice/app", archive_in(settings.data_dir))
    result = pail("check")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "Everything is sound.\n"
    [(blob,)] = select(settings.database, "SELECT blob FROM attachment WHERE size > 0")
    path = Blobs(settings.blobs_dir).path(blob)
    path.write_bytes(b"?" * path.stat().st_size)
    assert pail("check", "--quick").exit_code == 0
    result = pail("check")
    assert result.exit_code == 1
    assert "other bytes than were stored" in result.stdout
    path.unlink()
    result = pail("check", "--quick")
    assert result.exit_code == 1
    assert "has no bytes" in result.stdout


def test_check_warns_of_what_other_accounts_may_open_and_ends_as_it_would(
    pail: Pail, settings: Settings
) -> None:
    output(pail, "import", "alice/app", archive_in(settings.data_dir))
    wide = {
        settings.data_dir: 0o711,
        settings.database: 0o640,
        settings.key_file: 0o604,
        settings.blobs_dir: 0o701,
        settings.spool_dir: 0o755,
        settings.exports_dir: 0o777,
    }
    settings.exports_dir.mkdir()
    settings.key_file.write_bytes(b"k" * 32)
    for path, mode in wide.items():
        path.chmod(mode)
    result = pail("check")
    assert (result.exit_code, result.stdout) == (0, "")
    *warnings, last = result.stderr.splitlines()
    assert warnings == [
        f"Warning: Other accounts of this machine may open {path}: chmod go= {path}"
        for path in wide
    ]
    assert last == "Everything is sound."

    for warning in warnings:
        subprocess.run(warning.rpartition(": ")[2], shell=True, check=True)
    assert pail("check").stderr == "Everything is sound.\n"


def test_check_warns_of_the_log_beside_a_database_that_is_in_use(
    pail: Pail, settings: Settings
) -> None:
    with closing(sqlite3.connect(settings.database)) as other:
        with other:
            other.execute("UPDATE counter SET value = value + 1")
        for name in ("pail.db-wal", "pail.db-shm"):
            path = settings.database.with_name(name)
            path.chmod(0o644)
            assert f"chmod go= {path}\n" in pail("check").stderr


def test_warnings_stand_beside_what_is_not_sound(pail: Pail, settings: Settings) -> None:
    output(pail, "import", "alice/app", archive_in(settings.data_dir))
    settings.data_dir.chmod(0o755)
    _spoil(settings)
    result = pail("check")
    assert result.exit_code == 1
    assert "has no bytes" in result.stdout
    assert "Warning: " in result.stderr


def _spoil(settings: Settings) -> None:
    """Remove the bytes of an attachment."""
    [(blob,)] = select(settings.database, "SELECT blob FROM attachment WHERE size > 0")
    Blobs(settings.blobs_dir).path(blob).unlink()


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "eighty"), ("DATABASE_URL", "mysql://x"), ("PAIL_MAX_BODY_BYTES", "1 GB")],
)
def test_a_wrong_setting_is_one_sentence_as_a_process(
    process: Process, name: str, value: str
) -> None:
    for command in (("user", "list"), ("check",), ("web",), ("up",)):
        done = process(*command, **{name: value})
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(name)
        assert done.stderr.count("\n") == 1


def test_a_database_that_is_none_is_one_sentence_as_a_process(
    process: Process, settings: Settings
) -> None:
    settings.database.write_text("This is not a database. " * 100)
    done = process("user", "list")
    assert (done.returncode, done.stdout) == (1, "")
    assert str(settings.database) in done.stderr
    assert done.stderr.count("\n") == 1


def test_streams_and_status_hold_as_a_process(process: Process, settings: Settings) -> None:
    path = archive_in(settings.data_dir)
    done = process("import", "alice/app", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("alice/app: imported 2 issues, 3 comments")
    target = settings.data_dir / "out.zip"
    done = process("export", "alice/app", target)
    assert (done.returncode, done.stdout) == (0, "")
    assert target.exists()
    done = process("export", "alice/none", target)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert process("export").returncode == 2


def _demo(settings: Settings, *words: str) -> dict[str, str]:
    """Make the demo as `pail up --demo` does; what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "service.up.demo", *words],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PAIL_DATA_DIR": str(settings.data_dir)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made: dict[str, str] = json.loads(done.stdout)
    return made


def test_the_demo_is_made_once_and_its_token_stays(settings: Settings, pail: Pail) -> None:
    first = _demo(settings)
    assert first["user"] == "demo"
    assert first["list_path"] == "/2.0/repositories/demo/sample/issues"
    listed = output(pail, "token", "list", "demo")
    assert _demo(settings) == first
    assert _authenticates(settings, first["token"])
    assert output(pail, "token", "list", "demo") == listed
    assert select(settings.database, "SELECT count(*) FROM job") == [(1,)]
    assert "demo/sample\tSample\tpublic\t4\n" in output(pail, "repo", "list")
    assert output(pail, "check") == ""


def test_the_demo_s_tokens_follow_one_another_and_touch_no_others(
    settings: Settings, pail: Pail
) -> None:
    derived = _demo(settings)["token"]
    others = [
        output(pail, "token", "create", "demo", "--name", "mine").strip(),
        output(pail, "token", "create", "bob", "--name", "demo").strip(),
    ]
    for token in ("my-own-token", "another-token"):
        assert _demo(settings, token)["token"] == token
        assert _authenticates(settings, token)
    assert not _authenticates(settings, "my-own-token")
    assert not _authenticates(settings, derived)
    assert _demo(settings)["token"] == derived
    assert not _authenticates(settings, "another-token")
    for token in (derived, *others):
        assert _authenticates(settings, token)


def test_a_demo_s_token_that_was_revoked_or_narrowed_is_whole_again_at_the_next_start(
    settings: Settings, pail: Pail
) -> None:
    token = _demo(settings)["token"]
    token_id = output(pail, "token", "list", "demo").partition("\t")[0]
    output(pail, "token", "remove", "demo", token_id)
    assert not _authenticates(settings, token)
    assert _demo(settings)["token"] == token
    assert _authenticates(settings, token)
    whole = output(pail, "token", "list", "demo")
    with closing(sqlite3.connect(settings.database)) as other, other:
        other.execute("UPDATE token SET expires_on = '2000', scopes = '' WHERE name = 'demo'")
    assert not _authenticates(settings, token)
    _demo(settings)
    assert _authenticates(settings, token)
    assert output(pail, "token", "list", "demo") == whole


@pytest.mark.parametrize("username", ["bob", "demo"])
def test_a_token_that_is_another_already_is_refused_and_nothing_changes(
    settings: Settings, pail: Pail, username: str
) -> None:
    token = _demo(settings)["token"]
    taken = output(pail, "token", "create", username, "--name", "other", "--scope", "issue").strip()
    before = select(settings.database, "SELECT * FROM token")
    with pytest.raises(AssertionError, match="This is another token already: choose another one"):
        _demo(settings, taken)
    assert select(settings.database, "SELECT * FROM token") == before
    assert _authenticates(settings, token)


def test_a_demo_without_a_key_is_refused(settings: Settings) -> None:
    settings.key_file.write_bytes(b"short")
    with pytest.raises(AssertionError, match=r"^The key \S+ has 5 bytes instead of 32: ") as raised:
        _demo(settings)
    assert "Traceback" not in str(raised.value)


@pytest.mark.parametrize(
    "words",
    [
        ("--token", "long-enough"),
        ("--demo", "--token", ""),
        ("--demo", "--token", "short12"),
        ("--demo", "--token", "x" * 201),
        ("--demo", "--token", "with a blank"),
        ("--demo", "--token", "with:a:colon"),
        ("--demo", "--token", "with-an-\u00e9"),
        ("--demo", "--token", "digits-\u0661\u0662"),
        ("--demo", "--token", "with-a-line-end\n"),
        ("--demo", "--token"),
    ],
)
def test_what_is_no_token_of_the_demo_s_is_wrong_usage(
    pail: Pail, settings: Settings, words: tuple[str, ...]
) -> None:
    result = pail("up", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--token" in result.stderr
    assert "Traceback" not in result.stderr
    assert not settings.key_file.exists()
