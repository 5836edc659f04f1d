"""What the search asks of an engine, and what an engine gives it.

Token ids and small numpy arrays go between them; an engine owns the tensors. R is the number of
hypotheses that are still being written.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from regard.shapes import Bool, Float, Int
from regard.special import Ids


class LogitBias(NamedTuple):
    """What to add to the logits of single next tokens before the soft-max; -inf forbids one."""

    rows: Int[np.ndarray, " J"]
    tokens: Int[np.ndarray, " J"]
    biases: Float[np.ndarray, " J"]


NO_LOGIT_BIAS = LogitBias(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
NO_ATTENTION_BIAS = np.zeros((1, 1), np.float32)


class TopK(NamedTuple):
    """The likeliest next tokens of each row, likeliest first."""

    tokens: Int[np.ndarray, "R k"]
    log_probs: Float[np.ndarray, "R k"]


@runtime_checkable
class Decoding(Protocol):
    """A batch of sentences that is being translated."""

    def advance(
        self,
        rows: Int[np.ndarray, " R"],
        tokens: Int[np.ndarray, "R T"],
        k: int,
        attention_bias: Float[np.ndarray, "_ _"],
        logit_bias: LogitBias,
    ) -> TopK:
        """Go on from the former rows `rows` with `tokens`; the `k` likeliest tokens behind them.

        In the first call `rows` are sentences. A row may go on more than once, or not at all.
        `bias` [R S] (or [1 1]) is added to the scores of every look.
        """


class Forced(NamedTuple):
    """How the model reads one given translation."""

    log_probs: Float[np.ndarray, " T"]
    """Of each token, natural logarithm."""
    weights: Float[np.ndarray, "L A T S"]
    """Of each look: layer, head, target token, source token; </s> is the last of both."""

    def token_weights(self) -> Float[np.ndarray, "T S"]:
        """One weight for each target and source token: the last layer's, the mean of its heads.

        This is what heat maps and alignments show. Every row still sums to one. The look of the
        last layer is the one behind which a word is named; layers before it may look elsewhere, at
        the word that was named last (benchmarks/attention_links.py measures it).
        """
        return self.weights[-1].mean(axis=0)


@runtime_checkable
class Engine(Protocol):
    """Where the tensors live: PyTorch, or another."""

    tokens: int
    """Size of the target vocabulary."""

    def encode(self, sources: Sequence[Ids]) -> Decoding:
        """Read the sentences, given without </s>."""

    def force(self, sources: Sequence[Ids], targets: Sequence[Ids]) -> list[Forced]:
        """Read given translations: of each its tokens and </s>."""


class GreedyOutput(NamedTuple):
    """What an engine wrote for one sentence."""

    tokens: Int[np.ndarray, " T"]
    """With </s>, if it came to that."""
    log_prob: float
    repeated: Int[np.ndarray, " P"]
    """How long the text has repeated itself at its end, for each period (`Circles`)."""


@runtime_checkable
class SupportsGreedy(Protocol):
    """An engine that keeps the greedy loop to itself, for speed."""

    def write(
        self, sources: Sequence[Ids], limits: Sequence[int], rounds: Sequence[int]
    ) -> list[GreedyOutput]:
        """Pick the likeliest next token of each sentence until </s>, at most so many (`limits`), or
        until there have been more than so many rounds of a circle.

        It writes what `walk` would write.
        """


class BeamSteps(NamedTuple):
    """What a beam looked at in each of T steps: C candidates, likeliest first, for N rows."""

    parent: Int[np.ndarray, "T C"]
    """The row that each goes on."""
    token: Int[np.ndarray, "T C"]
    total: Float[np.ndarray, "T C"]
    """Natural logarithm of the probability of all that was written."""
    kept: Int[np.ndarray, "T N"]
    """The candidates that are the rows of the next step, likeliest first."""
    is_repeating: Bool[np.ndarray, "T N"]
    """Which of these have made too many rounds of a circle, and are dead from there on."""


@runtime_checkable
class SupportsBeam(Protocol):
    """An engine that keeps the loop of a beam search to itself, for speed."""

    largest_beam: int

    def search(
        self, sources: Sequence[Ids], limits: Sequence[int], rounds: Sequence[int], size: int
    ) -> list[BeamSteps]:
        """What `beam` looks at in each step; arguments as in `Writes`."""
