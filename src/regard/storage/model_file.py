"""A model as one file that translates raw text on any machine.

It is a safetensors file: tensors, and a header with JSON and a checksum of everything. It contains
no code, so a file from an untrusted source can be loaded.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from regard.errors import RegardError
from regard.files import Tensors, damaged_error, read_json, read_tensors, write_tensors
from regard.shapes import Shaped
from regard.special import END
from regard.storage.folder import (
    ALIGNMENT_HEAD,
    JOINT,
    MODEL_FORMAT,
    QUALITY,
    SOURCE,
    TARGET,
    VOCABULARIES,
    ModelInfo,
    as_json_object,
    format_error,
    load_model_info,
    load_weights,
    parse_text_record,
    stored_config,
    vocabulary_protos,
)
from regard.text.languages import parse_languages
from regard.text.vocabulary import Vocabulary

SUFFIX = ".regard"
HEADER, CHECKSUM = "regard", "sha256"
"""The keys of the header: the description of the model as JSON, and the checksum."""

LIKELY_TENSOR, COMMON_TENSOR = "shortlist.likely", "shortlist.common"
"""The names of the shortlist's two arrays; a file may lack both."""

MAX_RANGE = 1e30
"""The ends of a range are smaller than this, so that its width is finite in float32."""

HEAD_PREFIX = "alignment_head."
"""What the names of the weights of the alignment head begin with."""

Calibration = Mapping[str, tuple[float, float]]
"""The range (minimum, maximum) of the input of each product that is computed in int8."""


class Shortlist(NamedTuple):
    """The target tokens that a translation may contain (learned in `export/shortlist.py`)."""

    likely: Shaped[np.ndarray, "_ _"]
    """For each source token the likely target tokens, as uint16 or uint32."""
    common: Shaped[np.ndarray, " _"]
    """Target tokens that every sentence may need."""


NO_SHORTLIST = Shortlist(np.zeros((0, 0), np.uint16), np.zeros(0, np.uint16))
"""The shortlist of a file that was exported without training text."""


class ModelFile(NamedTuple):
    info: ModelInfo
    tensors: Tensors
    """The weights by the names of `model/`; an int8 matrix is accompanied by its scales."""
    calibration: Calibration
    """Empty for an fp32 model."""
    quality: dict[str, Any]
    shortlist: Shortlist = NO_SHORTLIST
    alignment_head: Tensors = MappingProxyType({})
    """The weights of `model/alignment_head.py`, stored like the others; empty for a model without
    one."""


def read_model_folder(folder: Path) -> ModelFile:
    """The model in a folder. Raises RegardError if there is no complete model in it."""
    card, tensors = load_model_info(folder), load_weights(folder)
    quality, head = folder / QUALITY, folder / ALIGNMENT_HEAD
    return ModelFile(
        card,
        tensors,
        {},
        read_json(quality) if quality.exists() else {},
        alignment_head=read_tensors(head).tensors if head.exists() else {},
    )


def is_file(model: Path) -> bool:
    """Whether a path names a model file, which need not exist, rather than a folder."""
    return model.is_file() or (model.suffix == SUFFIX and not model.is_dir())


def read_model(model: Path) -> ModelFile:
    """A model from its file or its folder. Raises RegardError if there is no complete model."""
    return read_model_file(model) if is_file(model) else read_model_folder(model)


def read_model_info(model: Path) -> ModelInfo:
    """The information about a model; a folder need not hold weights yet. Raises RegardError if
    there is no model, or a damaged one."""
    return read_model_file(model).info if is_file(model) else load_model_info(model)


def write_model_file(file: Path, model: ModelFile) -> None:
    """Write a .regard file. Raises RegardError if the disk is full or writing is not allowed."""
    tensors = dict(model.tensors)
    for name, proto in vocabulary_protos(model.info).items():
        tensors[name] = np.frombuffer(proto, np.uint8)
    if len(model.shortlist.likely):
        tensors |= {LIKELY_TENSOR: model.shortlist.likely, COMMON_TENSOR: model.shortlist.common}
    tensors |= {HEAD_PREFIX + name: weight for name, weight in model.alignment_head.items()}
    results = {"quality": model.quality, "calibration": model.calibration}
    header = json.dumps(as_json_object(model.info) | results, ensure_ascii=False)
    write_tensors(file, tensors, {HEADER: header, CHECKSUM: checksum(header, tensors)})


