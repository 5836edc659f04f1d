"""Repetition: whether a decoder writes the same tokens again and again without end."""

from typing import NamedTuple

import numpy as np

from regard.shapes import Bool, Int
from regard.special import END, Ids

MAX_PERIOD = 12
"""The longest repetition that is detected, in tokens: the bytes of an emoji, a phrase."""
EXTRA_REPEATS = 4
"""Repeats beyond those of the source that make an endless repetition."""

PERIODS = np.arange(1, MAX_PERIOD + 1)


class RepetitionCounts(NamedTuple):
    """For each row and each period p up to MAX_PERIOD, how many tokens at its end repeat.

    `repeated[p]` is the number of tokens in a row that equal the token p positions before; the
    last p tokens then stand there repeated[p] / p + 1 times.
    """

    repeated: Int[np.ndarray, "R P"]

    def select(self, rows: Int[np.ndarray, " R"]) -> "RepetitionCounts":
        return RepetitionCounts(self.repeated[rows])

    def append(self, written: Int[np.ndarray, "R T"]) -> "RepetitionCounts":
        """The counts with the last column of `written`."""
        before = written[:, -MAX_PERIOD - 1 : -1][:, ::-1]
        same = np.zeros(self.repeated.shape, bool)
        same[:, : before.shape[1]] = before == written[:, -1:]
        return RepetitionCounts((self.repeated + 1) * same)

    def repeats(self) -> Int[np.ndarray, " R"]:
        """How many times the end of each row is repeated; 1 is no repetition."""
        return (self.repeated // PERIODS).max(axis=1) + 1

    def surplus_tokens(self, row: np.intp) -> int:
        """How many tokens to cut off so that one round is left."""
        return int(self.repeated[row, (self.repeated[row] // PERIODS).argmax()])


def zero_counts(rows: int) -> RepetitionCounts:
    return RepetitionCounts(np.zeros((rows, MAX_PERIOD), np.int64))


def may_repeat(
    written: Int[np.ndarray, "R T"], max_repeats: Int[np.ndarray, " R"]
) -> Bool[np.ndarray, " R"]:
    """Whether enough tokens repeat, anywhere, for more than `max_repeats` repeats."""
    may = np.full(len(written), False)
    for period in range(1, min(MAX_PERIOD, written.shape[1] - 1) + 1):
        same = written[:, period:] == written[:, :-period]
        may |= same.sum(axis=1) >= period * max_repeats
    return may


def cut_repetition(tokens: Int[np.ndarray, " T"], max_repeats: int) -> tuple[int, np.ndarray]:
    """After how many tokens a text has more than `max_repeats` repeats, or ends; and its
    `RepetitionCounts.repeated` there."""
    repeated = repeated_up_to_each(tokens)
    repeats = (repeated // PERIODS).max(axis=1) + 1
    too_many = np.flatnonzero((repeats[1:] > max_repeats) & (tokens != END))
    end = int(too_many[0]) + 1 if len(too_many) else len(tokens)
    return end, repeated[end]


def repeated_up_to_each(tokens: Int[np.ndarray, " T"]) -> Int[np.ndarray, "T+1 P"]:
    """`RepetitionCounts.repeated` of the first 0, 1, 2, ... T tokens."""
    position = np.arange(len(tokens) + 1)
    repeated = np.zeros((len(position), MAX_PERIOD), np.int64)
    for period in range(1, min(MAX_PERIOD, len(tokens) - 1) + 1):
        own = position[period + 1 :]
        is_other = tokens[period:] != tokens[:-period]
        repeated[own, period - 1] = own - np.maximum.accumulate(np.where(is_other, own, period))
    return repeated


def allowed_repeats(source: Ids) -> int:
    """How often a translation may repeat itself: EXTRA_REPEATS more than the source itself."""
    ids, most = np.array(source), 1
    repeated = len(ids) - len(set(source))  # a second round of p tokens repeats at least as many
    for period in range(1, min(MAX_PERIOD, len(ids) // 2, repeated) + 1):
        differs = np.flatnonzero(ids[period:] != ids[:-period])
        edges = np.concatenate([[-1], differs, [len(ids) - period]])
        most = max(most, int((np.diff(edges).max() - 1) // period) + 1)
    return most + EXTRA_REPEATS
