"""Attention, step by step: from the encoder's hidden states to the next token."""

from collections.abc import Iterable
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from regard.model.attention import SCORES, Score, join, split
from regard.model.layers import AddAndNormalise, Dropout, Embedding, Replace
from regard.model.memory import Memory, State
from regard.model.recurrence import RECURRENCES, Carried, Recurrence
from regard.shapes import Float, Int


class Look(NamedTuple):
    """One look at the source, for each token; each head has its own."""

    hidden: Float[Tensor, "B T H"]
    """Who looks: the decoder's own hidden states."""
    scores: Float[Tensor, "B A T S"]
    weights: Float[Tensor, "B A T S"]
    context: Float[Tensor, "B A T C"]
    output: Float[Tensor, "B T M"]
    """What became of it: hidden state and context, fed forward."""


class Attended(NamedTuple):
    """What the decoder has worked out before it names a token."""

    output: Float[Tensor, "B T M"]
    """Hidden state and context, fed forward."""
    looks: tuple[Look, ...]
    """One look for each decoder layer."""
    state: State
    """What the recurrences carry behind the last token."""


class Step(NamedTuple):
    """All that the decoder worked out on its way to one token, or to T tokens at once."""

    logits: Float[Tensor, "B T V"]
    looks: tuple[Look, ...]
    state: State


class DecoderLayer(nn.Module):
    """Recur, look, feed forward; and carry the result on to the next layer."""

    recur: Recurrence
    score: Score
    feed_forward: nn.Sequential
    carry: AddAndNormalise | Replace

    def __init__(
        self,
        size: int,
        states: int,
        hidden: int,
        heads: int,
        dropout: float,
        attention: str,
        recurrence: str,
        deep: bool,
    ) -> None:
        super().__init__()
        self.recur = RECURRENCES[recurrence](size, hidden)
        self.score = SCORES[attention](hidden, states, heads)
        self.feed_forward = nn.Sequential(
            nn.Linear(hidden + states, size), nn.Tanh(), Dropout(dropout)
        )
        self.carry = AddAndNormalise(size) if deep else Replace()
        self.bridge = nn.Sequential(nn.Linear(states, hidden * self.recur.carried), nn.Tanh())

    def begin(self, final: Float[Tensor, "B E"]) -> Carried:
        """What is carried before the first token, from the encoder's final state."""
        return tuple(self.bridge(final).float().chunk(self.recur.carried, dim=-1))


class Decoder(nn.Module):
    def __init__(
        self,
        embed: Embedding,
        word: nn.Linear,
        size: int,
        states: int,
        hidden: int,
        layers: int,
        heads: int,
        dropout_hidden: float,
        dropout_output: float,
        attention: str,
        recurrence: str,
    ) -> None:
        super().__init__()
        self.embed, self.word, self.heads = embed, word, heads
        dropouts = [dropout_hidden] * (layers - 1) + [dropout_output]
        self.layers = nn.ModuleList(
            DecoderLayer(
                size, states, hidden, heads, dropout, attention, recurrence, deep=layers > 1
            )
            for dropout in dropouts
        )

    @property
    def stack(self) -> Iterable[DecoderLayer]:
        return cast(Iterable[DecoderLayer], self.layers)

    def keys(self, states: Float[Tensor, "B S E"]) -> tuple[Float[Tensor, "B S _"], ...]:
        return tuple(layer.score.keys(states) for layer in self.stack)

    def begin(self, memory: Memory) -> State:
        """The hidden state before the first token."""
        return tuple(layer.begin(memory.final) for layer in self.stack)

    def attend(
        self,
        tokens: Int[Tensor, "B T"],
        memory: Memory,
        state: State,
        bias: Float[Tensor, "#B #T S"] | float,
    ) -> Attended:
        """Look at the source from behind each of `tokens`.

        The tokens of a known translation go in together (training, alignment); in a search they go
        in one by one, each with the `state` that the last step gave. `bias` is added to the scores.
        """
        if isinstance(bias, Tensor):
            bias = bias[:, None]
        inputs, looks, carried = self.embed(tokens), [], []
        for layer, keys, before in zip(self.stack, memory.keys, state, strict=True):
            # fmt: off
            hidden, after = layer.recur(inputs, before)            # B T H    the decoder's own hidden states
            states = split(memory.states, self.heads)              # B A S C  step 1: look at the encoder states
            scores = layer.score(hidden, keys, memory.is_token)    # B A T S  step 2: give each of them a score
            weights = (scores + bias).softmax(dim=-1)              # B A T S  step 3: soft-max the scores,
            context = weights @ states                             # B A T C    weigh each state by its own, add
            both = torch.cat([hidden, join(context)], dim=-1)      # B T H+E  put hidden and context together
            inputs = layer.carry(inputs, layer.feed_forward(both)) # B T M    feed both forward
            # fmt: on
            looks.append(Look(hidden, scores + bias, weights, context, inputs))
            carried.append(after)
        return Attended(inputs, tuple(looks), tuple(carried))

    def forward(
        self,
        tokens: Int[Tensor, "B T"],
        memory: Memory,
        state: State,
        bias: Float[Tensor, "#B #T S"] | float,
    ) -> Step:
        """Predict the token that follows each of `tokens`: which one is next?"""
        output, looks, after = self.attend(tokens, memory, state, bias)
        return Step(self.word(output), looks, after)
