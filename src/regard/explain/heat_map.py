"""Heat maps as files: PNG, SVG or PDF."""

import warnings
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from regard.errors import RegardError, needs_extra
from regard.files import write_file
from regard.shapes import Float

FORMATS = (".png", ".svg", ".pdf")
FIRST_FONT = "DejaVu Sans"
"""The one that comes with matplotlib."""
LAST_RESORT = "LastResort"
"""In the name of a font that has a box for every character, and a letter for none."""
CELL = 0.34
"""Inches that a token takes."""
LETTER = 0.085
"""Inches that a letter takes, at most."""
MAX_NUMBER_COLUMNS = 16
"""With at most so many columns, large weights are also written in percent."""
MAX_PICTURE_WORDS = 120
"""On a side of a picture; as many on both take 7 seconds and 1.4 GB (2 cores, matplotlib 3.11)."""
MAX_PICTURE_AREA = 4000.0
"""Square inches of all pictures together: 100 million points."""
HEAT_COLOURS = ("#ffffff", "#d9e6f2", "#9cbfdc", "#5b8fc0", "#2b5f9e", "#12305f")
"""From a weight of 0 to a weight of 1; as dark in grey as in colour."""


class Picture(NamedTuple):
    title: str
    rows: list[str]
    """What was written, downwards."""
    columns: list[str]
    """What was read, across."""
    weights: Float[np.ndarray, "T S"]


def write_pictures(pictures: Sequence[Picture], file: Path) -> None:
    """The pictures side by side, in the format that the file's ending names.

    The file is written completely or not at all.
    Raises RegardError if the format is unknown, the words are too many for a picture, matplotlib or
    a font is missing, or the file cannot be written.
    """
    kind = file.suffix.lower()
    if kind not in FORMATS:
        raise RegardError(
            f"'{file.suffix}' is no picture's format", str(file), "end it in .png, .svg or .pdf"
        )
    refuse_large(pictures, str(file))
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise needs_extra("a picture", error.name, "plot", ", or write .html") from error
    names = [name for one in pictures for name in (*one.rows, *one.columns, one.title)]
    is_text = kind == ".svg"
    families = fonts_for("".join(names), str(file), may_lack=is_text)
    settings: dict[Any, Any] = {
        "font.family": [*families, "sans-serif"] if is_text else families,
        "font.size": 9,
        "svg.fonttype": "none",
        "svg.hashsalt": "regard",
        "pdf.fonttype": 42,
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        if is_text:  # the reader's own fonts show what ours lack
            warnings.filterwarnings("ignore", "Glyph .* missing")
        widths, height = [width_of(one) for one in pictures], max(map(height_of, pictures))
        figure = Figure(figsize=(sum(widths), height), layout="constrained")
        panels = figure.subplots(1, len(pictures), width_ratios=widths, squeeze=False)[0]
        for panel, picture in zip(panels, pictures, strict=True):
            shade = draw_picture(panel, picture)
        bar = figure.colorbar(shade, ax=list(panels), shrink=min(1.0, 2.4 / height), pad=0.02)
        bar.set_label("weight")
        bar.outline.set_visible(False)
        # no date: the same weights give the same file
        dated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}[kind]
        drawn = BytesIO()
        figure.savefig(drawn, format=kind[1:], dpi=160, metadata=dated)
    write_file(file, drawn.getvalue())


def refuse_large(pictures: Sequence[Picture], where: str) -> None:
    """Raises RegardError if so many or so long words would take all memory."""
    longest_side = max(max(one.weights.shape) for one in pictures)
    area = sum(map(width_of, pictures)) * max(map(height_of, pictures))
    if longest_side <= MAX_PICTURE_WORDS and area <= MAX_PICTURE_AREA:
        return
    raise RegardError(
        f"a picture has room for {MAX_PICTURE_WORDS} words a side, and these are {longest_side:,}"
        if longest_side > MAX_PICTURE_WORDS
        else "the words are too long for one picture, or the models too many",
        where,
        "write .html, which has room for more, or explain a shorter text",
    )


def width_of(picture: Picture) -> float:
    return CELL * max(4, len(picture.columns)) + LETTER * longest(picture.rows) + 0.9


def height_of(picture: Picture) -> float:
    return CELL * max(3, len(picture.rows)) + LETTER * longest(picture.columns) + 0.6


def longest(names: Iterable[str]) -> int:
    return max(map(len, names), default=0)


def draw_picture(panel: Any, picture: Picture) -> Any:
    """Draw one picture; returns the image that the colour bar explains."""
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("weight", HEAT_COLOURS)
    image = panel.imshow(picture.weights, vmin=0.0, vmax=1.0, cmap=colours, aspect="auto")
    panel.set_title(picture.title, fontsize=10, pad=12, parse_math=False)
    for axis, names in ((panel.xaxis, picture.columns), (panel.yaxis, picture.rows)):
        axis.set_ticks(range(len(names)))
        axis.set_ticklabels(names, parse_math=False)
        axis.set_ticks(np.arange(len(names) + 1) - 0.5, minor=True)
    panel.xaxis.tick_top()
    panel.tick_params(length=0, labelsize=9)
    is_slanted = longest(picture.columns) > 3
    panel.tick_params(axis="x", labelrotation=55 if is_slanted else 0)
    for label in panel.get_xticklabels():
        label.set(horizontalalignment="left" if is_slanted else "center")
        label.set_rotation_mode("anchor")
    panel.grid(which="minor", color="#e6e6e6", linewidth=0.6)
    panel.tick_params(which="minor", length=0)
    panel.spines[:].set_visible(False)
    if len(picture.columns) <= MAX_NUMBER_COLUMNS:
        for (row, column), weight in np.ndenumerate(picture.weights):
            if weight >= 0.1:
                ink = "white" if weight > 0.45 else "#333333"
                panel.text(
                    column, row, f"{100 * weight:.0f}", ha="center", va="center",
                    color=ink, fontsize=7,
                )  # fmt: skip
    return image


def fonts_for(text: str, where: str, may_lack: bool = False) -> list[str]:
    """Names of installed fonts that together have every character, as far as there are some.

    Raises RegardError if there is none for one of them, unless `may_lack`.
    """
    from matplotlib.font_manager import fontManager
    from matplotlib.ft2font import FT2Font

    missing = {ord(letter) for letter in text if not letter.isspace()}
    first = [font for font in fontManager.ttflist if font.name == FIRST_FONT]
    plain = [
        font
        for font in sorted(fontManager.ttflist, key=lambda font: font.name)
        if font.style == "normal"
        and str(font.weight) in ("400", "regular", "normal", "book")
        and LAST_RESORT not in font.name.replace(" ", "")
    ]
    chosen: list[str] = []
    for font in [*first[:1], *plain]:
        if not missing and chosen:
            break
        held = missing & FT2Font(font.fname).get_charmap().keys()
        if held or not chosen:
            missing -= held
            chosen.append(font.name)
    if missing and not may_lack:
        letters = " ".join(map(chr, sorted(missing)[:8]))
        raise RegardError(
            f"no font on this machine has {letters}",
            where,
            "write .svg or .html, which use the reader's fonts, or install a font that has them"
            " (Noto has nearly all)",
        )
    return chosen
