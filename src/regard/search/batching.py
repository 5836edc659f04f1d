"""Sentences in batches, and batches on several cores."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Input = TypeVar("Input")
Output = TypeVar("Output")


def make_batches(indices: Iterable[int], batch_size: Callable[[int], int]) -> list[list[int]]:
    """Sentences, sorted by length, in batches of at most `batch_size(longest)`, and of one where
    that is 0."""
    batches: list[list[int]] = []
    for index in indices:
        if not batches or len(batches[-1]) >= batch_size(index):
            batches.append([])
        batches[-1].append(index)
    if len(batches) > 1 and len(batches[-1]) == 1 and batch_size(batches[-1][0]) > 1:
        # a sentence alone has graphs of its own, which a long text is not to hold as well
        batches[-1].insert(0, batches[-2].pop())
    return batches


def parallel_map(
    work: Callable[[Input], Output], inputs: Sequence[Input], workers: int
) -> Iterator[Output]:
    """`work` on each input, in order, by threads: an engine's products release Python's lock."""
    if workers == 1 or len(inputs) < 2:
        yield from map(work, inputs)
        return
    pool = ThreadPoolExecutor(workers)
    try:
        yield from pool.map(work, inputs)
    finally:
        pool.shutdown(cancel_futures=True)
