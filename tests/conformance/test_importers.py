"""What the live importers of Gitea and GitLab ask for, in their order, and what they read of it.

Gitea: services/migrations/bitbucket.go. GitLab: lib/bitbucket and lib/gitlab/bitbucket_import.
"""

import asyncio
import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.archives import sample
from tests.conftest import APP, Answer, Api
from tests.jobs.working import archive, take, working
from tracker.settings import Settings

STATES = "state=OPEN&state=MERGED&state=DECLINED&state=SUPERSEDED"
PULL_REQUEST_FIELDS = "pagelen,size,page,next,previous,values.id,values.title,values.links,next"


@pytest.fixture
async def loaded(api: Api, settings: Settings) -> Api:
    """Pail with the sample archive in alice/app."""
    async with working(settings):
        done = await take(api, archive(settings.data_dir, sample()))
    assert done["status"] == "SUCCESS"
    return api


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    assert moment.tzinfo is not None
    return moment


async def _answer(api: Api, path: str, who: str = "bob") -> Any:
    """What Gitea makes of an answer: its JSON, and no sign that it should wait."""
    answer: Answer = await api("GET", path, who, headers={"Accept": "application/json"})
    assert answer.status == 200, answer
    assert answer.headers["X-RateLimit-NearLimit"] == "false"
    return answer.body


async def _all_pages(api: Api, path: str) -> list[Any]:
    """Gitea counts pages itself, and stops where there is no `next`."""
    found, number = [], 1
    while True:
        page = await _answer(api, f"{path}&pagelen=100&page={number}")
        assert isinstance(page["size"], int)
        assert (page["page"], page["pagelen"]) == (number, 100)
        found += page["values"]
        if "next" not in page:
            return found
        number += 1


async def test_giteas_importer_finds_what_it_reads(loaded: Api) -> None:
    repository = await _answer(loaded, APP)
    assert repository["full_name"].split("/") == ["alice", repository["slug"]]
    assert isinstance(repository["is_private"], bool)
    assert isinstance(repository["description"], str)
    assert repository["links"]["html"]["href"]
    assert [link["name"] for link in repository["links"]["clone"]] == ["https"]
    issues = await _all_pages(loaded, f"{APP}/issues?sort=created_on")
    assert issues
    for issue in issues:
        assert isinstance(issue["id"], int)
        assert issue["title"]
        assert isinstance(issue["content"]["raw"], str)
        assert issue["state"]
        assert issue["kind"]
        assert issue["priority"]
        for name in ("component", "version", "milestone"):
            assert issue[name] is None or issue[name]["name"]
        for name in ("reporter", "assignee"):
            person = issue[name]
            assert person is None or (person["account_id"] and person["nickname"])
        assert _time(issue["created_on"]) <= _time(issue["updated_on"])
        comments = await _all_pages(loaded, f"{APP}/issues/{issue['id']}/comments?")
        for comment in comments:
            assert isinstance(comment["id"], int)
            assert comment["content"]["raw"] is None or isinstance(comment["content"]["raw"], str)
            assert comment["user"] is None or comment["user"]["nickname"]
            _time(comment["created_on"])
    times = [issue["created_on"] for issue in issues]
    assert times == sorted(times)
    pulls = await _answer(loaded, f"{APP}/pullrequests?page=1&pagelen=10&sort=created_on&{STATES}")
    assert pulls["values"] == []
    assert "next" not in pulls


async def test_where_issues_are_off_giteas_importer_is_told_so(loaded: Api) -> None:
    await loaded("PUT", APP, "alice", json={"has_issues": False})
    path = f"{APP}/issues?page=1&pagelen=100&sort=created_on"
    assert (await loaded("GET", path, "bob")).status == 404


async def _gitlab(api: Api, path: str) -> list[Any]:
    """All of a list as GitLab walks along it: its own parameters first, then `next` as given."""
    found: list[Any] = []
    joint = "&" if "?" in path else "?"
    url = f"{path}{joint}pagelen=50&sort=created_on"
    while url:
        page = await _answer(api, url)
        found += page["values"]
        url = page.get("next", "").removeprefix(api.url)
    return found


