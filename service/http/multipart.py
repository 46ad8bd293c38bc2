"""Multipart bodies: the parts of a form one after the other, whether they hold texts or files."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import NamedTuple

from aiohttp import BodyPartReader, MultipartReader, hdrs, web
from aiohttp.http_exceptions import BadHttpMessage

from tracker.errors import Invalid

MOST_PARTS = 100
"""Texts and files that a form may have."""

_PLAIN = frozenset({"", "7bit", "8bit", "binary", "identity"})
"""Encodings of a part that change nothing."""

_MALFORMED = (
    ValueError,
    LookupError,
    RuntimeError,
    AssertionError,
    EOFError,
    BadHttpMessage,
    web.RequestPayloadError,
)
"""What the readers of aiohttp and of the standard library raise for a body that is no multipart."""


class Part(NamedTuple):
    """A part of a form, and the names in its header; a text has no file name."""

    body: BodyPartReader
    name: str | None
    filename: str | None


@contextmanager
def reading() -> Iterator[None]:
    """Raise Invalid for a body that is not well formed, while it is read in here."""
    try:
        yield
    except _MALFORMED as error:
        raise Invalid("The body is not a proper multipart/form-data.") from error


async def parts(reader: MultipartReader) -> AsyncIterator[Part]:
    """The parts of a form, each to be read before the next one.

    Raises Invalid for more than MOST_PARTS, and for a part that is encoded or a multipart itself.
    """
    for _ in range(MOST_PARTS):
        body = await reader.next()
        if body is None:
            return
        if not isinstance(body, BodyPartReader):
            raise Invalid("A multipart inside a multipart is not read here.")
        name, filename = _names(body.headers.get(hdrs.CONTENT_DISPOSITION, ""))
        for header in (hdrs.CONTENT_ENCODING, hdrs.CONTENT_TRANSFER_ENCODING):
            if body.headers.get(header, "").lower() not in _PLAIN:
                raise invalid(name or "file", "It must be sent as it is, without an encoding.")
        yield Part(body, name, filename)
    if await reader.next() is not None:
        raise Invalid(f"The form has more than {MOST_PARTS} parts.")


def invalid(name: str, words: str) -> Invalid:
    """The error for the part of that name."""
    return Invalid(f"{name}: {words}", {name: [words]})


def _names(disposition: str) -> tuple[str | None, str | None]:
    """The name and the file's name in a part's Content-Disposition.

    Read with the standard library: aiohttp gives up at the second semicolon in a file's name and
    takes the backslashes out of it.
    """
    disposition.encode()  # raises UnicodeError, a ValueError, for bytes that are no UTF-8
    message = Message()
    message[hdrs.CONTENT_DISPOSITION] = disposition
    try:
        given = {
            name.lower(): collapse_rfc2231_value(value)
            for name, value in message.get_params([], header=hdrs.CONTENT_DISPOSITION)
        }
    except TypeError as error:  # parts of one name, some numbered and some not
        raise ValueError("a parameter in pieces") from error
    for value in given.values():
        value.encode()
    return given.get("name"), given.get("filename")
