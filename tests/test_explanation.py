"""The laws of what is explained: it is what the model worked out, word by word."""

from itertools import pairwise
from math import inf, log

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from regard.config import TextOptions
from regard.engine.onnx.engine import OnnxEngine
from regard.errors import RegardError
from regard.explain.explanation import (
    ScoreChange,
    advice,
    as_json,
    bias_matrix,
    explain,
    explain_given,
    load_to_explain,
    read_source,
    tokenize_source,
    tokenize_target,
)
from regard.explain.what_if import Intervention, set_weight, what_if
from regard.lesson.corpus import EXAMPLE
from regard.loading import load
from regard.model.scores import join_heads
from regard.text.segments import with_end
from regard.text.spans import Span
from regard.text.vocabulary import Token
from test_onnx import SOURCES, TARGETS, engines, every_network, some_network

TEXT = EXAMPLE.source
NO_PUSH = np.zeros((1, 1), np.float32)


@pytest.fixture(scope="module")
def translator(model):
    return load(model, engine="onnx", workers=1)


@pytest.fixture(scope="module")
def plain(translator):
    """The translator whose model reads just what the user wrote."""
    names = TextOptions.__struct_fields__
    return translator.with_text_options(TextOptions(**dict.fromkeys(names, False)))


def read_both(translator, source, target):
    """The words of a source and of a translation with these tokens."""
    sentence = read_source(translator, source)
    ids = translator.target.encode([target])[0]
    return (
        tokenize_source(translator.source, sentence),
        tokenize_target(translator, sentence, ids, is_ended=True),
    )


# The trace


@every_network
def test_both_engines_tell_the_same(made):
    found = engines(made)
    bias = np.zeros((len(TARGETS[0]) + 1, len(SOURCES[0]) + 1), np.float32)
    bias[1, 2], bias[2, -1] = 1.5, -0.5
    for added in (NO_PUSH, bias):
        one = found.torch.trace(SOURCES[0], TARGETS[0], added)
        other = found.onnx.trace(SOURCES[0], TARGETS[0], added)
        assert np.allclose(one.states, other.states, atol=1e-5)
        assert np.allclose(one.log_probs[:, 2:], other.log_probs[:, 2:], atol=1e-5)
        assert np.isneginf(one.log_probs[:, :2]).all()
        for values, as_told in zip(one.values, other.values, strict=True):
            assert np.allclose(values, as_told, atol=1e-5)
        for layers in ("layers", "encoder_attentions", "decoder_attentions"):
            for layer, same in zip(getattr(one, layers), getattr(other, layers), strict=True):
                for part, as_told in zip(layer, same, strict=True):
                    assert part.shape == as_told.shape
                    assert np.allclose(part, as_told, atol=1e-5)


@some_network
def test_a_trace_is_what_the_network_works_out(made):
    engine = engines(made).torch
    source, before = torch.tensor([[*SOURCES[0], 2]]), torch.tensor([[1, *TARGETS[0]]])
    step = engine.network(source, before)
    trace = engine.trace(SOURCES[0], TARGETS[0], NO_PUSH)
    for look, told in zip(step.attentions, trace.layers, strict=True):
        assert np.allclose(look.hidden[0].detach(), told.hidden, atol=1e-6)
        assert np.allclose(look.scores[0].detach(), told.scores, atol=1e-6)
        assert np.allclose(look.weights[0].detach(), told.weights, atol=1e-6)
        assert np.allclose(join_heads(look.context)[0].detach(), told.context, atol=1e-6)
        assert np.allclose(look.output[0].detach(), told.output, atol=1e-6)
    assert np.allclose(step.logits[0, :, 2:].detach().softmax(-1), np.exp(trace.log_probs[:, 2:]))


@every_network
def test_weights_are_the_soft_max_of_scores_and_contexts_what_they_add_up_to(made):
    trace = engines(made).onnx.trace(SOURCES[3], TARGETS[3], NO_PUSH)
    heads = made.heads
    added_up = trace.values or [trace.states] * len(trace.layers)
    for layer, values in zip(trace.layers, added_up, strict=True):
        slices = np.split(values, heads, axis=1)
        powers = np.exp(layer.scores - layer.scores.max(axis=-1, keepdims=True))
        assert np.allclose(layer.weights, powers / powers.sum(axis=-1, keepdims=True), atol=1e-6)
        parts = [weights @ part for weights, part in zip(layer.weights, slices, strict=True)]
        assert np.allclose(layer.context, np.concatenate(parts, axis=1), atol=1e-5)


@some_network
def test_a_trace_and_a_forced_reading_agree(made):
    for engine in engines(made):
        forced = engine.force([SOURCES[0]], [TARGETS[0]])[0]
        trace = engine.trace(SOURCES[0], TARGETS[0], NO_PUSH)
        written = trace.log_probs[np.arange(len(TARGETS[0]) + 1), [*TARGETS[0], 2]]
        assert np.allclose(forced.log_probs, written, atol=1e-5)
        assert np.allclose(forced.token_weights(), trace.layers[-1].weights.mean(0), atol=1e-5)


