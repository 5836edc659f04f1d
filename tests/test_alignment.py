"""The laws of word alignment."""

import json
from collections import Counter
from itertools import product
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.alignment import cells as cells_module
from regard.alignment.aligner import (
    align_text,
    load_aligner,
    number_text,
    save_aligner,
)
from regard.alignment.cells import Cells, block_shapes
from regard.alignment.formats import LINK_FORMATS, AlignedPair
from regard.alignment.gold import measure_links, read_gold
from regard.alignment.hmm import FLAT, LONGEST_JUMP, NONE, Jumps, expected, transitions
from regard.alignment.links import (
    SYMMETRIZATIONS,
    Link,
    backward_links,
    best_in_columns,
    forward_links,
    independent,
    links_of,
)
from regard.alignment.training import (
    DISCOUNT,
    Tables,
    by_hmm,
    by_ibm1,
    initial_weights,
    one_round,
)
from regard.alignment.words import SEGMENTATIONS, aligned_words
from regard.errors import RegardError
from regard.lesson.corpus import examples
from regard.text.token_lists import TokenLists

SENTENCE = st.lists(st.integers(0, 5), max_size=5)
PAIRS = st.lists(st.tuples(SENTENCE, SENTENCE), min_size=1, max_size=12)


def make_cells(pairs, folder, words=6):
    sides = [TokenLists.of(side) for side in zip(*pairs, strict=True)]
    return Cells(*sides, words, Path(folder) / "cells", lambda _: None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("alignment")


# Cells


@given(PAIRS, st.integers(1, 60), st.integers(0, 9))
def test_blocks_hold_every_cell_of_every_sentence_once(folder, pairs, size, pending):
    with (
        patch.object(cells_module, "BLOCK_CELLS", size),
        patch.object(cells_module, "PENDING_PAIRS", pending),
    ):
        cells = make_cells(pairs, folder)
        blocks = list(cells.blocks())
    seen = {}
    for block in blocks:
        assert (np.diff(block.pairs) > 0).all(), "each word pair once"
        assert block.cells.size <= size or len(block.sentences) == 1
        keys = cells.keys[block.pairs][block.cells]
        seen |= dict(zip(block.sentences.tolist(), keys.tolist(), strict=True))
    assert seen == {
        number: [[6 * s + t for t in target] for s in source]
        for number, (source, target) in enumerate(pairs)
        if source and target
    }
    assert sorted(set(cells.keys.tolist())) == cells.keys.tolist()


def test_a_pair_of_sentences_with_too_many_cells_is_left_out():
    sides = TokenLists.of([[1] * 5, [1] * 4]), TokenLists.of([[1] * 5, [1] * 4])
    with patch.object(cells_module, "MAX_CELLS", 20):
        assert [shape.sentences.tolist() for shape in block_shapes(*sides)] == [[1]]


# The hidden Markov model


def all_paths(emissions, jumps):
    """Every way in which T observed words come from S states or from none, with its probability:
    (states that words stay or come to, whether each word comes from its state)."""
    length, states = emissions.shape
    first, between, last = (part.astype(float) for part in transitions(jumps, states))
    for path in product(range(states), repeat=length):
        for linked in product((True, False), repeat=length):
            probability = 1.0
            for step, (state, is_linked) in enumerate(zip(path, linked, strict=True)):
                if is_linked:
                    reached = between[path[step - 1], state] if step else first[state]
                    probability *= (1 - NONE) * reached * emissions[step, state]
                elif step:
                    probability *= NONE * (state == path[step - 1])
                else:
                    probability *= NONE * first[state]
            yield path, linked, probability * last[path[-1]]


def random_jumps(random):
    return Jumps(*(random.dirichlet(np.ones(len(part))) for part in FLAT))


@settings(max_examples=40)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(0, 10**6))
def test_the_hmm_expects_what_all_paths_together_give(length, states, seed):
    random = np.random.default_rng(seed)
    emissions = random.random((length, 2, states)).astype(np.float32)
    jumps = random_jumps(random)
    links = np.zeros(emissions.shape)
    counts = [np.zeros(len(part)) for part in jumps]
    for sentence in range(2):
        paths = list(all_paths(emissions[:, sentence], jumps))
        total = sum(probability for *_, probability in paths)
        for path, linked, probability in paths:
            weight = probability / total
            for step, (state, is_linked) in enumerate(zip(path, linked, strict=True)):
                links[step, sentence, state] += weight * is_linked
                if is_linked and step:
                    jump = np.clip(state - path[step - 1], -LONGEST_JUMP, LONGEST_JUMP)
                    counts[0][jump + LONGEST_JUMP] += weight
                elif is_linked:
                    counts[1][min(state, LONGEST_JUMP - 1)] += weight
            counts[2][min(states - 1 - path[-1], LONGEST_JUMP - 1)] += weight
    ours = expected(emissions, jumps)
    np.testing.assert_allclose(ours.links, links, atol=2e-5)
    for one, other in zip(ours.jumps, counts, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)


