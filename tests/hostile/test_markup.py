"""Texts that want to run scripts in a reader's browser, or to keep the server busy."""

import re
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.archives import sample
from tests.conftest import OPEN, Api
from tests.tracker.conftest import Core, core
from tests.tracker.test_markup import rendered
from tracker.access.rights import Actor, Repository
from tracker.errors import Invalid
from tracker.markup import Renderer, creole, dialect, links, marks, plain
from tracker.markup.engine import render
from tracker.references import Issue, Person, References, fill

__all__ = ["core"]

HEADINGS = {f"h{level}" for level in range(1, 7)}
TAGS = {
    *HEADINGS,
    *("a", "blockquote", "br", "code", "dd", "del", "div", "dl", "dt", "em", "hr", "img", "li"),
    *("ol", "p", "pre", "s", "span", "strong", "sub", "sup", "table", "tbody", "td", "th"),
    *("thead", "tr", "u", "ul"),
}
ATTRIBUTES = {
    "a": {"class", "data-is-external-link", "href", "rel", "title"},
    "div": {"class"},
    "img": {"alt", "src", "title"},
    "ol": {"start"},
    "span": {"class", "data-atlassian-id"},
    "td": {"align"},
    "th": {"align"},
} | {heading: {"id"} for heading in HEADINGS}
SCHEMES = {"http", "https", "ftp", "ftps", "mailto", "news"}
CLASSES = {
    "a": re.compile(r"ap-connect-link"),
    "div": re.compile(r"codehilite( language-[\w#.+-]+| highlight)?|indented"),
    "span": re.compile(r"[a-z]{1,3}[0-9]?|hll|ap-mention( ap-mention-me)?"),
}

SCRIPTS = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "javascript&colon;alert(1)",
    "javascript&#58;alert(1)",
    "java&#115;cript:alert(1)",
    "&#106;avascript:alert(1)",
    "&#x6A&#x61vascript:alert(1)",
    "jav&#x09;ascript:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "java\rscript:alert(1)",
    "java\\script:alert(1)",
    "javascript\\:alert(1)",
    "\x01javascript:alert(1)",
    "\x02115\x03javascript:alert(1)",
    " javascript:alert(1)",
    "\u00a0javascript:alert(1)",
    "\u2028javascript:alert(1)",
    "javascript://b.example/%0Aalert(1)",
    "javascript%3Aalert(1)",
    "feed:javascript:alert(1)",
    "view-source:javascript:alert(1)",
    "vbscript:msgbox(1)",
    "VBSCRIPT:msgbox(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "data:image/svg+xml,<svg onload=alert(1)>",
    "DaTa:text/html,x",
    "blob:http://b.example/x",
    "file:///etc/passwd",
    "about:blank",
    "intent://b.example#Intent;end",
    'http://b.example/" onmouseover="alert(1)',
    "http://b.example/' onmouseover='alert(1)",
    "http://b.example/><script>alert(1)</script>",
    'http://b.example/?a="><img src=x onerror=alert(1)>',
    "http://b.example/`onmouseover=alert(1)`",
    '//b.example/" style="position:fixed',
    "http://[::1",
    '"onerror="alert(1)',
]

HTML = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//b.example/x.js></sCrIpT>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)//",
    "<img\nsrc=x\nonerror=alert(1)\n>",
    "<<img src=x onerror=alert(1)>>",
    "<a href=javascript:alert(1)>a</a>",
    "<a href='http://b.example' onclick='alert(1)'>a</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)>",
    "<embed src=//b.example/x.swf>",
    "<base href=//b.example/>",
    "<meta http-equiv=refresh content='0;url=//b.example'>",
    "<link rel=stylesheet href=//b.example/x.css>",
    "<style>*{display:none}</style>",
    "<form action=//b.example><input name=a><button>b</button></form>",
    "<div style='position:fixed;inset:0'>a</div>",
    "<div class='codehilite'>a</div>",
    "<p id=login>a</p>",
    "<video><source onerror=alert(1)></video>",
    "<details open ontoggle=alert(1)>",
    "<body onload=alert(1)>",
    "<math><mtext></p><script>alert(1)</script></mtext></math>",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img onerror=x&gt;">',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<template><script>alert(1)</script></template>",
    "<textarea></textarea><script>alert(1)</script>",
    "<title></title><script>alert(1)</script>",
    "<xmp><script>alert(1)</script></xmp>",
    "<plaintext>a",
    "<select><option><style></select><script>alert(1)</script>",
    "<!-- <script>alert(1)</script> -->",
    "<!--><script>alert(1)</script>-->",
    "<!DOCTYPE html><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo 1 ?><script>alert(1)</script>",
    "</p></div></body><script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\x02wzxhzdk:0\x03<script>alert(1)</script>",
    "\x02klzzwxh:0000\x03<script>alert(1)</script>",
    "wzxhzdk:0 klzzwxh:0000",
    "\x02amp\x03lt;script\x02amp\x03gt;",
    "\ufeff<script>alert(1)</script>",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
]

