"""A network with the weights of a smaller one computes the same, and can learn more."""

import copy

import pytest
import torch

from regard.config import ModelOptions
from regard.engine.torch import build_network
from regard.model.encoder import DIRECTIONS
from regard.model.recurrence import RECURRENCES
from regard.model.scores import SCORES
from regard.special import PAD
from regard.training.growth import copy_smaller

SOURCE = torch.tensor([[5, 6, 7, 8, 2], [9, 4, 2, 0, 0]])
BEFORE = torch.tensor([[1, 4, 5, 6], [1, 7, 0, 0]])


def network(seed, hidden, **options):
    torch.manual_seed(seed)
    shape = {"embedding_size": 12, "encoder_size": 16, "decoder_layers": 2, **options}
    built = build_network(ModelOptions(decoder_size=hidden, **shape), 20, 24).eval()
    for weight in built.parameters():
        torch.nn.init.normal_(weight, std=0.4)
    return built


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("recurrence", RECURRENCES)
@pytest.mark.parametrize("attention", sorted(SCORES.keys() - {"dot"}))
@pytest.mark.parametrize("wider", [8, 10, 24])
def test_a_wider_network_predicts_what_the_narrower_one_predicts(
    wider, attention, recurrence, heads
):
    options = {"attention": attention, "layer_type": recurrence, "heads": heads}
    smaller, wide = network(1, 8, **options), network(2, wider, **options)
    with torch.no_grad():
        first = wide(SOURCE, BEFORE).logits
        copy_smaller(smaller, wide)
        result, wanted = wide(SOURCE, BEFORE), smaller(SOURCE, BEFORE)
    assert (first - wanted.logits).abs().max() > 0.1
    torch.testing.assert_close(result.logits, wanted.logits, atol=1e-5, rtol=1e-5)
    for after, before in zip(result.attentions, wanted.attentions, strict=True):
        torch.testing.assert_close(after.weights, before.weights, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_the_new_units_learn(recurrence):
    """Their values differ from token to token, so the weights that read them have a gradient."""
    wide = network(2, 24, attention="scaled", layer_type=recurrence)
    copy_smaller(network(1, 8, attention="scaled", layer_type=recurrence), wide)
    wide.loss(SOURCE, BEFORE, torch.tensor([[4, 5, 6, 2], [7, 2, 0, 0]]), 0.1).backward()
    for layer in wide.decoder.stack:
        gradient = layer.feed_forward[0].weight.grad[:, :24]
        assert (gradient[:, 8:].abs().amax(0) > 0).float().mean() > 0.4
        assert (layer.score.key.weight.grad[8:].abs().amax(1) > 0).float().mean() > 0.4


@pytest.mark.parametrize("encoder", DIRECTIONS)
@pytest.mark.parametrize("recurrence", [*RECURRENCES, "self-attention"])
@pytest.mark.parametrize(("fewer_layers", "layers"), [(2, 3), (2, 4), (3, 4)])
def test_a_deeper_encoder_reads_what_the_less_deep_one_read(
    fewer_layers, layers, recurrence, encoder
):
    options = {"encoder_layer_type": recurrence, "encoder": encoder, "embedding_size": 16}
    smaller = network(1, 8, encoder_layers=fewer_layers, **options)
    deep = network(2, 8, encoder_layers=layers, **options)
    with torch.no_grad():
        first = deep.encoder(SOURCE).states
        copy_smaller(smaller, deep)
        result, wanted = deep.encoder(SOURCE).states, smaller.encoder(SOURCE).states
    assert (first - wanted)[SOURCE != PAD].abs().max() > 0.1
    tolerance = dict.fromkeys(("atol", "rtol"), 0.05 if recurrence == "ssru" else 1e-3)
    torch.testing.assert_close(result[SOURCE != PAD], wanted[SOURCE != PAD], **tolerance)


def test_a_network_can_grow_deeper_and_wider_at_once():
    smaller, grown = network(1, 8, encoder_layers=2), network(2, 16, encoder_layers=3)
    copy_smaller(smaller, grown)
    with torch.no_grad():
        result, wanted = grown(SOURCE, BEFORE), smaller(SOURCE, BEFORE)
    torch.testing.assert_close(result.logits, wanted.logits, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_every_gate_of_the_new_layers_learns_after_two_updates(recurrence):
    deep = network(2, 8, encoder_layers=4, layer_type=recurrence)
    copy_smaller(network(1, 8, encoder_layers=2, layer_type=recurrence), deep)
    before = copy.deepcopy(deep.encoder.layers[2:])
    optimizer = torch.optim.AdamW(deep.parameters(), 0.01)
    for _ in range(2):
        optimizer.zero_grad()
        deep.loss(SOURCE, BEFORE, torch.tensor([[4, 5, 6, 2], [7, 2, 0, 0]]), 0.1).backward()
        optimizer.step()
    for weight, first in zip(
        deep.encoder.layers[2:].parameters(), before.parameters(), strict=True
    ):
        assert ((weight - first).abs() > 1e-3).float().mean() > 0.4
