"""The decoder: it attends to the source after each token, and predicts the next one."""

from collections.abc import Iterable
from typing import NamedTuple, cast

from torch import Tensor, nn

from regard.model.attention import Add, Attention, AttentionLayer, Concatenate
from regard.model.layers import (
    AddAndNorm,
    Dropout,
    Embedding,
    NoResidual,
    feed_forward_sublayer,
    init_linear,
    sinusoids,
)
from regard.model.memory import LayerState, Memory, State
from regard.model.precision import widened
from regard.model.recurrence import RECURRENCES, Recurrence
from regard.model.scores import SCORES
from regard.model.self_attention import SelfAttention
from regard.model.sizes import Dropouts, Sizes
from regard.shapes import Float, Int

Tokens = Int[Tensor, "B T"]
ScoreBias = Float[Tensor, "#B #T S"] | float
"""What is added to the scores of every head."""
EncoderStates = Float[Tensor, "B S E"]
OutputVectors = Float[Tensor, "B T M"]


class DecoderOutput(NamedTuple):
    """What the decoder computes before the output layer."""

    output: OutputVectors
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


class RecurrentLayer(AttentionLayer):
    """Recur, attend, feed forward; then a residual connection where there are several layers."""

    recur: Recurrence

    def __init__(self, sizes: Sizes, dropouts: Dropouts, is_last: bool) -> None:
        super().__init__()
        inputs, states, hidden = sizes.embedding_size, sizes.encoder_size, sizes.decoder_size
        self.recur = RECURRENCES[sizes.decoder_layer_type](inputs, hidden)
        self.score = SCORES[sizes.attention](hidden, states, sizes.heads)
        self.attention_dropout = Dropout(dropouts.attention)
        self.join = Concatenate()
        self.feed_forward = nn.Sequential(
            nn.Linear(hidden + states, inputs),
            nn.Tanh(),
            Dropout(dropouts.output if is_last else dropouts.hidden),
        )
        self.norm = AddAndNorm(inputs) if sizes.decoder_layers > 1 else NoResidual()
        self.sublayer = feed_forward_sublayer(
            inputs, sizes.decoder_feed_forward_size, dropouts.hidden
        )
        self.bridge = nn.Sequential(nn.Linear(states, hidden * self.recur.state_tensors), nn.Tanh())

    def initial_state(self, final: Float[Tensor, "B E"]) -> LayerState:
        """The state before the first token, computed from the encoder's final state."""
        return tuple(widened(self.bridge(final)).chunk(self.recur.state_tensors, dim=-1))

    def residual(self, inputs: OutputVectors, outputs: OutputVectors) -> OutputVectors:
        return self.sublayer(self.norm.residual(inputs, outputs))


class SelfAttentionLayer(AttentionLayer):
    """A Transformer's: attend to the translation so far, attend to the source, feed forward; each
    with a residual connection, normalised before it."""

    recur: SelfAttention

    def __init__(self, sizes: Sizes, dropouts: Dropouts, is_last: bool) -> None:
        super().__init__()
        size, states = sizes.decoder_size, sizes.encoder_size
        self.recur = SelfAttention(size, sizes.self_attention_heads, dropouts)
        self.score = SCORES[sizes.attention](size, states, sizes.heads)
        self.to_value, query = nn.Linear(states, size), nn.Linear(size, size)
        init_linear(self.to_value, query)
        normalized_query = nn.Sequential(nn.LayerNorm(size), query)
        self.to_query = normalized_query if self.score.compares else nn.Identity()
        self.attention_dropout = Dropout(dropouts.attention)
        self.join = Add(size, size, dropouts.hidden)
        self.feed_forward = feed_forward_sublayer(
            size, sizes.decoder_feed_forward_size, dropouts.hidden
        )

    def query(self, hidden: Float[Tensor, "B T H"]) -> Float[Tensor, "B T H"]:
        return self.to_query(hidden)

    def initial_state(self, final: Float[Tensor, "B E"]) -> LayerState:
        return self.recur.initial_state(final)


