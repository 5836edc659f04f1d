"""regard info"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from regard.bundle import read_bundle, read_folder
from regard.cli.common import use_utf8
from regard.engine.arithmetic import SCALE, are_int8


def info(
    model: Annotated[Path, typer.Argument(help="A model folder or file.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Tell what is in a model: languages, sizes, data, quality, and every option.

    Example:

        regard info model
    """
    use_utf8()
    bundle = read_bundle(model) if model.is_file() else read_folder(model)
    card = bundle.card
    weights = {name: tensor for name, tensor in bundle.tensors.items() if not name.endswith(SCALE)}
    content: dict[str, Any] = {
        "languages": "-".join(card.languages),
        "parameters": sum(tensor.size for tensor in weights.values()),
        "precision": "int8" if are_int8(bundle.tensors) else "fp32",
        "source tokens": len(card.source),
        "target tokens": len(card.target),
        "made": card.made,
        "quality": bundle.quality,
        "options": card.config.model_dump(mode="json"),
    }
    if as_json:
        typer.echo(json.dumps(content, ensure_ascii=False))
        return
    for line in as_lines(content, 0):
        typer.echo(line)


def as_lines(content: dict[str, Any], depth: int) -> list[str]:
    lines = []
    for name, value in content.items():
        if isinstance(value, dict):
            lines += [f"{'  ' * depth}{name}", *as_lines(value, depth + 1)]
        else:
            shown = f"{value:,}" if isinstance(value, int) and value > 9999 else str(value)
            lines.append(f"{'  ' * depth}{name:<{24 - 2 * depth}} {shown}")
    return lines


def add_to(app: typer.Typer) -> None:
    app.command()(info)
