"""Whether a decoder goes round in circles: the most repeated complaint about its whole family."""

from typing import NamedTuple

import numpy as np

from regard.shapes import Bool, Int
from regard.special import END, START, Ids

MAX_PERIOD = 12
"""The longest circle that is looked for, in tokens: bytes of an emoji, a phrase."""
EXTRA_REPEATS = 4
"""Rounds beyond those of the source that make a circle."""

PERIODS = np.arange(1, MAX_PERIOD + 1)


class RepetitionCounts(NamedTuple):
    """For each row and each period p up to CIRCLE, how long the text has repeated itself.

    A decoder that goes round in circles writes the same tokens again and again. With `run[p]` the
    number of tokens in a row that equal the token p places before, there have been
    run[p] / p + 1 rounds.
    """

    repeated: Int[np.ndarray, "R P"]

    def select(self, rows: Int[np.ndarray, " R"]) -> "RepetitionCounts":
        return RepetitionCounts(self.repeated[rows])

    def append(self, written: Int[np.ndarray, "R T"]) -> "RepetitionCounts":
        """Take in the last column of `written`."""
        before = written[:, -MAX_PERIOD - 1 : -1][:, ::-1]
        same = np.zeros(self.repeated.shape, bool)
        same[:, : before.shape[1]] = before == written[:, -1:]
        return RepetitionCounts((self.repeated + 1) * same)

    def repeats(self) -> Int[np.ndarray, " R"]:
        """How many rounds the text of each row ends with; 1 is no repetition."""
        return (self.repeated // PERIODS).max(axis=1) + 1

    def surplus_tokens(self, row: np.intp) -> int:
        """How many tokens to cut off so that one round is left."""
        return int(self.repeated[row, (self.repeated[row] // PERIODS).argmax()])


def may_repeat(
    written: Int[np.ndarray, "R T"], allowed: Int[np.ndarray, " R"]
) -> Bool[np.ndarray, " R"]:
    """Whether enough tokens repeat for a circle of more than so many rounds, anywhere."""
    may = np.full(len(written), False)
    for period in range(1, min(MAX_PERIOD, written.shape[1] - 1) + 1):
        same = written[:, period:] == written[:, :-period]
        may |= same.sum(axis=1) >= period * allowed
    return may


def zero_counts(rows: int) -> RepetitionCounts:
    return RepetitionCounts(np.zeros((rows, MAX_PERIOD), np.int64))


def cut_repetition(tokens: Int[np.ndarray, " T"], rounds: int) -> tuple[int, np.ndarray]:
    """How many tokens there are when a text has made more than so many rounds, or ends; and how
    long it has repeated itself then (`Circles`)."""
    circles = zero_counts(1)
    whole = np.concatenate([[START], tokens])[None]
    for end in range(1, len(tokens) + 1):
        circles = circles.append(whole[:, : end + 1])
        if tokens[end - 1] != END and circles.repeats()[0] > rounds:
            return end, circles.repeated[0]
    return len(tokens), circles.repeated[0]


def allowed_repeats(source: Ids) -> int:
    """How many rounds a translation may make: ROUNDS more than the source itself makes."""
    ids, most = np.array(source), 1
    repeated = len(ids) - len(set(source))  # a second round of p tokens repeats at least as many
    for period in range(1, min(MAX_PERIOD, len(ids) // 2, repeated) + 1):
        differs = np.flatnonzero(ids[period:] != ids[:-period])
        edges = np.concatenate([[-1], differs, [len(ids) - period]])
        most = max(most, int((np.diff(edges).max() - 1) // period) + 1)
    return most + EXTRA_REPEATS
