"""Plain text as HTML, and the texts that are plain whatever they claim to be written in."""

import html
import re

_PARAGRAPH_END = re.compile(r"\n[ \t]*\n\s*")
_WORDS = r"[^\W_]+(?:['-][^\W_]+)*[,;!?.]?"
_SENTENCES = re.compile(rf"(?!\d){_WORDS}(?: {_WORDS})*")
_LONGEST_SENTENCES = 2000


def render(raw: str) -> str:
    """The text as escaped paragraphs with its line breaks; linear in its length.

    It is the rendering of plaintext, and what is shown of a text that an engine can't manage.
    """
    text = raw.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    if not text.strip():
        return ""
    paragraphs = _PARAGRAPH_END.split(html.escape(text, quote=False))
    return "\n".join(
        "<p>" + paragraph.rstrip().replace("\n", "<br>\n") + "</p>" for paragraph in paragraphs
    )


def shortcut(markup: str, raw: str) -> str | None:
    """The HTML of a text that needs no engine ("Fixed, thanks."), or None.

    A short line of words and sentence marks means itself in every markup, so most comments of
    a small tracker are answered without starting a process. A test compares with the engines.
    """
    if markup not in ("markdown", "creole"):
        return render(raw)
    text = raw.rstrip("\r\n")  # a space at the end is kept by markdown: not a text for here
    if not text.strip(" \r\n"):
        return ""
    if len(text) <= _LONGEST_SENTENCES and _SENTENCES.fullmatch(text):
        return f"<p>{text}</p>"
    return None
