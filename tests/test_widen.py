"""A network that takes over a narrower one says the same, and can learn more."""

import pytest
import torch

from regard.config import ModelOptions
from regard.engine.torch import build
from regard.model.attention import SCORES
from regard.model.recurrence import RECURRENCES
from regard.training.widen import take_over

SOURCE = torch.tensor([[5, 6, 7, 8, 2], [9, 4, 2, 0, 0]])
BEFORE = torch.tensor([[1, 4, 5, 6], [1, 7, 0, 0]])


def network(seed, hidden, **options):
    torch.manual_seed(seed)
    shape = {"embedding": 12, "states": 16, "decoder_layers": 2, **options}
    built = build(ModelOptions(hidden=hidden, **shape), 20, 24).eval()
    for weight in built.parameters():
        torch.nn.init.normal_(weight, std=0.4)
    return built


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("recurrence", RECURRENCES)
@pytest.mark.parametrize("attention", sorted(SCORES.keys() - {"dot"}))
@pytest.mark.parametrize("wider", [8, 10, 24])
def test_a_wider_network_says_what_the_narrower_one_said(wider, attention, recurrence, heads):
    options = {"attention": attention, "recurrence": recurrence, "heads": heads}
    ready, wide = network(1, 8, **options), network(2, wider, **options)
    with torch.no_grad():
        first = wide(SOURCE, BEFORE).logits
        take_over(ready, wide)
        said, wanted = wide(SOURCE, BEFORE), ready(SOURCE, BEFORE)
    assert (first - wanted.logits).abs().max() > 0.1
    torch.testing.assert_close(said.logits, wanted.logits, atol=1e-5, rtol=1e-5)
    for look, known in zip(said.looks, wanted.looks, strict=True):
        torch.testing.assert_close(look.weights, known.weights, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_the_new_units_learn(recurrence):
    """What they say differs from token to token, and whatever reads them has a gradient."""
    wide = network(2, 24, attention="scaled", recurrence=recurrence)
    take_over(network(1, 8, attention="scaled", recurrence=recurrence), wide)
    wide.loss(SOURCE, BEFORE, torch.tensor([[4, 5, 6, 2], [7, 2, 0, 0]]), 0.1).backward()
    for layer in wide.decoder.stack:
        gradient = layer.feed_forward[0].weight.grad[:, :24]
        assert (gradient[:, 8:].abs().amax(0) > 0).float().mean() > 0.4
        assert (layer.score.key.weight.grad[8:].abs().amax(1) > 0).float().mean() > 0.4
