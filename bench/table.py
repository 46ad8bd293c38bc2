"""The table that a run prints."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HEADERS = ("what", "Pail", "beside it", "ratio", "wanted")


@dataclass(frozen=True, slots=True)
class Line:
    """A measurement: Pail's figure, the one beside it, the ratio of the two and the target."""

    what: str
    pail: str
    beside: str = ""
    ratio: float | None = None
    wanted: str = ""

    def cells(self) -> tuple[str, ...]:
        """The line as text, one for each of HEADERS."""
        ratio = "" if self.ratio is None else f"{self.ratio:.1f}"
        return (self.what, self.pail, self.beside, ratio, self.wanted)


def text(lines: Iterable[Line]) -> str:
    """The table of such lines."""
    return markdown(HEADERS, [line.cells() for line in lines])


def markdown(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table: columns as wide as they need, in Markdown, so that it can be pasted."""
    every = [headers, *rows]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    head, *body = [_row(row, widths) for row in every]
    rule = "|".join(["", *("-" * (width + 2) for width in widths), ""])
    return "\n".join([head, rule, *body])


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (f" {cell:<{width}} " for cell, width in zip(cells, widths, strict=True))
    return "|".join(["", *padded, ""])
