"""A model as one file: moved alone to another machine, it translates raw text.

The file is of safetensors' form: numbers and text, never a program. What the numbers mean stands in
its header as JSON; a checksum covers all of it.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from regard.config import make_config
from regard.errors import RegardError
from regard.files import damaged_error, read_json
from regard.shapes import Shaped
from regard.special import END
from regard.storage import folder as checkpoint
from regard.storage.folder import (
    JOINT,
    SOURCE,
    TARGET,
    VOCABULARIES,
    ModelInfo,
    Tensors,
    format_error,
    read_tensors,
    write_tensors,
)
from regard.text.languages import parse_languages
from regard.text.vocabulary import Vocabulary

FILE_FORMAT = 2
"""Of the file. Format 1 was never released; recipes/convert.py converts it."""

SUFFIX = ".regard"
HEADER, CHECKSUM = "regard", "sha256"
"""Names in the header: what the file is, and the checksum of everything else."""

LIKELY_TOKENS, COMMON_TOKENS = "shortlist.likely", "shortlist.common"
"""Names of the shortlist's two arrays; a file may lack both."""

MAX_RANGE = 1e30
"""No range has such ends; float32 could not tell how wide it is."""

Calibration = Mapping[str, tuple[float, float]]
"""The least and the greatest input of each product that is computed in int8."""


class Shortlist(NamedTuple):
    """Which target tokens a sentence may need (`export/shortlist.py`)."""

    likely: Shaped[np.ndarray, "_ _"]
    """Of each source token, as uint16 or uint32."""
    common: Shaped[np.ndarray, " _"]
    """Of every sentence."""


NO_SHORTLIST = Shortlist(np.zeros((0, 0), np.uint16), np.zeros(0, np.uint16))
"""What a file holds that was made without training text, or by an earlier version."""


class ModelFile(NamedTuple):
    card: ModelInfo
    tensors: Tensors
    """Weights by the names of `model/`; of an int8 matrix its scales beside it."""
    calibration: Calibration
    """Empty where everything is fp32."""
    quality: dict[str, Any]
    shortlist: Shortlist = NO_SHORTLIST


def read_model_folder(folder: Path) -> ModelFile:
    """Raises RegardError if the folder holds no whole model."""
    card, tensors = checkpoint.load_model_info(folder), checkpoint.load_weights(folder)
    quality = folder / checkpoint.QUALITY
    return ModelFile(card, tensors, {}, read_json(quality) if quality.exists() else {})


def is_file(model: Path) -> bool:
    """Whether a model is one file, or would be if it were there."""
    return model.is_file() or (model.suffix == SUFFIX and not model.is_dir())


def read_model(model: Path) -> ModelFile:
    """A model from its file or its folder. Raises RegardError if there is no whole one."""
    return read_model_file(model) if is_file(model) else read_model_folder(model)


def read_model_info(model: Path) -> ModelInfo:
    """What a model is; of a folder the weights need not be there yet. Raises RegardError if there
    is none, or a damaged one."""
    return read_model_file(model).card if is_file(model) else checkpoint.load_model_info(model)


def write_model_file(file: Path, bundle: ModelFile) -> None:
    """Raises RegardError if the disk is full or writing is not allowed."""
    card = bundle.card
    tensors = dict(bundle.tensors)
    if card.source is card.target:
        tensors[JOINT] = np.frombuffer(card.source.proto, np.uint8)
    else:
        tensors[SOURCE] = np.frombuffer(card.source.proto, np.uint8)
        tensors[TARGET] = np.frombuffer(card.target.proto, np.uint8)
    if len(bundle.shortlist.likely):
        tensors |= {LIKELY_TOKENS: bundle.shortlist.likely, COMMON_TOKENS: bundle.shortlist.common}
    about = json.dumps(
        {
            "format": FILE_FORMAT,
            "languages": card.languages,
            "config": card.config.model_dump(mode="json"),
            "provenance": card.provenance,
            "quality": bundle.quality,
            "calibration": bundle.calibration,
        },
        ensure_ascii=False,
    )
    write_tensors(file, tensors, {HEADER: about, CHECKSUM: checksum(about, tensors)})


