"""The laws of batches."""

import os
from itertools import islice, pairwise
from typing import NamedTuple

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
    batches_by_length,
    group_by_tokens,
    make_batch,
    pool_batches,
    stream,
)
from regard.data.clean import Limits
from regard.data.corpus import prepare
from regard.data.encode import EncodedEpochs, EncodedOnDemand, TokenPairs, encode_epochs
from regard.data.lexicon import EMPTY_LEXICON
from regard.data.seeds import derive_seed
from regard.errors import RegardError
from regard.lesson.corpus import examples
from regard.special import END, PAD, START
from regard.text.padding import pad
from regard.text.token_lists import TokenLists
from regard.text.vocabulary import learn

EXAMPLES = examples(300, 4)
VOCABULARY = learn([t for one in EXAMPLES for t in (one.source, one.target)], 700, "the test")


CORPUS = InMemory(EXAMPLES)
MUCH = Augmentation(AugmentOptions(scale=5.0), EMPTY_LEXICON, 1000)
"""Most pairs are changed."""


def encoder(sampling=0.0, seed=1, augmentation=NO_AUGMENTATION, texts=CORPUS):
    return EncodedOnDemand(texts, VOCABULARY, VOCABULARY, sampling, sampling, augmentation, seed)


def options(seed=1, pool=128):
    return BatchOptions(400, pool, seed)


def texts_of(batch):
    return [
        (VOCABULARY.decode(source.tolist()), VOCABULARY.decode(after.tolist()))
        for source, after in zip(batch.source, batch.after, strict=True)
    ]


def one_batch(sources, targets):
    return make_batch(TokenPairs(TokenLists.of(sources), TokenLists.of(targets)))


def first_epoch(encoded, choices=None):
    batches = []
    for position, batch in stream(encoded, choices or options(), FIRST):
        batches.append(batch)
        if position.epoch == 1:
            return batches
    raise AssertionError("the stream never ends")


def test_an_epoch_holds_every_pair_once_with_its_own_translation():
    seen = sorted(pair for batch in first_epoch(encoder(0.2)) for pair in texts_of(batch))
    assert seen == sorted((one.source, one.target) for one in EXAMPLES)


def test_a_batch_has_its_special_tokens_in_the_right_columns():
    batch = one_batch([[7, 8, 9]], [[5, 6]])
    assert batch.source.tolist() == [[7, 8, 9, END]]
    assert batch.before.tolist() == [[START, 5, 6, PAD]]
    assert batch.after.tolist() == [[5, 6, END, PAD]]


def test_batches_have_at_most_so_many_tokens_and_widths_that_recur():
    for batch in first_epoch(encoder(0.2)):
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
        return [part.tolist() for batch in batches for part in batch[:3]]

    one = flat(pool_batches(encoder(0.2), options(), 0, 1))
    assert flat(pool_batches(encoder(0.2), options(), 0, 1)) == one
    assert flat(pool_batches(encoder(0.2), options(), 1, 1)) != one
    assert flat(pool_batches(encoder(0.2), options(), 0, 0)) != one
    assert flat(pool_batches(encoder(0.2), options(seed=2), 0, 1)) != one
    assert flat(pool_batches(encoder(0.2, seed=2), options(), 0, 1)) != one


@pytest.mark.parametrize("augmentation", [NO_AUGMENTATION, MUCH], ids=["as it is", "changed"])
def test_a_stream_resumes_at_every_position_as_if_it_had_never_stopped(augmentation):
    encoded, choices = encoder(0.2, augmentation=augmentation), options(pool=90)
    expected = list(islice(stream(encoded, choices, FIRST), 40))
    for start in range(0, 30, 4):
        resumed = islice(stream(encoded, choices, expected[start][0]), 8)
        for (position, batch), (same, again) in zip(expected[start + 1 :], resumed, strict=False):
            assert position == same
            assert all(np.array_equal(a, b) for a, b in zip(batch, again, strict=True))


def test_the_changes_of_a_pair_do_not_depend_on_the_size_of_pools():
    changed = encoder(augmentation=MUCH)
    whole = [text for batch in first_epoch(changed) for text in texts_of(batch)]
    parts = first_epoch(changed, options(pool=17))
    assert sorted(whole) == sorted(text for batch in parts for text in texts_of(batch))
    assert sorted(whole) != sorted((one.source, one.target) for one in EXAMPLES)


def test_validation_reads_every_pair_once():
    sources = TokenLists.of(VOCABULARY.encode([one.source for one in EXAMPLES]))
    targets = TokenLists.of(VOCABULARY.encode([one.target for one in EXAMPLES]))
    batches = batches_by_length(TokenPairs(sources, targets), 300)
    seen = sorted(pair for batch in batches for pair in texts_of(batch))
    assert seen == sorted((one.source, one.target) for one in EXAMPLES)


