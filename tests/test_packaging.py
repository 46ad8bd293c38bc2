"""What is in the wheel, and that it runs from another folder."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = "from hatchling.build import build_wheel; import sys; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(folder)], cwd=ROOT, check=True, timeout=50)
    [path] = folder.glob("*.whl")
    return path


def test_the_wheel_holds_the_packages_the_schema_and_the_pages(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "tracker/schema.sql" in names
    assert "service/pages/templates/home.html" in names
    assert "service/pages/static/pail.css" in names
    assert "service/openapi/static/docs.html" in names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "tracker",
        "service",
        "worker",
    }


def test_the_command_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    run = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); "
        "from service.cli.commands import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", run, str(tmp_path / "installed"), "user", "add", "alice"],
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