# Words


def test_the_words_of_a_text_hold_each_token_once(plain):
    for text in (TEXT, "L'homme n'a que 3,5 €…", "...", "  日本 語!", "<script>alert(1)</script>"):
        explained = explain(plain, text, "tiny")
        for told in (explained.source, explained.target):
            places = [place for word in told.words for place in word.tokens]
            assert places == list(range(len(told.tokens)))
            assert len(told.ids) == len(told.tokens)


def test_a_token_that_holds_several_words_makes_them_one():
    told = with_end("Wait...", [Token(5, "▁Wait", Span(0, 4)), Token(6, "...", Span(4, 7))])
    assert [(word.text, word.tokens) for word in told.words] == [
        ("Wait", [0]),
        ("...", [1]),
        ("</s>", [2]),
    ]


def test_a_lone_space_belongs_to_the_word_behind_it():
    pieces = ["▁2", "▁", "1", "▁", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>"]
    spans = [Span(*ends) for ends in [(0, 1), (1, 2), (2, 3), (3, 4), *[(4, 4)] * 3, (4, 5)]]
    told = with_end("2 1 😀", list(map(Token, range(10, 18), pieces, spans)))
    assert [(word.text, word.tokens) for word in told.words] == [
        ("2", [0]),
        ("1", [1, 2]),
        ("😀", [3, 4, 5, 6, 7]),
        ("</s>", [8]),
    ]


@pytest.mark.parametrize(
    "line", ["Marks & Spencer: 2 1 5 €.", "मैं हिन्दी में", "l'été 5 € !", "سلام عليكم 😀 👍🏽"]
)
def test_a_word_begins_with_the_token_of_the_space_before_it(plain, line):
    for told in read_both(plain, line, line):
        for word, before in zip(told.words[1:-1], told.words, strict=False):
            is_spaced = f"{before.text} {word.text}" in line
            assert told.tokens[word.tokens[0]].startswith("▁") == is_spaced


@given(st.text(min_size=1, max_size=30), st.data())
def test_words_are_cut_from_the_text_in_order_and_leave_out_only_white_space(text, data):
    cuts = sorted(data.draw(st.sets(st.integers(1, len(text)))) | {0, len(text)})
    spans = [Span(*ends) for ends in pairwise(cuts)]
    told = with_end(text, [Token(10, "?", span) for span in spans])
    behind = 0
    for word in told.words[:-1]:
        at = text.index(word.text, behind)
        assert not text[behind:at].strip()
        behind = at + len(word.text)
    assert not text[behind:].strip()


def test_letters_written_byte_by_byte_are_in_one_word(plain):
    _, told = read_both(plain, "A black 猫.", "Un 猫 noir.")
    assert [word.text for word in told.words] == ["Un", "猫", "noir", ".", "</s>"]
    assert [place for word in told.words for place in word.tokens] == list(range(len(told.ids)))


@pytest.mark.parametrize("line", ["Je 😀 à la mer.", "中文。 à", "5€ Zoë 😀 it", "x“y” ..."])
def test_each_byte_of_a_letter_goes_to_the_word_of_the_letter(plain, line):
    both = read_both(plain, line, line)
    for read, known in zip(both, (plain.source, plain.target), strict=True):
        for word in read.words[:-1]:
            written = known.decode([read.ids[place] for place in word.tokens])
            assert written.strip() == word.text


@given(st.text(min_size=1, max_size=30))
def test_any_text_has_words_that_hold_its_tokens(text):
    spans = [Span(place, place + 1) for place in range(len(text))]
    told = with_end(text, [Token(10, "?", span) for span in spans])
    assert [place for word in told.words for place in word.tokens] == list(range(len(text) + 1))


def test_the_weights_of_words_still_sum_to_one(translator):
    explained = explain(translator, TEXT, "tiny")
    assert explained.word_weights.shape == (
        len(explained.target.words),
        len(explained.source.words),
    )
    assert np.allclose(explained.word_weights.sum(axis=1), 1.0, atol=1e-5)


# Explanations


def test_what_is_explained_is_the_beams_own_translation(translator, model):
    wide = translator.with_options(structs.replace(translator.options, beam=4))
    best = wide.translate_sentences([TEXT])[0]
    explained = explain(wide, TEXT, "tiny")
    assert explained.target.text == best.text
    [sentence] = best.sentences
    [forced] = wide.engine.force([sentence.source_ids], [sentence.ids])
    expected = forced.log_probs[: len(explained.probabilities)].sum()
    assert explained.log_prob == pytest.approx(float(expected), abs=1e-4)
    assert np.allclose(
        explained.weights[: len(best.weights)], best.weights[: len(explained.probabilities)]
    )
    torch_made = explain(load(model).with_options(wide.options), TEXT, "tiny")
    assert torch_made.target == explained.target
    assert np.allclose(torch_made.weights, explained.weights, atol=1e-5)


def test_the_likeliest_next_tokens_are_told_likeliest_first(translator):
    explained = explain(translator, TEXT, "tiny")
    for step, log_probs in zip(explained.next, explained.trace.log_probs, strict=True):
        probs = [one.probability for one in step]
        assert probs == sorted(probs, reverse=True)
        assert np.allclose(probs, np.sort(np.exp(log_probs))[::-1][: len(probs)])


def test_a_given_translation_is_explained_as_it_stands(translator):
    explained = explain_given(translator, TEXT, EXAMPLE.target, "tiny")
    assert explained.target.text == EXAMPLE.target
    assert explained.target.words[-1].text == "</s>"
    forced = translator.force([TEXT], [EXAMPLE.target])[0]
    assert explained.log_prob == pytest.approx(float(forced.log_probs.sum()), abs=1e-4)


def test_json_holds_the_numbers_to_six_places(translator):
    explained = explain(translator, TEXT, "tiny")
    told = as_json(explained)
    assert np.allclose(told["states"], explained.trace.states, atol=1e-6)
    for layer, numbers in zip(explained.trace.layers, told["layers"], strict=True):
        assert np.allclose(numbers["scores"], layer.scores, atol=1e-6)
        assert np.allclose(numbers["context"], layer.context, atol=1e-6)
    assert told["source"]["words"][0] == {"text": "The", "tokens": [0]}
    assert told["next"][0][0].keys() == {"id", "token", "probability"}


def test_a_text_with_nothing_in_it_is_refused(translator):
    with pytest.raises(RegardError, match="nothing to translate"):
        explain(translator, "   ", "tiny")


# Advice


def heavy_on(translator, place, text=TEXT):
    """An explanation whose whole weight sits on one source token."""
    explained = explain(translator, text, "tiny")
    weights = np.zeros_like(explained.weights)
    weights[:, place] = 1.0
    return explained._replace(weights=weights)


def test_weight_on_the_end_or_a_full_stop_is_explained_and_on_words_is_not(translator):
    assert "100% of the weight" in advice(heavy_on(translator, -1))
    assert "100% of the weight" in advice(heavy_on(translator, -2))
    assert advice(heavy_on(translator, 1)) == ""


@pytest.mark.parametrize("sign", ["👍", "😀", "\ufffd", "€", "²", "猫"])
def test_weight_on_what_is_no_letter_and_no_punctuation_is_on_a_word(translator, sign):
    text = f"Yes {sign} thanks … « friend » !"
    words = explain(translator, text, "tiny").source.words
    places = {word.text: word.tokens[-1] for word in words}
    assert advice(heavy_on(translator, places[sign], text)) == ""
    for mark in ("…", "«", "!", "</s>"):
        assert "100% of the weight" in advice(heavy_on(translator, places[mark], text))


# What if


def test_nothing_changed_is_the_greedy_translation(translator):
    greedy = translator.with_options(structs.replace(translator.options, beam=1))
    best = greedy.translate_sentences([TEXT])[0]
    asked = what_if(translator, Intervention(TEXT), "tiny")
    assert asked.target.text == best.text and asked.finish_reason == best.finish_reason


@pytest.fixture(scope="module")
def begun(translator):
    """A question with some words given: a model that has learned for seconds repeats itself."""
    return Intervention(TEXT, tuple(translator.target.encode(["Le chat noir a"])[0]), steps=3)


def test_another_word_is_gone_on_from(translator, begun):
    first = what_if(translator, begun, "tiny")
    chosen = (*begun.prefix, first.next[len(begun.prefix)][3].id)
    asked = what_if(translator, begun._replace(prefix=chosen), "tiny")
    assert tuple(asked.target.ids[: len(chosen)]) == chosen and asked.prefix_length == len(chosen)
    assert asked.next[: len(chosen) - 1] == first.next[: len(chosen) - 1]


def test_a_beginning_that_ends_is_the_whole_translation(translator, begun):
    first = what_if(translator, begun, "tiny")
    cut = what_if(translator, Intervention(TEXT, (*first.target.ids[:2], 2)), "tiny")
    assert cut.target.ids == [*first.target.ids[:2], 2] and cut.finish_reason == "eos"


def test_a_forbidden_word_is_never_looked_at(translator):
    asked = what_if(
        translator, Intervention(TEXT, score_changes=(ScoreChange(-1, 1, -inf),)), "tiny"
    )
    assert (asked.weights[:, 1] == 0).all()
    assert as_json(asked)["score_changes"] == [[-1, 1, None]]


def test_a_push_at_one_step_is_the_score_bias_of_that_step(translator, begun, model):
    push = (ScoreChange(2, 3, 2.5),)
    asked = what_if(translator, begun._replace(score_changes=push), "tiny")
    engine = load(model).engine
    source, target = asked.source.ids[:-1], asked.target.ids
    bias = np.zeros((len(target) + 1, len(source) + 1), np.float32)
    bias[2, 3] = 2.5
    trace = engine.trace(source, target, bias)
    assert np.allclose(trace.layers[-1].weights.mean(0)[: len(target)], asked.weights, atol=1e-5)
    likeliest = np.exp(trace.log_probs).max(axis=1)[: len(target)]
    assert np.allclose(likeliest, [step[0].probability for step in asked.next], atol=1e-5)
    untouched = what_if(translator, begun, "tiny")
    assert asked.target.ids[:2] == untouched.target.ids[:2]


@pytest.mark.parametrize("wanted", [0.02, 0.5, 0.95])
@pytest.mark.parametrize("step", [0, 2, -1])
def test_a_dragged_weight_comes_to_rest_where_it_was_dragged(translator, begun, step, wanted):
    step = step if step >= 0 else len(begun.prefix)
    asked = set_weight(translator, begun, "tiny", step, 1, wanted)
    assert asked.weights[step, 1] == pytest.approx(wanted, abs=0.006)
    assert asked.score_changes[-1][:2] == (step, 1)


def test_a_weight_can_be_dragged_where_a_word_was_given(translator, begun):
    asked = set_weight(translator, begun, "tiny", 1, 2, 0.7)
    assert asked.weights[1, 2] == pytest.approx(0.7, abs=0.006)
    assert tuple(asked.target.ids[: len(begun.prefix)]) == begun.prefix


def test_dragging_again_replaces_the_push_before(translator, begun):
    first = set_weight(translator, begun, "tiny", 1, 1, 0.9)
    second = set_weight(
        translator, begun._replace(score_changes=first.score_changes), "tiny", 1, 1, 0.3
    )
    assert len(second.score_changes) == 1
    assert second.weights[1, 1] == pytest.approx(0.3, abs=0.006)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (Intervention(TEXT, (10**6,)), "cannot begin"),
        (Intervention(TEXT, (2, 9)), "cannot begin"),
        (Intervention(TEXT, (-1,)), "cannot begin"),
        (Intervention(TEXT, score_changes=(ScoreChange(0, 99, 1.0),)), "invalid change"),
        (Intervention(TEXT, score_changes=(ScoreChange(0, 1, inf),)), "invalid change"),
        (Intervention(TEXT, score_changes=(ScoreChange(0, 1, float("nan")),)), "invalid change"),
        (Intervention(TEXT, score_changes=(ScoreChange(-5, 1, 1.0),)), "invalid change"),
    ],
)
def test_a_change_that_cannot_be_is_refused(translator, question, message):
    with pytest.raises(RegardError, match=message):
        what_if(translator, question, "tiny")


