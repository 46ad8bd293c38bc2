"""People whom archives name: placeholders of a workspace, known again, and without any right."""

import json
import zipfile
from typing import Any

import pytest

from tests.archives import (
    ALICE,
    BOB,
    CHARLIE,
    as_data,
    attachment,
    comment,
    databases,
    issue,
    log,
    sample,
    write_zip,
)
from tests.tracker.conftest import Core
from tests.writing import create_issue
from tracker import edits
from tracker.access.rights import find_repository
from tracker.archive import joining, places
from tracker.archive.records import Person
from tracker.edits import Edit
from tracker.errors import NotFound
from tracker.issues import NewIssue
from tracker.transfers import placeholders
from tracker.transfers.placeholders import username

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


async def _written(core: Core, version: str = "2.0") -> Any:
    with zipfile.ZipFile(await core.give()) as archive:
        return json.loads(archive.read(f"db-{version}.json"))


def _name(display_name: str) -> dict[str, str | None]:
    return {"display_name": display_name, "account_id": None}


def _everywhere(first: Any, second: Any) -> dict[str, Any]:
    """An archive that names two people in every place where there are people."""
    watched = issue(1, reporter=first, assignee=second, watchers=[second, first], voters=[first])
    return {
        "meta": {"default_assignee": first},
        "issues": [watched, issue(2, reporter=second, assignee=first, watchers=[second])],
        "comments": [comment(1, user=first), comment(2, user=second)],
        "logs": [log(1, user=first), log(2, user=second)],
        "attachments": [attachment(user=first), attachment(user=second, filename="b")],
    }


async def _goes_round(core: Core, changed: dict[str, Any]) -> None:
    """It comes out as it went in, in each version that it has, and from then on the same."""
    await core.take(write_zip(core.settings.data_dir / "in.zip", changed))
    for version, sections in changed.items():
        assert as_data(await _written(core, version)) == as_data({"components": [], **sections}), (
            version
        )
    first = await core.give()
    for full_name in ("alice/app", "charlie/x"):
        await core.take(first, full_name)
        again = await core.give(full_name)
        for version in ("1.0", "2.0"):
            name = f"db-{version}.json"
            with zipfile.ZipFile(first) as one, zipfile.ZipFile(again) as other:
                assert one.read(name) == other.read(name)
    await core.take(first)
    assert (await core.give()).read_bytes() == first.read_bytes()


HALVES = {
    "a name and a username": ((_name("Kim"), "kim"), (BOB, "bob_b")),
    "a name only": ((_name("Kim"), None), (BOB, "bob_b")),
    "an account only": ((ALICE, None), (BOB, "bob_b")),
    "an account without a name": (
        ({"display_name": None, "account_id": "557058:x"}, None),
        ({"display_name": None, "account_id": "557058:y"}, "y"),
    ),
    "nobody has an account": ((_name("Kim"), "kim"), (_name("Bob"), "bob")),
    "nobody has a username": ((_name("Kim"), None), (BOB, None)),
    "one name and two usernames": ((_name("Kim"), "kim1"), (_name("Kim"), "kim2")),
    "one name and one username": ((_name("Kim"), None), (_name("Kim"), "kim")),
    "one username and two names": ((_name("Kim"), "kim"), (_name("Kim Lee"), "kim")),
    "somebody's username as a name": ((_name("bob_b"), None), (BOB, "bob_b")),
    "two usernames for a name that slugs like them": ((_name("Bob B"), "bob_b"), (BOB, None)),
}


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("case", HALVES)
async def test_what_an_archive_lacks_of_a_person_is_null_in_its_exports(
    core: Core, case: str, known: bool
) -> None:
    (first, first_username), (second, second_username) = HALVES[case]
    if known:  # the workspace knows more of them, or less
        await core.take(core.archive(sample(), "1.0", "2.0"))
        await core.take(_reported_by(*({"display_name": n, "account_id": n} for n in ("kim", "y"))))
        await core.take(_one_zero(core, "kim", "kim1", "alice-liddell"))
    await _goes_round(
        core,
        {
            "2.0": _everywhere(first, second),
            "1.0": _everywhere(first_username, second_username),
        },
    )


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
async def test_one_database_alone_leaves_the_other_half_null(
    core: Core, version: str, known: bool
) -> None:
    if known:
        await core.take(core.archive(sample(), "1.0", "2.0"))
    people = (ALICE, BOB) if version == "2.0" else ("alice", "bob_b")
    await _goes_round(core, {version: _everywhere(*people)})
    reporters = [row["reporter"] for row in (await _written(core, "1.0"))["issues"]]
    assert reporters == ([None, None] if version == "2.0" else ["alice", "bob_b"])
    accounts = [row["reporter"]["account_id"] for row in (await _written(core))["issues"]]
    assert (accounts == [None, None]) == (version == "1.0")


