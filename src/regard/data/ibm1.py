"""Which target tokens translate a source token: IBM model 1 (Brown et al. 1993, section 4.2)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from regard.shapes import Float, Int
from regard.special import Ids

MAX_PAIRS = 24_000_000
"""Pairs of a source and a target token that the statistics are made of; 20 bytes each."""
CHUNK_SENTENCES = 4096
"""Sentences that are counted at a time."""
EM_ITERATIONS = 4
"""Times that the probabilities are estimated anew."""


class CooccurringPairs(NamedTuple):
    """Each pair of a source and a target token of one sentence pair, of some sentences."""

    pair: Int[np.ndarray, " C"]
    """Its index among all different ones, of these sentences or of all."""
    word: Int[np.ndarray, " C"]
    """The index of the target token among all those of these sentences."""


def translation_probabilities(
    sources: Sequence[Ids], targets: Sequence[Ids], target_tokens: int
) -> tuple[Int[np.ndarray, " P"], Float[np.ndarray, " P"]]:
    """Every pair of tokens in the text, source * target_tokens + target, and p(target | source).

    IBM model 1 (Brown et al. 1993, section 4.2) without its empty word.
    """
    begins = range(0, len(sources), CHUNK_SENTENCES)
    chunks = [slice(begin, begin + CHUNK_SENTENCES) for begin in begins]
    counted = [cooccurring_pairs(sources[part], targets[part], target_tokens) for part in chunks]
    all_pairs = np.unique(np.concatenate([unique for unique, _ in counted]))
    cooccurring = [
        part._replace(pair=np.searchsorted(all_pairs, unique).astype(np.int32)[part.pair])
        for unique, part in counted
    ]
    del counted
    owner, probability = all_pairs // target_tokens, np.ones(len(all_pairs))
    for _ in range(EM_ITERATIONS):
        count = np.zeros(len(all_pairs))
        for pair, word in cooccurring:
            expected = probability[pair]
            expected /= np.bincount(word, expected)[word]
            count += np.bincount(pair, expected, len(all_pairs))
        probability = count / np.bincount(owner, count)[owner]
    return all_pairs, probability


def cooccurring_pairs(
    sources: Sequence[Ids], targets: Sequence[Ids], target_tokens: int
) -> tuple[Int[np.ndarray, " U"], CooccurringPairs]:
    """The different pairs, source * target_tokens + target, and every occurrence of one."""
    pairs, words, written = [], [], 0
    for source, target in zip(sources, targets, strict=True):
        both = np.array(source)[None] * target_tokens + np.array(target, np.int64)[:, None]
        pairs.append(both.ravel())
        words.append(np.repeat(written + np.arange(len(target), dtype=np.int32), len(source)))
        written += len(target)
    unique, inverse = np.unique(np.concatenate(pairs), return_inverse=True)
    return unique, CooccurringPairs(inverse.astype(np.int32), np.concatenate(words))
