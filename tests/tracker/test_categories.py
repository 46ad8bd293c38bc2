"""Components, milestones and versions are defined, renamed and removed by administrators."""

import json
import zipfile
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.archives import issue, sample
from tests.tracker.conftest import Core
from tests.writing import create_comment, create_issue
from tracker import categories, edits
from tracker.access.rights import ANONYMOUS, Actor, find_repository
from tracker.archive.rules import MOST_NAMES
from tracker.database import Row
from tracker.edits import Edit
from tracker.errors import Conflict, Forbidden, Invalid, NotFound, TrackerError, Unauthenticated
from tracker.issues import NewIssue
from tracker.vocabulary import LARGEST_ID, CategoryKind

KINDS = list(CategoryKind)
VERSION = CategoryKind.VERSION


class Administering:
    """Writes as alice, or somebody else, in alice/app."""

    def __init__(self, core: Core) -> None:
        self.core = core

    async def _write(
        self, verb: Callable[..., Coroutine[Any, Any, Any]], who: str | Actor, *arguments: object
    ) -> Any:
        actor = who if isinstance(who, Actor) else await self.core.actor(who)
        repository = await find_repository(self.core.db, actor, "alice", "app")
        return await self.core.db.write(lambda tx: verb(tx, actor, repository, *arguments))

    async def create(self, kind: CategoryKind, name: str, who: str | Actor = "alice") -> int:
        """Define one; its id."""
        return int(await self._write(categories.create, who, kind, name))

    async def rename(
        self, kind: CategoryKind, category_id: int, name: str, who: str | Actor = "alice"
    ) -> None:
        """Call one otherwise."""
        await self._write(categories.rename, who, kind, category_id, name)

    async def delete(
        self, kind: CategoryKind, category_id: int, who: str | Actor = "alice"
    ) -> None:
        """Remove one."""
        await self._write(categories.delete, who, kind, category_id)

    async def issue(self, **references: str) -> int:
        """An issue of bob's that is filed under these names; its number."""
        draft = NewIssue("one", references={kind: ("name", it) for kind, it in references.items()})
        bob = await self.core.actor("bob")
        return await create_issue(self.core.db, bob, await self.core.repository(), draft)

    async def everything(self) -> list[list[tuple[object, ...]]]:
        """All that a category's verb may alter, but for the tracker's writes and revision."""
        counted = {"writes", "revision"}
        tables = ("category", "issue", "comment", "log", "tracker", "counter", "watch")
        found = [await self.core.rows(f"SELECT * FROM {table}") for table in tables]
        return [
            [tuple(row[name] for name in row.keys() if name not in counted) for row in rows]  # noqa: SIM118
            for rows in found
        ]


@pytest.fixture
def names(core: Core) -> Administering:
    """The names in alice/app."""
    return Administering(core)


def _database(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("db-2.0.json"))


async def test_ids_are_the_whole_instances(names: Administering) -> None:
    ids = [await names.create(kind, "same name") for kind in KINDS]
    charlie = await names.core.actor("charlie")
    repository = await find_repository(names.core.db, charlie, "charlie", "x")
    ids.append(
        await names.core.db.write(
            lambda tx: categories.create(tx, charlie, repository, VERSION, "same name")
        )
    )
    assert ids == list(range(ids[0], ids[0] + 4))


async def test_no_id_is_used_twice(names: Administering) -> None:
    first = await names.create(VERSION, "1.0")
    await names.delete(VERSION, first)
    assert await names.create(VERSION, "1.0") > first


async def test_a_name_is_kept_as_it_is_given(names: Administering) -> None:
    given = ["Release", "release", " release", "release ", "\u00e9t\u00e9", "e\u0301te\u0301"]
    for name in given:
        await names.create(VERSION, name)
    assert await names.core.values("SELECT name FROM category ORDER BY id") == given


@pytest.mark.parametrize("kind", KINDS)
async def test_a_name_that_is_taken_is_refused(names: Administering, kind: CategoryKind) -> None:
    await names.create(kind, "core")
    other = await names.create(kind, "gui")
    before = await names.everything()
    for write in (names.create(kind, "core"), names.rename(kind, other, "core")):
        with pytest.raises(Invalid) as caught:
            await write
        assert caught.value.fields == {"name": [f"There is a {kind} 'core' already."]}
    assert await names.everything() == before


async def test_no_tracker_has_more_names_than_an_archive_may_hold(names: Administering) -> None:
    await names.core.db.run(
        """WITH RECURSIVE n AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM n WHERE id < :count)
           INSERT INTO category SELECT id, :tracker, 'version', 'v' || id FROM n""",
        {"tracker": await names.core.in_force(), "count": MOST_NAMES},
    )
    await names.core.db.run("UPDATE counter SET value = :n", {"n": MOST_NAMES})
    with pytest.raises(Conflict, match="100000 versions"):
        await names.create(VERSION, "one more")
    await names.create(CategoryKind.COMPONENT, "another kind")


