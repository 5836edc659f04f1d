"""From gradients to weights: AdamW, and for the matrices of layers also Muon.

AdamW (Loshchilov & Hutter 2019) scales the step of each weight by itself. Muon (Jordan et al. 2024)
makes the momentum of a matrix orthogonal, so that its step is equally long in all directions; a
Transformer learns as much in fewer updates (docs/benchmarks.md). PyTorch's own Muon multiplies in
bf16, which takes 14 times as long on a processor without AMX.
"""

from collections.abc import Collection, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from regard.config import TrainOptions
from regard.engine.weight_names import OUTPUT
from regard.errors import RegardError
from regard.shapes import Float

MOMENTS = ("exp_avg", "exp_avg_sq")
"""What AdamW has of each weight."""
MOMENTUM, MOMENTUM_DECAY = "momentum", 0.95
"""What Muon has of each matrix, a mean of its gradients with this decay rate."""
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""The coefficients of Jordan et al. (2024): five iterations bring singular values near 1."""
ITERATIONS = 5
UPDATE_RMS = 0.2
"""Times the learning rate, the root mean square of AdamW's usual update, and of Muon's, too (Liu et
al. 2025, eq. 4): both need the same learning rate."""


class Optimizer:
    """Changes weights by their gradients, as `train.optimizer` says."""

    def __init__(self, weights: Mapping[str, Tensor], options: TrainOptions) -> None:
        self.weights = weights
        inner = {
            name: weight
            for name, weight in weights.items()
            if options.optimizer == "muon" and is_matrix_of_layer(name, weight)
        }
        self.muon = Muon(inner, options.weight_decay)
        others = [weight for name, weight in weights.items() if name not in inner]
        matrices = [weight for weight in others if weight.dim() > 1]
        vectors = [weight for weight in others if weight.dim() <= 1]
        self.adam = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": options.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            lr=options.learning_rate,
            betas=options.adam_betas,
            fused=True,
        )

    def step(self, rate: float) -> None:
        """One update with this learning rate."""
        for group in self.adam.param_groups:
            group["lr"] = rate
        self.adam.step()
        self.muon.step(rate)

    def zero_grad(self) -> None:
        for weight in self.weights.values():
            weight.grad = None

    def state(self) -> Iterator[tuple[str, Tensor]]:
        """What it knows of earlier updates, if there were any."""
        yield from moments_of(self.adam, self.weights)
        for name, momentum in self.muon.momenta.items():
            yield f"{MOMENTUM}.{name}", momentum

    def restore(self, tensors: Mapping[str, np.ndarray], applied: int, where: str) -> None:
        """Return to the `state` after so many updates. Raises RegardError if a part is missing."""
        if applied == 0:
            return
        momenta = self.muon.momenta
        others = {name: one for name, one in self.weights.items() if name not in momenta}
        restore_moments(self.adam, others, tensors, applied, where)
        for name, momentum in momenta.items():
            momentum.copy_(part_of(tensors, MOMENTUM, name, where))


def moments_of(
    adam: torch.optim.AdamW, weights: Mapping[str, Tensor]
) -> Iterator[tuple[str, Tensor]]:
    """What AdamW knows of those weights that it has changed."""
    for name, weight in weights.items():
        for moment in MOMENTS:
            if weight in adam.state:
                yield f"{moment}.{name}", adam.state[weight][moment]


def restore_moments(
    adam: torch.optim.AdamW,
    weights: Mapping[str, Tensor],
    tensors: Mapping[str, np.ndarray],
    applied: int,
    where: str,
) -> None:
    """The inverse of `moments_of`, after so many updates. Raises RegardError if one is missing."""
    for name, weight in weights.items():
        moments = {
            moment: part_of(tensors, moment, name, where).to(weight.device) for moment in MOMENTS
        }
        step = torch.tensor(float(applied), device=weight.device)
        adam.state[weight] = {"step": step, **moments}


def part_of(tensors: Mapping[str, np.ndarray], part: str, name: str, where: str) -> Tensor:
    """Raises RegardError if it is missing."""
    if f"{part}.{name}" not in tensors:
        raise RegardError(
            f"the optimizer's state of {name} is missing", where, "train again with another --out"
        )
    return torch.from_numpy(tensors[f"{part}.{name}"])


def is_matrix_of_layer(name: str, weight: Tensor) -> bool:
    """Whether a weight maps states to states: neither an embedding nor the output matrix."""
    return weight.dim() == 2 and not name.endswith(("embed.table.weight", f"{OUTPUT}.weight"))


class Muon:
    """Momentum, made orthogonal; matrices of one shape are computed together."""

    def __init__(self, matrices: Mapping[str, Tensor], weight_decay: float) -> None:
        self.matrices, self.weight_decay = matrices, weight_decay
        self.momenta = {
            name: torch.zeros_like(weight, requires_grad=False) for name, weight in matrices.items()
        }
        shapes = {tuple(sorted(weight.shape)) for weight in matrices.values()}
        self.alike: list[Collection[str]] = [
            [name for name, weight in matrices.items() if tuple(sorted(weight.shape)) == shape]
            for shape in sorted(shapes)
        ]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        for names in self.alike:
            ahead = torch.stack([wide(self.nesterov(name)) for name in names])
            scale = rate * UPDATE_RMS * max(ahead.shape[1:]) ** 0.5
            for name, direction in zip(names, orthogonal(ahead), strict=True):
                weight = self.matrices[name]
                weight.mul_(1.0 - rate * self.weight_decay)
                is_wide = weight.shape[0] <= weight.shape[1]
                weight.sub_(direction if is_wide else direction.mT, alpha=scale)

    def nesterov(self, name: str) -> Tensor:
        """The momentum after this gradient, and a step further."""
        gradient, momentum = self.matrices[name].grad, self.momenta[name]
        assert gradient is not None
        momentum.lerp_(gradient, 1.0 - MOMENTUM_DECAY)
        return gradient.lerp(momentum, MOMENTUM_DECAY)


def wide(matrix: Tensor) -> Tensor:
    """With as many columns as rows at least."""
    return matrix if matrix.shape[0] <= matrix.shape[1] else matrix.mT


def orthogonal(matrices: Float[Tensor, "N R C"]) -> Float[Tensor, "N R C"]:
    """The nearest matrices with orthonormal rows, nearly: singular values become 0.7 to 1.2, by
    Newton and Schulz's iteration (Jordan et al. 2024)."""
    first, third, fifth = NEWTON_SCHULZ
    norms = torch.linalg.matrix_norm(matrices, keepdim=True)
    nearer = matrices / norms.clamp_min(torch.finfo(matrices.dtype).tiny)
    for _ in range(ITERATIONS):
        square = nearer @ nearer.mT
        factor = torch.baddbmm(square, square, square, beta=third, alpha=fifth)
        nearer = torch.baddbmm(nearer, factor, nearer, beta=first)
    return nearer
