"""Small line charts as SVG, for pages: their colours are the page's, in light and in dark."""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 12, 60
"""Margins around the plot, where the numbers stand."""
MARKS = (
    '<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/>',
    '<rect x="{l:.1f}" y="{t:.1f}" width="7.6" height="7.6"/>',
    '<path d="M{x:.1f} {t:.1f}l4.6 8h-9.2z"/>',
    '<path d="M{x:.1f} {t:.1f}l4.6 4.6-4.6 4.6-4.6-4.6z"/>',
)
"""A shape for each choice, so that nothing depends on colour alone."""


class Point(NamedTuple):
    x: float
    y: float
    low: float
    """Lower edge of the band; `y` where there is none."""
    high: float


class Line(NamedTuple):
    number: int
    """Of the colour and the shape."""
    name: str
    points: list[Point]


class Tick(NamedTuple):
    at: float
    label: str
    below: str
    """A second line, or nothing."""


class Axes(NamedTuple):
    title: str
    """What the chart shows, for those who cannot see it."""
    x: str
    y: str
    ticks: list[Tick]
    """Along x."""
    from_zero: bool


class Frame(NamedTuple):
    """Where values stand on the drawing."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float

    def x(self, value: float) -> float:
        share = (value - self.x_low) / ((self.x_high - self.x_low) or 1.0)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.y_low) / ((self.y_high - self.y_low) or 1.0)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def line_chart(lines: Sequence[Line], axes: Axes) -> str:
    """A chart with a band around each line that has one."""
    points = [point for line in lines for point in line.points]
    steps = round_steps(
        0.0 if axes.from_zero else min(point.low for point in points),
        max(point.high for point in points),
    )
    xs = [point.x for point in points] + [tick.at for tick in axes.ticks]
    pad = 0.04 * ((max(xs) - min(xs)) or 1.0)
    frame = Frame(min(xs) - pad, max(xs) + pad, steps[0], steps[-1])
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(axes.title)}">',
        *grid(frame, steps, axes),
        *(band(frame, line) for line in lines),
        *(drawn(frame, line) for line in lines),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part)


def round_steps(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from at most `low` to at least `high`."""
    span = (high - low) or 1.0
    rough = span / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, max(last, first + 1) + 1)]


def grid(frame: Frame, steps: Sequence[float], axes: Axes) -> list[str]:
    parts = ['<g class="grid">']
    for step in steps:
        y = frame.y(step)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="end" x="{LEFT - 8}" y="{y + 4:.1f}">{step:g}</text>')
    for tick in axes.ticks:
        x = frame.x(tick.at)
        parts.append(f'<text class="mid" x="{x:.1f}" y="{HEIGHT - 41}">{escape(tick.label)}</text>')
        if tick.below:
            parts.append(
                f'<text class="mid faint" x="{x:.1f}" y="{HEIGHT - 24}">{escape(tick.below)}</text>'
            )
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text class="mid axis" x="{middle}" y="{HEIGHT - 5}">{escape(axes.x)}</text>')
    across = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        f'<text class="mid axis" transform="translate(13 {across:.0f}) rotate(-90)">'
        f"{escape(axes.y)}</text></g>"
    )
    return parts


def band(frame: Frame, line: Line) -> str:
    if all(point.low == point.high for point in line.points):
        return ""
    above = [f"{frame.x(p.x):.1f},{frame.y(p.high):.1f}" for p in line.points]
    below = [f"{frame.x(p.x):.1f},{frame.y(p.low):.1f}" for p in reversed(line.points)]
    return f'<polygon class="band s{line.number}" points="{" ".join(above + below)}"/>'


def drawn(frame: Frame, line: Line) -> str:
    places = [(frame.x(point.x), frame.y(point.y)) for point in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    few = len(places) <= 24  # the marks of many would hide the line
    marks = "".join(mark(line.number, x, y) for x, y in places) if few else ""
    return (
        f'<g class="s{line.number}"><title>{escape(line.name)}</title>'
        f'<polyline points="{path}"/>{marks}</g>'
    )


def mark(number: int, x: float, y: float) -> str:
    return MARKS[number % len(MARKS)].format(x=x, y=y, l=x - 3.8, t=y - 4.4)


def key(number: int) -> str:
    """The line and the shape of a choice, for a legend."""
    return (
        f'<svg class="key" viewBox="0 0 28 12" aria-hidden="true"><g class="s{number}">'
        f'<polyline points="1,6 27,6"/>{mark(number, 14.0, 6.0)}</g></svg>'
    )
