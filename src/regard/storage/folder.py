"""A model as a folder: weights, options, vocabularies and quality; safetensors and JSON only.

Every file is written beside its place and renamed, so a crash leaves the old one or the new one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from regard.config import Config, make_config
from regard.errors import RegardError, refuse_system_error
from regard.files import damaged_error, read_json, write_file, write_json
from regard.text.languages import parse_languages
from regard.text.vocabulary import Vocabulary

FOLDER_FORMAT = 2
"""Of the model folder. Format 1 was never released; recipes/convert.py converts it."""

MODEL_INFO, WEIGHTS, QUALITY = "model.json", "model.safetensors", "quality.json"
JOINT, SOURCE, TARGET = VOCABULARIES = (
    "joint.spm",
    "source.spm",
    "target.spm",
)

Tensors = Mapping[str, np.ndarray]


class ModelInfo(NamedTuple):
    """What a model is, without its weights."""

    languages: tuple[str, str]
    """Codes of the source and the target language."""
    config: Config
    source: Vocabulary
    target: Vocabulary
    provenance: dict[str, Any]
    """How it was made: version, pairs, files, day, fingerprint of the text."""


def model_files(folder: Path) -> list[Path]:
    """The files that decide what a model says; of the vocabularies some are not there."""
    return [folder / name for name in (MODEL_INFO, WEIGHTS, *VOCABULARIES)]


def write_tensors(file: Path, tensors: Tensors, about: Mapping[str, str]) -> None:
    """`about` stands in the file's own header."""
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    write_file(file, save(arrays, metadata=dict(about)))


class TensorFile(NamedTuple):
    tensors: dict[str, np.ndarray]
    metadata: dict[str, str]


def read_tensors(file: Path) -> TensorFile:
    """Raises RegardError if the file cannot be read or is not of safetensors' form."""
    from safetensors import SafetensorError, safe_open

    try:
        file.open("rb").close()  # safetensors takes what may not be read for what is not there
        with safe_open(file, framework="numpy") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            return TensorFile(tensors, opened.metadata() or {})
    except OSError as error:
        refuse_system_error(error, "read", str(file))
    except (SafetensorError, AttributeError, ValueError, TypeError) as error:
        # AttributeError: numpy has no such numbers, of 8 bits or 4
        raise damaged_error(file) from error


def save_model_info(folder: Path, card: ModelInfo) -> None:
    """Everything of a model but its weights."""
    write_json(
        folder / MODEL_INFO,
        {
            "format": FOLDER_FORMAT,
            "languages": card.languages,
            "config": card.config.model_dump(mode="json"),
            "provenance": card.provenance,
        },
    )
    if card.source is card.target:
        write_file(folder / JOINT, card.source.proto)
    else:
        write_file(folder / SOURCE, card.source.proto)
        write_file(folder / TARGET, card.target.proto)


def load_model_info(folder: Path) -> ModelInfo:
    """Raises RegardError if there is no model, or one of a later version, or a damaged one."""
    if not (folder / MODEL_INFO).exists():
        raise RegardError(
            "there is no model here" if folder.exists() else "there is no such folder",
            str(folder),
            f"give the folder that `regard train --out` wrote; it holds a {MODEL_INFO}",
        )
    content = read_json(folder / MODEL_INFO)
    if not isinstance(content, dict) or not isinstance(content.get("format"), int):
        raise damaged_error(folder / MODEL_INFO)
    if content["format"] != FOLDER_FORMAT:
        raise format_error(folder, content["format"], FOLDER_FORMAT)
    try:
        languages = parse_languages("-".join(content["languages"]))
        settings, provenance = content["config"], dict(content["provenance"])
    except (KeyError, TypeError, ValueError, RegardError) as error:
        raise damaged_error(folder / MODEL_INFO) from error
    config = make_config(settings, str(folder / MODEL_INFO))
    if (folder / JOINT).exists():
        source = target = load_vocabulary(folder / JOINT)
    else:
        source, target = load_vocabulary(folder / SOURCE), load_vocabulary(folder / TARGET)
    return ModelInfo(languages, config, source, target, provenance)


def format_error(model: Path, version: int, known: int) -> RegardError:
    advice = "install a newer regard" if version > known else "convert it with recipes/convert.py"
    return RegardError(
        f"this model has format {version}; this version reads {known}", str(model), advice
    )


def load_vocabulary(file: Path) -> Vocabulary:
    try:
        return Vocabulary(file.read_bytes(), str(file))
    except OSError as error:
        refuse_system_error(error, "read the vocabulary", str(file))


def weights_file(folder: Path) -> Path:
    """The file of the weights. Raises RegardError if the model has none yet."""
    if not (folder / WEIGHTS).exists():
        raise RegardError(
            "this model has no weights yet",
            str(folder),
            "train until its first validation; run the same `regard train` again to go on",
        )
    return folder / WEIGHTS


def load_weights(folder: Path) -> dict[str, np.ndarray]:
    """Raises RegardError if the model has none yet, or damaged ones."""
    return read_tensors(weights_file(folder)).tensors
