"""Attention, step by step: from the states that are attended to, to what is fed forward."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from regard.model.layers import Dropout, Vectors, init_linear
from regard.model.memory import LayerMemory, LayerState
from regard.model.scores import Score, join_heads, split_heads
from regard.shapes import Float

HeadBias = Float[Tensor, "#B 1 #T S"] | float
"""What is added to the scores, the same in every head."""


class Attention(NamedTuple):
    """The attention of one layer at each of its tokens; every head has its own."""

    hidden: Float[Tensor, "B T H"]
    """The layer's own hidden states, which attend."""
    scores: Float[Tensor, "B A T S"]
    weights: Float[Tensor, "B A T S"]
    context: Float[Tensor, "B A T C"]
    output: Float[Tensor, "B T M"]
    """Hidden state and context, fed forward."""


class Concatenate(nn.Module):
    """Put hidden state and context side by side (Luong et al. 2015, eq. 5)."""

    def forward(
        self, hidden: Float[Tensor, "B T H"], context: Float[Tensor, "B T E"]
    ) -> Float[Tensor, "B T H_plus_E"]:
        return torch.cat([hidden, context], dim=-1)


class Add(nn.Module):
    """Add a projection of the context to the hidden state (Vaswani et al. 2017, 3.1 and 3.2.2)."""

    def __init__(self, context_size: int, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.output, self.dropout = nn.Linear(context_size, hidden_size), Dropout(dropout)
        init_linear(self.output)

    def forward(
        self, hidden: Float[Tensor, "B T H"], context: Float[Tensor, "B T _"]
    ) -> Float[Tensor, "B T H"]:
        return hidden + self.dropout(self.output(context))


class AttentionLayer(nn.Module):
    """The extra step of attention, whoever attends to whatever: the decoder to the encoder's states
    (`decoder`), or a sentence to its own words (`self_attention`)."""

    recur: Callable[[Vectors, LayerState], tuple[Vectors, LayerState]]
    score: Score
    attention_dropout: Dropout
    join: Concatenate | Add
    feed_forward: nn.Module

    def query(self, hidden: Float[Tensor, "B T H"]) -> Float[Tensor, "B T H"]:
        """What of the hidden states is compared with the keys."""
        return hidden

    def residual(self, inputs: Vectors, outputs: Vectors) -> Vectors:
        """What the layer passes on, from its inputs and from what was fed forward."""
        return outputs

    def attend(
        self, inputs: Vectors, memory: LayerMemory, state: LayerState, bias: HeadBias
    ) -> tuple[Attention, LayerState]:
        """Attend to `memory` after each of the inputs, and return the state after the last one.

        In training and forced decoding all tokens of a translation are given at once; a search
        gives one token a step, with the `state` that the previous step returned. `bias` is added
        to the scores.
        """
        heads = self.score.heads
        # fmt: off
        hidden, after = self.recur(inputs, state)                                       # B T H    the layer's own hidden states
        states = split_heads(memory.states, heads)                                      # B A S C  step 1: look at the encoder states
        scores = self.score(self.query(hidden), memory.keys, memory.may_attend) + bias  # B A T S  step 2: give each of them a score
        weights = scores.softmax(dim=-1)                                                # B A T S  step 3: softmax the scores,
        context = self.attention_dropout(weights) @ states                              # B A T C    weigh each state by its own, add
        both = self.join(hidden, join_heads(context))                                   # B T H+E  put hidden and context together
        output = self.residual(inputs, self.feed_forward(both))                         # B T M    feed both forward
        # fmt: on
        return Attention(hidden, scores, weights, context, output), after
