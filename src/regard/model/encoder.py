"""Read the source: one hidden state for each token, from the left or from both sides."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.model.layers import AddAndNormalise, Dropout, Embedding, Normalise, Replace
from regard.model.recurrence import RECURRENCES
from regard.special import PAD


class Places(NamedTuple):
    """For each place of a sentence the place to look at, [B S 1]."""

    mirrored: Int[Tensor, "B S 1"]
    """The same sentence read from right to left; padding stays behind it."""
    back: Int[Tensor, "B S 1"]
    """From a mirrored reading the state that belongs to each place; at </s> the final one."""


def places(source: Int[Tensor, "B S"]) -> Places:
    place = torch.arange(source.size(1), device=source.device)
    last = (source != PAD).sum(1, keepdim=True) - 1
    mirrored = torch.where(place <= last, last - place, place)
    return Places(mirrored[..., None], torch.where(place == last, last, mirrored)[..., None])


class LeftToRight(nn.Module):
    """Reads as we do: the state at a token knows what stands before it."""

    def __init__(self, inputs: int, states: int, recurrence: str) -> None:
        super().__init__()
        self.onward = RECURRENCES[recurrence](inputs, states)

    def forward(self, inputs: Float[Tensor, "B S I"], at: Places) -> Float[Tensor, "B S E"]:
        return self.onward(inputs, self.onward.begin(len(inputs), inputs))[0]


class TwoSided(nn.Module):
    """Reads from both sides (Schuster & Paliwal 1997; Bahdanau et al. 2015, 3.2).

    The state at </s> is, in both halves, the one after the whole sentence: the final state.
    """

    def __init__(self, inputs: int, states: int, recurrence: str) -> None:
        super().__init__()
        self.onward = LeftToRight(inputs, states - states // 2, recurrence)
        self.backward_ = LeftToRight(inputs, states // 2, recurrence)

    def forward(self, inputs: Float[Tensor, "B S I"], at: Places) -> Float[Tensor, "B S E"]:
        mirrored = inputs.take_along_dim(at.mirrored, dim=1)
        read_back = self.backward_(mirrored, at).take_along_dim(at.back, dim=1)
        return torch.cat([self.onward(inputs, at), read_back], dim=-1)


ENCODERS: dict[str, type[LeftToRight] | type[TwoSided]] = {
    "two-sided": TwoSided,
    "left-to-right": LeftToRight,
}


class Encoder(nn.Module):
    def __init__(
        self,
        embed: Embedding,
        size: int,
        states: int,
        layers: int,
        dropout: float,
        encoder: str,
        recurrence: str,
    ) -> None:
        super().__init__()
        self.embed = embed
        self.dropout = Dropout(dropout)
        sizes = [size] + [states] * (layers - 1)
        self.layers = nn.ModuleList(ENCODERS[encoder](read, states, recurrence) for read in sizes)
        deep = layers > 1
        self.carry = nn.ModuleList(
            AddAndNormalise(states) if number else Normalise(states) if deep else Replace()
            for number in range(layers)
        )

    def forward(self, source: Int[Tensor, "B S"]) -> Float[Tensor, "B S E"]:
        at = places(source)
        states = self.embed(source)
        for layer, carry in zip(self.layers, self.carry, strict=True):
            states = self.dropout(carry(states, layer(states, at)))
        return states
