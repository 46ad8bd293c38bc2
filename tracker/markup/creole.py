"""Creole 1.0 as HTML, in time that grows with the text: https://www.wikicreole.org/wiki/Creole1.0

Where the specification leaves a choice, this is what reads best in a tracker: line breaks stay line
breaks, marks that nobody closes are shown, and "#12 is fixed" is no list. Macros are shown as
they are written.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from itertools import groupby, pairwise, takewhile
from operator import itemgetter

from tracker.markup import highlighting, links

_DEEPEST_LIST = 10

# Nothing in these patterns can be read in two ways, and none of the enclosed texts may hold its own
# opening mark: a row of marks that nobody closes is looked at once, not once for each of them.
_ADDRESS = r"""
    (?:https?|ftps?)://
    (?:\([^\s()<>|]*\)|(?!\*\*|//(?!\w))[^\s()<>|\[\]{}])*
    (?:\([^\s()<>|]*\)|[^\s()<>|\[\]{}*/.,;:!?"'~]|/(?!/))"""
_ESCAPE = rf"~(?P<meant>{_ADDRESS}|(?P<sign>[*/\[{{<\\])(?P=sign)*+|[^\w\s])"
_CODE = r"\{\{\{(?P<code>(?:(?!\{\{\{|\}\}\})[\s\S])++\}*)\}\}\}"
_PICTURE = r"\{\{(?P<source>[^{}|\n]++)(?:\|(?P<words>[^{}\n]*+))?\}\}"
_LINK = r"""
    \[\[(?P<target>(?:(?!\[\[|\]\])[^|\n])++)
    (?:\|(?P<label>(?:(?!\[\[|\]\])[^\n])++))?\]\]"""
_OPAQUE = rf"(?P<escape>{_ESCAPE})|(?P<nowiki>{_CODE})|(?P<picture>{_PICTURE})|(?P<link>{_LINK})"
_TOKEN = re.compile(
    rf"""{_OPAQUE}|(?P<address>\b{_ADDRESS})
    |(?P<break>\\\\\n?|\n)
    |(?P<mark>\*\*|(?<!\w:)//|//(?!\w))
    |(?P<macro><<[^<>\n]++>>)""",
    re.VERBOSE,
)
_CELLS = re.compile(rf"{_OPAQUE}|(?P<start>\|)", re.VERBOSE)

_CODE_START = re.compile(r"\{\{\{\s*+(?P<language>#![\w#.+-]++)?\s*+")
_CODE_END = "}}}"
_ESCAPED_CODE_END = re.compile(r"^ (?=[ ]*\}\}\}[ \t]*$)", re.MULTILINE)
_ITEM = re.compile(r"^([*#]++)(?!\d)", re.MULTILINE)
# The first item has one mark: a line that begins with more is a paragraph that begins bold.
_BLOCK = re.compile(
    r"""(?P<blank>$)|(?P<rule>-{4,}$)|(?P<table>\|)|(?P<heading>=[=\s]*+.)
    |(?P<list>(?P<mark>[*#])(?!(?P=mark)|\d))""",
    re.VERBOSE,
)
_LISTS = {"*": "ul", "#": "ol"}
_EMPHASIS = {"**": "strong", "//": "em"}


def render(raw: str) -> str:
    """The creole text as HTML, with the HTML in it escaped."""
    lines = raw.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    blocks: list[str] = []
    for kind, group in groupby(_kinds(lines), key=itemgetter(0)):
        blocks += _BLOCKS[kind]([text for _, text in group])
    return "\n".join(blocks)


def _kinds(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each line after the kind of block that it is part of; a block of code comes as one."""
    last_end = max((n for n, line in enumerate(lines) if line.rstrip() == _CODE_END), default=-1)
    kind = "blank"
    rest = iter(enumerate(lines))
    for number, line in rest:
        start = _CODE_START.fullmatch(line)
        if start and number < last_end:
            code = takewhile(lambda text: text.rstrip() != _CODE_END, (text for _, text in rest))
            kind = "code"
            yield kind, _ESCAPED_CODE_END.sub("", "\n".join([start["language"] or "", *code]))
        else:
            text = line.strip()
            kind = _kind(text, kind)
            yield kind, text


def _kind(line: str, before: str) -> str:
    if before == "list" and _ITEM.match(line):
        return before
    block = _BLOCK.match(line)
    if block:
        return str(block.lastgroup)
    return before if before == "list" else "paragraph"


def _paragraph(lines: Sequence[str]) -> Iterator[str]:
    yield "<p>" + _inline("\n".join(lines)) + "</p>"


def _headings(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        level = min(len(line) - len(line.lstrip("=")), 6)
        yield f"<h{level}>{_inline(line.strip('=').strip())}</h{level}>"


def _list(lines: Sequence[str]) -> Iterator[str]:
    parts = iter(_ITEM.split("\n".join(lines))[1:])
    html: list[str] = []
    opened: list[str] = []
    for marks, text in zip(parts, parts, strict=True):
        depth = min(len(marks), len(opened) + 1, _DEEPEST_LIST)
        kind = _LISTS[marks[depth - 1]]
        html += [f"</li>\n</{opened.pop()}>\n" for _ in range(depth, len(opened))]
        if len(opened) < depth:
            html.append("\n")
        else:
            html.append("</li>\n")
            if opened[-1] != kind:
                html.append(f"</{opened.pop()}>\n")
        if len(opened) < depth:
            opened.append(kind)
            html.append(f"<{kind}>\n")
        html.append(f"<li>{_inline(text.strip())}")
    html += [f"</li>\n</{kind}>\n" for kind in reversed(opened)]
    yield "".join(html).strip()


def _table(rows: Sequence[str]) -> Iterator[str]:
    yield "<table>\n<tbody>"
    for row in rows:
        starts = [found.start() for found in _CELLS.finditer(row) if found["start"]]
        cells = [row[start + 1 : end].strip() for start, end in pairwise([*starts, len(row)])]
        if len(cells) > 1 and not cells[-1]:  # it was the row's closing mark
            cells.pop()
        yield "\n".join(["<tr>", *map(_cell, cells), "</tr>"])
    yield "</tbody>\n</table>"


def _cell(text: str) -> str:
    if text.startswith("="):
        return f"<th>{_inline(text[1:].strip())}</th>"
    return f"<td>{_inline(text)}</td>"


def _inline(text: str, *, is_label: bool = False) -> str:
    html: list[str] = []
    opened: dict[str, int] = {}  # where in html the marks are that may yet be closed
    position = 0
    for token in _TOKEN.finditer(text):
        if token.start() > position:
            html.append(_text(text[position : token.start()]))
        position = token.end()
        if mark := token["mark"]:
            _emphasize(html, opened, mark)
        elif is_label and token["address"]:  # no link within a link
            html.append(_text(token[0]))
        else:
            html.append(_token(token))
    html.append(_text(text[position:]))
    return "".join(html)


def _emphasize(html: list[str], opened: dict[str, int], mark: str) -> None:
    start = opened.get(mark, len(html))
    if start < len(html) - 1:
        html[start] = f"<{_EMPHASIS[mark]}>"
        html.append(f"</{_EMPHASIS[mark]}>")
        for other in [other for other, place in opened.items() if place >= start]:
            del opened[other]
    else:  # it opens, or nothing is between the two
        opened[mark] = start
        html.append(mark)


def _token(token: re.Match[str]) -> str:
    match token.lastgroup:
        case "escape":
            return _text(token["meant"])
        case "nowiki":
            return "<code>" + _text(token["code"].strip()).replace("\n", "<br>\n") + "</code>"
        case "picture":
            source = token["source"].strip()
            words = escape((token["words"] or source).strip())
            return f'<img alt="{words}" src="{escape(links.checked(source))}">'
        case "link":
            target = token["target"].strip()
            label = token["label"]
            return _link(target, _inline(label.strip(), is_label=True) if label else _text(target))
        case "address":
            return _link(token[0], _text(token[0]))
        case "break":
            return "<br>\n"
    return _text(token[0])


def _link(address: str, label: str) -> str:
    href = escape(links.checked(address))
    return f'<a data-is-external-link="true" href="{href}" rel="nofollow">{label}</a>'


def _text(text: str) -> str:
    return escape(text, quote=False)


_BLOCKS: dict[str, Callable[[Sequence[str]], Iterable[str]]] = {
    "blank": lambda lines: (),
    "code": lambda codes: map(highlighting.highlight, codes),
    "heading": _headings,
    "list": _list,
    "paragraph": _paragraph,
    "rule": lambda lines: ["<hr>"] * len(lines),
    "table": _table,
}
