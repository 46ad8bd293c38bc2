"""What an archive becomes: everything it carries, what may be broken in it, and what may not."""

from typing import Any

import pytest

from tests.archives import (
    ALICE,
    CHARLIE,
    FILES,
    Sample,
    attachment,
    comment,
    databases,
    issue,
    log,
    sample,
    write_folder,
)
from tests.jobs.working import dump
from tests.tracker.conftest import Core
from tests.writing import create_comment, create_issue
from tracker import comments
from tracker.access import repositories
from tracker.errors import Conflict, Invalid
from tracker.issues import NewIssue
from tracker.transfers import imports, numbering
from tracker.work.progress import Progress


async def _create_issue(core: Core, full_name: str = "alice/app") -> int:
    return await create_issue(
        core.db, await core.actor("alice"), await core.repository(full_name), NewIssue("new")
    )


async def _create_comment(core: Core, number: int, full_name: str = "alice/app") -> int:
    return await create_comment(
        core.db,
        await core.actor("alice"),
        await core.repository(full_name),
        number,
        content="a word",
    )


@pytest.mark.parametrize("versions", [("2.0",), ("1.0",), ("1.0", "2.0")])
async def test_everything_comes_in(core: Core, versions: tuple[str, ...]) -> None:
    report = await core.take(core.archive(sample(), *versions))
    tracker = {"tracker": await core.in_force()}
    assert report.counts == {
        "issues": 2,
        "comments": 3,
        "logs": 3,
        "attachments": 2,
        "components": 2,
        "milestones": 1,
        "versions": 2,
    }
    rows = await core.rows(
        """SELECT number, title, content_raw, state, kind, priority, votes, watches, created_on,
                  updated_on, content_updated_on, edited_on
             FROM issue WHERE tracker_id = :tracker ORDER BY number""",
        **tracker,
    )
    first, third = sample()["issues"]
    for row, sent in zip(rows, (first, third), strict=True):
        assert (row["number"], row["title"], row["content_raw"]) == (
            sent["id"],
            sent["title"],
            sent["content"],
        )
        assert (row["state"], row["kind"], row["priority"]) == (
            sent["status"],
            sent["kind"],
            sent["priority"],
        )
        assert (row["votes"], row["watches"]) == (len(sent["voters"]), len(sent["watchers"]))
        for key in ("created_on", "updated_on", "content_updated_on", "edited_on"):
            assert row[key] == sent[key]
    assert await core.values("SELECT count(*) FROM vote") == [1]
    assert await core.values("SELECT count(*) FROM watch") == [3]
    assert await core.values("SELECT issue_count FROM tracker WHERE id = :tracker", **tracker) == [
        2
    ]


async def test_comments_keep_their_ids_and_no_text_is_not_an_empty_one(core: Core) -> None:
    await core.take()
    rows = await core.rows("SELECT id, content_raw FROM comment ORDER BY id")
    assert [tuple(row) for row in rows] == [(100, "Comment 100"), (101, None), (102, "")]


async def test_log_rows_stay_as_they_were_written_and_in_their_order(core: Core) -> None:
    await core.take()
    rows = await core.rows(
        "SELECT field, changed_from, changed_to FROM log WHERE comment_id = 101 ORDER BY ordinal"
    )
    assert [tuple(row) for row in rows] == [
        ("status", "new", "open"),
        ("responsible", "None", "bob_b"),
        ("milestone", "", "release 0.4"),
    ]


async def test_files_come_in_under_their_hashes(core: Core) -> None:
    await core.take()
    rows = await core.rows("SELECT filename, blob, size FROM attachment ORDER BY ordinal")
    for row, data in zip(rows, FILES.values(), strict=True):
        assert row["size"] == len(data)
        assert b"".join(core.blobs.read(row["blob"])) == data


