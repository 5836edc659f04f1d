"""Which words of a source were hardly attended to, and so may be missing in the translation."""

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from regard.shapes import Float
from regard.text.spans import Span, word_of_each_token, words
from regard.text.vocabulary import Vocabulary

CUT_AFTER = re.compile(r"[,;:)\]—–](?=\s)")
MAX_SHIFT = 20
"""Characters."""
STRETCH = 6
"""Consecutive words that are judged together."""
ENOUGH = 0.6
"""What a word received beyond this weight, in target tokens, does not make up for others."""
UNCOVERED = 0.4
"""A stretch whose words received less than this on average was skipped. Where 6 to 15 words of
Europarl were deleted from a translation, 88 % of these were below, and of the complete
translations 8 % (benchmarks/coverage.py)."""


def uncovered_stretches(vocabulary: Vocabulary, text: str, coverage: Sequence[float]) -> list[Span]:
    """The stretches of at least `STRETCH` words that attention skipped.

    `coverage` is the weight that each token of the text and </s> received in all.
    """
    if not may_be_uncovered(coverage[:-1]):
        return []
    received = np.array(coverage[:-1])
    tokens, spans = vocabulary.tokens(text), words(text)
    owners = word_of_each_token([token.span for token in tokens], spans)
    weights = np.bincount([owner + 1 for owner in owners], received, len(spans) + 1)[1:]
    is_word = [text[span.start].isalnum() for span in spans]
    spans = [span for span, keep in zip(spans, is_word, strict=True) if keep]
    low = np.minimum(weights[is_word], ENOUGH)
    if len(low) < STRETCH:
        return []
    is_uncovered = np.zeros(len(low), bool)
    for first in np.flatnonzero(sliding_sums(low) < STRETCH * UNCOVERED):
        is_uncovered[first : first + STRETCH] = True
    edges = np.flatnonzero(np.diff(is_uncovered, prepend=False, append=False))
    return [
        Span(spans[first].start, spans[after - 1].end)
        for first, after in edges.reshape(-1, 2).tolist()
    ]


def cut_around(text: str, stretches: Sequence[Span]) -> list[Span]:
    """A sentence in parts: each stretch alone, and what is before, between and after them.

    A border moves to the end of a clause that is not far. A part without a word is left out.
    """
    borders = {0, len(text)}
    for stretch in stretches:
        borders |= {clause_near(text, stretch.start), clause_near(text, stretch.end)}
    parts = (strip(text, Span(*both)) for both in pairwise(sorted(borders)))
    return [part for part in parts if any(map(str.isalnum, text[part.start : part.end]))]


def clause_near(text: str, index: int) -> int:
    """The end of a clause that is at most `MAX_SHIFT` characters from `index`, or else `index`."""
    ends = [match.end() for match in CUT_AFTER.finditer(text)]
    return min(
        (end for end in ends if abs(end - index) <= MAX_SHIFT),
        key=lambda end: abs(end - index),
        default=index,
    )


def strip(text: str, span: Span) -> Span:
    """The span without the white space at its ends."""
    part = text[span.start : span.end]
    start = span.end - len(part.lstrip())
    return Span(start, max(start, span.start + len(part.rstrip())))


def may_be_uncovered(received: Sequence[float]) -> bool:
    """Whether any `STRETCH` tokens received as little as a skipped stretch: words receive more.

    For a usual sentence this takes a tenth of the time that numpy does.
    """
    capped = [min(weight, ENOUGH) for weight in received]
    total = sum(capped[:STRETCH])
    for first, after in zip(capped, capped[STRETCH:], strict=False):
        if total < STRETCH * UNCOVERED:
            return True
        total += after - first
    return len(capped) >= STRETCH and total < STRETCH * UNCOVERED


def sliding_sums(values: Float[np.ndarray, " N"]) -> Float[np.ndarray, " _"]:
    """The sums of each `STRETCH` neighbours."""
    return np.convolve(values, np.ones(STRETCH), "valid")
