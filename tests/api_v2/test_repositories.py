"""Lists of repositories, and POST, PUT and DELETE of one."""

import asyncio
from typing import Any

import pytest

from service.http import keys
from tests.archives import sample
from tests.conftest import APP, OPEN, Answer, Api
from tests.jobs.working import archive, files, send, take, working
from tests.rows import define
from tracker.access import accounts, repositories, tokens
from tracker.blobs import MOST_FREED, Blobs
from tracker.settings import Settings
from tracker.work import sweeping

WS = "/2.0/repositories/alice"
NEW = f"{WS}/new"


def names(page: Any) -> list[str]:
    """The full names of the repositories on a page."""
    return [value["full_name"] for value in page["values"]]


async def _admin(api: Api) -> str:
    """Make an administrator of Pail; returns their name."""
    await accounts.create(api.db, "root", is_admin=True)
    api.world.tokens["root"] = await tokens.create(api.db, "root")
    return "root"


async def _grant(api: Api, full_name: str, who: str, permission: str | None) -> None:
    await repositories.set_member(api.db, await api.repository(full_name), who, permission)


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (None, ["alice/open"]),
        ("bob", ["alice/app", "alice/open"]),
        ("charlie", ["charlie/x", "alice/open"]),
        ("alice", ["alice/app", "alice/open"]),
    ],
)
async def test_all_repositories_are_the_public_ones_and_your_own(
    api: Api, who: str | None, expected: list[str]
) -> None:
    page = await api.get("/2.0/repositories?after=2020-01-01", who)
    assert sorted(names(page)) == sorted(expected)
    assert page["size"] == len(expected)


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (None, ["open"]),
        ("charlie", ["open"]),
        ("dora", ["app", "open"]),
        ("alice", ["app", "open"]),
    ],
)
async def test_a_workspaces_repositories_are_those_that_you_see(
    api: Api, who: str | None, expected: list[str]
) -> None:
    page = await api.get(WS, who)
    assert [value["slug"] for value in page["values"]] == expected
    assert page["size"] == len(expected)
    assert page["values"][-1] == await api.get(OPEN, who)


@pytest.mark.parametrize(
    ("who", "role", "expected"),
    [
        ("alice", "owner", ["alice/app", "alice/open"]),
        ("alice", "member", ["alice/app", "alice/open"]),
        ("bob", "owner", []),
        ("bob", "admin", []),
        ("bob", "contributor", ["alice/app", "alice/open"]),
        ("dora", "contributor", []),
        ("dora", "member", ["alice/app", "alice/open"]),
        ("charlie", "member", ["charlie/x"]),
        (None, "member", []),
    ],
)
async def test_role_is_what_you_are_there_at_least(
    api: Api, who: str | None, role: str, expected: list[str]
) -> None:
    page = await api.get(f"/2.0/repositories?role={role}", who)
    assert sorted(names(page)) == expected
    assert page["size"] == len(expected)


async def test_role_goes_with_one_workspace_too(api: Api) -> None:
    await _grant(api, "alice/app", "bob", "admin")
    assert names(await api.get(f"{WS}?role=admin", "bob")) == ["alice/app"]
    assert names(await api.get("/2.0/repositories/charlie?role=member", "charlie")) == ["charlie/x"]


async def test_who_administers_pail_sees_and_administers_everything(api: Api) -> None:
    root = await _admin(api)
    for query in ("", "?role=admin"):
        page = await api.get(f"/2.0/repositories{query}", root)
        assert sorted(names(page)) == ["alice/app", "alice/open", "charlie/x"]
    assert names(await api.get("/2.0/repositories?role=owner", root)) == []


async def test_another_role_is_refused_by_name(api: Api) -> None:
    answer = await api("GET", "/2.0/repositories?role=king", "alice")
    assert answer.status == 400
    assert "role" in answer.body["error"]["fields"]


async def test_repositories_can_be_asked_for_and_sorted(api: Api) -> None:
    found = await api.get(
        '/2.0/repositories?role=member&sort=created_on&q=name~"PE" AND is_private=false', "alice"
    )
    assert names(found) == ["alice/open"]
    assert names(await api.get(f"{WS}?sort=-name", "alice")) == ["alice/open", "alice/app"]
    assert names(await api.get(f'{WS}?q=project.key="ABC"', "alice")) == []
    hidden = await api.get('/2.0/repositories?q=full_name="charlie/x"', "alice")
    assert (hidden["size"], hidden["values"]) == (0, [])


