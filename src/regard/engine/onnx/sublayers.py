"""Draw the parts that recurrent layers and layers of self-attention share.

Letters as in `network`; D is the size of a layer's vectors.
"""

from collections.abc import Iterator
from math import inf

from regard.engine.onnx.graph import Value, concat, draw, full
from regard.engine.onnx.products import Arithmetic, linear_shapes
from regard.model.positions import frequencies

Shapes = dict[str, tuple[int, ...]]


def prefixed(name: str, shapes: Shapes) -> Shapes:
    return {f"{name}.{weight}": shape for weight, shape in shapes.items()}


def norm_shapes(name: str, size: int) -> Shapes:
    """The weights of PyTorch's LayerNorm."""
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def layer_norm(arithmetic: Arithmetic, inputs: Value, name: str) -> Value:
    """PyTorch's LayerNorm of this name."""
    parts = (f"{name}.weight", f"{name}.bias")
    weights = [inputs.graph.tensor(part, arithmetic.vector(part)) for part in parts]
    return inputs.draw("LayerNormalization", *weights, axis=-1, epsilon=1e-5)


class FeedForward:
    """`model.layers.FeedForward`: inputs + W₂ relu(W₁ norm(inputs))."""

    def __init__(self, arithmetic: Arithmetic, name: str, inner_size: int) -> None:
        self.arithmetic, self.name, self.inner_size = arithmetic, name, inner_size

    @staticmethod
    def weights(size: int, inner_size: int) -> Shapes:
        """The shape of each weight; none for an inner size of 0."""
        if not inner_size:
            return {}
        inner = linear_shapes("inner", size, inner_size)
        return norm_shapes("norm", size) | inner | linear_shapes("outer", inner_size, size)

    @staticmethod
    def products(name: str, inner_size: int) -> Iterator[str]:
        if inner_size:
            yield from (f"{name}.inner", f"{name}.outer")

    def __call__(self, inputs: Value) -> Value:
        if not self.inner_size:
            return inputs
        normalized = layer_norm(self.arithmetic, inputs, f"{self.name}.norm")
        inner = self.arithmetic.linear(normalized, f"{self.name}.inner").relu()
        return inputs + self.arithmetic.linear(inner, f"{self.name}.outer")


def sinusoids(positions: Value, size: int) -> Value:
    """The encodings [... M] of `positions` [...] (`model.layers.sinusoids`)."""
    g = positions.graph
    angle = positions.cast("float32").unsqueeze(-1) * g.tensor("frequencies", frequencies(size))
    encoded = concat([angle.draw("Sin"), angle.draw("Cos")], axis=-1)
    return encoded if size % 2 == 0 else encoded.draw("Slice", [0], [size], [-1])


def count_up(values: Value, axis: int) -> Value:
    """0, 1, 2, ... along an axis of `values`."""
    g = values.graph
    zero, one = g.constant(0, "int64"), g.constant(1, "int64")
    return draw("Range", [zero, values.size(axis).reshape(), one], ["int64"])[0]


def causal_bias(values: Value, axis: int) -> Value:
    """[T T] for the T tokens on an axis of `values`: -inf where a token is later, 0 elsewhere."""
    size = values.size(axis)
    everywhere = full(-inf, values.graph.shape(size, size))
    return everywhere.draw("Trilu", values.graph.constant(1, "int64"), upper=1)
