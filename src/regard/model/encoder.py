"""Read the source: one hidden state for each token, from the left or from both sides."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from regard.model.layers import AddAndNormalise, Dropout, Embedding, Normalise, Replace
from regard.model.recurrence import RECURRENCES
from regard.shapes import Float, Int
from regard.special import PAD


class Places(NamedTuple):
    """For each place of all sentences the place to look at, among all B · S of them."""

    mirrored: Int[Tensor, " P"]
    """The same sentence read from right to left; padding stays behind it."""
    back: Int[Tensor, " P"]
    """From a mirrored reading the state that belongs to each place; at </s> the final one."""


def places(source: Int[Tensor, "B S"]) -> Places:
    place = torch.arange(source.size(1), device=source.device)
    first = torch.arange(len(source), device=source.device)[:, None] * source.size(1)
    last = (source != PAD).sum(1, keepdim=True) - 1
    mirrored = torch.where(place <= last, last - place, place)
    back = torch.where(place == last, last, mirrored)
    return Places((first + mirrored).flatten(), (first + back).flatten())


def at_places(vectors: Float[Tensor, "B S D"], wanted: Int[Tensor, " P"]) -> Tensor:
    return vectors.flatten(0, 1).index_select(0, wanted).view(vectors.shape)


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
        self.onward = LeftToRight(inputs, states // 2, recurrence)
        self.backward_ = LeftToRight(inputs, states // 2, recurrence)

    def forward(self, inputs: Float[Tensor, "B S I"], at: Places) -> Float[Tensor, "B S E"]:
        mirrored = at_places(inputs, at.mirrored)
        read_back = at_places(self.backward_(mirrored, at), at.back)
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