async def test_whoever_has_a_username_only_is_called_so_in_the_newer_database(core: Core) -> None:
    await core.take(_one_zero(core, "kim", None))
    reporters = [row["reporter"] for row in (await _written(core))["issues"]]
    assert reporters == [_name("kim"), None]


async def test_a_list_may_hold_two_people_of_one_name(core: Core) -> None:
    kim = _name("Kim")
    changed = {
        "2.0": {"issues": [issue(1, reporter=None, watchers=[kim, ALICE, kim], voters=[kim])]},
        "1.0": {"issues": [issue(1, reporter=None, watchers=["k1", None, "k2"], voters=["k2"])]},
    }
    await _goes_round(core, changed)
    assert await core.values("SELECT max(watches) FROM issue") == [3]


async def test_a_username_in_a_list_that_is_somebody_elses_says_nothing(core: Core) -> None:
    lee = _name("Lee")
    rows = [
        issue(1, reporter=lee, assignee=BOB, watchers=[]),
        issue(2, reporter=_name("Kim"), watchers=[lee, BOB, _name("Kim")]),
    ]
    old = [
        issue(1, reporter="lee", assignee="bob_b", watchers=[]),
        issue(2, reporter="kim", watchers=["bob_b", "kim", "lee"]),
    ]
    await _goes_round(core, {"2.0": {"issues": rows}, "1.0": {"issues": old}})


async def test_the_places_that_tell_namesakes_apart_have_an_end(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "_MOST_SPLIT", 1)
    kims = [_name("Kim")] * 4
    changed = {"2.0": _reported_by(*kims), "1.0": _reported_by("a", "b", "c", "a")}
    await core.take(write_zip(core.settings.data_dir / "in.zip", changed))
    assert [row["reporter"] for row in (await _written(core, "1.0"))["issues"]] == list("abaa")
    monkeypatch.setattr(places, "MOST", 1)
    await core.take(write_zip(core.settings.data_dir / "in.zip", changed))
    assert [row["reporter"] for row in (await _written(core, "1.0"))["issues"]] == list("aaaa")


async def test_accounts_of_our_own_leave_with_both_halves(core: Core) -> None:
    await core.take(core.archive(_reported_by(_name("Alice")), "2.0"))
    number = await create_issue(
        core.db, await core.actor("alice"), await core.repository(), NewIssue("ours")
    )
    ours = await core.rows("SELECT * FROM account WHERE email = 'alice@example.org'")
    row = {row["id"]: row for row in (await _written(core))["issues"]}[number]
    assert row["reporter"] == {
        "display_name": ours[0]["display_name"],
        "account_id": ours[0]["account_id"],
    }
    row = {row["id"]: row for row in (await _written(core, "1.0"))["issues"]}[number]
    assert row["reporter"] == "alice"


async def test_a_log_row_written_here_says_nothing_derived_and_others_leave_as_they_came(
    core: Core,
) -> None:
    kim = _name("Kim")
    came = log(1, field="responsible", changed_from="kim", changed_to="kim-lee")
    sections = {
        "issues": [issue(1, reporter=kim, assignee=ALICE, watchers=[])],
        "comments": [comment(1)],
        "logs": [came],
    }
    await core.take(sections)
    alice, repository = await core.actor("alice"), await core.repository()
    [known] = await core.values("SELECT uuid FROM account WHERE display_name = 'Kim'")
    for reference in (("uuid", known), ("username", "bob"), None):
        edit = Edit(references={"assignee": reference})
        await core.db.write(lambda tx, edit=edit: edits.apply(tx, alice, repository, 1, edit))
    written = await core.give()
    logs = (await _written(core))["logs"]
    [bob] = await core.values("SELECT account_id FROM account WHERE email = 'bob@example.org'")
    assert [(row["field"], row["changed_from"], row["changed_to"]) for row in logs] == [
        ("responsible", "kim", "kim-lee"),
        ("responsible", "", ""),
        ("responsible_account_id", ALICE["account_id"], ""),
        ("responsible", "", "bob"),
        ("responsible_account_id", "", bob),
        ("responsible", "bob", ""),
        ("responsible_account_id", bob, ""),
    ]
    await core.take(written)
    assert (await core.give()).read_bytes() == written.read_bytes()


async def test_an_export_of_an_older_pail_comes_in_and_leaves_without_what_it_derived(
    core: Core,
) -> None:
    kims = [{"display_name": "Kim", "account_id": f"pail:kim{n}"} for n in ("", "-2")]
    await core.take(_reported_by(*kims, ALICE))
    assert [row["reporter"] for row in (await _written(core))["issues"]] == [
        _name("Kim"),
        _name("Kim"),
        ALICE,
    ]


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
    names = [planned.names.username for planned in placeholders._plan([], everybody)]
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
