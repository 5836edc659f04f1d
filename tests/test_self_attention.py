"""The laws of self-attention: of the layer, of the Transformer made of it, and in both engines."""

from math import cos, exp, log, sin, sqrt

import numpy as np
import pytest
import torch
from msgspec import structs
from torch import nn
from torch.testing import assert_close

from regard.config import ModelOptions
from regard.engine.onnx.engine import OnnxEngine
from regard.engine.torch import TorchEngine, build_network, weights_of
from regard.model.decoder import SelfAttentionLayer
from regard.model.layers import FeedForward, sinusoids
from regard.model.network import EncoderDecoder
from regard.model.self_attention import SelfAttention
from regard.model.sizes import Dropouts
from regard.search.beam import Task, beam
from regard.search.protocols import NO_ATTENTION_BIAS, NO_LOGIT_BIAS
from regard.special import END, PAD, START

TOKENS, WIDTH, HEADS = 30, 8, 2


def transformer(layers: int = 2, **options) -> EncoderDecoder:
    """With large random weights."""
    torch.manual_seed(0)
    sizes = dict.fromkeys(("embedding_size", "encoder_size", "decoder_size"), WIDTH)
    settings = {
        "layer_type": "self-attention",
        "self_attention_heads": HEADS,
        "heads": HEADS,
        "encoder_layers": layers,
        "decoder_layers": layers,
        "encoder_feed_forward_size": 12,
        "decoder_feed_forward_size": 12,
    }
    network = build_network(ModelOptions(**sizes | settings | options), TOKENS, TOKENS).eval()
    for weight in network.parameters():
        nn.init.uniform_(weight, -0.7, 0.7)
    return network


def some_tokens(*shape: int) -> torch.Tensor:
    return torch.randint(4, TOKENS, shape, generator=torch.Generator().manual_seed(1))


# The layer


def test_self_attention_is_the_one_written_out_by_hand():
    torch.manual_seed(0)
    layer = SelfAttention(4, 2, Dropouts())
    for weight in layer.parameters():
        nn.init.uniform_(weight, -0.7, 0.7)
    inputs = torch.randn(1, 3, 4)
    attention, _ = layer.decode(inputs, layer.initial_state(inputs[:, 0]))
    normalized = nn.functional.layer_norm(inputs[0], (4,), layer.norm.weight, layer.norm.bias)
    vectors = [
        [part(one).tolist() for one in normalized]
        for part in (layer.to_query, layer.to_key, layer.to_value)
    ]
    queries, keys, values = vectors
    for t in range(3):
        context = []
        for head in (slice(0, 2), slice(2, 4)):
            scores = [
                sum(q * k for q, k in zip(queries[t][head], keys[s][head], strict=True)) / sqrt(2)
                for s in range(t + 1)
            ]
            powers = [exp(score) for score in scores]
            weights = [power / sum(powers) for power in powers]
            for part in range(head.start, head.stop):
                context.append(sum(w * values[s][part] for s, w in enumerate(weights)))
        added = layer.join.output(torch.tensor(context))
        assert_close(attention.output[0, t], inputs[0, t] + added)


def copy_attention(ours: SelfAttention | SelfAttentionLayer, theirs: nn.MultiheadAttention) -> None:
    """Give PyTorch's attention the weights of ours."""
    if isinstance(ours, SelfAttention):
        query, key = ours.to_query, ours.to_key
    else:
        query, key = ours.to_query[1], ours.score.key
    parts = query, key, ours.to_value
    theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
    biases = [torch.zeros(WIDTH) if part.bias is None else part.bias for part in parts]
    theirs.in_proj_bias.copy_(torch.cat(biases))
    theirs.out_proj.load_state_dict(ours.join.output.state_dict())


def copy_feed_forward(ours: FeedForward, theirs: nn.Module, norm: nn.LayerNorm) -> None:
    theirs.linear1.load_state_dict(ours.inner.state_dict())
    theirs.linear2.load_state_dict(ours.outer.state_dict())
    norm.load_state_dict(ours.norm.state_dict())


