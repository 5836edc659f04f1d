"""A trained model as files of a limited size, its weights in 16 bits; and back.

python recipes/shards.py runs/general-en-fr-large/shards runs/teacher
"""

import argparse
import io
import tarfile
from pathlib import Path

import numpy as np

from regard.errors import RegardError
from regard.files import file_digest, read_json, read_tensors, write_file, write_json, write_tensors
from regard.storage.folder import MODEL_INFO, QUALITY, VOCABULARIES, WEIGHTS, load_weights
from run import as_command

INDEX = "model.json"


def split_model(folder: Path, shards: Path, size: int) -> list[Path]:
    """Write the model of a folder as files of at most `size` bytes; returns them."""
    shards.mkdir(parents=True, exist_ok=True)
    half = shards / WEIGHTS
    weights = {name: values.astype(np.float16) for name, values in load_weights(folder).items()}
    write_tensors(half, weights, {})
    names = [name for name in (MODEL_INFO, QUALITY, *VOCABULARIES) if (folder / name).exists()]
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for file in (*(folder / name for name in names), half):
            tar.add(file, file.name)
    half.unlink()
    content = archive.getbuffer()
    parts = [shards / f"model-{begin // size:03d}" for begin in range(0, len(content), size)]
    for number, part in enumerate(parts):
        write_file(part, bytes(content[number * size : (number + 1) * size]))
    write_json(shards / INDEX, {part.name: file_digest(part) for part in parts})
    return parts


def join_model(shards: Path, folder: Path) -> None:
    """Write the model whose files are in `shards` to a new folder.

    Raises RegardError if a file is missing or damaged, or if the folder holds something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise RegardError("the folder is not empty", str(folder), "choose another folder")
    digests = read_json(shards / INDEX)
    for name, digest in digests.items():
        if not (shards / name).exists() or file_digest(shards / name) != digest:
            raise RegardError(
                "a part of the model is missing or damaged", str(shards / name), "copy it again"
            )
    folder.mkdir(parents=True, exist_ok=True)
    archive = io.BytesIO(b"".join((shards / name).read_bytes() for name in digests))
    with tarfile.open(fileobj=archive) as tar:
        tar.extractall(folder, filter="data")
    half = read_tensors(folder / WEIGHTS).tensors
    weights = {name: values.astype(np.float32) for name, values in half.items()}
    write_tensors(folder / WEIGHTS, weights, {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("shards", type=Path)
    parser.add_argument("folder", type=Path, help="the new model folder")
    asked = parser.parse_args()
    join_model(asked.shards, asked.folder)


if __name__ == "__main__":
    as_command(main)
