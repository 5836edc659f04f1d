"""The hidden Markov model of word alignment (Vogel et al. 1996): where each word comes from.

One direction: each observed word comes from the word at a state, or from none. The next state is
chosen by the jump from the one before; a word from none keeps the state.
"""

from typing import NamedTuple

import numpy as np

from regard.shapes import Float, Int

LONGEST_JUMP = 5
"""Longer jumps share a bucket with this one, evenly."""
NONE = 1e-4
"""The probability that a word comes from none (a constant, as in the Berkeley aligner)."""
TINY = 1e-30
FLATNESS = 0.01
"""The share of jumps that are of any length."""


class Jumps(NamedTuple):
    """Probabilities of jumps, or expected numbers of them, by bucket."""

    between: Float[np.ndarray, " B"]
    """From -5 and less to 5 and more."""
    first: Float[np.ndarray, " F"]
    """To the first state, from 1 to 5 and more; the index is the jump less one."""
    last: Float[np.ndarray, " F"]
    """Likewise from the last state beyond the end."""

    def normalized(self) -> "Jumps":
        """As probabilities, none of which is 0: another text may have other jumps."""
        return Jumps(*((1 - FLATNESS) * part / part.sum() + FLATNESS / len(part) for part in self))


FLAT = Jumps(
    np.ones(2 * LONGEST_JUMP + 1), np.ones(LONGEST_JUMP), np.ones(LONGEST_JUMP)
).normalized()


class Transitions(NamedTuple):
    """The probabilities of jumps for sentences with so many states."""

    first: Float[np.ndarray, " S"]
    between: Float[np.ndarray, "S S"]
    """From each state to each state."""
    last: Float[np.ndarray, " S"]


def jump_buckets(states: int) -> tuple[Int[np.ndarray, "S S"], Int[np.ndarray, " S"]]:
    """The index of the bucket of each jump between states, and of each to the first state."""
    numbers = np.arange(states)
    between = (numbers - numbers[:, None]).clip(-LONGEST_JUMP, LONGEST_JUMP) + LONGEST_JUMP
    return between, numbers.clip(max=LONGEST_JUMP - 1)


def transitions(jumps: Jumps, states: int) -> Transitions:
    """The states in the last bucket share its probability; so do those in the first one."""
    between, first = jump_buckets(states)
    numbers = np.arange(states)[:, None]
    before, after = numbers - LONGEST_JUMP + 1, states - numbers - LONGEST_JUMP
    members = np.where(between == 0, before, np.where(between == 2 * LONGEST_JUMP, after, 1))
    far = np.where(first == LONGEST_JUMP - 1, states - LONGEST_JUMP + 1, 1)
    return Transitions(
        normalized_rows(jumps.first[first] / far),
        normalized_rows(jumps.between[between] / members),
        normalized_rows(jumps.last[first] / far)[::-1],
    )


def normalized_rows(shares: Float[np.ndarray, "*rows S"]) -> Float[np.ndarray, "*rows S"]:
    return (shares / shares.sum(axis=-1, keepdims=True)).astype(np.float32)


class Expected(NamedTuple):
    """What the model expects, given the sentences."""

    links: Float[np.ndarray, "T n S"]
    """The probability that an observed word comes from the word at a state."""
    jumps: Jumps


def expected(emissions: Float[np.ndarray, "T n S"], jumps: Jumps) -> Expected:
    """`emissions` are the probabilities of T observed words, given the word at each state, of n
    sentences. Forward and backward recursions, scaled at each step."""
    length, _, states = emissions.shape
    first, between, last = transitions(jumps, states)
    # of each state, given the words before this one: after the jump, and before it, where a word
    # from none stays; and of each word, given those before it
    reached, kept = np.empty_like(emissions), np.empty_like(emissions)
    total = np.empty((*emissions.shape[:2], 1), np.float32)
    before = np.broadcast_to(first, emissions.shape[1:])
    for step in range(length):
        kept[step] = before
        np.matmul(before, between, out=reached[step]) if step else np.copyto(reached[step], before)
        after = (1 - NONE) * reached[step] * emissions[step] + NONE * before
        total[step] = after.sum(axis=1, keepdims=True)
        before = after / (total[step] + TINY)
    links = np.empty_like(emissions)
    steps = np.zeros((states, states), np.float32)
    following = np.broadcast_to(last, emissions.shape[1:])
    ends = (before * last).sum(axis=1, keepdims=True)
    ending = before * last / (ends + TINY)
    for step in reversed(range(length)):
        seen = (1 - NONE) * emissions[step] * following
        links[step] = reached[step] * seen
        stayed = NONE * kept[step] * following
        scale = (links[step] + stayed).sum(axis=1, keepdims=True) + TINY
        links[step] /= scale
        if step:
            steps += kept[step].T @ (seen / scale)
            following = (seen @ between.T + NONE * following) / (total[step] + TINY)
    buckets, ends_buckets = jump_buckets(states)
    counted = Jumps(
        np.bincount(buckets.ravel(), (steps * between).ravel(), 2 * LONGEST_JUMP + 1),
        np.bincount(ends_buckets, links[0].sum(axis=0), LONGEST_JUMP),
        np.bincount(ends_buckets[::-1], ending.sum(axis=0), LONGEST_JUMP),
    )
    return Expected(links, counted)
