"""What texts look like, and how the process that renders them lives and dies."""

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from tracker.markup import VERSION, Rendered, Renderer, dialect, plain, pool
from tracker.markup.engine import render

MARKDOWN = {
    "emphasis": ("*a* _b_ **c** __d__", "<p><em>a</em> <em>b</em> <strong>c</strong> <strong>d"),
    "nested emphasis": ("***a*** *b **c***", "<p><strong><em>a</em></strong> "),
    "underscores inside words": ("a_b_c do_it_now", "<p>a_b_c do_it_now</p>"),
    "asterisks that stand alone": ("2 * 3 * 4 is 24", "<p>2 * 3 * 4 is 24</p>"),
    "escaped asterisks": (r"\*a\*", "<p>*a*</p>"),
    "deleted text": ("~~a~~ ~b~", "<p><del>a</del> ~b~</p>"),
    "a heading": ("# A *b*", '<h1 id="markdown-header-a-b">A <em>b</em></h1>'),
    "a heading closed by marks": ("## A ##", '<h2 id="markdown-header-a">A</h2>'),
    "a heading underlined": ("A\n---", '<h2 id="markdown-header-a">A</h2>'),
    "headings of one name": ("# A\n\n# A", '<h1 id="markdown-header-a_1">A</h1>'),
    "a heading with entities": ("# A & B", '<h1 id="markdown-header-a-b">A &amp; B</h1>'),
    "a heading with code": ("# A `b`", '<h1 id="markdown-header-a-b">A <code>b</code></h1>'),
    "a heading with escaped signs": (r"# A \(b\)", '<h1 id="markdown-header-a-40b41">A (b)</h1>'),
    "a heading without letters": ("# ?", '<h1 id="markdown-header-">?</h1>'),
    "a number is no heading": ("#12 is fixed", "<p>\0#12\0 is fixed</p>"),
    "lines of a paragraph": ("a\nb", "<p>a\nb</p>"),
    "a line break": ("a  \nb", "<p>a<br>\nb</p>"),
    "windows line ends": ("a  \r\nb\r\n\r\nc", "<p>a<br>\nb</p>\n<p>c</p>"),
    "a list": ("* a\n* b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
    "lists of two kinds": ("1. a\n* b", "<ol>\n<li>a\n* b</li>\n</ol>"),
    "a list that begins with another number": ("3. a\n4. b", "<ol>\n<li>a</li>\n<li>b</li>"),
    "a list needs a blank line": ("a\n* b", "<p>a\n* b</p>"),
    "a quotation": ("> a", "<blockquote>\n<p>a</p>\n</blockquote>"),
    "a rule": ("a\n\n***", "<p>a</p>\n<hr>"),
    "code in a line": ("`a *b* <c>`", "<p><code>a *b* &lt;c&gt;</code></p>"),
    "html": ("<b>a</b> <!-- c -->", "<p>&lt;b&gt;a&lt;/b&gt; &lt;!-- c --&gt;</p>"),
    "entities": ("&copy; &amp; &", "<p>&amp;copy; &amp;amp; &amp;</p>"),
    "a link": (
        '[a](http://b.example/c "d")',
        '<p><a data-is-external-link="true" href="http://b.example/c" rel="nofollow" title="d">a',
    ),
    "a link by reference": (
        "[a][1]\n\n[1]: http://b.example/",
        '<p><a data-is-external-link="true" href="http://b.example/" rel="nofollow">a</a></p>',
    ),
    "a link with a blank": ("[a](http://b.example/c d)", 'href="http://b.example/c%20d"'),
    "a relative link": ("[a](b/c.md?d#e)", 'href="\0./b/c.md?d#e\0"'),
    "a link to a part of the page": ("[a](#b)", 'href="#b"'),
    "a link from the root": ("[a](/b)", 'href="/b"'),
    "a link to another host": ("[a](//b.example)", 'href="//b.example"'),
    "a link of an unknown scheme": ("[a](irc://b.example)", 'href="" rel="nofollow">a</a>'),
    "entities in a link": ("[a](http://b.example/?c&amp;d)", "/?c&amp;amp;d"),
    "an address in brackets": ("<http://b.example>", 'href="http://b.example" rel="nofollow">'),
    "a mail address": ("<a@b.example>", 'href="mailto:a@b.example" rel="nofollow">a@b.example<'),
    "a picture": (
        "![a](http://b.example/c.png)",
        '<p><img alt="a" src="http://b.example/c.png"></p>',
    ),
    "a bare address": (
        "see http://b.example/c?d=1&e=2.",
        '<p>see <a href="http://b.example/c?d=1&amp;e=2" rel="nofollow" class="ap-connect-link">'
        "http://b.example/c?d=1&amp;e=2</a>.</p>",
    ),
    "a bare address in capitals": (
        "HTTP://B.EXAMPLE/C",
        '<a href="HTTP://B.EXAMPLE/C" rel="nofollow" class="ap-connect-link">HTTP://B.EXAMPLE/C</a>',
    ),
    "a bare host": (
        "(www.b.example)",
        '<p>(<a href="http://www.b.example" rel="nofollow" class="ap-connect-link">'
        "www.b.example</a>)</p>",
    ),
    "a bare address with brackets": ("http://b.example/c_(d)!", '="http://b.example/c_(d)" rel'),
    "an address in code": ("`http://b.example`", "<p><code>http://b.example</code></p>"),
    "an address in a link": ("[http://b.example](c)", 'rel="nofollow">http://b.example</a></p>'),
    "a file is no address": ("foo.py and e.g. this", "<p>foo.py and e.g. this</p>"),
    "indented code": (
        "    a < b",
        '<div class="codehilite"><pre><span></span>a &lt; b\n</pre></div>',
    ),
    "fenced code": (
        "```\n*a*\n```",
        '<div class="codehilite"><pre><span></span>*a*\n</pre></div>',
    ),
    "a fence with a language": (
        "~~~ python\nx\n~~~",
        '<div class="codehilite language-python"><pre><span></span><span class="n">x</span>',
    ),
    "a language in the first line": (
        "```\n#!c++\nint x\n```",
        '<div class="codehilite language-c++"><pre><span></span><span class="kt">int</span>',
    ),
    "a path in the first line stays": ("```\n#!/bin/sh\n```", "#!/bin/sh"),
    "colons before indented code": ("    :::sh\n    ls", '<div class="codehilite language-sh">'),
    "an unknown language": (
        "```nolang\nx\n```",
        '"codehilite language-nolang"><pre><span></span>x',
    ),
    "a shell's prompt": (
        "    $ cd a",
        '<div class="codehilite"><pre><span></span>$ <span class="nb">cd</span> a\n</pre></div>',
    ),
    "a difference": ("```\ndiff -r a b\n+c\n```", '"><pre><span></span><span class="gh">diff -r'),
    "tags": (
        "    <a><b>c</b></a>",
        '<pre><span></span><span class="nt">&lt;a&gt;&lt;b&gt;</span>c',
    ),
    "blanks in code": ("```python\na  = 1\n```", '<span class="n">a</span>  <span class="o">='),
    "no other language is guessed": (
        "```\n<?php echo 1; ?>\n```",
        "<pre><span></span>&lt;?php echo 1; ?&gt;\n</pre>",
    ),
    "a table": (
        "a | b\n--|-:\nc | d",
        "<table>\n<thead>\n<tr>\n<th>a</th>\n"
        '<th align="right">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>c</td>\n'
        '<td align="right">d</td>\n</tr>\n</tbody>\n</table>',
    ),
    "other scripts": ("*課題* öäü", "<p><em>課題</em> öäü</p>"),
    "nothing": ("", ""),
}

CREOLE_LINK = '<a href="{}" rel="nofollow">{}</a>'

CREOLE = {
    "a paragraph": ("a\n\nb", "<p>a</p>\n<p>b</p>\n"),
    "lines": ("a\r\nb\rc\nd\r\n", "<p>a\nb\nc\nd</p>\n"),
    "several blank lines": ("a\n\n \t\n\nb\n\n", "<p>a</p>\n<p>b</p>\n"),
    "blanks at both ends": (" a \nb ", "<p> a \nb </p>\n"),
    "four blanks": ("    a\n      b", "<p>    a\n      b</p>\n"),
    "signs": (
        "<b>a</b> & \"c\" 'd' &copy;",
        "<p>&lt;b&gt;a&lt;/b&gt; &amp; \"c\" 'd' &amp;copy;</p>\n",
    ),
    "what means nothing": (
        "`a` (*b) c || d e::f [_g]\n- h",
        "<p>`a` (*b) c || d e::f [_g]\n- h</p>\n",
    ),
    "emphasis": (
        "**a** //b// ,,c,, ^^d^^ __e__ ##f##",
        "<p><strong>a</strong> <em>b</em> <sub>c</sub> <sup>d</sup> <u>e</u> <code>f</code></p>\n",
    ),
    "nested emphasis": ("**a //b//**", "<p><strong>a <em>b</em></strong></p>\n"),
    "emphasis that overlaps": (
        "//a **b// c**",
        "<p><em>a <strong>b</strong></em> c**</p>\n",
    ),
    "emphasis over lines": ("**a\nb**", "<p><strong>a\nb</strong></p>\n"),
    "emphasis that nobody ends": ("a //b\nc\n\nd", "<p>a <em>b\nc</em></p>\n<p>d</p>\n"),
    "an unknown scheme": ("model://a b", "<p>model:<em>a b</em></p>\n"),
    "emphasis of nothing": ("a **", "<p>a **</p>\n"),
    "bold in the first words": ("**a** b", "<p><strong>a</strong> b</p>\n"),
    "a heading": ("== a == ", "<h2>a</h2>\n"),
    "a heading with marks": (" =a **b**", "<h1>a <strong>b</strong></h1>\n"),
    "a heading of too many levels": ("======== a", "<h6>== a</h6>\n"),
    "a heading between lines": ("a\n= b\nc", "<p>a</p>\n<h1>b</h1>\n<p>c</p>\n"),
    "a heading without a text": ("a\n===", "<p>a</p>\n<h3></h3>\n"),
    "a line break": (r"a\\b", "<p>a<br>b</p>\n"),
    "a line break at the end of a line": ("a\\\\\nb", "<p>a<br>\nb</p>\n"),
    "a rule": ("a\n ---- \nb", "<p>a</p>\n<hr>\n<p>b</p>\n"),
    "a row of other signs": ("-----", "<p>-----</p>\n"),
    "a list": ("* A\n* **B**\n", "<ul><li>A\n</li><li><strong>B</strong>\n</li></ul>\n"),
    "a list at the end of a text": ("*A\n*B", "<ul><li>A\n</li><li>B</li></ul>\n"),
    "a numbered list": ("a\n # A\n # B", "<p>a</p>\n<ol><li>A\n</li><li>B</li></ol>\n"),
    "nested lists": (
        "* a\n** b\n## c\n* d",
        "<ul><li>a\n<ul><li>b\n<ol><li>c\n</li></ol></li></ul></li><li>d</li></ul>\n",
    ),
    "a list that skips a level": ("# a\n### b", "<ol><li>a\n<ol><li>b</li></ol></li></ol>\n"),
    "lists of two kinds": ("* a\n# b", "<ul><li>a\n</li></ul>\n<ol><li>b</li></ol>\n"),
    "a list's further lines": ("* a\nb\n* c", "<ul><li>a\nb\n</li><li>c</li></ul>\n"),
    "a list ends with a blank line": ("* a\n\n**b**", "</ul>\n<p><strong>b</strong></p>\n"),
    "a list of too many levels": (
        "b\n" + "\n".join("*" * depth + " a" for depth in range(1, 12)),
        "<p>b</p>\n" + "<ul><li>a\n" * 10 + "<strong>",
    ),
    "an issue's number is no list": (
        "#12 is fixed\n# a\n#13",
        "<p>\0#12\0 is fixed</p>\n<ol><li>a\n\0#13\0</li></ol>\n",
    ),
    "indented lines": (
        "a\n> b\n>c\nd",
        '<p>a</p>\n<div class="indented"><p> b\nc</p>\n</div>\n<p>d</p>\n',
    ),
    "indented twice": (
        ">> a\n>* b",
        '<div class="indented"><div class="indented"><p> a</p>\n</div>\n'
        "<ul><li>b</li></ul>\n</div>\n",
    ),
    "indented at code": (
        "> a\n{{{\nb\n}}}\n> c",
        '<p> a</p>\n</div>\n<pre>b\n</pre>\n<div class="indented"><p> c</p>\n</div>\n',
    ),
    "indented eleven times": (">" * 11, '<div class="indented"><p>&gt;</p>\n</div>\n</div>'),
    "terms": (
        "a\n;b : c\nd\n: e\n;f\ng\n* h",
        "<p>a</p>\n<dl><dt>b</dt>\n<dd>c\nd</dd>\n<dd>e</dd>\n<dt>f</dt>\n<dd>g</dd>\n</dl>\n<ul>",
    ),
    "a link": (
        "[[http://b.example|a //b//]]",
        CREOLE_LINK.format("http://b.example", "a <em>b</em>"),
    ),
    "a link without a text": ("[[http://b.example/?c&d]]", ">http://b.example/?c&amp;d</a>"),
    "a link with an empty text": ("[[ mailto:a@b.example | ]]", ">mailto:a@b.example</a>"),
    "a relative link": ("[[b/c d|e]]", CREOLE_LINK.format("\0./b/c_d\0", "e")),
    "a link from the root": ("[[/b/c]]", CREOLE_LINK.format("/b/c", "/b/c")),
    "a link of a picture": (
        "[[http://b.example|{{a.png|b}}]]",
        CREOLE_LINK.format("http://b.example", '<img src="a.png" alt="b" title="b">'),
    ),
    "a link with code": (
        "[[http://b.example/{{{c}}}|{{{d}}}]]",
        CREOLE_LINK.format("http://b.example/{{{c}}}", "<code>d</code>"),
    ),
    "a link that leads nowhere": ("[[irc://b.example|a]]", "<p>[[irc://b.example|a]]</p>\n"),
    "an address without a host": ("[[http:b]] http://[b", "<p>[[http:b]] http://[b</p>\n"),
    "words in brackets": ("[[a  b]] {{a  b}}", "<p>[[a  b]] {{a  b}}</p>\n"),
    "a bare address": (
        "(see http://b.example/c_(d)?e=1&f.)",
        "<p>(see " + CREOLE_LINK.format(*["http://b.example/c_(d)?e=1&amp;f."] * 2) + ")</p>\n",
    ),
    "an address as it is": (
        "http://b.example/~c?#",
        "<p>" + CREOLE_LINK.format(*["http://b.example/~c?#"] * 2) + "</p>\n",
    ),
    "an address before code": (
        "http://b.example{{{c}}}",
        "<p>" + CREOLE_LINK.format(*["http://b.example"] * 2) + "<code>c</code></p>\n",
    ),
    "an address of files": ("ftp://b.example //c//", "<p>ftp://b.example <em>c</em></p>\n"),
    "a picture": (
        "{{http://b.example/c.png|a}}",
        'src="http://b.example/c.png" alt="a" title="a">',
    ),
    "a picture without words": (
        "{{/b/c.png}} {{d.png}}",
        'src="/b/c.png" alt="c.png" title="c.png">',
    ),
    "code": ('a\n{{{ \n[[b]] <c> "d"\n}}}\ne', '<p>a</p>\n<pre>[[b]] &lt;c&gt; "d"\n</pre>\n<p>e'),
    "code in a language": (
        "{{{\n#!c++\n\n  int x\n\n}}}",
        '<div class="codehilite highlight"><pre><span></span>  <span class="kt">int</span> '
        '<span class="n">x</span>\n</pre></div>\n\n',
    ),
    "code in an unknown language": (
        "{{{\n#!nolang\n<x>\n}}}",
        '<div class="codehilite highlight"><pre><span></span>&lt;x&gt;\n</pre></div>\n\n',
    ),
    "a path in the first line stays": ("{{{\n#!/bin/sh\n}}}", "<pre>#!/bin/sh\n</pre>\n"),
    "a language beside the opening mark": ("{{{#!c++\nx\n}}}", "<p><code>#!c++\nx\n</code></p>\n"),
    "code that begins with a blank line": ("{{{\n\na\n}}}", "<pre>\na\n</pre>\n"),
    "what looks like the end of code": (
        "{{{\n** a\n\n}}} b\n }}}\n}}}",
        "<pre>** a\n\n}}} b\n}}}\n</pre>\n",
    ),
    "code of nothing": ("{{{\n\n}}}", "<p>{{{</p>\n<p>}}}</p>\n"),
    "code of its own marks": ("{{{\n}}}\n}}}", "<pre>}}}\n</pre>\n"),
    "code of blank lines": ("{{{\n\n\n}}}", "<pre>\n\n</pre>\n"),
    "code that does not end": ("{{{\n**a**", "<p>{{{\n<strong>a</strong></p>\n"),
    "code in a line": ("{{{ a **b** [[c]] ~d}}}", "<p><code> a **b** [[c]] ~d</code></p>\n"),
    "braces in code": ("{{{a}}}}", "<p><code>a}</code></p>\n"),
    "code over lines": ("* {{{a\nb}}}", "<ul><li><code>a\nb</code></li></ul>\n"),
    "a table": (
        "a\n|=a|=b|\n|**c**|d ",
        "<p>a</p>\n<table><tbody><tr><th>a</th><th>b</th></tr>\n"
        "<tr><td><strong>c</strong></td><td>d</td></tr>\n</tbody></table>\n",
    ),
    "signs in a table": (
        "|~||{{{a|b}}}|{{c|d}}| |",
        '<td>|</td><td><code>a|b</code></td><td><img src="c" alt="d" title="d"></td><td></td></tr>',
    ),
    "an empty table": ("|", "<table><tbody><tr><td></td></tr>\n</tbody></table>\n"),
    "escaped marks": ("~**a ~//b ~[[c]] ~~ ~", "<p>**a //b [[c]] ~ ~</p>\n"),
    "an escaped line": ("~* a\n~= b", "<p>* a\n= b</p>\n"),
    "an escaped address": ("~http://b.example", "<p>http://b.example</p>\n"),
    "a tilde before a word": ("~20 ~ a~", "<p>20 ~ a~</p>\n"),
    "a macro is shown as written": (
        "<<toc>> <<a\n b>> <</c>>",
        "<p><code>&lt;&lt;toc&gt;&gt;</code> &lt;&lt;a\n b&gt;&gt; &lt;&lt;/c&gt;&gt;</p>\n",
    ),
    "a macro with a body": (
        "<<a b>>//c//<</a>>//d// <<a>>",
        "<p><code>&lt;&lt;a b&gt;&gt;//c//&lt;&lt;/a&gt;&gt;</code><em>d</em> <code>&lt;&lt;a&gt;",
    ),
    "a macro that has no body": ("<<a/>>//b//<</a>>", "<code>&lt;&lt;a/&gt;&gt;</code><em>b</em>"),
    "a macro over lines": (
        "a\n<<b c>> \n* d\n\n<</b>>\ne",
        "<p>a</p>\n<pre>&lt;&lt;b c&gt;&gt;\n* d\n\n&lt;&lt;/b&gt;&gt;</pre>\n<p>e</p>\n",
    ),
    "other scripts": ("//課題// öäü", "<p><em>課題</em> öäü</p>\n"),
    "nothing": (" \n\n", ""),
}

PLAIN = {
    "lines": ("a\r\nb\rc\nd", "<p>a<br>\nb<br>\nc<br>\nd</p>"),
    "paragraphs": ("\na\n \n\n  b\n", "<p>a</p>\n<p>b</p>"),
    "signs": ("*a* <b> & \"c\" 'd'", "<p>*a* &lt;b&gt; &amp; \"c\" 'd'</p>"),
    "nothing": (" \n", ""),
}

HASH = "3fd1279"
WHOLE_HASH = "45f8e776b7bbcd6b4e4b3ac91bfa45b2a9dfc861"
# Texts with their marks, and whether they mean the same in all markups.
REFERENCES = {
    "an issue": "see \0#12\0.",
    "an issue behind a word": "Issue\0#4\0",
    "an issue with a zero": "\0#08\0, \0#0\0",
    "issues": "\0#1\0, \0#2\0; (\0#3\0)",
    "the largest number": "\0#9999999999999999\0",
    "a number that is too long": "#10000000000000000",
    "a number without a sign": "issue 12",
    "a number in a path": "a/#12",
    "digits of other scripts": "#١٢",
    "a pull request": "pull request #12, PR #12, pull-requests #12, pr#12, Pull Request  #12",
    "a word that ends like a pull request": "spr \0#12\0",
    "somebody by account_id": "\0@{557058:c80ca578-03a1-4ac6-b3ee-50372a3fceee}\0, thanks",
    "somebody by a number": "\0@{5cf75629ff02b50ea27b2817}\0",
    "somebody by nickname": "\0@{ann o'neil}\0 \0@{課題}\0",
    "a name without braces": "@ann @{} @{a{b} @ {ann}",
    "a changeset": f"fixed in \0{HASH}\0.",
    "a whole changeset": f"(\0{WHOLE_HASH}\0)",
    "a number that could be one": "\0" + "20100818\0",
    "parts of a number that could be some": "\0" + "1545474534\0.\0" + "274922683\0",
    "what is too short or too long": f"3fd127 {WHOLE_HASH}0",
    "what is part of a word": f"g{HASH} {HASH}g é{HASH}",
    "what is part of a path or address": f"/{HASH} -{HASH} @{HASH} {HASH}/ {HASH}@",
    "upper case": HASH.upper(),
}

# The processes of this machine are read from /proc; elsewhere the renderer is tested without.
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
SLOW = ("markdown", "[" * 50_000)
"""A text that keeps its engine busy for more than any limit used here."""
QUICK = ("markdown", "*a*")
QUICK_HTML = "<p><em>a</em></p>"


def final(*html: str) -> list[Rendered]:
    """The answer of a renderer that has done what there is to do."""
    return [Rendered(each, is_final=True) for each in html]


def unfinished(text: tuple[str, str]) -> Rendered:
    """What comes back of a text that was not rendered for now."""
    return Rendered(plain.escaped(text[1]), is_final=False)


@pytest.mark.parametrize(("raw", "html"), MARKDOWN.values(), ids=MARKDOWN)
def test_markdown_follows_bitbuckets_rules(raw: str, html: str) -> None:
    assert html in render("markdown", raw)
    assert html or render("markdown", raw) == ""


@pytest.mark.parametrize(("raw", "html"), CREOLE.values(), ids=CREOLE)
def test_creole_is_rendered(raw: str, html: str) -> None:
    assert html in render("creole", raw)
    assert html or render("creole", raw) == ""


@pytest.mark.parametrize(("raw", "html"), PLAIN.values(), ids=PLAIN)
def test_plain_text_is_escaped_and_keeps_its_lines(raw: str, html: str) -> None:
    assert render("plaintext", raw) == html


def paragraph(markup: str, html: str) -> str:
    """A paragraph as that markup ends it."""
    return f"<p>{html}</p>\n" if markup == "creole" else f"<p>{html}</p>"


@pytest.mark.parametrize("text", REFERENCES.values(), ids=REFERENCES)
def test_references_are_marked_in_every_markup(text: str) -> None:
    for markup in ("markdown", "creole", "plaintext"):
        assert render(markup, text.replace("\0", "")) == paragraph(markup, text)


@pytest.mark.parametrize(
    ("markup", "raw"),
    [
        *(
            ("markdown", raw)
            for raw in ("`{}`", "    {}", "```\n{}\n```", "[{}](http://b.example)")
        ),
        *(("markdown", raw) for raw in ("http://b.example/{}", "![{}](c.png)", "[a](/b '{}')")),
        *(("creole", raw) for raw in ("{{{{{{{}}}}}}}", "{{{{{{\n{}\n}}}}}}", "[[/b|{}]]")),
        *(("creole", raw) for raw in ("http://b.example/{}", "{{{{/c.png|{}}}}}")),
    ],
)
def test_nothing_is_marked_in_code_links_and_attributes(markup: str, raw: str) -> None:
    assert "\0" not in render(markup, raw.format("#12"))
    assert "\0" not in render(markup, raw.format(f"#12:{HASH}"))


@pytest.mark.parametrize(("markup", "html"), [("markdown", "##12"), ("creole", "<code>12</code>")])
def test_a_number_behind_two_signs_is_no_reference(markup: str, html: str) -> None:
    assert render(markup, "##12") == paragraph(markup, html)


def test_references_escape_as_the_text_does() -> None:
    for markup in ("markdown", "creole", "plaintext"):
        html = paragraph(markup, f"&lt;\0{HASH}\0&gt; \0@{{a&amp;b}}\0")
        assert render(markup, f"<{HASH}> @{{a&b}}") == html


def test_what_follows_three_hundred_references_is_text() -> None:
    assert render("markdown", "#1 " * 302) == "<p>" + "\0#1\0 " * 300 + "#1 #1 </p>"


def test_a_sentence_with_a_changeset_needs_no_engine() -> None:
    assert plain.shortcut("markdown", f"Fixed in {HASH}.") == f"<p>Fixed in \0{HASH}\0.</p>"


def test_an_unknown_markup_is_plain_text() -> None:
    assert render("textile", "*a*\nb") == "<p>*a*<br>\nb</p>"


def test_the_version_is_a_number_to_keep() -> None:
    assert isinstance(VERSION, int)


WORDISH = st.text(
    st.one_of(st.sampled_from(" \n\r-'.,;!?_*#1aZé課"), st.characters(codec="utf-8")), max_size=30
)


@given(markup=st.sampled_from(["markdown", "creole", "plaintext"]), raw=WORDISH)
def test_the_shortcut_gives_what_the_engines_give(markup: str, raw: str) -> None:
    shortcut = plain.shortcut(markup, raw)
    assert shortcut is None or shortcut == render(markup, raw)


@given(words=st.lists(st.from_regex(r"\A(?:\w|['-]){1,12}[.,;!?]?\Z"), min_size=1, max_size=8))
def test_the_shortcut_gives_what_the_engines_give_for_sentences(words: list[str]) -> None:
    raw = " ".join(words)
    for markup in ("markdown", "creole"):
        assert plain.shortcut(markup, raw) in (None, render(markup, raw))


TEXTS = st.sampled_from([raw for raw, _ in MARKDOWN.values()]) | st.text("*_`#[]()<>:/-1a \n")


@given(before=st.lists(TEXTS, max_size=4), raw=TEXTS)
def test_nothing_of_a_text_gets_into_the_next(before: list[str], raw: str) -> None:
    for text in before:
        render("markdown", text)
    found = render("markdown", raw)
    dialect._engine.cache_clear()
    assert found == render("markdown", raw)


def test_the_shortcut_takes_what_people_write_most() -> None:
    for raw in ("Fixed, thanks.", "It's done; can't reproduce any more!\r\n", "課題"):
        assert plain.shortcut("markdown", raw) is not None


def test_importing_the_package_loads_no_engine() -> None:
    engines = "{'markdown', 'pygments', 'nh3', 'tracker.markup.engine'}"
    code = f"import sys, tracker.markup; print(sorted({engines} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def children(parent: int) -> list[int]:
    """The renderers' processes whose parent this is, and its zombies."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            command = (process / "cmdline").read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        if int(fields[1]) == parent and (not command or b"tracker.markup.child" in command):
            found.append(int(process.name))
    return found


async def rendered(
    renderer: Renderer, texts: list[tuple[str, str]], who: int | None = None
) -> list[Rendered]:
    """What comes of these texts, all of them."""
    return await asyncio.gather(*renderer.render(texts, who))


async def eventually_gone(pid: int) -> None:
    """Wait until there is no such process, not even a zombie; the test's time limit ends it."""
    while Path(f"/proc/{pid}").exists():
        await asyncio.sleep(0.01)


async def test_texts_come_back_in_order_as_the_engines_made_them() -> None:
    texts = [("markdown", f"*{n}*") for n in range(20)] + [("creole", "//a//"), ("plaintext", "*")]
    async with Renderer() as renderer:
        assert await rendered(renderer, texts) == final(*(render(*text) for text in texts))
        assert await rendered(renderer, []) == []


async def test_several_callers_get_their_own_answers() -> None:
    async with Renderer() as renderer:
        answers = await asyncio.gather(
            *(
                rendered(renderer, [("markdown", f"*{n}*"), ("markdown", f"**{n}**")])
                for n in range(9)
            )
        )
    assert answers == [
        final(f"<p><em>{n}</em></p>", f"<p><strong>{n}</strong></p>") for n in range(9)
    ]


async def test_long_texts_and_other_scripts_pass_the_pipes() -> None:
    raw = "課題 \U0001f600 <\x07> " * 20_000
    async with Renderer(cpu_seconds=10) as renderer:
        assert await rendered(renderer, [("markdown", raw)]) == final(render("markdown", raw))


@needs_proc
async def test_the_process_starts_with_the_first_text_that_needs_it() -> None:
    before = children(os.getpid())
    async with Renderer() as renderer:
        await rendered(renderer, [("markdown", "Fixed, thanks."), ("plaintext", "*a*")])
        assert children(os.getpid()) == before
        await rendered(renderer, [QUICK])
        assert len(children(os.getpid())) == len(before) + 1
    assert children(os.getpid()) == before


@needs_proc
async def test_the_process_ends_when_idle_and_comes_back() -> None:
    async with Renderer(idle_seconds=0.01) as renderer:
        for _ in range(2):
            assert await rendered(renderer, [QUICK]) == final(QUICK_HTML)
            while children(os.getpid()):
                await asyncio.sleep(0.01)


@needs_proc
async def test_a_killed_process_is_replaced() -> None:
    async with Renderer() as renderer:
        await rendered(renderer, [QUICK])
        (child,) = children(os.getpid())
        os.kill(child, signal.SIGKILL)
        assert await rendered(renderer, [QUICK]) == final(QUICK_HTML)
        assert children(os.getpid()) != [child]


@needs_proc
async def test_a_text_that_is_not_to_blame_survives_the_death_of_its_process() -> None:
    raw = "* a\n" * 20_000  # long enough to be met at work
    async with Renderer(cpu_seconds=30) as renderer:
        waiting = asyncio.create_task(rendered(renderer, [("markdown", raw)]))
        while not children(os.getpid()):
            await asyncio.sleep(0.01)
        os.kill(children(os.getpid())[0], signal.SIGKILL)
        # Killed while it starts, it is no text's fault either: the caller may come again.
        answer = await waiting
        if not answer[0].is_final:
            answer = await rendered(renderer, [("markdown", raw)])
        assert answer == final(render("markdown", raw))


async def test_a_text_that_takes_too_long_comes_back_plain_and_the_next_is_rendered() -> None:
    async with Renderer(cpu_seconds=0.2) as renderer:
        assert await rendered(renderer, [SLOW, QUICK]) == final(plain.escaped(SLOW[1]), QUICK_HTML)


async def test_texts_beyond_a_calls_budget_come_back_plain_and_may_be_asked_for_again() -> None:
    async with Renderer(cpu_seconds=0.2, budget_seconds=0.1) as renderer:
        answers = await rendered(
            renderer, [QUICK, SLOW, QUICK, ("markdown", "Fixed."), ("plaintext", "*")]
        )
        assert answers == [
            *final(QUICK_HTML, plain.escaped(SLOW[1])),
            Rendered("<p>*a*</p>", is_final=False),
            *final("<p>Fixed.</p>", "<p>*</p>"),
        ]
        assert await rendered(renderer, [QUICK]) == final(QUICK_HTML)


async def test_the_budget_is_spent_by_texts_that_end_as_well() -> None:
    lists = [("markdown", "* a\n" * 2000)] * 100  # none takes long, all together do
    async with Renderer(cpu_seconds=10, budget_seconds=0.1) as renderer:
        answers = await rendered(renderer, lists)
    reached = [answer.is_final for answer in answers]
    assert reached == sorted(reached, reverse=True)
    assert set(reached) == {True, False}


async def test_one_callers_budget_is_not_anothers() -> None:
    async with Renderer(cpu_seconds=0.2, budget_seconds=0.1) as renderer:
        _, answers = await asyncio.gather(
            rendered(renderer, [SLOW, QUICK]), rendered(renderer, [QUICK])
        )
    assert answers == final(QUICK_HTML)


async def test_callers_take_turns() -> None:
    """Whoever has many slow texts waits for them; whoever comes later waits for one of them."""
    async with Renderer(cpu_seconds=0.2) as renderer:
        slow = [renderer.render([SLOW], who=1)[0] for _ in range(20)]
        for who in (2, None, 3):
            await rendered(renderer, [QUICK, QUICK], who)
        assert not all(future.done() for future in slow[:10])


async def test_a_callers_own_texts_keep_their_order() -> None:
    async with Renderer() as renderer:
        ended: list[tuple[int, int]] = []
        futures = []
        for number in range(9):
            for who in (1, 2):
                [future] = renderer.render([("markdown", f"*{number}*")], who)
                future.add_done_callback(lambda _, end=(number, who): ended.append(end))
                futures.append(future)
        await asyncio.gather(*futures)
        await asyncio.sleep(0)
    assert ended == [(number, who) for number in range(9) for who in (1, 2)]


async def test_what_waits_for_one_caller_is_bounded_and_nobody_else_notices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool, "_MOST_WAITING", 3 * (pool._COST + len(QUICK[1])))
    async with Renderer() as renderer:
        answers = await rendered(renderer, [QUICK] * 5, who=1)
        assert answers == [*final(*[QUICK_HTML] * 3), unfinished(QUICK), unfinished(QUICK)]
        both = await asyncio.gather(
            rendered(renderer, [QUICK] * 4, who=1), rendered(renderer, [QUICK], who=2)
        )
        assert [answer.is_final for answer in both[0]] == [True, True, True, False]
        assert both[1] == final(QUICK_HTML)


