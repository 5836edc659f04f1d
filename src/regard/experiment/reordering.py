"""Attention maps of translations, and how much their words are reordered."""

import numpy as np

from regard.experiment.results import AttentionMap
from regard.explain.explanation import read_source, read_target, word_weights
from regard.text.normalize import normalize
from regard.translator import Translator

ATTENTION_BATCH = 32
"""Sentences per forced pass."""


def attention_maps(
    translator: Translator, name: str, sources: list[str], translations: list[str]
) -> list[AttentionMap]:
    """The attention weights of each translation, by forced decoding; the map is named `name`."""
    maps = []
    for begin in range(0, len(sources), ATTENTION_BATCH):
        batch = [side[begin : begin + ATTENTION_BATCH] for side in (sources, translations)]
        for source, target, forced in zip(*batch, translator.force(*batch), strict=True):
            ids = translator.target.encode([normalize(target).text])[0]
            columns = read_source(translator, source)
            rows = read_target(translator.target, ids, is_ended=True)
            weights = word_weights(forced.token_weights(), columns, rows)
            target_words = [word.text for word in rows.words]
            source_words = [word.text for word in columns.words]
            rounded = np.round(weights.astype(float), 4).tolist()
            maps.append(AttentionMap(name, target_words, source_words, rounded))
    return maps


def crossing_score(attention_map: AttentionMap) -> float:
    """How much the words are reordered: the sum over all pairs of target words whose largest
    weights cross, of the product of these two weights. </s> does not count.
    """
    weights = np.array(attention_map.weights)
    best, largest = weights.argmax(axis=1)[:-1], weights.max(axis=1)[:-1]
    largest = np.where(best == len(attention_map.columns) - 1, 0.0, largest)
    crossed = np.triu(best[:, None] > best[None, :], 1)
    return float((crossed * (largest[:, None] * largest[None, :])).sum())
