"""How the products of a graph are computed: in fp32, or in int8."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from regard.engine.onnx.graph import ELEMENTS, MICROSOFT, Graph
from regard.engine.quantize import SCALE
from regard.shapes import Float, Shaped
from regard.storage.folder import Tensors
from regard.storage.model_file import Calibration

MIDDLE = 128
"""The unsigned byte that means 0."""

RECALL = ".recall"
"""What the name of a product with hidden states of a GRU or an LSTM ends with."""

BOUNDED = (-1.0, 1.0)
"""Where these always are."""

STRIP = 64
"""Rows; as many numbers of 8 bits fill a line of the processor's cache."""


class Picked(NamedTuple):
    """Some rows of a matrix for each sentence, picked while a graph runs, and what is added to
    their products."""

    columns: str
    """B in W"""
    scales: str
    """B 1 W; "" in fp32"""
    bias: str
    """B 1 W"""


@runtime_checkable
class Arithmetic(Protocol):
    """Draws products into a graph. `name` tells the product, `weights` the matrices [out in] whose
    results stand side by side."""

    picked_types: tuple[str, str]
    """Element types of what is picked: columns and scales ("" for none)."""

    def product(
        self,
        graph: Graph,
        inputs: str,
        name: str,
        weights: Sequence[str],
        bias: Float[np.ndarray, " out"] | None,
    ) -> str:
        """inputs @ weights.T + bias"""

    def pick(self, graph: Graph, weight: str, rows: str, bias: str) -> Picked:
        """Some rows [B W] of a matrix [out in]; `bias` [B 1 W] goes with them."""

    def picked_product(self, graph: Graph, inputs: str, name: str, picked: Picked) -> str:
        """What `product` gives, of these rows."""

    def matrix(self, name: str) -> Float[np.ndarray, "out in"]:
        """A matrix in fp32."""

    def rows(self, graph: Graph, table: str, places: str, factor: float) -> str:
        """The rows of a matrix at these places, times `factor`."""

    def vector(self, name: str) -> Float[np.ndarray, "*shape"]:
        """A weight that is not a matrix to multiply with, as it is stored."""


class Fp32:
    """Everything in single precision, as PyTorch computes it."""

    picked_types = ("float32", "")

    def __init__(self, tensors: Tensors) -> None:
        self.tensors = tensors

    def product(
        self,
        graph: Graph,
        inputs: str,
        name: str,
        weights: Sequence[str],
        bias: Float[np.ndarray, " out"] | None,
    ) -> str:
        columns = as_columns([self.tensors[one] for one in weights])
        out = graph("MatMul", inputs, graph.tensor(f"{name}.weight", columns))
        return out if bias is None else graph("Add", out, graph.tensor(f"{name}.bias", bias))

    def pick(self, graph: Graph, weight: str, rows: str, bias: str) -> Picked:
        picked = graph("Gather", graph.tensor(f"{weight}.all", self.tensors[weight]), rows)
        return Picked(graph("Transpose", picked, perm=[0, 2, 1]), "", bias)

    def picked_product(
        self,
        graph: Graph,
        inputs: str,
        name: str,
        picked: Picked,
    ) -> str:
        return graph("Add", graph("MatMul", inputs, picked.columns), picked.bias)

    def matrix(self, name: str) -> Float[np.ndarray, "out in"]:
        return self.tensors[name]

    def rows(self, graph: Graph, table: str, places: str, factor: float) -> str:
        scaled = self.tensors[table] * np.float32(factor)
        return graph("Gather", graph.tensor(f"{table}.rows", scaled), places)

    def vector(self, name: str) -> Float[np.ndarray, "*shape"]:
        return self.tensors[name]


class Observed(Fp32):
    """Single precision that also hands out the least and the greatest input of each product."""

    def product(
        self,
        graph: Graph,
        inputs: str,
        name: str,
        weights: Sequence[str],
        bias: Float[np.ndarray, " out"] | None,
    ) -> str:
        if not is_recalled(name):
            for end in ("Min", "Max"):
                found = graph(f"Reduce{end}", inputs, keepdims=0)
                graph.output(found, f"{name}.{end}", "float32")
        return super().product(graph, inputs, name, weights, bias)