async def test_a_text_that_breaks_its_engine_comes_back_plain() -> None:
    nested = "\n".join("    " * depth + "* a" for depth in range(300))
    with pytest.raises(RecursionError):
        render("markdown", nested)
    async with Renderer(cpu_seconds=10) as renderer:
        answers = await rendered(renderer, [("markdown", nested), QUICK])
    assert answers == final(plain.escaped(nested), QUICK_HTML)


async def test_a_caller_that_goes_away_leaves_nothing_broken() -> None:
    async with Renderer(cpu_seconds=0.3) as renderer:
        await rendered(renderer, [QUICK])
        callers = [asyncio.create_task(rendered(renderer, [SLOW, QUICK])) for _ in range(3)]
        await asyncio.sleep(0.05)
        for caller in callers:
            caller.cancel()
        assert await rendered(renderer, [("markdown", "**b**")]) == final(
            "<p><strong>b</strong></p>"
        )
        assert all(caller.cancelled() for caller in callers)


async def close_at_work() -> tuple[list[list[Rendered]], list[int]]:
    """What two callers get whose renderer is closed at work, and the children that stay."""
    async with Renderer(cpu_seconds=60) as renderer:
        await rendered(renderer, [QUICK])
        callers = [asyncio.create_task(rendered(renderer, [SLOW])) for _ in range(2)]
        await asyncio.sleep(0.05)
    return await asyncio.gather(*callers), children(os.getpid())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@needs_proc
