"""The laws of text in, translation out, on a model that was really trained."""

import json
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from random import Random
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

import regard
from regard.config import SearchOptions, TextOptions
from regard.engine.memory import (
    GPU,
    NUMBERS_PER_STATE,
    NUMBERS_PER_TOKEN,
    PROCESSOR,
    sentences_that_fit,
)
from regard.engine.onnx.engine import OnnxEngine
from regard.errors import RegardError
from regard.export.export import export
from regard.lesson.corpus import EXAMPLE, examples
from regard.search.batching import make_batches
from regard.search.protocols import Hypothesis
from regard.search.sampling import Sampling
from regard.storage.model_file import read_model, write_model_file
from regard.text.normalize import normalize
from regard.text.padding import padded_width
from regard.translation import Translation

TEXTS = [one.source for one in examples(30, 9)]
HARD = [
    "",
    " ",
    "a",
    "I",
    "42",
    "3.14159265358979",
    "😀",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "cat " * 500,
    "日本語のテキスト",
    "Ελληνικά और हिन्दी",
    "\ue000\ue020\ue050",
    "<s> </s> <pad> ▁",
    "\x00\x01\u2028\u0085\x0c",
    "e\u0301" * 40,
    "x" * 2000,
    "?!?!?!",
]


@pytest.fixture(scope="module")
def translator(model):
    return regard.load(model)


def test_translations_come_in_the_order_of_the_texts_whatever_the_batch(translator):
    together = [one.text for one in translator.translate(TEXTS)]
    alone = [translator.translate([text])[0].text for text in TEXTS]
    assert together == alone


def test_an_empty_text_gives_an_empty_translation(translator):
    found = translator.translate(["", "  ", EXAMPLE.source, "\u2028"])
    assert [one.text for one in found] == ["", "  ", found[2].text, " "]
    assert found[2].sentences and not found[3].sentences
    assert found[0].weights.size == 0


@pytest.mark.parametrize("beam", [1, 4])
def test_hard_inputs_are_translated_within_their_limit_and_never_crash(translator, beam):
    translator = translator.with_options(SearchOptions(beam=beam))
    for text, found in zip(HARD, translator.translate(HARD), strict=True):
        assert found.source == text
        for sentence in found.sentences:
            limit = translator.options.max_length(len(sentence.source_ids))
            assert len(sentence.ids) <= limit + 3 * len(sentence.source.protected), text
        assert found.finish_reason in ("eos", "length", "repetition")


@settings(max_examples=25)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_any_text_is_translated(translator, texts):
    assert len(translator.translate(texts)) == len(texts)


def test_n_best_are_distinct_and_the_first_is_the_translation(translator):
    translator = translator.with_options(SearchOptions(beam=4))
    singles = translator.translate_sentences(TEXTS)
    for best, one in zip(translator.n_best(TEXTS), singles, strict=True):
        assert best[0] == one or best[0].text == one.text
        assert len({found.text for found in best}) == len(best) <= 4


def test_the_n_best_of_a_text_join_those_of_its_sentences(translator):
    translator = translator.with_options(SearchOptions(beam=3))
    sentences = ["The cat sleeps.", "A dog eats the bone.", "🙂"]
    own = [[one.text for one in found] for found in translator.n_best_by_sentence(sentences)]
    assert own[:2] == [[one.text for one in found] for found in translator.n_best(sentences[:2])]
    assert own[2] == ["🙂"]
    [found] = translator.n_best_by_sentence([" ".join(sentences)])
    ranks = max(map(len, own))
    expected = [
        " ".join(ranked[rank] if rank < len(ranked) else ranked[0] for ranked in own)
        for rank in range(ranks)
    ]
    assert [one.text for one in found] == list(dict.fromkeys(expected))


def test_a_text_that_is_written_in_two_ways_is_found_once(translator):
    whole = translator.target.encode(["le chat"])[0]
    parts = translator.target.ids(list("▁le")) + translator.target.encode(["chat"])[0]
    both = [Hypothesis(tokens, -1.0, "eos") for tokens in (whole, parts)]
    assert whole != parts
    [found] = translator.search_all(["the cat"], "", lambda task: [both])
    assert [(one.text, one.sentences[0].ids) for one in found] == [("le chat", whole)]


