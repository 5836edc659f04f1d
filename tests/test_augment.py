"""The laws of training text that is changed: the same change on both sides of a pair."""

import unicodedata
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import InMemory
from regard.config import AugmentOptions
from regard.data import augment
from regard.data.augment import (
    CHANGES,
    INVENTORS,
    NO_AUGMENTATION,
    Augmentation,
    TextPair,
    augmented,
    choose_rows,
    with_copy,
    with_placeholders,
)
from regard.data.lexicon import (
    EMPTY_LEXICON,
    Lexicon,
    learn_lexicon,
    links,
    read_lexicon,
    sample_indices,
    write_lexicon,
)
from regard.errors import RegardError
from regard.lesson.corpus import examples
from regard.special import PLACEHOLDER_SYMBOLS
from regard.text.normalize import clean_line
from regard.text.spans import words

EXAMPLES = examples(3000, 4)
NAMES = [name for name in AugmentOptions.__struct_fields__ if name != "scale"]
ALL = np.arange(len(EXAMPLES))


CORPUS = InMemory(EXAMPLES)
LEXICON = learn_lexicon(CORPUS, sample_indices(CORPUS))
EXAMPLE_PAIRS = [TextPair(one.source, one.target) for one in EXAMPLES]
pairs = st.sampled_from(EXAMPLE_PAIRS) | st.builds(
    TextPair, *(st.text(min_size=1).map(clean_line).filter(bool) for _ in range(2))
)
generators = st.integers(0, 2**64 - 1).map(Random)


def only(change, share=0.999):
    """An augmentation that makes this change to nearly all pairs."""
    shares = {name: share if name == change else 0.0 for name in NAMES}
    return Augmentation(AugmentOptions(**shares), LEXICON, 1000)


def changed_pairs(augmentation, seed=1, epoch=0):
    sources, targets = augmented(CORPUS, ALL, augmentation, seed, epoch)
    return [TextPair(*both) for both in zip(sources, targets, strict=True)]


def symbols_of(text):
    return [letter for letter in text if letter in PLACEHOLDER_SYMBOLS]


def strings(text):
    return [text[start:end] for start, end in words(text)]


def test_a_scale_of_zero_changes_nothing():
    options = AugmentOptions(scale=0.0)
    assert changed_pairs(Augmentation(options, LEXICON, 1000)) == EXAMPLE_PAIRS
    assert changed_pairs(NO_AUGMENTATION) == EXAMPLE_PAIRS


@pytest.mark.parametrize("name", NAMES)
def test_as_many_pairs_are_chosen_as_were_asked_for(name):
    options = AugmentOptions(**{name: 0.2})
    count = len(choose_rows(np.arange(20_000), 3, 1, name, options))
    assert count == pytest.approx(4000, abs=4 * np.sqrt(20_000 * 0.2 * 0.8))


def test_changes_are_chosen_independently_and_anew_in_each_epoch():
    chosen = [
        set(choose_rows(np.arange(20_000), seed, epoch, name, AugmentOptions(**{name: 0.2})))
        for seed, epoch, name in ((1, 0, "case"), (1, 0, "joined"), (1, 1, "case"), (2, 0, "case"))
    ]
    for other in chosen[1:]:
        assert len(chosen[0] & other) == pytest.approx(800, abs=120)


def test_a_pair_is_changed_alike_wherever_it_is_read():
    augmentation = Augmentation(AugmentOptions(scale=5.0), LEXICON, 1000)
    expected = changed_pairs(augmentation)
    order = np.random.default_rng(1).permutation(len(EXAMPLES))[:500]
    sources, targets = augmented(CORPUS, order, augmentation, 1, 0)
    assert list(zip(sources, targets, strict=True)) == [expected[index] for index in order]


@given(pairs, generators)
def test_both_sides_have_the_same_placeholder_symbols_each_once(pair, random):
    source, target = with_placeholders(pair, random, LEXICON)
    if symbols_of("".join(pair)):
        assert (source, target) == pair
        return
    assert len(set(symbols_of(source))) == len(symbols_of(source)) <= 3
    assert sorted(symbols_of(source)) == sorted(symbols_of(target))


def test_symbols_are_mostly_numbered_from_the_left_of_the_source_and_all_are_taught():
    taught = [symbols_of(pair.source) for pair in changed_pairs(only("placeholders"))]
    taught = [symbols for symbols in taught if symbols]
    assert len(taught) > 0.9 * len(EXAMPLES)
    in_order = [symbols == list(PLACEHOLDER_SYMBOLS[: len(symbols)]) for symbols in taught]
    assert np.mean(in_order) == pytest.approx(0.75, abs=0.04)
    assert {symbol for symbols in taught for symbol in symbols} == set(PLACEHOLDER_SYMBOLS)


def test_a_symbol_stands_where_the_word_stood():
    lexicon = Lexicon({"europe": {"europe": 1.0}})
    pair = TextPair("I like Europe.", "J'aime l'Europe.")
    results = {with_placeholders(pair, Random(seed), lexicon) for seed in range(200)}
    symbol = PLACEHOLDER_SYMBOLS[0]
    assert TextPair(f"I like {symbol}.", f"J'aime l'{symbol}.") in results
    assert TextPair(f"{symbol} {pair.source}", f"{symbol} {pair.target}") in results
    assert TextPair(f"{pair.source} {symbol}", f"{pair.target} {symbol}") in results


