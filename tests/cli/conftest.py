"""The `pail` command on a database of the test's own."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli.commands import main
from tests.archives import FILES, databases, sample, write_zip
from tests.running.processes import PAIL, ROOT
from tracker.settings import NAMES, Settings

Pail = Callable[..., Result]


@pytest.fixture
def pail(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Pail:
    """Run `pail` with these words; stdout, stderr and exit_code of the result tell the rest."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PAIL_DATA_DIR", str(settings.data_dir))

    def run(*words: object) -> Result:
        return CliRunner().invoke(main, [str(word) for word in words])

    return run


@pytest.fixture
def process(settings: Settings) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """The same as a process of its own."""

    def run(*words: object, **env: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*PAIL, *map(str, words)],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "PAIL_DATA_DIR": str(settings.data_dir), **env},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    return run


def archive_in(folder: Path, name: str = "archive.zip") -> Path:
    """A zip of the usual sample."""
    return write_zip(folder / name, databases(sample()), FILES)


def output(pail: Pail, *words: object) -> str:
    """What a command that succeeds prints to stdout."""
    result = pail(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def refusal(pail: Pail, *words: object) -> str:
    """The one sentence that a command that fails prints to stderr."""
    result = pail(*words)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    sentence = result.stderr.strip()
    assert sentence
    assert result.stderr == f"{sentence}\n"
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    return sentence
