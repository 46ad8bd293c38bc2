"""What the documentation says, tried."""

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from service.cli import main
from tests.archives import (
    FILES,
    attachment,
    comment,
    databases,
    issue,
    log,
    read,
    sample,
    write_zip,
)
from tests.running.test_up import address, up

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def quick_start() -> str:
    """The lines that README tells a newcomer to paste."""
    found = re.search(r"<!-- quick start.*?-->\n```sh\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_quick_start_works_as_pasted(tmp_path: Path) -> None:
    sections = sample(
        issues=[issue(9), issue(12)],
        comments=[comment(7, on=9)],
        logs=[log(7, on=9)],
        attachments=[attachment(on=9)],
    )
    path = f"attachments/{'a1' * 16}"
    write_zip(tmp_path / "issues.zip", databases(sections), {path: FILES[path]})
    with up(tmp_path, "--demo") as run:
        url = address(run)
        said = re.search(r"Demo token: (\S+)", run.out)
        assert said is not None
        script = quick_start().replace("http://127.0.0.1:8080", url)
        script = re.sub(r"TOKEN=\S+", f"TOKEN={said[1]}", script)
        done = subprocess.run(
            ["bash", "-euc", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert '"status":"SUCCESS"' in done.stdout
    assert '"id":7' in done.stdout
    exported = read(tmp_path / "exported.zip", tmp_path)
    assert exported.scan.counts["issues"] == 2
    assert list(exported.files.values()) == [FILES[path]]


def _commands(group: click.Group, words: str = "pail") -> list[str]:
    context = click.Context(group)
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found += _commands(command, f"{words} {name}")
        else:
            found.append(f"{words} {name}")
    return found


def test_readme_names_every_command() -> None:
    table = README.replace("\\|", "|")
    for command in _commands(main):
        words = command.split()
        pattern = " ".join(words[:-1]) + rf" (?:\S*\|)?{words[-1]}\b"
        assert re.search(pattern, table), f"README.md does not name `{command}`"


def test_every_link_inside_the_documentation_leads_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
