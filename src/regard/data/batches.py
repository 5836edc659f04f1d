"""From pairs of texts to padded batches: sample subwords, shuffle, sort by length, pad.

What comes at (epoch, pool, batch) is a function of the corpus, the seed and that position alone, so
a run that stops can go on with the very next batch.
"""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from regard.data.corpus import shuffled_slice
from regard.shapes import Int
from regard.special import END, START
from regard.text.padding import pad
from regard.text.vocabulary import Vocabulary

Ids = list[int]

WIDTH_MULTIPLE = 4
"""Batches are padded to a multiple of it: a product of a new shape costs 3 ms more than one of a
shape seen before, for which oneDNN has compiled its kernel."""


@runtime_checkable
class ParallelTexts(Protocol):
    """Parallel text, by place."""

    def __len__(self) -> int: ...
    def sources(self, indices: Int[np.ndarray, " N"]) -> list[str]: ...
    def targets(self, indices: Int[np.ndarray, " N"]) -> list[str]: ...


class Position(NamedTuple):
    """Where in the stream of batches."""

    epoch: int
    pool: int
    batch: int


FIRST = Position(0, 0, 0)


class Batch(NamedTuple):
    source: Int[np.ndarray, "B S"]
    """Each sentence with its </s>, then <pad>."""
    before: Int[np.ndarray, "B T"]
    """<s> and the translation."""
    after: Int[np.ndarray, "B T"]
    """The translation and </s>: what is to be predicted."""


class BatchOptions(NamedTuple):
    """What decides which batches come out of a corpus."""

    source: Vocabulary
    target: Vocabulary
    source_bpe_dropout: float
    target_bpe_dropout: float
    """Probabilities of BPE-dropout."""
    batch_tokens: int
    """Tokens of the longer side, padding included."""
    pool_pairs: int
    seed: int


def derive_seed(*numbers: int) -> int:
    """A seed from several numbers, such that neighbours have nothing in common."""
    digest = hashlib.blake2b(repr(numbers).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little") >> 1


def make_batch(sources: Sequence[Ids], targets: Sequence[Ids]) -> Batch:
    """Pad tokens without <s> and </s> into a batch with them."""
    return Batch(
        pad([[*ids, END] for ids in sources], WIDTH_MULTIPLE),
        pad([[START, *ids] for ids in targets], WIDTH_MULTIPLE),
        pad([[*ids, END] for ids in targets], WIDTH_MULTIPLE),
    )


def group_by_tokens(lengths: Int[np.ndarray, " N"], max_tokens: int) -> list[slice]:
    """Cut ascending lengths into runs that, padded to their longest, have at most `most` tokens.

    A sentence longer than that is a run of its own. Runs of many have a multiple of 8 sentences,
    which makes shapes recur and products fast.
    """
    runs, begin = [], 0
    while begin < len(lengths):
        end = begin + 1
        while end < len(lengths) and (end + 1 - begin) * lengths[end] <= max_tokens:
            end += 1
        if end < len(lengths) and end - begin > 8:
            end -= (end - begin) % 8
        runs.append(slice(begin, end))
        begin = end
    return runs


def pool_batches(texts: ParallelTexts, recipe: BatchOptions, epoch: int, pool: int) -> list[Batch]:
    """All batches of one pool, in the order in which they are learned."""
    seed = derive_seed(recipe.seed, epoch, pool)
    begin = pool * recipe.pool_pairs
    end = min(len(texts), begin + recipe.pool_pairs)
    indices = shuffled_slice(len(texts), recipe.seed, epoch, begin, end)
    sources = recipe.source.sample(texts.sources(indices), recipe.source_bpe_dropout, seed)
    targets = recipe.target.sample(texts.targets(indices), recipe.target_bpe_dropout, seed + 1)
    lengths = np.array([(len(b), len(a)) for a, b in zip(sources, targets, strict=True)]) + 1
    longest = lengths.max(axis=1)
    by_length = np.lexsort((lengths[:, 1], lengths[:, 0], longest))
    batches = [
        make_batch([sources[i] for i in run], [targets[i] for i in run])
        for run in (
            by_length[part] for part in group_by_tokens(longest[by_length], recipe.batch_tokens)
        )
    ]
    shuffled = np.random.default_rng(seed).permutation(len(batches))
    return [batches[place] for place in shuffled]


def stream(
    texts: ParallelTexts, recipe: BatchOptions, start: Position
) -> Iterator[tuple[Position, Batch]]:
    """Batches without end from `start` on, each with the position that follows it.

    The next pool is made in the background while this one is learned.
    """
    pools = -(-len(texts) // recipe.pool_pairs)
    places = ((epoch, pool) for epoch in count(start.epoch) for pool in range(pools))
    places = ((epoch, pool) for epoch, pool in places if (epoch, pool) >= start[:2])
    skipped = start.batch
    with ThreadPoolExecutor(1) as background:
        epoch, pool = next(places)
        coming = background.submit(pool_batches, texts, recipe, epoch, pool)
        for following in places:
            batches = coming.result()
            coming = background.submit(pool_batches, texts, recipe, *following)
            for number, batch in enumerate(batches):
                if number >= skipped:
                    behind = Position(epoch, pool, number + 1)
                    yield behind if number + 1 < len(batches) else Position(*following, 0), batch
            skipped = 0
            epoch, pool = following


def validation_batches(
    sources: Sequence[Ids], targets: Sequence[Ids], tokens: int
) -> Iterator[Batch]:
    """All pairs once, shortest first, for validation."""
    longest = np.array([max(len(a), len(b)) + 1 for a, b in zip(sources, targets, strict=True)])
    by_length = longest.argsort(kind="stable")
    for run in group_by_tokens(longest[by_length], tokens):
        places = by_length[run]
        yield make_batch([sources[i] for i in places], [targets[i] for i in places])
