"""What people wrote, as HTML that is safe to show: markdown, creole and plain text.

Importing this package is cheap: the engines are loaded where they run, which for a server is a
child process (Renderer). Bitbucket's rules that the engines follow are told in dialect.py.
"""

from tracker.markup.marks import NUL as MARK
from tracker.markup.pool import Rendered, Renderer

VERSION = 3
"""The renderer's version, to be kept beside cached HTML: another one makes other HTML."""

__all__ = ["MARK", "VERSION", "Rendered", "Renderer", "render"]


def render(markup: str, raw: str) -> str:
    """The text as HTML with marks in it (marks.py tells of them).

    markup is "markdown", "creole" or "plaintext"; anything else is plain.

    Pure and synchronous; loads the engines, and may take very long on hostile input: servers
    use a Renderer. Raises what a failing engine raises (RecursionError, for one).
    """
    from tracker.markup import engine

    return engine.render(markup, raw)
