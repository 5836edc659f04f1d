"""What the encoder passes on to the decoder: all its hidden states, not the final one alone.

Letters, used everywhere: B sentences, S source tokens, T target tokens, E size of an
encoder state, H size of a hidden state, K size of a key, A attention heads, V vocabulary, L layers,
N hypotheses; M is the size of an embedding, C the size of one head's context (E / A).
"""

from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from regard.shapes import Bool, Float, Int

LayerState = tuple[Float[Tensor, "B *_"], ...]
"""What a layer passes from one token to the next: the hidden state of a recurrent layer comes first
[B H]; the keys and the values of self-attention grow with each token [B T H]."""
State = tuple[LayerState, ...]
"""The decoder's state between two tokens: the state of each layer."""


class LayerMemory(NamedTuple):
    """What one layer attends to."""

    states: Float[Tensor, "B S _"]
    keys: Float[Tensor, "B S _"]
    """What the layer's score compares with."""
    may_attend: Bool[Tensor, "#B #T S"]
    """True where a target token may attend to a source token."""


class Memory(NamedTuple):
    states: Float[Tensor, "B S E"]
    """The hidden state of the encoder at each source token; the one at </s> is the final state."""
    keys: tuple[Float[Tensor, "B S _"], ...]
    """Of each decoder layer's score, computed once for a sentence from the states."""
    values: tuple[Float[Tensor, "B S _"], ...]
    """Of each decoder layer, the projection of the states that it adds up; empty if the layers add
    up the states themselves."""
    is_token: Bool[Tensor, "B S"]
    """True where the source has a token, False where it is padded."""

    def layers(self) -> list[LayerMemory]:
        """What each decoder layer attends to."""
        values = self.values or (self.states,) * len(self.keys)
        may_attend = self.is_token[:, None]
        return [
            LayerMemory(states, keys, may_attend)
            for states, keys in zip(values, self.keys, strict=True)
        ]

    @property
    def final(self) -> Float[Tensor, "B E"]:
        """The final hidden state, at </s>: of both directions, side by side."""
        last = self.is_token.sum(1) - 1
        return self.states[torch.arange(len(last), device=last.device), last]


Tree = TypeVar("Tree", bound=tuple[Any, ...])


def rows(tree: Tree, index: Int[Tensor, " R"]) -> Tree:
    """Pick rows of the batch from every tensor of a nested (named) tuple, in the order of `index`.

    A row may be picked more than once, or not at all: it repeats sentences for a beam, reorders
    hypotheses and drops those that have ended.
    """
    picked = [
        part.index_select(0, index) if isinstance(part, Tensor) else rows(part, index)
        for part in tree
    ]
    return type(tree)(*picked) if hasattr(tree, "_fields") else type(tree)(picked)