@torch.no_grad()
@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_the_network_computes_what_pytorchs_transformer_computes():
    network = transformer()
    sizes = {"nhead": HEADS, "dim_feedforward": 12, "dropout": 0.0, "batch_first": True}
    theirs = nn.Transformer(WIDTH, num_encoder_layers=2, num_decoder_layers=2, norm_first=True,
                            **sizes).eval()  # fmt: skip
    for number, layer in enumerate(theirs.encoder.layers):
        ours = network.encoder.layers[number]
        copy_attention(ours, layer.self_attn)
        layer.norm1.load_state_dict(ours.norm.state_dict())
        copy_feed_forward(network.encoder.feed_forwards[number], layer, layer.norm2)
    theirs.encoder.norm.load_state_dict(network.encoder.norm.state_dict())
    for number, layer in enumerate(theirs.decoder.layers):
        ours = network.decoder.layers[number]
        copy_attention(ours.recur, layer.self_attn)
        copy_attention(ours, layer.multihead_attn)
        layer.norm1.load_state_dict(ours.recur.norm.state_dict())
        layer.norm2.load_state_dict(ours.to_query[0].state_dict())
        copy_feed_forward(ours.feed_forward, layer, layer.norm3)
    theirs.decoder.norm.load_state_dict(network.decoder.norm.state_dict())

    source, before = some_tokens(2, 7), some_tokens(2, 5)
    source[1, 4:] = PAD
    embedded = [
        embed(tokens) + sinusoids(0, tokens.size(1), embed.table.weight)
        for embed, tokens in ((network.encoder.embed, source), (network.decoder.embed, before))
    ]
    output = theirs(
        *embedded,
        tgt_mask=nn.Transformer.generate_square_subsequent_mask(5),
        src_key_padding_mask=source == PAD,
        memory_key_padding_mask=source == PAD,
    )
    expected = network.decoder.output_layer(output)
    assert_close(network(source, before).logits, expected, atol=1e-5, rtol=1e-5)


def test_positions_are_sines_and_cosines_of_wavelengths_from_two_pi_to_20_000_pi():
    encoded = sinusoids(3, 2, torch.zeros(6))
    for row, position in enumerate((3, 4)):
        for pair in range(3):
            angle = position * exp(-log(10_000) * pair / 2)
            assert encoded[row, pair].item() == pytest.approx(sin(angle), abs=1e-6)
            assert encoded[row, 3 + pair].item() == pytest.approx(cos(angle), abs=1e-6)
    assert sinusoids(0, 4, torch.zeros(5)).shape == (4, 5)


# Who attends to whom


@pytest.mark.parametrize("encoder", ["bidirectional", "unidirectional"])
def test_a_source_token_attends_to_all_tokens_or_to_those_before_it(encoder):
    network, source = transformer(encoder=encoder).encoder, some_tokens(1, 6)
    states = network(source).states
    for changed in range(6):
        other = source.clone()
        other[0, changed] = 4 if other[0, changed] != 4 else 5
        differs = (network(other).states - states).abs().amax(-1)[0] > 1e-4
        first = 0 if encoder == "bidirectional" else changed
        assert differs.tolist() == [place >= first for place in range(6)]
    for attention in network(source).self_attentions:
        assert_close(attention.weights.sum(-1), torch.ones(1, HEADS, 6))
        if encoder == "unidirectional":
            assert (attention.weights.triu(1) == 0).all()


def test_a_target_token_attends_to_those_before_it_and_to_itself():
    network, source, before = transformer(), some_tokens(1, 6), some_tokens(1, 7)
    logits = network(source, before).logits
    for changed in range(7):
        other = before.clone()
        other[0, changed] = 4 if other[0, changed] != 4 else 5
        differs = (network(source, other).logits - logits).abs().amax(-1)[0] > 1e-4
        assert differs.tolist() == [place >= changed for place in range(7)]


def test_the_order_of_words_matters():
    network, source = transformer().encoder, torch.tensor([[4, 5, 6, END]])
    swapped = torch.tensor([[5, 4, 6, END]])
    first, second = network(source).states[0], network(swapped).states[0]
    assert (first[2] - second[2]).abs().max() > 1e-3
    assert (first[0] - second[1]).abs().max() > 1e-3


# Both engines, at every length

