"""The recurrences of `model/` once more, as parts of an ONNX graph."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from regard.engine.onnx.graph import Graph
from regard.engine.onnx.products import RECALL, Arithmetic

Carried = list[str]


class Cell(ABC):
    """A recurrence in one direction or several side by side, D; all else has `...` before it.

    `read` is the product with the inputs, for all tokens at once.
    """

    carried: int
    """How many vectors go from one token to the next."""
    skipped: int = 0
    """Vectors at the front of PyTorch's state that follow from the others."""
    gates: int
    """How many vectors of the hidden state's size are read from each input."""
    parts: int = 1
    """Pieces in which `prepare` wants them: gathered one by one they need not be split."""

    def __init__(self, arithmetic: Arithmetic, directions: Sequence[str], hidden: int) -> None:
        self.arithmetic, self.directions, self.hidden_size = arithmetic, directions, hidden

    def input_weights(self) -> list[str]:
        return [f"{one}.cell.weight_ih_l0" for one in self.directions]

    def input_bias(self) -> np.ndarray:
        return np.concatenate([self.bias_of(one) for one in self.directions])

    @abstractmethod
    def bias_of(self, direction: str) -> np.ndarray:
        """What is added to the product with the inputs."""

    def vector(self, direction: str, name: str) -> np.ndarray:
        return self.arithmetic.vector(f"{direction}.{name}")

    def split(self, g: Graph, read: str) -> list[str]:
        """What was read, in its parts."""
        sizes = g.ints(*[self.gates // self.parts * self.hidden_size] * self.parts)
        return g.many("Split", [read, sizes], self.parts, axis=-1) if self.parts > 1 else [read]

    def prepare(self, g: Graph, parts: Sequence[str]) -> list[str]:
        """What `once` wants to know of each token."""
        return [*parts]

    @abstractmethod
    def once(self, g: Graph, prepared: Sequence[str], carried: Sequence[str]) -> Carried:
        """One token further."""

    def hidden(self, g: Graph, carried: str) -> str:
        """The hidden state, from the first vector that is carried."""
        return carried

    def recall(self, g: Graph, hidden: str, biases: Sequence[np.ndarray | None]) -> str:
        """The product with the hidden state ... D H, of each direction its own."""
        count = len(self.directions)
        parts = (
            g.many("Split", [hidden], count, axis=-2, num_outputs=count) if count > 1 else [hidden]
        )
        made = [
            self.arithmetic.product(g, part, one + RECALL, [f"{one}.cell.weight_hh_l0"], bias)
            for part, one, bias in zip(parts, self.directions, biases, strict=True)
        ]
        return g("Concat", *made, axis=-2) if count > 1 else made[0]


class GRU(Cell):
    carried = 1
    gates = 3

    def bias_of(self, direction: str) -> np.ndarray:
        both = self.vector(direction, "cell.bias_ih_l0").copy()
        gates = 2 * self.hidden_size
        both[:gates] += self.vector(direction, "cell.bias_hh_l0")[:gates]
        return both

    def bias_of_fresh(self, direction: str) -> np.ndarray:
        bias = self.vector(direction, "cell.bias_hh_l0").copy()
        bias[: 2 * self.hidden_size] = 0.0
        return bias

    def once(self, g: Graph, prepared: Sequence[str], carried: Sequence[str]) -> Carried:
        size = self.hidden_size
        biases = [self.bias_of_fresh(one) for one in self.directions]
        recalled = self.recall(g, carried[0], biases)
        sizes = g.ints(2 * size, size)
        gates, fresh = g.many("Split", [prepared[0], sizes], 2, axis=-1)
        more_gates, old = g.many("Split", [recalled, sizes], 2, axis=-1)
        gates = g("Sigmoid", g("Add", gates, more_gates))
        reset, update = g.many("Split", [gates, g.ints(size, size)], 2, axis=-1)
        new = g("Tanh", g("Add", fresh, g("Mul", reset, old)))
        return [g("Add", new, g("Mul", update, g("Sub", carried[0], new)))]


class LSTM(Cell):
    carried = 2
    gates = 4

    def bias_of(self, direction: str) -> np.ndarray:
        return self.vector(direction, "cell.bias_ih_l0") + self.vector(direction, "cell.bias_hh_l0")

    def once(self, g: Graph, prepared: Sequence[str], carried: Sequence[str]) -> Carried:
        size = self.hidden_size
        both = g("Add", prepared[0], self.recall(g, carried[0], [None] * len(self.directions)))
        sizes = g.ints(2 * size, size, size)
        gates, candidate, out = g.many("Split", [both, sizes], 3, axis=-1)
        enter, forget = g.many("Split", [g("Sigmoid", gates), g.ints(size, size)], 2, axis=-1)
        kept = g("Mul", forget, carried[1])
        cell = g("Add", kept, g("Mul", enter, g("Tanh", candidate)))
        return [g("Mul", g("Sigmoid", out), g("Tanh", cell)), cell]


class SSRU(Cell):
    carried = 1
    skipped = 1
    gates = 2
    parts = 2

    def input_weights(self) -> list[str]:
        return [f"{one}.gate_and_candidate.weight" for one in self.directions]

    def bias_of(self, direction: str) -> np.ndarray:
        return self.vector(direction, "gate_and_candidate.bias")

    def prepare(self, g: Graph, parts: Sequence[str]) -> list[str]:
        gate, fresh = parts
        forget = g("Sigmoid", gate)
        return [forget, g("Sub", fresh, g("Mul", forget, fresh))]

    def once(self, g: Graph, prepared: Sequence[str], carried: Sequence[str]) -> Carried:
        return [g("Add", g("Mul", prepared[0], carried[0]), prepared[1])]

    def hidden(self, g: Graph, carried: str) -> str:
        return g("Relu", carried)


CELLS: dict[str, type[Cell]] = {"gru": GRU, "lstm": LSTM, "ssru": SSRU}


class Scanned(NamedTuple):
    """What a cell makes of tokens that come one after the other."""

    hidden: str
    """T B D H: at each token."""
    after: Carried
    """B D H: what is carried behind the last one."""


def scan(g: Graph, name: str, cell: Cell, prepared: Sequence[str], first: Sequence[str]) -> Scanned:
    """Go through tokens of which `prepared` [T B D _] tells all; `first` [B D H] is carried."""
    body, directions = Graph(f"{g.prefix}{name}/", g), len(cell.directions)
    shape = "B", directions, cell.hidden_size
    given = [body.input(f"carried.{n}", "float32", *shape) for n in range(cell.carried)]
    read = [body.input(f"read.{n}", "float32", "B", directions, "_") for n in range(len(prepared))]
    after = cell.once(body, read, given)
    for one in [*after, cell.hidden(body, after[0])]:
        body.result(one, "float32", *shape)
    made = g.many(
        "Scan",
        [*first, *prepared],
        len(first) + 1,
        body=body.proto(),
        num_scan_inputs=len(prepared),
    )
    return Scanned(made[-1], made[:-1])
