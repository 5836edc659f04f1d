"""Paired significance tests: could the difference of two systems be chance?

sacreBLEU's tests are not used (version 2.6.0, significance.py). Its bootstrap centres absolute
differences on their mean, so p is one-sided where the systems differ. Both of its tests leave out
draws whose difference equals that of the systems, so one differing sentence among a thousand gets
p = 0.0001.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from regard.errors import RegardError, nearest
from regard.evaluation.quality import bleu_scorer, library
from regard.evaluation.statistics import (
    RESAMPLE_CHUNK,
    RESAMPLE_SEED,
    RESAMPLES,
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
"""Random exchanges of approximate randomization."""
TIE_TOLERANCE = 1e-9
"""Differences that are this close count as equal."""


class PairedTest(NamedTuple):
    """A paired test by one metric."""

    metric: str
    baseline: float
    value: float
    low: float
    """Lower end of the 95 % interval of `value` (bootstrap over sentences)."""
    high: float
    """Upper end of that interval."""
    p_value: float
    """Two-sided; 1 if there is no difference."""
    signature: str
    """How it was scored and tested."""


class Difference(NamedTuple):
    """One model against the baseline, on the same sentences."""

    baseline: str
    model: str
    bleu: float
    """The model's BLEU less the baseline's."""
    low: float
    """Lower end of the 95 % interval of `bleu` (bootstrap over pairs of translations)."""
    high: float
    """Upper end of that interval."""
    verdicts: list[PairedTest]
    """By BLEU and by chrF2."""


class System(NamedTuple):
    """A system's translations of the test text, and their statistics, which are counted once."""

    name: str
    texts: list[str]
    counts: dict[str, Counts]
    """One entry per metric in `METRICS`."""


class Metric(NamedTuple):
    counts: Callable[[list[str], list[str], str], Counts]
    """From translations, references and their language to statistics."""
    score: MetricFunction
    scorer: Callable[[str], Any]
    """From a language to sacreBLEU's scorer, which has the signature."""

    def signature(self, language: str) -> str:
        scorer = self.scorer(language)
        scorer.corpus_score([""], [[""]])  # sets the number of references
        return str(scorer.get_signature())


METRICS = {
    "BLEU": Metric(bleu_counts, bleu_of, bleu_scorer),
    "chrF2": Metric(chrf_counts, chrf_of, lambda _language: library("sacrebleu.metrics").CHRF()),
}


def count_statistics(name: str, texts: list[str], references: list[str], language: str) -> System:
    """A system with the statistics of every metric.

    Raises RegardError if the numbers of lines differ, or there are none.
    """
    counts = {
        metric: functions.counts(texts, references, language)
        for metric, functions in METRICS.items()
    }
    return System(name, texts, counts)


def by_bootstrap(baseline: Counts, system: Counts, score: MetricFunction) -> float:
    """p by paired bootstrap resampling: how often the difference on a drawn test set is as far from
    the mean of all draws as the observed difference is from 0 (Koehn 2004; two-sided).

    A few sentences vary little when they are drawn, which proves nothing. Therefore p is at least
    the smallest p that exchanging the differing sentences could give.
    """
    first, second = resample([baseline, system], score)
    drawn, observed = second - first, observed_difference(baseline, system, score)
    p_value = tail_probability(np.abs(drawn - drawn.mean()), observed)
    differing = int((system != baseline).any(axis=1).sum())
    return max(p_value, 2.0 ** (1 - max(1, differing)))


def by_randomization(baseline: Counts, system: Counts, score: MetricFunction) -> float:
    """p by approximate randomization: how often the difference is as large when translations of the
    two systems are exchanged at random (Riezler and Maxwell 2005, figure 1)."""
    random, gains = np.random.default_rng(RESAMPLE_SEED), system - baseline
    null_differences = []
    for begin in range(0, SHUFFLES, RESAMPLE_CHUNK):
        rows = min(RESAMPLE_CHUNK, SHUFFLES - begin)
        exchanged = weighted_sums(random.integers(0, 2, (rows, len(system)), np.int8), gains)
        first, second = baseline.sum(axis=0) + exchanged, system.sum(axis=0) - exchanged
        null_differences.append(np.abs(score(second) - score(first)))
    observed = observed_difference(baseline, system, score)
    return tail_probability(np.concatenate(null_differences), observed)


def observed_difference(baseline: Counts, system: Counts, score: MetricFunction) -> float:
    first, second = corpus_scores([baseline, system], score)
    return abs(second - first)


def corpus_scores(counts: Sequence[Counts], score: MetricFunction) -> list[float]:
    """The metric over all sentences, of each system."""
    scores: list[float] = score(np.stack([each.sum(axis=0) for each in counts])).tolist()
    return scores


def tail_probability(null_differences: np.ndarray, observed: float) -> float:
    """The share of null differences that are at least as large as the observed one, which itself
    counts as one more draw (Phipson and Smyth 2010)."""
    as_large = int((null_differences >= observed - TIE_TOLERANCE).sum())
    return (as_large + 1) / (len(null_differences) + 1)


class Method(NamedTuple):
    p_value: Callable[[Counts, Counts, MetricFunction], float]
    signature: str


METHODS = {
    "bootstrap": Method(by_bootstrap, f"test:bootstrap|draws:{RESAMPLES}|seed:{RESAMPLE_SEED}"),
    "randomization": Method(
        by_randomization, f"test:randomization|draws:{SHUFFLES}|seed:{RESAMPLE_SEED}"
    ),
}


def differences(systems: Sequence[System], language: str, method: str) -> list[Difference]:
    """Each further system against the first, by a name in `METHODS`.

    Raises RegardError if there is no such method.
    """
    if method not in METHODS:
        raise RegardError(
            f"there is no test '{method}'", "--significance", nearest(method, tuple(METHODS))
        )
    drawn = {
        name: resample([system.counts[name] for system in systems], metric.score)
        for name, metric in METRICS.items()
    }
    signatures = {
        name: f"{metric.signature(language)}|{METHODS[method].signature}"
        for name, metric in METRICS.items()
    }
    bleu = [exact_bleu(system.counts["BLEU"]) for system in systems]
    results = []
    for index, system in enumerate(systems[1:], 1):
        gain = bleu[index] - bleu[0]
        low, high = interval(drawn["BLEU"][index] - drawn["BLEU"][0], gain)
        verdicts = []
        for name, metric in METRICS.items():
            pair = systems[0].counts[name], system.counts[name]
            first, second = corpus_scores(pair, metric.score)
            bounds = interval(drawn[name][index], second)
            p_value = METHODS[method].p_value(*pair, metric.score)
            verdicts.append(PairedTest(name, first, second, *bounds, p_value, signatures[name]))
        results.append(Difference(systems[0].name, system.name, gain, low, high, verdicts))
    return results
