"""The process group: how the processes of one training run divide each batch and stay in step."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar, runtime_checkable

from torch import Tensor

from regard.data.batches import Batch

T = TypeVar("T")


@runtime_checkable
class ProcessGroup(Protocol):
    """The processes of one run; each computes the gradient of its rows of every batch.

    Only the first process prepares text, locks the folder, logs, reports and saves.
    """

    @property
    def rank(self) -> int:
        """The number of this process, from 0."""

    @property
    def size(self) -> int:
        """How many processes there are."""

    @property
    def is_first(self) -> bool:
        """Whether the rank is 0."""

    def barrier(self) -> None:
        """Wait until every process has called it."""

    def agree(self, value: T) -> T:
        """The value of the first process, in every process; the others' values are ignored."""

    def shard(self, batch: Batch) -> Batch:
        """The rows of a batch that this process learns from."""

    def all_reduce(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its sum over all processes."""


class SingleProcess:
    """A group of one process."""

    rank, size, is_first = 0, 1, True

    def barrier(self) -> None:
        """Nothing to wait for."""

    def agree(self, value: T) -> T:
        return value

    def shard(self, batch: Batch) -> Batch:
        return batch

    def all_reduce(self, tensors: Iterable[Tensor]) -> None:
        """The sum over one process is the tensor itself."""


@contextmanager
def first_process_first(group: ProcessGroup) -> Iterator[None]:
    """The other processes enter the block when the first has left it, and find its files."""
    if not group.is_first:
        group.barrier()
    yield
    if group.is_first:
        group.barrier()