@pytest.mark.parametrize(
    ("who", "error"),
    [(ANONYMOUS, Unauthenticated), ("dora", Forbidden), ("bob", Forbidden)],
)
async def test_only_administrators_write(
    names: Administering, who: str | Actor, error: type[TrackerError]
) -> None:
    actor = who if isinstance(who, Actor) else await names.core.actor(who)
    core = names.core
    made = await names.create(VERSION, "1.0")
    await core.db.run("UPDATE repository SET is_private = 0")
    before = await names.everything()
    for write in (
        names.create(VERSION, "2.0", actor),
        names.rename(VERSION, made, "2.0", actor),
        names.delete(VERSION, made, actor),
    ):
        with pytest.raises(error):
            await write
    assert await names.everything() == before


@pytest.mark.parametrize("is_done", [False, True], ids=["running", "done"])
async def test_nothing_is_written_across_an_import(core: Core, is_done: bool) -> None:
    alice = await core.actor("alice")
    repository = await find_repository(core.db, alice, "alice", "app")
    made = await core.db.write(
        lambda tx: categories.create(tx, alice, repository, VERSION, "before")
    )
    if is_done:
        await core.take()
    else:
        await core.claimed(archive=core.archive())
    for verb in (
        partial(categories.create, name="during"),
        partial(categories.rename, category_id=made, name="during"),
        partial(categories.delete, category_id=made),
    ):
        work = partial(verb, actor=alice, repository=repository, kind=VERSION)
        with pytest.raises(Conflict):
            await core.db.write(work)
    names = await core.values(
        "SELECT name FROM category WHERE tracker_id = :t", t=repository.tracker_id
    )
    assert names == ["before"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_new_name_is_no_edit_of_the_issues(
    names: Administering, kind: CategoryKind
) -> None:
    made = await names.create(kind, "gui")
    await names.issue(**{kind: "gui"})
    before = await names.everything()
    await names.rename(kind, made, "GUI")
    await names.rename(kind, made, "GUI")
    after = await names.everything()
    assert await names.core.values("SELECT name FROM category") == ["GUI"]
    assert after[1:] == before[1:]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_trackers_default_follows_and_goes(
    names: Administering, kind: CategoryKind
) -> None:
    core, usual = names.core, dict.fromkeys(KINDS, "gui")
    made, other = await names.create(kind, "gui"), await names.create(kind, "core")
    key = {"id": await core.in_force()}
    await core.db.run(
        """UPDATE tracker SET default_component = 'gui', default_milestone = 'gui',
                              default_version = 'gui' WHERE id = :id""",
        key,
    )

    async def defaults() -> dict[CategoryKind, str | None]:
        [row] = await core.rows("SELECT * FROM tracker WHERE id = :id", **key)
        return {kind: row[f"default_{kind}"] for kind in KINDS}

    await names.rename(kind, other, "kernel")
    await names.delete(kind, other)
    assert await defaults() == usual
    await names.rename(kind, made, "GUI")
    assert await defaults() == {**usual, kind: "GUI"}
    await names.delete(kind, made)
    assert await defaults() == {**usual, kind: None}


async def _told(core: Core, number: int) -> tuple[Row, Row, Row]:
    """An issue, its newest comment, and the log of that."""
    issue = await core.rows("SELECT * FROM issue WHERE number = :n", n=number)
    comments = await core.rows(
        "SELECT * FROM comment WHERE issue_number = :n ORDER BY id DESC LIMIT 1", n=number
    )
    logs = await core.rows("SELECT * FROM log WHERE comment_id = :id", id=comments[0]["id"])
    assert len(logs) == 1
    return issue[0], comments[0], logs[0]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_deletion_leaves_what_an_edit_leaves(
    names: Administering, kind: CategoryKind
) -> None:
    core = names.core
    made = await names.create(kind, "VRC")
    one, two = [await names.issue(**{kind: "VRC"}) for _ in range(2)]
    alice, repository = await core.actor("alice"), await core.repository()
    edit = Edit(references={kind: None})
    await core.db.write(lambda tx: edits.apply(tx, alice, repository, one, edit))
    await names.delete(kind, made)
    differing = {"number", "issue_number", "id", "comment_id", "created_on", "updated_on"}
    for by_edit, by_deletion in zip(await _told(core, one), await _told(core, two), strict=True):
        edited, deleted = [
            {name: value for name, value in dict(row).items() if name not in differing}
            for row in (by_edit, by_deletion)
        ]
        if "content_raw" in edited and "title" not in edited:
            assert edited.pop("content_raw") is None
            said = deleted.pop("content_raw")
            assert said == f"Removing {kind}: VRC (automated comment)"
        assert deleted == edited
    for number in (one, two):
        issue, comment, log = await _told(core, number)
        assert issue["updated_on"] == comment["created_on"] == log["created_on"]
        assert issue["updated_on"] > issue["created_on"]


async def test_a_deletion_touches_its_own_issues_only_and_makes_nobody_watch(
    names: Administering,
) -> None:
    core = names.core
    ids = {kind: await names.create(kind, "same") for kind in KINDS}
    await names.create(VERSION, "other")
    await names.issue(component="same", milestone="same", version="other")
    await names.issue()
    before = await names.everything()
    watches = before[-1]
    await names.delete(VERSION, ids[VERSION])
    after = await names.everything()
    assert after[1:] == before[1:]
    await names.issue(component="same", milestone="same")
    await names.delete(CategoryKind.COMPONENT, ids[CategoryKind.COMPONENT])
    found = await core.rows(
        "SELECT component_id, milestone_id, version_id FROM issue ORDER BY number"
    )
    milestone = ids[CategoryKind.MILESTONE]
    assert [row["component_id"] for row in found] == [None] * 3
    assert [row["milestone_id"] for row in found] == [milestone, None, milestone]
    assert found[0]["version_id"] is not None
    assert await core.values("SELECT issue_number FROM log ORDER BY comment_id") == [1, 3]
    assert await core.values("SELECT count(*) FROM watch") == [len(watches) + 1]


async def test_the_changes_of_a_deletion_have_new_ids_by_issue(core: Core) -> None:
    names = Administering(core)
    rows = [issue(number, version="1.0") for number in (9, 2, 30, 4)]
    await core.take(sample(issues=rows, comments=[], logs=[], attachments=[]))
    alice, repository = await core.actor("alice"), await core.repository()
    last = await create_comment(core.db, alice, repository, 4, content="newest")
    [made] = await core.values("SELECT id FROM category WHERE name = '1.0'")
    await names.delete(VERSION, made)
    found = await core.rows("SELECT id, issue_number FROM comment WHERE id > :id", id=last)
    numbers = [2, 4, 9, 30]
    assert {row["id"]: row["issue_number"] for row in found} == dict(
        zip(range(last + 1, last + 5), numbers, strict=True)
    )
    assert await create_comment(core.db, alice, repository, 4, content="next") == last + 5


async def test_a_deletion_that_ids_do_not_suffice_for_does_nothing(names: Administering) -> None:
    core = names.core
    made = await names.create(VERSION, "VRC")
    for _ in range(2):
        await names.issue(version="VRC")
    await core.db.run("UPDATE counter SET value = :n WHERE name = 'comment'", {"n": LARGEST_ID - 1})
    before = await names.everything()
    with pytest.raises(Conflict, match="used up"):
        await names.delete(VERSION, made)
    assert await names.everything() == before


async def test_a_deletion_never_takes_a_time_back(names: Administering) -> None:
    core, late = names.core, "2999-01-01T00:00:00.000000+00:00"
    made = await names.create(VERSION, "VRC")
    await names.issue(version="VRC")
    await core.db.run("UPDATE issue SET updated_on = :late", {"late": late})
    await names.delete(VERSION, made)
    issue, comment, log = await _told(core, 1)
    assert [issue["updated_on"], comment["created_on"], log["created_on"]] == [late] * 3


async def test_what_is_not_there_can_not_be_written(names: Administering) -> None:
    made = await names.create(VERSION, "1.0")
    for kind, category_id in ((VERSION, made + 1), (CategoryKind.COMPONENT, made)):
        with pytest.raises(NotFound):
            await names.rename(kind, category_id, "2.0")
        with pytest.raises(NotFound):
            await names.delete(kind, category_id)
    assert await names.core.values("SELECT name FROM category") == ["1.0"]


async def test_an_export_afterwards_comes_in_again(core: Core) -> None:
    names = Administering(core)
    meta = {**sample()["meta"], "default_version": "1.1", "default_component": "core"}
    await core.take(core.archive(sample(meta=meta), "1.0", "2.0"))
    ids = {
        row["name"]: row["id"]
        for row in await core.rows(
            "SELECT id, name FROM category WHERE tracker_id = :t", t=await core.in_force()
        )
    }
    await names.create(CategoryKind.MILESTONE, "x" * 128)
    await names.rename(CategoryKind.COMPONENT, ids["core"], " Kern ")
    await names.delete(VERSION, ids["1.1"])
    written = await core.give()
    found = _database(written)
    assert {"name": "x" * 128} in found["milestones"]
    assert {"name": " Kern "} in found["components"]
    assert found["versions"] == [{"name": "1.0"}]
    assert (found["meta"]["default_component"], found["meta"]["default_version"]) == (
        " Kern ",
        None,
    )
    shown = {row["id"]: (row["component"], row["version"]) for row in found["issues"]}
    assert shown == {1: (" Kern ", None), 3: (None, None)}
    [row] = [row for row in found["logs"] if row["field"] == "version"]
    assert (row["issue"], row["changed_from"], row["changed_to"]) == (3, "1.1", "")
    [told] = [each for each in found["comments"] if each["id"] == row["comment"]]
    assert told["content"] == "Removing version: 1.1 (automated comment)"
    await core.take(written)
    assert (await core.give()).read_bytes() == written.read_bytes()
