"""The laws of the CPU engine: it answers as the PyTorch engine does, from the same weights."""

from copy import copy
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
import pytest
import torch
from onnx.checker import check_model

from regard.config import ModelOptions
from regard.engine.onnx import network as onnx_network
from regard.engine.onnx.batch import index_in_block
from regard.engine.onnx.builders import BUILDERS, GraphKind
from regard.engine.onnx.builders import build as build_graph
from regard.engine.onnx.candidates import MAX_TOP_K, block_width, full_vocabulary
from regard.engine.onnx.engine import OnnxEngine
from regard.engine.onnx.graph import Graph
from regard.engine.onnx.network import Network
from regard.engine.onnx.products import Calibrating, Int8, scale_and_zero_point
from regard.engine.onnx.session import Session, Sessions, int8_saturates
from regard.engine.quantize import SCALE, quantize
from regard.engine.torch import TorchEngine, build_network, weights_of
from regard.engine.weight_shapes import match_shapes, weight_shapes
from regard.export.calibration import calibrate, clip_ranges, log_probs
from regard.model.attention import SCORES
from regard.model.encoder import ENCODERS
from regard.model.recurrence import LAYERS
from regard.search.beam import Hooks, Task, argmax, beam, generate, greedy
from regard.search.protocols import NO_LOGIT_BIAS, Hypothesis, LogitBias
from regard.search.sampling import Sampling, sample

TOKENS = 20
SOURCES = [[4, 5, 6, 7, 8], [9, 10], [11], [12, 13, 14, 5, 6, 7, 8, 9]]
TARGETS = [[4, 5], [6, 7, 8], [], [9, 9, 9, 9]]
TIES = ("none", "target", "all")


class Made(NamedTuple):
    """How a network is made."""

    attention: str
    recurrence: str
    encoder: str
    layers: int
    heads: int
    tie: str


