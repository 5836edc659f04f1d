"""The line charts of a comparison, described once for the page (svg.py) and papers (figures.py)."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from regard.experiment.results import ModelResult, choices_of, labels_of

CHART_COLOURS = ("#6b5b4a", "#1763a6", "#2b7a3d", "#7a3fa8", "#b2560d", "#a3164f")
"""One colour per choice, the same as in report.css; a seventh choice gets the first again."""
TICKS = 5
"""About this many ticks along the updates of a learning curve."""


class Point(NamedTuple):
    x: float
    y: float
    low: float
    """Lower edge of the band; `y` where there is none."""
    high: float


class Line(NamedTuple):
    choice: str
    number: int
    """Index of the choice, which determines colour and marker."""
    name: str
    points: list[Point]


class Tick(NamedTuple):
    x: float
    label: str
    note: str
    """A second line, or nothing."""


class Chart(NamedTuple):
    title: str
    """What the chart shows, for screen readers."""
    x_label: str
    y_label: str
    ticks: list[Tick]
    """Along x."""
    from_zero: bool
    """Whether the y axis starts at 0."""
    lines: list[Line]


def length_chart(models: Sequence[ModelResult]) -> Chart:
    """BLEU by source words, with 95 % bootstrap intervals as bands."""
    ticks = [
        Tick(float(index), bucket.words, f"n = {bucket.sentences:,}")
        for index, bucket in enumerate(models[0].buckets)
    ]
    points = [
        [
            Point(float(index), bucket.bleu, bucket.low, bucket.high)
            for index, bucket in enumerate(model.buckets)
        ]
        for model in models
    ]
    lines = chart_lines(models, points)
    return Chart(
        "BLEU by the length of the source", "words of the source", "BLEU", ticks, True, lines
    )


def learning_charts(models: Sequence[ModelResult]) -> list[Chart]:
    """BLEU and loss on the validation text by update; no chart if no training is known."""
    curves = [model.training.curve for model in models]
    last = max((point.update for curve in curves for point in curve), default=0)
    if not last:
        return []
    ticks = [Tick(x, f"{x:,.0f}", "") for x in round_steps(0.0, float(last), TICKS) if x <= last]
    bleu = [[Point(float(p.update), p.bleu, p.bleu, p.bleu) for p in curve] for curve in curves]
    loss = [[Point(float(p.update), p.loss, p.loss, p.loss) for p in curve] for curve in curves]
    bleu_lines, loss_lines = chart_lines(models, bleu), chart_lines(models, loss)
    loss_label = "validation loss (nats a token)"
    return [
        Chart("BLEU on the validation text", "updates", "validation BLEU", ticks, True, bleu_lines),
        Chart("loss on the validation text", "updates", loss_label, ticks, False, loss_lines),
    ]


def chart_lines(models: Sequence[ModelResult], points: Sequence[list[Point]]) -> list[Line]:
    """One line per model that has points."""
    choices, labels = choices_of(models), labels_of(models)
    return [
        Line(model.choice, choices.index(model.choice), labels[model.name], line)
        for model, line in zip(models, points, strict=True)
        if line
    ]


def round_steps(low: float, high: float, most: int = 6) -> list[float]:
    """Multiples of 1, 2, 2.5 or 5 times a power of ten, from at most `low` to at least `high`."""
    span = (high - low) or 1.0
    rough = span / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, max(last, first + 1) + 1)]