class Decoder(nn.Module):
    """The part that all decoders share; `DECODERS` has one for each type of layer."""

    layer_type: type[RecurrentLayer] | type[SelfAttentionLayer]

    def __init__(
        self, embed: Embedding, output_layer: nn.Linear, sizes: Sizes, dropouts: Dropouts
    ) -> None:
        super().__init__()
        self.embed, self.output_layer = embed, output_layer
        last = sizes.decoder_layers - 1
        self.layers = nn.ModuleList(
            self.layer_type(sizes, dropouts, number == last) for number in range(last + 1)
        )

    @property
    def stack(self) -> Iterable[RecurrentLayer | SelfAttentionLayer]:
        return cast(Iterable[RecurrentLayer | SelfAttentionLayer], self.layers)

    def keys(self, states: EncoderStates) -> tuple[Float[Tensor, "B S _"], ...]:
        return tuple(layer.score.keys(states) for layer in self.stack)

    def values(self, states: EncoderStates) -> tuple[Float[Tensor, "B S _"], ...]:
        """What the layers add up instead of the states themselves (`Memory.values`)."""
        return ()

    def initial_state(self, memory: Memory) -> State:
        """The state before the first token."""
        return tuple(layer.initial_state(memory.final) for layer in self.stack)

    def inputs(self, tokens: Tokens, state: State) -> OutputVectors:
        """What the first layer reads of these tokens."""
        return self.embed(tokens)

    def output(self, outputs: OutputVectors) -> OutputVectors:
        """What the output layer reads of the last layer's output."""
        return outputs

    def attend(
        self, tokens: Tokens, memory: Memory, state: State, bias: ScoreBias
    ) -> DecoderOutput:
        """Attend to the source after each of `tokens`, layer by layer (`AttentionLayer.attend`)."""
        if isinstance(bias, Tensor):
            bias = bias[:, None]
        output, attentions, states_after = self.inputs(tokens, state), [], []
        for layer, layer_memory, before in zip(self.stack, memory.layers(), state, strict=True):
            attention, after = layer.attend(output, layer_memory, before, bias)
            output = attention.output
            attentions.append(attention)
            states_after.append(after)
        return DecoderOutput(self.output(output), tuple(attentions), tuple(states_after))

    def forward(self, tokens: Tokens, memory: Memory, state: State, bias: ScoreBias) -> Step:
        """Predict the token that follows each of `tokens`: which one is next?"""
        output, attentions, after = self.attend(tokens, memory, state, bias)
        return Step(self.output_layer(output), attentions, after)

    def self_attentions(
        self, tokens: Tokens, state: State, attentions: tuple[Attention, ...]
    ) -> tuple[Attention, ...]:
        """The self-attention of each layer in the step that returned `attentions`; a recurrence has
        none."""
        return ()


class RecurrentDecoder(Decoder):
    layer_type = RecurrentLayer


class SelfAttentionDecoder(Decoder):
    """Its layers are told the positions of tokens; their output is normalised at the end."""

    layer_type = SelfAttentionLayer

    def __init__(
        self, embed: Embedding, output_layer: nn.Linear, sizes: Sizes, dropouts: Dropouts
    ) -> None:
        super().__init__(embed, output_layer, sizes, dropouts)
        self.norm = nn.LayerNorm(sizes.decoder_size)
        self.dropout = Dropout(dropouts.output)

    def values(self, states: EncoderStates) -> tuple[Float[Tensor, "B S _"], ...]:
        return tuple(cast(SelfAttentionLayer, layer).to_value(states) for layer in self.stack)

    def inputs(self, tokens: Tokens, state: State) -> OutputVectors:
        embedded, first = self.embed(tokens), state[0][0].size(1)
        return embedded + sinusoids(first, tokens.size(1), embedded)

    def output(self, outputs: OutputVectors) -> OutputVectors:
        return self.dropout(self.norm(outputs))

    def self_attentions(
        self, tokens: Tokens, state: State, attentions: tuple[Attention, ...]
    ) -> tuple[Attention, ...]:
        inputs = [self.inputs(tokens, state), *(one.output for one in attentions[:-1])]
        return tuple(
            cast(SelfAttentionLayer, layer).recur.decode(vectors, before)[0]
            for layer, vectors, before in zip(self.stack, inputs, state, strict=True)
        )


DECODERS: dict[str, type[Decoder]] = {
    **dict.fromkeys(RECURRENCES, RecurrentDecoder),
    "self-attention": SelfAttentionDecoder,
}
