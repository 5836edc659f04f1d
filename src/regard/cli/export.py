"""regard export"""

from pathlib import Path
from shutil import rmtree
from typing import Annotated, Literal

import typer

from regard.cli.common import errors, new_folder, print_message, use_utf8
from regard.errors import RegardError
from regard.files import new_file
from regard.storage.model_card import add_model_card, read_model_card
from regard.storage.model_file import SUFFIX


def export(
    model: Annotated[Path, typer.Argument(help="A model folder.")],
    out: Annotated[
        Path, typer.Option(help=f"The new file, NAME{SUFFIX}; or the new folder for CTranslate2.")
    ],
    to: Annotated[
        Literal["regard", "ctranslate2"],
        typer.Option(
            help="For which engine: regard's own, or CTranslate2, which runs Transformers."
        ),
    ] = "regard",
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
    use_utf8()
    if model.is_file():
        raise RegardError(
            "a model folder is needed, and this is a file",
            str(model),
            "give the folder that `regard train --out` wrote",
        )
    if to == "ctranslate2":
        if calibration is not None or model_card is not None:
            raise RegardError(
                "CTranslate2 needs no calibration, and has no model card",
                "the command line",
                "leave --calibration and --model-card out",
            )
        export_folder(model, out, int8)
    else:
        export_file(model, out, int8, calibration, model_card)


def export_folder(model: Path, out: Path, int8: bool) -> None:
    from regard.export.ctranslate2 import export_ctranslate2
    from regard.storage.model_file import read_model_folder

    new_folder(out)
    try:
        with errors.status(f"writing {out.name}"):
            export_ctranslate2(read_model_folder(model), out, int8)
    except BaseException:
        rmtree(out, ignore_errors=True)
        raise
    print_message(f"{out}: a model of CTranslate2, {'int8' if int8 else 'fp32'}")


def export_file(
    model: Path, out: Path, int8: bool, calibration: Path | None, model_card: Path | None
) -> None:
    from regard.export.export import export as export_model
    from regard.export.export import read_sample

    if out.suffix != SUFFIX:
        raise RegardError(f"{out.name} does not end in {SUFFIX}", "--out", f"give NAME{SUFFIX}")
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
