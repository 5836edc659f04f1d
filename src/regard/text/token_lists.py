"""The token ids of many texts in one array."""

from collections.abc import Sequence
from itertools import accumulate, chain
from typing import NamedTuple

import numpy as np

from regard.shapes import Int
from regard.special import Ids


class TokenLists(NamedTuple):
    ids: Int[np.ndarray, " T"]
    offsets: Int[np.ndarray, " N+1"]
    """Where the ids of each text begin, and where those of the last one end."""

    @classmethod
    def of(cls, lists: Sequence[Ids]) -> "TokenLists":
        offsets = np.fromiter(accumulate(map(len, lists), initial=0), np.int64, len(lists) + 1)
        return cls(np.fromiter(chain.from_iterable(lists), np.int64, int(offsets[-1])), offsets)

    @property
    def lengths(self) -> Int[np.ndarray, " N"]:
        return np.diff(self.offsets)

    def part(self, texts: slice) -> "TokenLists":
        """Texts that follow each other, without copying."""
        return self._replace(offsets=self.offsets[texts.start : texts.stop + 1])

    def select(self, indices: Int[np.ndarray, " K"]) -> "TokenLists":
        """The texts at `indices`, in that order."""
        starts, lengths = self.offsets[indices], self.lengths[indices]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        return TokenLists(self.ids[np.repeat(starts, lengths) + within], offsets)
