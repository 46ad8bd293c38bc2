"""The `pail` command imports Pail's packages, not others of the same names."""

import json
import os
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

from tests.running.processes import ROOT, Started, eventually, started
from tests.running.test_up import ENVIRONMENT, address
from tests.test_packaging import build

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="processes are looked up in Linux's /proc"
)

SCRIPT = """\
import sys
from pail_main import main
if __name__ == "__main__":
    sys.exit(main())
"""
"""What pip makes of an entry point."""

TOKEN = "the-demo.s_token"


@pytest.fixture(scope="module", params=["checkout", "wheel"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that Pail is imported from."""
    if request.param == "checkout":
        return ROOT
    folder = tmp_path_factory.mktemp("wheel")
    home = tmp_path_factory.mktemp("installed")
    zipfile.ZipFile(build("wheel", folder)).extractall(home)
    return home


def foreign(folder: Path) -> None:
    """Make packages of the names of Pail's, which note in the folder that they were imported."""
    for name in ("service", "tracker", "worker"):
        (folder / name).mkdir(parents=True)
        note = f"open({str(folder / 'imported')!r}, 'a').write({name!r})\n"
        (folder / name / "__init__.py").write_text(note)


@pytest.fixture(params=["a folder", "a folder, PYTHONSAFEPATH", "a dot", "an empty entry"])
def environment(request: pytest.FixtureRequest, home: Path, tmp_path: Path) -> dict[str, str]:
    """Foreign packages come before Pail's in sys.path: in a folder on PYTHONPATH, or in the
    working folder, which a dot or an empty entry puts there."""
    first = {"a dot": ".", "an empty entry": ""}.get(request.param, str(tmp_path / "other"))
    foreign(tmp_path / "other" if os.path.isabs(first) else tmp_path)
    return {
        **ENVIRONMENT,
        "PAIL_DATA_DIR": str(tmp_path / "data"),
        "PYTHONPATH": f"{first}:{home}",
        "PYTHONSAFEPATH": "1" if "SAFEPATH" in request.param else "",
    }


@pytest.fixture
def script(tmp_path: Path) -> list[str]:
    """The command as it is installed."""
    path = tmp_path / "bin" / "pail"
    path.parent.mkdir()
    path.write_text(SCRIPT)
    return [sys.executable, str(path)]


def imported(folder: Path) -> list[Path]:
    """Notes of foreign packages that were imported."""
    return list(folder.rglob("imported"))


@pytest.mark.parametrize("name", ["service", "tracker", "worker"])
def test_a_script_that_imports_pail_itself_gets_the_foreign_package(
    environment: dict[str, str], tmp_path: Path, name: str
) -> None:
    command = [sys.executable, "-P", "-c", f"import {name}"]
    subprocess.run(command, cwd=tmp_path, env={**os.environ, **environment}, check=True)
    assert [note.read_text() for note in imported(tmp_path)] == [name]


def test_a_command_works_beside_foreign_packages(
    script: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    for words, answer in ((["--version"], "pail, version "), (["user", "add", "alice"], "")):
        done = subprocess.run(
            [*script, *words],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(answer)
    assert (tmp_path / "data" / "pail.db").exists()
    assert not imported(tmp_path)


def get(url: str) -> dict[str, object]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, object] = json.load(answer)
        return found


def test_everything_works_beside_foreign_packages(
    script: list[str], environment: dict[str, str], home: Path, tmp_path: Path
) -> None:
    words = ["up", "--demo", "--token", TOKEN]
    with started(tmp_path, [*script, *words], **environment) as run:
        issues = f"{address(run)}/2.0/repositories/demo/sample/issues"
        assert get(issues)["size"] == 4
        content = get(f"{issues}/5")["content"]
        assert isinstance(content, dict)
        assert "<li>what is new</li>" in content["html"], "the renderer's child has answered"
        eventually(lambda: len(modules_of(run, home)) == 3, "web, worker and renderer")
        assert modules_of(run, home) == {"service", "worker", "tracker.markup.child"}
    assert not imported(tmp_path)


def modules_of(run: Started, home: Path) -> set[str]:
    """The modules that processes run by the pail_main.py in home."""
    entry = f" -P {home}/pail_main.py -m "
    lines = [line.partition(entry)[2] for line in run.family().values()]
    return {line.split()[0] for line in lines if line}