@given(
    st.tuples(st.integers(0, 9), st.integers(0, 9)), st.tuples(st.integers(0, 9), st.integers(0, 9))
)
def test_seeds_of_different_numbers_differ(one, other):
    assert (derive_seed(*one) == derive_seed(*other)) == (one == other)
    assert 0 <= derive_seed(*one) < 2**31


TOKENS = st.lists(st.integers(4, 600), max_size=9)


def pad_to_fours(rows):
    """Padded to a width that is a multiple of four."""
    return pad(rows, -(-max(map(len, rows)) // 4) * 4)


@given(st.lists(st.tuples(TOKENS, TOKENS), min_size=1, max_size=30))
def test_a_batch_is_what_padding_row_by_row_gives(pairs):
    sources, targets = map(list, zip(*pairs, strict=True))
    batch = one_batch(sources, targets)
    assert batch.source.tolist() == pad_to_fours([[*ids, END] for ids in sources]).tolist()
    assert batch.before.tolist() == pad_to_fours([[START, *ids] for ids in targets]).tolist()
    assert batch.after.tolist() == pad_to_fours([[*ids, END] for ids in targets]).tolist()


@given(st.lists(TOKENS, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_selected_lists_are_those_lists(lists, random):
    indices = [random.randrange(len(lists)) for _ in range(random.randrange(40))]
    selected = TokenLists.of(lists).select(np.array(indices, int))
    ids, offsets = selected.ids.tolist(), selected.offsets.tolist()
    assert [ids[begin:end] for begin, end in pairwise(offsets)] == [lists[i] for i in indices]


def assert_equal_pairs(ours, theirs):
    for one, other in zip(ours[:2], theirs[:2], strict=True):
        assert np.array_equal(one.ids, other.ids)
        assert np.array_equal(one.offsets, other.offsets)


@pytest.mark.parametrize("processes", [1, 2])
def test_encoded_epochs_are_what_is_encoded_on_demand_and_repeat(tmp_path, monkeypatch, processes):
    files = tmp_path / "train.en", tmp_path / "train.fr"
    for file, side in zip(files, ("source", "target"), strict=True):
        file.write_text("".join(f"{getattr(one, side)}\n" for one in EXAMPLES), "utf-8")
    limits = Limits(1000, 9.0, False, False)
    corpus = prepare(files, ("en", "fr"), limits, tmp_path / "corpus", lambda _: None)
    demanded = encoder(0.2, augmentation=MUCH, texts=corpus)
    ticks = []
    monkeypatch.setattr("regard.data.encode.TASK_PAIRS", 150)
    encode_epochs(demanded, 2, processes, tmp_path / "encoded", ticks.append)
    encoded = EncodedEpochs(tmp_path / "encoded")
    assert len(encoded) == len(corpus) and ticks[-1] == 600 and ticks == sorted(ticks)
    everything, some = np.arange(len(corpus)), np.array([7, 0, 299, 7])
    for epoch in range(2):
        halves = [demanded.pairs(part, epoch) for part in np.split(everything, 2)]
        for ours, *theirs in zip(encoded.pairs(everything, epoch)[:2], *halves, strict=False):
            assert ours.ids.tolist() == [token for half in theirs for token in half.ids.tolist()]
        assert_equal_pairs(encoded.pairs(some, epoch), encoded.pairs(some, epoch + 2))
    first, second = (encoded.pairs(everything, epoch).sources for epoch in range(2))
    assert first.ids.tolist() != second.ids.tolist()


def test_chunks_of_encoded_text_follow_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr("regard.data.encode.TASK_PAIRS", 17)
    encode_epochs(encoder(), 1, 1, tmp_path / "encoded", lambda _: None)
    everything = np.arange(len(CORPUS))
    encoded = EncodedEpochs(tmp_path / "encoded")
    assert_equal_pairs(encoded.pairs(everything, 0), encoder().pairs(everything, 0))


class Unreadable(NamedTuple):
    """A text that ends each process but the first that reads it."""

    own: int

    def __len__(self):
        return 100

    def sources(self, indices):
        return os._exit(1) if os.getpid() != self.own else []

    targets = sources


def test_a_process_that_ends_is_an_error_that_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("regard.data.encode.TASK_PAIRS", 17)
    texts = encoder(texts=Unreadable(os.getpid()))
    with pytest.raises(RegardError, match="a process ended before its work was done"):
        encode_epochs(texts, 1, 2, tmp_path / "encoded", lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_damaged_encoded_text_is_refused(tmp_path):
    encode_epochs(encoder(), 1, 1, tmp_path / "encoded", lambda _: None)
    file = tmp_path / "encoded" / "target-0.ids"
    file.write_bytes(file.read_bytes()[:-2])
    with pytest.raises(RegardError, match="the encoded text is damaged"):
        EncodedEpochs(tmp_path / "encoded")


def test_interrupted_encoding_leaves_nothing(tmp_path):
    def interrupt(_done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_epochs(encoder(), 2, 1, tmp_path / "encoded", interrupt)
    assert list(tmp_path.iterdir()) == []
