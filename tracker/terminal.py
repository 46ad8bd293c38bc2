"""Standard output, standard error and the logs: what is written there is escaped.

Data can't control a terminal or forge a line. All that Pail prints goes through here; a test finds
what does not.
"""

import logging
import sys
from types import TracebackType

from tracker.escaping import escaped


def say(*cells: object, err: bool = False) -> None:
    """Print one line to standard output (err: standard error); cells have tabs between them.

    None is an empty cell. What the stream's encoding lacks is escaped as well.
    """
    stream = sys.stderr if err else sys.stdout
    if stream is None:  # closed by the parent process
        return
    line = "\t".join("" if cell is None else escaped(str(cell)) for cell in cells)
    encoding = stream.encoding or "utf-8"
    stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()


def log_handler(line: str) -> logging.Handler:
    """A handler that logs to standard error; line is a format as logging.Formatter takes it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(line))
    return handler


class _Lines(logging.Formatter):
    """One line a record; only tracebacks have more, which are indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return escaped(super().formatMessage(record))

    def formatException(  # noqa: N802 - logging's name
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        lines = super().formatException(ei).split("\n")
        return "\n".join(f"  {escaped(line)}" for line in lines)
