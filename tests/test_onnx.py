"""The laws of the CPU engine: it answers as the PyTorch engine does, from the same weights."""

from copy import copy
from functools import cache
from itertools import chain, product
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx.checker import check_model

from regard.config import ModelOptions
from regard.engine.onnx import recurrent_decoder
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
from regard.engine.sizes import sizes_of
from regard.engine.torch import TorchEngine, build_network, weights_of
from regard.engine.weight_shapes import match_shapes, weight_shapes
from regard.export.calibration import calibrate, clip_ranges, log_probs
from regard.model.alignment_head import AlignmentHead
from regard.model.decoder import DECODERS
from regard.model.encoder import DIRECTIONS
from regard.model.scores import SCORES
from regard.model.sizes import HeadSizes
from regard.search.beam import Hooks, Task, argmax, beam, generate, greedy
from regard.search.protocols import NO_LOGIT_BIAS, Hypothesis, LogitBias
from regard.search.sampling import Sampling, sample
from regard.special import END, FIXED_SCORES, PLACEHOLDER_IDS, Ids

TOKENS = 20
SOURCES = [[4, 5, 6, 7, 8], [9, 10], [11], [12, 13, 14, 5, 6, 7, 8, 9]]
TARGETS = [[4, 5], [6, 7, 8], [], [9, 9, 9, 9]]
TIES = ("none", "target", "all")


class Made(NamedTuple):
    """How a network is made."""

    attention: str
    layer_type: str
    """Of both sides, or of the encoder / the decoder."""
    encoder: str
    layers: int
    heads: int
    tie: str


LAYER_TYPES = [*DECODERS, "self-attention/ssru", "gru/self-attention"]