MARKDOWN_PLACES = [
    "{}",
    "[a]({})",
    "[a](<{}>)",
    '[a](http://b.example "{}")',
    "[a](http://b.example '{}')",
    "[a][{}]\n\n[{}]: {}",
    '[a]\n\n[a]: {} "{}"',
    "![a]({})",
    '![{}](http://b.example/c.png "{}")',
    "![{}][a]\n\n[a]: {} '{}'",
    "[![{}]({})]({})",
    "<{}>",
    "see www.b.example/{}",
    "see http://b.example/{}",
    "# {}\n\n{}\n===",
    "* {}\n    * {}",
    "> {}",
    "`{}` ``{}``",
    "    {}",
    "```{}\n{}\n```",
    '```python hl_lines="{}"\n{}\n```',
    "~~~ {{.{} onclick={}}}\na\n~~~",
    "```\n#!{}\na\n```",
    "    :::{}\n    a",
    "|{}|{}|\n|--|--|\n|{}|{}|",
    "*{}* **{}** ~~{}~~",
    "\\{}",
]

CREOLE_PLACES = [
    "{}",
    "[[{}]]",
    "[[{}|{}]]",
    "[[http://b.example|{}]]",
    "[[/{}]]",
    "{{{{{}}}}}",
    "{{{{{}|{}}}}}",
    "{{{{http://b.example/c.png|{}|1x1}}}}",
    "{{{{{{{}}}}}}}",
    "{{{{{{\n#!{}\n{}\n}}}}}}",
    "== {}",
    "* {}",
    "|={}|\n|{}|",
    "> {}\n>> {}",
    "; {}: {}\n: {}",
    "<<{}>>",
    "<<a>>\n{}\n<</a>>",
    "<<toc>>\n= {}",
    '<<html a="{}">>{}<</html>>',
    "**{}** //{}//",
    ",,{},, ^^{}^^ __{}__ ##{}##",
    "http://b.example/{}",
    "~{}",
    "\\\\{}",
]


class Reader(HTMLParser):
    """Notes whatever a reader's browser should not be given."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.wrong.append(tag)
        for name, value in attrs:
            if not self._is_right(tag, name, value or ""):
                self.wrong.append(f"{tag} {name}={value!r}")

    def _is_right(self, tag: str, name: str, value: str) -> bool:
        if name not in ATTRIBUTES.get(tag, ()):
            return False
        if name in ("href", "src"):
            # Browsers drop these characters before they look for the scheme.
            address = re.sub(r"[\x00-\x20]", "", value)
            scheme = re.match(r"[a-z][a-z0-9+.-]*(?=:)", address, re.IGNORECASE)
            return scheme is None or scheme[0].lower() in SCHEMES
        if name == "class":
            return CLASSES[tag].fullmatch(value) is not None
        return name != "id" or value.startswith("markdown-header-")

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"<!--{data}-->")

    handle_pi = unknown_decl = handle_comment

    def handle_decl(self, decl: str) -> None:
        self.handle_comment(decl)


def wrong(html: str) -> list[str]:
    """What is in the HTML and should not be."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader.wrong


EVIL = "\"'><script>alert(1)</script>&#60; #1"
REPOSITORY = Repository(
    *(1, "{u}", "app", "app", "", False, True, 1, "", ""),
    *(1, "{w}", "alice", "alice", None),
)


class Anything(Mapping[Any, Any]):
    """Knows whatever a text names, as the same evil thing."""

    def __init__(self, thing: object) -> None:
        self._thing = thing

    def __getitem__(self, key: object) -> Any:
        return self._thing

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError


FOUND = References(Anything(Issue(EVIL, "closed")), Anything(Person(1, EVIL, EVIL)))


def shown(html: str) -> str:
    """Rendered HTML as a reader gets it, where everything that it names has an evil name."""
    [filled] = fill([html], FOUND, "http://pail.example", REPOSITORY, Actor(1))
    return filled


