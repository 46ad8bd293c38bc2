"""What the texts of an archive are taken to be written in: creole before a day of 2012."""

from typing import Any

import pytest

from tests.archives import comment, issue, log, sample
from tests.tracker.conftest import Core

BEFORE = "2012-10-09T17:59:59.999999+00:00"
SWITCH = "2012-10-09T18:00:00.000000+00:00"


async def markups(core: Core, table: str, key: str) -> dict[int, str]:
    """What the texts of the tracker in force are written in, by id."""
    rows = await core.rows(
        f"SELECT {key} AS id, content_markup FROM {table} WHERE tracker_id = :tracker",
        tracker=await core.in_force(),
    )
    return {row["id"]: row["content_markup"] for row in rows}


async def test_comments_before_the_switch_are_creole_with_and_without_a_text(core: Core) -> None:
    await core.take(
        sample(
            comments=[
                comment(1, created_on=BEFORE),
                comment(2, created_on=BEFORE, content=None),
                comment(3, created_on="2012-10-09 19:59:59+02:00", content=""),
                comment(4, created_on=SWITCH),
                comment(5, created_on=SWITCH, content=None),
                comment(6, created_on="2020-01-01", content=""),
            ],
            logs=[log(2), log(5)],
        )
    )
    assert await markups(core, "comment", "id") == {
        **dict.fromkeys((1, 2, 3), "creole"),
        **dict.fromkeys((4, 5, 6), "markdown"),
    }


async def test_a_comment_made_for_a_log_row_has_the_markup_of_its_date(core: Core) -> None:
    rows = [log(None, created_on=BEFORE), log(None, created_on=SWITCH)]
    await core.take(sample(comments=[], logs=rows))
    assert await markups(core, "comment", "id") == {1: "creole", 2: "markdown"}


@pytest.mark.parametrize(
    ("changes", "markup"),
    [
        ({"created_on": BEFORE}, "markdown"),
        ({"created_on": BEFORE, "content_updated_on": BEFORE}, "creole"),
        ({"created_on": BEFORE, "content_updated_on": "2012-10-05"}, "creole"),
        ({"created_on": BEFORE, "content_updated_on": "2012-10-04T23:59:59.999999Z"}, "markdown"),
        ({"created_on": BEFORE, "content_updated_on": SWITCH}, "markdown"),
        ({"created_on": BEFORE, "content": "a\n{{{\nb\n}}}"}, "creole"),
        ({"created_on": BEFORE, "content": "{{{ \t\r\n#!c++\r\nb\r\n}}}"}, "creole"),
        ({"created_on": BEFORE, "content": "{{{\n}}}", "content_updated_on": SWITCH}, "creole"),
        ({"created_on": SWITCH, "content": "{{{\n}}}"}, "markdown"),
        ({"created_on": BEFORE, "content": "a {{{\n {{{\n{{{b"}, "markdown"),
        ({"created_on": BEFORE, "content": None}, "markdown"),
        ({"created_on": SWITCH, "content": None, "content_updated_on": BEFORE}, "creole"),
    ],
)
async def test_the_body_of_an_issue_is_creole_where_a_sign_says_so(
    core: Core, changes: dict[str, Any], markup: str
) -> None:
    await core.take(sample(issues=[issue(1, **changes)], comments=[], logs=[], attachments=[]))
    assert await markups(core, "issue", "number") == {1: markup}


async def test_the_report_counts_the_bodies_that_were_taken_as_creole(core: Core) -> None:
    code = {"content": "{{{\na\n}}}"}
    rows = [
        issue(1, content_updated_on=BEFORE),
        issue(2, **code),
        issue(3, **code),
        issue(4, content_updated_on=BEFORE, **code),
        issue(5),
    ]
    archive = sample(issues=rows, comments=[], logs=[], attachments=[])
    sentence = (
        "Texts of issues that were taken as creole: 2 edited from 2012-10-05 to 2012-10-09, "
        "2 with {{{ on a line of its own."
    )
    for dry_run in (True, False):
        report = await core.take(archive, dry_run=dry_run)
        assert sentence in report.as_dict()["warnings"]
    report = await core.take(sample())
    assert not any("creole" in warning for warning in report.as_dict()["warnings"])


async def test_an_export_says_nothing_of_markups_and_comes_back_with_the_same(core: Core) -> None:
    await core.take(
        sample(
            issues=[issue(1, content_updated_on=BEFORE), issue(3)],
            comments=[comment(1, created_on=BEFORE), comment(2, created_on=SWITCH)],
            logs=[],
        )
    )
    before = await markups(core, "issue", "number"), await markups(core, "comment", "id")
    first = await core.give()
    await core.take(first)
    assert (await markups(core, "issue", "number"), await markups(core, "comment", "id")) == before
    assert (await core.give()).read_bytes() == first.read_bytes()
