"""IBM model 1 of one direction: which words or tokens translate which (Brown et al. 1993, 4.2)."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from regard.alignment.cells import Cells
from regard.shapes import Float, Int
from regard.special import Ids
from regard.text.token_lists import TokenLists

MAX_PAIRS = 24_000_000
"""Cells that the statistics of a translation model are made of."""
EM_ITERATIONS = 4
"""Times that the probabilities are estimated anew."""


class TranslationProbabilities(NamedTuple):
    keys: Int[np.ndarray, " P"]
    """Each pair of tokens in the text: source * target tokens + target; ascending."""
    forward: Float[np.ndarray, " P"]
    """p(target | source)."""
    backward: Float[np.ndarray, " P"]
    """p(source | target)."""


def translation_probabilities(
    sources: Sequence[Ids], targets: Sequence[Ids], target_tokens: int
) -> TranslationProbabilities:
    """Without an empty word, each direction by itself."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "tokens"
        sides = TokenLists.of(sources), TokenLists.of(targets)
        cells = Cells(*sides, target_tokens, file, lambda _: None)
        return TranslationProbabilities(cells.keys, *(estimate(cells, side) for side in range(2)))


def estimate(cells: Cells, given: int) -> Float[np.ndarray, " P"]:
    """The probability of each pair, given its source (0) or its target (1)."""
    words = cells.word_pairs()[given]
    probability = np.ones(len(cells.keys))
    for _ in range(EM_ITERATIONS):
        counts = np.zeros(len(probability))
        for block in cells.blocks():
            expected = probability[block.pairs][block.cells]
            expected /= expected.sum(axis=1 + given, keepdims=True)
            counts[block.pairs] += np.bincount(
                block.cells.ravel(), expected.ravel(), len(block.pairs)
            )
        probability = counts / np.bincount(words, counts)[words]
    return probability
