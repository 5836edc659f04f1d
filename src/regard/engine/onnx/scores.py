"""Draw the attention scores of `model.attention` into graphs.

Letters as in `network`: A heads, Q queries of a sentence, S source tokens, K size of a key.
"""

from abc import ABC, abstractmethod
from math import sqrt

from regard.engine.onnx.graph import Value
from regard.engine.onnx.products import Arithmetic, linear_shapes
from regard.model.sizes import Sizes

Maybe = Value | None


class Score(ABC):
    """The score of one decoder layer: it compares hidden states with encoder states."""

    compares: bool = True
    """Whether there are keys to compare with."""

    def __init__(self, sizes: Sizes, arithmetic: Arithmetic, name: str) -> None:
        self.sizes, self.arithmetic, self.name = sizes, arithmetic, name

    @classmethod
    def weights(cls, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        """The shape of each weight."""
        return {}

    @abstractmethod
    def keys(self, states: Value) -> Maybe:
        """What `scores` compares with, computed once a sentence from the encoder states [B S E]."""

    def query(self, hidden: Value, has_one_row: bool) -> Value:
        """What is compared with the keys, of the hidden states [B Q H]; `has_one_row`: Q is 1."""
        return split_heads(hidden, self.sizes.heads, has_one_row)

    @abstractmethod
    def scores(self, query: Value, keys: Maybe, mask_bias: Value, bias: Maybe) -> Value:
        """The scores [B A Q S]; both biases are added."""


class Uniform(Score):
    """The same score for every token that the mask leaves."""

    compares = False

    def keys(self, states: Value) -> Maybe:
        return None

    def scores(self, query: Value, keys: Maybe, mask_bias: Value, bias: Maybe) -> Value:
        scores = mask_bias if bias is None else mask_bias + bias
        return scores.expand(1, self.sizes.heads, query.size(2), 1)


class Final(Uniform):
    """No attention: the mask leaves the final state alone (`layout.gather_indices`)."""


class Dot(Score):
    """hidden · state"""

    def keys(self, states: Value) -> Maybe:
        return split_heads(states, self.sizes.heads).transpose(0, 1, 3, 2)

    def compare(self, query: Value, keys: Value) -> Value:
        return query @ keys

    def scores(self, query: Value, keys: Maybe, mask_bias: Value, bias: Maybe) -> Value:
        assert keys is not None
        scores = self.compare(query, keys) + mask_bias
        return scores if bias is None else scores + bias


class General(Dot):
    """hidden · W · state"""

    @classmethod
    def weights(cls, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        return {"key.weight": (sizes.decoder_size, sizes.encoder_size)}

    def projected(self, states: Value) -> Value:
        key = f"{self.name}.key"
        return self.arithmetic.product(states, key, [f"{key}.weight"], None)

    def keys(self, states: Value) -> Maybe:
        return super().keys(self.projected(states))


class Scaled(General):
    """hidden · W · state / sqrt(size of a head's slice)"""

    def projected(self, states: Value) -> Value:
        head_size = self.sizes.decoder_size / self.sizes.heads
        return super().projected(states) * (1 / sqrt(head_size))


class Additive(General):
    """v · tanh(W hidden + U state); keys are [B A S K]."""

    @classmethod
    def weights(cls, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        heads, hidden = sizes.heads, sizes.decoder_size
        query, energy = linear_shapes("query", hidden, hidden), {"energy": (heads, hidden // heads)}
        return super().weights(sizes) | query | energy

    def keys(self, states: Value) -> Maybe:
        return split_heads(self.projected(states), self.sizes.heads)

    def query(self, hidden: Value, has_one_row: bool) -> Value:
        return super().query(self.arithmetic.linear(hidden, f"{self.name}.query"), has_one_row)

    def compare(self, query: Value, keys: Value) -> Value:
        g, name = query.graph, f"{self.name}.energy"
        energy = self.arithmetic.vector(name)[:, None, :, None]
        both = (query.unsqueeze(3) + keys.inside(g).unsqueeze(2)).tanh()
        return (both @ g.tensor(name, energy)).squeeze(-1)


SCORES: dict[str, type[Score]] = {
    "none": Final,
    "uniform": Uniform,
    "dot": Dot,
    "general": General,
    "scaled": Scaled,
    "additive": Additive,
}


def split_heads(vectors: Value, heads: int, has_one_row: bool = False) -> Value:
    """[B Q D] as [B A Q C]; `has_one_row`: Q is 1, which needs no transposition."""
    if heads == 1:
        return vectors.unsqueeze(1)
    if has_one_row:
        return vectors.reshape(0, heads, 1, -1)
    return vectors.reshape(0, 0, heads, -1).transpose(0, 2, 1, 3)


def join_heads(slices: Value, heads: int, has_one_row: bool = False) -> Value:
    """[B A Q C] as [B Q D]"""
    if heads == 1:
        return slices.squeeze(1)
    if has_one_row:
        return slices.reshape(0, 1, -1)
    return slices.transpose(0, 2, 1, 3).reshape(0, 0, -1)
