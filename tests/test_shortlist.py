"""The laws of the shortlist: a few hundred target tokens instead of a whole vocabulary."""

import subprocess
import sys
from functools import cache
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import regard
from regard.alignment import cells
from regard.alignment.ibm1 import EM_ITERATIONS, translation_probabilities
from regard.config import SearchOptions
from regard.engine.onnx import engine as onnx
from regard.engine.onnx.builders import GraphKind
from regard.engine.onnx.engine import OnnxEngine
from regard.engine.onnx.shortlist import (
    BLOCK,
    allowed_tokens,
    pad_to_blocks,
    put_leading_first,
)
from regard.engine.quantize import quantize
from regard.engine.torch import build_network, weights_of
from regard.errors import RegardError
from regard.export.calibration import calibrate
from regard.export.export import export, shuffled_chunks
from regard.files import read_tensors
from regard.lesson.corpus import examples
from regard.search.beam import NO_HOOKS, Hooks, Task, beam, greedy
from regard.search.protocols import LogitBias
from regard.search.repetition import cut_repetition
from regard.search.sampling import Sampling, sample
from regard.special import END, PAD
from regard.storage.model_file import (
    LIKELY_TENSOR,
    NO_SHORTLIST,
    SUFFIX,
    Shortlist,
    read_model_file,
    write_model_file,
)
from test_onnx import (
    MANY_TOKENS,
    OTHER,
    SOME,
    SOURCES,
    SYMBOL_TASK,
    TARGETS,
    TOKENS,
    TRANSFORMER,
    Made,
    Outside,
    assert_alike,
    options_of,
    symbols_in,
)

TEXTS = [one.source for one in examples(30, 9)]
COMMON = np.array([END, 4, 5, 6], np.uint16)
"""A sentence may be written with its own tokens and these, by the shortlist `little`."""
SMALL = Made("scaled", "ssru", "bidirectional", 1, 2, "target")
PLAIN = Task(SOURCES, [12] * len(SOURCES))

some_network = pytest.mark.parametrize(
    "made", [SOME, OTHER, TRANSFORMER], ids=["scaled", "additive", "transformer"]
)
some_precision = pytest.mark.parametrize("is_int8", [True, False], ids=["int8", "fp32"])


@cache
def engine_of(made, is_int8: bool, kind: str, tokens: int = TOKENS) -> OnnxEngine:
    import torch

    options = options_of(made)
    torch.manual_seed(0)
    network = build_network(options, tokens, tokens).eval()
    for weight in network.parameters():
        torch.nn.init.uniform_(weight, -0.7, 0.7)
    weights = weights_of(network)
    own = np.arange(tokens, dtype=np.uint16)[:, None]
    shortlist = {
        "all": Shortlist(0 * own + END, own[:, 0]),
        "little": Shortlist(own, COMMON),
        "none": NO_SHORTLIST,
    }[kind]
    if not is_int8:
        return OnnxEngine(options, weights, {}, shortlist=shortlist)
    ranges = calibrate(options, weights, list(zip(SOURCES, TARGETS, strict=True)))
    return OnnxEngine(options, quantize(weights), ranges, shortlist=shortlist)


def alone(engine: OnnxEngine, size: int):
    """The translations of each sentence alone."""
    tasks = [Task([source], [12]) for source in SOURCES]
    if size == 1:
        return [[greedy(engine, task)[0]] for task in tasks]
    return [beam(engine, task, size, 1.0)[0] for task in tasks]


def together(engine: OnnxEngine, size: int):
    if size == 1:
        return [[one] for one in greedy(engine, PLAIN)]
    return beam(engine, PLAIN, size, 1.0)


@some_network
@some_precision
@pytest.mark.parametrize("size", [1, 3])
def test_a_shortlist_of_all_tokens_changes_nothing(made, is_int8, size):
    exact, limited = (
        engine_of(made, is_int8, "none"),
        engine_of(made, is_int8, "all").with_shortlist(),
    )
    for search in (alone, together):
        for one, other in zip(search(exact, size), search(limited, size), strict=True):
            assert_alike(one, other)


@some_network
@some_precision
@pytest.mark.parametrize("size", [1, 3])
def test_with_a_shortlist_a_sentence_alone_is_translated_as_among_others(made, is_int8, size):
    engine = engine_of(made, is_int8, "little").with_shortlist()
    for one, other in zip(alone(engine, size), together(engine, size), strict=True):
        assert_alike(one, other)


