"""What the documentation says, tried."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest

from service.api_v1.dialect import V1
from service.cli.commands import main
from service.openapi import endpoints as openapi
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
PAGES = {
    page: page.read_text("utf-8") for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
}
README = PAGES[ROOT / "README.md"]
ADDRESS = "http://127.0.0.1:8080"
"""Where the documentation has Pail answer."""

BLOCKS = re.findall(
    r"^```sh\n(.*?)^```\n(?:\n```(json|http)\n(.*?)^```)?",
    PAGES[ROOT / "docs" / "api-1.0.md"],
    re.DOTALL | re.MULTILINE,
)
"""The lines of shell on the page on API 1.0, and which answers it shows of them, if any."""

SAMPLE = "$URL/repositories/demo/sample/issues"

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def quick_start() -> str:
    """The lines that README tells a newcomer to paste."""
    found = re.search(r"<!-- quick start.*?-->\n```sh\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1]


def paste(folder: Path, script: str) -> str:
    """Run a script of the documentation in folder, on a new demo tracker; what it printed.

    The address and the token in it become those of the demo, and the address in the output becomes
    the documentation's again.
    """
    with up(folder, "--demo") as run:
        url = address(run)
        said = re.search(r"Demo token: (\S+)", run.out)
        assert said is not None
        script = re.sub(r"TOKEN=\S+", f"TOKEN={said[1]}", script.replace(ADDRESS, url))
        done = subprocess.run(
            ["bash", "-euc", script],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return done.stdout.replace(url, ADDRESS)


@needs_curl
def test_the_quick_start_works_as_pasted(tmp_path: Path) -> None:
    sections = sample(
        issues=[issue(2), issue(12)],
        comments=[comment(7, on=2)],
        logs=[log(7, on=2)],
        attachments=[attachment(on=2)],
    )
    path = f"attachments/{'a1' * 16}"
    write_zip(tmp_path / "issues.zip", databases(sections), {path: FILES[path]})
    out = paste(tmp_path, quick_start())
    assert '"status":"SUCCESS"' in out
    assert '"id":7' in out
    exported = read(tmp_path / "exported.zip", tmp_path)
    assert exported.scan.counts["issues"] == 2
    assert list(exported.files.values()) == [FILES[path]]


@needs_curl
def test_the_quick_start_works_without_an_archive(tmp_path: Path) -> None:
    lines = quick_start().splitlines(keepends=True)
    out = paste(tmp_path, "".join(line for line in lines if "issues.zip" not in line))
    assert '"id":102' in out
    assert '"error"' not in out
    exported = read(tmp_path / "exported.zip", tmp_path)
    assert exported.scan.counts["issues"] == 4
    assert len(exported.files) == 1


@needs_curl
@pytest.mark.parametrize("url", [ADDRESS, "http://127.0.0.1:1"], ids=["no token", "no server"])
def test_lines_that_wait_for_a_job_end_when_it_can_not_be_asked(tmp_path: Path, url: str) -> None:
    loops = re.findall(r"^.*; do sleep .*$", "\n".join(PAGES.values()), re.MULTILINE)
    assert len(loops) == 3
    places = [
        f"TOKEN= TRACKER={url}/2.0/repositories/demo/sample",
        "ZIP=$TRACKER/issues/export/sample-issues.zip",
        f"ISSUES={url}/1.0/repositories/demo/sample/issues",
    ]
    assert paste(tmp_path, "\n".join([*places, *loops])) == ""


def test_no_line_writes_over_the_archive_that_bitbucket_gave() -> None:
    for page, text in PAGES.items():
        over = re.search(
            r"^.*(?:-o|--output|>|pail export \S+) *\S*issues\.zip.*$", text, re.MULTILINE
        )
        assert over is None, f"{page.name}: {over and over[0]}"


CURL = 'curl() { command curl -sD "$PWD/head" "$@"; echo; head -n 1 "$PWD/head"; }\n'
"""Makes curl print the status line, too."""

Answers = list[tuple[str, Any]]
"""Status lines, and the JSON: None where there is no body."""


def shown(kind: str, text: str) -> Answers:
    """What a block on the page shows: one answer, or any number of them with status 200."""
    if kind == "http":
        status, _, body = text.partition("\n")
        return [(status, json.loads(body) if body.strip() else None)]
    found = []
    while text := text.strip():
        body, end = json.JSONDecoder().raw_decode(text)
        found.append(("HTTP/1.1 200 OK", body))
        text = text[end:]
    return found


def printed(text: str) -> Answers:
    """What came of the lines of a block."""
    found, body = [], None
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("HTTP/"):
            found.append((line, body))
            body = None
        else:
            body = json.loads(line)
    return found


def as_shown(page: Any, got: Any) -> Any:
    """What came, with an ellipsis, which is the last, for all that the page has one for."""
    if isinstance(page, dict) and isinstance(got, dict):
        both = {key: as_shown(page[key], got[key]) for key in got if key in page}
        more = {"…": "…"} if "…" in page else {key: got[key] for key in got if key not in page}
        return {**both, **more}
    if isinstance(page, list) and isinstance(got, list):
        size = len(page) - 1 if page[-1:] == ["…"] else len(page)
        rest = got[size:] if size == len(page) else ["…"]
        return [*map(as_shown, page[:size], got), *rest]
    return got


def form(value: Any) -> str:
    """JSON in which all times are the same, and all UUIDs."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", text)


@needs_curl
def test_the_page_on_api_1_0_shows_what_is_answered(tmp_path: Path) -> None:
    script = CURL + "echo ---\n".join(lines for lines, _, _ in BLOCKS)
    for (lines, kind, text), out in zip(
        BLOCKS, paste(tmp_path, script).split("---\n"), strict=True
    ):
        if kind:
            page, got = shown(kind, text), printed(out)
            assert [status for status, _ in got] == [status for status, _ in page], lines
            for (_, body), (_, came) in zip(page, got, strict=True):
                assert form(as_shown(body, came)) == form(body), lines


def test_the_page_on_api_1_0_has_a_line_for_every_call() -> None:
    script = "".join(lines for lines, _, _ in BLOCKS).replace("$ISSUES", SAMPLE)
    called = set()
    for place in re.finditer(r'^.*curl (.*)"\$URL(/[^"]*)"(.*)$', script, re.MULTILINE):
        has_body = " -d " in place[3] and "-G" not in place[1]
        method = re.search("-X ([A-Z]+)", place[1]) or (None, "POST" if has_body else "GET")
        called.add(f"{method[1]} {place[2]}")
    for endpoint in V1.endpoints:
        path = re.sub(r"\{\w+:([^{}]+)\}", r"(?:\1)", endpoint.path)
        is_called = any(re.fullmatch(f"{endpoint.method} {path}", line) for line in called)
        assert is_called or endpoint in openapi.routes, (endpoint.method, endpoint.path)


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
    for page, text in PAGES.items():
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
