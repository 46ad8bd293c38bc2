"""Bitbucket's markdown: today's Python-Markdown made to follow the rules of its version 2.6.

Bitbucket ran Python-Markdown 2.6 with raw HTML escaped and with the extensions named below;
comparing with its recorded output showed that. What the library has done otherwise since then
is undone here, rule by rule.
"""

import html
import re
from functools import cache
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.blockprocessors import HashHeaderProcessor
from markdown.extensions import Extension
from markdown.extensions.codehilite import CodeHiliteExtension
from markdown.extensions.sane_lists import SaneListExtension, SaneOListProcessor
from markdown.extensions.tables import TableExtension
from markdown.extensions.toc import slugify, unique
from markdown.inlinepatterns import (
    ENTITY_RE,
    DoubleTagInlineProcessor,
    InlineProcessor,
    SimpleTagInlineProcessor,
    SimpleTextInlineProcessor,
)
from markdown.preprocessors import Preprocessor
from markdown.treeprocessors import Treeprocessor
from markdown.util import AMP_SUBSTITUTE

from tracker.markup import highlighting, links

# 2.6 looked for emphasis with these patterns, in this order; newer versions parse it.
_EMPHASIS: list[InlineProcessor] = [
    SimpleTextInlineProcessor(r"((?:^| )[*_](?: |$))"),  # a delimiter alone means itself
    DoubleTagInlineProcessor(r"(\*|_)\1{2}(.+?)\1(.*?)\1{2}", "strong,em"),
    DoubleTagInlineProcessor(r"(\*|_)\1{2}(.+?)\1{2}(.*?)\1", "em,strong"),
    SimpleTagInlineProcessor(r"(\*{2}|_{2})(.+?)\1", "strong"),
    SimpleTagInlineProcessor(r"(\*)([^*]+)\1", "em"),
    SimpleTagInlineProcessor(r"(?<!\w)(_)(?!_)(.+?)(?<!_)\1(?!\w)", "em"),
    SimpleTagInlineProcessor(r"(~~)(.+?)\1", "del"),
]


class _Fences(Preprocessor):
    """Code between fences.

    The library's own would let a text choose Pygments' options and the page's classes, and does
    not see a language in the code's first line, where Bitbucket's users wrote it.
    """

    _FENCE = re.compile(
        r"""
        (?P<fence>^(?:~{3,}|`{3,}))[ ]*
        \{?\.?(?P<language>[\w#.+-]*)[ ]*
        (?:hl_lines=(?P<quote>"|')(?P<marked>.*?)(?P=quote))?[ ]*\}?[ ]*\n
        (?P<code>.*?)(?<=\n)(?P=fence)[ ]*$
        """,
        re.MULTILINE | re.DOTALL | re.VERBOSE,
    )

    def run(self, lines: list[str]) -> list[str]:
        return self._FENCE.sub(self._store, "\n".join(lines)).split("\n")

    def _store(self, block: re.Match[str]) -> str:
        code = highlighting.highlight(block["code"], block["language"] or None, block["marked"])
        return f"\n{self.md.htmlStash.store(code)}\n"


class _Heading(HashHeaderProcessor):
    """Headings need a blank after their marks: "#12" begins many a sentence in a tracker."""

    RE = re.compile(r"(?:^|\n)(?P<level>#{1,6})[ \t]+(?P<header>.*?)#*(?:\n|$)")


class _NumberedList(SaneOListProcessor):
    """Lists that begin with 3 are counted from 1 all the same."""

    LAZY_OL = True


class _HeadingIds(Treeprocessor):
    """Ids of headings, made of their texts, with a number behind one that comes again."""

    _HEADING = re.compile(r"h[1-6]")

    def run(self, root: Element) -> None:
        used: set[str] = set()
        for element in root.iter():
            if self._HEADING.fullmatch(element.tag):
                # The library hides an escaped character behind its number; 2.6 left it there.
                text = "".join(element.itertext()).replace(AMP_SUBSTITUTE, "&")
                name = f"markdown-header-{slugify(html.unescape(text), '-')}"
                element.set("id", unique(name, used))


class _Entity(InlineProcessor):
    """&copy; is text like any other HTML, so its sign is escaped."""

    def handleMatch(  # type: ignore[override]  # noqa: N802
        self, m: re.Match[str], data: str
    ) -> tuple[str, int, int]:
        return _literal(m[0]), m.start(), m.end()


class _Addresses(Treeprocessor):
    """Empties addresses of unknown schemes, marks links, and takes attributes literally."""

    def run(self, root: Element) -> None:
        for element in root.iter():
            if element.tag == "a":
                href = element.get("href", "")
                # The library writes <a@example.com> as a row of character references.
                if not href.startswith(AMP_SUBSTITUTE):
                    element.set("href", links.checked(href))
                element.set("rel", "nofollow")
                element.set("data-is-external-link", "true")
            elif element.tag == "img":
                element.set("src", links.checked(element.get("src", "")))
            # Otherwise "java&#115;cript:" would get its s back in the browser.
            for name, value in element.items():
                element.set(name, _literal(value))


class _Rules(Extension):
    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        md.preprocessors.deregister("html_block")
        md.preprocessors.register(_Fences(md), "fences", 25)
        md.parser.blockprocessors.register(_Heading(md.parser), "hashheader", 70)
        md.parser.blockprocessors.register(_NumberedList(md.parser), "olist", 40)
        md.inlinePatterns.deregister("html")
        md.inlinePatterns.deregister("em_strong")
        md.inlinePatterns.register(_Entity(ENTITY_RE, md), "entity", 80)
        for order, pattern in enumerate(_EMPHASIS):
            md.inlinePatterns.register(pattern, f"emphasis{order}", 60 - order)
        # Before escaped characters are put back.
        md.treeprocessors.register(_HeadingIds(md), "heading_ids", 5)
        # After the library's last one, which puts escaped characters back into addresses.
        md.treeprocessors.register(_Addresses(md), "addresses", -10)


def _literal(text: str) -> str:
    return text.replace("&", f"{AMP_SUBSTITUTE}amp;")


def render(raw: str) -> str:
    """The markdown text as well-formed XHTML, with the HTML in it escaped.

    Making an engine takes longer than most texts do, so one is used again, reset after each text.
    """
    engine = _engine()
    try:
        text = engine.convert(raw)
        engine.reset()
    except BaseException:
        _engine.cache_clear()  # what is left in it is unknown
        raise
    return text


@cache
def _engine() -> Markdown:
    return Markdown(
        output_format="xhtml",
        extensions=[
            CodeHiliteExtension(**highlighting.OPTIONS),
            TableExtension(use_align_attribute=True),
            SaneListExtension(),
            _Rules(),
        ],
    )
