"""Placeholder symbols: a translation writes each one that is required of it exactly once.

P is the number of placeholder symbols (`special.PLACEHOLDER_IDS`).
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from regard.shapes import Float
from regard.special import FIRST_PLACEHOLDER, PLACEHOLDER_IDS, Ids

Symbols = Float[np.ndarray, "B P"]
"""1 for each symbol of a sentence, 0 for the others."""
Searched = TypeVar("Searched")


def symbols_of(sentences: Sequence[Ids]) -> Symbols:
    """The placeholder symbols that each sentence holds."""
    symbols = np.zeros((len(sentences), len(PLACEHOLDER_IDS)), np.float32)
    for row, sentence in zip(symbols, sentences, strict=True):
        row[[token - FIRST_PLACEHOLDER for token in sentence if token in PLACEHOLDER_IDS]] = 1.0
    return symbols


def append_missing(tokens: list[int], required: Ids) -> list[int]:
    """The tokens, and after them the required symbols that they lack, in their order."""
    return [*tokens, *(symbol for symbol in required if symbol not in tokens)]


def search_apart(
    required: Sequence[Ids], search: Callable[[list[int]], Sequence[Searched]]
) -> list[Searched]:
    """The results of `search` for each sentence. It is given the indices of the sentences that
    require symbols and those of the others in two calls: the others are searched faster alone."""
    groups = [
        [index for index, symbols in enumerate(required) if bool(symbols) == needs_symbols]
        for needs_symbols in (False, True)
    ]
    results: dict[int, Searched] = {}
    for group in filter(None, groups):
        results |= zip(group, search(group), strict=True)
    return [results[index] for index in range(len(required))]
