"""What a model tells about itself: what it is for, where its text came from, whom to thank."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regard.errors import RegardError, refuse_system_error
from regard.storage.model_file import read_model_file, write_model_file

MODEL_CARD = "model_card"
"""Where it stands among the things that tell how a model was made."""


def read_model_card(file: Path) -> dict[str, Any]:
    """The model card in a TOML file; its names and texts are free, and dates become text.

    Raises RegardError if there is none.
    """
    try:
        written = tomllib.loads(file.read_text("utf-8-sig"))
        about: dict[str, Any] = json.loads(json.dumps(written, default=str, allow_nan=False))
    except OSError as error:
        refuse_system_error(error, "read a model card", str(file))
    except ValueError as error:
        raise RegardError(
            f"this is no model card in TOML: {error}", str(file), "mend it there"
        ) from error
    if not about:
        raise RegardError("there is nothing in it", str(file), 'begin with title = "..."')
    return about


def add_model_card(file: Path, about: Mapping[str, Any], quality: Mapping[str, Any]) -> None:
    """Add a model card, and figures, to a .regard file; all else in it stays as it is.

    Raises RegardError if the file is damaged or cannot be written.
    """
    bundle = read_model_file(file)
    card = bundle.card._replace(provenance={**bundle.card.provenance, MODEL_CARD: dict(about)})
    write_model_file(file, bundle._replace(card=card, quality={**bundle.quality, **quality}))