NETWORKS = [
    Made(
        attention,
        layer_type,
        (*DIRECTIONS,)[(i + j) % 2],
        1 + (i + j // 2) % 2,
        1 + (i // 2 + j) % 2,
        TIES[(i + j) % 3],
    )
    for (i, attention), (j, layer_type) in product(enumerate(SCORES), enumerate(LAYER_TYPES))
]
"""Each score with each type of layer; directions, layers, heads and ties take turns."""
VARIED = NETWORKS[::5]
"""A fifth of these, with every score, type of layer and direction: for laws that take long."""


def name_of(made):
    return "-".join(map(str, made))


every_network = pytest.mark.parametrize("made", NETWORKS, ids=name_of)
varied_networks = pytest.mark.parametrize("made", VARIED, ids=name_of)


def options_of(made: Made) -> ModelOptions:
    encoder_type, _, decoder_type = made.layer_type.partition("/")
    has_self_attention = "self-attention" in made.layer_type
    return ModelOptions(
        attention=made.attention,
        encoder_layer_type=encoder_type,
        decoder_layer_type=decoder_type or encoder_type,
        encoder=made.encoder,
        encoder_layers=made.layers,
        decoder_layers=made.layers,
        heads=made.heads,
        tie=made.tie,
        embedding_size=8 if has_self_attention else 6,
        encoder_size=8,
        decoder_size=8 if has_self_attention or made.attention == "dot" else 12,
        self_attention_heads=2,
        encoder_feed_forward_size=10 if has_self_attention or made.heads == 2 else 0,
        decoder_feed_forward_size=10 if has_self_attention or made.heads == 2 else 0,
    )


class Engines(NamedTuple):
    torch: TorchEngine
    onnx: OnnxEngine
    int8: OnnxEngine


@cache
def engines(made: Made, tokens: int = TOKENS, end_bias: float = 0.0) -> Engines:
    """One network with large random weights, in three engines; `end_bias` is added to the logits of
    </s>."""
    options = options_of(made)
    torch.manual_seed(0)
    network = build_network(options, tokens, tokens).eval()
    for weight in network.parameters():
        torch.nn.init.uniform_(weight, -0.7, 0.7)
    with torch.no_grad():
        network.decoder.output_layer.bias[END] += end_bias
    weights = weights_of(network)
    ranges = calibrate(options, weights, list(zip(SOURCES, TARGETS, strict=True)))
    return Engines(
        TorchEngine(network),
        OnnxEngine(options, weights, {}),
        OnnxEngine(options, quantize(weights), ranges),
    )


HEAD_SIZE = 8


def random_head(sizes, seed=0):
    """For a network of these sizes."""
    tokens = sizes.source_tokens, sizes.target_tokens
    own = HeadSizes(*tokens, 4, sizes.encoder_size, sizes.embedding_size, HEAD_SIZE)
    torch.manual_seed(seed)
    head = AlignmentHead(own).eval()
    for weight in head.parameters():
        torch.nn.init.uniform_(weight, -0.7, 0.7)
    return head


SOME = Made("scaled", "lstm", "bidirectional", 2, 2, "all")
OTHER = Made("additive", "gru", "bidirectional", 1, 1, "none")
TRANSFORMER = Made("scaled", "self-attention", "bidirectional", 2, 2, "target")
some_network = pytest.mark.parametrize(
    "made", [SOME, OTHER, TRANSFORMER], ids=["scaled", "additive", "transformer"]
)


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


@pytest.mark.parametrize(
    ("made", "size"),
    [(made, (1, 2, 5, 15)[number % 4]) for number, made in enumerate(NETWORKS)]
    + [(made, size) for made in VARIED for size in (1, 2, 5, 15)],
    ids=str,
)
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
        assert looked_up.sessions.network.decoder.has_input_table
        monkeypatch.setattr(recurrent_decoder, "LARGEST_TABLE", 0)
        worked_out = copy(looked_up)
        worked_out.sessions = Sessions(
            Network(looked_up.sizes, looked_up.sessions.network.arithmetic), 1
        )
        assert not worked_out.sessions.network.decoder.has_input_table
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
    sizes = sizes_of(options, TOKENS, targets)
    assert {name: weight.shape for name, weight in weights.items()} == dict(weight_shapes(sizes))
    assert match_shapes(weights, sizes)
    assert match_shapes(quantize(weights), sizes)
    assert not match_shapes(weights, sizes._replace(source_tokens=TOKENS + 1))
    assert not match_shapes({**weights, "more": weights["decoder.output_layer.bias"]}, sizes)
    for name in weights:
        assert not match_shapes({**weights, name: weights[name][1:]}, sizes)
        less = {other: weight for other, weight in weights.items() if other != name}
        assert not match_shapes(less, sizes)


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
def test_a_range_is_only_cut_where_that_helps(made, monkeypatch):
    monkeypatch.setattr("regard.export.calibration.MAX_CLIPS", 3)  # each takes a new session
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
        [False]
        if "draft" in name or name in ("encoder", "input_table", "alignment")
        else [False, True]
    )
]


@every_network
def test_every_graph_is_valid_onnx(made):
    """All types and shapes that `onnx` can infer agree; it does not know ONNX Runtime's operator
    for int8 products."""
    exact, int8 = (one.sessions.network.arithmetic for one in engines(made)[1:])
    calibrating, is_unsigned = Calibrating(exact.tensors), made.heads == 2
    quantized = Int8(int8.tensors, int8.ranges, is_unsigned)
    for arithmetic in (exact, quantized, calibrating) if made in VARIED else (exact,):
        sizes = engines(made).onnx.sizes
        network = Network(sizes, arithmetic, weights_of(random_head(sizes)))
        for kind in [GraphKind("forced")] if arithmetic is calibrating else KINDS:
            can_draw = {
                "draft": network.decoder.can_draft,
                "continued_draft": network.decoder.can_draft,
                "input_table": network.decoder.has_input_table,
            }
            if can_draw.get(kind.name, True) and (made in VARIED or not kind.symbols):
                check_model(build_graph(kind, network).model(), full_check=True)