@pytest.mark.parametrize(
    ("section", "row"),
    [
        ("comments", comment(5, on=2)),
        ("logs", log(101, on=2)),
        ("logs", log(None, on=2)),
        ("attachments", attachment(on=2)),
    ],
)
async def test_what_hangs_on_an_absent_issue_is_refused(
    core: Core, section: str, row: dict[str, Any]
) -> None:
    await core.take()
    before = dump(core.settings.database)
    broken = sample()
    broken[section] = [*broken[section], row]
    place = f"db-2.0.json: {section}[{len(broken[section]) - 1}]."
    with pytest.raises(Invalid) as refusal:
        await core.take(broken)
    assert refusal.value.message.startswith(place), refusal.value
    assert dump(core.settings.database) == before


async def test_the_refusal_names_the_absent_issue(core: Core) -> None:
    words = "db-2.0.json: comments[1].issue: There is no issue 7."
    with pytest.raises(Invalid) as refusal:
        await core.take(sample(comments=[comment(1), comment(2, on=7)], logs=[]))
    assert refusal.value.message == words


@pytest.mark.parametrize("apart", [1, 1_500])
async def test_an_id_that_is_there_twice_is_refused_however_far_apart(
    core: Core, apart: int
) -> None:
    rows = [issue(10 + number) for number in range(apart)]
    with pytest.raises(Invalid) as refusal:
        await core.take(sample(issues=[*rows, issue(10)], comments=[], logs=[], attachments=[]))
    assert refusal.value.message == f"db-2.0.json: issues[{apart}].id: 10 is there twice."


@pytest.mark.parametrize("apart", [1, 1_500])
async def test_a_comment_id_that_is_there_twice_on_one_issue_is_refused_however_far_apart(
    core: Core, apart: int
) -> None:
    rows = [comment(5, on=3), *(comment(4 + number) for number in range(1, apart + 1))]
    twice = [*rows, rows[-1]]
    with pytest.raises(Invalid) as refusal:
        await core.take(sample(comments=twice, logs=[]))
    words = f"{rows[-1]['id']} is there twice on issue 1."
    assert refusal.value.message == f"db-2.0.json: comments[{len(rows)}].id: {words}"


NEW_IDS = (
    "db-2.0.json: comments without an id, or with one that another issue's comment has: {}; "
    "they got new ids."
)


async def _comments(core: Core) -> list[tuple[Any, ...]]:
    sql = """SELECT id, issue_number, content_raw FROM comment
              WHERE tracker_id = :tracker ORDER BY id"""
    return [tuple(row) for row in await core.rows(sql, tracker=await core.in_force())]


async def test_comment_ids_that_begin_anew_on_each_issue_become_one_series(core: Core) -> None:
    rows = [
        comment(1, content="a"),
        comment(2, content="b"),
        comment(1, on=3, content="c"),
        comment(2, on=3, content="d"),
    ]
    logs = [log(2, on=3), log(2), log(1, on=3, changed_to="closed")]
    report = await core.take(sample(comments=rows, logs=logs))
    assert await _comments(core) == [(1, 1, "a"), (2, 1, "b"), (3, 3, "c"), (4, 3, "d")]
    assert report.as_dict()["warnings"] == [NEW_IDS.format(2)]
    told = await core.rows("SELECT comment_id, issue_number FROM log ORDER BY ordinal")
    assert [tuple(row) for row in told] == [(4, 3), (2, 1), (3, 3)]
    first = await core.give()
    await core.take(first)
    assert (await core.give()).read_bytes() == first.read_bytes()


async def test_an_id_that_repeats_far_behind_is_new_and_its_log_rows_find_it(core: Core) -> None:
    rows = [comment(1 + number) for number in range(1_500)]
    report = await core.take(sample(comments=[*rows, comment(7, on=3)], logs=[log(7, on=3)]))
    assert (await _comments(core))[-1] == (1_501, 3, "Comment 7")
    assert await core.values("SELECT comment_id FROM log") == [1_501]
    assert report.as_dict()["warnings"] == [NEW_IDS.format(1)]


