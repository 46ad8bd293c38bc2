"""JSON of any size, one element at a time.

The standard library's C scanner reads the elements; what is held is a window of text and never
more than one element.
"""

import codecs
import json
import re
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

from tracker.errors import Invalid

_CHUNK = 1 << 18
# An element may be this many characters without a look at what it is made of.
_SHORT = 1 << 20

# An error this close to the window's end may be only the end: the longest literal is -Infinity.
_EDGE = 16
_UNTERMINATED = "Unterminated"
"""How the scanner's words for a text without its end begin; their place is its start."""

# Sections, and characters in the name of one.
_MOST = 100
_SOLID = re.compile(r"[^ \t\n\r]")
# Taken out of an element they leave its skeleton; the possessive form needs no stack.
_STRING = r'"(?:[^"\\]|\\.)*+"?'
_STRINGS = re.compile(_STRING, re.DOTALL)
_CONSTANTS = re.compile(rf"{_STRING}|(NaN|-?Infinity)", re.DOTALL)
_DIGITS = re.compile(rf"{_STRING}|(-?[0-9]{{{sys.get_int_max_str_digits() + 1},}})", re.DOTALL)


def _refuse_constant(name: str) -> NoReturn:
    raise Invalid(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_scan: Callable[[str, int], tuple[Any, int]] = _DECODER.scan_once  # type: ignore[attr-defined]


class Document:
    """A JSON object of sections; name is what errors call it.

    No element may take more than longest bytes of memory as text. Every fault is an Invalid whose
    text starts with name. The text is kept at path, to be read again.
    """

    def __init__(self, path: Path, name: str, longest: int) -> None:
        self.name = name
        self._path = path
        self._longest = longest
        self._starts: dict[str, int] = {}

    def walk(self, chunks: Iterable[bytes]) -> Iterator[tuple[str, int, Any]]:
        """Every element of the text in chunks as (section, index, element), in its order.

        A section that is not a list comes whole, with index -1. Where the lists start is
        remembered for section(). What is wrong is found as it comes in: nothing is read, and
        little is kept, beyond the first fault.
        """
        self._starts = {}
        with closing(self._kept(chunks)) as kept:
            yield from walk(kept, self.name, self._longest, self._starts)

    def _kept(self, chunks: Iterable[bytes]) -> Generator[bytes, None, None]:
        with self._path.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
                yield chunk

    def section(self, key: str) -> Iterator[Any]:
        """The elements of one list once more, after walk() has seen the whole text."""
        start = self._starts.get(key, -1)
        if start < 0:
            return
        with self._path.open("rb") as file:
            file.seek(start)
            chunks = iter(lambda: file.read(_CHUNK), b"")
            yield from _elements(_Window(chunks, self.name, self._longest, start))


def walk(
    chunks: Iterator[bytes], name: str, longest: int, starts: dict[str, int]
) -> Iterator[tuple[str, int, Any]]:
    """What Document.walk() gives, without keeping the text.

    starts is filled with the place of each section's list in bytes, -1 for what is no list.
    """
    window = _Window(chunks, name, longest, 0)
    window.begin()
    for key in _members(window):
        if key in starts:
            window.fail(f"the section {key!r} is there twice")
        if len(key) > _MOST or len(starts) > _MOST:
            window.fail("too many sections, or a name too long")
        starts[key] = -1
        if window.peek() == "[":
            starts[key] = window.offset()
            for index, element in enumerate(_elements(window)):
                yield key, index, element
        else:
            yield key, -1, window.value()
    if window.peek():
        window.fail("something follows the end of the object")


def _members(window: "_Window") -> Iterator[str]:
    """The keys of the top level object; the caller reads each value before the next key."""
    if window.peek() != "{":
        window.fail("the top level must be an object")
    window.take("{")
    if window.peek() == "}":
        window.take("}")
        return
    while True:
        if window.peek() != '"':
            window.fail("not valid JSON: the name of a section expected")
        yield window.value(before=":")
        if window.take(",}") == "}":
            return


def _elements(window: "_Window") -> Iterator[Any]:
    window.take("[")
    if window.peek() == "]":
        window.take("]")
        return
    while True:
        yield window.value()
        if window.take(",]") == "]":
            return


class _Window:
    """A piece of the text, and how far it has been read."""

    def __init__(self, chunks: Iterator[bytes], name: str, longest: int, base: int) -> None:
        self._chunks = chunks
        self._name = name
        self._longest = longest
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._at = 0
        self._base = base
        self._ended = False

    def begin(self) -> None:
        """Look at the first bytes: UTF-8's mark is passed over, UTF-16 and UTF-32 refused."""
        first = b""
        while len(first) < len(codecs.BOM_UTF8) and (more := next(self._chunks, b"")):
            first += more
        if b"\0" in first[:3] or first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            self.fail("the text must be UTF-8, not UTF-16 or UTF-32")
        self._base = len(codecs.BOM_UTF8) if first.startswith(codecs.BOM_UTF8) else 0
        self._chunks = chain([first[self._base :]], self._chunks)

    def fail(self, reason: str, beyond: int = 0) -> NoReturn:
        """Raise Invalid with the reason and the place, so many bytes beyond the next character."""
        raise Invalid(f"{self._name}: {reason} (near byte {self.offset() + beyond}).")

    def _fail_at(self, pattern: re.Pattern[str], reason: str) -> NoReturn:
        """Fail where the pattern first matches with its group."""
        places = (found.start(1) for found in pattern.finditer(self._text, self._at) if found[1])
        self._at = next(places, self._at)
        self.fail(reason)

    def offset(self) -> int:
        """The place in the file, in bytes."""
        return self._base + len(self._text[: self._at].encode())

    def peek(self) -> str:
        """The next character that is not white space; "" at the end."""
        while True:
            self._at = _skip(self._text, self._at)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, wanted: str) -> str:
        """Pass over the next character, which must be one of those wanted."""
        found = self.peek()
        if not found:
            self.fail("not valid JSON: it ends too early")
        if found not in wanted:
            self.fail(f"not valid JSON: {' or '.join(wanted)} expected, {found!r} found")
        self._at += 1
        return found

    def value(self, before: str = ",]}") -> Any:
        """The next value, whole; before is passed over if it is a colon."""
        self.peek()
        while True:
            value, end, reason = self._attempt()
            if not reason:
                # A number may go on beyond the window, so what follows it must be in sight.
                end = _skip(self._text, end)
                follower = self._text[end : end + 1]
                if follower and follower in before:
                    self._at = end + 1 if before == ":" else end
                    return value
                reason = f"{' or '.join(before)} expected"
            if end + _EDGE < len(self._text) and not reason.startswith(_UNTERMINATED):
                self._at = end
                self.fail(f"not valid JSON: {reason}")
            self._need_more(reason, end - self._at)

    def _attempt(self) -> tuple[Any, int, str]:
        """(value, its end, "") or (None, place, reason): the value may be incomplete only."""
        try:
            return *_scan(self._text, self._at), ""
        except StopIteration as error:
            return None, error.value, "a value expected"
        except json.JSONDecodeError as error:
            return None, error.pos, error.msg
        except RecursionError:
            self.fail("nested too deeply")
        except Invalid as error:
            self._fail_at(_CONSTANTS, error.message)
        except ValueError:
            self._fail_at(_DIGITS, "a number has too many digits")

    def _need_more(self, reason: str, wrong: int) -> None:
        """Read on, for a value that is wrong so many characters after its start."""
        if sys.getsizeof(self._text) > self._longest and self._at == 0:
            self.fail(f"an element takes more than {self._longest} bytes")
        if (
            len(self._text) - self._at > _SHORT
            and len(_STRINGS.sub("", self._text[self._at :])) > _SHORT
        ):
            self.fail("an element holds too many values")
        if not self._more():
            if wrong < len(self._text) and not reason.startswith(_UNTERMINATED):
                self._at = wrong
                self.fail(f"not valid JSON: {reason}")
            self._at = len(self._text)
            self.fail("not valid JSON: it ends too early")

    def _more(self) -> bool:
        """Read on, at least as much as is pending: a long element is not scanned often."""
        self._base = self.offset()
        self._text, self._at = self._text[self._at :], 0
        pending = len(self._text)
        pieces = [self._text]
        while not self._ended and sum(map(len, pieces)) <= 2 * pending:
            data = next(self._chunks, None)
            self._ended = data is None
            try:
                pieces.append(self._decoder.decode(data or b"", final=self._ended))
            except UnicodeDecodeError as error:
                read = sum(len(piece.encode()) for piece in pieces)
                self.fail("the text is not valid UTF-8", read + error.start)
        self._text = "".join(pieces)
        return len(self._text) > pending


def _skip(text: str, at: int) -> int:
    """The place of the next character that is not white space, or the text's end."""
    if text[at : at + 1] > " ":
        return at
    found = _SOLID.search(text, at)
    return found.start() if found else len(text)
