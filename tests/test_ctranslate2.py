"""The laws of the export to CTranslate2: it computes what we compute, from our weights."""

from math import isclose

import ctranslate2
import numpy as np
import pytest
import torch
from msgspec import structs
from torch import nn

from regard.engine.onnx.engine import load_onnx_engine
from regard.engine.torch import build_network, weights_of
from regard.errors import RegardError
from regard.export.ctranslate2 import export_ctranslate2
from regard.storage.model_file import read_model_folder

SENTENCES = ["The black cat ate the mouse.", "A dog.", "The red house is near the old bridge."]
TRANSFORMER = {
    "layer_type": "self-attention",
    "embedding_size": 32,
    "encoder_size": 32,
    "decoder_size": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "heads": 4,
    "encoder_feed_forward_size": 64,
    "decoder_feed_forward_size": 48,
}


def random_model(folder, tie="target", **options):
    """The trained model of the tests, with another network of random weights."""
    opened = read_model_folder(folder)
    config = opened.info.config
    options = structs.replace(config.model, **{**TRANSFORMER, "tie": tie, **options})
    torch.manual_seed(1)
    network = build_network(options, len(opened.info.source), len(opened.info.target))
    for name, weight in network.named_parameters():
        if "norm" not in name:
            nn.init.normal_(weight, std=0.3)
    info = opened.info._replace(config=structs.replace(config, model=options))
    return opened._replace(info=info, tensors=weights_of(network))


@pytest.fixture(scope="module", params=["none", "target", "all"])
def pair(request, model, tmp_path_factory):
    """Our engine, CTranslate2's translator, and the vocabularies."""
    ours, out = random_model(model, request.param), tmp_path_factory.mktemp("ctranslate2")
    export_ctranslate2(ours, out, is_int8=False)
    translator = ctranslate2.Translator(str(out), compute_type="float32", intra_threads=1)
    return load_onnx_engine(ours, "here", 1), translator, ours.info, out


def test_both_engines_give_a_translation_the_same_probability(pair):
    engine, translator, info, _ = pair
    sources = info.source.encode(SENTENCES)
    targets = info.target.encode(["Le chat noir.", "Un chien mange la souris.", ""])
    scored = translator.score_batch(
        [info.source.pieces(ids) for ids in sources], [info.target.pieces(ids) for ids in targets]
    )
    for ours, theirs in zip(engine.force(sources, targets), scored, strict=True):
        assert np.allclose(ours.log_probs, theirs.log_probs, atol=1e-4)


@pytest.mark.parametrize("size", [1, 3])
def test_both_engines_find_the_same_translations(pair, size):
    engine, translator, info, _ = pair
    sources, limit = info.source.encode(SENTENCES), 6
    limits, endless, none = [limit] * len(sources), [10**6] * len(sources), [()] * len(sources)
    found = engine.beam(sources, limits, endless, none, size)
    if size == 1:
        found = [[one] for one in engine.greedy(sources, limits, endless, none)]
    results = translator.translate_batch(
        [info.source.pieces(ids) for ids in sources],
        beam_size=size, max_decoding_length=limit, length_penalty=1.0, return_scores=True,
    )  # fmt: skip
    for ours, theirs in zip(found, results, strict=True):
        best = max(ours, key=lambda one: one.log_prob / (len(one.tokens) + 1))
        if size == 1 or best.finish_reason == "eos":
            assert info.target.pieces(best.tokens) == theirs.hypotheses[0]


def test_the_vocabularies_are_written_beside_the_weights(pair):
    _, _, info, out = pair
    assert (out / "source.spm").read_bytes() == info.source.proto
    assert (out / "target.spm").read_bytes() == info.target.proto


def test_int8_is_smaller_and_near(model, tmp_path):
    ours = random_model(model)
    for name, is_int8 in (("fp32", False), ("int8", True)):
        (tmp_path / name).mkdir()
        export_ctranslate2(ours, tmp_path / name, is_int8)
    sizes = [(tmp_path / name / "model.bin").stat().st_size for name in ("fp32", "int8")]
    assert sizes[1] < 0.65 * sizes[0]
    sources = [ours.info.source.pieces(ids) for ids in ours.info.source.encode(SENTENCES)]
    targets = [ours.info.target.pieces(ids) for ids in ours.info.target.encode(["Le chat."] * 3)]
    scores = [
        ctranslate2.Translator(str(tmp_path / name)).score_batch(sources, targets)
        for name in ("fp32", "int8")
    ]
    for exact, near in zip(*scores, strict=True):
        assert all(
            isclose(one, other, abs_tol=1.0)
            for one, other in zip(exact.log_probs, near.log_probs, strict=True)
        )


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"decoder_layer_type": "lstm"}, "decoder_layer_type"),
        ({"encoder_layer_type": "gru"}, "encoder_layer_type"),
        ({"encoder": "unidirectional"}, "model.encoder = unidirectional"),
        ({"attention": "additive"}, "model.attention"),
        ({"heads": 2}, "model.heads"),
        ({"decoder_feed_forward_size": 0}, "feed-forward"),
    ],
)
def test_a_network_that_ctranslate2_lacks_is_refused(model, tmp_path, options, reason):
    with pytest.raises(RegardError, match=reason):
        export_ctranslate2(random_model(model, **options), tmp_path, is_int8=False)