@pytest.mark.parametrize("column", ["id", "tracker_id", "last_issue_number", "owner_id", "rank"])
async def test_no_other_column_says_anything(api: Api, column: str) -> None:
    for query in (f"sort={column}", f"q={column}=1"):
        assert (await api("GET", f"/2.0/repositories?{query}", "alice")).status == 400


async def test_a_walk_along_next_sees_each_repository_once(api: Api) -> None:
    for number in range(5):
        await repositories.create(api.db, f"alice/r{number}", private=number % 2 == 0)
    seen: list[str] = []
    url = f"{WS}?pagelen=2&sort=-name"
    while url:
        page = await api.get(url.removeprefix(api.url), "dora")
        seen += names(page)
        url = page.get("next", "")
    assert seen == ["alice/r3", "alice/r1", "alice/open", "alice/app"]


@pytest.mark.parametrize("who", [None, "charlie", "dora"])
async def test_a_workspace_that_you_may_not_see_is_absent(api: Api, who: str | None) -> None:
    if who == "charlie":
        await api("PUT", OPEN, "alice", json={"is_private": True})
    hidden, absent = ("alice", "ghost") if who == "charlie" else ("charlie", "ghosts")
    for name in (hidden, absent):
        answer = await api("GET", f"/2.0/repositories/{name}", who)
        assert answer.status == 404
        assert answer.body["error"]["message"] == f"No workspace with identifier '{name}'."


async def _create(api: Api, who: str = "alice", path: str = NEW, **payload: Any) -> Answer:
    return await api("POST", path, who, json=payload)


async def test_a_new_repository_is_answered_with_200_and_itself(api: Api) -> None:
    answer = await _create(
        api, name="New One", description="d", is_private=False, has_issues=True, scm="git"
    )
    assert answer.status == 200
    assert answer.headers["Location"] == f"{api.url}{NEW}"
    shown = answer.body
    assert (shown["name"], shown["slug"], shown["description"]) == ("New One", "new", "d")
    assert (shown["is_private"], shown["has_issues"]) == (False, True)
    assert shown["owner"]["nickname"] == "alice"
    assert shown == await api.get(NEW)
    assert (await api.post(f"{NEW}/issues", "charlie", {"title": "t"}))["id"] == 1


async def test_without_a_word_a_new_repository_is_private_and_has_no_tracker(api: Api) -> None:
    answer = await api("POST", f"{WS}/New.Name_1", "alice")
    assert answer.status == 200
    assert (answer.body["slug"], answer.body["name"]) == ("new.name_1", "new.name_1")
    assert (answer.body["is_private"], answer.body["has_issues"]) == (True, False)
    assert (await api("GET", f"{WS}/new.name_1", "bob")).status == 404
    answer = await api("GET", f"{WS}/new.name_1/issues", "alice")
    assert answer.body["error"]["message"] == "Repository has no issue tracker."


async def test_only_the_owner_of_a_workspace_makes_repositories_in_it(api: Api) -> None:
    await _grant(api, "alice/app", "bob", "admin")
    assert (await _create(api, "bob")).status == 403
    assert (await _create(api, "charlie")).status == 403
    assert (await _create(api, "alice", "/2.0/repositories/charlie/y")).status == 404
    assert (await _create(api, await _admin(api))).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("slug", ["a%20b", "x.git", "x.zip", "%C3%BC", ".x", "a" * 63, "a%5Cb"])
async def test_a_name_that_is_no_slug_is_refused(api: Api, method: str, slug: str) -> None:
    answer = await api(method, f"{WS}/{slug}", "alice", json={})
    assert answer.status == 400
    assert list(answer.body["error"]["fields"]) == ["slug"]