def test_closing_ends_work_and_process_on_every_loop(run: Any) -> None:
    coroutine: Coroutine[Any, Any, Any] = close_at_work()
    answers, left = run(coroutine)
    assert answers == [[unfinished(SLOW)], [unfinished(SLOW)]]
    assert left == []


async def test_closing_while_the_process_starts_leaves_none() -> None:
    async with Renderer() as renderer:
        caller = asyncio.create_task(rendered(renderer, [QUICK]))
        await asyncio.sleep(0)
    assert await caller == [unfinished(QUICK)]


async def test_a_closed_renderer_shows_texts_as_they_are() -> None:
    renderer = Renderer()
    async with renderer:
        pass
    assert await rendered(renderer, [QUICK]) == [unfinished(QUICK)]


@pytest.mark.parametrize("program", ["/nonexistent/python", "/bin/false"])
async def test_no_answer_is_final_while_no_process_starts(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Renderer() as renderer:
        with monkeypatch.context() as patched:
            patched.setattr(sys, "executable", program)
            assert await rendered(renderer, [QUICK]) == [unfinished(QUICK)]
        assert await rendered(renderer, [QUICK]) == final(QUICK_HTML)


@needs_proc
async def test_the_process_inherits_neither_sockets_nor_databases(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "pail.sqlite")
    database.execute("CREATE TABLE issue (id INTEGER)")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.set_inheritable(True)
        async with Renderer() as renderer:
            await rendered(renderer, [QUICK])
            (child,) = children(os.getpid())
            opened = [str(link.readlink()) for link in Path(f"/proc/{child}/fd").iterdir()]
    database.close()
    pipes = {entry for entry in opened if entry.startswith("pipe:")}
    assert len(pipes) >= 2
    assert not [entry for entry in opened if "socket:[" in entry or "sqlite" in entry]


PARENT = """
import asyncio, sys
from tracker.markup import Renderer

async def main():
    async with Renderer(cpu_seconds=1) as renderer:
        await renderer.render([("markdown", "*a*")])[0]
        busy = renderer.render([("markdown", sys.argv[1] * 50_000)])
        await asyncio.sleep(0.05)
        print("ready", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@needs_proc
@pytest.mark.faults
@pytest.mark.parametrize("mark", ["a", "["], ids=["idle", "busy"])
async def test_the_process_ends_with_a_killed_parent(mark: str) -> None:
    command = [sys.executable, "-c", PARENT, mark]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        (child,) = children(parent.pid)
        parent.kill()
    await eventually_gone(child)


async def test_a_long_plain_text_is_left_to_the_process() -> None:
    raw = "see #1\n" * 10_000
    assert plain.shortcut("plaintext", raw) is None
    async with Renderer(cpu_seconds=10) as renderer:
        assert await rendered(renderer, [("plaintext", raw)]) == final(render("plaintext", raw))


async def test_the_loop_goes_on_while_a_text_is_rendered() -> None:
    async with Renderer(cpu_seconds=0.3) as renderer:
        caller = asyncio.create_task(rendered(renderer, [SLOW]))
        beats = 0
        while not caller.done():
            await asyncio.sleep(0.01)
            beats += 1
        await caller
    assert beats > 3


@needs_proc
async def test_two_renderers_do_not_disturb_each_other() -> None:
    async with Renderer() as first, Renderer() as second:
        await asyncio.gather(rendered(first, [QUICK]), rendered(second, [QUICK]))
        assert len(children(os.getpid())) == 2
        await first.__aexit__(None, None, None)
        assert await rendered(second, [QUICK]) == final(QUICK_HTML)
