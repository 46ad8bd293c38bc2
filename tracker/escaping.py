"""Escape texts of other people for a report, a log or a terminal."""

import re

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters, and with them the escape sequences of terminals
    "\u2028\u2029"  # other ends of lines
    "\u202a-\u202e\u2066-\u2069"  # they turn round the direction of what follows
    "\ud800-\udfff]"  # lone surrogates: neither UTF-8 nor the database can hold them
)


def escaped(text: str) -> str:
    r"""The text as one line that can be stored, sent and shown: \n, \x1b, \u202e, \ud800.

    Other characters stay as they are, backslashes too: escaping twice changes nothing more.
    """
    return _UNSAFE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