def test_names_and_numbers_are_replaced_before_other_words():
    pair = TextPair("Tom bought 15 houses.", "Tom a acheté 15 maisons.")
    lexicon = Lexicon({"houses": {"maisons": 1.0}, "bought": {"acheté": 1.0}})
    linked = augment.link_words(pair, lexicon)
    for seed in range(20):
        slots = augment.replaceable(linked, Random(seed), 2)
        assert [augment.content_of(pair, slot) for slot in slots] == [("Tom", "Tom"), ("15", "15")]


@given(pairs, generators, generators)
def test_a_copy_is_the_same_on_both_sides(pair, random, other):
    [inventor] = other.choices(INVENTORS)
    invented = inventor(other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(augment, "INVENTORS", (lambda _: invented,))
        source, target = with_copy(pair, random, LEXICON)
    assert invented == clean_line(invented)
    assert invented in source and invented in target


@given(generators)
def test_invented_text_is_as_it_would_be_read(random):
    for invent in INVENTORS:
        text = invent(random)
        assert text == clean_line(text) == unicodedata.normalize("NFC", text)
        assert text and not symbols_of(text)


def test_the_final_mark_is_dropped_on_both_sides_or_on_none():
    drop = CHANGES["fragments"]
    for pair, expected in {
        ("Are you here?", "Êtes-vous ici ?"): ("Are you here", "Êtes-vous ici"),
        ("Good.", "Bien..."): ("Good", "Bien"),
        ("It is good.", "Bien"): ("It is good.", "Bien"),
        ("?", "?"): ("?", "?"),
    }.items():
        assert drop(TextPair(*pair), Random(1), EMPTY_LEXICON) == expected


@given(pairs, generators)
def test_both_sides_are_written_in_the_same_case(pair, random):
    source, target = CHANGES["case"](pair, random, EMPTY_LEXICON)
    changes = (str.upper, str.lower, augment.capitalize_words)
    assert any(pair == (source, target) for pair in [tuple(map(c, pair)) for c in changes])


def test_all_three_cases_are_taught():
    texts = {CHANGES["case"](TextPair("A cat's", "L'chat"), Random(n), LEXICON) for n in range(40)}
    assert texts == {("A CAT'S", "L'CHAT"), ("a cat's", "l'chat"), ("A Cat's", "L'chat")}


def test_a_joined_pair_is_the_two_texts_of_neighbours():
    joined = changed_pairs(only("joined", 0.5))
    following = EXAMPLE_PAIRS[1:] + EXAMPLE_PAIRS[:1]
    for pair, first, second in zip(joined, EXAMPLE_PAIRS, following, strict=True):
        both = (f"{first.source} {second.source}", f"{first.target} {second.target}")
        assert pair in (first, both)
    assert sum(pair != first for pair, first in zip(joined, EXAMPLE_PAIRS, strict=True)) > 1000


def test_no_joined_side_is_longer_than_the_limit():
    short = only("joined")._replace(max_characters=60)
    for pair, first in zip(changed_pairs(short), EXAMPLE_PAIRS, strict=True):
        assert pair == first or max(map(len, pair)) <= 60


def test_texts_without_spaces_are_joined_without_one():
    assert augment.join_texts("猫。", "犬。") == "猫。犬。"


def test_a_phrase_is_of_words_that_are_linked_one_to_one():
    lexicon = Lexicon({"black": {"noir": 0.9}, "cat": {"chat": 0.9}, "sees": {"voit": 0.9}})
    pair = TextPair("The black cat sees us.", "Le chat noir nous voit.")
    phrases = {CHANGES["phrases"](pair, Random(n), lexicon) for n in range(60)}
    assert phrases == {
        ("black", "noir"), ("cat", "chat"), ("sees", "voit"), ("black cat", "chat noir"),
    }  # fmt: skip


def test_a_pair_without_links_stays_as_it_is():
    pair = TextPair("one two", "un deux")
    assert CHANGES["phrases"](pair, Random(1), EMPTY_LEXICON) == pair


def test_links_of_content_words_are_those_of_the_lesson():
    right = linked = 0
    for one in EXAMPLES[:1000]:
        content = {source for source, _ in one.content}, {target for _, target in one.content}
        for link in links(strings(one.source), strings(one.target), LEXICON):
            if link.source in content[0] and link.target in content[1]:
                linked += 1
                right += tuple(link) in one.content
    assert linked > 1000
    assert right / linked > 0.95


@given(st.sampled_from(EXAMPLES))
def test_links_are_one_to_one(one):
    linked = links(strings(one.source), strings(one.target), LEXICON)
    assert len({link.source for link in linked}) == len({link.target for link in linked})
    assert len(linked) == len({link.source for link in linked})


def test_a_word_that_could_be_linked_twice_is_not_linked():
    lexicon = Lexicon({"cat": {"chat": 0.9}})
    assert links(["cat"], ["chat", "chat"], lexicon) == []
    assert links(["cat", "cat"], ["chat"], lexicon) == []
    assert links(["cat"], ["chat"], lexicon) == [(0, 0)]


def test_rare_words_are_not_learned():
    rare = [*EXAMPLES]
    rare[5] = rare[5]._replace(source=f"zebra {rare[5].source}")
    assert "zebra" not in learn_lexicon(InMemory(rare), ALL[:500]).scores


def test_a_lexicon_is_read_as_it_was_written(tmp_path):
    write_lexicon(tmp_path / "lexicon.json", LEXICON)
    assert read_lexicon(tmp_path / "lexicon.json") == LEXICON
    (tmp_path / "lexicon.json").write_text("[1]")
    with pytest.raises(RegardError, match=r"lexicon\.json is damaged"):
        read_lexicon(tmp_path / "lexicon.json")
