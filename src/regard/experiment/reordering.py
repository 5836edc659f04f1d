"""Where models look in the same sentences, and how much the words change places there."""

from typing import NamedTuple

import numpy as np

from regard.experiment.results import AttentionMap
from regard.explain.explanation import read_source, read_target, word_weights
from regard.text.normalize import normalize
from regard.translator import Translator

BATCH = 32
"""Sentences that are read together."""


class Pairs(NamedTuple):
    """Sources and the translations of one model, line by line."""

    sources: list[str]
    translations: list[str]


def attention_maps(translator: Translator, name: str, pairs: Pairs) -> list[AttentionMap]:
    """Where the model looks when it reads these translations again."""
    looks = []
    for begin in range(0, len(pairs.sources), BATCH):
        sources, targets = (side[begin : begin + BATCH] for side in pairs)
        for source, target, forced in zip(
            sources, targets, translator.force(sources, targets), strict=True
        ):
            read = read_source(translator, source)
            written = read_target(translator.target, ids_of(translator, target), is_ended=True)
            weights = word_weights(forced.token_weights(), read, written)
            looks.append(
                AttentionMap(
                    name,
                    [word.text for word in written.words],
                    [word.text for word in read.words],
                    np.round(weights.astype(float), 4).tolist(),
                )
            )
    return looks


def ids_of(translator: Translator, text: str) -> list[int]:
    return translator.target.encode([normalize(text)])[0]


def crossing_score(look: AttentionMap) -> float:
    """How much the words change places: each pair of words written whose looks cross, counted by
    how surely both looked. </s> does not count.
    """
    table = np.array(look.weights)
    best, sure = table.argmax(axis=1)[:-1], table.max(axis=1)[:-1]
    sure = np.where(best == len(look.columns) - 1, 0.0, sure)
    crossed = np.triu(best[:, None] > best[None, :], 1)
    return float((crossed * (sure[:, None] * sure[None, :])).sum())
