"""Where it looked, as a picture in the terminal."""

import numpy as np
from jaxtyping import Float
from rich.style import Style
from rich.text import Text

STRONG = (178, 24, 43)
"""The colour of a weight of 1; a weight of 0 has the terminal's own background."""


def cell(weight: float) -> Text:
    """A weight as two digits on a ground that is the stronger the larger it is."""
    shown = f"{min(99, round(100 * weight)):>3} " if weight >= 0.005 else "  · "
    if weight < 0.1:
        return Text(shown, style="dim")
    red, green, blue = (round(255 - (255 - part) * weight) for part in STRONG)
    ink = "black" if weight < 0.6 else "white"
    return Text(shown, style=Style(color=ink, bgcolor=f"rgb({red},{green},{blue})"))


def heat(rows: list[str], columns: list[str], weights: Float[np.ndarray, "T S"]) -> Text:
    """The weights in percent: what was written downwards, what was read across.

    Long column names stand slanted: each begins on a line of its own above its column.
    """
    margin = max(map(len, rows), default=0) + 2
    picture = Text()
    for number in reversed(range(len(columns))):
        stems = "".join("  │ " for _ in range(number))
        picture.append(" " * margin + stems + "  " + columns[number] + "\n", style="bold")
    for name, row in zip(rows, weights, strict=True):
        picture.append(name.rjust(margin - 2) + "  ", style="bold")
        for weight in row:
            picture.append_text(cell(float(weight)))
        picture.append("\n")
    return picture
