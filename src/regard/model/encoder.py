"""The encoder: one hidden state for each source token, read from the left or from both sides."""

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from regard.model.attention import Attention
from regard.model.layers import (
    AddAndNorm,
    Dropout,
    Embedding,
    NoResidual,
    Norm,
    feed_forward_sublayer,
    is_token,
    sinusoids,
)
from regard.model.recurrence import RECURRENCES
from regard.model.self_attention import SelfAttention, up_to_itself
from regard.model.sizes import Dropouts, Sizes
from regard.shapes import Bool, Float, Int
from regard.special import PAD

Source = Int[Tensor, "B S"]


class EncoderOutput(NamedTuple):
    states: Float[Tensor, "B S E"]
    self_attentions: tuple[Attention, ...]
    """Of each layer of self-attention; a recurrence has none."""


class Reversal(NamedTuple):
    """Indices into all B · S positions of a batch, sentence after sentence."""

    reversed: Int[Tensor, " P"]
    """Each sentence from right to left; its padding stays at the end."""
    restored: Int[Tensor, " P"]
    """From a reversed reading to the state that belongs to each token; at </s> the last one."""


def reversal_indices(source: Source) -> Reversal:
    position = torch.arange(source.size(1), device=source.device)
    first = torch.arange(len(source), device=source.device)[:, None] * source.size(1)
    last = (source != PAD).sum(1, keepdim=True) - 1
    mirrored = torch.where(position <= last, last - position, position)
    restored = torch.where(position == last, last, mirrored)
    return Reversal((first + mirrored).flatten(), (first + restored).flatten())


def gather_rows(vectors: Float[Tensor, "B S D"], index: Int[Tensor, " P"]) -> Tensor:
    return vectors.flatten(0, 1).index_select(0, index).view(vectors.shape)


class Unidirectional(nn.Module):
    """Reads from left to right: the state at a token has seen the tokens up to it."""

    def __init__(self, input_size: int, size: int, layer_type: str) -> None:
        super().__init__()
        self.forward_rnn = RECURRENCES[layer_type](input_size, size)

    def forward(self, inputs: Float[Tensor, "B S I"], reversal: Reversal) -> Tensor:
        """The states [B S E]."""
        return self.forward_rnn.from_zeros(inputs)

    @staticmethod
    def may_attend(source: Source, inputs: Float[Tensor, "B S _"]) -> Bool[Tensor, "B S S"]:
        """Where self-attention reads from left to right: up to each token."""
        return is_token(source)[:, None] & up_to_itself(inputs, source.size(1))


class Bidirectional(nn.Module):
    """Reads from both sides (Schuster & Paliwal 1997; Bahdanau et al. 2015, 3.2).

    In both halves the state at </s> is the one after the complete sentence: the final state.
    """

    def __init__(self, input_size: int, size: int, layer_type: str) -> None:
        super().__init__()
        layer, half = RECURRENCES[layer_type], size // 2
        self.forward_rnn, self.backward_rnn = layer(input_size, half), layer(input_size, half)

    def forward(self, inputs: Float[Tensor, "B S I"], reversal: Reversal) -> Tensor:
        """The states [B S E], both halves side by side."""
        backward = self.backward_rnn.from_zeros(gather_rows(inputs, reversal.reversed))
        restored = gather_rows(backward, reversal.restored)
        return torch.cat([self.forward_rnn.from_zeros(inputs), restored], dim=-1)

    @staticmethod
    def may_attend(source: Source, inputs: Float[Tensor, "B S _"]) -> Bool[Tensor, "B 1 S"]:
        """Where self-attention reads from both sides: everything but padding."""
        return is_token(source)[:, None]


DIRECTIONS: dict[str, type[Unidirectional] | type[Bidirectional]] = {
    "bidirectional": Bidirectional,
    "unidirectional": Unidirectional,
}


class RecurrentEncoder(nn.Module):
    """Layers of recurrences; two and more have residual connections, normalised after them."""

    def __init__(self, embed: Embedding, sizes: Sizes, dropouts: Dropouts) -> None:
        super().__init__()
        self.embed = embed
        self.dropout = Dropout(dropouts.hidden)
        size, inner_size = sizes.encoder_size, sizes.encoder_feed_forward_size
        numbers = range(sizes.encoder_layers)
        input_sizes = [sizes.embedding_size] + [size] * (sizes.encoder_layers - 1)
        direction, layer_type = DIRECTIONS[sizes.encoder], sizes.encoder_layer_type
        self.layers = nn.ModuleList(direction(one, size, layer_type) for one in input_sizes)
        self.norms = nn.ModuleList(layer_output(number, sizes) for number in numbers)
        self.feed_forwards = nn.ModuleList(
            feed_forward_sublayer(size, inner_size, dropouts.hidden) for _ in numbers
        )

    def forward(self, source: Source) -> EncoderOutput:
        reversal = reversal_indices(source)
        states = self.embed(source)
        for layer, norm, feed_forward in zip(
            self.layers, self.norms, self.feed_forwards, strict=True
        ):
            outputs = layer(states, reversal)
            states = self.dropout(cast(NoResidual | Norm, norm).residual(states, outputs))
            states = feed_forward(states)
        return EncoderOutput(states, ())


def layer_output(number: int, sizes: Sizes) -> NoResidual | Norm:
    """What joins the input and the output of layer `number`; input and output of the first one
    differ in size."""
    if sizes.encoder_layers == 1:
        return NoResidual()
    return AddAndNorm(sizes.encoder_size) if number else Norm(sizes.encoder_size)


class SelfAttentionEncoder(nn.Module):
    """Layers of self-attention and feed-forward sublayers, normalised before each of them and at
    the end (Vaswani et al. 2017; Xiong et al. 2020)."""

    def __init__(self, embed: Embedding, sizes: Sizes, dropouts: Dropouts) -> None:
        super().__init__()
        self.embed, self.may_attend = embed, DIRECTIONS[sizes.encoder].may_attend
        size, inner_size = sizes.encoder_size, sizes.encoder_feed_forward_size
        numbers = range(sizes.encoder_layers)
        self.layers = nn.ModuleList(
            SelfAttention(size, sizes.self_attention_heads, dropouts) for _ in numbers
        )
        self.feed_forwards = nn.ModuleList(
            feed_forward_sublayer(size, inner_size, dropouts.hidden) for _ in numbers
        )
        self.norm = nn.LayerNorm(size)

    def forward(self, source: Source) -> EncoderOutput:
        embedded, attentions = self.embed(source), []
        states = embedded + sinusoids(0, source.size(1), embedded)
        may_attend = self.may_attend(source, states)
        for layer, feed_forward in zip(self.layers, self.feed_forwards, strict=True):
            attentions.append(cast(SelfAttention, layer).encode(states, may_attend))
            states = feed_forward(attentions[-1].output)
        return EncoderOutput(self.norm(states), tuple(attentions))


Encoder = RecurrentEncoder | SelfAttentionEncoder

ENCODERS: dict[str, type[RecurrentEncoder] | type[SelfAttentionEncoder]] = {
    **dict.fromkeys(RECURRENCES, RecurrentEncoder),
    "self-attention": SelfAttentionEncoder,
}
