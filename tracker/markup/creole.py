"""Creole as HTML, as Bitbucket showed it until October 2012, in time that grows with the text.

Bitbucket's recorded texts follow the rules of the library creoleparser 0.7.5 (its dialect
creole11_base); where none is recorded, this does as the library does, quirks included. The
differences are wanted: "#12" at the start of a line is an issue and no list, addresses lead only
where links.SCHEMES allow it, and lists and indented texts are ten levels deep at most.

Blocks are told line by line. What is in a line is found in passes, one for each kind of element;
what a pass has found is put aside, and a placeholder stands for it in the later ones. A placeholder
is the number of what it stands for, between two NULs, which no text holds.
"""

import re
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from operator import itemgetter
from urllib.parse import quote, urlsplit

from tracker.markup import highlighting, links

_DEEPEST = 10
"""Levels of lists and of indentation: what would be deeper is text."""

_NAME = r"[a-zA-Z][a-zA-Z0-9]*+(?:[-.][a-zA-Z0-9]++)*+"
_LINE = re.compile(r"[^\n]*\n|[^\n]+")

_CODE_START = re.compile(r"\{\{\{\s*")
_CODE_END = re.compile(r"\}\}\}\s*")
_ESCAPED_CODE_END = re.compile(r"^ (?=[^\S\n]*\}\}\}[^\S\n]*$)", re.MULTILINE)
_LANGUAGE = re.compile(r"#!([\w#.+-]+)[ \t]*\n")
_MACRO_START = re.compile(rf"<<(?P<name>{_NAME})(?:[^\n>]|>(?!>))*+(?<!/)>>\s*")
_MACRO_END = re.compile(rf"<</(?P<name>{_NAME})>>\s*")

# In this order, whatever is around it: a table needs no blank line before it.
_BREAKING = re.compile(
    r"(?P<table>[ \t]*\|)|(?P<heading>[ \t]*=)|(?P<rule>\s*----\s*$)|(?P<indented>>)"
)
_ITEM = re.compile(r"[ \t]*(?P<mark>[*#;])(?!(?P=mark))(?!(?<=\#)\d)")
_MARKS = re.compile(r"[ \t]*(?P<marks>\*+|\#++(?!\d))")
_LISTS = {"*": "ul", "#": "ol"}
_TERM_END = re.compile(r"(?<!~):(?!:)")
_CELL = re.compile(r"(?<!~)\|")

_OPENING = re.compile(rf"(?<!~)(?:\{{\{{\{{|<<(?P<name>{_NAME}))")
_CODE_CLOSING = re.compile(r"\}{3,}")
_CLOSING_ARGUMENTS = re.compile(r"(?<!~)>>|\n")
_CLOSING_MACRO = re.compile(rf"(?<!~)<</(?P<name>{_NAME})>>")
_Marks = tuple[re.Pattern[str], re.Pattern[str]]
_PICTURE = (re.compile(r"(?<!~)\{\{"), re.compile(r"(?<!~)\}\}"))
_LINK = (re.compile(r"(?<!~)\[\["), re.compile(r"(?<!~)\]\]"))
_WITH_SCHEME = re.compile(r"\s*((?:\w+:|/)\S*)\s*")
_PAGE = re.compile(r" *(\S++(?: \S++)*+) *\n?")
_BREAK = re.compile(r"(?<!~)\\\\")
_ADDRESS = re.compile(
    r"""(?P<escape>~)?(?P<address>(?P<scheme>https?|ftp)://\S+?)
    (?=[>)}\]]?[,.?!:;"']?(?:([^a-zA-Z0-9])\4)?(?:\s|$)|\0)""",
    re.VERBOSE,
)
_EMPHASIS = {"**": "strong", "//": "em", ",,": "sub", "^^": "sup", "__": "u", "##": "code"}
_EMPHASIZED = re.compile(r"(?<!~)(\*\*|//|,,|\^\^|__|\#\#)(.+?)((?<!~)\1|$)", re.DOTALL)
_PLACEHOLDER = re.compile(r"\0(\d+)\0")
_ESCAPE = re.compile(r"(?<!~)~(?![ \n]|$)")


def render(raw: str) -> str:
    """The creole text as HTML, with the HTML in it escaped; each block ends with a newline."""
    text = raw.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    return "".join(_blocks(_LINE.findall(text)))


# Blocks


