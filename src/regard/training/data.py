"""The text of a run: the training pairs, the validation pairs, the vocabularies."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from regard.config import Config
from regard.data.batches import ParallelTexts
from regard.data.clean import Limits
from regard.data.corpus import Corpus, open_corpus, prepare
from regard.data.formats import read_pairs
from regard.data.formats.pair import Pair
from regard.errors import RegardError
from regard.shapes import Int
from regard.text.vocabulary import Vocabulary, learn
from regard.training.report import Report

MAX_VALID_PAIRS = 3000
"""Pairs of a validation text that are used, evenly spread; more would cost time and tell little."""


class Data(NamedTuple):
    """The files of a run."""

    train: tuple[Path, ...]
    """A file for each side, or one with both."""
    valid: tuple[Path, ...]
    """Likewise; empty: pairs of the training text are held out."""
    languages: tuple[str, str]


class Parallel(NamedTuple):
    """Two lists of texts, line by line."""

    sources: list[str]
    targets: list[str]


class WithoutHeldOut:
    """A corpus without every `every`-th pair."""

    def __init__(self, corpus: Corpus, every: int) -> None:
        self.corpus, self.every = corpus, every

    def __len__(self) -> int:
        return len(self.corpus) - len(self.corpus) // self.every

    def sources(self, indices: Int[np.ndarray, " N"]) -> list[str]:
        return self.corpus.sources(indices + indices // (self.every - 1))

    def targets(self, indices: Int[np.ndarray, " N"]) -> list[str]:
        return self.corpus.targets(indices + indices // (self.every - 1))


def read_valid(data: Data, most: int, report: Report) -> Parallel:
    """The validation pairs that have text on both sides, of at most so many characters."""
    lines = list(read_pairs(data.valid, data.languages))
    pairs = [
        (line.source, line.target)
        for line in lines
        if isinstance(line, Pair) and 0 < len(line.source) <= most and 0 < len(line.target) <= most
    ]
    if left_out := len(lines) - len(pairs):
        report.message(
            f"{left_out:,} of {len(lines):,} validation pairs are left out: a side is empty, not"
            f" UTF-8, or longer than {most:,} characters"
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


def hold_out(corpus: Corpus, most: int) -> tuple[ParallelTexts, Parallel]:
    """The corpus without every so many-th pair, and those pairs.

    Raises RegardError if there are fewer than 20 pairs.
    """
    held = min(most, MAX_VALID_PAIRS, len(corpus) // 10)
    if held < 2:
        raise RegardError(
            f"{len(corpus)} pairs are too few to hold some out for validation",
            "the training text",
            "give more text, or validation files with --valid",
        )
    every = -(-len(corpus) // held)
    places = np.arange(len(corpus) // every) * every + every - 1
    return WithoutHeldOut(corpus, every), Parallel(corpus.sources(places), corpus.targets(places))


def learn_vocabularies(
    corpus: ParallelTexts, config: Config, report: Report
) -> tuple[Vocabulary, ...]:
    """One vocabulary for both languages, or one for each."""
    options = config.vocabulary
    step = -(-len(corpus) // options.sample_pairs)
    places = np.arange(0, len(corpus), step)
    chunks = np.array_split(places, -(-len(places) // 10_000))
    where = "the training text"
    report.message(f"learning subwords from {len(places):,} pairs")
    sources = (text for chunk in chunks for text in corpus.sources(chunk))
    targets = (text for chunk in chunks for text in corpus.targets(chunk))
    if options.joint:
        both = learn((text for side in (sources, targets) for text in side), options.size, where)
        return both, both
    return learn(sources, options.size, where), learn(targets, options.size, where)


def file_lines(files: Sequence[Path]) -> str:
    return " and ".join(file.name for file in files)


def prepare_text(
    folder: Path, data: Data, config: Config, report: Report
) -> tuple[ParallelTexts, Parallel, str]:
    """The training text, the validation text, and the fingerprint of the corpus."""
    place = folder / "training" / "corpus"
    if place.exists():
        corpus = open_corpus(place)
    else:
        limits = Limits(**{name: getattr(config.data, name) for name in Limits._fields})
        tick = report.progress(f"reading {file_lines(data.train)}", 0)
        corpus = prepare(data.train, data.languages, limits, place, tick)
    for line in corpus.report.lines():
        report.message(line)
    if data.valid:
        valid = read_valid(data, config.data.max_characters, report)
        return corpus, valid, corpus.fingerprint
    texts, valid = hold_out(corpus, config.data.held_out)
    report.message(
        f"no validation text was given: {len(valid.sources):,} pairs are held out for it"
    )
    return texts, valid, corpus.fingerprint
