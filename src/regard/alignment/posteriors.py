"""The probabilities that words are linked, of all sentences of a text, in files."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from regard.alignment.cells import Cells, Shape
from regard.alignment.links import Posterior, independent
from regard.alignment.training import Tables, by_hmm
from regard.processes import OnProgress
from regard.shapes import Float, Int

MIN_POSTERIOR = 0.02
"""Cells with smaller probabilities in both directions are not kept."""
RECORD = np.dtype([("source", "<u4"), ("target", "<u4"), ("forward", "<f2"), ("backward", "<f2")])
"""A cell of a sentence, and its probabilities."""
NO_RECORDS = np.zeros(0, RECORD)


class BlockPosterior(NamedTuple):
    """What is kept of a block."""

    cells: Int[np.ndarray, " K"]
    """Indices into the flattened cells of the block."""
    forward: Float[np.ndarray, " K"]
    backward: Float[np.ndarray, " K"]


def write_posteriors(cells: Cells, tables: Tables, file: Path, advance: OnProgress) -> None:
    """What the HMM of one view finds, block by block."""
    with file.open("wb") as stream:
        for block in cells.blocks():
            (forward, backward), *_ = by_hmm(block, tables)
            both = np.ascontiguousarray(forward).ravel(), np.ascontiguousarray(backward).ravel()
            kept = np.flatnonzero(np.maximum(*both) > MIN_POSTERIOR)
            stream.write(np.array([len(kept)], "<i8").tobytes())
            stream.write(kept.astype("<i4").tobytes())
            for direction in both:
                stream.write(direction[kept].astype("<f2").tobytes())
            advance(block.cells.size)


def read_posteriors(file: Path) -> Iterator[BlockPosterior]:
    with file.open("rb") as stream:
        while head := stream.read(8):
            count = int(np.frombuffer(head, "<i8")[0])
            kept = np.frombuffer(stream.read(4 * count), "<i4")
            forward, backward = (np.frombuffer(stream.read(2 * count), "<f2") for _ in range(2))
            yield BlockPosterior(kept, forward, backward)


Combine = Callable[[Float[np.ndarray, "I J"], Float[np.ndarray, "I J"]], Posterior]
"""Of the two directions: `links.independent` or `links.of_one_model`."""


class TextPosteriors:
    """The probabilities of links, by sentence, mapped from disk."""

    def __init__(
        self, stem: Path, lengths: Int[np.ndarray, "2 N"], combine: Combine = independent
    ) -> None:
        self.lengths = lengths
        """The numbers of words of each source and of each target."""
        self.combine = combine
        self.begins = np.load(stem.with_suffix(".begins.npy"), mmap_mode="r")
        self.ends = np.load(stem.with_suffix(".ends.npy"), mmap_mode="r")
        links = stem.with_suffix(".links")
        self.records = np.memmap(links, RECORD, "r") if links.stat().st_size else NO_RECORDS

    def __len__(self) -> int:
        return len(self.begins)

    def __getitem__(self, sentence: int) -> Posterior:
        own = self.records[self.begins[sentence] : self.ends[sentence]]
        both = np.zeros((2, *self.lengths[:, sentence]), np.float32)
        both[0, own["source"], own["target"]] = own["forward"]
        both[1, own["source"], own["target"]] = own["backward"]
        return self.combine(both[0], both[1])


def write_given(posteriors: Iterable[Posterior], stem: Path) -> Int[np.ndarray, "2 N"]:
    """Write the probabilities of one sentence after the other; returns the numbers of words."""
    ends, lengths = [0], []
    with stem.with_suffix(".links").open("wb") as stream:
        for forward, backward, _ in posteriors:
            rows, columns = np.nonzero(np.maximum(forward, backward) > MIN_POSTERIOR)
            records = np.empty(len(rows), RECORD)
            records["source"], records["target"] = rows, columns
            records["forward"], records["backward"] = (
                forward[rows, columns],
                backward[rows, columns],
            )
            stream.write(records.tobytes())
            ends.append(ends[-1] + len(rows))
            lengths.append(forward.shape)
    np.save(stem.with_suffix(".begins.npy"), np.array(ends[:-1], np.int64))
    np.save(stem.with_suffix(".ends.npy"), np.array(ends[1:], np.int64))
    return np.array(lengths, np.int64).reshape(-1, 2).T


def write_means(files: Sequence[Path], shapes: Sequence[Shape], sentences: int, stem: Path) -> None:
    """The mean of the probabilities in `files`, one for each view, by sentence."""
    begins, ends = np.zeros(sentences, np.int64), np.zeros(sentences, np.int64)
    written = 0
    with stem.with_suffix(".links").open("wb") as stream:
        views = [read_posteriors(file) for file in files]
        for shape, *blocks in zip(shapes, *views, strict=True):
            sums = np.zeros((2, shape.size), np.float32)
            for block in blocks:
                sums[0, block.cells] += block.forward
                sums[1, block.cells] += block.backward
            means = sums / np.float32(len(files))
            kept = np.flatnonzero(means.max(axis=0) > MIN_POSTERIOR)
            row, cell = np.divmod(kept, shape.source_length * shape.target_length)
            records = np.empty(len(kept), RECORD)
            records["source"], records["target"] = np.divmod(cell, shape.target_length)
            records["forward"], records["backward"] = means[:, kept]
            stream.write(records.tobytes())
            count = np.bincount(row, minlength=len(shape.sentences))
            last = written + np.cumsum(count)
            begins[shape.sentences], ends[shape.sentences] = last - count, last
            written += len(kept)
    np.save(stem.with_suffix(".begins.npy"), begins)
    np.save(stem.with_suffix(".ends.npy"), ends)
