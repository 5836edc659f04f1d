"""Figures for papers: quality by length, and learning curves, as PNG and SVG (matplotlib)."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from regard.errors import needs_extra, refuse_system_error
from regard.experiment.charts import CHART_COLOURS, Chart, Line, learning_charts, length_chart
from regard.experiment.results import ModelResult

FIGURE_MARKERS = ("o", "s", "^", "D")
"""One marker per choice, so that nothing depends on colour alone."""
MAX_MARKERS = 12
"""About so many markers on a line; more would hide it."""
KINDS = ("png", "svg")
RC_PARAMETERS: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "svg.hashsalt": "regard",
    "svg.fonttype": "none",
}


def refuse_missing() -> None:
    """Raise RegardError if matplotlib is not installed."""
    if not find_spec("matplotlib"):
        raise needs_extra("drawing figures", "matplotlib", "plot")


def draw_all(models: Sequence[ModelResult], folder: Path) -> None:
    """bleu-by-length and learning-curves, each as PNG and SVG.

    Raises RegardError if they cannot be written.
    """
    from matplotlib import rc_context

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with rc_context(RC_PARAMETERS):
            save(draw_figure([length_chart(models)]), folder / "bleu-by-length")
            if charts := learning_charts(models):
                save(draw_figure(charts), folder / "learning-curves")
    except OSError as error:
        refuse_system_error(error, "write the figures", str(folder))


def save(figure: Any, stem: Path) -> None:
    for kind in KINDS:
        metadata = {"Date": None} if kind == "svg" else {}
        figure.savefig(stem.with_suffix(f".{kind}"), dpi=200, metadata=metadata)


def draw_figure(charts: Sequence[Chart]) -> Any:
    """A matplotlib figure with the charts side by side; the first has the legend."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.2 + 2.4 * len(charts), 3.4), layout="constrained")
    panels = figure.subplots(1, len(charts), squeeze=False)[0]
    for axes, chart in zip(panels, charts, strict=True):
        draw_chart(axes, chart)
    panels[0].legend()
    return figure


def draw_chart(axes: Any, chart: Chart) -> None:
    for line in chart.lines:
        x, y, low, high = zip(*line.points, strict=True)
        style = choice_style(chart, line)
        axes.plot(x, y, markevery=max(1, len(x) // MAX_MARKERS), **style)
        if (low, high) != (y, y):
            axes.fill_between(x, low, high, color=style["color"], alpha=0.15, linewidth=0)
    axes.set_xticks(
        [tick.x for tick in chart.ticks],
        [f"{tick.label}\n{tick.note}".rstrip() for tick in chart.ticks],
    )
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)
    if chart.from_zero:
        axes.set_ylim(bottom=0)


def choice_style(chart: Chart, line: Line) -> dict[str, Any]:
    """Colour and marker of a choice; the legend names each choice once, whatever the seeds."""
    is_first = line is next(other for other in chart.lines if other.choice == line.choice)
    return {
        "color": CHART_COLOURS[line.number % len(CHART_COLOURS)],
        "marker": FIGURE_MARKERS[line.number % len(FIGURE_MARKERS)],
        "markersize": 4,
        "label": line.choice if is_first else "_",
    }
