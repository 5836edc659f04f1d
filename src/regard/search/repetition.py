"""Repetition: whether a decoder writes the same tokens again and again without end."""

from typing import NamedTuple

import numpy as np

from regard.shapes import Bool, Int
from regard.special import END, START, Ids

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
    counts = zero_counts(1)
    written = np.concatenate([[START], tokens])[None]
    for end in range(1, len(tokens) + 1):
        counts = counts.append(written[:, : end + 1])
        if tokens[end - 1] != END and counts.repeats()[0] > max_repeats:
            return end, counts.repeated[0]
    return len(tokens), counts.repeated[0]


def allowed_repeats(source: Ids) -> int:
    """How often a translation may repeat itself: EXTRA_REPEATS more than the source itself."""
    ids, most = np.array(source), 1
    repeated = len(ids) - len(set(source))  # a second round of p tokens repeats at least as many
    for period in range(1, min(MAX_PERIOD, len(ids) // 2, repeated) + 1):
        differs = np.flatnonzero(ids[period:] != ids[:-period])
        edges = np.concatenate([[-1], differs, [len(ids) - period]])
        most = max(most, int((np.diff(edges).max() - 1) // period) + 1)
    return most + EXTRA_REPEATS