LENGTHS = [1, 2, 63, 64, 65, 1000]
KINDS = {
    "transformer": {},
    "best of both": {"decoder_layer_type": "ssru", "decoder_size": 12},
    "the other way": {"encoder_layer_type": "gru", "encoder_size": 12},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", LENGTHS)
def test_all_at_once_step_by_step_and_in_a_graph_agree_at_every_length(length, kind):
    network = transformer(**KINDS[kind], layers=1)
    with torch.no_grad():
        network.decoder.output_layer.bias[END] = -100.0
    engines = TorchEngine(network), OnnxEngine(network_options(kind), weights_of(network), {})
    source, endless = some_tokens(length).tolist(), 10**6
    [drawn] = engines[1].greedy([source], [length], [endless], [()])
    assert len(drawn.tokens) == length
    forced = [engine.force([source], [drawn.tokens])[0].log_probs for engine in engines]
    assert np.allclose(*forced, atol=1e-4)
    assert drawn.log_prob == pytest.approx(forced[0][:length].sum(), abs=1e-5 * length)
    beginning = np.array([[START, *drawn.tokens[:-1]]])
    for engine in engines:  # this reads all at once in PyTorch, and step by step in graphs
        decoding = engine.encode([source])
        best = decoding.advance(np.zeros(1, int), beginning, 1, NO_ATTENTION_BIAS, NO_LOGIT_BIAS)
        assert best.tokens[0, 0] == drawn.tokens[-1]
        assert best.log_probs[0, 0] == pytest.approx(forced[0][length - 1], abs=1e-4)


def network_options(kind: str) -> ModelOptions:
    sizes = dict.fromkeys(("embedding_size", "encoder_size", "decoder_size"), WIDTH)
    settings = {
        "layer_type": "self-attention",
        "self_attention_heads": HEADS,
        "heads": HEADS,
        "encoder_feed_forward_size": 12,
        "decoder_feed_forward_size": 12,
    }
    return ModelOptions(**sizes | settings | KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_both_engines_show_the_same_self_attention(kind):
    network = transformer(**KINDS[kind], layers=1)
    engines = TorchEngine(network), OnnxEngine(network_options(kind), weights_of(network), {})
    source, target = some_tokens(6).tolist(), some_tokens(5).tolist()
    for bias in (np.zeros((1, 1), np.float32), np.full((6, 7), 0.3, np.float32)):
        ours, theirs = (engine.trace(source, target, bias) for engine in engines)
        counts = len(ours.encoder_attentions), len(ours.decoder_attentions)
        assert counts == ("encoder_layer_type" not in KINDS[kind],
                          "decoder_layer_type" not in KINDS[kind])  # fmt: skip
        for some, others in (
            (ours.encoder_attentions, theirs.encoder_attentions),
            (ours.decoder_attentions, theirs.decoder_attentions),
        ):
            for one, other in zip(some, others, strict=True):
                assert np.allclose(one.scores, other.scores, atol=1e-5)
                assert np.allclose(one.weights, other.weights, atol=1e-5)
                assert np.allclose(one.weights.sum(-1), 1.0, atol=1e-5)
        assert np.allclose(ours.states, theirs.states, atol=1e-5)
        assert np.allclose(ours.log_probs, theirs.log_probs, atol=1e-5)


def test_what_is_shown_of_self_attention_is_what_was_computed():
    network, source = transformer(), torch.tensor([[4, 5, 6, END]])
    before = torch.tensor([[START, 7, 8]])
    memory = network.encode(source)
    state = network.initial_state(memory)
    step = network.step(before, memory, state)
    shown = network.decoder.self_attentions(before, state, step.attentions)
    for attention, own in zip(step.attentions, shown, strict=True):
        assert torch.equal(attention.hidden, own.output)


def test_beams_of_sentences_that_end_apart_attend_to_their_own_words():
    """Beams reorder their hypotheses at every step; keys and values stay where they were."""
    network = transformer()
    engines = TorchEngine(network), OnnxEngine(
        ModelOptions(**{**structs.asdict(network_options("transformer")), "encoder_layers": 2,
                        "decoder_layers": 2}),
        weights_of(network), {})  # fmt: skip
    sources = [some_tokens(length).tolist() for length in (3, 9, 1, 5, 14, 2)]
    task = Task(sources, [25, 3, 40, 12, 30, 1])
    for size in (2, 5):
        found = [beam(engine, task, size, 1.0) for engine in engines]
        for ours, theirs in zip(*found, strict=True):
            assert [one.tokens for one in ours] == [one.tokens for one in theirs]
