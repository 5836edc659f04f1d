"""How the products of a graph are computed: in fp32, or in int8."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int8

from regard.engine.onnx_graph import MICROSOFT, Graph

Tensors = Mapping[str, np.ndarray]
"""By the names of `model/`; an int8 matrix [out in] has its scales [out] beside it."""

MATRICES = (".weight", ".weight_ih_l0", ".weight_hh_l0")
"""How the names of those weights end that are multiplied with, if they have two dimensions."""

SCALE = ".scale"
"""What the name of an int8 matrix's scales ends with."""

BLOCK = 256
"""As many inputs at most share a scale: as many as ONNX Runtime's own block products know."""

ZERO = 128
"""The unsigned byte that means 0."""


@runtime_checkable
class Arithmetic(Protocol):
    """Draws products into a graph. `name` tells the product, `weights` the matrices [out in] whose
    results stand side by side."""

    def product(
        self,
        graph: Graph,
        inputs: str,
        name: str,
        weights: Sequence[str],
        bias: Float[np.ndarray, " out"] | None,
    ) -> str:
        """inputs @ weights.T + bias, for many rows of inputs."""

    def row_product(
        self,
        graph: Graph,
        inputs: str,
        name: str,
        weights: Sequence[str],
        bias: Float[np.ndarray, " out"] | None,
    ) -> str:
        """The same numbers, drawn so that it is fastest for a single row."""

    def matrix(self, name: str) -> Float[np.ndarray, "out in"]:
        """A matrix in fp32."""

    def vector(self, name: str) -> Float[np.ndarray, "*shape"]:
        """A weight that is not a matrix to multiply with, as it is stored."""


class Fp32:
    """Everything in single precision, as PyTorch computes it."""

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
        columns = np.concatenate([self.tensors[one] for one in weights]).T
        out = graph("MatMul", inputs, graph.tensor(f"{name}.weight", columns))
        return out if bias is None else graph("Add", out, graph.tensor(f"{name}.bias", bias))

    row_product = product

    def matrix(self, name: str) -> Float[np.ndarray, "out in"]:
        return self.tensors[name]

    def vector(self, name: str) -> Float[np.ndarray, "*shape"]:
        return self.tensors[name]


class EightBits:
    """Weights of 8 bits with one scale a row; inputs of 8 bits with one scale a row and block.

    A scale belongs to one row, and sums of int8 products are exact, so the result of a sentence
    does not depend on the sentences beside it. ONNX Runtime has two kernels for this: one whose
    blocks carry their scales, the faster for one row, and a plain integer product, the faster for
    many (docs/speed.md), to whose rows the scales are brought here.
    """

    def __init__(self, tensors: Tensors) -> None:
        self.tensors = tensors

    def rows(self, weights: Sequence[str]) -> Int8[np.ndarray, "out in"]:
        return np.concatenate([self.tensors[one] for one in weights])

    def scales(self, weights: Sequence[str]) -> Float[np.ndarray, " out"]:
        return np.concatenate([self.tensors[one + SCALE] for one in weights])

    def product(
        self,
        graph: Graph,
        inputs: str,
        name: str,
        weights: Sequence[str],
        bias: Float[np.ndarray, " out"] | None,
    ) -> str:
        rows = self.rows(weights)
        scales = graph.tensor(f"{name}.scale", self.scales(weights))
        starts = range(0, rows.shape[1], BLOCK)
        sizes = [min(BLOCK, rows.shape[1] - start) for start in starts]
        parts = [inputs]
        if len(sizes) > 1:
            parts = graph.many("Split", [inputs, graph.ints(*sizes)], len(sizes), axis=-1)
        total = ""
        for part, start, size in zip(parts, starts, sizes, strict=True):
            columns = graph.tensor(f"{name}.weight.{start}", rows[:, start : start + size].T)
            step, whole = as_steps(graph, part)
            zero = graph.constant(ZERO, "uint8")
            one = graph.number(1.0)
            made = graph(
                "MatMulIntegerToFloat", whole, columns, one, scales, zero, domain=MICROSOFT
            )
            made = graph("Mul", made, step)
            total = graph("Add", total, made) if total else made
        return total if bias is None else graph("Add", total, graph.tensor(f"{name}.bias", bias))

    def row_product(
        self,
        graph: Graph,
        inputs: str,
        name: str,
        weights: Sequence[str],
        bias: Float[np.ndarray, " out"] | None,
    ) -> str:
        rows, scales = self.rows(weights), self.scales(weights)
        size = block_size(rows.shape[1])
        count = -(-rows.shape[1] // size)
        padded = np.full((len(rows), count * size), ZERO, np.uint8)
        padded[:, : rows.shape[1]] = rows.astype(np.int16) + ZERO
        return graph(
            "MatMulNBits",
            inputs,
            graph.tensor(f"{name}.blocks", padded.reshape(len(rows), count, size)),
            graph.tensor(f"{name}.scales", np.repeat(scales, count).reshape(len(rows), count)),
            *([] if bias is None else ["", "", graph.tensor(f"{name}.bias", bias)]),
            domain=MICROSOFT,
            K=rows.shape[1],
            N=len(rows),
            bits=8,
            block_size=size,
            accuracy_level=4,
        )

    def matrix(self, name: str) -> Float[np.ndarray, "out in"]:
        return self.tensors[name] * self.tensors[name + SCALE][:, None]

    def vector(self, name: str) -> Float[np.ndarray, "*shape"]:
        return self.tensors[name]


def as_steps(graph: Graph, inputs: str) -> tuple[str, str]:
    """The step of each row, 127 of which reach its greatest number, and the row in such steps."""
    greatest = graph("ReduceMax", graph("Abs", inputs), graph.ints(-1), keepdims=1)
    step = graph("Max", graph("Mul", greatest, graph.number(1 / 127)), graph.number(1e-30))
    whole = graph("Div", inputs, step)
    return step, graph("QuantizeLinear", whole, graph.number(1.0), graph.constant(ZERO, "uint8"))


def block_size(inputs: int) -> int:
    """The power of 2 that holds all inputs, from 16 to BLOCK."""
    return min(BLOCK, max(16, 1 << (inputs - 1).bit_length()))


def quantise(tensors: Tensors) -> dict[str, np.ndarray]:
    """Every matrix as int8 with one scale a row; all else stays as it is."""
    made: dict[str, np.ndarray] = {}
    for name, tensor in tensors.items():
        if tensor.ndim == 2 and name.endswith(MATRICES):
            scale = np.maximum(np.abs(tensor).max(axis=1) / 127, 1e-12).astype(np.float32)
            made[name] = np.rint(tensor / scale[:, None]).astype(np.int8)
            made[name + SCALE] = scale
        else:
            made[name] = tensor.astype(np.float32)
    return made


def are_int8(tensors: Iterable[str]) -> bool:
    return any(name.endswith(SCALE) for name in tensors)