async def test_gitlabs_importer_finds_repositories_to_choose_from(loaded: Api) -> None:
    user = await _answer(loaded, "/2.0/user")
    assert user["username"] == "bob"
    assert user["uuid"]
    [access] = (await _answer(loaded, "/2.0/user/workspaces?pagelen=100"))["values"]
    assert {access["workspace"][name] for name in ("slug", "name")} == {"alice"}
    assert access["workspace"]["uuid"]
    for path in ("/2.0/repositories?role=member", "/2.0/repositories/alice?role=member"):
        found = await _gitlab(loaded, path)
        assert {value["full_name"] for value in found} == {"alice/app", "alice/open"}
        for value in found:
            assert value["scm"] == "git"
            assert value["has_issues"] is True
            assert value["has_wiki"] is False
            https = [link for link in value["links"]["clone"] if link["name"] == "https"]
            assert https[0]["href"] == f"{loaded.url}/{value['full_name']}.git"
    named = await _gitlab(loaded, '/2.0/repositories?role=member&q=name~"AP"')
    assert [value["full_name"] for value in named] == ["alice/app"]


async def test_gitlabs_importer_finds_what_it_reads(loaded: Api) -> None:
    repository = await _answer(loaded, APP)
    assert (repository["mainbranch"] or {}).get("name") is None
    members = await _gitlab_members(loaded)
    assert [value["user"]["nickname"] for value in members] == ["alice", "bob", "dora"]
    assert all(value["user"]["account_id"] for value in members)
    query = f"state=ALL&sort=created_on&fields={PULL_REQUEST_FIELDS}"
    assert (await _answer(loaded, f"{APP}/pullrequests?{query}"))["values"] == []
    [last] = (await _answer(loaded, f"{APP}/issues?pagelen=1&sort=-created_on&state=ALL"))["values"]
    issues = await _gitlab(loaded, f"{APP}/issues")
    assert last["id"] == issues[-1]["id"]
    for issue in issues:
        assert issue["reporter"] is None or (issue["reporter"]["uuid"])
        assert issue["milestone"] is None or issue["milestone"]["name"]
        assert "edited_on" in issue
        for comment in await _gitlab(loaded, f"{APP}/issues/{issue['id']}/comments"):
            assert comment["user"] is None or comment["user"]["uuid"]
            assert "raw" in comment["content"]
            assert "updated_on" in comment


async def _gitlab_members(api: Api) -> list[Any]:
    """GitLab asks for pages of members until one is empty."""
    found: list[Any] = []
    for number in range(1, 9):
        page = await _answer(api, f"/2.0/workspaces/alice/members?pagelen=2&page={number}")
        if not page["values"]:
            return found
        found += page["values"]
    raise AssertionError("the members have no end")


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize(
    ("repository", "who", "is_there"),
    [
        ("alice/app", "bob", True),
        ("alice/open", None, True),
        ("alice/app", None, False),
        ("alice/app", "charlie", False),
        ("alice/absent", None, False),
    ],
)
async def test_importers_clone_an_empty_repository_before_they_read_issues(
    api: Api, tmp_path: Path, repository: str, who: str | None, is_there: bool
) -> None:
    credentials = f"x-token-auth:{api.world.tokens[who]}@" if who else ""
    url = api.url.replace("http://", f"http://{credentials}") + f"/{repository}.git"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_TERMINAL_PROMPT": "0"}
    process = await asyncio.create_subprocess_exec(
        *("git", "clone", "--mirror", url, str(tmp_path / "clone")),
        env=environment,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), 50)
    assert (process.returncode == 0) is is_there, said


async def test_git_learns_nothing_of_private_repositories_and_pushes_nothing(api: Api) -> None:
    path = "/alice/{}.git/info/refs?service=git-upload-pack"
    for who, status in ((None, 401), ("charlie", 404), ("wrong", 401)):
        hidden = await api("GET", path.format("app"), who)
        absent = await api("GET", path.format("absent"), who)
        assert hidden.status == absent.status == status
        assert hidden.body == absent.body
        assert set(hidden.headers) == set(absent.headers)
    for query in ("", "?service=git-receive-pack", "?service=x"):
        assert (await api("GET", f"/alice/app.git/info/refs{query}", "alice")).status == 404
    assert (await api("POST", "/alice/app.git/git-receive-pack", "alice")).status == 404
