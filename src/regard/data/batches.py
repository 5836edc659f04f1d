"""Encoded texts to padded batches: shuffle, sort by length, group, pad.

The batch at a position (epoch, pool, batch) depends only on the text, the options and that
position, so a resumed run continues with the next batch.

An update that needs several batches, in one process or in several, takes one from each lane: of L
lanes the first has pools 0, L, 2 L, ... of the endless sequence of all epochs' pools, the second
has 1, L + 1, ... So a process encodes only what it learns from, none is ever without text, and
four batches of one process are those of four processes with one.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import NamedTuple

import numpy as np

from regard.data.encode import EncodedTexts, TokenPairs
from regard.data.guidance import guiding_weights
from regard.data.seeds import derive_seed, shuffled_slice
from regard.shapes import Float, Int
from regard.special import END, PAD, START
from regard.text.token_lists import TokenLists

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
    guide: Float[np.ndarray, "B T S"] | None = None
    """What its attention should be (guidance.py); rows of zeros are free, and so are all of None.
    """


class BatchOptions(NamedTuple):
    """Everything besides the encoded text that determines its batches."""

    batch_tokens: int
    """Tokens of the longer side, padding included."""
    pool_pairs: int
    seed: int


def make_batch(pairs: TokenPairs) -> Batch:
    """A padded batch; adds <s> and </s> to the token ids given."""
    source, after = padded(pairs.sources), padded(pairs.targets)
    before = np.roll(after, 1, axis=1)
    before[before == END] = PAD
    before[:, 0] = START
    guide = None
    if pairs.links is not None:
        guide = guiding_weights(pairs.links, source.shape[1], after.shape[1])
    return Batch(source, before, after, guide)


def padded(texts: TokenLists) -> Int[np.ndarray, "B S"]:
    """One row for each text: its ids, </s>, then <pad>."""
    lengths, begin, end = texts.lengths, texts.offsets[0], texts.offsets[-1]
    width = -(-(int(lengths.max()) + 1) // WIDTH_MULTIPLE) * WIDTH_MULTIPLE
    columns = np.arange(width)
    rows = np.full((len(lengths), width), PAD, dtype=np.int64)
    rows[columns < lengths[:, None]] = texts.ids[begin:end]
    rows[np.arange(len(rows)), lengths] = END
    return rows


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


def pool_batches(texts: EncodedTexts, options: BatchOptions, epoch: int, pool: int) -> list[Batch]:
    """All batches of one pool, in the order in which the model is trained on them."""
    begin = pool * options.pool_pairs
    end = min(len(texts), begin + options.pool_pairs)
    indices = shuffled_slice(len(texts), options.seed, epoch, begin, end)
    batches = batches_by_length(texts.pairs(indices, epoch), options.batch_tokens)
    random = np.random.default_rng(derive_seed(options.seed, epoch, pool))
    return [batches[index] for index in random.permutation(len(batches))]


def batches_by_length(pairs: TokenPairs, max_tokens: int) -> list[Batch]:
    """Batches of all pairs, once, the shortest first; `max_tokens` is the size of a batch."""
    lengths = pairs.sources.lengths + 1, pairs.targets.lengths + 1
    longest = np.maximum(*lengths)
    by_length = np.lexsort((*lengths, longest))
    sorted_pairs = pairs.select(by_length)
    return [
        make_batch(sorted_pairs.part(group))
        for group in group_by_tokens(longest[by_length], max_tokens)
    ]


def first_positions(
    texts: EncodedTexts, options: BatchOptions, lanes: int, begun: Sequence[Position] = ()
) -> list[Position]:
    """Where each lane begins: at the beginning of the text, or at the pool of the hindmost of
    other lanes, `begun`, with which a run has trained before."""
    pools = count_pools(texts, options)
    done = min((epoch * pools + pool for epoch, pool, _ in begun), default=0)
    return [Position(*divmod(done + lane, pools), 0) for lane in range(lanes)]


def count_pools(texts: EncodedTexts, options: BatchOptions) -> int:
    """Of an epoch."""
    return -(-len(texts) // options.pool_pairs)


def stream(
    texts: EncodedTexts, options: BatchOptions, start: Position, lanes: int = 1
) -> Iterator[tuple[Position, Batch]]:
    """The endless lane from `start`, one of `lanes`: its batches, each with the position after it.

    The next pool is prepared in a background thread while the current one is consumed.
    """
    pools = count_pools(texts, options)
    first = start.epoch * pools + start.pool
    positions = (divmod(number, pools) for number in count(first, lanes))
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
