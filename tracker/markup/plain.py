"""Plain text as HTML, and texts that are plain in every markup."""

import html
import re

from tracker.markup.marks import mark

_PARAGRAPH_END = re.compile(r"\n[ \t]*\n\s*")
_WORDS = r"[^\W_]+(?:['-][^\W_]+)*[,;!?.]?"
_SENTENCES = re.compile(rf"(?!\d){_WORDS}(?: {_WORDS})*")
_LONGEST_SENTENCES = 2000
_LONGEST_PLAIN = 20_000  # characters; looking for references in them takes two milliseconds


def escaped(raw: str) -> str:
    """The text as escaped paragraphs with its line breaks: what is shown when an engine fails.

    Linear in its length and quick, because it runs on the event loop; so references are not looked
    for.
    """
    text = raw.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    if not text.strip():
        return ""
    paragraphs = _PARAGRAPH_END.split(html.escape(text, quote=False))
    return "\n".join(
        "<p>" + paragraph.rstrip().replace("\n", "<br>\n") + "</p>" for paragraph in paragraphs
    )


def render(raw: str) -> str:
    """The rendering of plaintext: the escaped text with its references marked; linear, too."""
    return mark(escaped(raw))


def shortcut(markup: str, raw: str) -> str | None:
    """The HTML of a text that needs no engine ("Fixed, thanks."), or None.

    A short line of words and sentence marks means itself in every markup, so most comments of
    a small tracker are answered without starting a process. A test compares with the engines.
    """
    if markup not in ("markdown", "creole"):
        return render(raw) if len(raw) <= _LONGEST_PLAIN else None
    text = raw.rstrip("\r\n")  # a space at the end is kept by markdown: not a text for here
    if not text.strip(" \r\n"):
        return ""
    if len(text) <= _LONGEST_SENTENCES and _SENTENCES.fullmatch(text):
        end = "\n" if markup == "creole" else ""
        return mark(f"<p>{text}</p>{end}")
    return None
