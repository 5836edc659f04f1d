"""What the graphs of whole searches return, as the hypotheses that the search contract asks for."""

from typing import NamedTuple

import numpy as np

from regard.search.beam import finish
from regard.search.protocols import Hypothesis
from regard.search.repetition import RepetitionCounts, cut_repetition, zero_counts
from regard.shapes import Bool, Float, Int
from regard.special import END, Ids

NO_REPEATS = zero_counts(1).repeated[0]


class WrittenOutput(NamedTuple):
    """What a loop wrote for one sentence."""

    tokens: Int[np.ndarray, " T"]
    """With </s>, if it was reached."""
    log_prob: float
    repeated: Int[np.ndarray, " P"]
    """How many tokens repeat at its end, for each period (`RepetitionCounts`)."""
    coverage: Float[np.ndarray, " S"]
    """The sum of the attention weights of these tokens; of the sentence's own source tokens."""

    def hypothesis(self, max_repeats: int, required: Ids) -> Hypothesis:
        counts = RepetitionCounts(self.repeated[None])
        is_repeating = int(counts.repeats()[0]) > max_repeats
        surplus = counts.surplus_tokens(np.intp(0)) if is_repeating else 0
        return finish(self.tokens.tolist(), self.log_prob, surplus, self.coverage, required)


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

        def written(step: int, candidate: int) -> WrittenOutput:
            """What was written up to a candidate, whose token is the last."""
            rows, tokens, last = [parent[step][candidate]], [token[step][candidate]], step
            total = float(self.total[step, candidate])
            while step:
                candidate, step = kept[step - 1][rows[-1]], step - 1
                rows.append(parent[step][candidate])
                tokens.append(token[step][candidate])
            coverage = self.weights[np.arange(last, -1, -1), rows].sum(axis=0)
            return WrittenOutput(np.array(tokens[::-1]), total, NO_REPEATS, coverage)

        is_alive = np.isfinite(self.total)
        is_end = (self.token == END) & is_alive
        ended = [written(*one) for one in np.argwhere(is_end[:, :size]).tolist()]
        for step, row in np.argwhere(self.is_repeating).tolist():
            output = written(step, kept[step][row])
            repeated = cut_repetition(output.tokens, max_repeats)[1]
            ended.append(output._replace(repeated=repeated))
        if len(token) == max_length:
            last = max_length - 1
            is_cut = np.take_along_axis(is_alive & ~is_end, self.kept, 1) & ~self.is_repeating
            ended += [written(last, kept[last][row]) for row in np.flatnonzero(is_cut[last])]
        return [output.hypothesis(max_repeats, required) for output in ended]
