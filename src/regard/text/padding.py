"""Sentences of different lengths as one array."""

from collections.abc import Sequence

import numpy as np

from regard.shapes import Int
from regard.special import PAD, Ids


def pad(sentences: Sequence[Ids], multiple: int = 1) -> Int[np.ndarray, "B S"]:
    """One row for each sentence, padded with <pad>; the width is a multiple of `multiple`."""
    width = -(-max(map(len, sentences)) // multiple) * multiple
    padded = np.full((len(sentences), width), PAD, dtype=np.int64)
    for row, sentence in zip(padded, sentences, strict=True):
        row[: len(sentence)] = sentence
    return padded