drafting_network = pytest.mark.parametrize(
    "made", [OTHER, SMALL, TRANSFORMER], ids=["gru", "ssru", "transformer"]
)


@drafting_network
@some_precision
def test_a_draft_among_few_tokens_ends_as_the_search_among_all(made, is_int8):
    drafting, exact = engine_of(made, is_int8, "little"), engine_of(made, is_int8, "none")
    assert drafting.sessions.network.decoder.can_draft, "only such a network drafts"
    assert alone(exact, 1) != alone(drafting.with_shortlist(), 1), "the draft must be put right"
    for one, other in zip(alone(exact, 1), alone(drafting, 1), strict=True):
        assert_alike(one, other)
    assert GraphKind("draft", True) in drafting.sessions.ready


def test_where_drafts_end_the_sentence_is_written_among_all(monkeypatch):
    monkeypatch.setattr(onnx, "MAX_DRAFTS", 0)
    engine_of.cache_clear()  # of graphs that other laws have drawn
    drafting, exact = engine_of(SMALL, True, "little"), engine_of(SMALL, True, "none")
    for one, other in zip(alone(exact, 1), alone(drafting, 1), strict=True):
        assert_alike(one, other)
    assert GraphKind("greedy", True) in drafting.sessions.ready
    assert GraphKind("continued_draft", True) not in drafting.sessions.ready


@pytest.mark.parametrize("made", [SMALL, TRANSFORMER], ids=["ssru", "transformer"])
def test_a_wrong_draft_goes_on_behind_what_was_right(made):
    engine_of.cache_clear()
    engine = engine_of(made, True, "little")
    assert alone(engine, 1) != alone(engine.with_shortlist(), 1), "a draft must be wrong"
    drawn = engine.sessions.ready
    assert GraphKind("continued_draft", True) in drawn
    assert GraphKind("greedy", True) not in drawn, "no sentence here is begun anew"


@some_network
@pytest.mark.parametrize("size", [1, 3])
def test_only_allowed_tokens_are_written(made, size):
    engine = engine_of(made, True, "little").with_shortlist()
    for search in (alone, together):
        for source, found in zip(SOURCES, search(engine, size), strict=True):
            allowed = {*engine.allowed(source).tolist()}
            assert all(allowed.issuperset(one.tokens) for one in found)


@some_network
def test_adjustments_samples_and_beginnings_reach_tokens_outside_the_shortlist(made):
    engine = engine_of(made, True, "little").with_shortlist()

    class Wish(Hooks):
        def logit_bias(self, sentences, written):
            rows = np.arange(len(sentences))
            return LogitBias(rows, rows * 0 + 19, np.full(len(rows), 99.0, np.float32))

    wished = greedy(engine, PLAIN._replace(hooks=Wish()))
    assert all(one.tokens == [19] * len(one.tokens) and one.tokens for one in wished)
    drawn = sample(engine, PLAIN, Sampling(9.0))
    exact = sample(engine_of(made, True, "none"), PLAIN, Sampling(9.0))
    assert_alike(drawn, exact)
    begun = beam(engine, PLAIN._replace(prefix=(18, 19)), 3, 1.0)
    assert all(one.tokens[:2] == [18, 19] for found in begun for one in found)
    assert PLAIN.hooks is NO_HOOKS


@some_network
@some_precision
@pytest.mark.parametrize("kind", ["all", "little"])
def test_a_shortlist_holds_the_symbols_that_a_sentence_requires(made, is_int8, kind):
    engine = engine_of(made, is_int8, kind, MANY_TOKENS).with_shortlist()
    task = SYMBOL_TASK._replace(required=[[37], [], [40, 37], [50, 83], [60, 61]])
    exact, apart = engine_of(made, is_int8, "none", MANY_TOKENS), range(len(task.sources))
    searches = [
        lambda one, part: [[found] for found in greedy(one, part)],
        lambda one, part: beam(one, part, 3, 1.0),
    ]
    for search in searches:
        together = search(engine, task)
        outside = search(Outside(engine), task)
        single = [search(engine, task.select([index]))[0] for index in apart]
        for found, *others in zip(together, outside, single, strict=True):
            for other in others:
                assert_alike(found, other)
        if kind == "all":
            for found, other in zip(together, search(exact, task), strict=True):
                assert_alike(found, other)
        for source, required, found in zip(task.sources, task.required, together, strict=True):
            allowed = {*engine.allowed(source, required).tolist()}
            assert all(symbols_in(one.tokens) == sorted(required) for one in found)
            assert all(allowed.issuperset(one.tokens) for one in found)


