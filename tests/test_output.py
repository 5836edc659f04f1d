"""The loss that is made in slices is the loss, and its gradients are the gradients."""

from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close

from regard.config import ModelOptions
from regard.engine.sizes import sizes_of
from regard.model import output as room
from regard.model.network import EncoderDecoder
from regard.model.output import cross_entropy
from regard.model.sizes import Dropouts
from regard.special import END, PAD, START

SOURCE = torch.tensor([[4, 5, 6, 7, END], [8, 9, END, PAD, PAD]])
BEFORE = torch.tensor([[START, 4, 5, 6], [START, 7, PAD, PAD]])
AFTER = torch.tensor([[4, 5, 6, END], [7, END, PAD, PAD]])


class Learned(NamedTuple):
    loss: Tensor
    output: Tensor
    """Gradients of the output, the weight and the bias."""
    weight: Tensor
    bias: Tensor


class Problem(NamedTuple):
    output: Tensor
    weight: Tensor
    bias: Tensor
    target: Tensor
    smoothing: float

    def inputs(self) -> list[Tensor]:
        return [part.clone().requires_grad_() for part in self[:3]]

    def sliced(self, upstream: float = 1.0) -> Learned:
        output, weight, bias = self.inputs()
        loss = cross_entropy(output, weight, bias, self.target, self.smoothing)
        (upstream * loss).backward()
        return Learned(loss.detach(), output.grad, weight.grad, bias.grad)

    def by_torch(self, upstream: float = 1.0) -> Learned:
        output, weight, bias = self.inputs()
        logits = functional.linear(output, weight, bias)
        loss = functional.cross_entropy(
            logits, self.target, reduction="sum", label_smoothing=self.smoothing
        )
        (upstream * loss).backward()
        return Learned(loss.detach(), output.grad, weight.grad, bias.grad)


def problem(rows: int, size: int, words: int, smoothing: float, seed: int = 0) -> Problem:
    random = torch.Generator().manual_seed(seed)
    return Problem(
        torch.randn(rows, size, generator=random),
        torch.randn(words, size, generator=random),
        torch.randn(words, generator=random),
        torch.randint(words, (rows,), generator=random),
        smoothing,
    )


def slices_of(patch: pytest.MonkeyPatch, rows: int, words: int, grain: int) -> None:
    """Let the loss be made of slices of so many rows, or of the next multiple of `grain` below."""
    patch.setattr(room, "SLICE", rows * words)
    patch.setattr(room, "ROW_MULTIPLE", grain)


every_smoothing = pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])


@every_smoothing
@pytest.mark.parametrize("rows", [0, 1, 2, 3, 5, 11, 12])
@pytest.mark.parametrize("grain", [1, 2, 128])
def test_the_sliced_loss_is_the_cross_entropy_of_torch_with_all_its_gradients(
    smoothing, rows, grain, monkeypatch
):
    slices_of(monkeypatch, rows, 17, grain)
    given_ = problem(11, 6, 17, smoothing)
    assert_close(given_.sliced(), given_.by_torch())


@every_smoothing
def test_what_comes_from_above_scales_all_gradients(smoothing):
    given_ = problem(7, 5, 9, smoothing)
    assert_close(given_.sliced(-0.25), given_.by_torch(-0.25))


@every_smoothing
def test_without_gradients_the_loss_is_the_same(smoothing):
    given_ = problem(7, 5, 9, smoothing)
    with torch.no_grad():
        loss = cross_entropy(*given_)
    assert_close(loss, given_.sliced().loss)


@settings(deadline=None, max_examples=60)
@given(
    rows=st.integers(1, 40),
    size=st.integers(1, 9),
    words=st.integers(2, 60),
    smoothing=st.sampled_from([0.0, 0.1, 0.5]),
    seed=st.integers(0, 9),
    slice_=st.integers(0, 20),
    grain=st.sampled_from([1, 3, 8, 128]),
)
def test_no_size_of_slice_or_batch_or_vocabulary_matters(
    rows, size, words, smoothing, seed, slice_, grain
):
    given_ = problem(rows, size, words, smoothing, seed)
    with pytest.MonkeyPatch.context() as patch:
        slices_of(patch, slice_, words, grain)
        assert_close(given_.sliced(), given_.by_torch(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("rows", [13, 400])
def test_in_bf16_the_gradients_are_within_two_percent(smoothing, rows, monkeypatch):
    slices_of(monkeypatch, rows, 200, 8)
    given_ = problem(150, 64, 200, smoothing)
    given_ = given_._replace(output=given_.output / 8)
    exact = given_.by_torch()
    with torch.autocast("cpu", torch.bfloat16):
        rough = given_.sliced()
    assert_close(rough.loss, exact.loss, rtol=0.005, atol=0)
    for ours, theirs in zip(rough[1:], exact[1:], strict=True):
        assert ours.dtype == theirs.dtype == torch.float32
        assert (ours - theirs).norm() < 0.02 * theirs.norm()


def test_the_loss_is_a_number_of_its_own_precision_under_bf16():
    with torch.autocast("cpu", torch.bfloat16):
        assert problem(7, 5, 9, 0.1).sliced().loss.dtype == torch.float32


def test_a_token_that_the_model_thinks_impossible_costs_much_but_stays_finite():
    weight = torch.tensor([[200.0], [-200.0]])
    given_ = Problem(torch.ones(1, 1), weight, torch.zeros(2), torch.tensor([1]), 0.0)
    learned = given_.sliced()
    assert 80 < learned.loss < torch.inf
    assert_close(learned[1:], given_.by_torch()[1:])


# The loss of a network


def network(tie: str) -> EncoderDecoder:
    torch.manual_seed(0)
    sizes = sizes_of(
        ModelOptions(
            attention="general",
            layer_type="gru",
            tie=tie,
            embedding_size=6,
            encoder_size=8,
            decoder_size=12,
        ),
        11,
        11,
    )
    model = EncoderDecoder(sizes, Dropouts())
    for weight in model.parameters():
        torch.nn.init.uniform_(weight, -0.7, 0.7)
    return model


def gradients(model: EncoderDecoder, loss: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters()}


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("tie", ["none", "all"])
def test_a_network_learns_the_cross_entropy_of_its_logits(smoothing, tie):
    model = network(tie)
    logits = model(SOURCE, BEFORE).logits
    whole = functional.cross_entropy(
        logits.flatten(0, 1),
        AFTER.flatten(),
        ignore_index=PAD,
        reduction="sum",
        label_smoothing=smoothing,
    )
    loss = model.loss(SOURCE, BEFORE, AFTER, smoothing)
    assert_close(loss, whole)
    assert_close(gradients(model, loss), gradients(model, whole))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_the_sum_over_sentences_and_padding_counts_nothing(smoothing):
    model = network("target")
    whole = model.loss(SOURCE, BEFORE, AFTER, smoothing)
    first = model.loss(SOURCE[:1], BEFORE[:1], AFTER[:1], smoothing)
    second = model.loss(SOURCE[1:, :3], BEFORE[1:, :2], AFTER[1:, :2], smoothing)
    assert_close(whole, first + second)
    assert_close(gradients(model, whole), gradients(model, first + second))


def test_the_loss_is_minus_the_log_probability_of_the_translation():
    model = network("none").eval()
    log_probs = model(SOURCE, BEFORE).logits.log_softmax(-1)
    given_ = log_probs.gather(-1, AFTER[..., None]).squeeze(-1)
    with torch.no_grad():
        loss = model.loss(SOURCE, BEFORE, AFTER, 0.0)
    assert_close(loss, -given_[AFTER != PAD].sum())
