"""Components, versions and milestones in API 1.0: defined, renamed and removed, seen by 2.0."""

from typing import Any

import pytest

from service.api_v1 import arrays
from service.http.issue_cache import ISSUE_CACHE
from tests.conftest import APP, Api
from tests.rows import define, start_import

KINDS = ("component", "milestone", "version")
OLD_APP = "/1.0/repositories/alice/app/issues"
OLD_OPEN = "/1.0/repositories/alice/open/issues"

LISTS = {
    "component": [
        {"name": "api", "id": 37},
        {"name": "core", "id": 153},
        {"name": "documentation", "id": 63888},
    ],
    "version": [{"name": "1.0", "id": 49}, {"name": "2.0", "id": 163}],
    "milestone": [{"name": "1", "id": 22}, {"name": "2", "id": 12}],
}
"""The lists that the page shows: ordered by name, the last one's ids go down."""

NEW = {
    "component": ({"name": "gui", "id": 908}, {"name": "GUI", "id": 908}),
    "version": ({"name": "2.0", "id": 9108}, {"name": "2.0.0", "id": 9108}),
    "milestone": ({"name": "3", "id": 231}, {"name": "23", "id": 231}),
}
"""What the page makes and then renames (but its milestones are two: 998, then 231)."""


async def _make(api: Api, path: str, shown: dict[str, Any]) -> None:
    """Make by alice what is shown so: the next id is the one that it has."""
    await api.db.run(
        "UPDATE counter SET value = :id - 1 WHERE name = 'category'", {"id": shown["id"]}
    )
    answer = await api("POST", path, "alice", data={"name": shown["name"]})
    assert (answer.status, answer.body) == (200, shown)


async def _one(api: Api, kind: str, name: str = "VRC") -> str:
    """The address of a new one in alice/app."""
    [made] = await define(api, "alice/app", kind, name)
    return f"{OLD_APP}/{kind}s/{made}"


async def test_another_trackers_default_of_that_name_stays(api: Api) -> None:
    other = (await api.repository("alice/open")).tracker_id
    await api.db.run("UPDATE tracker SET default_version = 'VRC'")
    path = await _one(api, "version")
    assert (await api("PUT", path, "alice", data={"name": "new"})).status == 200
    assert (await api("DELETE", path, "alice")).status == 204
    rows = await api.db.all("SELECT id, default_version FROM tracker")
    mine = (await api.repository("alice/app")).tracker_id
    defaults = {row["id"]: row["default_version"] for row in rows}
    assert (defaults[mine], defaults[other]) == (None, "VRC")


async def _names(api: Api, kind: str, issues: str = OLD_APP) -> list[str]:
    return [shown["name"] for shown in await api.get(f"{issues}/{kind}s", "alice")]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_lists_of_the_page(api: Api, kind: str) -> None:
    path = f"{OLD_OPEN}/{kind}s"
    assert await api.get(path) == []
    for shown in sorted(LISTS[kind], key=lambda shown: str(shown["id"])):
        await _make(api, path, shown)
    assert await api.get(path) == LISTS[kind]
    assert await api.get(f"{path}/?format=json") == LISTS[kind]
    for shown in LISTS[kind]:
        assert await api.get(f"{path}/{shown['id']}") == shown


@pytest.mark.parametrize("kind", KINDS)
async def test_the_pages_new_one_gets_its_new_name_and_goes(api: Api, kind: str) -> None:
    path, (made, renamed) = f"{OLD_APP}/{kind}s", NEW[kind]
    await _make(api, path, made)
    one = f"{path}/{made['id']}"
    answer = await api("PUT", one, "alice", data={"name": renamed["name"]})
    assert (answer.status, answer.body) == (200, renamed)
    assert await api.get(one, "alice") == renamed
    response = await api.client.delete(one, headers=api.world.headers("alice"))
    assert (response.status, response.reason, await response.read()) == (204, "NO CONTENT", b"")
    assert await api.get(path, "alice") == []
    assert (await api("DELETE", one, "alice")).status == 404


async def test_json_is_taken_as_well_as_a_form(api: Api) -> None:
    path = f"{OLD_APP}/components"
    answer = await api("POST", path, "alice", json={"name": "größer", "color": "red"})
    assert (answer.status, answer.body["name"]) == (200, "größer")
    one = f"{path}/{answer.body['id']}"
    assert (await api("PUT", one, "alice", json={"name": "課題"})).body["name"] == "課題"
    assert await _names(api, "component") == ["課題"]