@some_precision
def test_a_sentence_with_symbols_is_not_drafted_and_one_without_counts_the_coverage(is_int8):
    drafting, exact = (engine_of(SMALL, is_int8, kind, MANY_TOKENS) for kind in ("little", "none"))
    for index in range(len(SYMBOL_TASK.sources)):
        task = SYMBOL_TASK.select([index])
        [one], [other] = greedy(drafting, task), greedy(exact, task)
        assert_alike([one], [other])
        assert one.coverage == pytest.approx(other.coverage, abs=1e-4)
    assert GraphKind("draft", True) in drafting.sessions.ready


def test_the_tokens_up_to_the_last_symbol_stand_in_the_columns_of_their_ids():
    [first, second] = put_leading_first([np.array([2, 36, 84, 99]), np.array([3, 83])])
    assert first[[2, 36]].tolist() == [2, 36] and first[84:].tolist() == [84, 99]
    assert {*first[:84].tolist()} == {PAD, 2, 36}
    assert np.flatnonzero(second).tolist() == [3, 83] and len(second) == 84


@pytest.mark.parametrize("size", [16, 20])
def test_a_beam_wider_than_the_few_is_of_all_tokens(size):
    limited, exact = engine_of(SOME, True, "little").with_shortlist(), engine_of(SOME, True, "none")
    for one, other in zip(together(limited, size), together(exact, size), strict=True):
        assert_alike(one, other)


def test_whole_blocks_of_tokens_and_pad_behind_them():
    assert pad_to_blocks([np.arange(2, 9)]).shape == (1, BLOCK * BLOCK)
    few, many = pad_to_blocks([np.arange(7, 9), np.arange(2, 402)])
    assert len(many) % BLOCK == 0 and many[:400].tolist() == list(range(2, 402))
    assert few[:2].tolist() == [7, 8]
    assert {*few[2:], *many[400:]} == {PAD}


def test_each_sentence_has_its_own_tokens():
    little = Shortlist(np.array([[2, 2], [7, 9], [8, 9]], np.uint16), np.array([2], np.uint16))
    own = [allowed_tokens(little, source, 10) for source in ([1], [2, 0])]
    assert [one.tolist() for one in own] == [[2, 7, 9], [2, 8, 9]]


def test_what_is_seen_together_translates():
    """Three sentences on paper: 1 goes with 5 everywhere, 2 with 6, though all are seen mixed."""
    pair, chance, _ = translation_probabilities([[1, 2], [1], [2]], [[5, 6], [5], [6]], 10)
    found = dict(zip(pair.tolist(), chance.tolist(), strict=True))
    assert found[15] > 0.9 and found[26] > 0.9
    assert found[16] < 0.1 and found[25] < 0.1
    assert np.isclose(found[15] + found[16], 1.0)


sentences = st.lists(st.integers(0, 5), min_size=1, max_size=6)


@given(st.lists(st.tuples(sentences, sentences), min_size=1, max_size=9))
def test_translations_are_those_of_ibm_model_1_worked_out_slowly(pairs):
    sources, targets = map(list, zip(*pairs, strict=True))
    with patch.object(cells, "BLOCK_CELLS", 20):
        pair, chance, backward = translation_probabilities(sources, targets, 6)
    table = {(s, t): 1.0 for source, target in pairs for s in source for t in target}
    for _ in range(EM_ITERATIONS):
        count = dict.fromkeys(table, 0.0)
        for source, target in pairs:
            for t in target:
                total = sum(table[s, t] for s in source)
                for s in source:
                    count[s, t] += table[s, t] / total
        sums = {s: sum(n for (own, _), n in count.items() if own == s) for s, _ in count}
        table = {(s, t): n / sums[s] for (s, t), n in count.items()}
    found = {divmod(one, 6): p for one, p in zip(pair.tolist(), chance.tolist(), strict=True)}
    assert found == pytest.approx(table)
    reverse, chance, _ = translation_probabilities(targets, sources, 6)
    turned = reverse % 6 * 6 + reverse // 6
    assert dict(zip(turned.tolist(), chance.tolist(), strict=True)) == pytest.approx(
        dict(zip(pair.tolist(), backward.tolist(), strict=True))
    )


