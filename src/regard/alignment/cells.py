"""The word pairs of parallel sentences, numbered, in blocks on disk.

A cell is a word of a source and a word of its target. Different cells of the same two words are one
word pair. A block holds sentences that have equally many words on each side, so that all of them
are aligned at once.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from regard.shapes import Int
from regard.text.token_lists import TokenLists

BLOCK_CELLS = 1 << 18
"""Cells of a block, unless one sentence has more."""
MAX_CELLS = 1 << 24
"""Of a pair of sentences; one that has more, such as 4,000 words on each side, gets no links."""
PENDING_PAIRS = 1 << 23
"""Word pairs of blocks that are held before they are merged with all others."""


class Block(NamedTuple):
    sentences: Int[np.ndarray, " n"]
    """The numbers of the sentences in the text."""
    pairs: Int[np.ndarray, " U"]
    """The different word pairs of the block, ascending."""
    cells: Int[np.ndarray, "n I J"]
    """For each source and target word, the index of their pair among those."""


class Shape(NamedTuple):
    """A block without its content."""

    sentences: Int[np.ndarray, " n"]
    source_length: int
    target_length: int

    @property
    def size(self) -> int:
        return len(self.sentences) * self.source_length * self.target_length


def block_shapes(sources: TokenLists, targets: TokenLists) -> list[Shape]:
    """All sentences with words on both sides, grouped by their lengths; not those that have more
    than `MAX_CELLS`."""
    lengths = np.stack([sources.lengths, targets.lengths])
    order = np.lexsort(lengths)
    cells = lengths[:, order].prod(axis=0)
    order = order[(cells > 0) & (cells <= MAX_CELLS)]
    starts = np.flatnonzero(np.diff(lengths[:, order], axis=1).any(axis=0)) + 1
    shapes = []
    for group in np.split(order, starts) if len(order) else []:
        rows, columns = lengths[:, group[0]].tolist()
        most = max(1, BLOCK_CELLS // (rows * columns))
        for begin in range(0, len(group), most):
            shapes.append(Shape(group[begin : begin + most], rows, columns))
    return shapes


class WordPairs(NamedTuple):
    """The two words of each word pair."""

    source: Int[np.ndarray, " P"]
    target: Int[np.ndarray, " P"]


class Cells:
    """All blocks of a text, in files. The numbers of two words make the key of their pair."""

    def __init__(
        self,
        sources: TokenLists,
        targets: TokenLists,
        target_words: int,
        file: Path,
        advance: Callable[[int], None],
    ) -> None:
        """Number the word pairs. `advance` is called with the number of cells of each block."""
        self.shapes = block_shapes(sources, targets)
        self.target_words = target_words
        self.file = file
        self.keys, self.pair_counts = self.write_keys(sources, targets, advance)
        self.number_pairs()

    @property
    def keys_file(self) -> Path:
        return self.file.with_suffix(".keys")

    def write_keys(
        self, sources: TokenLists, targets: TokenLists, advance: Callable[[int], None]
    ) -> tuple[Int[np.ndarray, " P"], list[int]]:
        """Write the cells of each block and the keys of its pairs; all different keys."""
        merged, pending, counts = np.zeros(0, np.int64), list[np.ndarray](), list[int]()
        with self.file.open("wb") as cells_file, self.keys_file.open("wb") as keys_file:
            for shape in self.shapes:
                rows = sources.select(shape.sentences).ids.reshape(-1, shape.source_length, 1)
                columns = targets.select(shape.sentences).ids.reshape(-1, 1, shape.target_length)
                keys = rows.astype(np.int64) * self.target_words + columns
                unique, inverse = np.unique(keys, return_inverse=True)
                inverse.astype("<i4").tofile(cells_file)
                unique.astype("<i8").tofile(keys_file)
                pending.append(unique)
                counts.append(len(unique))
                advance(shape.size)
                if sum(map(len, pending)) > PENDING_PAIRS:
                    merged, pending = distinct(np.concatenate([merged, *pending])), []
        return distinct(np.concatenate([merged, *pending])), counts

    def number_pairs(self) -> None:
        """Replace the keys of each block by numbers."""
        with self.keys_file.open("rb") as keys, self.file.with_suffix(".pairs").open("wb") as pairs:
            for count in self.pair_counts:
                own = np.fromfile(keys, "<i8", count)
                np.searchsorted(self.keys, own).astype("<i4").tofile(pairs)
        self.keys_file.unlink()

    @property
    def size(self) -> int:
        """The number of all cells."""
        return sum(shape.size for shape in self.shapes)

    def word_pairs(self) -> WordPairs:
        parts = np.empty((2, len(self.keys)), np.int32)
        for part, divide in zip(parts, (np.floor_divide, np.remainder), strict=True):
            divide(self.keys, self.target_words, out=part, casting="unsafe")
        return WordPairs(*parts)

    def remove(self) -> None:
        """Remove the files."""
        for file in (self.file, self.file.with_suffix(".pairs")):
            file.unlink()

    def blocks(self) -> Iterator[Block]:
        with self.file.open("rb") as cells, self.file.with_suffix(".pairs").open("rb") as pairs:
            for shape, count in zip(self.shapes, self.pair_counts, strict=True):
                block = np.fromfile(cells, "<i4", shape.size)
                yield Block(
                    shape.sentences,
                    np.fromfile(pairs, "<i4", count),
                    block.reshape(-1, shape.source_length, shape.target_length),
                )


def distinct(keys: Int[np.ndarray, " N"]) -> Int[np.ndarray, " P"]:
    """The different keys, ascending. Sorts in place: `np.unique` of NumPy 2.4 takes a minute for 16
    million numbers, which sorting takes a second for."""
    keys.sort()
    is_new = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=is_new[1:])
    return keys[is_new]
