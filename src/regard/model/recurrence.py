"""How a layer carries what it has read: token by token, or many at once when they are known."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from regard.shapes import Float

Carried = tuple[Float[Tensor, "B H"], ...]
"""What a layer knows between two tokens."""


class Recurrence(nn.Module):
    """`inputs` go in one after the other; out comes the hidden state at each, and the last one."""

    carried: int
    """How many tensors [B H] it carries; the hidden state is the first of them."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.inputs, self.hidden = inputs, hidden

    def begin(self, batch: int, like: Tensor) -> Carried:
        """What is carried when nothing has been read: zeros."""
        return tuple(like.new_zeros(batch, self.hidden) for _ in range(self.carried))

    def forward(
        self, inputs: Float[Tensor, "B T I"], state: Carried
    ) -> tuple[Float[Tensor, "B T H"], Carried]:
        raise NotImplementedError(f"{type(self).__name__} does not say how it goes on")


class GRU(Recurrence):
    """Gated recurrent unit (Cho et al. 2014), as PyTorch and cuDNN compute it."""

    carried = 1

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__(inputs, hidden)
        self.cell = nn.GRU(inputs, hidden, batch_first=True)

    def forward(
        self, inputs: Float[Tensor, "B T I"], state: Carried
    ) -> tuple[Float[Tensor, "B T H"], Carried]:
        hidden, after = self.cell(inputs, state[0][None])
        return hidden, (after[0],)


class LSTM(Recurrence):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; Gers et al. 2000)."""

    carried = 2

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__(inputs, hidden)
        self.cell = nn.LSTM(inputs, hidden, batch_first=True)

    def forward(
        self, inputs: Float[Tensor, "B T I"], state: Carried
    ) -> tuple[Float[Tensor, "B T H"], Carried]:
        hidden, (after, cell) = self.cell(inputs, (state[0][None], state[1][None]))
        return hidden, (after[0], cell[0])


class Scan(torch.autograd.Function):
    """cell_t = kept_t · cell_(t-1) + new_t, number by number, over all T at once.

    Its gradient is the same recurrence from right to left; written out, it keeps one tensor where
    autograd would keep T of everything.
    """

    @staticmethod
    def forward(
        ctx: Any, kept: Float[Tensor, "B T H"], new: Float[Tensor, "B T H"], cell: Tensor
    ) -> Float[Tensor, "B T H"]:
        cells = torch.empty_like(new)
        before = cell
        for place in range(new.size(1)):
            before = torch.addcmul(new[:, place], kept[:, place], before, out=cells[:, place])
        ctx.save_for_backward(kept, cells, cell)
        return cells

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        kept, cells, cell = ctx.saved_tensors
        grad_new = upstream[0].clone()
        for place in range(cells.size(1) - 1, 0, -1):
            grad_new[:, place - 1].addcmul_(kept[:, place], grad_new[:, place])
        grad_kept = torch.empty_like(kept)
        torch.mul(grad_new[:, 1:], cells[:, :-1], out=grad_kept[:, 1:])
        torch.mul(grad_new[:, 0], cell, out=grad_kept[:, 0])
        return grad_kept, grad_new, kept[:, 0] * grad_new[:, 0]


scan: Callable[[Tensor, Tensor, Tensor], Float[Tensor, "B T H"]] = Scan.apply


class SSRU(Recurrence):
    """Simpler simple recurrent unit: all products before the recurrence (Kim et al. 2019, eq. 1-2).

    forget = σ(W_f x + b_f); cell = forget · cell + (1 - forget) · W x; hidden = relu(cell).
    """

    carried = 2

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__(inputs, hidden)
        self.gate_and_fresh = nn.Linear(inputs, 2 * hidden)

    def forward(
        self, inputs: Float[Tensor, "B T I"], state: Carried
    ) -> tuple[Float[Tensor, "B T H"], Carried]:
        gate, fresh = self.gate_and_fresh(inputs).float().chunk(2, dim=-1)
        forget = gate.sigmoid()
        cells = scan(forget, (1 - forget) * fresh, state[1].float())
        hidden = cells.relu()
        return hidden, (hidden[:, -1], cells[:, -1])


RECURRENCES: dict[str, type[Recurrence]] = {"gru": GRU, "lstm": LSTM, "ssru": SSRU}