async def test_a_slug_that_is_taken_is_refused_in_bitbuckets_words(api: Api) -> None:
    for slug in ("app", "APP"):
        answer = await _create(api, path=f"{WS}/{slug}")
        assert answer.status == 400
        message = "Repository with this Slug and Owner already exists."
        assert answer.body["error"]["message"] == message
    answer = await api("PUT", OPEN, "alice", json={"name": "App"})
    assert answer.status == 400
    assert list(answer.body["error"]["fields"]) == ["name"]
    assert (await api.get(OPEN))["name"] == "open"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", None),
        ("name", 7),
        ("name", "x" * 256),
        ("name", "a\0b"),
        ("description", ["x"]),
        ("is_private", "perhaps"),
        ("is_private", None),
        ("has_issues", 1),
    ],
)
@pytest.mark.parametrize("path", [NEW, APP])
async def test_a_wrong_value_is_refused_by_name(
    api: Api, path: str, field: str, value: object
) -> None:
    answer = await api("PUT", path, "alice", json={field: value})
    assert answer.status == 400
    assert list(answer.body["error"]["fields"]) == [field]


async def test_what_can_be_changed_changes_and_the_rest_is_ignored(api: Api) -> None:
    before = await api.get(APP, "alice")
    answer = await api(
        "PUT",
        APP,
        "alice",
        json={
            "description": "about",
            "is_private": False,
            "uuid": "{00000000-0000-0000-0000-000000000000}",
            "full_name": "charlie/app",
            "workspace": {"slug": "charlie"},
            "owner": {"nickname": "charlie"},
            "created_on": "1999-01-01T00:00:00+00:00",
            "tracker_id": 1,
        },
    )
    assert answer.status == 200
    assert "Location" not in answer.headers
    changed = {"description", "is_private", "fork_policy", "updated_on"}
    assert {key for key in before if before[key] != answer.body[key]} == changed
    assert answer.body == await api.get(APP)


async def test_a_put_of_what_it_is_changes_nothing(api: Api) -> None:
    before = await api.get(APP, "alice")
    answer = await api("PUT", APP, "alice", json=before)
    assert answer.status == 200
    assert answer.body == before


async def test_null_takes_the_description_away(api: Api) -> None:
    await api("PUT", APP, "alice", json={"description": "about"})
    answer = await api("PUT", APP, "alice", json={"description": None})
    assert answer.body["description"] == ""


async def test_the_tracker_goes_off_and_on_with_everything_in_it(api: Api) -> None:
    await api.post(f"{OPEN}/issues", "bob", {"title": "kept"})
    await define(api, "alice/open", "component", "UI")
    off = await api("PUT", OPEN, "alice", json={"has_issues": False})
    assert "issues" not in off.body["links"]
    for tail in ("/issues", "/issues/1", "/components", "/issues/1/comments"):
        answer = await api("GET", f"{OPEN}{tail}", "bob")
        assert answer.status == 404
        assert answer.body["error"]["message"] == "Repository has no issue tracker."
    await api("PUT", OPEN, "alice", json={"has_issues": True})
    assert (await api.get(f"{OPEN}/issues/1"))["title"] == "kept"
    assert (await api.get(f"{OPEN}/components"))["size"] == 1
    assert (await api.post(f"{OPEN}/issues", "bob", {"title": "next"}))["id"] == 2


async def test_a_new_name_is_a_new_address_and_the_old_one_still_leads_there(api: Api) -> None:
    await api.post(f"{APP}/issues", "bob", {"title": "kept"})
    answer = await api("PUT", APP, "alice", json={"name": "The Bücket (v2.0)"})
    assert answer.status == 200
    assert (answer.body["name"], answer.body["slug"]) == ("The Bücket (v2.0)", "the-bucket-v2.0")
    assert answer.headers["Location"] == f"{api.url}{WS}/the-bucket-v2.0"
    for path in (APP, f"{WS}/APP"):
        assert await api.get(path, "dora") == answer.body
        assert (await api("GET", path, "charlie")).status == 404
        issue = await api.get(f"{path}/issues/1", "dora")
        assert issue["links"]["self"]["href"] == f"{api.url}{WS}/the-bucket-v2.0/issues/1"
    assert (await api.post(f"{APP}/issues", "bob", {"title": "by the old name"}))["id"] == 2


async def test_an_old_name_leads_to_whoever_takes_it_next(api: Api) -> None:
    await api("PUT", APP, "alice", json={"name": "second"})
    await api("PUT", f"{WS}/second", "alice", json={"name": "third"})
    third = await api.get(f"{WS}/third", "alice")
    assert await api.get(APP, "alice") == await api.get(f"{WS}/second", "alice") == third
    assert (await _create(api, path=APP)).body["uuid"] != third["uuid"]
    assert (await api.get(APP, "alice"))["uuid"] != third["uuid"]
    assert (await api.get(f"{WS}/second", "alice"))["uuid"] == third["uuid"]
    assert (await api("GET", APP, "bob")).status == 404
    back = await api("PUT", f"{WS}/third", "alice", json={"name": "Second"})
    assert back.body["slug"] == "second"
    assert (await api.get(f"{WS}/third", "alice"))["slug"] == "second"