@pytest.mark.parametrize("missing", [None, ...])
async def test_comments_without_ids_get_new_ones_in_the_archives_order(
    core: Core, missing: Any
) -> None:
    rows = [
        comment(1, id=missing, content="a"),
        comment(7, content="b"),
        comment(1, id=missing, on=3, content="c"),
    ]
    report = await core.take(sample(comments=rows, logs=[log(9), log(None, on=3)]))
    assert await _comments(core) == [
        (7, 1, "b"),
        (9, 1, None),
        (10, 1, "a"),
        (11, 3, "c"),
        (12, 3, None),
    ]
    assert report.as_dict()["warnings"] == [NEW_IDS.format(2)]


async def test_new_ids_are_above_those_of_the_comments_that_were_there(core: Core) -> None:
    await core.take(sample(comments=[comment(500)], logs=[]))
    path = core.archive(sample(comments=[comment(1), comment(1, on=3)], logs=[log(None)]))
    tried = await core.take(path, dry_run=True)
    done = await core.take(path)
    assert [row[0] for row in await _comments(core)] == [1, 501, 502]
    assert tried.as_dict() == done.as_dict()
    assert "comment 502 was made" in done.as_dict()["unresolved"][0]
    await core.undo()
    await core.take(path)
    assert [row[0] for row in await _comments(core)] == [1, 501, 502]


async def test_new_ids_are_above_those_of_comments_that_were_removed(core: Core) -> None:
    await core.take(sample(comments=[comment(500)], logs=[]))
    alice, repository = await core.actor("alice"), await core.repository()
    await core.db.write(lambda tx: comments.delete(tx, alice, repository, 1, 500))
    await core.take(sample(comments=[comment(1, id=None)], logs=[]))
    assert [row[0] for row in await _comments(core)] == [501]


async def test_new_ids_are_above_the_counter_of_the_instance(core: Core) -> None:
    for _ in range(2):
        await _create_comment(core, await _create_issue(core, "alice/open"), "alice/open")
    await core.take(sample(comments=[comment(1, id=None)], logs=[]))
    assert [row[0] for row in await _comments(core)] == [3]


async def test_a_dry_run_for_a_new_repository_gives_the_ids_that_the_import_gives(
    core: Core,
) -> None:
    await _create_comment(core, await _create_issue(core, "alice/open"), "alice/open")
    path = core.archive({"issues": [issue(1)], "comments": [], "logs": [log(None)]})
    settings, progress = core.settings, Progress()
    tried = await imports.rehearse(
        settings.spool_dir, settings.limits, path, progress, db=core.db, full_name="alice/new"
    )
    await repositories.create(core.db, "alice/new")
    done = await core.take(path, "alice/new")
    assert tried.as_dict() == done.as_dict()
    assert "comment 2 was made" in done.as_dict()["unresolved"][0]


async def test_two_databases_are_joined_by_comments_whose_ids_repeat(core: Core) -> None:
    rows = [comment(1, user=ALICE), comment(1, on=3, user=CHARLIE)]
    sections = sample(comments=rows, logs=[log(1, user=ALICE), log(1, on=3, user=CHARLIE)])
    for number in (0, 1):
        sections["issues"][number] |= {"reporter": None, "watchers": [], "voters": []}
    report = await core.take(core.archive(sections, "1.0", "2.0"))
    assert report.as_dict()["warnings"] == [NEW_IDS.format(1)]
    names = await core.values("SELECT username FROM account WHERE workspace_id IS NOT NULL")
    assert sorted(names) == ["alice", "bob_b", "charlie"]


async def test_no_new_id_is_above_the_largest(core: Core) -> None:
    largest = 1 << 52
    for rows, logs in (
        ([comment(largest), comment(1, id=None)], []),
        ([comment(largest)], [log(None)]),
    ):
        with pytest.raises(Invalid, match="There is no id left for a comment"):
            await core.take(sample(comments=rows, logs=logs))


