"""Heat maps in the terminal, on dark and on light backgrounds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.table import Table
from rich.text import Text

from regard.shapes import Float

STYLES = (
    (0.75, "bold reverse magenta"),
    (0.5, "reverse magenta"),
    (0.25, "bold magenta"),
    (0.1, "magenta"),
)
"""The least weight of each style; in the terminal's own colours."""
SHADES = ((0.75, "█"), (0.5, "▓"), (0.25, "▒"), (0.1, "░"), (0.005, "·"))
"""The least weight of each sign, for cells without room for a number."""
NUMBER_WIDTH, SHADE_WIDTH = 4, 2
"""Columns of the terminal that a cell takes, with a number and without."""


def line_style(weight: float) -> str:
    return next((style for least, style in STYLES if weight >= least), "dim")


def cell(weight: float, width: int) -> Text:
    """A weight in percent, or as a shade where there is no room."""
    if width == NUMBER_WIDTH:
        shown = f"{round(100 * weight):>3} " if weight >= 0.005 else "  · "
        return Text(shown, style=line_style(weight))
    shade = next((sign for least, sign in SHADES if weight >= least), " ")
    return Text(shade * (width if weight >= 0.1 else 1) + " " * (weight < 0.1), line_style(weight))


def fit_width(name: str, width: int) -> str:
    """A name, cut where it is wider than `width` columns of the terminal."""
    return name if cell_len(name) <= width else set_cell_size(name, width - 1).rstrip() + "…"


def heat_map(
    rows: Sequence[str], columns: Sequence[str], weights: Float[np.ndarray, "T S"], width: int = 80
) -> Text:
    """The weights, a row for each written word and a column for each source word, in percent where
    that fits.

    Each column's name has a line of its own above its column. A map wider than `width` is split
    into several, one below the other. A name takes a third of the width at most.
    """
    margin = min(max(map(cell_len, rows), default=0), width // 3) + 2
    longest = min(max(map(cell_len, columns), default=0), width // 3)
    room = max(width - margin - longest, SHADE_WIDTH)
    size = NUMBER_WIDTH if len(columns) * NUMBER_WIDTH <= room else SHADE_WIDTH
    each = max(1, room // size)
    picture = Text()
    for first in range(0, len(columns), each):
        if first:
            picture.append("\n")
        part = columns[first : first + each]
        for number in reversed(range(len(part))):
            stems = "".join("│".center(size) for _ in range(number))
            picture.append(" " * margin + stems + " " * ((size - 1) // 2), style="dim")
            picture.append(fit_width(part[number], longest) + "\n", style="bold")
        for name, row in zip(rows, weights, strict=True):
            shown = fit_width(name, margin - 2)
            picture.append(" " * (margin - 2 - cell_len(shown)) + shown + "  ", style="bold")
            for weight in row[first : first + each]:
                picture.append_text(cell(float(weight), size))
            picture.append("\n")
    return picture


class WordRow(NamedTuple):
    """A written word, and what the table says about it."""

    word: str
    probability: float
    attended: list[tuple[str, float]]
    """Source words and their weights, the largest first."""
    translated: list[str]
    """The source words that it is linked to."""
    others: list[str]
    """The likeliest alternatives."""


def word_by_word(rows: Sequence[WordRow]) -> Table:
    """Each written word with its probability, the source words that it attended to most and those
    that it translates, and the likeliest alternatives."""
    heads = "word", "sure", "looked at", "translates", "or rather"
    table = Table(*heads, box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for row in rows:
        attended = Text(", ").join(
            Text(f"{name} {weight:.0%}", line_style(weight)) for name, weight in row.attended
        )
        table.add_row(
            Text(row.word, "bold"),
            f"{row.probability:.0%}",
            attended,
            ", ".join(row.translated),
            Text(", ".join(row.others), "dim"),
        )
    return table
