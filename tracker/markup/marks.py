"""References in texts: marked when a text is rendered, filled in when it is shown.

Titles, states and names change without the text that refers to them, so the stored HTML has
marks in their places. A mark is what the text says, between two NULs: "#12", "@{somebody}", a
changeset's hash; or "./" and the target of a relative link, within its href. No text can forge
one: the API and archives refuse NULs, and mark() itself takes out what is left of them.
"""

import re
from collections.abc import Callable

from tracker.markup import links

NUL = "\0"

_MOST = 300
"""References of one text; further ones stay text, so that showing it stays cheap."""

# The number of a pull request is taken first, so that it is not taken for an issue's.
_REFERENCE = re.compile(
    r"""
    (?P<other>\b(?:pull[ -]?request|pr)s?\s*\#[0-9]+)
    | @\{[^{}<>\n]{1,255}\}
    | (?<![/&\#])\#[0-9]{1,16}(?![0-9])
    | (?<![\w/@\#-])(?-i:[0-9a-f]{7,40})(?![\w/@])
    """,
    re.VERBOSE | re.IGNORECASE,
)
_RELATIVE = re.compile(
    r'(<a (?:data-is-external-link="true" )?href=")(?![/#?"]|(?i:[a-z]+:))([^"]+)'
)


def mark(html: str) -> str:
    """The HTML with its references marked; html is well formed, its text escaped.

    The rules are those that Bitbucket's recorded answers show. References are looked for where
    addresses are: not in links and not in code.
    """
    html = links.in_running_text(html.replace(NUL, ""), _mark_text)
    html = _RELATIVE.sub(rf"\1{NUL}./\2{NUL}", html)
    parts = html.split(NUL)
    return NUL.join(parts[: 2 * _MOST + 1]) + "".join(parts[2 * _MOST + 1 :])


def find(html: str) -> list[str]:
    """The marks in marked HTML, without their NULs."""
    return html.split(NUL)[1::2]


def fill(html: str, shown: Callable[[str], str]) -> str:
    """Marked HTML with shown(mark) in the place of each mark."""
    parts = html.split(NUL)
    parts[1::2] = map(shown, parts[1::2])
    return "".join(parts)


def _mark_text(text: str) -> str:
    return _REFERENCE.sub(_mark, text)


def _mark(found: re.Match[str]) -> str:
    return found[0] if found["other"] else f"{NUL}{found[0]}{NUL}"
