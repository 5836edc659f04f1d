"""Recurrent layers: many tokens at once where they are known, one at a time in a search."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from regard.shapes import Float

LayerInputs = Float[Tensor, "B T I"]
HiddenStates = Float[Tensor, "B T H"]
RecurrentState = tuple[Float[Tensor, "B H"], ...]
"""What a layer passes from one token to the next; the hidden state comes first."""


class Recurrence(nn.Module):
    """Reads `inputs` one after the other; returns the hidden state at each, and the last state."""

    state_tensors: int
    """How many tensors [B H] its state has."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size

    def forward(
        self, inputs: LayerInputs, state: RecurrentState
    ) -> tuple[HiddenStates, RecurrentState]:
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def from_zeros(self, inputs: LayerInputs) -> HiddenStates:
        """The hidden states, from an initial state of zeros."""
        zeros = inputs.new_zeros(len(inputs), self.hidden_size)
        return self(inputs, (zeros,) * self.state_tensors)[0]


class GRU(Recurrence):
    """Gated recurrent unit (Cho et al. 2014), as PyTorch and cuDNN compute it."""

    state_tensors = 1

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.cell = nn.GRU(input_size, hidden_size, batch_first=True)

    def forward(
        self, inputs: LayerInputs, state: RecurrentState
    ) -> tuple[HiddenStates, RecurrentState]:
        hidden, after = self.cell(inputs, state[0][None])
        return hidden, (after[0],)


class LSTM(Recurrence):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; Gers et al. 2000)."""

    state_tensors = 2

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.cell = nn.LSTM(input_size, hidden_size, batch_first=True)

    def forward(
        self, inputs: LayerInputs, state: RecurrentState
    ) -> tuple[HiddenStates, RecurrentState]:
        hidden, (after, cell) = self.cell(inputs, (state[0][None], state[1][None]))
        return hidden, (after[0], cell[0])


class Scan(torch.autograd.Function):
    """cell_t = forget_t · cell_(t-1) + fresh_input_t, elementwise, over all T at once.

    Its gradient is the same recurrence from right to left; written out, it keeps one tensor where
    autograd would keep T of everything.
    """

    @staticmethod
    def forward(
        ctx: Any, forget: HiddenStates, fresh_input: HiddenStates, cell: Tensor
    ) -> HiddenStates:
        cells = torch.empty_like(fresh_input)
        before = cell
        for t in range(fresh_input.size(1)):
            before = torch.addcmul(fresh_input[:, t], forget[:, t], before, out=cells[:, t])
        ctx.save_for_backward(forget, cells, cell)
        return cells

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        forget, cells, cell = ctx.saved_tensors
        grad_input = upstream[0].clone()
        for t in range(cells.size(1) - 1, 0, -1):
            grad_input[:, t - 1].addcmul_(forget[:, t], grad_input[:, t])
        grad_forget = torch.empty_like(forget)
        torch.mul(grad_input[:, 1:], cells[:, :-1], out=grad_forget[:, 1:])
        torch.mul(grad_input[:, 0], cell, out=grad_forget[:, 0])
        return grad_forget, grad_input, forget[:, 0] * grad_input[:, 0]


scan: Callable[[Tensor, Tensor, Tensor], HiddenStates] = Scan.apply


class SSRU(Recurrence):
    """Simpler simple recurrent unit: all products before the recurrence (Kim et al. 2019, eq. 1-2).

    forget = σ(W_f x + b_f); cell = forget · cell + (1 - forget) · W x; hidden = relu(cell).
    """

    state_tensors = 2

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.gate_and_candidate = nn.Linear(input_size, 2 * hidden_size)

    def forward(
        self, inputs: LayerInputs, state: RecurrentState
    ) -> tuple[HiddenStates, RecurrentState]:
        gate, candidate = self.gate_and_candidate(inputs).float().chunk(2, dim=-1)
        forget = gate.sigmoid()
        cells = scan(forget, (1 - forget) * candidate, state[1].float())
        hidden = cells.relu()
        return hidden, (hidden[:, -1], cells[:, -1])


RECURRENCES: dict[str, type[Recurrence]] = {"gru": GRU, "lstm": LSTM, "ssru": SSRU}