def assert_harmless(html: str) -> None:
    """Two parsers agree that nothing but the allowed is there, and it means the same twice."""
    html = shown(html)
    assert wrong(html) == []
    again = nh3.clean(html, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel=None)
    assert again == html.replace("&#x27;", "'")


def filled(place: str, payload: str) -> str:
    return place.format(*[payload] * 4)


@pytest.mark.parametrize("place", MARKDOWN_PLACES)
def test_nothing_runs_from_markdown(place: str) -> None:
    for payload in SCRIPTS + HTML:
        assert_harmless(render("markdown", filled(place, payload)))


@pytest.mark.parametrize("place", CREOLE_PLACES)
def test_nothing_runs_from_creole(place: str) -> None:
    for payload in SCRIPTS + HTML:
        assert_harmless(render("creole", filled(place, payload)))


def test_the_engines_need_no_cleaner() -> None:
    engines: dict[Callable[[str], str], list[str]] = {
        creole.render: CREOLE_PLACES,
        lambda raw: links.link_bare(dialect.render(raw)): MARKDOWN_PLACES,
    }
    for engine, places in engines.items():
        for place in places:
            for payload in SCRIPTS + HTML:
                assert wrong(engine(filled(place, payload))) == []


def test_nothing_runs_from_plain_text() -> None:
    for payload in SCRIPTS + HTML:
        html = render("plaintext", payload).replace("\0", "")
        assert re.fullmatch(r"(<p>[^<>]*(<br>\n[^<>]*)*</p>)?", html)


FRAGMENTS = st.sampled_from(
    [
        *"[]()<>!*_`~#|\"'\\&; \n\t=:{}/",
        *("    ", "```", "~~~\n", "[a]: ", "<<", "http://b.example/", "www.b.example"),
        *("javascript:", "<script>", "<img src=x onerror=1>", "&#106;", "<!--", "-->"),
    ]
)


@given(markup=st.sampled_from(["markdown", "creole"]), parts=st.lists(FRAGMENTS, max_size=25))
def test_nothing_runs_from_any_mixture(markup: str, parts: list[str]) -> None:
    assert_harmless(render(markup, "".join(parts)))


NAMING = ["#1", "@{a}", "3fd1279", "[a](b)", "[[b|a]]", "[#1](@{a})", "`#1` #1", "#1@{#2}#3"]


@pytest.mark.parametrize("markup", ["markdown", "creole", "plaintext"])
def test_nothing_runs_from_what_a_text_names(markup: str) -> None:
    for naming in NAMING:
        html = render(markup, naming)
        assert_harmless(html)
        assert shown(html).count("<script") == 0


FORGED = [
    "\0#1\0",
    "\0@{a}\0",
    "\0./javascript:alert(1)\0",
    "\0<script>\0",
    "a\0b",
    "\0" * 5,
    "[a](\0./b\0)",
    '[a](b "\0#1\0")',
    "`\0#1\0`",
    "http://b.example/\0#1\0",
    "&#0;#1&#0;",
    "&#x0;<script>&#x0;",
    "\ufffd#1\ufffd",
]


@pytest.mark.parametrize("markup", ["markdown", "creole", "plaintext", "textile"])
def test_no_text_forges_a_mark(markup: str) -> None:
    for raw in FORGED:
        html = render(markup, raw)
        assert_harmless(html)
        for mark in marks.find(html):
            assert re.fullmatch(r"#[0-9]{1,16}|@\{[^{}<>]+\}|[0-9a-f]{7,40}|\./[^\"<>]+", mark)
        assert html.count("\0") % 2 == 0
        assert "\0" not in plain.escaped(raw)


async def test_the_api_takes_no_text_with_a_nul(api: Api) -> None:
    for text in ({"content": {"raw": "a\0b"}}, {"title": "a\0b"}):
        answer = await api("POST", f"{OPEN}/issues", "alice", json={"title": "a", **text})
        assert answer.status == 400
        assert "Null characters" in str(answer.body)


@pytest.mark.parametrize("name", ["title", "content"])
async def test_no_archive_brings_a_text_with_a_nul(core: Core, name: str) -> None:
    sections = sample()
    sections["issues"][0][name] = "a\0b"
    with pytest.raises(Invalid, match="Null characters"):
        await core.take(sections)


def test_raw_html_is_shown_not_dropped() -> None:
    for markup in ("markdown", "creole", "plaintext"):
        assert "&lt;svg onload=alert(1)&gt;" in render(markup, "<svg onload=alert(1)>")


