"""Blocks of code, coloured by Pygments with the classes that Bitbucket's pages knew."""

from collections.abc import Iterable
from operator import itemgetter
from typing import Any

import pygments
from markdown.extensions.codehilite import CodeHilite, parse_hl_lines
from pygments.formatters.html import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.lexers.diff import DiffLexer
from pygments.lexers.html import XmlLexer
from pygments.lexers.shell import BashLexer
from pygments.lexers.special import TextLexer
from pygments.token import Text, Whitespace, _TokenType
from pygments.util import ClassNotFound


class _Formatter(HtmlFormatter[str]):
    """Leaves white space without a class, as the lexers of Bitbucket's time did."""

    def format(self, tokensource: Iterable[tuple[_TokenType, str]], outfile: Any) -> None:
        tokens = ((Text if kind is Whitespace else kind, text) for kind, text in tokensource)
        super().format(tokens, outfile)


# Bitbucket guessed among all languages, which costs seconds and was seldom right. These three are
# told by how they begin ("$ ls", "diff -r", "--- a/file"), or by tags that close.
_GUESSED: tuple[type[Lexer], ...] = (BashLexer, DiffLexer, XmlLexer)


class _Guessing(_Formatter):
    """Colours code that came without a language, where it is plain which one it is in."""

    def format(self, tokensource: Iterable[tuple[_TokenType, str]], outfile: Any) -> None:
        code = "".join(text for _, text in tokensource)
        score, guess = max(
            ((lexer.analyse_text(code), lexer) for lexer in _GUESSED), key=itemgetter(0)
        )
        lexer = (guess if score else TextLexer)(stripnl=False, ensurenl=False)
        super().format(lexer.get_tokens(code), outfile)


def _formatter(lang_str: str, **options: Any) -> _Formatter:
    # language-text is what code without a language arrives with.
    is_known = lang_str != "language-text"
    options.update(cssclass=f"codehilite {lang_str}" if is_known else "codehilite", wrapcode=False)
    return _Formatter(**options) if is_known else _Guessing(**options)


OPTIONS: dict[str, Any] = {
    "guess_lang": False,
    "linenums": False,
    "pygments_formatter": _formatter,
}
"""How markdown's codehilite extension is configured."""


def highlight(code: str, language: str | None = None, marked_lines: str | None = None) -> str:
    """The code as <div class="codehilite language-X"><pre>...</pre></div>.

    Without a language, X comes from a first line "#!X" (which is dropped) or ":::X".
    marked_lines are numbers with blanks between ("1 3"), as the hl_lines of a fence.
    """
    lines = parse_hl_lines(marked_lines or "")
    return str(CodeHilite(code, lang=language, hl_lines=lines, **OPTIONS).hilite())


def highlight_creole(code: str, language: str) -> str:
    """The code as creole's <div class="codehilite highlight"><pre>...</pre></div>.

    Blank first and last lines are dropped. Two newlines follow, as in Bitbucket's recorded texts.
    """
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        lexer = TextLexer()
    formatter = _Formatter(cssclass="codehilite highlight")
    return f"{pygments.highlight(code, lexer, formatter)}\n"
