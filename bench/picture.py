"""A picture of requests a second against the number of issues, as SVG."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from bench import api
from bench.api import Row

_VERBS = {
    "GET issue": "#3b82d0",
    "list of 50": "#2a9d6f",
    "filtered list of 50": "#d9822b",
    "last page": "#b44fc4",
    "search, a rare word": "#d64550",
    "create issue": "#8a8a2a",
}
"""The cases of API 2.0 that are shown, and their colours."""

_WIDTH, _HEIGHT = 960, 440
_TOP, _BOTTOM = 64, 390
_LEFT, _PANEL, _LABELS, _GAP = 64, 240, 150, 52
_LEAST_GAP = 16
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 14px }
  .quiet { fill: #59636e }
  .paper { fill: #ffffff }
  .grid { stroke: #d1d9e0; stroke-width: 1 }
  .line { fill: none; stroke-width: 2.5; stroke-linejoin: round }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .quiet { fill: #9198a1 }
    .paper { fill: #0d1117 }
    .grid { stroke: #3d444d }
  }
"""


@dataclass(frozen=True, slots=True)
class _Line:
    """A verb: pairs of issues and requests a second, the fewest issues first."""

    name: str
    points: Sequence[tuple[int, float]]


def svg(rows: Sequence[Row]) -> str:
    """The picture of what the last checkout reached with 8 connections; both axes logarithmic."""
    shown = [
        row
        for row in rows
        if row.connections == api.MANY and row.case.api == "2.0" and row.case.name in _VERBS
    ]
    panels = [(api.COLUMNS[0], _lines(shown, 0)), (api.COLUMNS[1], _lines(shown, 1))]
    rates = [rate for _, lines in panels for line in lines for _, rate in line.points if rate]
    issues = sorted({row.size.issues for row in shown})
    if not rates:
        raise ValueError("nothing measured that the picture shows")
    axes = _Axes(issues, math.floor(math.log10(min(rates))), math.ceil(math.log10(max(rates))))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        'aria-label="Requests a second against the number of issues">',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{_HEIGHT}" rx="8"/>',
        _text(_LEFT, 26, "Requests a second against the number of issues", "title"),
    ]
    for place, (title, lines) in enumerate(panels):
        parts += axes.panel(_LEFT + place * (_PANEL + _LABELS + _GAP), title, lines)
    return "\n".join([*parts, "</svg>", ""])


def _lines(rows: Sequence[Row], column: int) -> list[_Line]:
    """A line for each verb. Writes are asked for the first time, all of them."""
    found = []
    for name in _VERBS:
        points = []
        for row in sorted(rows, key=lambda row: row.size.issues):
            if row.case.name == name and (row.case.method == "GET" or column == 1):
                rate = row.figures[-1][column if row.case.method == "GET" else 0].rate
                points.append((row.size.issues, rate))
        if points:
            found.append(_Line(name, points))
    return found


@dataclass(frozen=True, slots=True)
class _Axes:
    """Where numbers of issues and requests a second lie; low and high are powers of ten."""

    issues: Sequence[int]
    low: int
    high: int

    def panel(self, left: float, title: str, lines: Sequence[_Line]) -> Iterator[str]:
        """Grid, lines and their labels, beginning at left."""
        yield _text(left, _TOP - 14, title, "quiet")
        for power in range(self.low, self.high + 1):
            y = self._y(10**power)
            yield f'<path class="grid" d="M{left} {y:.1f}h{_PANEL}"/>'
            yield _text(left - 8, y + 4, f"{10**power:,}", "quiet", "end")
        for number in self.issues:
            x = self._x(left, number)
            yield f'<path class="grid" d="M{x:.1f} {_TOP}V{_BOTTOM}"/>'
            yield _text(x, _BOTTOM + 20, f"{number:,}", "quiet", "middle")
        yield _text(left + _PANEL / 2, _BOTTOM + 40, "issues", "quiet", "middle")
        for line in lines:
            places = [(self._x(left, issues), self._y(rate)) for issues, rate in line.points]
            path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
            colour = _VERBS[line.name]
            yield f'<path class="line" stroke="{colour}" d="M{path}"/>'
            yield from (
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places
            )
        yield from self._labels(left + _PANEL + 10, lines)

    def _labels(self, left: float, lines: Sequence[_Line]) -> Iterator[str]:
        """Names beside the ends of lines, one below the other where ends are close."""
        ordered = sorted(lines, key=lambda line: -line.points[-1][1])
        lowest = _BOTTOM - _LEAST_GAP * (len(ordered) - 1)
        y = -math.inf
        for place, line in enumerate(ordered):
            wanted = self._y(line.points[-1][1]) + 4
            y = max(y + _LEAST_GAP, min(wanted, lowest + _LEAST_GAP * place))
            yield f'<circle cx="{left + 4}" cy="{y - 4:.1f}" r="4" fill="{_VERBS[line.name]}"/>'
            yield _text(left + 14, y, line.name)

    def _x(self, left: float, issues: int) -> float:
        first, last = math.log10(self.issues[0]), math.log10(self.issues[-1])
        part = (math.log10(issues) - first) / (last - first) if last > first else 0.5
        return left + 16 + (_PANEL - 32) * part

    def _y(self, rate: float) -> float:
        part = (math.log10(max(rate, 10**self.low)) - self.low) / max(self.high - self.low, 1)
        return _BOTTOM - (_BOTTOM - _TOP) * part


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "start") -> str:
    style = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{escape(text)}</text>'