def test_a_known_scheme_stays_and_an_unknown_one_is_none_to_link_to() -> None:
    for markup, raw in (
        ("markdown", "[a](ftp://b.example/c)"),
        ("creole", "[[ftp://b.example/c]]"),
    ):
        assert 'href="ftp://b.example/c"' in render(markup, raw)
    assert 'href=""' in render("markdown", "[a](javascript:b)")
    for raw in ("[[javascript:b|a]]", "{{javascript:b|a}}"):
        assert render("creole", raw) == f"<p>{raw}</p>\n"


SIZE = 60_000
SHAPES = {
    "opening brackets": "[" * SIZE,
    "closing brackets": "]" * SIZE,
    "pictures": "![" * SIZE,
    "links": "[a](" * SIZE,
    "references": "[a][b" * SIZE,
    "definitions": "[a]: b\n" * SIZE,
    "emphasis": "*x" * SIZE,
    "strong": "**a" * SIZE,
    "underscores": "_a " * SIZE,
    "asterisks": "*" * SIZE,
    "delimiters": "*_" * SIZE,
    "deleted": "~~a" * SIZE,
    "headings": "# a\n" * SIZE,
    "number signs": "#" * 100_000,
    "a long issue number": "#" + "9" * 100_000,
    "many issue numbers": "#1 " * SIZE,
    "mentions": "@{a}" * SIZE,
    "openings of mentions": "@{" * SIZE,
    "a long mention": "@{" + "a" * SIZE + "}",
    "changesets": "3fd1279 " * SIZE,
    "a long changeset": "a" * SIZE,
    "pull requests": "pull request " * SIZE,
    "blanks after a pull request": "pr" + " " * SIZE + "a",
    "relative links": "[a](b)" * SIZE,
    "quotations": ">" * SIZE,
    "quotations with blanks": "> " * SIZE,
    "nested lists": "".join(f"{'  ' * depth}* a\n" for depth in range(400)),
    "lists": "* a\n" * SIZE,
    "backticks": "`" * SIZE,
    "unmatched backticks": "".join("`" * (n % 300) + " " for n in range(3000)),
    "fences": "~~~\n" * SIZE + "a",
    "tables": "|a|b|\n|-|-|\n" + "|a" * SIZE,
    "columns": "|" * SIZE + "\n" + "|-" * SIZE + "\n" + "|" * SIZE,
    "entities": "&amp;" * SIZE,
    "angle brackets": "<" * SIZE,
    "tags": "<a " * SIZE,
    "comments": "<!--" * SIZE,
    "backslashes": "\\" * SIZE,
    "addresses": "http://b.example/( " * SIZE,
    "brackets in an address": "http://b.example/" + "(" * SIZE,
    "signs after an address": "http://b.example/" + "!" * SIZE,
    "hosts": "a." * SIZE,
    "rules": "- " * SIZE,
    "paragraphs": "a\n\n" * SIZE,
    "long lines": "a" * 1_000_000,
    "shell code": "```sh\n" + "$((" * SIZE + "\n```",
    "perl code": "```perl\n" + "s/" * SIZE + "\n```",
    "code of markup": "```html\n" + "<a b=" * SIZE + "\n```",
    "code like markup": "```\n<a>b</a>" + "<a b=" * SIZE + "\n```",
    "code like a shell's": "```\n$ " + "$((" * SIZE + "\n```",
    "code like a difference": "```\ndiff " + "@@ \n+-" * SIZE + "\n```",
    "many blocks of code": "    a\n\nb\n\n" * SIZE,
}
CREOLE_SHAPES = {
    "strong": "**a" * SIZE,
    "emphasis": "//a" * SIZE,
    "emphasis that overlaps": "**a//b" * SIZE,
    "asterisks": "*" * SIZE,
    "links": "[[" * SIZE,
    "links with labels": "[[a|b" * SIZE,
    "a link with labels": "[[" + "|a" * SIZE,
    "pictures": "{{" * SIZE,
    "pictures with words": "{{a|b" * SIZE,
    "code in a line": "{{{a" * SIZE,
    "code that nearly ends": "{{{a}}" * SIZE,
    "braces after code": "{{{a" + "}" * SIZE,
    "code of blanks": "{{{" + " " * SIZE + "a",
    "code": "{{{\n" * SIZE,
    "ends of code": "}}}\n" * SIZE,
    "escaped ends of code": "{{{\n" + " " * SIZE + "a\n}}}",
    "macros": "<<a " * SIZE,
    "tildes": "~" * SIZE,
    "escaped addresses": "~http://(a" * SIZE,
    "schemes": "http://" * SIZE,
    "addresses": "http://!!" * SIZE,
    "brackets in an address": "http://a" + "(" * SIZE,
    "slashes in an address": "http://a" + "/" * SIZE,
    "signs after an address": "http://a" + "!" * SIZE,
    "headings": "=a\n" * SIZE,
    "equals signs": "= " * SIZE,
    "rows": "|a|\n" * SIZE,
    "cells": "|" * SIZE,
    "cells of openings": "|{{{a|[[b|{{c" * SIZE,
    "lists": "* a\n# b\n" * SIZE,
    "nested lists": "".join("*" * depth + " a\n" for depth in range(1, 400)),
    "a nested list": "* a\n" + "*" * SIZE + " a",
    "lines of a list": "* a\n" + "b\n" * SIZE,
    "line breaks": "\\" * SIZE,
    "paragraphs": "a\n\n" * SIZE,
}

