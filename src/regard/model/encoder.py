"""The encoder: one hidden state for each source token, read from the left or from both sides."""

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from regard.model.layers import AddAndNorm, Dropout, Embedding, NoResidual, Norm
from regard.model.recurrence import LAYERS
from regard.model.sizes import Dropouts, Sizes
from regard.shapes import Float, Int
from regard.special import PAD


class Reversal(NamedTuple):
    """Indices into all B · S positions of a batch, sentence after sentence."""

    reversed: Int[Tensor, " P"]
    """Each sentence from right to left; its padding stays at the end."""
    restored: Int[Tensor, " P"]
    """From a reversed reading to the state that belongs to each token; at </s> the last one."""


def reversal_indices(source: Int[Tensor, "B S"]) -> Reversal:
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

    def __init__(self, input_size: int, sizes: Sizes) -> None:
        super().__init__()
        self.forward_rnn = LAYERS[sizes.layer_type](input_size, sizes.encoder_size)

    def forward(self, inputs: Float[Tensor, "B S I"], reversal: Reversal) -> Tensor:
        """The states [B S E]."""
        return self.forward_rnn.from_zeros(inputs)


class Bidirectional(nn.Module):
    """Reads from both sides (Schuster & Paliwal 1997; Bahdanau et al. 2015, 3.2).

    In both halves the state at </s> is the one after the complete sentence: the final state.
    """

    def __init__(self, input_size: int, sizes: Sizes) -> None:
        super().__init__()
        layer, half = LAYERS[sizes.layer_type], sizes.encoder_size // 2
        self.forward_rnn, self.backward_rnn = layer(input_size, half), layer(input_size, half)

    def forward(self, inputs: Float[Tensor, "B S I"], reversal: Reversal) -> Tensor:
        """The states [B S E], both halves side by side."""
        backward = self.backward_rnn.from_zeros(gather_rows(inputs, reversal.reversed))
        restored = gather_rows(backward, reversal.restored)
        return torch.cat([self.forward_rnn.from_zeros(inputs), restored], dim=-1)


ENCODERS: dict[str, type[Unidirectional] | type[Bidirectional]] = {
    "bidirectional": Bidirectional,
    "unidirectional": Unidirectional,
}


class Encoder(nn.Module):
    def __init__(self, embed: Embedding, sizes: Sizes, dropouts: Dropouts) -> None:
        super().__init__()
        self.embed = embed
        self.dropout = Dropout(dropouts.hidden)
        input_sizes = [sizes.embedding_size] + [sizes.encoder_size] * (sizes.encoder_layers - 1)
        self.layers = nn.ModuleList(ENCODERS[sizes.encoder](size, sizes) for size in input_sizes)
        self.norms = nn.ModuleList(
            layer_output(number, sizes) for number in range(sizes.encoder_layers)
        )

    def forward(self, source: Int[Tensor, "B S"]) -> Float[Tensor, "B S E"]:
        reversal = reversal_indices(source)
        states = self.embed(source)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            outputs = layer(states, reversal)
            states = self.dropout(cast(NoResidual | Norm, norm).residual(states, outputs))
        return states


def layer_output(number: int, sizes: Sizes) -> NoResidual | Norm:
    """What joins the input and the output of layer `number`; input and output of the first one
    differ in size."""
    if sizes.encoder_layers == 1:
        return NoResidual()
    return AddAndNorm(sizes.encoder_size) if number else Norm(sizes.encoder_size)
