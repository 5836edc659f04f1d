"""What the graphs of whole searches return, as the hypotheses that the search contract asks for."""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from regard.search.beam import finish
from regard.search.protocols import Hypothesis
from regard.search.repetition import RepetitionCounts, cut_repetition
from regard.shapes import Bool, Float, Int
from regard.special import END, Ids


class WrittenOutput(NamedTuple):
    """What a loop wrote for one sentence."""

    tokens: Int[np.ndarray, " T"]
    """With </s>, if it was reached."""
    log_prob: float
    repeated: Int[np.ndarray, " P"]
    """How many tokens repeat at its end, for each period (`RepetitionCounts`)."""
    coverage: Float[np.ndarray, " S"]
    """The highest attention weight of any of these tokens on each of the sentence's own source
    tokens."""

    def hypothesis(self, max_repeats: int, required: Ids) -> Hypothesis:
        surplus = surplus_tokens(self.repeated, max_repeats)
        coverage = self.coverage.tolist()
        return finish(self.tokens.tolist(), self.log_prob, surplus, coverage, required)


def surplus_tokens(repeated: Int[np.ndarray, " P"], max_repeats: int) -> int:
    """How many tokens to cut off at the end: none if it does not repeat too often."""
    counts = RepetitionCounts(repeated[None])
    is_repeating = int(counts.repeats()[0]) > max_repeats
    return counts.surplus_tokens(np.intp(0)) if is_repeating else 0


class Path(NamedTuple):
    """The steps that led to a candidate of a beam."""

    log_prob: float
    tokens: list[int]
    """Its own is the last."""
    rows: list[int]
    """The row that each continued, among the rows of all steps."""


class BeamSteps(NamedTuple):
    """The C candidates, likeliest first, and the N rows of a beam in each of T steps."""

    parent: Int[np.ndarray, "T C"]
    """The row that each continues."""
    token: Int[np.ndarray, "T C"]
    total: Float[np.ndarray, "T C"]
    """Natural logarithm of the probability of all that was written."""
    kept: Int[np.ndarray, "T N"]
    """The candidates that are the rows of the next step, likeliest first."""
    is_repeating: Bool[np.ndarray, "T N"]
    """Which of these repeat themselves too often, and end there."""
    weights: Float[np.ndarray, "T N S"]
    """The attention weights of each row, of the sentence's own source tokens."""

    def hypotheses(
        self, max_length: int, max_repeats: int, required: Ids, size: int
    ) -> list[Hypothesis]:
        """The hypotheses that ended, in the order in which they ended."""
        parent, token, kept = self.parent.tolist(), self.token.tolist(), self.kept.tolist()
        size_of_step = self.kept.shape[1]

        def path(step: int, candidate: int) -> Path:
            """The path to a candidate of `step`."""
            log_prob, tokens, rows = float(self.total[step, candidate]), [], []
            while True:
                row = parent[step][candidate]
                tokens.append(token[step][candidate])
                rows.append(step * size_of_step + row)
                if not step:
                    return Path(log_prob, tokens[::-1], rows)
                candidate, step = kept[step - 1][row], step - 1

        is_alive = np.isfinite(self.total)
        is_end = (self.token == END) & is_alive
        paths = [path(*one) for one in np.argwhere(is_end[:, :size]).tolist()]
        surplus = [0] * len(paths)
        for step, row in np.argwhere(self.is_repeating).tolist():
            paths.append(path(step, kept[step][row]))
            repeated = cut_repetition(np.array(paths[-1].tokens), max_repeats)[1]
            surplus.append(surplus_tokens(repeated, max_repeats))
        if len(token) == max_length:
            last = max_length - 1
            is_cut = np.take_along_axis(is_alive & ~is_end, self.kept, 1) & ~self.is_repeating
            paths += [path(last, kept[last][row]) for row in np.flatnonzero(is_cut[last])]
            surplus += [0] * (len(paths) - len(surplus))
        return [
            finish(one.tokens, one.log_prob, cut_off, coverage, required)
            for one, cut_off, coverage in zip(paths, surplus, self.coverage(paths), strict=True)
        ]

    def coverage(self, paths: Sequence[Path]) -> list[list[float]]:
        """The highest weights of each path, all at once: for each alone it took 2 % of a batch."""
        steps, rows, width = self.weights.shape
        first = [0, *accumulate(len(path.rows) for path in paths[:-1])]
        index = np.array([row for path in paths for row in path.rows])
        weights = self.weights.reshape(steps * rows, width).take(index, axis=0)
        highest: list[list[float]] = np.maximum.reduceat(weights, first).tolist()
        return highest
