"""From a model folder to one file, with weights of 8 bits or of 32."""

from pathlib import Path
from typing import Literal

from regard import checkpoint
from regard.bundle import Bundle, write_bundle
from regard.engine.arithmetic import quantise

Precision = Literal["int8", "fp32"]


def read_folder(folder: Path) -> Bundle:
    """Raises RegardError if the folder holds no whole model."""
    card, tensors = checkpoint.load_card(folder), checkpoint.load_weights(folder)
    quality = folder / checkpoint.QUALITY
    return Bundle(card, tensors, checkpoint.read_json(quality) if quality.exists() else {})


def export(folder: Path, out: Path, precision: Precision) -> None:
    """Write the model of `folder` as the file `out`.

    Raises RegardError if the folder holds no whole model, or the file cannot be written.
    """
    bundle = read_folder(folder)
    if precision == "int8":
        bundle = bundle._replace(tensors=quantise(bundle.tensors))
    write_bundle(out, bundle)
