"""Times as archives write them."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from marshmallow import fields

from tracker import clock

EXACT = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d\.\d{6}\+00:00", re.ASCII)
"""The one way in which Bitbucket and Pail write a time; the date may still be none."""

_ZONES = {"Z": "+00:00", "UT": "+00:00", "UTC": "+00:00", "GMT": "+00:00"} | {
    f"{zone}{light}T": f"-{west - (light == 'D'):02}:00"
    for zone, west in (("E", 5), ("C", 6), ("M", 7), ("P", 8))
    for light in "SD"
}
_ZONES |= dict.fromkeys("ABCDEFGHIKLMNOPQRSTUVWXY", "+00:00")
"""The zones that RFC 5322 has names for, and their offsets; it takes the military ones for UTC."""

_ZONE = rf"(?: ?({'|'.join(_ZONES)}|[+-]\d\d(?::?[0-5]\d)?))?"
_LENIENT = re.compile(
    rf"(\d{{4}}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:[.,](\d{{1,9}}))?)?{_ZONE}",
    re.ASCII | re.IGNORECASE,
)
_MAIL = re.compile(
    rf"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), *)?\d\d? "
    rf"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [1-9]\d{{3}} \d\d:\d\d(?::\d\d)?"
    rf"(?: (?:{'|'.join(_ZONES)}|[+-]\d\d[0-5]\d))?(?: \([A-Z]*\))?",
    re.ASCII | re.IGNORECASE,
)
# https://bitbucket.org/ws/slug/issues/attachments/9/ws/slug/1358126907.55/9/name
_UPLOADED = re.compile(r"/attachments/\d+/[^/]+/[^/]+/(\d{1,11})(?:\.(\d{1,6}))?/\d+/", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Moment(fields.Field[str]):
    """A time as any known producer writes it, dates of mails too; without a zone it is UTC."""

    default_error_messages = {"invalid": "Not a valid datetime."}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        try:
            moment = parsedate_to_datetime(value) if _MAIL.fullmatch(value) else _iso(value)
            return clock.text(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        except (ValueError, OverflowError) as error:
            raise self.make_error("invalid") from error


def _iso(value: str) -> datetime:
    """A time like 2013-05-01 12:00:00.5 UTC. Raises ValueError."""
    found = _LENIENT.fullmatch(value)
    if not found:
        raise ValueError(value)
    day, minute, second, fraction, zone = found.groups("")
    offset = _ZONES.get(zone.upper())
    if offset is None:
        digits = zone[1:].replace(":", "").ljust(4, "0")
        offset = f"{zone[:1] or '+'}{digits[:2]}:{digits[2:]}"
    exact = f"{day}T{minute or '00:00'}{second or ':00'}.{fraction[:6].ljust(6, '0')}{offset}"
    return datetime.fromisoformat(exact)


def uploaded_on(url: str | None) -> str | None:
    """The upload time hidden in an attachment's url: .../1358126907.55/name."""
    found = _UPLOADED.search(url or "")
    if not found:
        return None
    seconds, fraction = int(found[1]), int((found[2] or "").ljust(6, "0"))
    return clock.text(_EPOCH + timedelta(seconds=seconds, microseconds=fraction))