def write_shortlist(file: Path, shortlist: Shortlist) -> None:
    """Write a shortlist. Raises RegardError if the disk is full or writing is not allowed."""
    write_tensors(file, {LIKELY_TENSOR: shortlist.likely, COMMON_TENSOR: shortlist.common}, {})


def read_shortlist(file: Path) -> Shortlist:
    """The inverse of `write_shortlist`. Raises RegardError if the file is damaged."""
    tensors = read_tensors(file).tensors
    if tensors.keys() != {LIKELY_TENSOR, COMMON_TENSOR}:
        raise damaged_error(file)
    return Shortlist(tensors[LIKELY_TENSOR], tensors[COMMON_TENSOR])


def checksum(header: str, tensors: Tensors) -> str:
    """The SHA-256 of the description and of every tensor's name, type, shape and numbers."""
    total = sha256(header.encode())
    for name, tensor in sorted(tensors.items()):
        total.update(f"\n{name} {tensor.dtype} {tensor.shape}\n".encode())
        total.update(np.ascontiguousarray(tensor).data)
    return total.hexdigest()


def read_model_file(file: Path) -> ModelFile:
    """Read a .regard file.

    Raises RegardError if it does not exist, has another format, or is damaged in any way.
    """
    if not file.exists():
        raise RegardError(
            "there is no such file",
            str(file),
            "give a model folder, or a file that `regard export` wrote",
        )
    stored = read_tensors(file)
    try:
        content = json.loads(stored.metadata[HEADER])
        version = content["format"]
        if not isinstance(version, int):
            raise damaged_error(file)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise damaged_error(file) from error
    if version != MODEL_FORMAT:
        raise format_error(file, version)
    if checksum(stored.metadata[HEADER], stored.tensors) != stored.metadata.get(CHECKSUM):
        raise damaged_error(file)
    return parse_model_file(file, content, stored.tensors)


def parse_model_file(
    file: Path, content: dict[str, Any], tensors: dict[str, np.ndarray]
) -> ModelFile:
    """The model in a file whose checksum is right. Raises RegardError if it is not consistent."""
    bad = damaged_error(file)
    try:
        languages = parse_languages("-".join(content["languages"]))
        ranges = {
            str(name): (float(minimum), float(maximum))
            for name, (minimum, maximum) in content["calibration"].items()
        }
        settings, provenance = dict(content["config"]), dict(content["provenance"])
        text = parse_text_record(content)
        quality = dict(content["quality"])
        protos = {name: tensors.pop(name).tobytes() for name in VOCABULARIES if name in tensors}
    except (
        KeyError, TypeError, ValueError, AttributeError, OverflowError, RegardError,
    ) as error:  # fmt: skip
        raise bad from error
    if not all(abs(end) < MAX_RANGE for both in ranges.values() for end in both):
        raise bad
    config = stored_config(settings, str(file))
    if JOINT in protos:
        source = target = Vocabulary(protos[JOINT], str(file))
    elif SOURCE in protos and TARGET in protos:
        source, target = (Vocabulary(protos[name], str(file)) for name in (SOURCE, TARGET))
    else:
        raise bad
    card = ModelInfo(languages, config, source, target, provenance, text)
    shortlist = NO_SHORTLIST
    if LIKELY_TENSOR in tensors and COMMON_TENSOR in tensors:
        shortlist = Shortlist(tensors.pop(LIKELY_TENSOR), tensors.pop(COMMON_TENSOR))
        if not is_valid(shortlist, len(source), len(target)):
            raise bad
    head = {
        name.removeprefix(HEAD_PREFIX): tensors.pop(name)
        for name in [*tensors]
        if name.startswith(HEAD_PREFIX)
    }
    return ModelFile(card, tensors, ranges, quality, shortlist, head)


def is_valid(shortlist: Shortlist, source_tokens: int, target_tokens: int) -> bool:
    """Whether a shortlist has a row for each source token, existing target tokens only, and </s>
    among the common ones."""
    likely, common = shortlist
    return (
        all(array.dtype in (np.uint16, np.uint32) and array.size for array in shortlist)
        and (likely.ndim, common.ndim) == (2, 1)
        and len(likely) == source_tokens
        and max(int(array.max()) for array in shortlist) < target_tokens
        and END in common
    )