def test_the_varied_networks_have_every_choice():
    for choices, field in ((SCORES, 0), (LAYER_TYPES, 1), (DIRECTIONS, 2)):
        assert {made[field] for made in VARIED} == set(choices)


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


# Placeholder symbols and coverage

MANY_TOKENS = 100
"""As many as hold all placeholder symbols."""
SYMBOL_TASK = Task(
    [[4, 36, 6, 7, 8], [9, 10], [37, 40], [12, 83, 14, 36, 6, 50, 8, 9], [11]],
    [3, 12, 20, 20, 15],
    required=[[36], [], [37, 40], [83, 36, 50], []],
)


def symbol_engines(made: Made) -> Engines:
    return engines(made, MANY_TOKENS, 3.0)


def search_all(engine, task: Task) -> list[list[Hypothesis]]:
    """What every search finds for each sentence."""
    found = zip(
        greedy(engine, task),
        beam(engine, task, 3, 1.0),
        sample(engine, task, Sampling(2.0)),
        strict=True,
    )
    return [[one, *several, drawn] for one, several, drawn in found]


def symbols_in(tokens: Ids) -> list[int]:
    return sorted(token for token in tokens if token in PLACEHOLDER_IDS)


@some_network
@pytest.mark.parametrize("prefix", [(), (7, 8)])
@pytest.mark.parametrize("has_hooks", [False, True])
def test_every_required_symbol_is_written_exactly_once_and_no_other(made, prefix, has_hooks):
    task = SYMBOL_TASK._replace(prefix=prefix)
    reasons = set()
    for engine in (*symbol_engines(made), Outside(symbol_engines(made).onnx)):
        hooked = task._replace(hooks=Pull()) if has_hooks else task
        for required, hypotheses in zip(task.required, search_all(engine, hooked), strict=True):
            assert hypotheses
            for one in hypotheses:
                assert symbols_in(one.tokens) == sorted(required)
                assert one.tokens[: len(prefix)] == list(prefix)
                reasons.add(one.finish_reason)
    assert reasons >= {"eos", "length"}


def test_a_symbol_that_a_prefix_holds_is_written():
    task = SYMBOL_TASK._replace(required=[[36, 45]] * 5, prefix=(36, 9))
    for engine in symbol_engines(SOME):
        for one in chain(*search_all(engine, task)):
            assert one.tokens[:2] == [36, 9]
            assert symbols_in(one.tokens) == [36, 45]


symbols = st.lists(st.sampled_from(PLACEHOLDER_IDS), unique=True, max_size=6)


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(4, 99), min_size=1, max_size=8), symbols, st.integers(1, 20)
        ),
        min_size=1,
        max_size=5,
    )
)
def test_sentences_of_any_symbols_are_written_alike_in_both_engines(sentences):
    sources, required, limits = map(list, zip(*sentences, strict=True))
    task = Task(sources, limits, required=required)
    for found in map(symbol_engines, (OTHER, TRANSFORMER)):
        assert_alike(greedy(found.torch, task), greedy(found.onnx, task))
        for own, some, others in zip(
            required, beam(found.torch, task, 3, 1.0), beam(found.onnx, task, 3, 1.0), strict=True
        ):
            assert_alike(some, others)
            assert all(symbols_in(one.tokens) == sorted(own) for one in others)


@varied_networks
def test_with_symbols_the_graphs_find_what_the_search_outside_finds(made):
    engine = symbol_engines(made).onnx
    outside, alone = Outside(engine), [SYMBOL_TASK.select([index]) for index in range(5)]
    written = greedy(engine, SYMBOL_TASK)
    assert_alike(written, greedy(outside, SYMBOL_TASK))
    assert_alike(written, [greedy(engine, task)[0] for task in alone])
    for size in (2, 15):
        found = beam(engine, SYMBOL_TASK, size, 0.8)
        others = beam(outside, SYMBOL_TASK, size, 0.8)
        singles = [beam(engine, task, size, 0.8)[0] for task in alone]
        for one, other, single in zip(found, others, singles, strict=True):
            assert_alike(one, other)
            assert_alike(one, single)


