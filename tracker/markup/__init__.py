"""What people wrote, as HTML that is safe to show: markdown, creole and plain text.

Importing this package is cheap: the engines are loaded where they run, which for a server is a
child process (Renderer). Bitbucket's rules that the engines follow are told in dialect.py.
"""

from tracker.markup.marks import NUL as MARK
from tracker.markup.pool import Rendered, Renderer

VERSION = 3
"""The renderer's version, to be kept beside cached HTML: another one makes other HTML."""

__all__ = ["MARK", "VERSION", "Rendered", "Renderer"]
