"""A model as a folder of files: information, weights, vocabularies, quality.

All files are JSON, safetensors or SentencePiece models, and are written atomically: after a crash
each is the old or the new one.
"""

from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from regard.config import Config
from regard.errors import RegardError, refuse_system_error
from regard.files import damaged_error, read_json, read_tensors, write_file, write_json
from regard.settings import make_config
from regard.special import TAG_SYMBOLS
from regard.text.languages import parse_languages
from regard.text.vocabulary import Vocabulary

MODEL_FORMAT = 2
"""The format of folders and files. Format 1 was never released; recipes/convert.py converts it."""

MODEL_INFO, WEIGHTS, QUALITY = "model.json", "model.safetensors", "quality.json"
ALIGNMENT_HEAD = "alignment_head.safetensors"
"""The file of a part that a model may have."""
JOINT, SOURCE, TARGET = VOCABULARIES = ("joint.spm", "source.spm", "target.spm")

NORMALIZATION = 2
"""The version of `text.normalize` that new models are trained on."""


class TextRecord(NamedTuple):
    """How the text was prepared that a model was trained on."""

    normalization: int
    """1: control characters and NFC only, without a record; later ones as `NORMALIZATION`."""
    placeholders: bool
    """Whether the placeholder symbols were trained."""
    longest: int
    """The length that 99.9 % of the training sources do not exceed, in tokens; 0: unknown."""
    tags: tuple[str, ...] = ()
    """The names of the tags that were trained; number n has the symbol `TAG_SYMBOLS[n]`."""


NO_RECORD = TextRecord(1, False, 0)
"""That of models which were trained before there was one."""


class ModelInfo(NamedTuple):
    """Everything about a model but its weights."""

    languages: tuple[str, str]
    """The codes of the source and the target language."""
    config: Config
    source: Vocabulary
    target: Vocabulary
    provenance: dict[str, Any]
    """How the model was trained: version, pairs, files, date, fingerprint of the text."""
    text: TextRecord = NO_RECORD


def model_files(folder: Path) -> list[Path]:
    """The files that determine a model's translations; some of them do not exist."""
    return [folder / name for name in (MODEL_INFO, WEIGHTS, ALIGNMENT_HEAD, *VOCABULARIES)]


def as_json_object(card: ModelInfo) -> dict[str, Any]:
    """The information in a model's JSON: all but the vocabularies."""
    return {
        "format": MODEL_FORMAT,
        "languages": card.languages,
        "config": msgspec.to_builtins(card.config),
        "provenance": card.provenance,
        "text": card.text._asdict(),
    }


def parse_text_record(content: dict[str, Any]) -> TextRecord:
    """The record in a model's JSON. Raises KeyError, TypeError or ValueError if it is damaged."""
    if "text" not in content:
        return NO_RECORD
    record = content["text"]
    normalization, placeholders, longest = (record[name] for name in TextRecord._fields[:3])
    tags = record.get("tags", [])  # models that are older than tags have none
    if not isinstance(tags, list) or len(tags) > len(TAG_SYMBOLS):
        raise ValueError("these are no tags")
    return TextRecord(int(normalization), bool(placeholders), int(longest), tuple(map(str, tags)))


def stored_config(settings: dict[str, Any], where: str) -> Config:
    """The options in a model's JSON; models that are older than an option were trained without it.

    Raises RegardError as `make_config`.
    """
    return make_config({"augment": {"scale": 0.0}, **settings}, where)


def vocabulary_protos(card: ModelInfo) -> dict[str, bytes]:
    """The serialized vocabularies by name: one if it is joint, else two."""
    if card.source is card.target:
        return {JOINT: card.source.proto}
    return {SOURCE: card.source.proto, TARGET: card.target.proto}


def save_model_info(folder: Path, card: ModelInfo) -> None:
    """Write all files of a model folder but the weights. Raises RegardError as `write_file`."""
    write_json(folder / MODEL_INFO, as_json_object(card))
    for name, proto in vocabulary_protos(card).items():
        write_file(folder / name, proto)


def load_model_info(folder: Path) -> ModelInfo:
    """Read a model folder without its weights.

    Raises RegardError if it holds no model, one of another format, or a damaged one.
    """
    if not (folder / MODEL_INFO).exists():
        raise RegardError(
            "there is no model here" if folder.exists() else "there is no such folder",
            str(folder),
            f"give the folder that `regard train --out` wrote; it holds a {MODEL_INFO}",
        )
    content = read_json(folder / MODEL_INFO)
    if not isinstance(content, dict) or not isinstance(content.get("format"), int):
        raise damaged_error(folder / MODEL_INFO)
    if content["format"] != MODEL_FORMAT:
        raise format_error(folder, content["format"])
    try:
        languages = parse_languages("-".join(content["languages"]))
        settings, provenance = dict(content["config"]), dict(content["provenance"])
        text = parse_text_record(content)
    except (KeyError, TypeError, ValueError, RegardError) as error:
        raise damaged_error(folder / MODEL_INFO) from error
    config = stored_config(settings, str(folder / MODEL_INFO))
    if (folder / JOINT).exists():
        source = target = load_vocabulary(folder / JOINT)
    else:
        source, target = load_vocabulary(folder / SOURCE), load_vocabulary(folder / TARGET)
    return ModelInfo(languages, config, source, target, provenance, text)


def format_error(model: Path, version: int) -> RegardError:
    is_newer = version > MODEL_FORMAT
    return RegardError(
        f"this model has format {version}, and this version of regard reads {MODEL_FORMAT}",
        str(model),
        "install a newer regard" if is_newer else "convert it with recipes/convert.py",
    )


def load_vocabulary(file: Path) -> Vocabulary:
    try:
        return Vocabulary(file.read_bytes(), str(file))
    except OSError as error:
        refuse_system_error(error, "read the vocabulary", str(file))


def weights_file(folder: Path) -> Path:
    """The path of the weights. Raises RegardError if the model has none yet."""
    if not (folder / WEIGHTS).exists():
        raise RegardError(
            "this model has no weights yet",
            str(folder),
            "train until the first validation: the same `regard train` again resumes the run",
        )
    return folder / WEIGHTS


def load_weights(folder: Path) -> dict[str, np.ndarray]:
    """The weights by name. Raises RegardError if the model has none yet, or they are damaged."""
    return read_tensors(weights_file(folder)).tensors
