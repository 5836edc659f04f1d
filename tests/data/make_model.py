"""Train and export the small model that `test_model_file.py` keeps for later versions.

    python tests/data/make_model.py tests/data/format-2.regard

Run it when `storage.folder.MODEL_FORMAT` is increased, with a new name; older files stay.
"""

import sys
import tempfile
from pathlib import Path

import regard
from regard.export.export import export
from regard.lesson.corpus import split_lesson

OPTIONS = {
    "vocabulary": {"size": 600},
    "model": {
        "embedding_size": 16,
        "encoder_size": 24,
        "decoder_size": 24,
        "tie": "all",
        "dropout_embedding": 0.0,
        "dropout_hidden": 0.0,
        "dropout_output": 0.0,
    },
    "train": {
        "updates": 3000,
        "validate_every": 1000,
        "batch_tokens": 512,
        "learning_rate": 0.01,
        "metric": "loss",
        "threads": 1,
    },
}


def main(file: Path) -> None:
    lesson = split_lesson(2000, 40, seed=5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = []
        for part, examples in (("train", lesson.train), ("valid", lesson.test)):
            source, target = folder / f"{part}.en", folder / f"{part}.fr"
            source.write_text("".join(f"{one.source}\n" for one in examples), "utf-8")
            target.write_text("".join(f"{one.target}\n" for one in examples), "utf-8")
            texts.append((source, target))
        regard.train(texts[0], folder / "model", valid=texts[1], settings=OPTIONS)
        export(folder / "model", file, "int8", [])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
