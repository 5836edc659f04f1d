"""regard export"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from regard.cli.common import errors, new_file, print_message, use_utf8
from regard.errors import RegardError
from regard.storage.model_card import add_model_card, read_model_card
from regard.storage.model_file import SUFFIX


def export(
    model: Annotated[Path, typer.Argument(help="A model folder.")],
    out: Annotated[Path, typer.Option(help=f"The new file, NAME{SUFFIX}.")],
    int8: Annotated[
        bool,
        typer.Option("--int8/--fp32", help="8-bit weights, small and fast; or 32-bit weights."),
    ] = True,
    calibration: Annotated[
        Path | None,
        typer.Option(
            help="A text of sentences like those to be translated. int8 measures its ranges on it;"
            " needed only if the folder does not hold the training text."
        ),
    ] = None,
    model_card: Annotated[
        Path | None,
        typer.Option(
            help="A TOML file that describes the model: what it is good at, where its text comes"
            " from, its licence. regard info prints it first."
        ),
    ] = None,
) -> None:
    """Write a model as one file that translates on any machine, without PyTorch.

    Example:

        regard export model --out en-fr.regard

        echo "The black cat ate the mouse." | regard translate --model en-fr.regard
    """
    from regard.export.export import export as export_model
    from regard.export.export import read_sample

    use_utf8()
    if out.suffix != SUFFIX:
        raise RegardError(f"{out.name} does not end in {SUFFIX}", "--out", f"give NAME{SUFFIX}")
    if model.is_file():
        raise RegardError(
            "a model folder is needed, and this is a file",
            str(model),
            "give the folder that `regard train --out` wrote",
        )
    texts = read_sample(calibration) if calibration is not None else []
    card = read_model_card(model_card) if model_card is not None else {}
    precision: Literal["int8", "fp32"] = "int8" if int8 else "fp32"
    new_file(out)
    try:
        with errors.status(f"writing {out.name}"):
            export_model(model, out, precision, texts)
            if card:
                add_model_card(out, card, {})
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    print_message(f"{out}: {out.stat().st_size / 1e6:.1f} MB, {precision}")
