"""Sampling: translations drawn from the model's distribution."""

from math import inf
from typing import NamedTuple

import numpy as np

from regard.errors import RegardError
from regard.search.beam import Task, generate
from regard.search.protocols import Engine, Hypothesis, TopK
from regard.shapes import Int


class Sampling(NamedTuple):
    temperature: float = 1.0
    """Above 1 flattens the distribution, below 1 sharpens it."""
    top_k: int = 0
    """Choose among this many likeliest tokens; 0 is all."""
    top_p: float = 1.0
    """Choose among the likeliest tokens that together have this probability (nucleus)."""
    seed: int = 1


def sample(engine: Engine, task: Task, sampling: Sampling) -> list[Hypothesis]:
    """Draw each next token from the model's distribution.

    Each sentence has a random generator of its own, seeded by `seed` and the sentence's index, so
    its sample does not depend on the rest of the batch.
    Raises RegardError if an option is out of its range.
    """
    are_integers = isinstance(sampling.top_k, int) and isinstance(sampling.seed, int)
    in_range = sampling.top_k >= 0 and 0 < sampling.top_p <= 1 and sampling.seed >= 0
    if not 0 < sampling.temperature < inf or not in_range or not are_integers:
        raise RegardError(
            f"cannot sample with {sampling}",
            "sampling",
            "give a finite temperature above 0, whole numbers of at least 0 for top_k and seed, and"
            " top_p above 0 and at most 1",
        )
    indices = task.indices or range(len(task.sources))
    generators = [np.random.default_rng((sampling.seed, index)) for index in indices]

    def draw(sentences: Int[np.ndarray, " R"], ranked: TopK) -> Int[np.ndarray, " R"]:
        logits = ranked.log_probs.astype(np.float64) / sampling.temperature
        probability = np.exp(logits - logits.max(axis=1, keepdims=True))
        probability /= probability.sum(axis=1, keepdims=True)
        before_token = np.cumsum(probability, axis=1) - probability
        probability[before_token >= sampling.top_p] = 0.0
        edges = np.cumsum(probability, axis=1)
        uniform = np.array([generators[sentence].random() for sentence in sentences])
        threshold = uniform[:, None] * edges[:, -1:]
        return np.minimum((edges <= threshold).sum(axis=1), len(edges[0]) - 1)

    return generate(engine, task, min(sampling.top_k, engine.tokens) or engine.tokens, draw)
