"""Creole is rendered as the library does whose rules Bitbucket's recorded texts follow.

The library is of 2019, takes square time on hostile texts and lets them forge its placeholders, so
the tracker does not run it; here it says what is right.
"""

import re
import warnings
from functools import cache

import nh3
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.tracker.test_markup import CREOLE
from tracker.markup import creole

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its patterns are older than raw strings
    from creoleparser import Parser, create_dialect, creole11_base

_BLOCKS = "p|div|pre|[uod]l|li|table|tbody|t[rdh]|h[1-6r]|br|d[dt]"
_ATTRIBUTES = {"a": {"href"}, "img": {"src", "alt", "title"}}
_LOCAL = re.compile(
    r"""\#\d              # an issue's number begins no list
    | <(?:<<|[{\[\\])  # the library's placeholders begin with <<<, so it errs about a < before one
    | \{\{\{\n\#!       # code in a language, which Bitbucket coloured
    | ://\S*[\[\]]     # no address, so no link
    | (?:file|news|ftps):  # other schemes are allowed
    | \[\[http:b | (?:\[\[|\{\{)\s*//  # addresses without a host
    | (?:\[\[|\{\{)[\s\S]*(?:\{\{\{|<<)  # code in an address: it shows its placeholder
    | ^>{11} | ^\*{11}  # too deep
    | <</a>>[\s\S]*<</a>>  # it shows what is between two ends twice
    """,
    re.VERBOSE | re.MULTILINE,
)
"""Where the tracker does otherwise, and why."""


@cache
def library() -> Parser:
    """The library's parser with all its marks."""
    return Parser(dialect=create_dialect(creole11_base), method="html", encoding=None)


def alike(html: str) -> str:
    """The HTML without what either adds to it, and without blanks around blocks."""
    html = nh3.clean(html, attributes=_ATTRIBUTES, link_rel=None)
    html = re.sub(r"</?span>", "", html)
    return re.sub(rf"\s*(</?(?:{_BLOCKS})\b[^>]*>)\s*", r"\1", html).strip()


def check(raw: str) -> None:
    """Both make the same of the text."""
    assert alike(creole.render(raw)) == alike(library().render(raw))


@pytest.mark.parametrize("raw", [raw for raw, _ in CREOLE.values() if not _LOCAL.search(raw)])
def test_our_own_texts_are_rendered_as_the_library_does(raw: str) -> None:
    check(raw)


FRAGMENTS = st.sampled_from(
    [
        *(
            "a",
            "b",
            " ",
            "\n",
            "\n\n",
            "* ",
            "** ",
            "# ",
            "## ",
            "*",
            "> ",
            ">",
            "|",
            "|=",
            "= ",
            "==",
        ),
        *("----", "{{{", "}}}", "{{{\n", "\n}}}\n", "[[", "]]", "{{", "}}", "http://b.example/c"),
        *(
            "~",
            "\\\\",
            "//",
            "**",
            "__",
            "##",
            ",,",
            "^^",
            "<<toc>>",
            "<<a b>>",
            "<</a>>",
            ".",
            "!",
        ),
        *(")", "(", "<", "&", '"', "model://x", "- "),
    ]
)


@settings(max_examples=1000, derandomize=True, deadline=None)
@given(parts=st.lists(FRAGMENTS, max_size=12))
def test_any_mixture_is_rendered_as_the_library_does(parts: list[str]) -> None:
    raw = "".join(parts)
    assume(not _LOCAL.search(raw))
    check(raw)
