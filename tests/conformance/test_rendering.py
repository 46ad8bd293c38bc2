"""Texts are rendered as Bitbucket rendered them, by its recorded answers and their scorer.

The recordings are not part of the project: PAIL_REFERENCE names the folder that holds them.
"""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.tracker.conftest import Core, core
from tracker import references
from tracker.access import repositories, workspaces
from tracker.access.rights import ANONYMOUS, Repository
from tracker.markup.engine import render
from tracker.references import References

__all__ = ["core"]

ROOT = Path(__file__).resolve().parents[2]
RECORDED = Path(os.environ.get("PAIL_REFERENCE", ROOT.parent / "shared" / "reference")) / "recorded"
TEXTS = RECORDED / "render.jsonl"
CREOLE = RECORDED / "creole.jsonl"
BASE_URL = "https://bitbucket.org"

# Beside issues there were pull requests, emoji and other repositories' names: no tracker's matter.
SKIPPED = ("pr_ref", "emoji", "repo_ref")
NOTHING = References({}, {})
GAZEBO = Repository(
    *(1, "{u}", "gazebo", "gazebo", "", False, True, 1, "", ""),
    *(1, "{w}", "osrf", "osrf", None),
)
SHARES = {"structure": 0.995, "normalised": 0.965}
"""More than what was wanted of each (.995, .95), so that a step back is noticed."""

if not TEXTS.exists() and not os.environ.get("CI"):
    pytest.skip(f"there are no recordings at {TEXTS}", allow_module_level=True)


def _recorded() -> dict[str, list[dict[str, Any]]]:
    """The recorded texts that are scored, by repository."""
    found = defaultdict(list)
    with TEXTS.open(encoding="utf-8") as lines:
        for text in map(json.loads, lines):
            if not set(SKIPPED).intersection(text["features"]):
                found[text["repo"]].append(text)
    return found


async def _tracker(core: Core, full_name: str) -> Repository:
    """A repository of that name with the issues and people that the recordings tell of."""
    await repositories.create(core.db, full_name, private=False)
    repository = await core.repository(full_name)
    path = RECORDED / "context" / f"{full_name.replace('/', '__')}.json"
    known = json.loads(path.read_text("utf-8"))
    async with core.db.transaction() as tx:
        await tx.many(
            """INSERT INTO issue (tracker_id, number, title, state, kind, priority, created_on,
                                  updated_on)
               VALUES (?, ?, ?, ?, 'bug', 'major', '2020', '2020')""",
            [
                (repository.tracker_id, int(number), issue["title"], issue["state"])
                for number, issue in known["issues"].items()
            ],
        )
        await tx.many(
            """INSERT INTO account (uuid, workspace_id, username, account_id, display_name,
                                    nickname, created_on)
               VALUES (?1 || ?2, ?1, ?2, ?2, ?3, ?2, '2020') ON CONFLICT DO NOTHING""",
            [(repository.workspace_id, id, name) for id, name in known["accounts"].items()],
        )
    return repository


async def _shown(core: Core, full_name: str, texts: list[dict[str, Any]]) -> list[str]:
    repository = await _tracker(core, full_name)
    htmls = [render(text["markup"], text["raw"] or "") for text in texts]
    found = await references.find(core.db, repository, htmls)
    return references.fill(htmls, found, BASE_URL, repository, ANONYMOUS)


@pytest.mark.timeout(300)
async def test_texts_look_as_bitbucket_made_them(core: Core, tmp_path: Path) -> None:
    recorded = _recorded()
    for workspace in {full_name.partition("/")[0] for full_name in recorded}:
        await workspaces.create(core.db, workspace, owner="alice")
    candidates = tmp_path / "candidates.jsonl"
    with candidates.open("w", encoding="utf-8") as out:
        for full_name, texts in recorded.items():
            for text, html in zip(texts, await _shown(core, full_name, texts), strict=True):
                out.write(json.dumps({"source": text["source"], "html": html}) + "\n")
    scored = subprocess.run(
        [
            *(sys.executable, RECORDED / "score_render.py", TEXTS, candidates),
            *(argument for feature in SKIPPED for argument in ("--skip", feature)),
            *(f"--min-{level}={share}" for level, share in SHARES.items()),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert scored.returncode == 0, scored.stdout
    assert re.match(r"lines [1-9]\d* +missing 0 ", scored.stdout)


def _alike(html: str) -> str:
    """The HTML without classes, rel and style, and without white space at the ends of lines."""
    html = re.sub(r' (?:class|rel|style)="[^"]*"', "", html)
    return re.sub(r"[ \t]+$", "", html, flags=re.MULTILINE).rstrip()


def test_creole_looks_as_bitbucket_made_it() -> None:
    texts = [json.loads(line) for line in CREOLE.read_text("utf-8").splitlines()]
    different = []
    for text in texts:
        html = references.fill(
            [render("creole", text["raw"])], NOTHING, BASE_URL, GAZEBO, ANONYMOUS
        )[0]
        if _alike(html) != _alike(text["html"]):
            different.append(text["source"])
    assert texts
    assert different == []
