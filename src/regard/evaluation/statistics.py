"""What BLEU and chrF count in each sentence: counted once, added up for any choice of sentences."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from regard.evaluation.quality import bleu_scorer, library, refuse_unequal
from regard.shapes import Float, Int

ORDERS = 4
"""N-grams of one word to this many."""
RESAMPLES = 1000
"""Test sets that a bootstrap draws."""
SEED = 12345
"""Of the draws; sacreBLEU's own default."""
CHUNK = 100
"""Test sets drawn at a time, so that large ones need little memory."""

CHARACTERS = 6
"""chrF2 counts n-grams of one character to this many, without white space."""
RECALL = 2.0
"""How many times as much as precision it weighs in chrF2."""

Counts = Int[np.ndarray, "N C"]
"""What a metric counts in each sentence."""
MetricFunction = Callable[[Int[np.ndarray, "R C"]], Float[np.ndarray, " R"]]
"""A metric of each row of added counts, 0 to 100."""


class Interval(NamedTuple):
    """Where a figure would lie in 95 of 100 test sets like this one."""

    low: float
    high: float


def bleu_counts(hypotheses: list[str], references: list[str], language: str) -> Counts:
    """By the sacrebleu convention: words of the translation, words of the reference, n-grams of
    each order that both have, n-grams of each order in the translation.

    Raises RegardError if the numbers of lines differ, or there are none.
    """
    refuse_unequal({"translations": hypotheses, "references": references})
    scorer = bleu_scorer(language)
    scorer.effective_order = True  # changes no count, and a sentence's own score brings no warning
    rows = []
    for hypothesis, reference in zip(hypotheses, references, strict=True):
        found = scorer.sentence_score(hypothesis, [reference])
        rows.append([found.sys_len, found.ref_len, *found.counts, *found.totals])
    return np.array(rows, np.int64)


def exact_bleu(counts: Counts) -> float:
    """BLEU of all these sentences together, by sacreBLEU itself."""
    written, wanted, *rest = counts.sum(axis=0).tolist()
    score = library("sacrebleu.metrics").BLEU.compute_bleu(
        rest[:ORDERS], rest[ORDERS:], written, wanted, smooth_method="exp"
    )
    return float(score.score)


def bleu_of(sums: Int[np.ndarray, "R C"]) -> Float[np.ndarray, " R"]:
    """BLEU of each row of added counts, 0 to 100, smoothed as sacreBLEU does ("exp")."""
    written, wanted = sums[:, 0].astype(float), sums[:, 1].astype(float)
    shared, total = sums[:, 2 : 2 + ORDERS], sums[:, 2 + ORDERS :]
    # the k-th order without a match counts as 1 / 2**k of one
    halvings = np.cumsum((shared == 0) & (total > 0), axis=1)
    matches = np.where(shared > 0, shared, 0.5**halvings)
    with np.errstate(divide="ignore", invalid="ignore"):
        precisions = np.where(total > 0, matches / total, 0.0)
        brevity = np.where(written < wanted, np.exp(1 - wanted / written), 1.0)
        scores = 100 * brevity * np.exp(np.log(precisions).mean(axis=1))
    return np.where(shared.any(axis=1), scores, 0.0)


def chrf_counts(hypotheses: list[str], references: list[str], _language: str) -> Counts:
    """Of each order: n-grams in the translation, in the reference, and in both.

    Raises RegardError if the numbers of lines differ, or there are none.
    """
    refuse_unequal({"translations": hypotheses, "references": references})
    rows = []
    for hypothesis, reference in zip(hypotheses, references, strict=True):
        row: list[int] = []
        for written, wanted in zip(grams(hypothesis), grams(reference), strict=True):
            # as sacreBLEU: what no reference could have is not counted as written
            row += [written.total() if wanted else 0, wanted.total(), (written & wanted).total()]
        rows.append(row)
    return np.array(rows, np.int64)


def grams(text: str) -> list[Counter[str]]:
    """Its character n-grams of each order."""
    letters = "".join(text.split())
    return [
        Counter(letters[begin : begin + order] for begin in range(len(letters) - order + 1))
        for order in range(1, CHARACTERS + 1)
    ]


def chrf_of(sums: Int[np.ndarray, "R C"]) -> Float[np.ndarray, " R"]:
    """chrF2 of each row of added counts (Popović 2015, eq. 1), over the orders that both sides
    have, as sacreBLEU works it out."""
    written, wanted, shared = (sums[:, part::3].astype(float) for part in range(3))
    has_both = (written > 0) & (wanted > 0)
    orders = np.maximum(has_both.sum(axis=1), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(has_both, shared / written, 0.0).sum(axis=1) / orders
        recall = np.where(has_both, shared / wanted, 0.0).sum(axis=1) / orders
        score = (1 + RECALL**2) * precision * recall / (RECALL**2 * precision + recall)
    return np.where(precision + recall > 0, 100 * score, 0.0)


def resample(counts: Sequence[Counts], score: MetricFunction) -> list[Float[np.ndarray, " R"]]:
    """A metric of each system on `RESAMPLES` test sets drawn from this one, the same for all.

    Each is as large as this one; a sentence can be drawn more than once (Koehn 2004).
    """
    random, sentences = np.random.default_rng(SEED), len(counts[0])
    even = np.full(sentences, 1 / sentences)
    scores: list[list[Float[np.ndarray, " _"]]] = [[] for _ in counts]
    for begin in range(0, RESAMPLES, CHUNK):
        times = random.multinomial(sentences, even, size=min(CHUNK, RESAMPLES - begin))
        for system, own in zip(scores, counts, strict=True):
            system.append(score(weighted_sums(times, own)))
    return [np.concatenate(system) for system in scores]


def weighted_sums(times: Int[np.ndarray, "R N"], counts: Counts) -> Int[np.ndarray, "R C"]:
    """The counts of sentences that are taken so many times each."""
    # whole numbers this small are exact in floating point, where products are far quicker
    return (times.astype(float) @ counts).astype(np.int64)


def interval(drawn: Float[np.ndarray, " R"], observed: float) -> Interval:
    """The middle 95 % of what was drawn, and in any case what was found."""
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(min(float(low), observed), max(float(high), observed))
