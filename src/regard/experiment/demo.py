"""The experiment of `regard demo`: two models on the built-in lesson, in minutes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from regard.errors import RegardError, refuse_system_error
from regard.experiment.plan import (
    ComparedModel,
    CompareOptions,
    ExtraSentence,
    Plan,
    plan_models,
    read_test,
    refuse_missing_torch,
)
from regard.experiment.sweep import Variant
from regard.files import write_file
from regard.lesson.corpus import EXAMPLE, split_lesson
from regard.settings import make_config, override
from regard.training.data import Data


class LessonFiles(NamedTuple):
    """The three parts of the lesson, each as a source file and a target file."""

    train: tuple[Path, Path]
    valid: tuple[Path, Path]
    test: tuple[Path, Path]


CHOICES = {"traditional": "none", "attention": "scaled"}
"""The names of the two models, and their model.attention."""

SETTINGS: dict[str, dict[str, Any]] = {
    "vocabulary": {"size": 3000},
    "augment": {"scale": 0.0},
    "model": {
        "embedding_size": 96,
        "encoder_size": 192,
        "decoder_size": 192,
        "dropout_embedding": 0.05,
        "dropout_hidden": 0.05,
        "dropout_output": 0.05,
    },
    "train": {
        "updates": 1000,
        "validate_every": 250,
        "batch_tokens": 1536,
        "learning_rate": 0.004,
        "warmup": 80,
        "ema_decay": 0.98,
        "metric": "loss",
    },
    "search": {"beam": 1},
}
"""Small enough to train both models in at most three minutes on two cores, large enough for the
lesson (benchmarks/demo.py measures both)."""

LESSON_LENGTHS = (6, 12, 18, 24)
"""Edges of the length buckets, in source words."""
TEST_PAIRS = 500
"""Of the test text, and of the validation text."""


def plan_lesson(out: Path, pairs: int, assignments: Sequence[str] = ()) -> Plan:
    """The traditional model and the attention model, trained alike on `pairs` sentences.

    `assignments` (section.option=value) override SETTINGS. Raises RegardError if one of them is
    wrong or PyTorch is missing, before anything is written; then if the text cannot be written, or
    if `out` holds other models.
    """
    if any(assignment.startswith("model.attention=") for assignment in assignments):
        raise RegardError(
            "the two models differ in their attention alone, which the demonstration sets",
            "model.attention",
            "leave it out, or choose with `regard compare --vary model.attention=none,additive`",
        )
    refuse_missing_torch()
    from regard.engine.torch import choose_device

    choices = []
    for name, score in CHOICES.items():
        settings = override(SETTINGS, [*assignments, f"model.attention={score}"])
        choices.append(Variant(name, settings, make_config(settings, name)))
    choose_device(choices[0].config.train.device, "train.device")
    lesson = write_lesson(out / f"lesson-{pairs}", pairs, TEST_PAIRS, seed=1)
    models = [
        ComparedModel(
            choice.name, choice.name, choice.config.train.seed, out / choice.name, choice.settings
        )
        for choice in choices
    ]
    options = CompareOptions(lesson.test, out, "bootstrap", LESSON_LENGTHS)
    data = Data(lesson.train, lesson.valid, ("en", "fr"))
    plan = plan_models(
        options, data, read_test(lesson.test, data.languages), ["model.attention"], choices, models
    )
    return plan._replace(extra_sentences=[ExtraSentence(EXAMPLE.source, EXAMPLE.target)])


def write_lesson(folder: Path, train: int, test: int, seed: int) -> LessonFiles:
    """The built-in lesson as files, written once; valid and test have `test` pairs each.

    Raises RegardError if they cannot be written.
    """
    parts = [
        tuple(folder / f"{part}.{code}" for code in ("en", "fr"))
        for part in ("train", "valid", "test")
    ]
    paths = LessonFiles(*((source, target) for source, target in parts))
    if all(file.exists() for pair in paths for file in pair):
        return paths
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse_system_error(error, "make the folder", str(folder))
    lesson = split_lesson(train, 2 * test, seed)
    contents = {
        paths.train: lesson.train,
        paths.valid: lesson.test[:test],
        paths.test: lesson.test[test:],
    }
    for (source, target), examples in contents.items():
        write_lines(source, [example.source for example in examples])
        write_lines(target, [example.target for example in examples])
    return paths


def write_lines(file: Path, lines: Sequence[str]) -> None:
    write_file(file, "".join(f"{line}\n" for line in lines).encode())