async def test_of_renames_at_once_none_loses_a_name(api: Api) -> None:
    uuid = (await api.get(APP, "alice"))["uuid"]
    renamed = ("first", "second", "third", "fourth")
    answers = await asyncio.gather(
        *(api("PUT", APP, "alice", json={"name": name}) for name in renamed)
    )
    assert [answer.status for answer in answers] == [200] * 4
    for name in ("app", *renamed):
        assert (await api.get(f"{WS}/{name}", "alice"))["uuid"] == uuid


async def test_a_slug_that_is_cut_off_ends_with_a_letter_or_digit(api: Api) -> None:
    answer = await api("PUT", APP, "alice", json={"name": f"{'x' * 61} two"})
    assert answer.body["slug"] == "x" * 61


async def test_a_name_with_the_same_slug_renames_nothing_else(api: Api) -> None:
    answer = await api("PUT", APP, "alice", json={"name": "App!"})
    assert (answer.body["name"], answer.body["slug"]) == ("App!", "app")
    assert "Location" not in answer.headers


@pytest.mark.parametrize("name", ["!!!", "課題", "..", "x.git"])
async def test_a_name_that_leaves_no_slug_is_refused(api: Api, name: str) -> None:
    answer = await api("PUT", APP, "alice", json={"name": name})
    assert answer.status == 400
    assert list(answer.body["error"]["fields"]) == ["name"]


async def test_a_put_where_nothing_is_makes_a_repository(api: Api) -> None:
    answer = await api("PUT", NEW, "alice", json={"has_issues": True})
    assert answer.status == 201
    assert answer.headers["Location"] == f"{api.url}{NEW}"
    assert answer.body == await api.get(NEW, "alice")


@pytest.mark.parametrize(
    ("who", "payload"), [("bob", {"name": "b"}), ("charlie", {}), ("dora", {})]
)
async def test_a_put_where_you_see_nothing_is_the_same_404(
    api: Api, who: str, payload: dict[str, str]
) -> None:
    await repositories.create(api.db, "alice/secret", private=True)
    hidden = await api("PUT", f"{WS}/secret", who, json=payload)
    absent = await api("PUT", f"{WS}/absent", who, json=payload)
    elsewhere = await api("PUT", "/2.0/repositories/ghost/absent", who, json=payload)
    assert (hidden.status, hidden.body) == (absent.status, absent.body)
    assert (hidden.status, hidden.body) == (elsewhere.status, elsewhere.body)
    assert hidden.status == 404


async def test_an_absent_uuid_is_not_made(api: Api) -> None:
    uuid = "%7B00000000-0000-0000-0000-000000000000%7D"
    assert (await api("PUT", f"{WS}/{uuid}", "alice", json={})).status == 404


@pytest.mark.parametrize("workspace", ["%7B%7D", "{}", "alice", "ALICE", "uuid", "UUID"])
async def test_uuids_lead_to_a_repository_however_they_are_written(
    api: Api, workspace: str
) -> None:
    shown = await api.get(OPEN)
    uuid, own = shown["uuid"], shown["workspace"]["uuid"]
    workspace = {"uuid": own, "UUID": own.upper()}.get(workspace, workspace)
    for slug in (uuid, uuid.upper(), uuid.replace("{", "%7B").replace("}", "%7D")):
        assert await api.get(f"/2.0/repositories/{workspace}/{slug}") == shown


async def test_an_empty_workspace_goes_with_a_uuid_only(api: Api) -> None:
    assert (await api("GET", "/2.0/repositories/%7B%7D/open", "alice")).status == 404
    private = (await api.get(APP, "alice"))["uuid"]
    assert (await api("GET", f"/2.0/repositories/%7B%7D/{private}", "charlie")).status == 404
    assert (await api("GET", f"/2.0/repositories/charlie/{private}", "alice")).status == 404