LONGEST = 256 << 10
CREOLE_ROWS = [
    *("//", "[[", "[[a|", "{{{", "{{{a", "{{", "{{a|", ">", "> ", "|", "|=", "**", "##", "~", "~~"),
    *("\\\\", "<<a", "<<a b>>", "<</a>>", "<<", "http://a", ";", ":", "= ", "**//,,^^__##"),
    *("{{{\n", "<<a>>\n", "> a\n>> b\n", ";a:b\n", "* a\n** b\n", "|a|b\n", "|a\n", "----\n"),
]
"""What a text of 256 KiB may repeat."""
CREOLE_NESTINGS = {
    "nested lists": "".join("*" * depth + " a\n" for depth in range(1, 720)),
    "lists in nested lists": "* a\n"
    + "".join("*" * depth + " a\n" for depth in range(2, 500))
    + "## a\n" * 20_000,
    "indented lines": "".join(">" * depth + " a\n" for depth in range(1, 720)),
    "macros of many names": "".join(f"<<a{number}>>" for number in range(28_000)),
    "blocks of macros of many names": "".join(f"<<a{number}>>\n" for number in range(24_000)),
    "blanks in brackets": "[[" + " " * LONGEST + "a  ]]",
    "blanks in a cell": "|" + " " * LONGEST + "a",
    "blanks in a term": ";a" + " " * LONGEST + "b",
}


@pytest.mark.parametrize("raw", SHAPES.values(), ids=SHAPES)
async def test_a_hostile_shape_is_answered_and_the_next_text_is_rendered(raw: str) -> None:
    async with Renderer(cpu_seconds=0.1) as renderer:
        for markup in ("markdown", "creole"):
            (html, _), after = await rendered(renderer, [(markup, raw), (markup, "**a**")])
            assert after == (render(markup, "**a**"), True)
            if html != plain.escaped(raw):
                assert_harmless(html)


REPEATED = ["#", "#1", "#1 ", "#9", "@", "@{", "@{a}", "3", "3fd1279 ", "a", "pr ", "pr#", "\0"]


@pytest.mark.parametrize("naming", REPEATED)
def test_a_text_of_one_reference_is_bounded(naming: str) -> None:
    html = render("plaintext", naming * (LONGEST // len(naming)))
    assert len(marks.find(html)) <= 1000
    assert len(shown(html)) < LONGEST + 2000 * (len(EVIL) + 100) * 3
    assert_harmless(html)


async def rendered_creole(raw: str) -> str:
    """The HTML of a creole text, which takes time that grows with it."""
    async with Renderer(cpu_seconds=5) as renderer:
        [(html, _)] = await rendered(renderer, [("creole", raw + "\n\n**a**")])
    assert html.endswith("<p><strong>a</strong></p>\n")  # so it is not the plain text
    return html


@pytest.mark.parametrize("row", CREOLE_ROWS)
async def test_no_row_of_marks_is_hostile_to_creole(row: str) -> None:
    await rendered_creole(row * (LONGEST // len(row)))


@pytest.mark.parametrize("raw", CREOLE_NESTINGS.values(), ids=CREOLE_NESTINGS)
async def test_no_nesting_is_hostile_to_creole(raw: str) -> None:
    await rendered_creole(raw)


@pytest.mark.parametrize("raw", CREOLE_SHAPES.values(), ids=CREOLE_SHAPES)
async def test_no_shape_is_hostile_to_creole(raw: str) -> None:
    assert_harmless(await rendered_creole(raw))
