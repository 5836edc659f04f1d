"""Which words of a source were hardly attended to, and so may be missing in the translation."""

import re
from collections.abc import Sequence
from itertools import accumulate, pairwise

from regard.text.spans import Span, merge_spans, overlap, words
from regard.text.vocabulary import Vocabulary

CUT_AFTER = re.compile(r"[,;:)\]—–](?=\s)")
MAX_SHIFT = 20
"""Characters."""
STRETCH = 8
"""Consecutive tokens that are judged together."""
ENOUGH = 0.2
"""What a token received beyond this weight does not make up for others."""
UNCOVERED = 0.112
"""A stretch whose tokens received less than this on average was skipped. Measured:
benchmarks/coverage.py."""


def uncovered_stretches(vocabulary: Vocabulary, text: str, coverage: Sequence[float]) -> list[Span]:
    """The stretches of words that attention skipped: at least `STRETCH` tokens.

    `coverage` is the highest weight that each token of the text and </s> received.
    """
    runs = uncovered_runs(coverage[:-1])
    if not runs:
        return []
    tokens, spans = vocabulary.tokens(text), words(text)
    stretches = (
        Span(tokens[first].span.start, tokens[after - 1].span.end) for first, after in runs
    )
    touched = ([word for word in spans if overlap(word, stretch)] for stretch in stretches)
    return [Span(own[0].start, own[-1].end) for own in touched if own]


def uncovered_runs(received: Sequence[float]) -> list[Span]:
    """The tokens of the stretches. Without numpy, which takes ten times as long for a sentence."""
    totals = [0.0, *accumulate(min(weight, ENOUGH) for weight in received)]
    return merge_spans(
        Span(first, first + STRETCH)
        for first, (before, after) in enumerate(zip(totals, totals[STRETCH:], strict=False))
        if after - before < STRETCH * UNCOVERED
    )


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
