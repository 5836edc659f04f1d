"""regard info"""

import json
import shutil
import textwrap
from pathlib import Path
from typing import Annotated, Any

import typer

from regard import models
from regard.cli.common import use_utf8
from regard.engine.quantize import SCALE, are_int8
from regard.storage.model_card import MODEL_CARD
from regard.storage.model_file import read_model
from regard.text.normalize import normalize

VALUE_COLUMN = 24
"""Where values begin."""
MIN_COLUMNS = 60
"""Columns of a line, at least."""


def info(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="[MODEL]",
            help="A model folder or file, or the name of one that comes along.",
            show_default=models.DEFAULT.stem,
        ),
    ] = models.DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Tell what is in a model: what it is for, its sources, languages, sizes, quality, options.

    Example:

        regard info en-fr
    """
    use_utf8()
    path = models.find(model)
    bundle = read_model(path)
    card = bundle.card
    weights = {name: tensor for name, tensor in bundle.tensors.items() if not name.endswith(SCALE)}
    about = card.provenance.get(MODEL_CARD)
    content: dict[str, Any] = {
        **({MODEL_CARD: about} if about else {}),
        "languages": "-".join(card.languages),
        "parameters": sum(tensor.size for tensor in weights.values()),
        "precision": "int8" if are_int8(bundle.tensors) else "fp32",
        "source_tokens": len(card.source),
        "target_tokens": len(card.target),
        "provenance": {
            name: value for name, value in card.provenance.items() if name != MODEL_CARD
        },
        "quality": bundle.quality,
        "options": card.config.model_dump(mode="json"),
    }
    if as_json:
        typer.echo(json.dumps(content, ensure_ascii=False))
        return
    width = max(MIN_COLUMNS, shutil.get_terminal_size().columns)
    for line in as_lines(content, 0, width):
        typer.echo(line)


def as_lines(content: dict[str, Any], depth: int, width: int) -> list[str]:
    """A name and its value a line; what stands inside another value is set in."""
    lines = []
    for name, value in content.items():
        begin = "  " * depth + normalize(str(name))
        parts = value if isinstance(value, list) else [value]
        if not any(isinstance(part, dict) for part in parts):
            lines += as_paragraph(begin, ", ".join(map(as_text, parts)), width)
            continue
        lines.append(begin)
        for part in parts:
            inner = part if isinstance(part, dict) else {as_text(part): ""}
            lines += as_lines(inner, depth + 1, width)
    return lines


def as_text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and value > 9999 else normalize(str(value))


def as_paragraph(begin: str, text: str, width: int) -> list[str]:
    """`text` behind its name, in as many lines as it needs."""
    margin = " " * (VALUE_COLUMN + 1)
    return textwrap.wrap(
        text,
        width,
        initial_indent=f"{begin:<{VALUE_COLUMN}} ",
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [begin]


def add_to(app: typer.Typer) -> None:
    app.command()(info)
