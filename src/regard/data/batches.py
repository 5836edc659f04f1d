"""Pairs of texts to padded batches: augment, sample subwords, shuffle, sort by length, pad.

The batch at a position (epoch, pool, batch) depends only on the corpus, the options and that
position, so a resumed run continues with the next batch.
"""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import NamedTuple

import numpy as np

from regard.data.augment import NO_AUGMENTATION, Augmentation, augmented
from regard.data.corpus import ParallelTexts, shuffled_slice
from regard.shapes import Int
from regard.special import END, START, Ids
from regard.text.padding import pad
from regard.text.vocabulary import Vocabulary

WIDTH_MULTIPLE = 4
"""The width of a batch is a multiple of this: the first product of each shape takes 3 ms longer,
because oneDNN compiles a kernel for it."""


class Position(NamedTuple):
    """A position in the stream of batches."""

    epoch: int
    pool: int
    batch: int


FIRST = Position(0, 0, 0)


class Batch(NamedTuple):
    source: Int[np.ndarray, "B S"]
    """Each sentence, </s>, then <pad>."""
    before: Int[np.ndarray, "B T"]
    """The decoder's input: <s> and the translation."""
    after: Int[np.ndarray, "B T"]
    """What the decoder predicts: the translation and </s>."""


class BatchOptions(NamedTuple):
    """Everything besides the corpus that determines its batches."""

    source: Vocabulary
    target: Vocabulary
    source_bpe_dropout: float
    target_bpe_dropout: float
    """The probabilities that a merge is skipped."""
    batch_tokens: int
    """Tokens of the longer side, padding included."""
    pool_pairs: int
    seed: int
    augmentation: Augmentation = NO_AUGMENTATION


def derive_seed(*numbers: int) -> int:
    """A seed from several numbers; similar numbers give unrelated seeds."""
    digest = hashlib.blake2b(repr(numbers).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little") >> 1


def make_batch(sources: Sequence[Ids], targets: Sequence[Ids]) -> Batch:
    """A padded batch; adds <s> and </s> to the token ids given."""
    return Batch(
        pad([[*ids, END] for ids in sources], WIDTH_MULTIPLE),
        pad([[START, *ids] for ids in targets], WIDTH_MULTIPLE),
        pad([[*ids, END] for ids in targets], WIDTH_MULTIPLE),
    )


def group_by_tokens(lengths: Int[np.ndarray, " N"], max_tokens: int) -> list[slice]:
    """Divide ascending lengths into groups that have at most `max_tokens` tokens when padded.

    A longer sentence forms its own group. The size of a group of more than 8 sentences is a
    multiple of 8, so that shapes recur and products are fast.
    """
    groups, begin = [], 0
    while begin < len(lengths):
        end = begin + 1
        while end < len(lengths) and (end + 1 - begin) * lengths[end] <= max_tokens:
            end += 1
        if end < len(lengths) and end - begin > 8:
            end -= (end - begin) % 8
        groups.append(slice(begin, end))
        begin = end
    return groups


def pool_batches(texts: ParallelTexts, options: BatchOptions, epoch: int, pool: int) -> list[Batch]:
    """All batches of one pool, in the order in which the model is trained on them."""
    seed = derive_seed(options.seed, epoch, pool)
    begin = pool * options.pool_pairs
    end = min(len(texts), begin + options.pool_pairs)
    indices = shuffled_slice(len(texts), options.seed, epoch, begin, end)
    pairs = augmented(texts, indices, options.augmentation, options.seed, epoch)
    sources = options.source.sample(pairs.sources, options.source_bpe_dropout, seed)
    targets = options.target.sample(pairs.targets, options.target_bpe_dropout, seed + 1)
    lengths = np.array([(len(b), len(a)) for a, b in zip(sources, targets, strict=True)]) + 1
    longest = lengths.max(axis=1)
    by_length = np.lexsort((lengths[:, 1], lengths[:, 0], longest))
    batches = [
        make_batch([sources[i] for i in by_length[group]], [targets[i] for i in by_length[group]])
        for group in group_by_tokens(longest[by_length], options.batch_tokens)
    ]
    shuffled = np.random.default_rng(seed).permutation(len(batches))
    return [batches[index] for index in shuffled]


def stream(
    texts: ParallelTexts, options: BatchOptions, start: Position
) -> Iterator[tuple[Position, Batch]]:
    """An endless stream of batches from `start`, each with the position after it.

    The next pool is prepared in a background thread while the current one is consumed.
    """
    pools = -(-len(texts) // options.pool_pairs)
    positions = ((epoch, pool) for epoch in count(start.epoch) for pool in range(pools))
    positions = ((epoch, pool) for epoch, pool in positions if (epoch, pool) >= start[:2])
    skipped = start.batch
    with ThreadPoolExecutor(1) as background:
        epoch, pool = next(positions)
        next_batches = background.submit(pool_batches, texts, options, epoch, pool)
        for following in positions:
            batches = next_batches.result()
            next_batches = background.submit(pool_batches, texts, options, *following)
            for number, batch in enumerate(batches, 1):
                if number > skipped:
                    after = (epoch, pool, number) if number < len(batches) else (*following, 0)
                    yield Position(*after), batch
            skipped = 0
            epoch, pool = following


def validation_batches(
    sources: Sequence[Ids], targets: Sequence[Ids], tokens: int
) -> Iterator[Batch]:
    """Batches of all pairs, once, the shortest first; `tokens` is the size of a batch."""
    longest = np.array([max(len(a), len(b)) + 1 for a, b in zip(sources, targets, strict=True)])
    by_length = longest.argsort(kind="stable")
    for group in group_by_tokens(longest[by_length], tokens):
        indices = by_length[group]
        yield make_batch([sources[i] for i in indices], [targets[i] for i in indices])