async def test_a_list_is_as_long_as_it_is(api: Api) -> None:
    names = [f"v{number:03}" for number in range(2 * arrays.PART + 5)]
    await define(api, "alice/app", "version", *reversed(names))
    assert await _names(api, "version") == names


@pytest.mark.parametrize("kind", KINDS)
async def test_api_2_shows_what_1_has_made_and_what_it_is_called_by_now(
    api: Api, kind: str
) -> None:
    made = (await api("POST", f"{OLD_APP}/{kind}s", "alice", data={"name": "gui"})).body
    await api.post(f"{APP}/issues", "alice", {"title": "filed", kind: {"name": "gui"}})
    await api.post(f"{APP}/issues", "alice", {"title": "other"})
    before = (await api.get(f"{APP}/issues", "alice"))["values"]
    assert [issue[kind] and issue[kind]["name"] for issue in before] == [None, "gui"]
    one = f"{OLD_APP}/{kind}s/{made['id']}"
    assert (await api("PUT", one, "alice", data={"name": "GUI"})).status == 200
    after = (await api.get(f"{APP}/issues", "alice"))["values"]
    assert [issue[kind] and issue[kind]["name"] for issue in after] == [None, "GUI"]
    assert [issue["updated_on"] for issue in after] == [issue["updated_on"] for issue in before]
    api.app[ISSUE_CACHE]._entries.clear()
    assert (await api.get(f"{APP}/issues?again=1", "alice"))["values"] == after
    for name, count in (("GUI", 1), ("gui", 0)):
        found = await api.get(f"{APP}/issues", "alice", params={"q": f'{kind}.name = "{name}"'})
        assert found["size"] == count
    shown = (await api.get(f"{APP}/{kind}s", "alice"))["values"]
    assert [(each["id"], each["name"]) for each in shown] == [(made["id"], "GUI")]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_deletion_is_told_in_each_issue(api: Api, kind: str) -> None:
    one = await _one(api, kind)
    await define(api, "alice/app", kind, "kept")
    for name in ("VRC", "kept", "VRC"):
        await api.post(f"{APP}/issues", "bob", {"title": "filed", kind: {"name": name}})
    await api.get(f"{APP}/issues", "alice")
    assert (await api("DELETE", one, "alice")).status == 204
    issues = (await api.get(f"{APP}/issues?sort=id", "alice"))["values"]
    assert [issue[kind] and issue[kind]["name"] for issue in issues] == [None, "kept", None]
    assert (await api.get(f"{APP}/issues/2/changes", "alice"))["size"] == 0
    for number in (1, 3):
        [change] = (await api.get(f"{APP}/issues/{number}/changes", "alice"))["values"]
        assert change["changes"] == {kind: {"old": "VRC", "new": ""}}
        text = f"Removing {kind}: VRC (automated comment)"
        assert change["message"]["raw"] == text
        assert change["user"]["nickname"] == "alice"
        [comment] = (await api.get(f"{APP}/issues/{number}/comments", "alice"))["values"]
        assert comment["content"]["raw"] == text
    found = await api.get(f"{APP}/issues", "alice", params={"q": f"{kind} = null"})
    assert found["size"] == 2


async def test_there_is_no_default_once_it_is_deleted(api: Api) -> None:
    one = await _one(api, "component", "usual")
    await api.db.run("UPDATE tracker SET default_component = 'usual'")
    issue = await api.post(f"{APP}/issues", "alice", {"title": "one"})
    assert issue["component"]["name"] == "usual"
    assert (await api("PUT", one, "alice", data={"name": "Usual"})).status == 200
    issue = await api.post(f"{APP}/issues", "alice", {"title": "two"})
    assert issue["component"]["name"] == "Usual"
    assert (await api("DELETE", one, "alice")).status == 204
    issue = await api.post(f"{APP}/issues", "alice", {"title": "three"})
    assert issue["component"] is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "body",
    [
        {"json": {"name": "x" * 129}},
        {"data": {"name": "x" * 129}},
        {"json": {"name": ""}},
        {"data": {"name": " "}},
        {"json": {"name": "\u00a0\t"}},
        {"json": {}},
        {"data": {"title": "name"}},
        {"data": {"name.raw": "x"}},
        {"json": {"name": None}},
        {"json": {"name": 7}},
        {"json": {"name": ["x"]}},
        {"json": {"name": "a\0b"}},
        {"data": {"name": "a\0b"}},
        {"json": {"name": "taken"}},
        {"data": {"name": "taken"}},
    ],
    ids=str,
)
async def test_a_name_that_breaks_the_rules_is_refused(
    api: Api, kind: str, body: dict[str, Any]
) -> None:
    await define(api, "alice/app", kind, "taken")
    one = await _one(api, kind)
    for method, path in (("POST", f"{OLD_APP}/{kind}s"), ("PUT", one)):
        answer = await api(method, path, "alice", **body)
        assert answer.status == 400
        [message] = answer.body["error"]["fields"]["name"]
        assert answer.body == {
            "error": {"message": f"name: {message}", "fields": {"name": [message]}}
        }
    assert await _names(api, kind) == ["VRC", "taken"]


