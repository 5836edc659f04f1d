"""Who learns together: the one seam through which several processes will come.

A member works out the gradient of its share of each batch; the team adds the shares up. Alone, the
share is the whole.
"""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from torch import Tensor

from regard.data.batches import Batch


@runtime_checkable
class ProcessGroup(Protocol):
    def shard(self, batch: Batch) -> Batch:
        """The rows of a batch that this member learns."""

    def all_reduce(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its sum over all members."""


class SingleProcess:
    """A team of one."""

    def shard(self, batch: Batch) -> Batch:
        return batch

    def all_reduce(self, tensors: Iterable[Tensor]) -> None:
        """Its own sum is the whole sum."""
