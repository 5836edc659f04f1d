"""Draw self-attention (`model.self_attention`) into graphs.

Letters as in `network`. P is the number of tokens that a search has written for a sentence, in all
hypotheses together: their keys and values stay where they were written, whatever hypotheses a beam
drops or reorders. Which of them a hypothesis continues, its `history` tells.
"""

from collections.abc import Iterator
from math import sqrt
from typing import NamedTuple

import numpy as np

from regard.engine.onnx.graph import Value, draw, full
from regard.engine.onnx.products import Arithmetic, linear_shapes
from regard.engine.onnx.scores import Maybe, join_heads, split_heads
from regard.engine.onnx.sublayers import Shapes, layer_norm, norm_shapes


class SelfAttended(NamedTuple):
    """The results of self-attention."""

    scores: Value
    """B A Q T"""
    weights: Value
    """B A Q T"""
    output: Value
    """B Q D"""


class SelfAttentionStep(NamedTuple):
    """The results of one token of each hypothesis."""

    output: Value
    """B N D"""
    keys: Value
    """Of all tokens, the new ones at the end [B A P+N C]."""
    values: Value


class SelfAttention:
    """One layer."""

    def __init__(self, arithmetic: Arithmetic, name: str, size: int, heads: int) -> None:
        self.arithmetic, self.name, self.size, self.heads = arithmetic, name, size, heads

    @staticmethod
    def weights(size: int) -> Shapes:
        """The shape of each weight."""
        linear = ("to_query", "to_key", "to_value", "join.output")
        shapes = [linear_shapes(name, size, size) for name in linear]
        return norm_shapes("norm", size) | {name: s for part in shapes for name, s in part.items()}

    @staticmethod
    def products(name: str) -> Iterator[str]:
        yield from (f"{name}.read", f"{name}.join.output")

    def project(self, inputs: Value) -> Value:
        """Queries, keys and values [B T 3D] of inputs [B T D], side by side."""
        linear = [f"{self.name}.{part}" for part in ("to_query", "to_key", "to_value")]
        bias = np.concatenate([self.arithmetic.vector(f"{one}.bias") for one in linear])
        normalized = layer_norm(self.arithmetic, inputs, f"{self.name}.norm")
        weights = [f"{one}.weight" for one in linear]
        return self.arithmetic.product(normalized, f"{self.name}.read", weights, bias)

    def attend(self, inputs: Value, bias: Maybe) -> SelfAttended:
        """Of all tokens at once; `bias` is added to the scores."""
        queries, keys, values = [
            split_heads(part, self.heads) for part in self.project(inputs).split(*[self.size] * 3)
        ]
        scale = 1 / sqrt(self.size / self.heads)
        scores = draw("FusedMatMul", [queries, keys], ["float32"], transB=1, alpha=scale)[0]
        scores = scores if bias is None else scores + bias
        weights = scores.softmax()
        return SelfAttended(
            scores, weights, self.add(inputs, join_heads(weights @ values, self.heads))
        )

    def step(self, inputs: Value, keys: Value, values: Value, bias: Maybe) -> SelfAttentionStep:
        """Of one token of each hypothesis, after tokens with these keys and values [B A P C]. What
        `attend` draws as many operators is one here."""
        own = self.project(inputs).split(*[self.size] * 3)
        operands = [*own, None, None, bias, keys, values]
        elements = ["float32"] * 3
        context, *after = draw("MultiHeadAttention", operands, elements, num_heads=self.heads)
        return SelfAttentionStep(self.add(inputs, context), *after)

    def add(self, inputs: Value, context: Value) -> Value:
        return inputs + self.arithmetic.linear(context, f"{self.name}.join.output")


def own_token_bias(hypotheses: Value) -> Value:
    """[N N] for the N hypotheses on the second axis of a value: 0 where a hypothesis meets its own
    token, -inf where it meets another's."""
    g, size = hypotheses.graph, hypotheses.size(1)
    return full(0.0, g.shape(size, size)).draw("EyeLike").log()
