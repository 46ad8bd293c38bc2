"""docs/coverage.md says what is served, and which test says so."""

import re

import pytest

from service.api_v1.dialect import V1
from tests.conformance import coverage, official, old_calls
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


def test_every_call_of_the_old_api_has_a_route_and_tests() -> None:
    calls = {**old_calls.PAGE, **old_calls.BESIDE}
    ours = coverage.routes(V1.prefixes[0])
    assert len(old_calls.PAGE) == 25
    assert [name for name in calls if official.shape(name) not in ours] == []
    assert [name for name in old_calls.NOT_SERVED if official.shape(name) in ours] == []
    for tests in calls.values():
        assert (official.ROOT / "tests" / tests).exists(), tests
    # What Pail says of itself is nobody else's.
    assert ours.keys() - set(map(official.shape, calls)) == {"GET /openapi.json", "GET /docs"}


@pytest.mark.skipif(not official.IS_HERE, reason=official.MISSING)
def test_the_calls_of_the_old_api_are_those_of_its_page() -> None:
    text = old_calls.PAGE_FILE.read_text("utf-8")
    named = re.findall(r"\b(GET|POST|PUT|DELETE)\s+https://api\.bitbucket\.org/1\.0([^\s?]+)", text)
    assert [f"{method} {path}" for method, path in named] == list(old_calls.PAGE)