@given(st.integers(1, 40), st.integers(0, 10**6))
def test_the_jumps_from_each_state_are_probabilities_and_depend_on_the_distance_alone(states, seed):
    jumps = random_jumps(np.random.default_rng(seed))
    first, between, last = transitions(jumps, states)
    np.testing.assert_allclose(between.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose([first.sum(), last.sum()], 1, rtol=1e-5)
    if states > 2 * LONGEST_JUMP + 3:  # a state from which every bucket can be reached
        middle, share = states // 2, between[states // 2]
        assert share[middle + 1] == pytest.approx(jumps.between[LONGEST_JUMP + 1], rel=1e-4)
        far = share[middle + LONGEST_JUMP :]
        assert far.sum() == pytest.approx(jumps.between[-1], rel=1e-4)
        np.testing.assert_allclose(far, far[0], rtol=1e-5)


def test_long_sentences_neither_overflow_nor_vanish():
    emissions = np.full((2000, 1, 300), 1e-7, np.float32)
    ours = expected(emissions, FLAT)
    assert np.isfinite(ours.links).all() and np.isfinite(ours.jumps.between).all()
    assert (ours.links.sum(axis=2) <= 1 + 1e-4).all()


# Training


def slow_ibm1(pair, forward, backward):
    """Links of one sentence pair by both directions, by loops."""
    source, target = pair
    both = [{}, {}]
    for i, s in enumerate(source):
        for j, t in enumerate(target):
            above = [(1 - NONE) / len(source) * forward[other, t] for other in source]
            left = [(1 - NONE) / len(target) * backward[s, other] for other in target]
            both[0][i, j] = above[i] / (sum(above) + NONE)
            both[1][i, j] = left[j] / (sum(left) + NONE)
    return both


@given(PAIRS, st.integers(1, 60))
def test_a_round_counts_the_product_of_what_both_directions_expect(folder, pairs, size):
    with patch.object(cells_module, "BLOCK_CELLS", size):
        cells = make_cells(pairs, folder)
    words = cells.word_pairs()
    random = np.random.default_rng(1)
    start = random.random((2, len(cells.keys))).astype(np.float32)
    after = one_round(cells, words, Tables(*start, FLAT, FLAT), by_ibm1)
    names = list(zip(words.source.tolist(), words.target.tolist(), strict=True))
    forward, backward = (dict(zip(names, values.tolist(), strict=True)) for values in start)
    counts = Counter()
    for source, target in pairs:
        ours, theirs = slow_ibm1((source, target), forward, backward)
        for (i, j), probability in ours.items():
            counts[source[i], target[j]] += probability * theirs[i, j]
    for side, table in enumerate((after.forward, after.backward)):
        for name, value in zip(names, table.tolist(), strict=True):
            total = sum(n for other, n in counts.items() if other[side] == name[side])
            assert value == pytest.approx(counts[name] / (total + DISCOUNT), rel=1e-3, abs=1e-6)


def test_the_hmm_is_the_same_for_both_directions(folder):
    """Turning the text round turns the links round."""
    random = np.random.default_rng(2)
    pairs = [([0, 1, 2], [3, 4]), ([2, 2], [1, 0, 5])]
    ahead = make_cells(pairs, folder)
    tables = Tables(*random.random((2, len(ahead.keys))).astype(np.float32), FLAT, FLAT)
    found = {b.sentences[0]: by_hmm(b, tables)[0] for b in ahead.blocks()}
    back = make_cells([(target, source) for source, target in pairs], folder)
    order = np.searchsorted(ahead.keys, back.keys % 6 * 6 + back.keys // 6)
    turned = Tables(tables.backward[order], tables.forward[order], FLAT, FLAT)
    for block in back.blocks():
        (forward, backward), *_ = by_hmm(block, turned)
        ours = found[block.sentences[0]]
        np.testing.assert_allclose(forward, ours.backward.transpose(0, 2, 1), atol=1e-6)
        np.testing.assert_allclose(backward, ours.forward.transpose(0, 2, 1), atol=1e-6)


def test_words_that_are_written_alike_begin_with_more_weight(folder):
    cells = make_cells([([0, 1, 2], [0, 1, 2])], folder, words=3)
    weights = initial_weights(
        cells.word_pairs(), ["paris", "nation", "sun"], ["paris", "national", "sundry"]
    )
    by_pair = dict(zip(cells.keys.tolist(), weights.tolist(), strict=True))
    assert by_pair == {0: 16, 1: 1, 2: 1, 3: 1, 4: 6, 5: 1, 6: 1, 7: 1, 8: 1}


# The aligner

LESSON = examples(600, 7)


def words_of(text):
    return aligned_words(text, SEGMENTATIONS["text"](text))


def lesson_words(chosen):
    return [(words_of(one.source), words_of(one.target)) for one in chosen]


@pytest.fixture(scope="module")
def lesson_aligned(tmp_path_factory):
    work = tmp_path_factory.mktemp("lesson")
    ticks = []
    text = number_text(lesson_words(LESSON), work)
    return align_text(text, work, None, 1, ticks.append), ticks


def test_the_lesson_is_aligned_as_its_grammar_says(lesson_aligned):
    (posteriors, _), ticks = lesson_aligned
    right = proposed = content = 0
    for number, one in enumerate(LESSON):
        links = {link[:2] for link in links_of(posteriors[number], "threshold", 0.3)}
        proposed += len(links)
        right += len(links & one.links)
        content += len(links & one.content)
    assert right / proposed > 0.97
    assert content / sum(len(one.content) for one in LESSON) > 0.97
    assert ticks == sorted(ticks)


def test_two_processes_find_what_one_finds_and_a_saved_aligner_finds_it_again(
    lesson_aligned, tmp_path
):
    (posteriors, aligner), _ = lesson_aligned
    (tmp_path / "two").mkdir()
    text = number_text(lesson_words(LESSON), tmp_path / "two")
    again, _ = align_text(text, tmp_path / "two", None, 2, lambda _: None)
    assert np.array_equal(posteriors.records, again.records)
    save_aligner(aligner, tmp_path / "saved")
    (tmp_path / "new").mkdir()
    text = number_text(lesson_words(LESSON[:50]), tmp_path / "new")
    new, _ = align_text(text, tmp_path / "new", load_aligner(tmp_path / "saved"), 1, print)
    for number in range(50):
        ours, theirs = (links_of(one[number], "threshold", 0.3) for one in (posteriors, new))
        assert [link[:2] for link in ours] == [link[:2] for link in theirs]


def test_words_that_an_aligner_never_saw_are_linked_if_they_are_alike(lesson_aligned, tmp_path):
    (_, aligner), _ = lesson_aligned
    words = ["the", "zanzibarian", "cat", "."], ["le", "chat", "zanzibarien", "."]
    text = number_text([words, ([], ["rien"])], tmp_path)
    posteriors, _ = align_text(text, tmp_path, aligner, 1, lambda _: None)
    links = {link[:2] for link in links_of(posteriors[0], "threshold", 0.3)}
    assert (1, 2) in links and (2, 1) in links
    assert links_of(posteriors[1], "threshold", 0.3) == []


def test_a_damaged_aligner_is_refused(lesson_aligned, tmp_path):
    (_, aligner), _ = lesson_aligned
    save_aligner(aligner, tmp_path)
    file = tmp_path / "aligner.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(RegardError, match="damaged"):
        load_aligner(tmp_path)


# Links

MATRIX = st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(0, 10**6))


def random_posterior(rows, columns, seed):
    random = np.random.default_rng(seed)
    forward = random.dirichlet(np.full(rows + 1, 0.3), columns).T[:-1]
    backward = random.dirichlet(np.full(columns + 1, 0.3), rows)[:, :-1]
    return independent(forward.astype(np.float32), backward.astype(np.float32))


@given(MATRIX)
def test_each_direction_links_a_word_at_most_once_and_the_ways_lie_in_each_other(matrix):
    posterior = random_posterior(*matrix)
    forward, backward = forward_links(posterior), backward_links(posterior)
    assert all(count == 1 for count in Counter(target for _, target in forward).values())
    assert all(count == 1 for count in Counter(source for source, _ in backward).values())
    by_way = {way: function(forward, backward) for way, function in SYMMETRIZATIONS.items()}
    inner = ("intersection", "grow-diag", "grow-diag-or", "grow-diag-final-and")
    for smaller, larger in zip(inner, (*inner[1:], "grow-diag-final"), strict=True):
        assert by_way[smaller] <= by_way[larger] or smaller == "grow-diag"
    assert by_way["grow-diag-final"] <= by_way["union"] == forward | backward
    assert by_way["intersection"] <= by_way["grow-diag"] <= by_way["union"]


def test_grow_diag_wants_both_words_free_and_grow_diag_or_one():
    forward, backward = {(0, 0), (1, 1), (1, 2), (3, 3)}, {(0, 0), (1, 1), (2, 1), (3, 3)}
    assert SYMMETRIZATIONS["intersection"](forward, backward) == {(0, 0), (1, 1), (3, 3)}
    assert SYMMETRIZATIONS["grow-diag"](forward, backward) == {(0, 0), (1, 1), (3, 3)}
    grown = SYMMETRIZATIONS["grow-diag-or"](forward, backward)
    assert grown == {(0, 0), (1, 1), (1, 2), (2, 1), (3, 3)}
    both_free = {(0, 0), (2, 2)}, {(0, 0), (1, 1)}
    assert SYMMETRIZATIONS["grow-diag"](*both_free) == {(0, 0), (1, 1), (2, 2)}


def test_a_word_without_a_likely_partner_has_no_link():
    assert best_in_columns(np.array([[0.2], [0.3]])) == set()
    assert best_in_columns(np.array([[0.2], [0.45]])) == {(1, 0)}
    assert best_in_columns(np.zeros((0, 3))) == best_in_columns(np.zeros((3, 0))) == set()


# Gold links

LENGTHS = [(3, 4), (2, 2), (1, 1)]


def gold_of(tmp_path, text, base=None):
    file = tmp_path / "gold"
    file.write_text(text, "utf-8")
    return read_gold(file, LENGTHS, base)


NAACL = "0001 1 1 S\n0001 3 4 P\n2 1 2\n2 2 1 S 0.9\n2 0 1 S\n2 1 2 S\n"


def test_the_two_forms_of_gold_links_say_the_same(tmp_path):
    naacl = gold_of(tmp_path, NAACL)
    assert naacl[0].sure == {(0, 0)} and naacl[0].possible == {(0, 0), (2, 3)}
    assert naacl[1].sure == naacl[1].possible == {(0, 1), (1, 0)}
    assert 2 not in naacl, "a sentence without gold links is not measured"
    pharaoh = gold_of(tmp_path, "0-0 2p3\n0-1 1-0:0.9\n")
    assert pharaoh == naacl
    assert gold_of(tmp_path, "1-1 3p4\n1-2 2-1\n", base=1) == naacl


def test_ids_may_be_missing_and_unordered(tmp_path):
    assert list(gold_of(tmp_path, "3 1 1 S\n1 2 2 S\n")) == [0, 2]


@pytest.mark.parametrize(
    ("text", "base", "message"),
    [
        ("1 4 1 S\n", None, "sentence 1 has 3 and 4 words"),
        ("4 1 1 S\n", None, "there are 3"),
        ("0-4\n", None, "sentence 1 has 3 and 4 words"),
        ("0-0\n", 1, "sentence 1 has 3 and 4 words"),
        ("1 1 1 S\nnonsense\n", None, "this is no link"),
        ("0-0 1:1\n", None, "this is no link"),
    ],
)
def test_gold_links_of_another_text_or_form_are_refused(tmp_path, text, base, message):
    with pytest.raises(RegardError, match=message):
        gold_of(tmp_path, text, base)


def test_the_error_rate_is_that_of_och_and_ney(tmp_path):
    gold = gold_of(tmp_path, NAACL)
    quality = measure_links({0: {(0, 0), (2, 3), (1, 1)}, 1: {(0, 1)}}, gold)
    assert quality.aer == pytest.approx(100 * (1 - (2 + 3) / (4 + 3)))
    assert quality.precision == pytest.approx(75) and quality.recall == pytest.approx(200 / 3)
    possible = measure_links({n: set(one.possible) for n, one in gold.items()}, gold)
    assert possible.aer == 0 and possible.recall == 100
    nothing = measure_links({0: set(), 1: set()}, gold)
    assert nothing.aer == 100 and nothing.f1 == 0
    assert quality.low <= quality.aer <= quality.high


# Formats


def test_links_are_written_in_every_format():
    text = "The cat\u00a0sleeps.", "Le chat dort."
    spans = [SEGMENTATIONS["text"](side) for side in text]
    pair = AlignedPair(
        7, *text, *spans, [Link(0, 0, 0.9), Link(1, 1, 0.8), Link(2, 2, 0.15)], sure=0.3
    )
    written = {name: write(pair) for name, write in LINK_FORMATS.items()}
    assert written["pharaoh"] == "0-0 1-1"
    assert written["pharaoh+prob"] == "0-0:0.900 1-1:0.800 2-2:0.150"
    assert written["talp"] == "0-0 1-1 2p2"
    assert written["naacl"] == "0007 1 1 S 0.900\n0007 2 2 S 0.800\n0007 3 3 P 0.150"
    assert written["words"] == "The → Le\tcat → chat"
    content = json.loads(written["json"])
    assert [content["source"][a:b] for a, b in content["source_words"]] == [
        *("The", "cat", "sleeps", ".")
    ]
    assert content["sure"] == [True, True, False]
    assert content["unlinked"] == {"source": [2, 3], "target": [2, 3]}


def test_words_are_cut_by_rules_or_at_spaces():
    text = "l'état de 3.5\u00a0% — two-thirds"
    assert aligned_words(text, SEGMENTATIONS["spaces"](text)) == [
        *("l'état", "de", "3.5", "%", "—", "two-thirds")
    ]
    assert aligned_words(text, SEGMENTATIONS["text"](text))[:3] == ["l'", "état", "de"]
