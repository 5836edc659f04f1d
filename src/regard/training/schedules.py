"""Learning-rate schedules: the factor of the largest learning rate at each update."""

from collections.abc import Callable
from math import cos, pi, sqrt


def no_decay(done: float, updates: int, warmup: int) -> float:
    """The largest rate until the end."""
    return 1.0


def linear_decay(done: float, updates: int, warmup: int) -> float:
    """Linearly to 0."""
    return 1.0 - done


def cosine_decay(done: float, updates: int, warmup: int) -> float:
    """Half a cosine to 0 (Loshchilov & Hutter 2017, eq. 5)."""
    return 0.5 * (1.0 + cos(pi * done))


def inverse_sqrt_decay(done: float, updates: int, warmup: int) -> float:
    """sqrt(warm-up / update) (Vaswani et al. 2017, eq. 3); no warm-up counts as one update."""
    first = max(1, warmup)
    return sqrt(first / max(first, warmup + done * (updates - warmup)))


SCHEDULES: dict[str, Callable[[float, int, int], float]] = {
    "constant": no_decay,
    "linear": linear_decay,
    "cosine": cosine_decay,
    "inverse-sqrt": inverse_sqrt_decay,
}
"""Functions of the fraction done after the warm-up, the number of updates and the warm-up."""


def rate_factor(schedule: str, update: int, updates: int, warmup: int) -> float:
    """At `update`, from 1 to `updates`: rises linearly to 1 in the warm-up, then as scheduled."""
    if update <= warmup:
        return update / warmup
    done = (update - warmup) / max(1, updates - warmup)
    return SCHEDULES[schedule](min(1.0, done), updates, warmup)


def warmup_advice(updates: int, warmup: int) -> str:
    """What to tell about a warm-up of more than a third of the run; empty for a shorter one."""
    if 3 * warmup <= updates:
        return ""
    reached = rate_factor("constant", updates, updates, warmup)
    effect = (
        f"the learning rate reaches only {reached:.0%} of train.learning_rate"
        if reached < 1
        else f"the learning rate falls in the last {updates - warmup:,} updates only"
    )
    return (
        f"train.warmup is {warmup:,} of {updates:,} updates: {effect};"
        f" train.warmup={max(1, updates // 10)} would be usual"
    )
