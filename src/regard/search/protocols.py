"""What a search asks of an engine, and what an engine returns.

Token ids and small numpy arrays are passed between them; an engine owns the tensors. R is the
number of hypotheses that are not finished yet, S the number of source tokens.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np

from regard.alignment.head import HeadOutput
from regard.shapes import Float, Int
from regard.special import Ids

FinishReason = Literal["eos", "length", "repetition"]
"""Why a hypothesis ended: it wrote </s>, reached its length limit, or repeated itself."""


class Hypothesis(NamedTuple):
    tokens: list[int]
    """Without <s> and </s>; a repetition is cut back to its first round."""
    log_prob: float
    """Natural logarithm of the probability of all that was written, </s> included."""
    finish_reason: FinishReason
    coverage: tuple[float, ...] = ()
    """The highest attention weight that each source token, </s> included, received: the maximum of
    `Forced.token_weights` over the tokens that were written, </s> included. The steps of a
    repetition that was cut back count. Empty for scores whose weights are fixed."""


class LogitBias(NamedTuple):
    """What to add to the logits of single next tokens before the softmax; -inf forbids one."""

    rows: Int[np.ndarray, " J"]
    tokens: Int[np.ndarray, " J"]
    biases: Float[np.ndarray, " J"]


AttentionBias = Float[np.ndarray, "_ _"]
"""What to add to the attention scores [R S] (or [1 1]) of every layer."""
NO_LOGIT_BIAS = LogitBias(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
NO_ATTENTION_BIAS = np.zeros((1, 1), np.float32)


class TopK(NamedTuple):
    """The likeliest next tokens of each row, likeliest first."""

    tokens: Int[np.ndarray, "R k"]
    log_probs: Float[np.ndarray, "R k"]
    weights: Float[np.ndarray, "R S"]
    """The highest attention weight of each source token, over the tokens that were appended (last
    layer, mean of the heads); S is 0 for scores whose weights are fixed."""


@runtime_checkable
class Decoding(Protocol):
    """A batch of sentences that is being translated."""

    def advance(
        self,
        rows: Int[np.ndarray, " R"],
        tokens: Int[np.ndarray, "R T"],
        k: int,
        attention_bias: AttentionBias,
        logit_bias: LogitBias,
    ) -> TopK:
        """Continue the previous call's rows `rows` with `tokens`; the `k` likeliest next tokens.

        A placeholder symbol is impossible unless its sentence requires it and it is not written
        yet, and </s> is impossible before all of them are written: their log-probability is -inf.
        In the first call `rows` are sentences. A row may continue more than once, or not at all.
        `attention_bias` [R S] (or [1 1]) is added to the attention scores of every layer.
        """


HeadSummary = Callable[[Float[np.ndarray, "A T S"]], Float[np.ndarray, "T S"]]
"""One weight for each target and source token, of those of a layer's heads; rows sum to one."""


def mean_of_heads(weights: Float[np.ndarray, "A T S"]) -> Float[np.ndarray, "T S"]:
    return weights.mean(axis=0)


def first_head(weights: Float[np.ndarray, "A T S"]) -> Float[np.ndarray, "T S"]:
    """What guided alignment teaches."""
    return weights[0]


class Forced(NamedTuple):
    """Forced decoding of one given translation."""

    log_probs: Float[np.ndarray, " T"]
    """Of each token, natural logarithm; placeholder symbols that the translation does not hold are
    impossible."""
    weights: Float[np.ndarray, "L A T S"]
    """Attention weights of each layer and head; </s> is the last target and source token."""

    def token_weights(self) -> Float[np.ndarray, "T S"]:
        """One weight for each target and source token: the last layer's, the mean of its heads.

        The last layer's attention is the one directly before the output layer; earlier layers may
        attend to the token written before (benchmarks/attention_links.py measures it).
        """
        return mean_of_heads(self.weights[-1])

    def readings(self) -> list[Float[np.ndarray, "T S"]]:
        """What may tell which source token each target token translates, in a model without guided
        alignment.

        A single layer is the one before the output layer. Of several, the last one may attend to
        what is translated, or the first one: in the step that writes the token, or in the next one,
        which reads it (Chen et al. 2020); </s> keeps its own. Which it is differs from one
        training to another (docs/benchmarks.md, Word alignment).
        """
        last = self.token_weights()
        if len(self.weights) == 1:
            return [last]
        first = mean_of_heads(self.weights[0])
        return [last, first, np.concatenate([first[1:], first[-1:]])]


@runtime_checkable
class Engine(Protocol):
    """Owns a model's tensors: PyTorch, or ONNX Runtime."""

    tokens: int
    """Size of the target vocabulary."""

    def batch_size(self, length: int, beam: int) -> int:
        """How many sentences of `length` tokens to translate together, with this beam."""

    def encode(self, sources: Sequence[Ids], required: Sequence[Ids] = ()) -> Decoding:
        """Read the sentences, given without </s>; `required` are the placeholder symbols of each
        translation, none where it is empty."""

    def force(self, sources: Sequence[Ids], targets: Sequence[Ids]) -> list[Forced]:
        """Force-decode a translation of each sentence, its tokens and </s>."""


@runtime_checkable
class SupportsGreedy(Protocol):
    """An engine that runs the greedy loop itself, which is faster."""

    def greedy(
        self,
        sources: Sequence[Ids],
        max_lengths: Sequence[int],
        max_repeats: Sequence[int],
        required: Sequence[Ids],
    ) -> list[Hypothesis]:
        """What `beam.generate` with the likeliest token at each step returns."""


@runtime_checkable
class SupportsBeam(Protocol):
    """An engine that runs the loop of a beam search itself, which is faster."""

    largest_beam: int

    def beam(
        self,
        sources: Sequence[Ids],
        max_lengths: Sequence[int],
        max_repeats: Sequence[int],
        required: Sequence[Ids],
        size: int,
    ) -> list[list[Hypothesis]]:
        """All hypotheses of each sentence that ended, in the order in which they ended."""


@runtime_checkable
class SupportsAlignment(Protocol):
    """An engine that runs alignment heads."""

    has_alignment_head: bool
    """Whether this model has one."""

    def token_vectors(self, sources: Sequence[Ids], targets: Sequence[Ids]) -> list[HeadOutput]:
        """What the head says of the tokens of each sentence and its translation, both without
        </s>."""


@runtime_checkable
class SupportsShortlist(Engine, Protocol):
    """An engine that knows the few hundred tokens that a sentence may need."""

    def with_shortlist(self) -> "SupportsShortlist":
        """The same engine, whose translations consist of these tokens alone."""
