"""How API 1.0 shows times and names."""

from typing import Any

import pytest

from service.api_v1.representation import local, profile, utc


@pytest.mark.parametrize(
    ("time", "amsterdam"),
    [
        ("2012-01-31T23:30:00.999999+00:00", "2012-02-01 00:30:00"),
        ("2012-07-31T22:30:00.000000+00:00", "2012-08-01 00:30:00"),
        ("2012-03-25T00:59:59.000000+00:00", "2012-03-25 01:59:59"),
        ("2012-03-25T01:00:00.000000+00:00", "2012-03-25 03:00:00"),
        ("2012-10-28T00:59:59.000000+00:00", "2012-10-28 02:59:59"),
        ("2012-10-28T01:00:00.000000+00:00", "2012-10-28 02:00:00"),
        ("9999-12-31T22:59:59.999999+00:00", "9999-12-31 23:59:59"),
        ("9999-12-31T23:59:59.999999+00:00", "9999-12-31 23:59:59"),
    ],
)
def test_a_time_is_shown_in_utc_and_as_clocks_in_amsterdam_showed_it(
    time: str, amsterdam: str
) -> None:
    assert local(time) == amsterdam
    assert utc(time) == f"{time[:10]} {time[11:19]}+00:00"


def test_in_the_year_1_clocks_followed_the_sun() -> None:
    shown = local("0001-01-01T00:00:00.000000+00:00")
    assert shown.startswith("0001-01-01 00:")
    assert len(shown) == 19


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Jesper Noehr", "Jesper", "Noehr"),
        ("Anna Maria van der Berg", "Anna Maria van der", "Berg"),
        ("sehmaschine", "sehmaschine", ""),
        ("ann", "", ""),
        (" Berg", "Berg", ""),
        ("Anna ", "Anna", ""),
    ],
)
def test_a_name_is_split_at_its_last_blank(name: str, first: str, last: str) -> None:
    row: Any = {"display_name": name, "nickname": "ann", "uuid": "{1}"}
    shown = profile("http://localhost", row)
    assert (shown["first_name"], shown["last_name"]) == (first, last)
    assert shown["display_name"] == name


def test_a_user_name_of_an_archive_is_escaped_in_its_address() -> None:
    row: Any = {"display_name": "x", "nickname": "a/b ü?", "uuid": "{1}"}
    assert profile("", row)["resource_uri"] == "/1.0/users/a%2Fb%20%C3%BC%3F"
