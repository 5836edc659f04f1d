"""Sentences of different lengths as one array."""

from collections.abc import Sequence

import numpy as np

from regard.shapes import Int
from regard.special import PAD, Ids

WIDTH_STEP = 16


def padded_width(length: int) -> int:
    """The width at which a source of so many tokens is searched, with </s>. Sentences of another
    width are not in its batch, so that they do not change the last bits of its sums."""
    return -(-(length + 1) // WIDTH_STEP) * WIDTH_STEP


def pad(sentences: Sequence[Ids], width: int = 0) -> Int[np.ndarray, "B S"]:
    """One row for each sentence, padded with <pad>; `width` is the least one."""
    width = max(width, *map(len, sentences))
    padded = np.full((len(sentences), width), PAD, dtype=np.int64)
    for row, sentence in zip(padded, sentences, strict=True):
        row[: len(sentence)] = sentence
    return padded
