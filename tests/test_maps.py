"""The laws of the maps that `regard explain` shows: each layer and head, and what 0 means."""

import numpy as np
import pytest
import torch
from msgspec import structs

from regard import api
from regard.engine.onnx.engine import load_onnx_engine
from regard.engine.torch import build_network, weights_of
from regard.errors import RegardError
from regard.explain.explanation import explain_given
from regard.explain.maps import MAPS, weight_map
from regard.loading import pipeline_of
from regard.storage.model_file import read_model_folder
from regard.translator import Translator

TEXT, TRANSLATION = "The black cat ate the mouse.", "Le chat noir a mangé la souris."
TRANSFORMER = {
    "layer_type": "self-attention", "embedding_size": 32, "encoder_size": 32, "decoder_size": 32,
    "encoder_layers": 3, "decoder_layers": 2, "heads": 2,
}  # fmt: skip


def explanation_by(folder, **options):
    """By a network of random weights, with the vocabulary of the trained model."""
    opened = read_model_folder(folder)
    config = opened.info.config
    options = structs.replace(config.model, **{**TRANSFORMER, **options})
    torch.manual_seed(1)
    network = build_network(options, len(opened.info.source), len(opened.info.target))
    info = opened.info._replace(config=structs.replace(config, model=options))
    engine = load_onnx_engine(opened._replace(info=info, tensors=weights_of(network)), "here", 1)
    translator = Translator(engine, pipeline_of(info), config.search)
    return explain_given(translator, TEXT, TRANSLATION, "transformer")


@pytest.fixture(scope="module")
def explained(model):
    return explanation_by(model)


def test_by_default_the_map_between_the_sentences_is_the_summary_of_the_explanation(explained):
    shown = weight_map(explained)
    assert np.allclose(shown.weights, explained.word_weights, atol=1e-6)
    assert shown.rows == [word.text for word in explained.target.words]
    assert shown.columns == [word.text for word in explained.source.words]
    tokens = weight_map(explained, subwords=True)
    assert np.array_equal(tokens.weights, explained.weights)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("subwords", [False, True])
def test_each_row_of_each_map_sums_to_one(explained, name, subwords):
    for layer in (0, 1, 2):
        for head in (0, 1):
            shown = weight_map(explained, name, layer, head, subwords)
            assert shown.weights.shape == (len(shown.rows), len(shown.columns))
            assert np.allclose(shown.weights.sum(axis=1), 1, atol=1e-4)


def test_layers_and_heads_are_counted_from_one_and_zero_is_the_summary(explained):
    last = explained.trace.encoder_attentions[-1].weights
    for layer in (0, 3):
        shown = weight_map(explained, "source", layer, 0, subwords=True)
        assert np.allclose(shown.weights, last.mean(axis=0))
        assert np.array_equal(weight_map(explained, "source", layer, 2, True).weights, last[1])
    first = explained.trace.encoder_attentions[0].weights
    assert np.array_equal(weight_map(explained, "source", 1, 1, True).weights, first[0])


def test_what_the_decoder_reads_is_one_token_behind_what_it_writes(explained):
    shown = weight_map(explained, "translation", subwords=True)
    assert shown.rows == ["<s>", *explained.target.tokens[:-1]] == shown.columns
    assert (np.triu(shown.weights, 1) == 0).all()
    words = weight_map(explained, "translation").rows
    assert words == ["<s>", *[word.text for word in explained.target.words[:-1]]]


@pytest.mark.parametrize(
    ("name", "layer", "head", "expected"),
    [
        ("between", 3, 0, "no layer 3: transformer has 2"),
        ("source", 4, 0, "no layer 4: transformer has 3"),
        ("translation", 1, 5, "no head 5: this layer has 4"),
    ],
)
def test_a_layer_or_a_head_that_is_not_there_is_told(explained, name, layer, head, expected):
    with pytest.raises(RegardError, match=expected):
        weight_map(explained, name, layer, head)


def test_a_recurrent_side_has_no_self_attention(model):
    both = explanation_by(model, decoder_layer_type="ssru", decoder_size=48)
    assert len(weight_map(both, "source").rows) == len(both.source.words)
    with pytest.raises(RegardError, match="in its decoder, whose layers are recurrent"):
        weight_map(both, "translation")
    recurrent = explain_given(api.load(model, engine="onnx"), TEXT, TRANSLATION, "rnn")
    with pytest.raises(RegardError, match="in its encoder, whose layers are recurrent"):
        weight_map(recurrent, "source")
