"""Which words of a source were hardly attended to, and so may be missing in the translation."""

from collections.abc import Sequence
from itertools import accumulate
from math import log

from regard.text.spans import Span, merge_spans, overlap, words
from regard.text.vocabulary import Vocabulary

STRETCH = 8
"""Consecutive tokens that are judged together."""
ENOUGH = 0.2
"""What a token received beyond this weight does not make up for others."""
UNCOVERED = 0.112
"""A stretch whose tokens received less than this on average was skipped. Measured:
benchmarks/coverage.py."""
PENALIZED = 0.3
"""Less coverage than this makes a translation worse."""
LEAST = 0.003
"""The smallest share of `PENALIZED` that counts."""


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


def coverage_penalty(coverage: Sequence[float]) -> float:
    """The mean over the source tokens of ln min(coverage, PENALIZED) / PENALIZED: 0 where attention
    skipped none, and otherwise below 0 (Wu et al. 2016, eq. 14, by length)."""
    shares = (max(LEAST, min(weight / PENALIZED, 1.0)) for weight in coverage)
    return sum(map(log, shares)) / len(coverage)


def strip(text: str, span: Span) -> Span:
    """The span without the white space at its ends."""
    part = text[span.start : span.end]
    start = span.end - len(part.lstrip())
    return Span(start, max(start, span.start + len(part.rstrip())))
