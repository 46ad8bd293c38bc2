"""Blocks of code, coloured by Pygments with the classes that Bitbucket's pages knew."""

from typing import Any

from markdown.extensions.codehilite import CodeHilite, parse_hl_lines
from pygments.formatters.html import HtmlFormatter


def _formatter(lang_str: str, **options: Any) -> "HtmlFormatter[str]":
    # language-text is what code without a language arrives with.
    language = "" if lang_str == "language-text" else f" {lang_str}"
    options.update(cssclass=f"codehilite{language}", wrapcode=False)
    return HtmlFormatter(**options)


# Bitbucket guessed languages; guessing costs seconds, and the guesses were seldom right.
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
