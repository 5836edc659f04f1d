"""Convert models and result files to the names of format 2: keys and tensor names, no number.

    python recipes/convert.py MODEL_FOLDER MODEL.regard result.json ...

Each path is rewritten in place; one that is converted already is left as it is. Formats 1 were
written before the first release, so regard itself reads format 2 alone.
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from regard.files import write_file, write_json
from regard.storage.model_file import CHECKSUM, HEADER, checksum

OPTIONS = {
    "recurrence": "layer_type",
    "embedding": "embedding_size",
    "states": "encoder_size",
    "hidden": "decoder_size",
    "dropout_source_word": "dropout_source_token",
    "dropout_target_word": "dropout_target_token",
    "source_sampling": "source_bpe_dropout",
    "target_sampling": "target_bpe_dropout",
    "average": "ema_decay",
    "clip": "clip_norm",
    "alpha": "length_penalty",
    "limit_ratio": "max_length_ratio",
    "limit_extra": "max_length_extra",
}
CHOICES = {"two-sided": "bidirectional", "left-to-right": "unidirectional"}
RESULTS = {
    "unended": "truncated",
    "looks": "attention_maps",
    "cases": "examples",
    "machine": "system",
    "did not end by themselves": "truncated",
    "BLEU by source words": "bleu_by_source_words",
    "held out": "held_out",
    "minutes of the first course": "minutes_of_first_stage",
    "lines of these sets that decided which weights are kept": "selection_lines",
}
TENSORS = (
    (r"\bdecoder\.word\b", "decoder.output_layer"),
    (r"\.backward_\.onward\b", ".backward_rnn"),
    (r"\.onward\.onward\b", ".forward_rnn"),
    (r"\.onward\b", ".forward_rnn"),
    (r"\bencoder\.carry\.(\d+)\.norm\b", r"encoder.norms.\1"),
    (r"\.carry\.norm\b", ".norm"),
    (r"\bgate_and_fresh\b", "gate_and_candidate"),
    (r"^(joint|source|target)\.vocabulary$", r"\1.spm"),
)
SECTIONS = ("vocabulary", "model", "train", "search")


def tensor_name(old: str) -> str:
    for pattern, new in TENSORS:
        old = re.sub(pattern, new, old)
    return old


def options(config: dict[str, Any]) -> dict[str, Any]:
    """The sections of options, or a part of them, under today's names."""

    def section(values: object) -> object:
        if not isinstance(values, dict):
            return values
        return {
            OPTIONS.get(name, name): CHOICES.get(value, value) if isinstance(value, str) else value
            for name, value in values.items()
        }

    return {
        name: section(values) if name in SECTIONS else values for name, values in config.items()
    }


def assignment(text: str) -> str:
    """`section.option=value`, as recipes record them."""
    name, equals, value = text.partition("=")
    section, dot, option = name.partition(".")
    renamed = OPTIONS.get(option, option) if section in SECTIONS else option
    return f"{section}{dot}{renamed}{equals}{CHOICES.get(value, value)}"


def provenance(content: dict[str, Any]) -> dict[str, Any]:
    """How a model was made, and its parent in turn."""
    renamed = {"about": "model_card", "tuned from": "fine_tuned_from"}
    converted = {renamed.get(name, name): value for name, value in content.items()}
    if "fine_tuned_from" in converted:
        converted["fine_tuned_from"] = provenance(converted["fine_tuned_from"])
    return converted


def model_info(content: dict[str, Any]) -> dict[str, Any]:
    """A model's JSON header, of a folder or a file; one of format 2 stays as it is."""
    if content.get("format") != 1:
        return content
    converted = {**content, "format": 2, "config": options(content["config"])}
    converted["provenance"] = provenance(converted.pop("made"))
    if "ranges" in converted:
        ranges = converted.pop("ranges").items()
        converted["calibration"] = {tensor_name(name): ends for name, ends in ranges}
    if "quality" in converted:
        converted["quality"] = results(converted["quality"])
    return converted


def results(content: Any) -> Any:
    """A result file: renamed keys at any depth, and the options that it records."""
    if isinstance(content, list):
        return [results(value) for value in content]
    if not isinstance(content, dict):
        return assignment(content) if isinstance(content, str) and "=" in content else content
    converted: dict[str, Any] = {
        str(RESULTS.get(name, name)): results(value) for name, value in content.items()
    }
    return options(converted) if any(name in converted for name in SECTIONS) else converted


def convert_tensors(file: Path) -> None:
    """A safetensors file: names of tensors, and the header and checksum of a .regard file."""
    from safetensors import safe_open
    from safetensors.numpy import save

    with safe_open(file, framework="numpy") as opened:
        names = list(opened.keys())
        tensors = {tensor_name(name): opened.get_tensor(name) for name in names}
        metadata = dict(opened.metadata() or {})
    if HEADER in metadata:
        header = json.dumps(model_info(json.loads(metadata[HEADER])), ensure_ascii=False)
        metadata = {HEADER: header, CHECKSUM: checksum(header, tensors)}
    arrays = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    write_file(file, save(arrays, metadata=metadata))


def convert_folder(folder: Path) -> None:
    """A model folder; its training state, with which only its own version resumes, is put aside."""
    if (folder / "training").exists():
        (folder / "training").rename(folder / "training-format-1")
    for old in folder.glob("*.vocabulary"):
        old.replace(old.with_suffix(".spm"))
    info = folder / "model.json"
    write_json(info, model_info(json.loads(info.read_text("utf-8"))))
    convert_tensors(folder / "model.safetensors")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path, help="model folders, .regard and .json")
    for path in parser.parse_args().paths:
        if path.is_dir():
            convert_folder(path)
        elif path.suffix == ".json":
            content = results(json.loads(path.read_text("utf-8")))
            if content.get("format") == 1:  # of `regard compare`
                content["format"] = 2
            write_json(path, content)
        else:
            convert_tensors(path)
        print(f"converted: {path}")


if __name__ == "__main__":
    main()