async def test_a_deleted_repository_is_gone_with_everything_in_it(
    api: Api, settings: Settings
) -> None:
    await api.post(f"{APP}/issues", "bob", {"title": "gone"})
    await api("PUT", APP, "alice", json={"name": "renamed"})
    await api("POST", f"{APP}/issues/export", "alice")
    answer = await api("DELETE", f"{WS}/renamed?redirect_to=https://evil.example", "alice")
    assert (answer.status, answer.body) == (204, "")
    for path in (APP, f"{WS}/renamed", f"{APP}/issues", f"{APP}/issues/1"):
        assert (await api("GET", path, "alice")).status == 404
    assert names(await api.get(WS, "alice")) == ["alice/open"]
    await sweeping.sweep(api.db, Blobs(settings.blobs_dir), settings, young=-1)
    for table in ("issue", "issue_text", "former_name", "job"):
        assert await api.db.all(f"SELECT * FROM {table}") == []
    row = await api.db.one("SELECT count(*) AS trackers FROM tracker")
    assert row is not None
    assert row["trackers"] == 2
    assert (await _create(api, path=APP)).status == 200


async def _attach(api: Api, full_name: str, contents: list[bytes]) -> None:
    """Attach files to a new issue of a repository, past the API: there may be thousands."""
    path = f"/2.0/repositories/{full_name}/issues"
    number = (await api.post(path, "alice", {"title": "files"}))["id"]
    with api.app[keys.BLOBS].batch() as batch:
        stored = [batch.store([content]) for content in contents]
    tracker_id = (await api.repository(full_name)).tracker_id
    async with api.db.transaction() as tx:
        await tx.many(
            """INSERT INTO attachment (tracker_id, issue_number, ordinal, name, filename, blob)
               VALUES (?, ?, ?, ?, '', ?)""",
            [(tracker_id, number, n, str(n), blob.sha256) for n, blob in enumerate(stored)],
        )


async def test_the_bytes_of_its_attachments_go_with_it(api: Api, settings: Settings) -> None:
    await _attach(api, "alice/app", [b"mine", b"shared", b""])
    await _attach(api, "alice/open", [b"shared"])
    assert (await api("DELETE", APP, "alice")).status == 204
    assert [path.read_bytes() for path in files(settings.blobs_dir)] == [b"shared"]
    assert (await api("DELETE", OPEN, "alice")).status == 204
    assert files(settings.blobs_dir) == set()


async def test_bytes_of_a_replaced_tracker_go_with_their_repository(
    api: Api, settings: Settings
) -> None:
    await _attach(api, "alice/app", [b"old"])
    async with working(settings):
        await take(api, archive(settings.data_dir, sample()))
    assert len(files(settings.blobs_dir)) == 3
    assert (await api("DELETE", APP, "alice")).status == 204
    assert files(settings.blobs_dir) == set()


async def test_thousands_of_files_hold_nobody_up(api: Api, settings: Settings) -> None:
    await _attach(api, "alice/app", [str(number).encode() for number in range(2_500)])
    deleting = asyncio.create_task(api("DELETE", APP, "alice"))
    meanwhile = 0
    while not deleting.done():
        assert (await api("GET", OPEN, "alice")).status == 200
        await api.post(f"{OPEN}/issues", "bob", {"title": "meanwhile"})
        meanwhile += 1
    assert (await deleting).status == 204
    assert meanwhile > 3
    assert len(files(settings.blobs_dir)) == 2_500 - MOST_FREED
    # Not one of them is an hour old, but rows have named them: that they are not needed is sure.
    await sweeping.sweep(api.db, Blobs(settings.blobs_dir), settings)
    assert files(settings.blobs_dir) == set()
    assert await api.db.check() == []


async def test_a_repository_with_an_import_under_way_can_be_deleted(
    api: Api, settings: Settings
) -> None:
    content = archive(settings.data_dir, sample())
    assert (await send(api, content)).status == 202
    assert (await api("DELETE", APP, "alice")).status == 204
    assert await api.db.all("SELECT * FROM job") == []


async def test_only_administrators_of_a_repository_change_and_delete_it(api: Api) -> None:
    for permission, status in (("write", 403), ("admin", 200)):
        await _grant(api, "alice/app", "bob", permission)
        answer = await api("PUT", APP, "bob", json={"description": "mine"})
        assert answer.status == status
    assert (await api("DELETE", APP, "bob")).status == 204
    assert (await api("DELETE", APP, "bob")).status == 404
