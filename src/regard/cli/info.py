"""regard info"""

import json
import shutil
import textwrap
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from regard import models
from regard.cli.common import use_utf8
from regard.engine.quantize import SCALE, are_int8
from regard.files import Tensors
from regard.storage.model_card import MODEL_CARD
from regard.storage.model_file import read_model
from regard.text.normalize import clean_line

VALUE_COLUMN = 24
"""The column in which values begin."""
MIN_COLUMNS = 60
"""Lines are at least so wide."""


def info(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="[MODEL]",
            help="A model folder, a .regard file, or the name of a built-in model.",
            show_default=models.DEFAULT.stem,
        ),
    ] = models.DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print what a model is: its model card, languages, sizes, provenance, quality and options.

    Example:

        regard info en-fr

        regard info model --json
    """
    use_utf8()
    stored = read_model(models.find(model))
    card, tensors = stored.info, stored.tensors
    provenance = dict(card.provenance)
    model_card = provenance.pop(MODEL_CARD, None)
    content: dict[str, Any] = {
        **({MODEL_CARD: model_card} if model_card else {}),
        "languages": "-".join(card.languages),
        "parameters": count_numbers(tensors),
        "alignment_head_parameters": count_numbers(stored.alignment_head),
        "precision": "int8" if are_int8(tensors) else "fp32",
        "source_tokens": len(card.source),
        "target_tokens": len(card.target),
        "text": card.text._asdict(),
        "provenance": provenance,
        "quality": stored.quality,
        "options": msgspec.to_builtins(card.config),
    }
    if as_json:
        typer.echo(json.dumps(content, ensure_ascii=False))
        return
    width = max(MIN_COLUMNS, shutil.get_terminal_size().columns)
    typer.echo("\n".join(as_lines(content, 0, width)))


def count_numbers(tensors: Tensors) -> int:
    """Of weights, without the scales of int8."""
    return sum(tensors[name].size for name in tensors if not name.endswith(SCALE))


def as_lines(content: dict[str, Any], depth: int, width: int) -> list[str]:
    """A line for each name and its value; nested values are indented."""
    lines = []
    for name, value in content.items():
        label = "  " * depth + clean_line(str(name))
        parts = value if isinstance(value, list) else [value]
        if not any(isinstance(part, dict) for part in parts):
            lines += as_paragraph(label, ", ".join(map(as_text, parts)), width)
            continue
        lines.append(label)
        for part in parts:
            inner = part if isinstance(part, dict) else {as_text(part): ""}
            lines += as_lines(inner, depth + 1, width)
    return lines


def as_text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and value > 9999 else clean_line(str(value))


def as_paragraph(label: str, text: str, width: int) -> list[str]:
    """`text` after its label, wrapped at `width` columns."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=f"{label:<{VALUE_COLUMN}} ",
        subsequent_indent=" " * (VALUE_COLUMN + 1),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [label]
