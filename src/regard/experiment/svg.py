"""Charts as SVG, for pages: their colours are those of the page, in light and in dark."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from regard.experiment.charts import CHART_COLOURS, Chart, Line, round_steps

CHART_WIDTH, CHART_HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 12, 60
"""Margins around the plot, for labels."""
MAX_MARKED_POINTS = 24
"""On a line with more points, markers would hide the line."""
SVG_MARKERS = (
    '<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/>',
    '<rect x="{left:.1f}" y="{top:.1f}" width="7.6" height="7.6"/>',
    '<path d="M{x:.1f} {top:.1f}l4.6 8h-9.2z"/>',
    '<path d="M{x:.1f} {top:.1f}l4.6 4.6-4.6 4.6-4.6-4.6z"/>',
)
"""One marker per choice, so that nothing depends on colour alone."""


class Frame(NamedTuple):
    """From values to positions on the drawing."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float

    def x(self, value: float) -> float:
        share = (value - self.x_low) / ((self.x_high - self.x_low) or 1.0)
        return LEFT + share * (CHART_WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.y_low) / ((self.y_high - self.y_low) or 1.0)
        return CHART_HEIGHT - BOTTOM - share * (CHART_HEIGHT - TOP - BOTTOM)


def chart_svg(chart: Chart) -> str:
    """The chart, with a band around each line that has one."""
    frame, steps = frame_of(chart)
    parts = [
        f'<svg viewBox="0 0 {CHART_WIDTH} {CHART_HEIGHT}" role="img" '
        f'aria-label="{escape(chart.title)}">',
        *grid(frame, steps, chart),
        *(band(frame, line) for line in chart.lines),
        *(polyline(frame, line) for line in chart.lines),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part)


def frame_of(chart: Chart) -> tuple[Frame, list[float]]:
    """The frame that holds every point of the chart, and the steps of its y axis."""
    points = [point for line in chart.lines for point in line.points]
    steps = round_steps(
        0.0 if chart.from_zero else min(point.low for point in points),
        max(point.high for point in points),
    )
    xs = [point.x for point in points] + [tick.x for tick in chart.ticks]
    margin = 0.04 * ((max(xs) - min(xs)) or 1.0)
    return Frame(min(xs) - margin, max(xs) + margin, steps[0], steps[-1]), steps


def grid(frame: Frame, steps: Sequence[float], chart: Chart) -> list[str]:
    parts = ['<g class="grid">']
    for step in steps:
        y = frame.y(step)
        parts.append(f'<line x1="{LEFT}" x2="{CHART_WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="end" x="{LEFT - 8}" y="{y + 4:.1f}">{step:g}</text>')
    for tick in chart.ticks:
        x = frame.x(tick.x)
        parts.append(text("mid", f"{x:.1f}", CHART_HEIGHT - 41, tick.label))
        if tick.note:
            parts.append(text("mid faint", f"{x:.1f}", CHART_HEIGHT - 24, tick.note))
    middle, height = (LEFT + CHART_WIDTH - RIGHT) / 2, (TOP + CHART_HEIGHT - BOTTOM) / 2
    parts.append(text("mid axis", f"{middle}", CHART_HEIGHT - 5, chart.x_label))
    parts.append(
        f'<text class="mid axis" transform="translate(13 {height:.0f}) rotate(-90)">'
        f"{escape(chart.y_label)}</text></g>"
    )
    return parts


def text(style: str, x: str, y: int, content: str) -> str:
    return f'<text class="{style}" x="{x}" y="{y}">{escape(content)}</text>'


def band(frame: Frame, line: Line) -> str:
    if all(point.low == point.high for point in line.points):
        return ""
    upper = [f"{frame.x(p.x):.1f},{frame.y(p.high):.1f}" for p in line.points]
    lower = [f"{frame.x(p.x):.1f},{frame.y(p.low):.1f}" for p in reversed(line.points)]
    return f'<polygon class="band {style_of(line.number)}" points="{" ".join(upper + lower)}"/>'


def polyline(frame: Frame, line: Line) -> str:
    positions = [(frame.x(point.x), frame.y(point.y)) for point in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in positions)
    has_markers = len(positions) <= MAX_MARKED_POINTS
    markers = "".join(marker(line.number, x, y) for x, y in positions) if has_markers else ""
    return (
        f'<g class="{style_of(line.number)}"><title>{escape(line.name)}</title>'
        f'<polyline points="{path}"/>{markers}</g>'
    )


def style_of(number: int) -> str:
    """The class in report.css that gives a choice its colour."""
    return f"s{number % len(CHART_COLOURS)}"


def marker(number: int, x: float, y: float) -> str:
    return SVG_MARKERS[number % len(SVG_MARKERS)].format(x=x, y=y, left=x - 3.8, top=y - 4.4)


def key(number: int) -> str:
    """The line and the marker of a choice, for a legend."""
    return (
        f'<svg class="key" viewBox="0 0 28 12" aria-hidden="true"><g class="{style_of(number)}">'
        f'<polyline points="1,6 27,6"/>{marker(number, 14.0, 6.0)}</g></svg>'
    )