async def test_repeated_ids_have_an_end(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbering, "MOST_MOVED", 2)
    rows = [comment(1 + number % 3, on=1 + 2 * (number // 3)) for number in range(6)]
    await core.take(sample(comments=rows[:-1], logs=[]))
    with pytest.raises(Invalid, match=r"comments\[5\].id: More than 2 comments have ids of other"):
        await core.take(sample(comments=rows, logs=[]))


async def test_ids_may_be_digits_in_quotes(core: Core) -> None:
    await core.take(
        {
            "issues": [issue(1, id="12")],
            "comments": [comment(5, id=" 005 ", on="12"), comment(6, id="", on="012")],
            "logs": [log(5, on="12") | {"comment": "5"}],
            "attachments": [attachment(on="12")],
        }
    )
    assert await core.values("SELECT number FROM issue") == [12]
    assert await core.values("SELECT comment_id FROM log WHERE issue_number = 12") == [5]
    assert await core.values("SELECT issue_number FROM attachment") == [12]
    assert await core.values("SELECT id FROM comment ORDER BY id") == [5, 6]


@pytest.mark.parametrize("id", ["0", "1.0", "-1", "+1", "1 2", "\uff11", "9" * 40, " ", True, 1.0])
async def test_an_id_that_is_no_number_above_zero_is_refused(core: Core, id: object) -> None:
    with pytest.raises(Invalid, match=r"comments\[0\].id: "):
        await core.take(sample(comments=[comment(5, id=id)], logs=[]))


async def test_a_log_on_another_issues_comment_is_refused(core: Core) -> None:
    with pytest.raises(Invalid, match=r"logs\[0\].comment: Comment 101 belongs to issue 1"):
        await core.take(sample(logs=[log(101, on=3)]))


async def test_a_log_without_its_comment_gets_one_that_says_nothing(core: Core) -> None:
    report = await core.take(sample(logs=[log(500), log(500, field="kind"), log(None, on=3)]))
    rows = await core.rows(
        """SELECT c.id, c.issue_number, c.content_raw, count(*) AS logs
             FROM comment c JOIN log l ON l.comment_id = c.id GROUP BY c.id ORDER BY c.id"""
    )
    assert [tuple(row) for row in rows] == [(500, 1, None, 2), (501, 3, None, 1)]
    assert report.as_dict()["unresolved"] == [
        "logs[0] of issue 1 has no comment: comment 500 was made",
        "logs[2] of issue 3 has no comment: comment 501 was made",
    ]


async def test_logs_of_one_moment_share_a_made_comment_even_in_two_batches(core: Core) -> None:
    logs = [log(None, field="kind") for _ in range(1_001)]
    report = await core.take(sample(logs=logs))
    assert await core.values("SELECT DISTINCT comment_id FROM log") == [103]
    assert len(report.as_dict()["unresolved"]) == 1


async def test_names_that_nobody_declared_are_declared_and_reported(core: Core) -> None:
    report = await core.take(
        sample(issues=[issue(1, component="ui", milestone="m 9", version="v")], components=[])
        | {"comments": [], "logs": [], "attachments": []}
    )
    rows = await core.rows("SELECT kind, name FROM category ORDER BY id")
    assert {("component", "ui"), ("milestone", "m 9"), ("version", "v")} <= {
        tuple(row) for row in rows
    }
    assert await core.values(
        """SELECT c.name FROM issue i JOIN category c ON c.id = i.milestone_id"""
    ) == ["m 9"]
    assert sorted(report.as_dict()["unresolved"]) == [
        "component 'ui' was used and not declared: it is declared now",
        "milestone 'm 9' was used and not declared: it is declared now",
        "version 'v' was used and not declared: it is declared now",
    ]


async def test_a_file_that_is_missing_leaves_its_row_without_bytes(core: Core) -> None:
    path = core.archive(sample(), files={})
    report = await core.take(path)
    assert await core.values("SELECT blob FROM attachment") == [None, None]
    assert len(report.as_dict()["missing_files"]) == 2
    assert "'screen shot.png' of issue 1" in report.as_dict()["missing_files"][0]


async def test_a_file_that_no_attachment_names_is_reported_and_left_out(core: Core) -> None:
    extra = f"attachments/{'c3' * 16}"
    report = await core.take(core.archive(files={**FILES, extra: b"nobody's"}))
    [warning] = report.as_dict()["warnings"]
    assert extra in warning
    assert len(core.blobs.folders()) == 2


async def test_two_files_of_one_name_on_one_issue_are_both_there(core: Core) -> None:
    paths = list(FILES)
    same = [attachment(path, filename="a.tar.gz") for path in (*paths, *paths)]
    await core.take(sample(attachments=[*same, attachment(paths[0], on=3, filename="a.tar.gz")]))
    rows = await core.rows("SELECT name, filename FROM attachment ORDER BY issue_number, ordinal")
    assert [row["name"] for row in rows] == [
        "a.tar.gz",
        "a.tar.1.gz",
        "a.tar.2.gz",
        "a.tar.3.gz",
        "a.tar.gz",
    ]
    assert {row["filename"] for row in rows} == {"a.tar.gz"}


async def test_the_largest_id_comes_in_and_no_larger_one_is_made(core: Core) -> None:
    largest = 1 << 52
    await core.take(
        sample(issues=[issue(largest)], comments=[comment(largest, on=largest)])
        | {"logs": [], "attachments": []}
    )
    assert await core.values("SELECT id FROM comment") == [largest]
    with pytest.raises(Conflict, match="The numbers are used up"):
        await _create_issue(core)
    assert (await core.repository()).id  # and what came in goes out, and in again
    await core.take(await core.give())


async def test_made_comments_take_no_id_that_the_archive_names(core: Core) -> None:
    sections = {
        "issues": [issue(1), issue(2)],
        "comments": [comment(100)],
        "logs": [log(None), log(101, on=2), log(500), log(500, on=2)],
    }
    report = await core.take(sections)
    assert await core.values("SELECT id FROM comment ORDER BY id") == [100, 101, 500, 501, 502]
    assert await core.values("SELECT issue_number FROM comment ORDER BY id") == [1, 2, 1, 1, 2]
    assert len(report.as_dict()["unresolved"]) == 4


async def test_no_issue_number_is_used_twice_whatever_comes_and_goes(core: Core) -> None:
    await core.take()
    assert await _create_issue(core) == 4
    await core.take()
    assert await _create_issue(core) == 5
    await core.undo()
    assert await _create_issue(core) == 6


async def test_a_new_comment_comes_after_every_other_and_imported_ids_bind_their_tracker_only(
    core: Core,
) -> None:
    await core.take()
    await _create_issue(core, "alice/open")
    assert await _create_comment(core, 1, "alice/open") == 1
    assert await _create_comment(core, 1) == 103
    assert await _create_comment(core, 1, "alice/open") == 3
    await core.undo()
    assert await _create_issue(core) == 4
    assert await _create_comment(core, 4) == 4


async def test_definitions_have_ids_of_their_own_in_the_whole_instance(core: Core) -> None:
    await core.take()
    await core.take(full_name="alice/open")
    await core.take()
    ids = await core.values("SELECT id FROM category")
    assert len(ids) == len(set(ids)) == 15


async def test_a_bad_record_at_the_end_of_many_changes_nothing(core: Core) -> None:
    await core.take()
    before = dump(core.settings.database)
    many = [issue(number) for number in range(1, 5_000)]
    with pytest.raises(Invalid, match=r"issues\[4999\].kind: Must be one of"):
        await core.take(sample(issues=[*many, issue(5_000, kind="bugs")]))
    with pytest.raises(Invalid, match=r"comments\[0\].issue: There is no issue 6000"):
        await core.take(sample(issues=many, comments=[comment(1, on=6_000)], logs=[]))
    assert dump(core.settings.database) == before


async def test_a_dry_run_reports_and_changes_nothing_but_its_job(core: Core) -> None:
    await core.take()
    # The job itself may decide what may be written: it moves the revision of rights.
    counters = "counter WHERE name != 'rights'"
    tables = ("account", "tracker", "issue", "category", counters, "attachment")

    async def everything() -> list[Any]:
        return [[tuple(r) for r in await core.rows(f"SELECT * FROM {t}")] for t in tables]

    before, blobs = await everything(), core.blobs.folders()
    other = sample(
        issues=[issue(9, reporter={"display_name": "New", "account_id": "n"}, version="9")],
        **{"comments": [], "logs": [log(None, on=9)], "attachments": [attachment(on=9)]},
    )
    report = await core.take(core.archive(other, files={}), dry_run=True)
    assert await everything() == before
    assert core.blobs.folders() == blobs
    assert list(core.settings.spool_dir.iterdir()) == []
    real = await core.take(core.archive(other, files={}))
    assert real.as_dict() == report.as_dict()
    assert report.as_dict()["placeholders"] == ["New"]


async def test_a_dry_run_refuses_what_an_import_refuses(core: Core) -> None:
    with pytest.raises(Invalid, match="There is no issue 7"):
        await core.take(sample(comments=[comment(2, on=7)], logs=[]), dry_run=True)


async def test_a_dry_run_holds_no_writer_up(core: Core) -> None:
    await core.claimed(archive=core.archive(), dry_run=True)
    assert await _create_issue(core) == 1


async def test_an_import_that_has_begun_holds_writers_up(core: Core) -> None:
    job = await core.accept(archive=core.archive())
    assert await _create_issue(core) == 1
    assert job.id == (await core.rows("SELECT id FROM job"))[0]["id"]
    await core.db.run("UPDATE job SET status = 'STARTED'")
    with pytest.raises(Conflict) as refusal:
        await _create_issue(core)
    assert refusal.value.retry_after
    with pytest.raises(Conflict):
        await _create_comment(core, 1)


async def test_a_write_that_was_meant_for_the_replaced_issues_is_refused(core: Core) -> None:
    await core.take()
    alice, before = await core.actor("alice"), await core.repository()
    await core.take({"issues": [issue(1, title="another issue")]})
    with pytest.raises(Conflict):
        await create_comment(core.db, alice, before, 1, content="for the first")
    with pytest.raises(Conflict):
        await create_issue(core.db, alice, before, NewIssue("new"))
    assert await _create_issue(core) == 4


async def test_an_unpacked_folder_is_an_archive_too(core: Core) -> None:
    path = write_folder(core.settings.data_dir / "unpacked", databases(sample()), FILES)
    assert (await core.take(path)).counts["issues"] == 2
    assert await core.values("SELECT count(blob) FROM attachment") == [2]


async def test_two_databases_that_disagree_are_reported_and_the_newer_wins(core: Core) -> None:
    older = sample(issues=[issue(1, title="old"), issue(3)])
    dbs = databases(sample()) | {"1.0": databases(older, "1.0")["1.0"]}
    path = write_folder(core.settings.data_dir / "two", dbs, FILES)
    report = await core.take(path)
    assert await core.values("SELECT title FROM issue WHERE number = 1") == ["Issue 1"]
    assert any("issues" in warning for warning in report.as_dict()["warnings"])


async def test_the_lists_of_a_report_end_somewhere(core: Core) -> None:
    files: Sample = sample(
        attachments=[attachment(f"attachments/{number:032x}") for number in range(1_200)]
    )
    report = await core.take(core.archive(files, files={}))
    missing = report.as_dict()["missing_files"]
    assert len(missing) == 1_001
    assert missing[-1] == "... and 200 more"


async def test_one_trackers_high_comment_ids_are_no_other_repositorys_matter(core: Core) -> None:
    highest = (1 << 52) - 1
    await core.take({"issues": [issue(1)], "comments": [comment(highest)]})
    assert await _create_comment(core, 1) == highest + 1
    await _create_issue(core, "alice/open")
    assert await _create_comment(core, 1, "alice/open") == 2


async def test_thousands_of_files_of_one_name_each_get_their_own(core: Core) -> None:
    rows = [attachment("attachments/none", filename="a.png") for _ in range(5000)]
    await core.take(sample(attachments=rows))
    names = await core.values("SELECT name FROM attachment ORDER BY ordinal")
    assert names[:3] == ["a.png", "a.1.png", "a.2.png"]
    assert len(set(names)) == 5000
