"""The current time as the tracker writes it; tests and the mock can replace the clock."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_source: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731


def set_source(source: Callable[[], datetime] | None) -> None:
    """Take the time from source (aware datetimes); None goes back to the system's clock."""
    global _source
    _source = source or (lambda: datetime.now(UTC))


def text(moment: datetime) -> str:
    """An aware datetime as fixed-width UTC text: 2012-07-29T02:35:38.000000+00:00."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def now() -> str:
    """The current time as fixed-width UTC text; sorts as text."""
    return text(_source())


def shifted(*, seconds: float = 0, days: float = 0) -> str:
    """The current time moved by seconds and days (negative: into the past), as text."""
    return text(_source() + timedelta(seconds=seconds, days=days))
