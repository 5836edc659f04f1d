"""Two aligners that are trained to agree (Liang et al. 2006): IBM model 1, then the HMM."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from regard.alignment.cells import Block, Cells, WordPairs
from regard.alignment.hmm import FLAT, NONE, TINY, Jumps, expected
from regard.shapes import Bool, Float, Int

ROUNDS = 5
"""Of IBM model 1, and of the HMM."""
DISCOUNT = 0.5
"""Added to the sum of a word's counts: what was seen once is less sure."""
IDENTICAL, SAME_START = 10.0, 5.0
"""What is added to the initial weight 1 of two words that are equal or begin alike."""
START_LETTERS = 4
CHUNK = 1 << 20
"""Word pairs that are added up at a time."""


class Tables(NamedTuple):
    """What the two directions learn of words and of order."""

    forward: Float[np.ndarray, " P"]
    """p(target | source) of each word pair."""
    backward: Float[np.ndarray, " P"]
    """p(source | target)."""
    forward_jumps: Jumps
    """Of the source words that the target words come from."""
    backward_jumps: Jumps


class Posteriors(NamedTuple):
    """The probability that the words of each cell are linked, by direction."""

    forward: Float[np.ndarray, "n I J"]
    """That the target word comes from the source word."""
    backward: Float[np.ndarray, "n I J"]


Expectation = Callable[[Block, Tables], tuple[Posteriors, Jumps, Jumps]]


def by_ibm1(block: Block, tables: Tables) -> tuple[Posteriors, Jumps, Jumps]:
    """Without order (Brown et al. 1993, section 4.2)."""
    _, rows, columns = block.cells.shape
    forward = tables.forward[block.pairs][block.cells] * np.float32((1 - NONE) / rows)
    backward = tables.backward[block.pairs][block.cells] * np.float32((1 - NONE) / columns)
    forward /= forward.sum(axis=1, keepdims=True) + NONE
    backward /= backward.sum(axis=2, keepdims=True) + NONE
    return Posteriors(forward, backward), tables.forward_jumps, tables.backward_jumps


def by_hmm(block: Block, tables: Tables) -> tuple[Posteriors, Jumps, Jumps]:
    forward = tables.forward[block.pairs][block.cells].transpose(2, 0, 1)
    backward = tables.backward[block.pairs][block.cells].transpose(1, 0, 2)
    ours = expected(np.ascontiguousarray(forward), tables.forward_jumps)
    theirs = expected(np.ascontiguousarray(backward), tables.backward_jumps)
    posteriors = Posteriors(ours.links.transpose(1, 2, 0), theirs.links.transpose(1, 0, 2))
    return posteriors, ours.jumps, theirs.jumps


def conditional(
    weights: Float[np.ndarray, " P"], words: Int[np.ndarray, " P"], discount: float
) -> Float[np.ndarray, " P"]:
    """Weights divided by the sum of those with the same word, plus `discount`."""
    sums = np.zeros(int(words.max(initial=-1)) + 1)
    for begin in range(0, len(words), CHUNK):  # bincount copies what it is given
        part = slice(begin, begin + CHUNK)
        sums += np.bincount(words[part], weights[part], len(sums))
    return weights / (sums + discount + TINY).astype(np.float32)[words]


def initial_tables(pairs: WordPairs, weights: Float[np.ndarray, " P"]) -> Tables:
    forward, backward = (conditional(weights, words, 0.0) for words in pairs)
    return Tables(forward, backward, FLAT, FLAT)


def one_round(cells: Cells, pairs: WordPairs, tables: Tables, expect: Expectation) -> Tables:
    """EM: a link counts as the product of what both directions expect; a jump as its own."""
    counts = np.zeros(len(tables.forward), np.float32)
    forward_jumps, backward_jumps = FLAT, FLAT
    for block in cells.blocks():
        (forward, backward), *jumps = expect(block, tables)
        agreed = np.ascontiguousarray(forward * backward)
        counts[block.pairs] += np.bincount(
            block.cells.ravel(), agreed.ravel(), len(block.pairs)
        ).astype(np.float32)
        forward_jumps = Jumps(*map(np.add, forward_jumps, jumps[0]))
        backward_jumps = Jumps(*map(np.add, backward_jumps, jumps[1]))
    ahead, back = (conditional(counts, words, DISCOUNT) for words in pairs)
    return Tables(ahead, back, forward_jumps.normalized(), backward_jumps.normalized())


class Alike(NamedTuple):
    """Which word pairs are written alike: names, numbers, cognates."""

    identical: Bool[np.ndarray, " P"]
    same_start: Bool[np.ndarray, " P"]
    """Both have at least four letters, the first four of which are the same."""


def alike(pairs: WordPairs, source_words: Sequence[str], target_words: Sequence[str]) -> Alike:
    number = {word: index for index, word in enumerate(target_words)}
    same = np.array([number.get(word, -1) for word in source_words], np.int32)
    starts: dict[str, int] = {}

    def numbered_starts(words: Sequence[str], short: int) -> Int[np.ndarray, " W"]:
        return np.array(
            [
                starts.setdefault(word[:START_LETTERS], len(starts))
                if len(word) >= START_LETTERS
                else short
                for word in words
            ],
            np.int32,
        )

    source_starts = numbered_starts(source_words, -1)
    target_starts = numbered_starts(target_words, -2)
    return Alike(
        same[pairs.source] == pairs.target,
        source_starts[pairs.source] == target_starts[pairs.target],
    )


def initial_weights(
    pairs: WordPairs, source_words: Sequence[str], target_words: Sequence[str]
) -> Float[np.ndarray, " P"]:
    identical, same_start = alike(pairs, source_words, target_words)
    weights = np.ones(len(identical), np.float32)
    weights[identical] += IDENTICAL
    weights[same_start] += SAME_START
    return weights


def learn_tables(
    cells: Cells,
    source_words: Sequence[str],
    target_words: Sequence[str],
    advance: Callable[[int], None],
) -> Tables:
    """Learn from the sentences of `cells`. `advance` is called with the cells of each round."""
    pairs = cells.word_pairs()
    tables = initial_tables(pairs, initial_weights(pairs, source_words, target_words))
    for expect in [by_ibm1] * ROUNDS + [by_hmm] * ROUNDS:
        tables = one_round(cells, pairs, tables, expect)
        advance(cells.size)
    return tables