every_network = pytest.mark.parametrize(
    "made",
    [
        Made(
            attention,
            recurrence,
            encoder,
            1 + (i + j + k) % 2,
            1 + (i // 2 + j + k) % 2,
            TIES[(i + j) % 3],
        )
        for (i, attention), (j, recurrence), (k, encoder) in product(
            enumerate(SCORES), enumerate(LAYERS), enumerate(ENCODERS)
        )
    ],
    ids=lambda made: "-".join(map(str, made)),
)
"""Each score with each recurrence and each encoder; layers, heads and ties take turns."""


def options_of(made: Made) -> ModelOptions:
    return ModelOptions(
        attention=made.attention,
        layer_type=made.recurrence,
        encoder=made.encoder,
        encoder_layers=made.layers,
        decoder_layers=made.layers,
        heads=made.heads,
        tie=made.tie,
        embedding_size=6,
        encoder_size=8,
        decoder_size=8 if made.attention == "dot" else 12,
    )


class Engines(NamedTuple):
    torch: TorchEngine
    onnx: OnnxEngine
    int8: OnnxEngine


@cache
def engines(made: Made, tokens: int = TOKENS) -> Engines:
    """One network with large random weights, in three engines."""
    options = options_of(made)
    torch.manual_seed(0)
    network = build_network(options, tokens, tokens).eval()
    for weight in network.parameters():
        torch.nn.init.uniform_(weight, -0.7, 0.7)
    weights = weights_of(network)
    ranges = calibrate(options, weights, list(zip(SOURCES, TARGETS, strict=True)))
    return Engines(
        TorchEngine(network),
        OnnxEngine(options, weights, {}),
        OnnxEngine(options, quantize(weights), ranges),
    )


SOME = Made("scaled", "lstm", "bidirectional", 2, 2, "all")
OTHER = Made("additive", "gru", "bidirectional", 1, 1, "none")
some_network = pytest.mark.parametrize("made", [SOME, OTHER], ids=["scaled", "additive"])


def assert_alike(some: list[Hypothesis], others: list[Hypothesis]) -> None:
    assert [one.tokens for one in some] == [one.tokens for one in others]
    assert [one.finish_reason for one in some] == [one.finish_reason for one in others]
    log_probs = [one.log_prob for one in some]
    assert np.allclose(log_probs, [one.log_prob for one in others], atol=1e-4)


@every_network
def test_both_engines_read_a_translation_alike(made):
    found = engines(made)
    for one, other in zip(
        found.torch.force(SOURCES, TARGETS), found.onnx.force(SOURCES, TARGETS), strict=True
    ):
        assert np.allclose(one.log_probs, other.log_probs, atol=1e-5)
        assert np.allclose(one.weights, other.weights, atol=1e-5)


@every_network
def test_both_engines_find_the_same_translations(made):
    found = engines(made)
    task = Task(SOURCES, [12] * len(SOURCES))
    assert_alike(greedy(found.torch, task), greedy(found.onnx, task))
    for some, others in zip(
        beam(found.torch, task, 3, 1.0), beam(found.onnx, task, 3, 1.0), strict=True
    ):
        assert_alike(some, others)


@every_network
def test_the_loop_inside_the_graph_writes_what_the_loop_outside_writes(made):
    engine = engines(made).onnx
    for source in [*SOURCES, [4, 5] * 40]:
        for limit in (1, 3, 60):
            task = Task([source], [limit])
            assert_alike(greedy(engine, task), generate(engine, task, 1, argmax))
    sources = [*SOURCES, [4, 5] * 40]
    for limits in ([1] * len(sources), [40, 9, 8, 7, 20, 60][: len(sources)]):
        task = Task(sources, limits)
        assert_alike(greedy(engine, task), generate(engine, task, 1, argmax))


class Outside:
    """The same engine, but the loops are those of `search`."""

    def __init__(self, engine: OnnxEngine) -> None:
        self.tokens, self.encode, self.force = engine.tokens, engine.encode, engine.force
        self.batch_size = engine.batch_size


@every_network
@pytest.mark.parametrize("size", [1, 2, 5, 15])
def test_the_beam_inside_the_graph_finds_what_the_beam_outside_finds(made, size):
    engine = engines(made).onnx
    for source in [*SOURCES, [4, 5] * 20]:
        for limit in (1, 3, 40):
            task = Task([source], [limit])
            inside, outside = (beam(one, task, size, 0.8)[0] for one in (engine, Outside(engine)))
            assert_alike(inside, outside)
    many = [*SOURCES, [4, 5] * 20] * 5  # so many that some go on when others have ended
    for limits in ([1] * len(many), [1, 3, 40, 7] + [40] * (len(many) - 4)):
        task = Task(many, limits)
        both = (beam(one, task, size, 0.8) for one in (engine, Outside(engine)))
        for inside, outside in zip(*both, strict=True):
            assert_alike(inside, outside)


def test_looking_up_what_is_read_of_a_token_changes_nothing(monkeypatch):
    made = Made("scaled", "ssru", "bidirectional", 1, 2, "target")
    for looked_up in engines(made)[1:]:
        assert looked_up.sessions.network.has_input_table
        monkeypatch.setattr(onnx_network, "LARGEST_TABLE", 0)
        worked_out = copy(looked_up)
        worked_out.sessions = Sessions(
            Network(looked_up.options, looked_up.sessions.network.arithmetic), 1
        )
        assert not worked_out.sessions.network.has_input_table
        monkeypatch.undo()
        task = Task(SOURCES, [12] * len(SOURCES))
        assert greedy(looked_up, task) == greedy(worked_out, task)
        assert beam(looked_up, task, 3, 1.0) == beam(worked_out, task, 3, 1.0)


@some_network
def test_both_engines_draw_the_same_samples(made):
    found = engines(made)
    task = Task(SOURCES, [12] * len(SOURCES))
    for sampling in (Sampling(), Sampling(0.7, 5, 0.9, 3)):
        assert_alike(sample(found.torch, task, sampling), sample(found.onnx, task, sampling))


@some_network
def test_both_engines_go_on_alike_from_a_given_beginning(made):
    found = engines(made)
    task = Task(SOURCES, [12] * len(SOURCES), (7, 8, 9))
    for some, others in zip(
        beam(found.torch, task, 4, 0.6), beam(found.onnx, task, 4, 0.6), strict=True
    ):
        assert_alike(some, others)


class Pull(Hooks):
    """Pulls looks to the first token of a sentence and away from the second."""

    def attention_bias(self, sentences, written):
        amounts = np.zeros((len(sentences), 9), np.float32)
        amounts[:, 0], amounts[:, 1] = 2.0, -np.inf
        amounts[sentences == 2] = 0.0  # it has one token and </s>
        return amounts

    def logit_bias(self, sentences, written):
        if written.shape[1] % 2:
            return NO_LOGIT_BIAS
        rows = np.arange(len(sentences))
        return LogitBias(rows, rows * 0 + 7, np.full(len(rows), 1.5, np.float32))


@some_network
def test_hooks_move_both_engines_alike(made):
    found = engines(made)
    task = Task(SOURCES, [12] * len(SOURCES), hooks=Pull())
    plain = Task(SOURCES, [12] * len(SOURCES))
    assert_alike(greedy(found.torch, task), greedy(found.onnx, task))
    assert greedy(found.onnx, task) != greedy(found.onnx, plain)
    for some, others in zip(
        beam(found.torch, task, 3, 1.0), beam(found.onnx, task, 3, 1.0), strict=True
    ):
        assert_alike(some, others)


@every_network
def test_in_int8_a_sentence_alone_is_translated_as_among_others(made):
    engine = engines(made).int8
    together = greedy(engine, Task(SOURCES, [12] * len(SOURCES)))
    assert_alike(together, [greedy(engine, Task([one], [12]))[0] for one in SOURCES])
    for one, found in zip(
        SOURCES, beam(engine, Task(SOURCES, [12] * len(SOURCES)), 3, 1.0), strict=True
    ):
        assert_alike(found, beam(engine, Task([one], [12]), 3, 1.0)[0])


@every_network
def test_int8_stays_near_fp32(made):
    found = engines(made)
    for one, other in zip(
        found.onnx.force(SOURCES, TARGETS), found.int8.force(SOURCES, TARGETS), strict=True
    ):
        assert np.abs(one.log_probs - other.log_probs).max() < 0.1


@every_network
def test_the_shapes_that_options_tell_are_those_of_the_network(made):
    options = options_of(made)
    weights = weights_of(
        build_network(options, TOKENS, TOKENS + 1 if made.tie != "all" else TOKENS)
    )
    targets = len(weights["decoder.output_layer.bias"])
    shapes = dict(weight_shapes(options, TOKENS, targets))
    assert {name: weight.shape for name, weight in weights.items()} == shapes
    assert match_shapes(weights, options, TOKENS, targets)
    assert match_shapes(quantize(weights), options, TOKENS, targets)
    assert not match_shapes(weights, options, TOKENS + 1, targets)
    assert not match_shapes(
        {**weights, "more": weights["decoder.output_layer.bias"]}, options, TOKENS, targets
    )
    for name in weights:
        assert not match_shapes({**weights, name: weights[name][1:]}, options, TOKENS, targets)
        less = {other: weight for other, weight in weights.items() if other != name}
        assert not match_shapes(less, options, TOKENS, targets)


def test_a_number_far_out_does_not_make_int8_coarse_for_all_others():
    """A hidden state that the network makes great in every sentence, where nothing hangs on it."""
    options = options_of(Made("scaled", "ssru", "bidirectional", 1, 1, "target"))
    torch.manual_seed(0)
    network = build_network(options, TOKENS, TOKENS).eval()
    for weight in network.parameters():
        torch.nn.init.uniform_(weight, -0.7, 0.7)
    weights = {name: weight.copy() for name, weight in weights_of(network).items()}
    weights["decoder.layers.0.recur.gate_and_candidate.bias"][options.decoder_size] = 300.0
    weights["decoder.layers.0.feed_forward.0.weight"][:, 0] = 0.0
    weights["decoder.layers.0.score.key.weight"][0] = 0.0
    pairs = list(zip(SOURCES, TARGETS, strict=True))
    observed = calibrate(options, weights, pairs)
    cut = clip_ranges(options, weights, observed, pairs)
    exact = log_probs(OnnxEngine(options, weights, {}), pairs)
    errors = [
        np.mean((log_probs(OnnxEngine(options, quantize(weights), ranges), pairs) - exact) ** 2)
        for ranges in (observed, cut)
    ]
    assert observed["decoder.layers.0.feed_forward.0"][1] > 100
    assert errors[1] < errors[0] / 10


@some_network
def test_a_range_is_only_cut_where_that_helps(made):
    options, weights = options_of(made), weights_of(engines(made).torch.network)
    pairs = list(zip(SOURCES, TARGETS, strict=True))
    observed = calibrate(options, weights, pairs)
    cut = clip_ranges(options, weights, observed, pairs)
    assert cut.keys() == observed.keys()
    for name, ends in cut.items():
        for end, whole in zip(ends, observed[name], strict=True):
            assert abs(end) <= abs(whole)
    exact = log_probs(OnnxEngine(options, weights, {}), pairs)
    errors = [
        np.mean((log_probs(OnnxEngine(options, quantize(weights), ranges), pairs) - exact) ** 2)
        for ranges in (observed, cut)
    ]
    assert errors[1] <= errors[0]


def int8_product(weight, scale, inputs, bias, are_unsigned: bool):
    """inputs @ (weight * scale).T + bias, of inputs in steps of 1/16 from -128/16 to 127/16."""
    g = Graph()
    given = g.input("inputs", "float32", "B", "N", inputs.shape[-1])
    scales = np.full(len(weight), scale, np.float32)
    tensors = {
        f"{name}.weight{end}": part
        for name, rows in (("a", slice(0, 15)), ("b", slice(15, None)))
        for end, part in (("", weight[rows]), (SCALE, scales[rows]))
    }
    arithmetic = Int8(tensors, {"both": (-128 / 16, 127 / 16)}, are_unsigned)
    product = arithmetic.product(given, "both", ["a.weight", "b.weight"], bias)
    g.output(product, "product", "B", "N", len(weight))
    return Session(g, 1).run({"inputs": inputs})["product"]


@pytest.mark.parametrize("are_unsigned", [False, True])
@pytest.mark.parametrize("size", [6, 16, 300])
def test_int8_products_are_those_worked_out_by_hand(size, are_unsigned):
    """Without VNNI two products of uint8 and int8 are added in 16 bits, which is exact for weights
    of at most 64: 2 * 255 * 64 <= 32767. Those of two unsigned bytes are always exact."""
    random, most = np.random.default_rng(size), 127 if are_unsigned else 64
    weight = random.integers(-most, most + 1, size=(40, size)).astype(np.int8)
    bias = random.normal(size=40).astype(np.float32)
    inputs = random.integers(-160, 140, size=(3, 2, size)).astype(np.float32) / 16
    result = int8_product(weight, 1 / 64, inputs, bias, are_unsigned)
    expected = np.clip(inputs, -128 / 16, 127 / 16) @ (weight / np.float32(64)).T + bias
    assert np.allclose(result, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [6, 64, 300])
def test_the_layout_that_the_engine_chooses_is_exact_for_all_weights(size):
    random = np.random.default_rng(size)
    weight = random.choice([-127, 127], size=(40, size)).astype(np.int8)
    weight[0], weight[1] = 127, -127
    inputs = random.choice([-128, 127], size=(1, 3, size)).astype(np.float32)
    inputs[0, 0], inputs[0, 1] = 127, -128
    none = np.zeros(40, np.float32)
    sums = int8_product(weight, 1.0, inputs / 16, none, int8_saturates()) * 16
    assert np.array_equal(np.rint(sums), inputs @ weight.T.astype(np.float32))


CHOOSING = ("step", "greedy", "beam")
KINDS = [
    GraphKind(name, single, has_shortlist, has_symbols)
    for name, single in BUILDERS
    for has_shortlist in ([False, True] if name in CHOOSING else [False])
    for has_symbols in (
        [False] if "draft" in name or name in ("encoder", "input_table") else [False, True]
    )
]


@every_network
def test_every_graph_is_valid_onnx(made):
    """All types and shapes that `onnx` can infer agree; it does not know ONNX Runtime's operator
    for int8 products."""
    exact, int8 = (one.sessions.network.arithmetic for one in engines(made)[1:])
    calibrating, is_unsigned = Calibrating(exact.tensors), made.heads == 2
    for arithmetic in (exact, Int8(int8.tensors, int8.ranges, is_unsigned), calibrating):
        network = Network(options_of(made), arithmetic)
        for kind in [GraphKind("forced")] if arithmetic is calibrating else KINDS:
            if "draft" not in kind.name or not network.deep:  # deep networks do not draft
                check_model(build_graph(kind, network).model(), full_check=True)


def test_the_steps_of_a_range_cover_it_and_zero():
    for least, greatest in [(-1.0, 1.0), (0.5, 3.0), (-4.0, -1.0), (0.0, 0.0)]:
        step, zero = scale_and_zero_point(least, greatest)
        assert 0 <= zero <= 255
        assert (0 - zero) * step <= min(least, 0.0) + step
        assert (255 - zero) * step >= max(greatest, 0.0) - step


@every_network
def test_every_product_has_its_range(made):
    options = options_of(made)
    weights = weights_of(build_network(options, TOKENS, TOKENS))
    ranges = calibrate(options, weights, [(SOURCES[0], TARGETS[0])])
    assert all(least <= greatest for least, greatest in ranges.values())
    without = dict(list(ranges.items())[1:])
    engine = OnnxEngine(options, quantize(weights), without)
    with pytest.raises(KeyError):  # so a file that lacks one must be refused before
        engine.force([[4]], [[5]])


def test_every_row_has_its_place_in_its_block():
    block = np.array([2, 0, 2, 2, 5, 0])
    assert index_in_block(block).tolist() == [0, 0, 1, 2, 0, 1]


@pytest.mark.parametrize("tokens", [16, 20, 420, 1009, 1031, 5000, 7919, 8000])
def test_blocks_of_logits_cover_the_vocabulary(tokens):
    width, columns = block_width(tokens), full_vocabulary(tokens, False).columns
    assert columns % width == 0 and columns // width >= MAX_TOP_K
    assert 0 <= columns - tokens < max(width, MAX_TOP_K)
    if tokens > 1008:
        assert width == 64


@pytest.mark.parametrize("made", [SOME, Made("dot", "ssru", "bidirectional", 1, 1, "target")])
def test_a_vocabulary_that_no_block_divides_is_translated_alike(made):
    """1,031 is prime: the output matrix is padded with tokens that nobody writes."""
    found = engines(made, 1031)
    assert block_width(1031) == 64
    task = Task(SOURCES, [12] * len(SOURCES))
    assert_alike(greedy(found.torch, task), greedy(found.onnx, task))
    exact = beam(found.torch, task, 15, 1.0)
    for some, others in zip(exact, beam(found.onnx, task, 15, 1.0), strict=True):
        assert_alike(some, others)
    for engine in (found.onnx, found.int8):
        alone = [greedy(engine, Task([one], [12]))[0] for one in SOURCES]
        assert_alike(greedy(engine, task), alone)
        assert_alike(alone, generate(engine, task, 1, argmax))
        beams = beam(engine, task, 15, 1.0)
        for one, several in zip(SOURCES, beams, strict=True):
            assert_alike(several, beam(engine, Task([one], [12]), 15, 1.0)[0])
            assert all(token < 1031 for each in several for token in each.tokens)
        traced = engine.trace(SOURCES[0], TARGETS[0], np.zeros((1, 1), np.float32))
        assert traced.log_probs.shape == (len(TARGETS[0]) + 1, 1031)
    wide = sample(found.onnx, task, Sampling(2.0))
    assert_alike(sample(found.torch, task, Sampling(2.0)), wide)
