"""The laws of batches."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import InMemory
from regard.config import AugmentOptions
from regard.data.augment import NO_AUGMENTATION, Augmentation
from regard.data.batches import (
    FIRST,
    WIDTH_MULTIPLE,
    BatchOptions,
    derive_seed,
    group_by_tokens,
    make_batch,
    pool_batches,
    stream,
    validation_batches,
)
from regard.data.lexicon import EMPTY_LEXICON
from regard.lesson.corpus import examples
from regard.special import END, PAD, START
from regard.text.vocabulary import learn

EXAMPLES = examples(300, 4)
VOCABULARY = learn([t for one in EXAMPLES for t in (one.source, one.target)], 700, "the test")


CORPUS = InMemory(EXAMPLES)
MUCH = Augmentation(AugmentOptions(scale=5.0), EMPTY_LEXICON, 1000)
"""Most pairs are changed."""


def options(sampling=0.0, seed=1, pool=128, augmentation=NO_AUGMENTATION):
    return BatchOptions(VOCABULARY, VOCABULARY, sampling, sampling, 400, pool, seed, augmentation)


def texts_of(batch):
    return [
        (VOCABULARY.decode(source.tolist()), VOCABULARY.decode(after.tolist()))
        for source, after in zip(batch.source, batch.after, strict=True)
    ]


def first_epoch(choices):
    batches = []
    for position, batch in stream(CORPUS, choices, FIRST):
        batches.append(batch)
        if position.epoch == 1:
            return batches
    raise AssertionError("the stream never ends")


def test_an_epoch_holds_every_pair_once_with_its_own_translation():
    seen = sorted(pair for batch in first_epoch(options(0.2)) for pair in texts_of(batch))
    assert seen == sorted((one.source, one.target) for one in EXAMPLES)


def test_a_batch_has_its_special_tokens_in_the_right_columns():
    batch = make_batch([[7, 8, 9]], [[5, 6]])
    assert batch.source.tolist() == [[7, 8, 9, END]]
    assert batch.before.tolist() == [[START, 5, 6, PAD]]
    assert batch.after.tolist() == [[5, 6, END, PAD]]


def test_batches_have_at_most_so_many_tokens_and_widths_that_recur():
    for batch in first_epoch(options(0.2)):
        rows, width = batch.after.shape
        assert width % WIDTH_MULTIPLE == batch.source.shape[1] % WIDTH_MULTIPLE == 0
        assert rows * (width - WIDTH_MULTIPLE + 1) <= 400 or rows == 1


@given(st.lists(st.integers(1, 90), min_size=1, max_size=200), st.integers(1, 300))
def test_groups_hold_every_length_once_and_none_is_too_large(lengths, most):
    lengths = np.sort(np.array(lengths))
    groups = group_by_tokens(lengths, most)
    assert [index for group in groups for index in range(group.start, group.stop)] == list(
        range(len(lengths))
    )
    for group in groups:
        count = group.stop - group.start
        assert count == 1 or count * lengths[group.stop - 1] <= most


def test_order_and_subwords_are_a_function_of_seed_epoch_and_pool():
    def flat(batches):
        return [part.tolist() for batch in batches for part in batch]

    one = flat(pool_batches(CORPUS, options(0.2), 0, 1))
    assert flat(pool_batches(CORPUS, options(0.2), 0, 1)) == one
    assert flat(pool_batches(CORPUS, options(0.2), 1, 1)) != one
    assert flat(pool_batches(CORPUS, options(0.2), 0, 0)) != one
    assert flat(pool_batches(CORPUS, options(0.2, seed=2), 0, 1)) != one


@pytest.mark.parametrize("augmentation", [NO_AUGMENTATION, MUCH], ids=["as it is", "changed"])
def test_a_stream_resumes_at_every_position_as_if_it_had_never_stopped(augmentation):
    choices = options(0.2, pool=90, augmentation=augmentation)
    expected = list(islice(stream(CORPUS, choices, FIRST), 40))
    for start in range(0, 30, 4):
        resumed = islice(stream(CORPUS, choices, expected[start][0]), 8)
        for (position, batch), (same, again) in zip(expected[start + 1 :], resumed, strict=False):
            assert position == same
            assert all(np.array_equal(a, b) for a, b in zip(batch, again, strict=True))


def test_the_changes_of_a_pair_do_not_depend_on_the_size_of_pools():
    whole = [text for batch in first_epoch(options(augmentation=MUCH)) for text in texts_of(batch)]
    parts = first_epoch(options(pool=17, augmentation=MUCH))
    assert sorted(whole) == sorted(text for batch in parts for text in texts_of(batch))
    assert sorted(whole) != sorted((one.source, one.target) for one in EXAMPLES)


def test_validation_reads_every_pair_once():
    sources = VOCABULARY.encode([one.source for one in EXAMPLES])
    targets = VOCABULARY.encode([one.target for one in EXAMPLES])
    seen = sorted(
        pair for batch in validation_batches(sources, targets, 300) for pair in texts_of(batch)
    )
    assert seen == sorted((one.source, one.target) for one in EXAMPLES)


@given(
    st.tuples(st.integers(0, 9), st.integers(0, 9)), st.tuples(st.integers(0, 9), st.integers(0, 9))
)
def test_seeds_of_different_numbers_differ(one, other):
    assert (derive_seed(*one) == derive_seed(*other)) == (one == other)
    assert 0 <= derive_seed(*one) < 2**31
