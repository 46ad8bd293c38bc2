"""What is in the wheel, and that it runs from another folder."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def build(kind: str, folder: Path) -> Path:
    """Build the wheel or the sdist of this checkout into the empty folder; its path."""
    code = f"from hatchling.build import build_{kind}; import sys; build_{kind}(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, check=True, timeout=50)
    [path] = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return build("wheel", tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_the_packages_the_schema_and_the_pages(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "tracker/schema.sql" in names
    assert "service/pages/templates/home.html" in names
    assert "service/pages/static/pail.css" in names
    assert "service/openapi/static/docs.html" in names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "pail_main.py",
        "tracker",
        "service",
        "worker",
    }


def test_the_command_of_the_wheel_is_pail_main(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("/entry_points.txt")]
        assert archive.read(name).decode().splitlines() == [
            "[console_scripts]",
            "pail = pail_main:main",
        ]


def test_the_sdist_holds_the_command(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {"pail_main.py", "service/__main__.py", "schema.sql", "pyproject.toml"}


def test_the_command_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    command = tmp_path / "installed" / "pail_main.py"
    done = subprocess.run(
        [sys.executable, "-P", str(command), "user", "add", "alice"],
        cwd=tmp_path,
        env={"PAIL_DATA_DIR": "there", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip()) == 20
    assert (tmp_path / "there" / "pail.db").exists()


def test_what_is_installed_beside_pail_does_not_replace_the_standard_library(
    wheel: Path, tmp_path: Path
) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    (tmp_path / "typing.py").write_text("raise SystemExit('an old backport')")
    for words in (["--version"], ["-m", "service.up.demo"]):
        done = subprocess.run(
            [sys.executable, "-P", str(tmp_path / "pail_main.py"), *words],
            cwd=tmp_path,
            env={"PATH": ""},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert done.returncode == 0, done.stderr