def write_shortlist(file: Path, shortlist: Shortlist) -> None:
    """Raises RegardError if the disk is full or writing is not allowed."""
    write_tensors(file, {LIKELY_TOKENS: shortlist.likely, COMMON_TOKENS: shortlist.common}, {})


def read_shortlist(file: Path) -> Shortlist:
    """Raises RegardError if the file is damaged."""
    tensors = read_tensors(file).tensors
    if tensors.keys() != {LIKELY_TOKENS, COMMON_TOKENS}:
        raise damaged_error(file)
    return Shortlist(tensors[LIKELY_TOKENS], tensors[COMMON_TOKENS])


def checksum(about: str, tensors: Tensors) -> str:
    """Of all that a file holds: names, types, sizes and numbers."""
    total = sha256(about.encode())
    for name, tensor in sorted(tensors.items()):
        total.update(f"\n{name} {tensor.dtype} {tensor.shape}\n".encode())
        total.update(np.ascontiguousarray(tensor).data)
    return total.hexdigest()


def read_model_file(file: Path) -> ModelFile:
    """Raises RegardError if the file is not there, of a later version, or damaged in any way."""
    if not file.exists():
        raise RegardError(
            "there is no such file",
            str(file),
            "give a model folder, or a file that `regard export` wrote",
        )
    stored = read_tensors(file)
    bad = damaged_error(file)
    try:
        about = json.loads(stored.metadata[HEADER])
        version = about["format"]
        if not isinstance(version, int):
            raise bad
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise bad from error
    if version != FILE_FORMAT:
        raise format_error(file, version, FILE_FORMAT)
    if checksum(stored.metadata[HEADER], stored.tensors) != stored.metadata.get(CHECKSUM):
        raise bad
    return parse_model_file(file, about, stored.tensors)


def parse_model_file(
    file: Path, about: dict[str, Any], tensors: dict[str, np.ndarray]
) -> ModelFile:
    bad = damaged_error(file)
    try:
        languages = parse_languages("-".join(about["languages"]))
        ranges = {
            str(name): (float(least), float(greatest))
            for name, (least, greatest) in about["calibration"].items()
        }
        settings, provenance = about["config"], dict(about["provenance"])
        quality = dict(about["quality"])
        protos = {name: tensors.pop(name).tobytes() for name in VOCABULARIES if name in tensors}
    except (
        KeyError, TypeError, ValueError, AttributeError, OverflowError, RegardError,
    ) as error:  # fmt: skip
        raise bad from error
    if not all(abs(end) < MAX_RANGE for both in ranges.values() for end in both):
        raise bad
    config = make_config(settings, str(file))
    if JOINT in protos:
        source = target = Vocabulary(protos[JOINT], str(file))
    elif SOURCE in protos and TARGET in protos:
        source, target = (
            Vocabulary(protos[SOURCE], str(file)),
            Vocabulary(protos[TARGET], str(file)),
        )
    else:
        raise bad
    card = ModelInfo(languages, config, source, target, provenance)
    shortlist = NO_SHORTLIST
    if LIKELY_TOKENS in tensors and COMMON_TOKENS in tensors:
        shortlist = Shortlist(tensors.pop(LIKELY_TOKENS), tensors.pop(COMMON_TOKENS))
        if not is_valid(shortlist, len(source), len(target)):
            raise bad
    return ModelFile(card, tensors, ranges, quality, shortlist)


def is_valid(shortlist: Shortlist, source_tokens: int, target_tokens: int) -> bool:
    """Whether it tells tokens that there are, of each source token, and </s> of all."""
    likely, common = shortlist
    return (
        all(one.dtype in (np.uint16, np.uint32) and one.size for one in shortlist)
        and (likely.ndim, common.ndim) == (2, 1)
        and len(likely) == source_tokens
        and max(int(one.max()) for one in shortlist) < target_tokens
        and END in common
    )
