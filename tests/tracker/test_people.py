"""People whom archives name: placeholders of a workspace, known again, and without any right."""

from typing import Any

import pytest

from tests.archives import ALICE, BOB, CHARLIE, databases, issue, sample, write_zip
from tests.tracker.conftest import Core
from tracker import people
from tracker.access import find_repository
from tracker.archive.records import Person
from tracker.errors import NotFound
from tracker.people import username

PLACEHOLDERS = """
SELECT username, account_id, display_name, derived FROM account
 WHERE workspace_id = (SELECT id FROM workspace WHERE slug = :workspace) ORDER BY display_name"""


async def _known(core: Core, workspace: str = "alice") -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await core.rows(PLACEHOLDERS, workspace=workspace)]


def _reported_by(*reporters: Any) -> dict[str, Any]:
    """An archive of issues by these people, and nothing else."""
    rows = [
        issue(1 + place, reporter=reporter, watchers=[], voters=[])
        for place, reporter in enumerate(reporters)
    ]
    return {"issues": rows}


def _one_zero(core: Core, *reporters: str | None) -> Any:
    """The same as a db-1.0.json, which has usernames."""
    return write_zip(core.settings.data_dir / "1.0.zip", {"1.0": _reported_by(*reporters)})


async def test_two_databases_give_both_halves_of_everybody(core: Core) -> None:
    await core.take(core.archive(sample(), "1.0", "2.0"))
    assert await _known(core) == [
        ("alice", ALICE["account_id"], "Alice Liddell", ""),
        ("bob_b", BOB["account_id"], "Bob Baumeister", ""),
        ("charlie", CHARLIE["account_id"], "Charlie", ""),
    ]


async def test_without_usernames_they_are_made_of_the_names(core: Core) -> None:
    report = await core.take(core.archive(sample(), "2.0"))
    assert await _known(core) == [
        ("alice-liddell", ALICE["account_id"], "Alice Liddell", "username"),
        ("bob-baumeister", BOB["account_id"], "Bob Baumeister", "username"),
        ("charlie", CHARLIE["account_id"], "Charlie", "username"),
    ]
    assert sorted(report.as_dict()["placeholders"]) == [
        "Alice Liddell",
        "Bob Baumeister",
        "Charlie",
    ]


async def test_without_account_ids_they_are_made_of_the_usernames(core: Core) -> None:
    await core.take(core.archive(sample(), "1.0"))
    assert await _known(core) == [
        ("alice", "pail:alice", "alice", "account_id"),
        ("bob_b", "pail:bob_b", "bob_b", "account_id"),
        ("charlie", "pail:charlie", "charlie", "account_id"),
    ]


@pytest.mark.parametrize("versions", [("2.0",), ("1.0",), ("1.0", "2.0")])
async def test_who_is_known_is_known_again(core: Core, versions: tuple[str, ...]) -> None:
    await core.take(core.archive(sample(), *versions))
    before = await core.rows("SELECT * FROM account ORDER BY id")
    report = await core.take(core.archive(sample(), *versions))
    assert [tuple(row) for row in await core.rows("SELECT * FROM account ORDER BY id")] == [
        tuple(row) for row in before
    ]
    assert report.as_dict()["placeholders"] == []


@pytest.mark.parametrize("versions", [("2.0",), ("1.0",), ("1.0", "2.0")])
async def test_who_is_in_our_own_export_is_known_again(
    core: Core, versions: tuple[str, ...]
) -> None:
    await core.take(core.archive(sample(), *versions))
    before = [row[:3] for row in await _known(core)]
    report = await core.take(await core.give())
    assert [row[:3] for row in await _known(core)] == before
    assert report.as_dict()["placeholders"] == []
    assert report.as_dict()["warnings"] == []


SHOWN = """
SELECT coalesce(l.username, a.username), coalesce(l.named_account_id, a.account_id),
       coalesce(l.display_name, a.display_name)
  FROM issue i JOIN account a ON a.id = i.reporter_id
  LEFT JOIN alias l ON l.tracker_id = i.tracker_id AND l.account_id = a.id
 WHERE i.tracker_id = (SELECT tracker_id FROM repository WHERE slug = 'app') ORDER BY i.number"""


async def _shown(core: Core) -> list[tuple[Any, ...]]:
    """What the tracker in force calls those who reported its issues."""
    return [tuple(row) for row in await core.rows(SHOWN)]


async def test_who_was_known_by_half_is_known_again_and_shown_as_the_archive_says(
    core: Core,
) -> None:
    await core.take(core.archive(_reported_by(BOB), "1.0"))
    before = await _known(core)
    await core.take(core.archive(_reported_by(BOB), "1.0", "2.0"))
    assert await _known(core) == before == [("bob_b", "pail:bob_b", "bob_b", "account_id")]
    assert await _shown(core) == [("bob_b", BOB["account_id"], "Bob Baumeister")]


async def test_usernames_may_arrive_later_than_account_ids(core: Core) -> None:
    await core.take(core.archive(_reported_by(BOB), "2.0"))
    await core.take(core.archive(_reported_by(BOB), "1.0", "2.0"))
    assert await _shown(core) == [("bob_b", BOB["account_id"], "Bob Baumeister")]
    assert len(await _known(core)) == 1


