"""Addresses in texts: which of them become links, also where they are written bare."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit, urlunsplit

SCHEMES = {"http", "https", "ftp", "ftps", "mailto", "news"}
"""What a link may lead to; the list is that of Python-Markdown 2.6's safe mode."""

_WITHOUT_HOST = {"", "mailto", "news"}
_TAG = re.compile(r"<(?P<end>/?)(?P<name>\w+)[^>]*>")
_CLOSED = {"a", "code", "pre"}

# John Gruber's pattern for addresses in prose, with single characters where his has runs of
# them: runs within runs take exponential time. Bitbucket looked for it in escaped text, so an
# address goes on over an escaped < or >.
_BRACKETS = r"\((?:[^\s()<>]|\([^\s()<>]*\))*\)"
_BARE = re.compile(
    r"\b(?:(?P<scheme>https?://)|www\d{0,3}[.]|[a-z0-9.\-]+[.][a-z]{2,4}/)"
    rf"(?:[^\s()<>]|{_BRACKETS})*"
    rf"(?:{_BRACKETS}|[^\s`!()\[\]{{}};:'\".,<>?«»“”‘’])",
    re.IGNORECASE,
)


def checked(address: str) -> str:
    """The address, or "" where its scheme is none to link to; a relative one stays."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    if parts.scheme not in SCHEMES | {""} or not (parts.netloc or parts.scheme in _WITHOUT_HOST):
        return ""
    return urlunsplit(parts).replace(" ", "%20")


def link_bare(html: str) -> str:
    """Makes links of the addresses in running text; html is well formed, its text escaped."""
    return in_running_text(html, lambda text: _BARE.sub(_link, text))


def in_running_text(html: str, change: Callable[[str], str]) -> str:
    """The HTML with its text changed, piece by piece, except in links and in code."""
    return "".join(_changed(html, change))


def _changed(html: str, change: Callable[[str], str]) -> Iterator[str]:
    depth = position = 0
    for tag in _TAG.finditer(html):
        text = html[position : tag.start()]
        yield text if depth else change(text)
        yield tag[0]
        position = tag.end()
        if tag["name"] in _CLOSED:
            depth += -1 if tag["end"] else 1
    yield change(html[position:])


def _link(found: re.Match[str]) -> str:
    text = found[0]
    address = text if found["scheme"] else f"http://{text}"
    address = address.replace('"', "&quot;")
    return f'<a href="{address}" rel="nofollow" class="ap-connect-link">{text}</a>'