@given(st.integers(2, 40), st.integers(1, 9))
def test_the_training_text_is_read_once_from_all_over_it(lines, size):
    places = np.concatenate(list(shuffled_chunks(lines, size)))
    assert sorted(places.tolist()) == list(range(lines))
    if lines > 20:
        assert places[: lines // 2].max() > lines // 2


def test_a_text_ends_where_it_has_made_too_many_rounds():
    assert cut_repetition(np.array([4, 5, 6, END]), 5)[0] == 4
    assert cut_repetition(np.array([4] + [7] * 20), 5)[0] == 7
    assert cut_repetition(np.array([7, 8] * 20), 5)[0] == 12
    assert cut_repetition(np.array([7] * 5 + [END]), 5)[0] == 6


# In a file


@pytest.fixture(scope="module")
def file(model, tmp_path_factory):
    made = tmp_path_factory.mktemp("shortlist") / f"model{SUFFIX}"
    export(model, made, "int8", [])
    return made


def test_a_file_holds_the_shortlist_of_its_training_text(file):
    bundle = read_model_file(file)
    assert len(bundle.shortlist.likely) == len(bundle.info.source)
    assert END in bundle.shortlist.common
    translator = regard.load(file)
    sources = translator.source.encode(TEXTS)
    allowed = [translator.engine.allowed(source) for source in sources]
    own = [set(one.tolist()) for one in allowed]
    targets = translator.target.encode([one.target for one in examples(30, 9)])
    missed = sum(not tokens.issuperset(target) for tokens, target in zip(own, targets, strict=True))
    assert missed <= 3, "the lesson's words are seen often enough"
    assert max(map(len, own)) < len(translator.target)


def test_names_can_be_written_as_they_are(file):
    """Every source token's own letters are among the tokens that it allows."""
    translator = regard.load(file)
    for text in ("Qxz", "日本", "😀"):
        source = translator.source.encode([text])[0]
        allowed = set(translator.engine.allowed(source).tolist())
        assert allowed.issuperset(translator.target.encode([text])[0])


@pytest.mark.parametrize("beam_size", [1, 4])
def test_a_shortlist_that_is_not_asked_for_changes_nothing(file, tmp_path, beam_size):
    plain = tmp_path / f"plain{SUFFIX}"
    write_model_file(plain, read_model_file(file)._replace(shortlist=NO_SHORTLIST))
    options = SearchOptions(beam=beam_size)
    with_shortlist, without = (regard.load(one).with_options(options) for one in (file, plain))
    for text in TEXTS:
        one, other = (
            with_shortlist.translate_sentences([text])[0],
            without.translate_sentences([text])[0],
        )
        assert one.text == other.text and abs(one.log_prob - other.log_prob) < 1e-4


def test_a_file_without_a_shortlist_loads_and_says_so_when_asked(file, tmp_path):
    plain = tmp_path / f"plain{SUFFIX}"
    write_model_file(plain, read_model_file(file)._replace(shortlist=NO_SHORTLIST))
    assert LIKELY_TENSOR not in read_tensors(plain).tensors
    engine = regard.load(plain).engine
    assert isinstance(engine, OnnxEngine)
    with pytest.raises(RegardError, match="no shortlist"):
        engine.with_shortlist()


def test_a_translator_of_a_folder_has_no_shortlist(model, file):
    assert regard.load(file).with_shortlist().translate_sentences(TEXTS[:2])[0].text
    with pytest.raises(RegardError, match="has a shortlist"):
        regard.load(model, engine="torch").with_shortlist()


def test_the_command_line_asks_for_it_by_name(model, file):
    def typed(*words):
        return subprocess.run(
            [sys.executable, "-m", "regard", "translate", *map(str, words)],
            input=f"{TEXTS[0]}\n".encode(), capture_output=True, check=False,
        )  # fmt: skip

    found = typed("--model", file, "--shortlist")
    expected = regard.load(file).with_shortlist().translate(TEXTS[:1])[0].text
    assert found.stdout.decode() == expected + "\n", found.stderr.decode()
    refused = typed("--model", model, "--shortlist")
    assert refused.returncode and b"shortlist" in refused.stderr