def test_at_least_one_source_word_must_be_left(translator, begun):
    tokens = len(explain(translator, TEXT, "tiny").source.ids)
    everywhere = tuple(ScoreChange(-1, place, -inf) for place in range(tokens))
    here = (*(ScoreChange(-1, place, -inf) for place in range(1, tokens)), ScoreChange(3, 0, -inf))
    for push in (everywhere, here):
        with pytest.raises(RegardError, match="every source token is forbidden"):
            what_if(translator, begun._replace(score_changes=push), "tiny")


def test_a_forbidden_word_cannot_be_dragged(translator):
    with pytest.raises(RegardError, match="no change of this score"):
        set_weight(
            translator,
            Intervention(TEXT, score_changes=(ScoreChange(-1, 1, -inf),)),
            "tiny",
            1,
            1,
            0.5,
        )


def test_pushes_add_up_and_far_steps_cost_nothing():
    added = bias_matrix(
        [ScoreChange(-1, 0, 1.0), ScoreChange(1, 0, log(2)), ScoreChange(10**9, 0, 1.0)], 2, 3
    )
    assert np.allclose(added, [[1, 0, 0], [1 + log(2), 0, 0]])


def test_a_network_that_onnx_runtime_does_not_run_is_explained_by_pytorch(model, monkeypatch):
    assert type(load_to_explain(model).engine).__name__ == "OnnxEngine"
    monkeypatch.setattr(OnnxEngine, "supports", staticmethod(lambda options: False))
    translator = load_to_explain(model)
    assert type(translator.engine).__name__ == "TorchEngine"
    assert explain(translator, TEXT, "tiny").target.text
    with pytest.raises(RegardError, match="ONNX Runtime does not run"):
        load(model, engine="onnx")
