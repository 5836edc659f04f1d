"""Attention, step by step: from the encoder's hidden states to the next token."""

from collections.abc import Iterable
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from regard.model.attention import SCORES, Score, join_heads, split_heads
from regard.model.layers import AddAndNorm, Dropout, Embedding, NoResidual
from regard.model.memory import Memory, State
from regard.model.recurrence import LAYERS, Recurrence, RecurrentState
from regard.model.sizes import Dropouts, Sizes
from regard.shapes import Float, Int

Tokens = Int[Tensor, "B T"]
ScoreBias = Float[Tensor, "#B #T S"] | float
"""What is added to the scores of every head."""


class Attention(NamedTuple):
    """The attention of one decoder layer at each target token; every head has its own."""

    hidden: Float[Tensor, "B T H"]
    """The decoder's own hidden states, which attend."""
    scores: Float[Tensor, "B A T S"]
    weights: Float[Tensor, "B A T S"]
    context: Float[Tensor, "B A T C"]
    output: Float[Tensor, "B T M"]
    """Hidden state and context, fed forward."""


class DecoderOutput(NamedTuple):
    """What the decoder computes before the output layer."""

    output: Float[Tensor, "B T M"]
    """Hidden state and context, fed forward by the last layer."""
    attentions: tuple[Attention, ...]
    """One for each decoder layer."""
    state: State
    """After the last token."""


class Step(NamedTuple):
    """What the decoder computes for one token, or for T tokens at once."""

    logits: Float[Tensor, "B T V"]
    attentions: tuple[Attention, ...]
    state: State


class DecoderLayer(nn.Module):
    """Recur, attend, feed forward; then a residual connection where there are several layers."""

    recur: Recurrence
    score: Score
    feed_forward: nn.Sequential
    norm: AddAndNorm | NoResidual

    def __init__(self, sizes: Sizes, dropout: float) -> None:
        super().__init__()
        inputs, states, hidden = sizes.embedding_size, sizes.encoder_size, sizes.decoder_size
        self.recur = LAYERS[sizes.layer_type](inputs, hidden)
        self.score = SCORES[sizes.attention](hidden, states, sizes.heads)
        self.feed_forward = nn.Sequential(
            nn.Linear(hidden + states, inputs), nn.Tanh(), Dropout(dropout)
        )
        self.norm = AddAndNorm(inputs) if sizes.decoder_layers > 1 else NoResidual()
        self.bridge = nn.Sequential(nn.Linear(states, hidden * self.recur.state_tensors), nn.Tanh())

    def initial_state(self, final: Float[Tensor, "B E"]) -> RecurrentState:
        """The state before the first token, computed from the encoder's final state."""
        return tuple(self.bridge(final).float().chunk(self.recur.state_tensors, dim=-1))

    def residual(self, inputs: Float[Tensor, "B T M"], outputs: Float[Tensor, "B T M"]) -> Tensor:
        return self.norm.residual(inputs, outputs)


class Decoder(nn.Module):
    def __init__(
        self, embed: Embedding, output_layer: nn.Linear, sizes: Sizes, dropouts: Dropouts
    ) -> None:
        super().__init__()
        self.embed, self.output_layer, self.heads = embed, output_layer, sizes.heads
        after_each = [dropouts.hidden] * (sizes.decoder_layers - 1) + [dropouts.output]
        self.layers = nn.ModuleList(DecoderLayer(sizes, dropout) for dropout in after_each)

    @property
    def stack(self) -> Iterable[DecoderLayer]:
        return cast(Iterable[DecoderLayer], self.layers)

    def keys(self, states: Float[Tensor, "B S E"]) -> tuple[Float[Tensor, "B S _"], ...]:
        return tuple(layer.score.keys(states) for layer in self.stack)

    def initial_state(self, memory: Memory) -> State:
        """The hidden state before the first token."""
        return tuple(layer.initial_state(memory.final) for layer in self.stack)

    def attend(
        self, tokens: Tokens, memory: Memory, state: State, bias: ScoreBias
    ) -> DecoderOutput:
        """Attend to the source after each of `tokens`.

        In training and forced decoding all tokens of a translation are given at once; a search
        gives one token a step, with the `state` that the previous step returned. `bias` is added
        to the scores.
        """
        if isinstance(bias, Tensor):
            bias = bias[:, None]
        inputs, attentions, states_after = self.embed(tokens), [], []
        for layer, keys, before in zip(self.stack, memory.keys, state, strict=True):
            # fmt: off
            hidden, after = layer.recur(inputs, before)                # B T H    the decoder's own hidden states
            states = split_heads(memory.states, self.heads)            # B A S C  step 1: look at the encoder states
            scores = layer.score(hidden, keys, memory.is_token)        # B A T S  step 2: give each of them a score
            weights = (scores + bias).softmax(dim=-1)                  # B A T S  step 3: softmax the scores,
            context = weights @ states                                 # B A T C    weigh each state by its own, add
            both = torch.cat([hidden, join_heads(context)], dim=-1)    # B T H+E  put hidden and context together
            inputs = layer.residual(inputs, layer.feed_forward(both))  # B T M    feed both forward
            # fmt: on
            attentions.append(Attention(hidden, scores + bias, weights, context, inputs))
            states_after.append(after)
        return DecoderOutput(inputs, tuple(attentions), tuple(states_after))

    def forward(self, tokens: Tokens, memory: Memory, state: State, bias: ScoreBias) -> Step:
        """Predict the token that follows each of `tokens`: which one is next?"""
        output, attentions, after = self.attend(tokens, memory, state, bias)
        return Step(self.output_layer(output), attentions, after)
