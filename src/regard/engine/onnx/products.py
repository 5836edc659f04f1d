"""Compute the matrix products of a graph in fp32 or in int8."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from regard.engine.onnx.graph import Value, draw
from regard.engine.quantize import SCALE
from regard.files import Tensors
from regard.shapes import Float, Shaped
from regard.storage.model_file import Calibration

Bias = np.ndarray | None
Matrix = Shaped[np.ndarray, "_ in"]

ZERO_POINT = 128
"""The unsigned byte that stands for a weight of 0."""

RECURRENT = ".recurrent"
"""The suffix of the name of a product with hidden states of a GRU or an LSTM."""

HIDDEN_RANGE = (-1.0, 1.0)
"""The range of these hidden states."""

TRANSPOSE_ROWS = 64
"""Rows that are transposed at a time; as many bytes fill a line of the processor's cache."""


class GatheredRows(NamedTuple):
    """Some rows of a matrix for each sentence, gathered while a graph runs, and their bias."""

    columns: Value
    """B in W"""
    scales: Value | None
    """B 1 W; None in fp32"""
    bias: Value
    """B 1 W"""


class Arithmetic:
    """Draws matrix products into graphs, in single precision as PyTorch computes it."""

    column_type = "float32"
    """The element type of gathered columns."""
    scale_type = ""
    """The element type of their scales; "" for none."""

    def __init__(self, tensors: Tensors) -> None:
        self.tensors = tensors

    def product(self, inputs: Value, name: str, weights: Sequence[str], bias: Bias) -> Value:
        """inputs @ concatenate(weights).T + bias, for matrices [out in]; `name` tells the range.

        The matrix has zero rows at its end where the bias is longer.
        """
        g, columns = inputs.graph, self.columns(weights, bias)
        product = inputs @ g.tensor(f"{name}.weight", columns)
        return product if bias is None else product + g.tensor(f"{name}.bias", bias)

    def gather(self, weight: str, rows: Value, bias: Value) -> GatheredRows:
        """The rows [B W] of a matrix [out in]; `bias` [B 1 W] goes with them."""
        matrix = rows.graph.tensor(f"{weight}.all", self.tensors[weight])
        return GatheredRows(matrix[rows].transpose(0, 2, 1), None, bias)

    def gathered_product(self, inputs: Value, name: str, rows: GatheredRows) -> Value:
        """`product` with gathered rows."""
        return inputs @ rows.columns + rows.bias

    def embed(self, table: str, tokens: Value, factor: float) -> Value:
        """table[tokens] * factor"""
        return tokens.graph.table(f"{table}.rows", self.tensors[table])[tokens] * factor

    def columns(self, weights: Sequence[str], bias: Bias) -> np.ndarray:
        """concatenate(weights).T, with a column for each number of the bias."""
        matrices = [self.tensors[one] for one in weights]
        return transpose_concat(matrices, 0 if bias is None else len(bias))

    def vector(self, name: str) -> Float[np.ndarray, "*shape"]:
        """A weight that no product multiplies with; it is stored in fp32."""
        return self.tensors[name]

    def linear(self, inputs: Value, name: str) -> Value:
        """PyTorch's Linear of this name."""
        return self.product(inputs, name, [f"{name}.weight"], self.vector(f"{name}.bias"))


class Calibrating(Arithmetic):
    """Single precision that also outputs the minimum and the maximum input of each product."""

    def product(self, inputs: Value, name: str, weights: Sequence[str], bias: Bias) -> Value:
        if not is_recurrent(name):
            for end in ("Min", "Max"):
                inputs.graph.output(inputs.draw(f"Reduce{end}", keepdims=0), f"{name}.{end}")
        return super().product(inputs, name, weights, bias)


