"""Model cards: what a model is good at, where its training text comes from, its licence."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regard.errors import RegardError, refuse_system_error
from regard.storage.model_file import read_model_file, write_model_file

MODEL_CARD = "model_card"
"""The key of the model card in a model's provenance."""


def read_model_card(file: Path) -> dict[str, Any]:
    """The model card in a TOML file. Its keys and values are free; dates become text.

    Raises RegardError if the file cannot be read, is not TOML, or is empty.
    """
    try:
        content = tomllib.loads(file.read_text("utf-8-sig"))
        model_card: dict[str, Any] = json.loads(json.dumps(content, default=str, allow_nan=False))
    except OSError as error:
        refuse_system_error(error, "read a model card", str(file))
    except ValueError as error:
        raise RegardError(
            f"the model card is not valid TOML: {error}", str(file), "correct the line named above"
        ) from error
    if not model_card:
        raise RegardError("the model card is empty", str(file), 'begin with title = "..."')
    return model_card


def add_model_card(file: Path, model_card: Mapping[str, Any], quality: Mapping[str, Any]) -> None:
    """Add a model card and measured `quality` to a .regard file; the rest of it is unchanged.

    Raises RegardError if the file is damaged or cannot be written.
    """
    model = read_model_file(file)
    provenance = {**model.info.provenance, MODEL_CARD: dict(model_card)}
    card = model.info._replace(provenance=provenance)
    write_model_file(file, model._replace(info=card, quality={**model.quality, **quality}))
