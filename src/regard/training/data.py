"""The text of a run: the training pairs, the validation pairs, the vocabularies."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from regard.config import DataOptions, VocabularyOptions
from regard.data.batches import ParallelTexts
from regard.data.clean import Limits
from regard.data.corpus import Corpus, open_corpus, prepare
from regard.data.formats import read_pairs
from regard.data.formats.pair import Pair
from regard.errors import RegardError
from regard.shapes import Int
from regard.text.languages import Languages
from regard.text.vocabulary import Vocabulary, learn
from regard.training.report import Report

MAX_VALID_PAIRS = 3000
"""Validation pairs that are used, evenly spread; more would take time and change little."""


class Data(NamedTuple):
    """The text files of a run."""

    train: tuple[Path, ...]
    """A file for each language, or one with both."""
    valid: tuple[Path, ...]
    """Likewise; if empty, pairs of the training text are held out."""
    languages: tuple[str, str]
    """Codes of the source and the target language."""


class Parallel(NamedTuple):
    """Sources and their translations, in the same order."""

    sources: list[str]
    targets: list[str]


class WithoutHeldOut:
    """A corpus without the last of every `interval` pairs."""

    def __init__(self, corpus: Corpus, interval: int) -> None:
        self.corpus, self.interval = corpus, interval

    def __len__(self) -> int:
        return len(self.corpus) - len(self.corpus) // self.interval

    def sources(self, indices: Int[np.ndarray, " N"]) -> list[str]:
        return self.corpus.sources(indices + indices // (self.interval - 1))

    def targets(self, indices: Int[np.ndarray, " N"]) -> list[str]:
        return self.corpus.targets(indices + indices // (self.interval - 1))


def read_valid(data: Data, max_characters: int, report: Report) -> Parallel:
    """The validation pairs with text of at most `max_characters` on both sides.

    Raises RegardError if there are none.
    """
    lines = list(read_pairs(data.valid, data.languages))
    pairs = [
        (line.source, line.target)
        for line in lines
        if isinstance(line, Pair)
        and all(0 < len(text) <= max_characters for text in (line.source, line.target))
    ]
    if left_out := len(lines) - len(pairs):
        report.message(
            f"{left_out:,} of {len(lines):,} validation pairs are left out: a side is empty, not"
            f" UTF-8, or longer than {max_characters:,} characters"
        )
    if not pairs:
        raise RegardError(
            "the validation text has no pairs",
            ", ".join(map(str, data.valid)),
            "give files with text on both sides",
        )
    step = -(-len(pairs) // MAX_VALID_PAIRS)
    sources, targets = zip(*pairs[::step], strict=True)
    return Parallel(list(sources), list(targets))


def hold_out(corpus: Corpus, max_pairs: int) -> tuple[ParallelTexts, Parallel]:
    """Hold out at most `max_pairs` and a tenth of the pairs: the other pairs, and those held out.

    Raises RegardError if there are fewer than 20 pairs.
    """
    held = min(max_pairs, MAX_VALID_PAIRS, len(corpus) // 10)
    if held < 2:
        raise RegardError(
            f"{len(corpus)} pairs are too few to hold some out for validation",
            "the training text",
            "give more text, or validation files with --valid",
        )
    interval = -(-len(corpus) // held)
    indices = np.arange(len(corpus) // interval) * interval + interval - 1
    valid = Parallel(corpus.sources(indices), corpus.targets(indices))
    return WithoutHeldOut(corpus, interval), valid


def learn_vocabularies(
    corpus: ParallelTexts, options: VocabularyOptions, languages: Languages, report: Report
) -> tuple[Vocabulary, Vocabulary]:
    """Of the source and of the target; the same one twice if it is joint."""
    step = -(-len(corpus) // options.sample_pairs)
    indices = np.arange(0, len(corpus), step)
    chunks = np.array_split(indices, -(-len(indices) // 10_000))
    where = "the training text"
    report.message(f"learning subwords from {len(indices):,} pairs")
    sources = (text for chunk in chunks for text in corpus.sources(chunk))
    targets = (text for chunk in chunks for text in corpus.targets(chunk))
    if options.joint:
        texts = (text for side in (sources, targets) for text in side)
        both = learn(texts, options.size, where, languages)
        return both, both
    return (
        learn(sources, options.size, where, languages[:1]),
        learn(targets, options.size, where, languages[1:]),
    )


def prepare_text(
    training: Path, data: Data, options: DataOptions, report: Report
) -> tuple[ParallelTexts, Parallel, str]:
    """The training text, the validation text, and the fingerprint of the corpus.

    The corpus is prepared in the folder `training` if it is not there.
    """
    folder = training / "corpus"
    if folder.exists():
        corpus = open_corpus(folder)
    else:
        limits = Limits(**{name: getattr(options, name) for name in Limits._fields})
        tick = report.progress(f"reading {' and '.join(file.name for file in data.train)}", 0)
        corpus = prepare(data.train, data.languages, limits, folder, tick)
    for line in corpus.report.lines():
        report.message(line)
    if data.valid:
        return corpus, read_valid(data, options.max_characters, report), corpus.fingerprint
    texts, valid = hold_out(corpus, options.held_out)
    report.message(
        f"no validation text was given: {len(valid.sources):,} pairs are held out for it"
    )
    return texts, valid, corpus.fingerprint
