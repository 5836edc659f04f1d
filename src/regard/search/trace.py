"""Everything that a model computes in one translation: what the explorer shows.

Letters: S source tokens and T target tokens, </s> the last of both; E size of an encoder state, H
of a hidden state, M of what is fed forward, A attention heads, V vocabulary.
"""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from regard.shapes import Float
from regard.special import Ids


class LayerTrace(NamedTuple):
    """One decoder layer, at each token."""

    hidden: Float[np.ndarray, "T H"]
    """The decoder's own hidden states."""
    scores: Float[np.ndarray, "A T S"]
    """Before the softmax; -inf where a token is masked."""
    weights: Float[np.ndarray, "A T S"]
    """After it; every row sums to one."""
    context: Float[np.ndarray, "T _"]
    """The weighted sum of the encoder states, or of `Trace.values`; the heads' slices side by side.
    """
    output: Float[np.ndarray, "T M"]
    """Hidden state and context, fed forward."""


class SelfAttentionTrace(NamedTuple):
    """One layer of self-attention: from each token to the tokens of its own sentence."""

    scores: Float[np.ndarray, "A T T"]
    """Before the softmax; -inf where a token is masked."""
    weights: Float[np.ndarray, "A T T"]
    """After it; every row sums to one."""


class Trace(NamedTuple):
    """One sentence and one translation of it."""

    states: Float[np.ndarray, "S E"]
    """The encoder's hidden states; the one at </s> is the final state."""
    values: tuple[Float[np.ndarray, "S _"], ...]
    """Of each decoder layer, the projection of the states that it adds up; none if the layers add
    up the states themselves."""
    layers: tuple[LayerTrace, ...]
    log_probs: Float[np.ndarray, "T V"]
    """Of every possible next token, natural logarithm."""
    encoder_attentions: tuple[SelfAttentionTrace, ...]
    """Of each encoder layer, over the source; none if the layers are recurrent."""
    decoder_attentions: tuple[SelfAttentionTrace, ...]
    """Of each decoder layer, over <s> and the translation so far; none if they are recurrent."""


class Architecture(NamedTuple):
    """What kind of network it is, under the names of the options."""

    attention: str
    encoder_layer_type: str
    decoder_layer_type: str
    encoder: str
    encoder_layers: int
    decoder_layers: int
    heads: int
    embedding_size: int
    encoder_size: int
    decoder_size: int
    self_attention_heads: int
    encoder_feed_forward_size: int
    decoder_feed_forward_size: int


def architecture_of(sizes: Any) -> Architecture:
    """From a network's sizes."""
    return Architecture(*(getattr(sizes, name) for name in Architecture._fields))


@runtime_checkable
class SupportsTrace(Protocol):
    """An engine that returns everything it computes."""

    architecture: Architecture

    def trace(self, source: Ids, target: Ids, bias: Float[np.ndarray, "_ _"]) -> Trace:
        """Force-decode `target` and </s> as a translation of `source`.

        `bias` [T S] (or [1 1]) is added to the attention scores of every layer.
        """
