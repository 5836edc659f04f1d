"""The output layer and its loss in one piece, so that the logits of a batch never exist at once.

The logits of 4,000 tokens over 8,000 words are 128 MB that a plain implementation writes and reads
some ten times. Here a slice of them is computed, replaced by its gradient in place, and
multiplied into the gradients of the output layer, so the backward pass only scales these.
`benchmarks/training.py` prints the gain over a plain projection and cross-entropy in bf16.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from regard.model.precision import sum_type
from regard.shapes import Float, Int

Features = Float[Tensor, "R M"]
"""What the decoder feeds forward, one row per predicted token."""
Matrix = Float[Tensor, "V M"]
Offsets = Float[Tensor, " V"]
Targets = Int[Tensor, " R"]

SLICE = 1 << 22
"""Logits in a slice: 8 MB in bf16. Larger ones leave the cache, smaller ones waste the product."""

ROW_MULTIPLE = 128
"""Rows of a slice are a multiple of it, because oneDNN takes about 3 ms to compile a product of a
new shape; its part of the time of an update has not been measured alone."""


class CrossEntropy(torch.autograd.Function):
    """-Σ [(1 - s) ln p(target) + s mean ln p], s the smoothing (Szegedy et al. 2016, section 7).

    With z the logits and p their softmax, the gradient is p - (1 - s) onehot(target) - s / V. Its
    last part is the same for all logits, so it is left out of the slices and added at the end:
    it moves `output` by the sum of all rows of `weight`, and each row of `weight` by the sum of all
    of `output`. Likewise the mean of z is one product with the mean row of `weight`.
    """

    @staticmethod
    def forward(
        ctx: Any, output: Features, weight: Matrix, bias: Offsets, target: Targets, smoothing: float
    ) -> Float[Tensor, ""]:
        device = output.device.type
        is_mixed = torch.is_autocast_enabled(device)
        low = torch.get_autocast_dtype(device) if is_mixed else weight.dtype
        with torch.autocast(device, enabled=False):
            size, count, wide = len(weight), len(output), sum_type(weight)
            padded = -(-count // ROW_MULTIPLE) * ROW_MULTIPLE
            features = output.new_zeros(padded, output.size(1), dtype=low)
            features[:count] = output
            matrix, offset = weight.to(low), bias.to(low)
            loss = output.new_zeros((), dtype=wide)
            grad_output = torch.empty_like(features)
            grad_weight = torch.zeros_like(weight, dtype=wide)
            grad_bias = torch.zeros_like(bias, dtype=wide)
            rows = min(padded, max(1, SLICE // size // ROW_MULTIPLE) * ROW_MULTIPLE)
            row_numbers = torch.arange(rows, device=target.device)
            logits, softmax = features.new_empty(rows, size), features.new_empty(rows, size)
            for begin in range(0, padded, rows):
                part, goals = features[begin : begin + rows], target[begin : begin + rows]
                goal = row_numbers[: len(goals)], goals
                z = torch.addmm(offset, part, matrix.t(), out=logits[: len(part)])
                p = torch.softmax(z, -1, out=softmax[: len(part)])
                chosen = p[goal]
                loss -= chosen.to(wide).clamp_min(1e-38).log().sum()
                if smoothing > 0:
                    loss += smoothing * z[goal].sum(dtype=wide)
                p[goal] = chosen + (smoothing - 1)
                p[len(goals) :] = 0
                grad_bias += (p.new_ones(1, len(p)) @ p)[0]
                torch.mm(p, matrix, out=grad_output[begin : begin + rows])
                grad_weight += p.t() @ part
            grad_output = grad_output[:count].to(output.dtype)
            if smoothing > 0:
                total = output.sum(0, dtype=wide)
                loss -= smoothing / size * (total @ weight.sum(0) + count * bias.sum())
                grad_output -= smoothing / size * weight.sum(0)
                grad_weight -= smoothing / size * total
                grad_bias -= smoothing / size * count
        ctx.save_for_backward(grad_output, grad_weight, grad_bias)
        return loss

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        grads = (grad.mul_(upstream[0]) for grad in ctx.saved_tensors)
        return *grads, None, None


sliced: Callable[..., Float[Tensor, ""]] = CrossEntropy.apply


def cross_entropy(
    output: Features, weight: Matrix, bias: Offsets, target: Targets, smoothing: float
) -> Float[Tensor, ""]:
    """The cross-entropy of `output @ weight.T + bias` against `target` in nats, summed over rows.

    The gradients are computed with it, in the precision of autocast; a backward pass is possible
    once.
    """
    if torch.is_grad_enabled():
        return sliced(output, weight, bias, target, smoothing)
    logits = torch.nn.functional.linear(output, weight, bias)
    log_prob = logits.log_softmax(-1, sum_type(logits))
    likely = log_prob.gather(1, target[:, None]).sum()
    return -(1 - smoothing) * likely - smoothing * log_prob.mean(1).sum()
