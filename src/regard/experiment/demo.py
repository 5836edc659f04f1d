"""The demonstration's experiment: both models on the built-in lesson, in minutes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from regard.config import make_config, override
from regard.errors import RegardError, refuse_system_error
from regard.experiment.plan import (
    ExtraSentence,
    Model,
    Plan,
    read_test,
    refuse_another_run,
    refuse_missing_torch,
)
from regard.experiment.sweep import Variant, shared_options
from regard.files import write_file
from regard.lesson.corpus import EXAMPLE, split_lesson
from regard.training.data import Data


class Texts(NamedTuple):
    """The three parts of a corpus, each a file for the source and one for the target."""

    train: tuple[Path, Path]
    valid: tuple[Path, Path]
    test: tuple[Path, Path]


CHOICES = {"traditional": "none", "attention": "scaled"}
"""The two models of the demonstration, by their score."""

SETTINGS: dict[str, dict[str, Any]] = {
    "vocabulary": {"size": 3000},
    "model": {
        "embedding_size": 128,
        "encoder_size": 256,
        "decoder_size": 256,
        "dropout_embedding": 0.1,
        "dropout_hidden": 0.1,
        "dropout_output": 0.1,
    },
    "train": {
        "updates": 700,
        "validate_every": 175,
        "batch_tokens": 3072,
        "learning_rate": 0.003,
        "warmup": 100,
        "ema_decay": 0.98,
        "metric": "loss",
    },
    "search": {"beam": 1},
}
"""Small enough for two models in two to six minutes on two cores, large enough for the lesson."""

LENGTHS = (6, 12, 18, 24)
"""Edges of the buckets by which quality is shown, in source words."""
TEST = 500
"""Sentences to test on; as many to validate on."""


def plan_lesson(out: Path, pairs: int, assignments: Sequence[str] = ()) -> Plan:
    """The traditional model and the attention model, trained alike on `pairs` sentences.

    `assignments` (section.option=value) are put on top of SETTINGS. Raises RegardError if one of
    them is wrong or PyTorch is missing, before anything is written; then if the text cannot be
    written, or if other models stand in `out`.
    """
    if any(one.startswith("model.attention=") for one in assignments):
        raise RegardError(
            "the two models differ in their attention alone, which is given",
            "model.attention",
            "leave it out, or choose with `regard compare --vary attention=...`",
        )
    refuse_missing_torch()
    from regard.engine.torch import choose_device

    choices = []
    for name, score in CHOICES.items():
        settings = override(SETTINGS, [*assignments, f"model.attention={score}"])
        choices.append(Variant(name, settings, make_config(settings, name)))
    choose_device(choices[0].config.train.device, "train.device")
    texts = write_lesson(out / f"lesson-{pairs}", pairs, TEST, seed=1)
    candidates = [
        Model(each.name, each.name, each.config.train.seed, out / each.name, each.settings)
        for each in choices
    ]
    for one in candidates:
        refuse_another_run(one, Data(texts.train, texts.valid, ("en", "fr")))
    return Plan(
        out,
        candidates,
        texts.train,
        texts.valid,
        ("en", "fr"),
        read_test(texts.test),
        ["model.attention"],
        shared_options(choices),
        {},
        "bootstrap",
        LENGTHS,
        [ExtraSentence(EXAMPLE.source, EXAMPLE.target)],
    )


def write_lesson(folder: Path, train: int, test: int, seed: int) -> Texts:
    """The built-in corpus as files, made once; valid and test have `test` pairs each.

    Raises RegardError if they cannot be written.
    """
    parts = [
        tuple(folder / f"{part}.{code}" for code in ("en", "fr"))
        for part in ("train", "valid", "test")
    ]
    texts = Texts(*((source, target) for source, target in parts))
    if all(file.exists() for pair in texts for file in pair):
        return texts
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse_system_error(error, "make the folder", str(folder))
    lesson = split_lesson(train, 2 * test, seed)
    held = {
        texts.train: lesson.train,
        texts.valid: lesson.test[:test],
        texts.test: lesson.test[test:],
    }
    for (source, target), examples in held.items():
        write_lines(source, [example.source for example in examples])
        write_lines(target, [example.target for example in examples])
    return texts


def write_lines(file: Path, lines: Sequence[str]) -> None:
    write_file(file, "".join(f"{line}\n" for line in lines).encode())
