"""BLEU by the length of the source (Bahdanau et al. 2015, figure 2)."""

from typing import NamedTuple

import numpy as np

from regard.evaluation.quality import refuse_unequal
from regard.evaluation.statistics import Counts, bleu_counts, bleu_interval, exact_bleu
from regard.text.spans import words

LENGTHS = (10, 20, 30, 40, 50, 60)
"""Edges of the buckets, in source words (Bahdanau et al. 2015, figure 2)."""


class Bucket(NamedTuple):
    first: int
    """Fewest words of a source in this bucket."""
    last: int
    """Most words of a source in this bucket."""
    sentences: int
    bleu: float
    """By the sacrebleu convention; uncertain when the sentences are few."""
    low: float
    """Lower end of its 95 % interval (bootstrap over the sentences of the bucket)."""
    high: float
    """Upper end of that interval."""

    @property
    def words(self) -> str:
        """The name of the bucket in tables and figures."""
        return f"{self.first}–{self.last}" if self.first else f"to {self.last}"


def by_length(
    sources: list[str],
    hypotheses: list[str],
    references: list[str],
    language: str,
    edges: tuple[int, ...],
) -> list[Bucket]:
    """BLEU by the number of source words, shortest sources first, without empty buckets.

    Each edge is the `last` of a bucket; one more bucket ends with the longest source.
    Raises RegardError if the numbers of lines differ, or there are none.
    """
    refuse_unequal({"sources": sources, "translations": hypotheses, "references": references})
    return score_buckets(sources, bleu_counts(hypotheses, references, language), edges)


def score_buckets(sources: list[str], counts: Counts, edges: tuple[int, ...]) -> list[Bucket]:
    """The same as `by_length`, from the BLEU counts of the translations."""
    return [
        Bucket(first, last, len(rows), exact_bleu(counts[rows]), *bleu_interval(counts[rows]))
        for first, last, rows in bucket_members(sources, edges)
    ]


class BucketMembers(NamedTuple):
    first: int
    last: int
    indices: list[int]
    """Indices of the sources that have `first` to `last` words, in order."""


def bucket_members(sources: list[str], edges: tuple[int, ...]) -> list[BucketMembers]:
    """Which sources belong to which bucket; each source belongs to exactly one."""
    lengths = np.array([len(words(source)) for source in sources])
    lasts = [*sorted(set(edges)), int(lengths.max())]
    firsts = [0, *(last + 1 for last in lasts[:-1])]
    buckets = [
        BucketMembers(first, last, np.flatnonzero((first <= lengths) & (lengths <= last)).tolist())
        for first, last in zip(firsts, lasts, strict=True)
    ]
    return [bucket for bucket in buckets if bucket.indices]


def merge_small(sources: list[str], edges: tuple[int, ...], min_sentences: int) -> tuple[int, ...]:
    """The edges without those that would leave fewer than `min_sentences` sources in a bucket.

    A small bucket is merged with the next longer one, the last with the next shorter one.
    """
    lasts: list[int] = []
    waiting = 0
    for bucket in bucket_members(sources, edges):
        waiting += len(bucket.indices)
        if waiting >= min_sentences:
            lasts.append(bucket.last)
            waiting = 0
    if waiting and lasts:
        lasts.pop()
    return tuple(lasts)