def test_one_text_without_a_list_is_refused(translator):
    with pytest.raises(RegardError, match="not a list"):
        translator.translate("The cat .")


@pytest.mark.parametrize(("workers", "threads"), [(-1, 1), (0, 0), (1, -2)])
def test_numbers_of_workers_that_cannot_work_are_refused(model, workers, threads):
    with pytest.raises(RegardError, match="cannot work"):
        regard.load(model, workers=workers, threads=threads)


def test_nothing_to_read_gives_nothing(translator):
    assert translator.force([], []) == translator.translate([]) == []


def test_a_beginning_is_kept(translator):
    for best in translator.translate_with_prefix(TEXTS, "Le chat"):
        assert best[0].text.startswith("Le chat")


def test_a_beginning_costs_no_room(translator):
    short = SearchOptions(beam=2, max_length_ratio=0.01, max_length_extra=6)
    beginning = "Le chat noir a mangé la souris et le"
    tokens = len(translator.target.encode([beginning])[0])
    found = [
        best[0]
        for best in translator.with_options(short).translate_with_prefix(TEXTS[:4], beginning)
    ]
    assert all(one.text.startswith(beginning) for one in found)
    assert tokens + 2 < max(len(one.sentences[0].ids) for one in found) <= tokens + 6


def test_sampling_is_repeatable_and_varies_with_the_seed(translator):
    def draw(seed):
        return [one.text for one in translator.sample(TEXTS, Sampling(seed=seed))]

    assert draw(1) == draw(1) != draw(2)


@pytest.mark.parametrize(
    "wrong", [{"beam": 0}, {"beam": "wide"}, {"length_penalty": -1.0}, {"max_length_extra": 0}]
)
def test_wrong_options_of_the_search_are_refused_when_they_are_given(wrong):
    builtin = regard.load("en-fr", engine="onnx", workers=1)
    with pytest.raises(RegardError, match=f"search.{next(iter(wrong))}"):
        builtin.with_options(SearchOptions(**wrong))
    assert builtin.with_options(SearchOptions(beam=2.0)).options.beam == 2


def test_a_sentence_is_translated_alike_in_any_company(monkeypatch):
    """To the last bit: no sentence of another width changes its sums. The lines are of 3 to 60
    words; with batches of any lengths the log-probability of one of them changes."""
    random = Random(2)
    parts = [one.source.rstrip(".") for one in examples(200, 3)]
    lines = [" and ".join(random.sample(parts, random.randint(1, 6))) + "." for _ in range(60)]
    builtin = regard.load("en-fr", engine="onnx", workers=1)
    greedy = builtin.with_options(structs.replace(builtin.options, beam=1))
    widths, search = [], OnnxEngine.greedy

    def spy(engine, sources, *bounds):
        widths.append({padded_width(len(source)) for source in sources})
        return search(engine, sources, *bounds)

    monkeypatch.setattr(OnnxEngine, "greedy", spy)
    together = greedy.translate(lines)
    assert all(len(own) == 1 for own in widths) and len(widths) < 30
    alone = [greedy.translate([line])[0] for line in lines]
    for one, same in zip(together, alone, strict=True):
        assert (one.text, one.log_prob) == (same.text, same.log_prob)
        assert one.sentences[0].coverage == same.sentences[0].coverage


def test_equal_sentences_are_searched_once_and_have_their_own_spans_each(monkeypatch):
    builtin = regard.load("en-fr", engine="onnx", workers=1)
    lines = ["See {a}.", "The cat.", "See {bcd}.", "The cat.", "  The cat.", "A dog. The cat."]
    alone = [builtin.translate([line])[0] for line in lines]
    read, search = [], OnnxEngine.beam

    def spy(engine, sources, *bounds):
        read.extend(map(tuple, sources))
        return search(engine, sources, *bounds)

    monkeypatch.setattr(OnnxEngine, "beam", spy)
    together = builtin.translate(lines)
    assert len(read) == len(set(read)) == 3
    assert together == alone
    assert [one.source_words for one in together] == [one.source_words for one in alone]
    assert "{bcd}" in together[2].text and together[2].copied == alone[2].copied


