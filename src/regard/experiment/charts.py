"""Figures for papers: quality by length, and learning curves, as PNG and SVG (matplotlib)."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from regard.errors import needs_extra, refuse_system_error
from regard.experiment.results import ModelResult, choices_of

COLOURS = ("#6b5b4a", "#1763a6", "#2b7a3d", "#7a3fa8", "#b2560d", "#a3164f")
MARKERS = ("o", "s", "^", "D")
"""A shape for each choice, so that nothing depends on colour alone."""
KINDS = ("png", "svg")
STYLE: dict[Any, Any] = {
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
        with rc_context(STYLE):
            save(by_length(models), folder / "bleu-by-length")
            if any(model.training.curve for model in models):
                save(curves(models), folder / "learning-curves")
    except OSError as error:
        refuse_system_error(error, "write the figures", str(folder))


def save(figure: Any, stem: Path) -> None:
    for kind in KINDS:
        metadata = {"Date": None} if kind == "svg" else {}
        figure.savefig(stem.with_suffix(f".{kind}"), dpi=200, metadata=metadata)


def new_figure(width: float, panels: int) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 3.4), layout="constrained")
    return figure, figure.subplots(1, panels, squeeze=False)[0]


def look_of(models: Sequence[ModelResult], model: ModelResult) -> dict[str, Any]:
    """Colour and shape of a choice; its name goes to the legend once, whatever the seeds."""
    number = choices_of(models).index(model.choice)
    first = next(one for one in models if one.choice == model.choice)
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
        "markersize": 4,
        "label": model.choice if model is first else "_",
    }


def by_length(models: Sequence[ModelResult]) -> Any:
    """BLEU by source words, with bands that hold 95 of 100 test sets like this one."""
    figure, (axes,) = new_figure(5.6, 1)
    buckets = models[0].buckets
    places = range(len(buckets))
    for model in models:
        look = look_of(models, model)
        axes.plot(places, [one.bleu for one in model.buckets], **look)
        low, high = ([getattr(one, end) for one in model.buckets] for end in ("low", "high"))
        axes.fill_between(places, low, high, color=look["color"], alpha=0.15, linewidth=0)
    axes.set_xticks(list(places), [f"{one.words}\nn = {one.sentences:,}" for one in buckets])
    axes.set_xlabel("words of the source")
    axes.set_ylabel("BLEU")
    axes.set_ylim(bottom=0)
    axes.legend()
    return figure


def curves(models: Sequence[ModelResult]) -> Any:
    """BLEU and loss on the validation text while learning."""
    figure, panels = new_figure(8.0, 2)
    for axes, name in zip(panels, ("bleu", "loss"), strict=True):
        for model in models:
            points = model.training.curve
            if points:
                look = look_of(models, model) | {"markevery": max(1, len(points) // 12)}
                values = [getattr(point, name) for point in points]
                axes.plot([point.update for point in points], values, **look)
        axes.set_xlabel("updates")
        axes.set_ylabel("validation BLEU" if name == "bleu" else "validation loss (nats a token)")
    panels[0].set_ylim(bottom=0)
    panels[0].legend()
    return figure
