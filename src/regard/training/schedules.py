"""How the learning rate falls: each schedule is a share of the largest rate, by update."""

from collections.abc import Callable
from math import cos, pi, sqrt


def constant(done: float, updates: int, warmup: int) -> float:
    return 1.0


def linear(done: float, updates: int, warmup: int) -> float:
    """Straight down to 0."""
    return 1.0 - done


def cosine(done: float, updates: int, warmup: int) -> float:
    """Half a cosine down to 0 (Loshchilov & Hutter 2017, eq. 5)."""
    return 0.5 * (1.0 + cos(pi * done))


def inverse_sqrt(done: float, updates: int, warmup: int) -> float:
    """sqrt(warm-up / update) (Vaswani et al. 2017, eq. 3); without warm-up as with one update."""
    first = max(1, warmup)
    return sqrt(first / max(first, warmup + done * (updates - warmup)))


SCHEDULES: dict[str, Callable[[float, int, int], float]] = {
    "constant": constant,
    "linear": linear,
    "cosine": cosine,
    "inverse-sqrt": inverse_sqrt,
}


def rate_factor(schedule: str, update: int, updates: int, warmup: int) -> float:
    """The share of the largest learning rate at `update` (from 1 to `updates`)."""
    if update <= warmup:
        return update / warmup
    done = (update - warmup) / max(1, updates - warmup)
    return SCHEDULES[schedule](min(1.0, done), updates, warmup)