async def test_an_archive_renames_nobody_outside_its_tracker(core: Core) -> None:
    await core.take(_reported_by(ALICE))
    first, before = await core.give(), await _known(core)
    await core.take(_reported_by({**ALICE, "display_name": "Mallory"}))
    assert await _shown(core) == [("alice-liddell", ALICE["account_id"], "Mallory")]
    assert await _known(core) == before
    await core.undo()
    assert await _shown(core) == [("alice-liddell", ALICE["account_id"], "Alice Liddell")]
    assert (await core.give()).read_bytes() == first.read_bytes()


async def test_an_import_that_fails_renames_nobody(core: Core) -> None:
    await core.take(_reported_by(ALICE))
    before = await _known(core)
    broken = _reported_by({**ALICE, "display_name": "Other"}, BOB)
    with pytest.raises(Exception, match="There is no issue"):
        await core.take({**broken, "comments": [sample()["comments"][0] | {"issue": 9}]})
    assert await _known(core) == before


async def test_people_of_one_name_get_numbers(core: Core) -> None:
    doubles = [{"display_name": "Kim Kim", "account_id": f"id-{n}"} for n in range(3)]
    await core.take(_reported_by(*doubles))
    assert sorted(row[0] for row in await _known(core)) == ["kim-kim", "kim-kim-2", "kim-kim-3"]
    assert len(set(await core.values("SELECT reporter_id FROM issue"))) == 3


async def test_who_has_a_name_only_is_known_by_it(core: Core) -> None:
    nameless = {"display_name": "Former user", "account_id": None}
    await core.take(_reported_by(nameless, nameless))
    assert await _known(core) == [("former-user", "pail:former-user", "Former user", "both")]
    await core.take(_reported_by(nameless))
    assert len(await _known(core)) == 1


async def test_a_username_that_is_somebody_elses_is_kept_for_the_tracker(core: Core) -> None:
    await core.take(_reported_by({"display_name": "Bob", "account_id": "the-other"}))
    versions = databases(_reported_by(ALICE))
    versions["1.0"] = _reported_by("bob")
    await core.take(write_zip(core.settings.data_dir / "both.zip", versions))
    assert await _known(core) == [
        ("bob-2", ALICE["account_id"], "Alice Liddell", ""),
        ("bob", "the-other", "Bob", "username"),
    ]
    assert await _shown(core) == [("bob", ALICE["account_id"], "Alice Liddell")]


async def test_thousands_of_one_name_are_named_one_after_the_other() -> None:
    everybody = [Person(n, None, f"id-{n}", "Иван") for n in range(20_000)]
    names = [planned.names.username for planned in people._plan([], everybody)]
    assert names[:2] == ["somebody", "somebody-2"]
    assert len(set(names)) == len(names)


async def test_each_workspace_has_its_own(core: Core) -> None:
    await core.take()
    before = await _known(core)
    await core.take(full_name="charlie/x")
    assert await _known(core, "charlie") == await _known(core) == before
    assert await core.values("SELECT count(*) FROM account WHERE workspace_id NOT NULL") == [6]


async def test_a_forged_name_gains_nobody_a_right(core: Core) -> None:
    real = (await core.rows("SELECT * FROM account WHERE email = 'alice@example.org'"))[0]
    forged = {"display_name": "alice", "account_id": real["account_id"]}
    members = await core.rows("SELECT * FROM member")
    archive = _reported_by(forged)
    archive["issues"][0] |= {"assignee": forged, "watchers": [forged], "voters": [forged]}
    path = core.archive(archive, "2.0")
    await core.take(path, "charlie/x")
    [placeholder] = await core.values("SELECT reporter_id FROM issue")
    assert placeholder != real["id"]
    assert await core.values("SELECT DISTINCT account_id FROM watch") == [placeholder]
    assert [tuple(row) for row in await core.rows("SELECT * FROM member")] == [
        tuple(row) for row in members
    ]
    with pytest.raises(NotFound):
        await find_repository(core.db, await core.actor("alice"), "charlie", "x")
    again = (await core.rows("SELECT * FROM account WHERE email = 'alice@example.org'"))[0]
    assert tuple(again) == tuple(real)


async def test_a_placeholder_has_nothing_to_sign_in_with(core: Core) -> None:
    await core.take(_one_zero(core, "alice"))
    [row] = await core.rows(
        "SELECT email, password_hash, is_admin FROM account WHERE workspace_id IS NOT NULL"
    )
    assert tuple(row) == (None, None, 0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Alice Liddell", "alice-liddell"),
        ("Jürgen  Müller", "jurgen-muller"),
        ("課題", "somebody"),
        ("", "somebody"),
        (None, "somebody"),
        ("a_b.c", "a_b-c"),
        ("x" * 99, "x" * 60),
    ],
)
def test_a_username_is_made_of_a_name(name: str | None, expected: str) -> None:
    assert username(name) == expected
