"""Draw the recurrent cells of `model.recurrence` into graphs."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from regard.engine.onnx.graph import Body, Value, concat
from regard.engine.onnx.products import RECURRENT, Arithmetic, linear_shapes

States = list[Value]
"""The state tensors of a cell [... H]; the hidden state follows from the first one."""

INPUT_MATRIX, INPUT_BIAS = "cell.weight_ih_l0", "cell.bias_ih_l0"
HIDDEN_MATRIX, HIDDEN_BIAS = "cell.weight_hh_l0", "cell.bias_hh_l0"
SSRU_LINEAR = "gate_and_candidate"


class Cell(ABC):
    """A recurrent cell in one direction, or in D directions side by side [... D H]."""

    state_tensors: int = 1
    """State tensors that go from one token to the next."""
    derived_states: int = 0
    """Tensors at the front of PyTorch's state that follow from the others."""
    gates: int
    """Vectors of the hidden size that the input product computes for each token."""
    parts: int = 1
    """Tensors into which these vectors are split before `precompute`."""
    input_matrix = INPUT_MATRIX

    def __init__(self, arithmetic: Arithmetic, directions: Sequence[str], hidden: int) -> None:
        self.arithmetic, self.directions, self.hidden_size = arithmetic, directions, hidden
        self.part_width = self.gates // self.parts * hidden

    @classmethod
    def weights(cls, inputs: int, hidden: int) -> dict[str, tuple[int, ...]]:
        """The shape of each weight of one direction."""
        outputs = cls.gates * hidden
        return {
            INPUT_MATRIX: (outputs, inputs),
            HIDDEN_MATRIX: (outputs, hidden),
            INPUT_BIAS: (outputs,),
            HIDDEN_BIAS: (outputs,),
        }

    def vector(self, direction: str, name: str) -> np.ndarray:
        return self.arithmetic.vector(f"{direction}.{name}")

    @abstractmethod
    def input_bias(self, direction: str) -> np.ndarray:
        """The bias of the input product."""

    def input_product(self, inputs: Value, name: str) -> Value:
        """inputs @ W.T + b for all tokens at once, of all directions."""
        weights = [f"{one}.{self.input_matrix}" for one in self.directions]
        bias = np.concatenate([self.input_bias(one) for one in self.directions])
        return self.arithmetic.product(inputs, name, weights, bias)

    def split(self, product: Value) -> list[Value]:
        """The input product of a single direction in `parts` tensors."""
        return product.split(*[self.part_width] * self.parts) if self.parts > 1 else [product]

    def precompute(self, parts: Sequence[Value]) -> list[Value]:
        """The part of `step` that depends on the inputs alone, for all tokens at once."""
        return [*parts]

    @abstractmethod
    def step(self, precomputed: Sequence[Value], states: Sequence[Value]) -> States:
        """The states after one more token."""

    def hidden(self, state: Value) -> Value:
        """The hidden state, from the first state tensor."""
        return state

    def recurrent_product(self, hidden: Value, biases: Sequence[np.ndarray | None]) -> Value:
        """hidden @ W.T + b, with W and b of each direction."""
        count = len(self.directions)
        parts = [hidden] if count == 1 else hidden.split_evenly(count, axis=-2)
        products = [
            self.arithmetic.product(part, one + RECURRENT, [f"{one}.{HIDDEN_MATRIX}"], bias)
            for part, one, bias in zip(parts, self.directions, biases, strict=True)
        ]
        return concat(products, axis=-2)


class GRU(Cell):
    """Cho et al. 2014, with the reset gate behind the product as in cuDNN."""

    gates = 3

    def input_bias(self, direction: str) -> np.ndarray:
        bias, gates = self.vector(direction, INPUT_BIAS).copy(), 2 * self.hidden_size
        bias[:gates] += self.vector(direction, HIDDEN_BIAS)[:gates]
        return bias

    def candidate_bias(self, direction: str) -> np.ndarray:
        """The bias of the recurrent product; the one of the gates is in `input_bias`."""
        bias = self.vector(direction, HIDDEN_BIAS).copy()
        bias[: 2 * self.hidden_size] = 0.0
        return bias

    def step(self, precomputed: Sequence[Value], states: Sequence[Value]) -> States:
        size, hidden = self.hidden_size, states[0]
        biases = [self.candidate_bias(one) for one in self.directions]
        recurrent = self.recurrent_product(hidden, biases)
        input_gates, input_candidate = precomputed[0].split(2 * size, size)
        recurrent_gates, recurrent_candidate = recurrent.split(2 * size, size)
        reset, update = (input_gates + recurrent_gates).sigmoid().split(size, size)
        candidate = (input_candidate + reset * recurrent_candidate).tanh()
        return [candidate + update * (hidden - candidate)]


class LSTM(Cell):
    """Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000."""

    state_tensors = 2
    gates = 4

    def input_bias(self, direction: str) -> np.ndarray:
        return self.vector(direction, INPUT_BIAS) + self.vector(direction, HIDDEN_BIAS)

    def step(self, precomputed: Sequence[Value], states: Sequence[Value]) -> States:
        size, (hidden, cell) = self.hidden_size, states
        both = precomputed[0] + self.recurrent_product(hidden, [None] * len(self.directions))
        gates, candidate, output = both.split(2 * size, size, size)
        input_gate, forget = gates.sigmoid().split(size, size)
        cell = forget * cell + input_gate * candidate.tanh()
        return [output.sigmoid() * cell.tanh(), cell]


class SSRU(Cell):
    """Kim et al. 2019: the simpler simple recurrent unit; its hidden state is relu(cell)."""

    derived_states = 1
    gates = 2
    parts = 2
    input_matrix = f"{SSRU_LINEAR}.weight"

    @classmethod
    def weights(cls, inputs: int, hidden: int) -> dict[str, tuple[int, ...]]:
        return linear_shapes(SSRU_LINEAR, inputs, cls.gates * hidden)

    def input_bias(self, direction: str) -> np.ndarray:
        return self.vector(direction, f"{SSRU_LINEAR}.bias")

    def precompute(self, parts: Sequence[Value]) -> list[Value]:
        gate, candidate = parts
        forget = gate.sigmoid()
        return [forget, candidate - forget * candidate]

    def step(self, precomputed: Sequence[Value], states: Sequence[Value]) -> States:
        forget, update = precomputed
        return [forget * states[0] + update]

    def hidden(self, state: Value) -> Value:
        return state.relu()


CELLS: dict[str, type[Cell]] = {"gru": GRU, "lstm": LSTM, "ssru": SSRU}


def scan(name: str, cell: Cell, precomputed: Sequence[Value], first: States) -> list[Value]:
    """Run a cell over `precomputed` [T B D _] from the states `first` [B D H].

    Returns the states after the last token, and then the hidden state at each token [T B D H].
    """
    g, directions = precomputed[0].graph, len(cell.directions)
    body, shape = Body(f"{g.prefix}{name}/", g), ("B", directions, cell.hidden_size)
    states = [body.input(f"state.{n}", "float32", *shape) for n in range(cell.state_tensors)]
    inputs = [
        body.input(f"input.{n}", "float32", "B", directions, "_") for n in range(len(precomputed))
    ]
    states = cell.step(inputs, states)
    for value in [*states, cell.hidden(states[0])]:
        body.result(value, *shape)
    return body.run("Scan", *first, *precomputed, num_scan_inputs=len(precomputed))
