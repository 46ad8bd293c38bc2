"""docs/coverage.md says what is served, and which test says so."""

import pytest

from tests.conformance import coverage, official
from tests.conformance.examples import EXAMPLES, why_not

WRITTEN = coverage.PAGE.read_text("utf-8")


def test_the_page_is_what_the_routes_and_the_examples_make_of_it() -> None:
    assert coverage.page(coverage.listed(WRITTEN)) == WRITTEN


@pytest.mark.skipif(not official.IS_HERE, reason=official.MISSING)
def test_the_page_lists_every_operation_of_the_specification() -> None:
    named = [(operation.group, operation.name) for operation in official.operations()]
    assert coverage.listed(WRITTEN) == named
    assert sum(group == "the issue tracker" for group, _ in named) == 33


def test_every_operation_of_the_issue_tracker_is_served() -> None:
    for group, name in coverage.listed(WRITTEN):
        assert name in EXAMPLES or group == "around it", name


def test_what_is_said_not_to_be_served_has_no_route() -> None:
    for _, name in coverage.listed(WRITTEN):
        if name not in EXAMPLES:
            assert official.shape(name) not in coverage.routes()
            assert why_not(name)


def test_every_example_is_of_an_operation_and_names_tests_that_are_there() -> None:
    assert EXAMPLES.keys() <= {name for _, name in coverage.listed(WRITTEN)}
    for example in EXAMPLES.values():
        assert (official.ROOT / "tests" / example.tests).exists(), example.tests
