"""Draw self-attention (`model.self_attention`) into graphs.

Letters as in `network`. P is the number of tokens that a search has written for a sentence, in all
hypotheses together: their keys and values stay where they were written, whatever hypotheses a beam
drops or reorders. Which of them a hypothesis continues, its `history` tells.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from regard.engine.onnx.graph import Value, concat, draw, full
from regard.engine.onnx.products import Arithmetic, linear_shapes
from regard.engine.onnx.scores import join_heads
from regard.engine.onnx.sublayers import Shapes, head_scale, layer_norm, norm_shapes


class Projections(NamedTuple):
    """Of a layer's inputs, each [B A T C]."""

    queries: Value
    keys: Value
    values: Value

    def after(self, keys: Value, values: Value) -> "Projections":
        """The same behind the keys and the values [B A P C] of earlier tokens."""
        return Projections(
            self.queries,
            concat([keys, self.keys], axis=2),
            concat([values, self.values], axis=2),
        )


class SelfAttended(NamedTuple):
    """The results of self-attention."""

    scores: Value
    """B A Q T"""
    weights: Value
    """B A Q T"""
    output: Value
    """B Q D"""


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

    def project(self, inputs: Value, is_single: bool) -> Projections:
        """Of inputs [B T D]; `is_single`: T is 1."""
        linear = [f"{self.name}.{part}" for part in ("to_query", "to_key", "to_value")]
        bias = np.concatenate([self.arithmetic.vector(f"{one}.bias") for one in linear])
        normalized = layer_norm(self.arithmetic, inputs, f"{self.name}.norm")
        weights = [f"{one}.weight" for one in linear]
        product = self.arithmetic.product(normalized, f"{self.name}.read", weights, bias)
        head_size = self.size // self.heads
        if is_single:
            slices = product.reshape(0, 3 * self.heads, 1, head_size)
        else:
            slices = product.reshape(0, 0, 3 * self.heads, head_size).transpose(0, 2, 1, 3)
        return Projections(*slices.split_evenly(3, axis=1))

    def attend(
        self, inputs: Value, own: Projections, bias: Value | None, is_single: bool
    ) -> SelfAttended:
        """Add what is attended to, to the inputs [B Q D]; `bias` is added to the scores."""
        scale = head_scale(self.size, self.heads)
        operands = [own.queries, own.keys]
        scores = draw("FusedMatMul", operands, ["float32"], transB=1, alpha=scale)[0]
        scores = scores if bias is None else scores + bias
        weights = scores.softmax()
        context = weights @ own.values
        joined = join_heads(context, self.heads, is_single)
        linear = self.arithmetic.linear(joined, f"{self.name}.join.output")
        return SelfAttended(scores, weights, inputs + linear)


def own_token_bias(hypotheses: Value) -> Value:
    """[N N] for the N hypotheses on the second axis of a value: 0 where a hypothesis meets its own
    token, -inf where it meets another's."""
    g, size = hypotheses.graph, hypotheses.size(1)
    return full(0.0, g.shape(size, size)).draw("EyeLike").log()