def test_a_sample_depends_on_its_seed_and_place_and_not_on_the_batch(translator):
    # among 700 tokens, one draw in ten thousand is so near an edge that rounding decides
    sampling = Sampling(temperature=3.0, top_k=20, seed=4)
    together = [one.text for one in translator.sample(TEXTS, sampling)]
    with patch.object(type(translator.engine), "batch_size", lambda *_: 2):
        assert [one.text for one in translator.sample(TEXTS, sampling)] == together
    any_token = sampling._replace(top_k=0)
    many = [one.text for one in translator.sample([TEXTS[0]] * 300, any_token)]
    assert len(set(many)) > 290  # short ones may be equal by chance


def test_the_weights_of_a_translation_are_those_of_its_tokens(translator):
    for one in translator.translate(TEXTS[:5]):
        assert one.weights.shape == (len(one.tokens), len(one.source_tokens))
        np.testing.assert_allclose(one.weights.sum(axis=1), 1.0, rtol=1e-5)


def test_a_translation_goes_to_another_process_with_its_weights(translator):
    found = translator.translate(TEXTS[:3])
    there = pickle.loads(pickle.dumps(found))
    assert there == found == translator.translate(TEXTS[:3])
    for one, copy in zip(found, there, strict=True):
        np.testing.assert_array_equal(copy.weights, one.weights)
        assert (copy.tokens, copy.source_tokens) == (one.tokens, one.source_tokens)
        assert (copy.words, copy.source_words) == (one.words, one.source_words)


def test_a_translation_is_plain_data_and_a_changed_one_keeps_its_model(translator):
    [found] = translator.translate(["The dog sees the cat. The cat sleeps."])
    data = asdict(found)
    assert json.loads(json.dumps(data))["text"] == found.text
    assert len(data["sentences"]) == len(found.sentences) == 2
    changed = replace(found, log_prob=0.0)
    np.testing.assert_array_equal(changed.weights, found.weights)
    elsewhere = replace(pickle.loads(pickle.dumps(found)), log_prob=0.0)
    with pytest.raises(RegardError, match="its model is not loaded"):
        _ = elsewhere.weights


def test_the_weights_of_a_long_text_are_computed_in_batches(translator):
    [found] = translator.translate([" ".join(TEXTS)])
    in_one_batch = found.weights
    engine, sizes = translator.engine, []
    force = engine.force

    def counted(sources, targets):
        sizes.append(len(sources))
        return force(sources, targets)

    with (
        patch.object(type(engine), "batch_size", lambda *_: 2),
        patch.object(type(engine), "force", lambda _, *both: counted(*both)),
    ):
        [again] = translator.translate([" ".join(TEXTS)])
        np.testing.assert_allclose(again.weights, in_one_batch, atol=1e-5)
    assert len(found.sentences) == sum(sizes) and max(sizes) <= 2


@pytest.mark.parametrize(
    ("odd", "word"),
    [("the dog\x00sees.", "dog"), ("\ufeffThe cat.", "The"), ("cat \x01 is", "cat")],
)
def test_the_words_of_a_source_have_no_control_characters(translator, odd, word):
    [found] = translator.translate([odd])
    words = [each.text for each in found.source_words]
    assert (
        word in words and normalize(odd).text.split() == " ".join(words).replace(" .", ".").split()
    )


@pytest.mark.parametrize("odd", ["▁", " ▁ ▁", "\x0c▁"])
def test_what_only_the_subwords_take_for_white_space_is_copied(translator, odd):
    assert translator.source.encode([normalize(odd).text]) == [[]]
    plain = translator.with_text_options(TextOptions(spans=False))
    for one in (translator, plain):
        for found in [*one.translate([odd]), *one.translate_sentences([odd])]:
            assert (found.text.strip("\x0c "), found.sentences) == (odd.strip("\x0c "), ())
            assert found.weights.shape == (0, 0)


@pytest.mark.parametrize("option", [{"top_k": 1.5}, {"seed": 0.5}, {"top_p": 0}])
def test_chance_out_of_its_range_is_refused(translator, option):
    with pytest.raises(RegardError, match="cannot sample"):
        translator.sample(TEXTS[:1], Sampling(**option))


