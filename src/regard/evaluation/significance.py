"""Whether a difference between two translations of one text could be chance."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from regard.errors import RegardError, nearest
from regard.evaluation.counts import count, exact_bleu, interval, resample
from regard.evaluation.quality import bleu_scorer, library, refuse_unequal

METHODS = {"bootstrap": "bs", "randomisation": "ar"}
"""sacreBLEU's paired tests: bootstrap resampling (Koehn 2004), approximate randomisation (Riezler
and Maxwell 2005)."""
RANDOMISATION_INTERVAL = 1000
"""Test sets drawn for the intervals beside approximate randomisation."""


class Verdict(NamedTuple):
    """sacreBLEU's paired test by one metric."""

    metric: str
    baseline: float
    value: float
    low: float
    """The value would lie between this"""
    high: float
    """and this, in 95 of 100 test sets like this one."""
    p_value: float
    """How often chance alone would make a difference as large as this one; 1 if there is none."""
    signature: str
    """How it was tested."""


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
    verdicts: list[Verdict]
    """By BLEU and by chrF2."""


class System(NamedTuple):
    name: str
    texts: list[str]


def differences(
    systems: Sequence[System], references: list[str], language: str, method: str
) -> list[Difference]:
    """Each system but the first against the first, by a name in `METHODS`.

    Raises RegardError if there is no such method, or the numbers of lines differ.
    """
    if method not in METHODS:
        raise RegardError(
            f"there is no test '{method}'", "--test-by", nearest(method, tuple(METHODS))
        )
    refuse_unequal({"references": references} | {one.name: one.texts for one in systems})
    tests, scores = sacrebleu_tests(systems, references, language, METHODS[method])
    counts = [count(one.texts, references, language) for one in systems]
    exact = [exact_bleu(own) for own in counts]
    drawn = resample(counts)
    found = []
    for place, system in enumerate(systems[1:], 1):
        gain = exact[place] - exact[0]
        low, high = interval(drawn[place] - drawn[0], gain)
        same = system.texts == systems[0].texts
        verdicts = [
            verdict(metric, scores[metric][0], scores[metric][place], same, str(signature))
            for metric, signature in tests.items()
        ]
        found.append(Difference(systems[0].name, system.name, gain, low, high, verdicts))
    return found


class Tested(NamedTuple):
    signatures: dict[str, Any]
    scores: dict[str, list[Any]]
    """By metric, of each system."""


def sacrebleu_tests(
    systems: Sequence[System], references: list[str], language: str, kind: str
) -> Tested:
    paired = library("sacrebleu.significance").PairedTest(
        [(one.name, one.texts) for one in systems],
        {"BLEU": bleu_scorer(language), "chrF2": library("sacrebleu.metrics").CHRF()},
        [references],
        test_type=kind,
        n_ar_confidence=RANDOMISATION_INTERVAL if kind == "ar" else -1,
    )
    return Tested(*paired())


def verdict(metric: str, baseline: Any, own: Any, same: bool, signature: str) -> Verdict:
    # a bootstrap finds no draw beyond a difference of 0, and would call that certain
    p_value = 1.0 if same or own.score == baseline.score else float(own.p_value)
    middle, half = float(own.mean), float(own.ci)
    return Verdict(
        metric,
        float(baseline.score),
        float(own.score),
        middle - half,
        middle + half,
        p_value,
        signature,
    )