def _blocks(lines: Sequence[str], depth: int = 0) -> Iterator[str]:
    """The blocks of these lines, each of which ends with its newline."""
    start = 0
    for first, end, html in _verbatim(lines):
        yield from _paragraphs(lines[start:first], depth)
        yield html
        start = end
    yield from _paragraphs(lines[start:], depth)


def _verbatim(lines: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Blocks of code and of macros: their first line, the line behind them, their HTML."""
    code_ends = [n for n, line in enumerate(lines) if _CODE_END.fullmatch(line)]
    macro_ends = defaultdict(list)
    for number, line in enumerate(lines):
        if found := _MACRO_END.fullmatch(line):
            macro_ends[found["name"]].append(number)
    end = 0
    for first, line in enumerate(lines):
        if first < end:
            continue
        if _CODE_START.fullmatch(line):
            # There is something between the two, if only two empty lines.
            least = first + 2 + (lines[first + 1 : first + 2] == ["\n"])
            last = _next(code_ends, least)
            html = _code
        elif found := _MACRO_START.fullmatch(line):
            last = _next(macro_ends.get(found["name"], ()), first + 2)
            html = _macro
        else:
            continue
        if last is not None:
            end = last + 1
            yield first, end, html(lines[first:end])


def _next(numbers: Sequence[int], least: int) -> int | None:
    """The first of the sorted numbers that is not below least."""
    place = bisect_left(numbers, least)
    return numbers[place] if place < len(numbers) else None


def _code(lines: Sequence[str]) -> str:
    code = _ESCAPED_CODE_END.sub("", "".join(lines[1:-1]))
    language = _LANGUAGE.match(code)
    if language:
        return highlighting.highlight_creole(code[language.end() :], language[1])
    return _preformatted(code)


def _macro(lines: Sequence[str]) -> str:
    return _preformatted("".join([lines[0].rstrip(), "\n", *lines[1:-1], lines[-1].rstrip()]))


def _preformatted(text: str) -> str:
    first = "\n" if text.startswith("\n") else ""  # parsers of HTML drop one
    return f"<pre>{first}{_escaped(text)}</pre>\n"


def _paragraphs(lines: Sequence[str], depth: int) -> Iterator[str]:
    """The blocks of lines without blocks of code."""
    for kind, group in groupby(_kinds(lines, depth), key=itemgetter(0)):
        if kind != "blank":
            yield from _BLOCKS[kind]([line for _, line in group], depth)


def _kinds(lines: Sequence[str], depth: int) -> Iterator[tuple[str, str]]:
    """Each line after the kind of block that it is part of: a key of _BLOCKS, or "blank"."""
    before = "blank"
    for line in lines:
        before = _kind(line, before, depth)
        yield before, line


def _kind(line: str, before: str, depth: int) -> str:
    if line.isspace():
        return "blank"
    found = _BREAKING.match(line)
    if found and not (found.lastgroup == "indented" and depth >= _DEEPEST):
        return str(found.lastgroup)
    if item := _ITEM.match(line):
        return item["mark"]
    # A list goes on until a blank line or a list of another kind.
    return before if before in ("*", "#", ";") else "paragraph"


def _paragraph(lines: Sequence[str], depth: int) -> Iterator[str]:
    text = "".join(lines).removesuffix("\n")
    yield f"<p>{_inline(text)}</p>\n"


def _rules(lines: Sequence[str], depth: int) -> Iterator[str]:
    yield from ["<hr>\n"] * len(lines)


def _headings(lines: Sequence[str], depth: int) -> Iterator[str]:
    for line in lines:
        line = line.strip(" \t\n")
        level = min(len(line) - len(line.lstrip("=")), 6)
        text = line[level:].rstrip("=").strip(" \t")
        yield f"<h{level}>{_inline(text)}</h{level}>\n"


def _indented(lines: Sequence[str], depth: int) -> Iterator[str]:
    inner = "".join(_blocks([line[1:] for line in lines if line != ">"], depth + 1))
    yield f'<div class="indented">{inner}</div>\n'


def _table(rows: Sequence[str], depth: int) -> Iterator[str]:
    yield "<table><tbody>"
    for row in rows:
        cells = "".join(_cells(row.strip(" \t\n")))
        yield f"<tr>{cells}</tr>\n"
    yield "</tbody></table>\n"


def _cells(row: str) -> Iterator[str]:
    texts = _Texts()
    row = texts.put_aside(row if row == "|" else row.removesuffix("|"))
    for cell in _CELL.split(row)[1:]:
        tag = "th" if cell.startswith("=") else "td"
        text = cell.removeprefix("=").strip(" \t")
        yield f"<{tag}>{texts.running(text)}</{tag}>"


def _list(lines: Sequence[str], depth: int) -> Iterator[str]:
    yield _items(lines, 1) + "\n"


def _items(lines: Sequence[str], level: int) -> str:
    """A list; the first line begins an item, and so does each other line with the same marks."""
    marks = _marks(lines[0])
    items: list[list[str]] = []
    for line in lines:
        if not items or _marks(line) == marks:
            items.append([])
            line = line.lstrip(" \t").removeprefix(marks).lstrip(" \t")
        items[-1].append(line)
    tag = _LISTS[marks[0]]
    return f"<{tag}>{''.join(_item(item, level) for item in items)}</{tag}>"


def _marks(line: str) -> str:
    found = _MARKS.match(line)
    return found["marks"] if found else ""


def _item(lines: Sequence[str], level: int) -> str:
    nested = len(lines)
    if level < _DEEPEST:
        nested = next((n for n, line in enumerate(lines) if n and _marks(line)), nested)
    html = _inline("".join(lines[:nested]))
    if lines[nested:]:
        html += _items(lines[nested:], level + 1)
    return f"<li>{html}</li>"


def _definitions(lines: Sequence[str], depth: int) -> Iterator[str]:
    """Terms (";") and what they mean (":", in the same line or in the next ones)."""
    texts = _Texts()
    parts: list[tuple[str, list[str]]] = []
    for line in _LINE.findall(texts.put_aside("".join(lines))):
        text = line.strip(" \t\n")
        if text.startswith(";"):
            end = _TERM_END.search(text, 1, len(text) - 1)
            parts.append(("dt", [text[1 : end.start() if end else None]]))
            if end:
                parts.append(("dd", [text[end.end() :] + "\n"]))
        elif text.startswith(":") or parts[-1][0] == "dt":
            parts.append(("dd", [text.removeprefix(":") + "\n"]))
        else:
            parts[-1][1].append(line)
    yield "<dl>"
    for tag, pieces in parts:
        yield f"<{tag}>{texts.running(''.join(pieces).strip())}</{tag}>\n"
    yield "</dl>\n"


_BLOCKS: Mapping[str, Callable[[Sequence[str], int], Iterator[str]]] = {
    "paragraph": _paragraph,
    "table": _table,
    "heading": _headings,
    "rule": _rules,
    "indented": _indented,
    "*": _list,
    "#": _list,
    ";": _definitions,
}


# Within a block


def _inline(text: str) -> str:
    texts = _Texts()
    return texts.running(texts.put_aside(text))


def _escaped(text: str) -> str:
    return escape(text, quote=False)


class _Texts:
    """The text of a block, and what is put aside of it."""

    def __init__(self) -> None:
        self._kept: list[tuple[str, str]] = []  # the HTML, and the text that it was made of

    def put_aside(self, text: str) -> str:
        """The text with placeholders for code, macros, pictures and links."""
        text = self._codes(text)
        text = self._enclosed(text, _PICTURE, self._picture)
        return self._enclosed(text, _LINK, self._link)

    def running(self, text: str) -> str:
        """The HTML of what put_aside gave, or of a part of it."""
        text = _BREAK.sub(lambda found: self._keep("<br>", found[0]), text)
        return self._emphasized(_ADDRESS.sub(self._address, text))

    def _keep(self, html: str, text: str) -> str:
        self._kept.append((html, text))
        return f"\0{len(self._kept) - 1}\0"

    def _written(self, text: str) -> str:
        """The text without placeholders, as it was written."""
        return _PLACEHOLDER.sub(lambda found: self._kept[int(found[1])][1], text)

    def _codes(self, text: str) -> str:
        parts: list[str] = []
        position = 0
        for start, end in _Codes(text):
            found = text[start:end]
            code = found[3:-3] if found.startswith("{") else found
            parts += text[position:start], self._keep(f"<code>{_escaped(code)}</code>", found)
            position = end
        return "".join([*parts, text[position:]])

    def _enclosed(self, text: str, marks: _Marks, build: Callable[[str], str | None]) -> str:
        """The text with what build makes of anything between two marks; None: as it is written.

        The first closing mark counts, and without one there is nothing to look for: linear.
        """
        opening, closing = marks
        parts: list[str] = []
        position = 0
        while (start := opening.search(text, position)) and (
            end := closing.search(text, start.end() + 1)
        ):
            html = build(text[start.end() : end.start()])
            written = self._written(text[start.start() : end.end()])
            html = _escaped(written) if html is None else html
            parts += text[position : start.start()], self._keep(html, written)
            position = end.end()
        return "".join([*parts, text[position:]])

    def _picture(self, text: str) -> str | None:
        body, bar, words = self._written(text).partition("|")
        source = _target(body)
        if not source:
            return None
        if not bar:
            words = urlsplit(source).path.split("/")[-1] if _WITH_SCHEME.fullmatch(body) else body
        words = escape(words.strip())
        return f'<img src="{escape(source)}" alt="{words}" title="{words}">'

    def _link(self, text: str) -> str | None:
        body, _, label = text.partition("|")
        body = self._written(body)
        target = _target(body)
        if not target:
            return None
        label = self._emphasized(label.strip()) or _escaped(body.strip())
        return _anchor(target, label)

    def _address(self, found: re.Match[str]) -> str:
        address = found["address"]
        html = _escaped(address)
        if not found["escape"] and found["scheme"] != "ftp" and links.checked(address):
            html = _anchor(address, html)
        return self._keep(html, found[0])

    def _emphasized(self, text: str) -> str:
        """The HTML of text in which nothing but emphasis and placeholders is left.

        An element ends at its own mark only, so the elements that contain each other are few.
        """
        parts: list[str] = []
        position = 0
        for found in _EMPHASIZED.finditer(text):
            tag = _EMPHASIS[found[1]]
            parts.append(self._filled(text[position : found.start()]))
            parts.append(f"<{tag}>{self._emphasized(found[2])}</{tag}>")
            position = found.end()
        return "".join([*parts, self._filled(text[position:])])

    def _filled(self, text: str) -> str:
        parts = _PLACEHOLDER.split(_ESCAPE.sub("", text))
        parts[::2] = map(_escaped, parts[::2])
        parts[1::2] = [self._kept[int(number)][0] for number in parts[1::2]]
        return "".join(parts)


class _Codes:
    """Where code and macros are in a text: iterates over (start, end), from left to right.

    Each part of the text is searched for an end once, however many beginnings there are.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._last_code_end = text.rfind("}}}")
        self._macro_ends: dict[str, deque[re.Match[str]]] = defaultdict(deque)
        for end in _CLOSING_MACRO.finditer(text):
            self._macro_ends[end["name"]].append(end)
        self._searched = 0  # no macro's arguments end before

    def __iter__(self) -> Iterator[tuple[int, int]]:
        start = _OPENING.search(self._text)
        while start:
            end = self._macro(start) if start["name"] else self._code(start.end())
            if end:
                yield start.start(), end
            start = _OPENING.search(self._text, end or start.start() + 1)

    def _code(self, start: int) -> int | None:
        """The end of code that starts here; what it holds may end with braces."""
        if start >= self._last_code_end:
            return None
        found = _CODE_CLOSING.search(self._text, start + 1)
        return found.end() if found else None

    def _macro(self, start: re.Match[str]) -> int | None:
        if start.start() < self._searched:
            return None
        end = _CLOSING_ARGUMENTS.search(self._text, start.end())
        if end is None or end[0] == "\n":
            self._searched = end.end() if end else len(self._text)
            return None
        if self._text[end.start() - 1] == "/":  # it says that it has no body
            return end.end()
        closing = self._macro_ends[start["name"]]
        while closing and closing[0].start() <= end.end():
            closing.popleft()
        return closing[0].end() if closing else end.end()


def _target(body: str) -> str | None:
    """Where a link or a picture leads; None where that is nowhere, or not allowed."""
    if found := _WITH_SCHEME.fullmatch(body):
        return found[1] if links.checked(found[1]) else None
    page = _PAGE.fullmatch(body)
    return quote(page[1].replace(" ", "_")) if page else None


def _anchor(target: str, label: str) -> str:
    return f'<a href="{escape(target)}" rel="nofollow">{label}</a>'
