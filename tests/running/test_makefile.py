"""`make run` and `make test` on a machine that has python3 and make, and nothing else.

The python3 is a stand-in, so that nothing is downloaded: it notes what it is asked to install.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running.processes import ROOT

PYTHON = f"""#!/bin/sh
case "$1 $2" in
    "-c "*) CODE="$2" VERSION="${{VERSION:-3, 11}}" exec {sys.executable} -c '
import os, sys
sys.version_info = eval(os.environ["VERSION"])
exec(os.environ["CODE"])' ;;
    "-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/python"
        printf '#!/bin/sh\\necho "pail $* on port $PORT"\\n' >"$3/bin/pail"
        chmod +x "$3/bin/pail" ;;
    "-m pip") echo "$*" >>installs; [ ! -e cut-off ] ;;
    "-m pytest") echo "pytest" ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "python3").write_text(PYTHON)
    (tmp_path / "python3").chmod(0o755)
    return tmp_path


def make(clone: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", f"PYTHON={clone}/python3", *words],
        cwd=clone,
        env={**inherited, **env},
        capture_output=True,
        text=True,
    )


def installs(clone: Path) -> list[str]:
    """The pip commands so far."""
    path = clone / "installs"
    return path.read_text().splitlines() if path.exists() else []


def test_run_installs_what_is_locked_and_starts_the_demo(clone: Path) -> None:
    done = make(clone, "run", PORT="9000")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "pail up --demo on port 9000"
    locked, ours = installs(clone)
    assert "--require-hashes -r requirements.lock" in locked
    assert "--no-deps --editable ." in ours


def test_run_takes_the_port_as_an_argument_too(clone: Path) -> None:
    assert make(clone, "run", "PORT=9000").stdout.endswith("on port 9000\n")


def test_a_second_run_installs_nothing(clone: Path) -> None:
    make(clone, "run")
    make(clone, "run")
    assert len(installs(clone)) == 2


def test_run_after_test_installs_nothing(clone: Path) -> None:
    assert make(clone, "test").stdout.endswith("pytest\n")
    assert "-r requirements-dev.lock" in installs(clone)[0]
    make(clone, "run")
    assert len(installs(clone)) == 2


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_a_change_of_what_is_needed_is_installed(clone: Path, name: str) -> None:
    make(clone, "run")
    stamp = (clone / ".venv/installed").stat().st_mtime
    os.utime(clone / name, (stamp + 10, stamp + 10))
    make(clone, "run")
    assert len(installs(clone)) == 4


@pytest.mark.parametrize("target", ["run", "test"])
def test_an_interrupted_install_does_not_count_as_done(clone: Path, target: str) -> None:
    (clone / "cut-off").touch()
    failed = make(clone, target)
    assert failed.returncode != 0
    assert "pail" not in failed.stdout.splitlines()[-1]
    (clone / "cut-off").unlink()
    assert make(clone, target).returncode == 0
    assert len(installs(clone)) == 3


def test_a_python_that_is_too_old_gets_one_clear_sentence(clone: Path) -> None:
    refused = make(clone, "run", VERSION="3, 9")
    assert refused.returncode != 0
    assert refused.stderr.startswith("Pail needs Python 3.11 or newer, this is 3.9: ")
    assert not (clone / ".venv").exists()


def test_clean_removes_what_was_installed_and_leaves_the_data(clone: Path) -> None:
    (clone / "data").mkdir()
    make(clone, "run")
    assert make(clone, "clean").returncode == 0
    assert not (clone / ".venv").exists()
    assert (clone / "data").exists()


def test_ci_installs_with_an_old_pip_then_lints_and_tests(tmp_path: Path) -> None:
    make = tmp_path / "make"
    make.write_text('#!/bin/sh\necho "CI=$CI make $* in $PWD"\n')
    python = tmp_path / "python3"
    python.write_text(
        """#!/bin/sh
case "$1 $2" in
    "-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
    "-m pip") for word in "$@"; do last=$word; done; echo "installs $last" ;;
esac
"""
    )
    for program in (make, python):
        program.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        [ROOT / ".ci/run"], cwd=tmp_path, env={"PATH": path}, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == [
        "installs pip==23.0",
        "installs requirements.lock",
        "installs requirements-dev.lock",
        f"CI=true make lint in {ROOT}",
        f"CI=true make test in {ROOT}",
    ]


def test_the_lock_files_hold_hashes_and_no_address() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        lock = (ROOT / name).read_text()
        pins = [line for line in lock.splitlines() if "==" in line]
        assert pins
        assert all(line.endswith("\\") for line in pins), "each pin goes on with its hashes"
        assert "--hash=sha256:" in lock
        assert "://" not in lock