@pytest.mark.parametrize("data", [b"", b"name=%ff", b'{"name": "x"}', b"name"])
async def test_a_body_without_a_name_is_refused(api: Api, data: bytes) -> None:
    path, form = f"{OLD_APP}/versions", {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await api("POST", path, "alice", data=data, headers=form)).status == 400
    assert await _names(api, "version") == []


@pytest.mark.parametrize("kind", KINDS)
async def test_128_characters_and_another_case_are_another_name(api: Api, kind: str) -> None:
    await define(api, "alice/app", kind, "Release")
    path = f"{OLD_APP}/{kind}s"
    for name in ("release", "\U0001f41b" * 128):
        assert (await api("POST", path, "alice", data={"name": name})).status == 200
    assert await _names(api, kind) == ["Release", "release", "\U0001f41b" * 128]


async def test_its_own_name_and_one_of_another_kind_or_tracker_are_free(api: Api) -> None:
    await define(api, "alice/open", "version", "VRC")
    await define(api, "alice/app", "component", "VRC")
    answer = await api("POST", f"{OLD_APP}/versions", "alice", data={"name": "VRC"})
    assert answer.status == 200
    one = f"{OLD_APP}/versions/{answer.body['id']}"
    again = await api("PUT", one, "alice", data={"name": "VRC"})
    assert (again.status, again.body) == (200, answer.body)


@pytest.mark.parametrize("kind", KINDS)
async def test_another_kinds_or_trackers_is_not_there(api: Api, kind: str) -> None:
    [foreign] = await define(api, "alice/open", kind, "open")
    other = KINDS[KINDS.index(kind) - 1]
    [unlike] = await define(api, "alice/app", other, "other")
    for category_id in (foreign, unlike, 0, 999, 10**17, 10**30):
        path = f"{OLD_APP}/{kind}s/{category_id}"
        # An empty name is wrong: that is not told of what is not there.
        for method, name in (("GET", ""), ("PUT", "taken over"), ("PUT", ""), ("DELETE", "")):
            answer = await api(method, path, "alice", data={"name": name})
            assert answer.status == 404
            assert answer.body["error"] == {
                "message": "Not Found",
                "detail": f"No {kind.capitalize()} matches the given query.",
            }
    assert await _names(api, kind, OLD_OPEN) == ["open"]
    assert await _names(api, other) == ["other"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("who", "status"),
    [(None, 401), ("wrong", 401), ("charlie", 404), ("dora", 403), ("bob", 403), ("reader", 403)],
)
async def test_only_administrators_write_and_others_are_told_so_before_their_body_is_judged(
    api: Api, kind: str, who: str | None, status: int
) -> None:
    one = await _one(api, kind)
    for method, path in (
        ("POST", f"{OLD_APP}/{kind}s"),
        ("PUT", one),
        ("DELETE", one),
    ):
        for body in ({"name": "mine"}, {"name": ""}):
            assert (await api(method, path, who, data=body)).status == status, method
    assert await _names(api, kind) == ["VRC"]


async def test_what_is_public_can_be_read_and_not_written_by_strangers(api: Api) -> None:
    [made] = await define(api, "alice/open", "version", "1.0")
    shown = {"name": "1.0", "id": made}
    for who in (None, "charlie"):
        assert await api.get(f"{OLD_OPEN}/versions", who) == [shown]
        assert await api.get(f"{OLD_OPEN}/versions/{made}", who) == shown
    answer = await api("DELETE", f"{OLD_OPEN}/versions/{made}", "charlie")
    assert answer.status == 403
    for path in ("", f"/{made}"):
        assert (await api("GET", f"{OLD_APP}/versions{path}", "charlie")).status == 404


async def test_while_an_import_runs_nothing_is_written(api: Api) -> None:
    one = await _one(api, "version")
    await start_import(api, "alice/app")
    for method, path in (("POST", f"{OLD_APP}/versions"), ("PUT", one), ("DELETE", one)):
        answer = await api(method, path, "alice", data={"name": "2.0"})
        assert (answer.status, answer.headers["Retry-After"]) == (409, "5")
    assert await _names(api, "version") == ["VRC"]
