"""The laws of the optimizers."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from regard.config import TrainOptions
from regard.errors import RegardError
from regard.training.optimizers import MOMENTUM_DECAY, UPDATE_RMS, Optimizer, orthogonal

SHAPES = {
    "encoder.embed.table.weight": (11, 4),
    "decoder.output_layer.weight": (9, 4),
    "decoder.output_layer.bias": (9,),
    "layer.square.weight": (4, 4),
    "layer.tall.weight": (12, 4),
    "layer.wide.weight": (4, 12),
    "layer.bias": (4,),
}
MATRICES = {name for name in SHAPES if name.startswith("layer") and "bias" not in name}


def make_weights(seed=0):
    draw = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=draw) for name, shape in SHAPES.items()}


def make_optimizer(kind, weights, **options):
    parameters = {name: torch.nn.Parameter(weight.clone()) for name, weight in weights.items()}
    return Optimizer(parameters, TrainOptions(optimizer=kind, **options))


def take_steps(optimizer, seeds, rate=0.01):
    for seed in seeds:
        for name, gradient in make_weights(seed).items():
            optimizer.weights[name].grad = gradient
        optimizer.step(rate)
        optimizer.zero_grad()


@given(st.integers(1, 20), st.integers(0, 20), st.integers(0, 1000))
def test_rows_become_orthonormal_nearly_and_keep_their_space(rows, more_columns, seed):
    draw = np.random.default_rng(seed)
    left = np.linalg.qr(draw.normal(size=(rows, rows)))[0]
    right = np.linalg.qr(draw.normal(size=(rows + more_columns, rows)))[0]
    values = draw.uniform(0.2, 1.0, rows)
    matrix = torch.from_numpy(left * values @ right.T)[None]
    result = left.T @ orthogonal(matrix)[0].numpy() @ right
    assert np.allclose(result, np.diag(np.diag(result)), atol=1e-6)  # the same singular vectors
    assert (np.diag(result) > 0.6).all() and (np.diag(result) < 1.3).all()


def test_a_matrix_of_zeros_stays_one():
    assert (orthogonal(torch.zeros(2, 3, 5)) == 0).all()


def test_muon_moves_the_matrices_of_layers_by_orthogonal_momentum_as_far_as_adamw_would():
    weights = make_weights()
    optimizer = make_optimizer("muon", weights, weight_decay=0.0)
    take_steps(optimizer, [5, 6], rate=0.01)
    first, second = make_weights(5), make_weights(6)
    for name in MATRICES:
        momenta = [(1 - MOMENTUM_DECAY) * first[name]]
        momenta.append(MOMENTUM_DECAY * momenta[0] + (1 - MOMENTUM_DECAY) * second[name])
        moved = torch.zeros(SHAPES[name])
        for gradient, momentum in zip((first[name], second[name]), momenta, strict=True):
            ahead = MOMENTUM_DECAY * momentum + (1 - MOMENTUM_DECAY) * gradient
            is_tall = ahead.shape[0] > ahead.shape[1]
            made = orthogonal((ahead.T if is_tall else ahead)[None])[0]
            moved += (made.T if is_tall else made) * max(ahead.shape) ** 0.5
        expected = weights[name] - 0.01 * UPDATE_RMS * moved
        assert torch.allclose(optimizer.weights[name], expected, atol=1e-6)
        rms = (optimizer.weights[name].detach() - weights[name]).square().mean().sqrt()
        assert 0.3 < float(rms) / (2 * 0.01 * UPDATE_RMS) < 1.3


def test_muon_leaves_embeddings_the_output_and_vectors_to_adamw():
    weights = make_weights()
    optimizers = [make_optimizer(kind, weights) for kind in ("adamw", "muon")]
    for optimizer in optimizers:
        take_steps(optimizer, [1, 2, 3])
    adamw, muon = (optimizer.weights for optimizer in optimizers)
    assert {name for name in SHAPES if not torch.equal(adamw[name], muon[name])} == MATRICES


def test_adamw_is_that_of_pytorch():
    weights = make_weights()
    own = make_optimizer("adamw", weights, weight_decay=0.1)
    theirs = {name: torch.nn.Parameter(weight.clone()) for name, weight in weights.items()}
    groups = [
        {"params": [w for w in theirs.values() if w.dim() > 1], "weight_decay": 0.1},
        {"params": [w for w in theirs.values() if w.dim() == 1], "weight_decay": 0.0},
    ]
    reference = torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.98))
    for seed in (1, 2, 3):
        for name, gradient in make_weights(seed).items():
            theirs[name].grad = gradient
        reference.step()
    take_steps(own, [1, 2, 3])
    for name, weight in theirs.items():
        assert torch.allclose(own.weights[name], weight, atol=1e-7)


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_an_optimizer_that_is_restored_goes_on_as_if_nothing_had_happened(kind):
    at_once = make_optimizer(kind, make_weights())
    take_steps(at_once, [1, 2, 3, 4])
    before = make_optimizer(kind, make_weights())
    take_steps(before, [1, 2])
    state = {name: tensor.detach().numpy().copy() for name, tensor in before.state()}
    after = make_optimizer(kind, {n: weight.detach() for n, weight in before.weights.items()})
    after.restore(state, 2, "here")
    take_steps(after, [3, 4])
    for name, weight in at_once.weights.items():
        assert torch.equal(weight, after.weights[name])
    for lost in state:
        with pytest.raises(RegardError, match="missing"):
            after.restore({name: state[name] for name in state.keys() - {lost}}, 2, "here")
