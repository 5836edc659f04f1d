"""What the graphs of whole searches return, as the hypotheses that the search contract asks for."""

from typing import NamedTuple

import numpy as np

from regard.search.beam import finish
from regard.search.protocols import Hypothesis
from regard.search.repetition import RepetitionCounts, cut_repetition
from regard.shapes import Bool, Float, Int
from regard.special import END


class GreedyOutput(NamedTuple):
    """What the greedy loop wrote for one sentence."""

    tokens: Int[np.ndarray, " T"]
    """With </s>, if it was reached."""
    log_prob: float
    repeated: Int[np.ndarray, " P"]
    """How many tokens repeat at its end, for each period (`RepetitionCounts`)."""

    def hypothesis(self, max_repeats: int) -> Hypothesis:
        counts = RepetitionCounts(self.repeated[None])
        is_repeating = int(counts.repeats()[0]) > max_repeats
        surplus = counts.surplus_tokens(np.intp(0)) if is_repeating else 0
        return finish(self.tokens.tolist(), self.log_prob, surplus)


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

    def hypotheses(self, max_length: int, max_repeats: int, size: int) -> list[Hypothesis]:
        """The hypotheses that ended, in the order in which they ended."""
        parent, token, kept = self.parent.tolist(), self.token.tolist(), self.kept.tolist()

        def path(step: int, candidate: int) -> list[int]:
            """The tokens that led to a candidate, its own the last."""
            backwards = [token[step][candidate]]
            while step:
                candidate, step = kept[step - 1][parent[step][candidate]], step - 1
                backwards.append(token[step][candidate])
            return backwards[::-1]

        is_alive = np.isfinite(self.total)
        is_end = (self.token == END) & is_alive
        ended = [
            Hypothesis(path(step, candidate)[:-1], float(self.total[step, candidate]), "eos")
            for step, candidate in np.argwhere(is_end[:, :size]).tolist()
        ]
        for step, row in np.argwhere(self.is_repeating).tolist():
            candidate = kept[step][row]
            tokens = np.array(path(step, candidate))
            repeated = cut_repetition(tokens, max_repeats)[1]
            output = GreedyOutput(tokens, float(self.total[step, candidate]), repeated)
            ended.append(output.hypothesis(max_repeats))
        if len(token) == max_length:
            last = max_length - 1
            is_cut = np.take_along_axis(is_alive & ~is_end, self.kept, 1) & ~self.is_repeating
            for row in np.flatnonzero(is_cut[last]).tolist():
                candidate = kept[last][row]
                total = float(self.total[last, candidate])
                ended.append(Hypothesis(path(last, candidate), total, "length"))
        return ended
