"""The process group: how the processes of one training run divide the text and stay in step."""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from torch import Tensor, nn

from regard.shapes import Float

ListItem = TypeVar("ListItem")


@runtime_checkable
class ProcessGroup(Protocol):
    """The processes of one run; each computes the gradient of batches of its own.

    Only the first process prepares text, locks the folder, logs, reports and saves. Every method
    is called by all processes, in the same order; raises LostProcess if one of them is gone.
    """

    @property
    def rank(self) -> int:
        """The number of this process, from 0."""

    @property
    def size(self) -> int:
        """How many processes there are."""

    @property
    def neighbours(self) -> int:
        """How many of them share the cores of this host."""

    @property
    def is_first(self) -> bool:
        """Whether the rank is 0."""

    def first_process_first(self) -> AbstractContextManager[None]:
        """The other processes enter the block when the first has left it, and find its files."""

    def gather(self, *numbers: float) -> Float[np.ndarray, "P N"]:
        """The numbers of each process: the same rows for all."""

    def gather_lists(self, items: list[ListItem]) -> list[list[ListItem]]:
        """The list of each process."""

    def joined(self, module: nn.Module) -> nn.Module:
        """A module that computes the same, and whose gradients are means over all processes."""

    def own_gradients(self, module: nn.Module) -> AbstractContextManager[None]:
        """In this block a joined module keeps its gradients for the next backward pass."""

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss that a joined module computed."""


class SingleProcess:
    """A group of one process."""

    rank, size, neighbours, is_first = 0, 1, 1, True

    def first_process_first(self) -> AbstractContextManager[None]:
        return nullcontext()

    def gather(self, *numbers: float) -> Float[np.ndarray, "P N"]:
        return np.array([numbers], np.float64)

    def gather_lists(self, items: list[ListItem]) -> list[list[ListItem]]:
        return [items]

    def joined(self, module: nn.Module) -> nn.Module:
        return module

    def own_gradients(self, module: nn.Module) -> AbstractContextManager[None]:  # noqa: ARG002
        return nullcontext()

    def backward(self, loss: Tensor) -> None:
        loss.backward()


def is_one_of_several() -> bool:
    """Whether torchrun started this process and others."""
    return "RANK" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def own_part(items: Sequence[ListItem], group: ProcessGroup) -> list[ListItem]:
    """Every item is in the part of one process."""
    return list(items[group.rank :: group.size])


def in_order(parts: Sequence[Sequence[ListItem]]) -> list[ListItem]:
    """The items of which `parts` are the processes' own."""
    return [parts[n % len(parts)][n // len(parts)] for n in range(sum(map(len, parts)))]
