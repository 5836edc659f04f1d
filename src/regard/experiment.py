"""Train alike, compare: models that differ in one choice, and in nothing else."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from regard import checkpoint
from regard.config import make_config
from regard.errors import refuse_system_error
from regard.evaluation import Bucket, Quality, by_length, measure
from regard.text.lesson import Example, split
from regard.training.loop import Outcome, run_training
from regard.training.report import Report
from regard.training.run import Data, open_run
from regard.translator import Translator, load


class Texts(NamedTuple):
    """The three parts of a corpus, each a file for the source and one for the target."""

    train: tuple[Path, Path]
    valid: tuple[Path, Path]
    test: tuple[Path, Path]


class Result(NamedTuple):
    """What one choice came to."""

    name: str
    folder: Path
    parameters: int
    outcome: Outcome
    quality: list[Quality]
    """On the test text."""
    buckets: list[Bucket]
    """BLEU by length of the source, in words."""
    translations: list[str]


LESSON_SETTINGS: dict[str, dict[str, Any]] = {
    "vocabulary": {"size": 1200},
    "model": {
        "embedding": 128,
        "states": 256,
        "hidden": 256,
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
        "average": 0.98,
        "metric": "loss",
    },
    "search": {"beam": 1},
}
"""Small enough for two models in three minutes on two cores, large enough to learn the lesson."""

LENGTHS = (6, 12, 18, 24)
"""Edges of the buckets by which quality is shown, in source words."""


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
    lesson = split(train, 2 * test, seed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse_system_error(error, "make the folder", str(folder))
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
    checkpoint.write_file(file, "".join(f"{line}\n" for line in lines).encode())


def read_lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").split("\n")[:-1]


def train_choice(
    name: str, choice: dict[str, Any], texts: Texts, out: Path, report: Report
) -> Outcome:
    """Train with the lesson's settings and `choice` on top; goes on where it stopped."""
    settings = {
        section: {**options, **choice.get(section, {})}
        for section, options in LESSON_SETTINGS.items()
    }
    config = make_config(settings, name)
    data = Data(texts.train, texts.valid, ("en", "fr"))
    run = open_run(out / name, data, config, None, report)
    return run_training(run, config.train.minutes, report)


def judge(name: str, outcome: Outcome, texts: Texts, out: Path) -> Result:
    """Translate the test text and measure it."""
    translator = load(out / name)
    sources, references = read_lines(texts.test[0]), read_lines(texts.test[1])
    found = [one.text for one in translator.translate(sources)]
    weights = checkpoint.load_weights(out / name)
    return Result(
        name,
        out / name,
        sum(tensor.size for tensor in weights.values()),
        outcome,
        measure(found, references, "fr", "sacrebleu"),
        by_length(sources, found, references, "fr", LENGTHS),
        found,
    )


class Picture(NamedTuple):
    """Where a model looked while it translated one sentence."""

    translation: str
    rows: list[str]
    columns: list[str]
    weights: Any
    """[T S], one row for each word written, </s> among them."""


def picture_of(translator: Translator, example: Example) -> Picture:
    """The looks at one sentence, subwords put together to words."""
    found = translator.translate([example.source])[0]
    rows, written = group_pieces(found.tokens)
    columns, read = group_pieces(found.source_tokens)
    weights = found.weights
    by_source = [weights[:, places].sum(axis=1) for places in read]
    table = [[column[places].mean() for column in by_source] for places in written]
    return Picture(found.text, rows, columns, table)


def group_pieces(pieces: Sequence[str]) -> tuple[list[str], list[list[int]]]:
    """Words and, for each, the places of its pieces; </s> is the last word.

    A word begins with a space, at a punctuation mark, and behind an apostrophe.
    """
    names, groups = [""], [[]]  # type: tuple[list[str], list[list[int]]]
    for place, piece in enumerate(pieces):
        text = piece.lstrip("▁")
        begins = piece.startswith("▁") or (not text[:1].isalnum() and text[:1] not in "'’")
        if names[-1] and (begins or names[-1].endswith(("'", "’"))):
            names.append("")
            groups.append([])
        names[-1] += text
        groups[-1].append(place)
    if not names[-1]:
        names, groups = names[:-1], groups[:-1]
    return [*names, "</s>"], [*groups, [len(pieces)]]
