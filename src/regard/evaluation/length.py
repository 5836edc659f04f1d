"""Quality by the length of the source: the figure by which attention became known."""

from typing import NamedTuple

import numpy as np

from regard.evaluation.quality import refuse_unequal
from regard.evaluation.statistics import bleu_counts, bleu_of, exact_bleu, interval, resample
from regard.text.spans import words

LENGTHS = (10, 20, 30, 40, 50, 60)
"""Edges of the buckets, in source words (Bahdanau et al. 2015, figure 2)."""


class Bucket(NamedTuple):
    first: int
    """Words of the shortest source that belongs here."""
    last: int
    """Words of the longest source that belongs here."""
    sentences: int
    bleu: float
    """By the sacrebleu convention; of little weight when the sentences are few."""
    low: float
    """In 95 of 100 test sets like this one BLEU would lie between this"""
    high: float
    """and this (bootstrap over the sentences of the bucket)."""

    @property
    def words(self) -> str:
        """Its name in tables and figures."""
        return f"{self.first}–{self.last}" if self.first else f"to {self.last}"


def by_length(
    sources: list[str],
    hypotheses: list[str],
    references: list[str],
    language: str,
    edges: tuple[int, ...],
) -> list[Bucket]:
    """BLEU by the words of the source, the shortest sources first; empty buckets are left out.

    Each edge is the `last` of a bucket; one more bucket ends with the longest source.
    Raises RegardError if the numbers of lines differ, or there are none.
    """
    refuse_unequal({"sources": sources, "translations": hypotheses, "references": references})
    counts = bleu_counts(hypotheses, references, language)
    buckets = []
    for first, last, inside in bucket_members(sources, edges):
        own = counts[inside]
        score = exact_bleu(own)
        low, high = interval(resample([own], bleu_of)[0], score)
        buckets.append(Bucket(first, last, len(inside), score, low, high))
    return buckets


class BucketMembers(NamedTuple):
    first: int
    last: int
    inside: list[int]
    """Numbers of the sources that have `first` to `last` words, in order."""


def bucket_members(sources: list[str], edges: tuple[int, ...]) -> list[BucketMembers]:
    """Which sources belong to which bucket; each belongs to one."""
    lengths = np.array([len(words(source)) for source in sources])
    lasts = [*sorted(set(edges)), int(lengths.max())]
    firsts = [0, *(last + 1 for last in lasts[:-1])]
    found = [
        BucketMembers(first, last, np.flatnonzero((first <= lengths) & (lengths <= last)).tolist())
        for first, last in zip(firsts, lasts, strict=True)
    ]
    return [place for place in found if place.inside]


def merge_small(sources: list[str], edges: tuple[int, ...], least: int) -> tuple[int, ...]:
    """The edges without those that would leave fewer than `least` sources in a bucket.

    A small bucket goes to its longer neighbour, the last one to its shorter one.
    """
    lasts: list[int] = []
    waiting = 0
    for place in bucket_members(sources, edges):
        waiting += len(place.inside)
        if waiting >= least:
            lasts.append(place.last)
            waiting = 0
    if waiting and lasts:
        lasts.pop()
    return tuple(lasts)
