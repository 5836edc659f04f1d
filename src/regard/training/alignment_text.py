"""Text for the alignment head: the tokens of each sentence, their words, and the words' links."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from regard.alignment.aligner import STEPS, SentenceWords, align_text, number_text
from regard.alignment.posteriors import TextPosteriors
from regard.alignment.words import VIEWS, as_learned
from regard.data.corpus import Numbers, ParallelTexts
from regard.data.encode import SIDES
from regard.data.lists import append_lists, map_lists
from regard.processes import OnProgress, map_in_processes
from regard.special import Ids
from regard.system import cores
from regard.text.segments import group_words
from regard.text.token_lists import TokenLists
from regard.text.vocabulary import Vocabulary
from regard.training.report import Report

HEAD_PAIRS = 600_000
"""Pairs that a head learns from at most, spread evenly over the text."""
MAX_TOKENS = 100
"""Longer sentences are left out: the aligner's work grows with their square."""
TOKENIZED_PAIRS = 4096
"""Pairs that a process tokenises at a time."""
ID_TYPE = "<i4"


class TokenizedSide(NamedTuple):
    """The tokens of the sentences of one side."""

    tokens: TokenLists
    owners: TokenLists
    """The index of the word that each token belongs to."""

    def select(self, indices: Numbers) -> "TokenizedSide":
        return TokenizedSide(*(part.select(indices) for part in self))


class LinkedText(NamedTuple):
    """Parallel sentences with the probabilities of their links."""

    source: TokenizedSide
    target: TokenizedSide
    posteriors: TextPosteriors


class TextSample(NamedTuple):
    """Pairs that are to be tokenised, and by what."""

    texts: ParallelTexts
    indices: Numbers
    source: Vocabulary
    target: Vocabulary


class Tokenized(NamedTuple):
    """Some pairs, without those that are too long or have no word."""

    sides: tuple[TokenizedSide, TokenizedSide]
    words: list[SentenceWords]


def link_text(sample: TextSample, folder: Path, report: Report) -> LinkedText:
    """The linked text in a new `folder`, or in one that was completed before."""
    if not folder.exists():
        unfinished = folder.with_name(f".{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        try:
            write_linked_text(sample, unfinished, report)
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    source, target = (
        TokenizedSide(*(map_lists(folder, f"{side}-{part}", ID_TYPE) for part in PARTS))
        for side in SIDES
    )
    lengths = np.load(folder / "lengths.npy")
    return LinkedText(source, target, TextPosteriors(folder / "text", lengths))


PARTS = ("tokens", "owners")


def write_linked_text(sample: TextSample, folder: Path, report: Report) -> None:
    processes = cores()

    def sentences() -> Iterator[SentenceWords]:
        tick = report.progress("cutting words", len(sample.indices))
        chunks = [
            sample.indices[begin : begin + TOKENIZED_PAIRS]
            for begin in range(0, len(sample.indices), TOKENIZED_PAIRS)
        ]
        for chunk in map_in_processes(tokenize_pairs, sample, chunks, processes, tick):
            for name, side in zip(SIDES, chunk.sides, strict=True):
                for part, lists in zip(PARTS, side, strict=True):
                    append_lists(folder / f"{name}-{part}", lists, ID_TYPE)
            yield from chunk.words

    text = number_text(sentences(), folder)
    lengths = np.stack([side.tokens.lengths for side in text])
    cells = int(lengths.prod(axis=0).sum())
    tick = report.progress("aligning words", cells * len(VIEWS) * STEPS)
    align_text(text, folder, None, processes, tick)
    np.save(folder / "lengths.npy", lengths)
    for side in text:
        for suffix in (".ids", ".offsets"):
            side.stem.with_suffix(suffix).unlink()


def tokenize_pairs(sample: TextSample, indices: Numbers, advance: OnProgress) -> Tokenized:
    texts = sample.texts.sources(indices), sample.texts.targets(indices)
    vocabularies = sample.source, sample.target
    rows: list[tuple[SentenceTokens, SentenceTokens]] = []
    for pair in zip(*texts, strict=True):
        source, target = map(sentence_tokens, vocabularies, pair)
        if all(0 < len(side.ids) <= MAX_TOKENS for side in (source, target)):
            rows.append((source, target))
    sides = [
        TokenizedSide(
            TokenLists.of([row[side].ids for row in rows]),
            TokenLists.of([row[side].owners for row in rows]),
        )
        for side in range(len(SIDES))
    ]
    advance(len(indices))
    return Tokenized(
        (sides[0], sides[1]), [(source.words, target.words) for source, target in rows]
    )


class SentenceTokens(NamedTuple):
    ids: Ids
    owners: Sequence[int]
    """The index of the word that each token belongs to."""
    words: list[str]
    """As the aligner learns them."""


def sentence_tokens(vocabulary: Vocabulary, text: str) -> SentenceTokens:
    tokens = vocabulary.tokens(text)
    words = group_words(text, tokens)
    owners = [0] * len(tokens)
    for number, word in enumerate(words):
        for token in word.tokens:
            owners[token] = number
    learned = [as_learned(word.text) for word in words]
    return SentenceTokens([token.id for token in tokens], owners, learned)