class EightBits:
    """Weights of 8 bits with one scale a row; inputs in 256 steps of a range found beforehand.

    The range of an input is the same for all rows, and sums of int8 products are exact, so the
    result of a sentence does not depend on the sentences beside it.
    """

    def __init__(self, tensors: Tensors, ranges: Calibration, are_unsigned: bool) -> None:
        """`are_unsigned` draws the weights as unsigned bytes, for processors whose product of
        unsigned and signed ones overflows."""
        self.tensors, self.ranges, self.are_unsigned = tensors, ranges, are_unsigned
        self.picked_types = ("uint8" if are_unsigned else "int8", "float32")

    def product(
        self,
        graph: Graph,
        inputs: str,
        name: str,
        weights: Sequence[str],
        bias: Float[np.ndarray, " out"] | None,
    ) -> str:
        columns = as_columns([self.tensors[one] for one in weights])
        scales = np.concatenate([self.tensors[one + SCALE] for one in weights])
        return self.whole_product(
            graph,
            inputs,
            name,
            graph.tensor(f"{name}.weight", self.drawn(columns)),
            graph.tensor(f"{name}.scale", scales),
            "" if bias is None else graph.tensor(f"{name}.bias", bias),
        )

    def pick(self, graph: Graph, weight: str, rows: str, bias: str) -> Picked:
        whole = graph.tensor(f"{weight}.all", self.drawn(self.tensors[weight]))
        scales = graph.tensor(f"{weight}.scales", self.tensors[weight + SCALE])
        columns = graph("Transpose", graph("Gather", whole, rows), perm=[0, 2, 1])
        return Picked(
            columns, graph("Unsqueeze", graph("Gather", scales, rows), graph.ints(1)), bias
        )

    def picked_product(self, graph: Graph, inputs: str, name: str, picked: Picked) -> str:
        scaled = self.whole_product(graph, inputs, name, picked.columns, picked.scales, "")
        return graph("Add", scaled, picked.bias)

    def whole_product(
        self, graph: Graph, inputs: str, name: str, columns: str, scales: str, bias: str
    ) -> str:
        """inputs @ columns * scales + bias; a `bias` of "" adds nothing."""
        step, zero = steps(*(BOUNDED if is_recalled(name) else self.ranges[name]))
        scale, zero_point = graph.number(step), graph.constant(zero, "uint8")
        return graph(
            "MatMulIntegerToFloat",
            graph("QuantizeLinear", inputs, scale, zero_point),
            columns,
            scale,
            scales,
            zero_point,
            graph.constant(MIDDLE, "uint8") if self.are_unsigned else "",
            bias,
            domain=MICROSOFT,
        )

    def drawn(self, weights: np.ndarray) -> np.ndarray:
        """The bytes as the processor wants them."""
        if self.are_unsigned:
            return (weights.astype(np.int16) + MIDDLE).astype(np.uint8)
        return weights

    def matrix(self, name: str) -> Float[np.ndarray, "out in"]:
        return self.tensors[name] * self.tensors[name + SCALE][:, None]

    def rows(self, graph: Graph, table: str, places: str, factor: float) -> str:
        # a table in fp32 would take four times the memory, and a tenth of a cold start
        rows = graph("Gather", graph.tensor(f"{table}.rows", self.tensors[table]), places)
        scales = self.tensors[table + SCALE][:, None] * np.float32(factor)
        scale = graph("Gather", graph.tensor(f"{table}.row_scales", scales), places)
        return graph("Mul", graph("Cast", rows, to=ELEMENTS["float32"]), scale)

    def vector(self, name: str) -> Float[np.ndarray, "*shape"]:
        return self.tensors[name]


def as_columns(matrices: Sequence[Shaped[np.ndarray, "_ in"]]) -> Shaped[np.ndarray, "in out"]:
    """The rows of all of them, as columns. STRIP at a time are turned: numpy would go through a
    large matrix once for every number in a row."""
    made = np.empty((matrices[0].shape[1], sum(map(len, matrices))), matrices[0].dtype)
    place = 0
    for matrix in matrices:
        for first in range(0, len(matrix), STRIP):
            rows = matrix[first : first + STRIP]
            made[:, place : place + len(rows)] = rows.T
            place += len(rows)
    return made


def is_recalled(name: str) -> bool:
    """Whether the inputs of a product are hidden states of a GRU or an LSTM."""
    return name.endswith(RECALL)


def steps(least: float, greatest: float) -> tuple[float, int]:
    """The size of a step and the place of zero, so that 256 steps cover the range and zero."""
    least, greatest = min(least, 0.0), max(greatest, 0.0)
    step = max((greatest - least) / 255, 1e-8)
    return step, round(-least / step)
