"""Random numbers that depend on their arguments alone."""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray


def derive_seed(*numbers: int) -> int:
    """A seed from several numbers; similar numbers give unrelated seeds."""
    digest = blake2b(repr(numbers).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little") >> 1


def shuffled_slice(count: int, seed: int, epoch: int, start: int, stop: int) -> NDArray[np.int64]:
    """Elements `start` to `stop` of a random permutation of the numbers below `count`.

    Only these elements are computed: a Feistel network permutes all numbers with as many bits as
    `count` needs, and is applied again to results that are not below `count` (cycle walking, Black
    & Rogaway 2002). `seed` and `epoch` choose the permutation.
    """
    assert 0 <= start <= stop <= count
    return shuffled_at(count, seed, epoch, np.arange(start, stop))


def shuffled_at(
    count: int, seed: int, epoch: int, positions: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The elements of the permutation of `shuffled_slice` at these positions, below `count`."""
    half = max(1, ((count - 1).bit_length() + 1) // 2)
    keys = np.frombuffer(blake2b(f"{count} {seed} {epoch}".encode()).digest(), "<u8")
    numbers = feistel(positions.astype(np.uint64), half, keys)
    while (outside := numbers >= count).any():
        numbers[outside] = feistel(numbers[outside], half, keys)
    return numbers.astype(np.int64)


def feistel(numbers: NDArray[np.uint64], half: int, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A permutation of the numbers of 2 · `half` bits, with a round for each key."""
    bits, low = np.uint64(half), np.uint64((1 << half) - 1)
    left, right = numbers >> bits, numbers & low
    for key in keys:
        left, right = right, left ^ (scramble(right + key) & low)
    return left << bits | right


def scramble(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """64 bits for each number that look random, by splitmix64 (Steele et al. 2014)."""
    mixed = numbers * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