class Int8(Arithmetic):
    """Weights in int8 with one scale a row; inputs in uint8 with one calibrated range a product.

    The range of an input is the same for all rows, and sums of int8 products are exact. So the
    result for a sentence does not depend on the other sentences of its batch.
    """

    scale_type = "float32"

    def __init__(self, tensors: Tensors, ranges: Calibration, are_unsigned: bool) -> None:
        """`are_unsigned` stores weights in uint8, for processors whose product of uint8 and int8
        saturates (`session.int8_saturates`)."""
        super().__init__(tensors)
        self.ranges, self.are_unsigned = ranges, are_unsigned
        self.column_type = "uint8" if are_unsigned else "int8"

    def product(self, inputs: Value, name: str, weights: Sequence[str], bias: Bias) -> Value:
        g, columns = inputs.graph, self.columns(weights, bias)
        scales = np.concatenate([self.tensors[one + SCALE] for one in weights])
        scales = np.pad(scales, (0, columns.shape[1] - len(scales)))
        weight = g.tensor(f"{name}.weight", self.stored_bytes(columns))
        scale = g.tensor(f"{name}.scale", scales)
        added = None if bias is None else g.tensor(f"{name}.bias", bias)
        return self.quantized_product(inputs, name, weight, scale, added)

    def gather(self, weight: str, rows: Value, bias: Value) -> GatheredRows:
        matrix = rows.graph.tensor(f"{weight}.all", self.stored_bytes(self.tensors[weight]))
        scales = rows.graph.tensor(f"{weight}.scales", self.tensors[weight + SCALE])
        return GatheredRows(matrix[rows].transpose(0, 2, 1), scales[rows].unsqueeze(1), bias)

    def gathered_product(self, inputs: Value, name: str, rows: GatheredRows) -> Value:
        return self.quantized_product(inputs, name, rows.columns, rows.scales, None) + rows.bias

    def quantized_product(
        self, inputs: Value, name: str, columns: Value, scales: Value | None, bias: Value | None
    ) -> Value:
        """quantize(inputs) @ columns * scales + bias"""
        low, high = HIDDEN_RANGE if is_recurrent(name) else self.ranges[name]
        scale, zero_point = scale_and_zero_point(low, high)
        g = inputs.graph
        step, zero = g.constant(scale, "float32"), g.constant(zero_point, "uint8")
        quantized = draw("QuantizeLinear", [inputs, step, zero], ["uint8"])[0]
        weight_zero = g.constant(ZERO_POINT, "uint8") if self.are_unsigned else None
        operands = [quantized, columns, step, scales, zero, weight_zero, bias]
        return draw("MatMulIntegerToFloat", operands, ["float32"])[0]

    def stored_bytes(self, weights: np.ndarray) -> np.ndarray:
        """Weights of int8 in the type that the processor multiplies exactly."""
        if self.are_unsigned:
            return (weights.astype(np.int16) + ZERO_POINT).astype(np.uint8)
        return weights

    def embed(self, table: str, tokens: Value, factor: float) -> Value:
        g = tokens.graph
        rows = g.table(f"{table}.rows", self.tensors[table])[tokens]
        scales = self.tensors[table + SCALE][:, None] * np.float32(factor)
        scale = g.tensor(f"{table}.row_scales", scales)[tokens]
        return rows.cast("float32") * scale


def linear_shapes(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    """The weights of PyTorch's Linear."""
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def transpose_concat(matrices: Sequence[Matrix], width: int) -> Shaped[np.ndarray, "in out"]:
    """concatenate(matrices).T, padded with columns of zeros to at least `width`.

    TRANSPOSE_ROWS are transposed at a time: numpy would read a large matrix once for every number
    of a row.
    """
    outputs = max(width, sum(map(len, matrices)))
    columns = np.zeros((matrices[0].shape[1], outputs), matrices[0].dtype)
    begin = 0
    for matrix in matrices:
        for first in range(0, len(matrix), TRANSPOSE_ROWS):
            rows = matrix[first : first + TRANSPOSE_ROWS]
            columns[:, begin : begin + len(rows)] = rows.T
            begin += len(rows)
    return columns


def is_recurrent(name: str) -> bool:
    """Whether the inputs of a product are hidden states of a GRU or an LSTM."""
    return name.endswith(RECURRENT)


def scale_and_zero_point(low: float, high: float) -> tuple[float, int]:
    """The scale and the zero point of uint8 numbers that cover the range and zero."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max((high - low) / 255, 1e-8)
    return scale, round(-low / scale)