def test_the_log_probability_is_what_reading_the_translation_again_gives(translator):
    for one in translator.translate_sentences(TEXTS):
        if one.finish_reason == "eos":
            [sentence] = one.sentences
            [forced] = translator.engine.force([sentence.source_ids], [sentence.ids])
            np.testing.assert_allclose(forced.log_probs.sum(), one.log_prob, rtol=1e-3)


@given(
    st.sampled_from([PROCESSOR, GPU]),
    st.lists(st.integers(1, 900), max_size=300),
    st.integers(1, 2000),
    st.integers(100, 500_000),
)
def test_batches_hold_every_sentence_once_and_no_more_than_fit(memory, lengths, size, tokens):
    def fitting(length):
        return sentences_that_fit(memory, size, tokens, length, 5)

    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    batches = make_batches(order, lambda index: fitting(lengths[index]))
    assert [index for batch in batches for index in batch] == order
    for batch in batches:
        assert 1 <= len(batch) <= memory.sentences
        numbers = size * NUMBERS_PER_STATE * lengths[batch[-1]] + 5 * tokens * NUMBERS_PER_TOKEN
        assert len(batch) == 1 or len(batch) * numbers <= memory.numbers
    if len(batches) > 1 and fitting(max(lengths)) > 1:
        assert len(batches[-1]) > 1, "a sentence that is left over joins another"


def test_a_folder_runs_in_the_engine_that_is_asked_for(model):
    by_engine = {name: regard.load(model, engine=name) for name in ("auto", "onnx", "torch")}
    kinds = {name: type(opened.engine).__name__ for name, opened in by_engine.items()}
    assert kinds == {"auto": "TorchEngine", "onnx": "OnnxEngine", "torch": "TorchEngine"}
    texts = [[one.text for one in opened.translate(TEXTS[:5])] for opened in by_engine.values()]
    assert texts[0] == texts[1] == texts[2]


def test_a_file_runs_in_pytorch_too(model, tmp_path):
    file = tmp_path / "model.regard"
    write_model_file(file, read_model(model))
    one, other = regard.load(file), regard.load(file, engine="torch")
    for left, right in zip(one.translate(TEXTS[:5]), other.translate(TEXTS[:5]), strict=True):
        assert left.text == right.text
        assert left.log_prob == pytest.approx(right.log_prob, abs=1e-3)


def test_many_threads_on_one_translator_write_what_one_thread_writes(model, tmp_path):
    export(model, tmp_path / "model.regard", "int8", [])
    translator = regard.load(tmp_path / "model.regard", workers=1)
    expected = translator.translate(TEXTS)

    def work(_: int) -> list[list[Translation]]:
        return [translator.translate(TEXTS), [translator.translate([text])[0] for text in TEXTS]]

    with ThreadPoolExecutor(4) as pool:
        for results in pool.map(work, range(4)):
            for found in results:
                assert [one.tokens for one in found] == [one.tokens for one in expected]
                log_probs = [one.log_prob for one in expected]
                np.testing.assert_allclose([one.log_prob for one in found], log_probs, rtol=1e-3)


def test_an_engine_that_does_not_exist_is_refused(model):
    """In a process where no type is checked."""
    program = f"import regard; regard.load({str(model)!r}, engine='tirch')"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "there is no engine 'tirch'" in done.stderr and "'torch'" in done.stderr


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"engine": "onnx", "device": "cuda"}, "choose the engine torch"),
        ({"engine": "torch", "workers": 2}, "or export the model to a file"),
    ],
)
def test_the_advice_about_a_folder_is_one_that_helps(model, options, advice):
    with pytest.raises(RegardError) as refused:
        regard.load(model, **options)
    assert advice in refused.value.to_do


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"engine": "onnx", "device": "cuda"}, "give the model folder"),
        ({"engine": "torch", "workers": 2}, "or the engine"),
    ],
)
def test_the_advice_about_a_file_is_one_that_helps(options, advice):
    with pytest.raises(RegardError) as refused:
        regard.load("en-fr", **options)
    assert advice in refused.value.to_do


def test_pytorch_that_is_not_installed_is_named_with_its_extra(model):
    with (
        patch("regard.loading.find_spec", lambda _: None),
        pytest.raises(RegardError, match="torch, which is not installed") as refused,
    ):
        regard.load(model, engine="torch")
    assert "[train]" in refused.value.to_do
