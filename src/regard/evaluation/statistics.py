"""Sufficient statistics of BLEU and chrF: counted once per sentence, summed over any sample."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from regard.evaluation.quality import bleu_scorer, library, refuse_unequal
from regard.shapes import Float, Int

ORDERS = 4
"""BLEU counts n-grams of 1 to this many words."""
RESAMPLES = 1000
"""Test sets that a bootstrap draws."""
RESAMPLE_SEED = 12345
"""sacreBLEU's default."""
RESAMPLE_CHUNK = 100
"""Test sets drawn at a time, to bound the memory for large ones."""

CHARACTERS = 6
"""chrF2 counts n-grams of 1 to this many characters, without white space."""
CHRF_BETA = 2.0
"""How many times as important recall is as precision in chrF2."""

Counts = Int[np.ndarray, "N C"]
"""The statistics of a metric, one row per sentence."""
MetricFunction = Callable[[Int[np.ndarray, "R C"]], Float[np.ndarray, " R"]]
"""The metric, 0 to 100, of each row of summed counts."""


class Interval(NamedTuple):
    """A 95 % bootstrap interval."""

    low: float
    high: float


def bleu_counts(hypotheses: list[str], references: list[str], language: str) -> Counts:
    """By the sacrebleu convention: words of the translation, words of the reference, matching
    n-grams of each order, n-grams of each order in the translation.

    Raises RegardError if the numbers of lines differ, or there are none.
    """
    refuse_unequal({"translations": hypotheses, "references": references})
    scorer = bleu_scorer(language)
    scorer.effective_order = True  # avoids a warning per sentence, and changes no count
    rows = []
    for hypothesis, reference in zip(hypotheses, references, strict=True):
        score = scorer.sentence_score(hypothesis, [reference])
        rows.append([score.sys_len, score.ref_len, *score.counts, *score.totals])
    return np.array(rows, np.int64)


def exact_bleu(counts: Counts) -> float:
    """Corpus BLEU of these sentences, as sacreBLEU computes it."""
    written, wanted, *rest = counts.sum(axis=0).tolist()
    score = library("sacrebleu.metrics").BLEU.compute_bleu(
        rest[:ORDERS], rest[ORDERS:], written, wanted, smooth_method="exp"
    )
    return float(score.score)


def bleu_of(sums: Int[np.ndarray, "R C"]) -> Float[np.ndarray, " R"]:
    """BLEU of each row of summed counts, 0 to 100, with sacreBLEU's "exp" smoothing
    (Papineni et al. 2002, section 2.3)."""
    written, wanted = sums[:, 0].astype(float), sums[:, 1].astype(float)
    shared, total = sums[:, 2 : 2 + ORDERS], sums[:, 2 + ORDERS :]
    # the k-th order without a match counts as 1 / 2**k of a match
    halvings = np.cumsum((shared == 0) & (total > 0), axis=1)
    matches = np.where(shared > 0, shared, 0.5**halvings)
    with np.errstate(divide="ignore", invalid="ignore"):
        precisions = np.where(total > 0, matches / total, 0.0)
        brevity = np.where(written < wanted, np.exp(1 - wanted / written), 1.0)
        scores = 100 * brevity * np.exp(np.log(precisions).mean(axis=1))
    return np.where(shared.any(axis=1), scores, 0.0)


def chrf_counts(hypotheses: list[str], references: list[str], _language: str) -> Counts:
    """For each order: n-grams in the translation, in the reference, and in both.

    Raises RegardError if the numbers of lines differ, or there are none.
    """
    refuse_unequal({"translations": hypotheses, "references": references})
    rows = []
    for hypothesis, reference in zip(hypotheses, references, strict=True):
        row: list[int] = []
        for written, wanted in zip(grams(hypothesis), grams(reference), strict=True):
            # as in sacreBLEU: orders that the reference lacks do not count in the translation
            row += [written.total() if wanted else 0, wanted.total(), (written & wanted).total()]
        rows.append(row)
    return np.array(rows, np.int64)


def grams(text: str) -> list[Counter[str]]:
    """The character n-grams of each order."""
    letters = "".join(text.split())
    return [
        Counter(letters[begin : begin + order] for begin in range(len(letters) - order + 1))
        for order in range(1, CHARACTERS + 1)
    ]


def chrf_of(sums: Int[np.ndarray, "R C"]) -> Float[np.ndarray, " R"]:
    """chrF2 of each row of summed counts (Popović 2015, eq. 1), over the orders that both sides
    have, as in sacreBLEU."""
    written, wanted, shared = (sums[:, part::3].astype(float) for part in range(3))
    has_both = (written > 0) & (wanted > 0)
    orders = np.maximum(has_both.sum(axis=1), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(has_both, shared / written, 0.0).sum(axis=1) / orders
        recall = np.where(has_both, shared / wanted, 0.0).sum(axis=1) / orders
        score = (1 + CHRF_BETA**2) * precision * recall / (CHRF_BETA**2 * precision + recall)
    return np.where(precision + recall > 0, 100 * score, 0.0)


def resample(counts: Sequence[Counts], score: MetricFunction) -> list[Float[np.ndarray, " R"]]:
    """The metric of each system on `RESAMPLES` bootstrap samples of the test set (Koehn 2004).

    All systems are scored on the same samples. A sample has as many sentences as the test set,
    drawn with replacement.
    """
    random, sentences = np.random.default_rng(RESAMPLE_SEED), len(counts[0])
    even = np.full(sentences, 1 / sentences)
    scores: list[list[Float[np.ndarray, " _"]]] = [[] for _ in counts]
    for begin in range(0, RESAMPLES, RESAMPLE_CHUNK):
        times = random.multinomial(sentences, even, size=min(RESAMPLE_CHUNK, RESAMPLES - begin))
        for system_scores, system_counts in zip(scores, counts, strict=True):
            system_scores.append(score(weighted_sums(times, system_counts)))
    return [np.concatenate(system_scores) for system_scores in scores]


def weighted_sums(times: Int[np.ndarray, "R N"], counts: Counts) -> Int[np.ndarray, "R C"]:
    """The summed counts when each sentence is taken `times` times."""
    # integers this small are exact in float64, where matrix products are far faster
    return (times.astype(float) @ counts).astype(np.int64)


def bleu_interval(counts: Counts) -> Interval:
    """The 95 % bootstrap interval of the BLEU of these sentences."""
    return interval(resample([counts], bleu_of)[0], exact_bleu(counts))


def interval(drawn: Float[np.ndarray, " R"], observed: float) -> Interval:
    """The middle 95 % of the drawn values, extended to hold the observed one."""
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(min(float(low), observed), max(float(high), observed))
