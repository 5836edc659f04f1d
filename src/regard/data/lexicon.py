"""Words that are each other's translation, learned from the training text."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from regard.alignment.ibm1 import MAX_PAIRS, translation_probabilities
from regard.alignment.words import aligned_words, as_learned
from regard.data.corpus import CHUNK_PAIRS, ParallelTexts
from regard.files import damaged_error, read_json, write_json
from regard.text.spans import words

SAMPLE_PAIRS = 200_000
"""Pairs that words are learned from at most, spread evenly over the text."""
PROBE_PAIRS = 500
"""Pairs whose lengths tell how many pairs fit into the memory for the statistics."""
MIN_OCCURRENCES = 3
"""Rarer words are not learned."""
MIN_KEPT = 0.05
"""Pairs of words with a smaller score are not kept."""
MIN_LINKED = 0.3
"""Words with a smaller score are not linked."""
RARE = 0
"""The number of all words that are not learned."""


class Lexicon(NamedTuple):
    scores: dict[str, dict[str, float]]
    """By source word and target word, in small letters: the smaller one of p(target | source) and
    p(source | target)."""

    def translations(self, word: str) -> dict[str, float]:
        """The scores of the target words for a source word as it is written.

        A word with a digit is its own translation; so is a word with a capital that was not
        learned, which is a name.
        """
        learned = as_learned(word)
        if any(map(str.isdigit, word)):
            return {learned: 1.0}
        return self.scores.get(learned, {learned: 1.0} if word[:1].isupper() else {})


EMPTY_LEXICON = Lexicon({})


class LexicalLink(NamedTuple):
    """Two words that are each other's translation."""

    source: int
    """The index of the source word."""
    target: int
    """The index of the target word."""


def learned_words(text: str) -> list[str]:
    """The words and punctuation marks of a text, as a lexicon has them."""
    return aligned_words(text, words(text))


def links(source: Sequence[str], target: Sequence[str], lexicon: Lexicon) -> list[LexicalLink]:
    """One-to-one links between the words of two texts, in the order of the source words.

    Two words are linked if each is the only best translation of the other, with a score of at
    least `MIN_LINKED`.
    """
    columns: dict[str, list[int]] = {}
    for column, word in enumerate(target):
        columns.setdefault(as_learned(word), []).append(column)
    scored = [
        (row, column, score)
        for row, word in enumerate(source)
        for translation, score in lexicon.translations(word).items()
        if score >= MIN_LINKED
        for column in columns.get(translation, ())
    ]
    target_of = only_best(scored)
    source_of = only_best((column, row, score) for row, column, score in scored)
    return [LexicalLink(*both) for both in target_of.items() if source_of.get(both[1]) == both[0]]


def only_best(scored: Iterable[tuple[int, int, float]]) -> dict[int, int]:
    """For each first number the second one with the highest score, unless two share it."""
    best: dict[int, tuple[int, float]] = {}
    for first, second, score in scored:
        highest = best[first][1] if first in best else 0.0
        if score > highest:
            best[first] = (second, score)
        elif score == highest:
            best[first] = (-1, score)
    return {first: second for first, (second, _) in best.items() if second >= 0}


def evenly_spread(total: int, count: int) -> np.ndarray:
    """At most `count` of the numbers below `total`, in ascending order."""
    return np.arange(0, total, max(1, -(-total // count)))


def sample_indices(texts: ParallelTexts) -> np.ndarray:
    """The pairs to learn from: as many as memory allows."""
    probe = evenly_spread(len(texts), PROBE_PAIRS)
    both = zip(texts.sources(probe), texts.targets(probe), strict=True)
    products = [len(words(source)) * len(words(target)) for source, target in both]
    fitting = int(MAX_PAIRS / max(1.0, float(np.mean(products))))
    return evenly_spread(len(texts), min(SAMPLE_PAIRS, max(1, fitting)))


class NumberedWords(NamedTuple):
    words: list[str]
    """The word of each number; the first one stands for all rare words."""
    texts: list[list[int]]
    """The numbers of the words of each text."""


def number_words(texts: Iterable[str]) -> NumberedWords:
    """The words of all texts, by numbers in the order of their first occurrences."""
    split = [learned_words(text) for text in texts]
    occurrences = Counter(word for text in split for word in text)
    common = [word for word, count in occurrences.items() if count >= MIN_OCCURRENCES]
    number = {word: index for index, word in enumerate(common, RARE + 1)}
    return NumberedWords(
        ["", *common], [[number.get(word, RARE) for word in text] for text in split]
    )


def learn_lexicon(texts: ParallelTexts, indices: np.ndarray) -> Lexicon:
    """From the pairs at `indices`, by IBM model 1 in both directions."""
    chunks = np.array_split(indices, -(-len(indices) // CHUNK_PAIRS))
    sources = number_words(text for chunk in chunks for text in texts.sources(chunk))
    targets = number_words(text for chunk in chunks for text in texts.targets(chunk))
    columns = len(targets.words)
    pair, *both = translation_probabilities(sources.texts, targets.texts, columns)
    score = np.minimum(*both)
    scores: dict[str, dict[str, float]] = {}
    for index in np.flatnonzero(score >= MIN_KEPT).tolist():
        source, target = divmod(int(pair[index]), columns)
        if RARE not in (source, target):
            translations = scores.setdefault(sources.words[source], {})
            translations[targets.words[target]] = round(float(score[index]), 3)
    return Lexicon(scores)


def write_lexicon(file: Path, lexicon: Lexicon) -> None:
    """Write a lexicon as JSON. Raises RegardError if the disk is full or writing is not allowed."""
    write_json(file, lexicon.scores)


def read_lexicon(file: Path) -> Lexicon:
    """The inverse of `write_lexicon`. Raises RegardError if the file is damaged."""
    scores = read_json(file)
    if not isinstance(scores, dict) or not all(isinstance(row, dict) for row in scores.values()):
        raise damaged_error(file)
    return Lexicon(scores)
