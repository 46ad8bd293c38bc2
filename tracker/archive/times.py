"""Times as archives write them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import fields

from tracker import clock

EXACT = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d\.\d{6}\+00:00", re.ASCII)
"""The one way in which Bitbucket and Pail write a time; the date may still be none."""

_LENIENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,9}))?)? ?(Z|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)
# https://bitbucket.org/ws/slug/issues/attachments/9/ws/slug/1358126907.55/9/name (reference 3.2)
_UPLOADED = re.compile(r"/attachments/\d+/[^/]+/[^/]+/(\d{1,11})(?:\.(\d{1,6}))?/\d+/", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Moment(fields.Field[str]):
    """A time as any known producer writes it; without a zone it is UTC (reference 3.2)."""

    default_error_messages = {"invalid": "Not a valid datetime."}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        found = _LENIENT.fullmatch(value) if isinstance(value, str) else None
        if not found:
            raise self.make_error("invalid")
        day, minute, second, fraction, zone = found.groups("")
        sign, digits = zone[:1], zone[1:].replace(":", "").ljust(4, "0")
        offset = f"{sign}{digits[:2]}:{digits[2:]}" if sign in "+-" and sign else "+00:00"
        exact = f"{day}T{minute or '00:00'}{second or ':00'}.{fraction[:6].ljust(6, '0')}{offset}"
        try:
            return clock.text(datetime.fromisoformat(exact))
        except (ValueError, OverflowError) as error:
            raise self.make_error("invalid") from error


def uploaded_on(url: str | None) -> str | None:
    """The upload time hidden in an attachment's url: .../1358126907.55/... (reference 3.2)."""
    found = _UPLOADED.search(url or "")
    if not found:
        return None
    seconds, fraction = int(found[1]), int((found[2] or "").ljust(6, "0"))
    return clock.text(_EPOCH + timedelta(seconds=seconds, microseconds=fraction))
