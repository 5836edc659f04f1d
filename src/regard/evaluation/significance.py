"""Whether a difference between two translations of one text could be chance.

sacreBLEU has such tests too, and they are not used: its bootstrap takes the mean of absolute
differences for their centre, so that p is one-sided where the systems differ, and both of its
tests leave out the draws that are as far apart as the systems themselves, so that one sentence that
differs among a thousand has p = 0.0001 (version 2.6.0, significance.py).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from regard.errors import RegardError, nearest
from regard.evaluation.quality import bleu_scorer, library, refuse_unequal
from regard.evaluation.statistics import (
    CHUNK,
    RESAMPLES,
    SEED,
    Counts,
    MetricFunction,
    bleu_counts,
    bleu_of,
    chrf_counts,
    chrf_of,
    exact_bleu,
    interval,
    resample,
    weighted_sums,
)

SHUFFLES = 10_000
"""Times that approximate randomization exchanges translations."""
TIE_TOLERANCE = 1e-9
"""Two differences this near to each other are one."""


class PairedTest(NamedTuple):
    """A paired test by one metric."""

    metric: str
    baseline: float
    value: float
    low: float
    """The value would lie between this"""
    high: float
    """and this, in 95 of 100 test sets like this one."""
    p_value: float
    """How often chance alone would make a difference as large as this one, either way; 1 if there
    is none."""
    signature: str
    """How it was measured and tested."""


class Difference(NamedTuple):
    """One model against the baseline, on the same sentences."""

    baseline: str
    model: str
    bleu: float
    """The model's BLEU less the baseline's."""
    low: float
    """That difference would lie between this"""
    high: float
    """and this, in 95 of 100 test sets like this one (bootstrap over pairs of translations)."""
    verdicts: list[PairedTest]
    """By BLEU and by chrF2."""


class System(NamedTuple):
    name: str
    texts: list[str]


class Metric(NamedTuple):
    counts: Callable[[list[str], list[str], str], Counts]
    """From translations, references and their language."""
    score: MetricFunction
    scorer: Callable[[str], Any]
    """From a language: sacreBLEU's own, which says how it measures."""

    def signature(self, language: str) -> str:
        scorer = self.scorer(language)
        scorer.corpus_score([""], [[""]])  # before, it does not know the number of references
        return str(scorer.get_signature())


METRICS = {
    "BLEU": Metric(bleu_counts, bleu_of, bleu_scorer),
    "chrF2": Metric(chrf_counts, chrf_of, lambda _language: library("sacrebleu.metrics").CHRF()),
}


def by_bootstrap(baseline: Counts, own: Counts, score: MetricFunction) -> float:
    """p of the difference on drawn test sets: how often it is as far from its mean as the one that
    was found is from 0 (Koehn 2004; two-sided).

    Few sentences hardly vary when they are drawn, which proves nothing: so p is never less than
    what exchanging those that differ could give.
    """
    first, second = resample([baseline, own], score)
    drawn = second - first
    p_value = tail_probability(
        np.abs(drawn - drawn.mean()), observed_difference(baseline, own, score)
    )
    differing = int((own != baseline).any(axis=1).sum())
    return max(p_value, 2.0 ** (1 - max(1, differing)))


def by_randomization(baseline: Counts, own: Counts, score: MetricFunction) -> float:
    """p of the difference when translations of the two systems are exchanged by chance (Riezler and
    Maxwell 2005, figure 1)."""
    random, moved, far = np.random.default_rng(SEED), own - baseline, []
    for begin in range(0, SHUFFLES, CHUNK):
        rows = min(CHUNK, SHUFFLES - begin)
        exchanged = weighted_sums(random.integers(0, 2, (rows, len(own)), np.int8), moved)
        first, second = baseline.sum(axis=0) + exchanged, own.sum(axis=0) - exchanged
        far.append(np.abs(score(second) - score(first)))
    return tail_probability(np.concatenate(far), observed_difference(baseline, own, score))


def observed_difference(baseline: Counts, own: Counts, score: MetricFunction) -> float:
    first, second = values_of(baseline, own, score)
    return abs(second - first)


def values_of(baseline: Counts, own: Counts, score: MetricFunction) -> list[float]:
    """The metric of all their sentences."""
    values: list[float] = score(np.stack([baseline.sum(axis=0), own.sum(axis=0)])).tolist()
    return values


def tail_probability(null_differences: np.ndarray, observed: float) -> float:
    """How many are at least as large, and one more of each: what was found is among them (Phipson
    and Smyth 2010)."""
    return (int((null_differences >= observed - TIE_TOLERANCE).sum()) + 1) / (
        len(null_differences) + 1
    )


class Method(NamedTuple):
    p_value: Callable[[Counts, Counts, MetricFunction], float]
    signature: str


METHODS = {
    "bootstrap": Method(by_bootstrap, f"test:bootstrap|draws:{RESAMPLES}|seed:{SEED}"),
    "randomization": Method(by_randomization, f"test:randomization|draws:{SHUFFLES}|seed:{SEED}"),
}


def differences(
    systems: Sequence[System], references: list[str], language: str, method: str
) -> list[Difference]:
    """Each system but the first against the first, by a name in `METHODS`.

    Raises RegardError if there is no such method, or the numbers of lines differ.
    """
    if method not in METHODS:
        raise RegardError(
            f"there is no test '{method}'", "--significance", nearest(method, tuple(METHODS))
        )
    refuse_unequal({"references": references} | {one.name: one.texts for one in systems})
    counts = {
        name: [metric.counts(one.texts, references, language) for one in systems]
        for name, metric in METRICS.items()
    }
    signatures = {
        name: f"{metric.signature(language)}|{METHODS[method].signature}"
        for name, metric in METRICS.items()
    }
    drawn = {name: resample(counts[name], metric.score) for name, metric in METRICS.items()}
    exact = [exact_bleu(own) for own in counts["BLEU"]]
    found = []
    for place, system in enumerate(systems[1:], 1):
        gain = exact[place] - exact[0]
        low, high = interval(drawn["BLEU"][place] - drawn["BLEU"][0], gain)
        verdicts = []
        for name, metric in METRICS.items():
            baseline, own = counts[name][0], counts[name][place]
            first, second = values_of(baseline, own, metric.score)
            bounds = interval(drawn[name][place], second)
            p_value = METHODS[method].p_value(baseline, own, metric.score)
            verdicts.append(PairedTest(name, first, second, *bounds, p_value, signatures[name]))
        found.append(Difference(systems[0].name, system.name, gain, low, high, verdicts))
    return found
