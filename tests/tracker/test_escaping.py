"""Escaping: one line that can be stored, sent and shown, and that still can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.texts import LONE, SHOWN, STEERING, steering
from tracker.escaping import escaped
from tracker.transfers.reports import MOST_LISTED, Findings, Report


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (STEERING, SHOWN),
        (f"{LONE}\udfff", r"\ud800\udfff"),
        ("\0\x1f\x80\x9f\u202a\u2069", r"\x00\x1f\x80\x9f\u202a\u2069"),
    ],
)
def test_what_steers_is_shown_by_its_number(text: str, shown: str) -> None:
    assert escaped(text) == shown


@pytest.mark.parametrize(
    "text", ["обложка", "größer", "課題 👩‍👩‍👧 e\u0301", "שלום\u200f!", r"C:\n", "a~\xa0b", ""]
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert escaped(text) == text


@given(st.text(st.characters()))
def test_any_text_becomes_one_that_can_be_kept(text: str) -> None:
    kept = escaped(text)
    assert not steering(kept)
    assert kept.encode().decode() == kept
    assert escaped(kept) == kept


def test_a_report_has_escaped_entries_and_counts_the_others() -> None:
    report = Report({"issues": 1})
    for findings in (
        report.warnings,
        report.unresolved,
        report.missing_files,
        report.placeholders,
    ):
        findings.add(STEERING, LONE)
    shown = report.as_dict()
    assert shown.pop("counts") == {"issues": 1}
    assert list(shown.values()) == [[SHOWN, r"\ud800"]] * 4


def test_a_list_of_findings_stops_growing() -> None:
    findings = Findings()
    findings.add(*[LONE] * (MOST_LISTED + 2))
    assert findings.as_list()[-2:] == [r"\ud800", "... and 2 more"]