def test_sentences_that_require_nothing_take_the_graphs_without_symbols():
    engine = copy(symbol_engines(OTHER).onnx)
    engine.sessions = Sessions(engine.sessions.network, 1)
    greedy(engine, SYMBOL_TASK.select([1, 4]))
    beam(engine, SYMBOL_TASK.select([1]), 3, 1.0)
    assert engine.sessions.ready and not any(kind.symbols for kind in engine.sessions.ready)
    mixed = greedy(engine, SYMBOL_TASK)
    assert GraphKind("greedy", symbols=True) in engine.sessions.ready
    assert [mixed[1], mixed[4]] == greedy(engine, SYMBOL_TASK.select([1, 4]))


@some_network
def test_both_engines_read_symbols_that_a_translation_holds_and_no_others(made):
    targets = [[4, 36], [6, 37, 8], [], [40, 40], [5]]
    found = symbol_engines(made)
    for target, one, other in zip(
        targets, *(engine.force(SYMBOL_TASK.sources, targets) for engine in found[:2]), strict=True
    ):
        assert np.isfinite(one.log_probs).all()
        assert np.allclose(one.log_probs, other.log_probs, atol=1e-4)
        for engine in found:
            trace = engine.trace(SYMBOL_TASK.sources[0], target, np.zeros((1, 1), np.float32))
            symbols = trace.log_probs[:, PLACEHOLDER_IDS.start : PLACEHOLDER_IDS.stop]
            possible = np.flatnonzero(np.isfinite(symbols).all(axis=0)) + PLACEHOLDER_IDS.start
            assert possible.tolist() == sorted({*symbols_in(target)})


def assert_coverage_is_forced(engine, task: Task) -> int:
    """How many hypotheses were compared: those that ended with </s>."""
    checked = 0
    for source, hypotheses in zip(task.sources, search_all(engine, task), strict=True):
        ended = [one for one in hypotheses if one.finish_reason == "eos"]
        forced = engine.force([source] * len(ended), [one.tokens for one in ended]) if ended else []
        for one, reading in zip(ended, forced, strict=True):
            expected = reading.token_weights().max(axis=0)
            assert len(one.coverage) == len(source) + 1
            assert np.allclose(one.coverage, expected, atol=1e-4)
            checked += 1
    return checked


@varied_networks
def test_coverage_is_the_highest_weight_of_forced_decoding(made):
    found = engines(made, MANY_TOKENS, 6.0)
    for engine in (*found, Outside(found.onnx)):
        if made.attention in FIXED_SCORES:
            every = chain(*search_all(engine, SYMBOL_TASK))
            assert {one.coverage for one in every} == {()}
            continue
        prefixed = SYMBOL_TASK.select([1, 3, 4])._replace(prefix=(7, 8))
        tasks = SYMBOL_TASK, SYMBOL_TASK.select([1]), prefixed
        checked = [assert_coverage_is_forced(engine, task) for task in tasks]
        assert checked[0] and sum(checked) > 3


@some_network
def test_coverage_counts_the_steps_of_a_repetition_that_was_cut_back(made):
    task = Task([*SOURCES, [4, 5] * 20], [1, 5, 9, 40, 40])
    for engine in (*engines(made), Outside(engines(made).onnx)):
        found = [hypotheses[0] for hypotheses in search_all(engine, task)]
        forced = engine.force(task.sources, [one.tokens for one in found])
        for one, reading in zip(found, forced, strict=True):
            steps = len(one.tokens) + (one.finish_reason == "eos")
            kept = reading.token_weights()[:steps].max(axis=0)
            assert (np.array(one.coverage) > kept - 1e-4).all() and max(one.coverage) < 1.0001
            if one.finish_reason != "repetition":
                assert one.coverage == pytest.approx(kept, abs=1e-4)
