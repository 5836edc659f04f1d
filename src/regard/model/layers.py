"""Parts that encoder and decoder share: dropout, embedding, residual connections."""

import numpy as np
import torch
from torch import Tensor, nn

from regard.model.positions import encodings
from regard.shapes import Float, Int
from regard.special import PAD

Vectors = Float[Tensor, "B T D"]


class Dropout(nn.Module):
    """Zero each number with probability `p`, rounded to a 65,536th; scale up the others.

    Four numbers share one draw of 64 random bits, which makes it 3 times as fast as PyTorch's own
    on a CPU (benchmarks/training.py).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.threshold = min(round(p * 65_536), 65_535)

    def forward(self, numbers: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        if not self.training or self.threshold == 0:
            return numbers
        draws = torch.empty(numbers.numel() // 4 + 1, dtype=torch.int64, device=numbers.device)
        bits = draws.random_(-(2**63), None).view(torch.int16)[: numbers.numel()]
        is_kept = (bits >= self.threshold - 32_768).view(numbers.shape)
        return numbers * (is_kept * (65_536 / (65_536 - self.threshold))).to(numbers.dtype)


class Embedding(nn.Module):
    """The embedding of each token, with dropout of its numbers and of all numbers of a token."""

    def __init__(self, tokens: int, size: int, dropout: float, token_dropout: float) -> None:
        super().__init__()
        self.table = nn.Embedding(tokens, size)
        nn.init.normal_(self.table.weight, std=size**-0.5)
        self.scale = size**0.5
        self.dropout = Dropout(dropout)
        self.token_dropout = Dropout(token_dropout)

    def forward(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B T M"]:
        embedded = self.dropout(self.table(tokens) * self.scale)
        if self.training and self.token_dropout.p > 0:
            embedded = embedded * self.token_dropout(torch.ones_like(embedded[..., :1]))
        return embedded


class NoResidual(nn.Module):
    """A single layer: its output replaces its input."""

    def residual(self, inputs: Float[Tensor, "B T _"], outputs: Vectors) -> Vectors:
        return outputs


class Norm(nn.LayerNorm):
    """The first of several layers, whose input and output differ in size: normalised output."""

    def residual(self, inputs: Float[Tensor, "B T _"], outputs: Vectors) -> Vectors:
        return self(outputs)


class AddAndNorm(Norm):
    """One of several layers: a residual connection (He et al. 2016), then layer normalisation."""

    def residual(self, inputs: Vectors, outputs: Vectors) -> Vectors:
        return self(inputs + outputs)


class FeedForward(nn.Module):
    """inputs + W₂ relu(W₁ norm(inputs)), with a wider layer between the two products (Vaswani et
    al. 2017, eq. 2; normalized before it as in Xiong et al. 2020, figure 1b)."""

    def __init__(self, size: int, inner_size: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.inner, self.outer = nn.Linear(size, inner_size), nn.Linear(inner_size, size)
        self.dropout = Dropout(dropout)
        init_linear(self.inner, self.outer)

    def forward(self, inputs: Vectors) -> Vectors:
        return inputs + self.dropout(self.outer(self.inner(self.norm(inputs)).relu()))


def feed_forward_sublayer(size: int, inner_size: int, dropout: float) -> nn.Module:
    """A feed-forward sublayer, or nothing for an inner size of 0."""
    return FeedForward(size, inner_size, dropout) if inner_size else nn.Identity()


def init_linear(*layers: nn.Linear) -> None:
    """Initialise as Transformers are: Glorot's uniform weights (2010), and biases of 0."""
    for layer in layers:
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)


def sinusoids(first: int, count: int, like: Float[Tensor, "*shape M"]) -> Float[Tensor, "T M"]:
    """The encodings of `count` positions from `first` on: sines, then cosines."""
    positions = np.arange(first, first + count)
    return torch.from_numpy(encodings(positions, like.size(-1))).to(like.device)


def is_token(tokens: Int[Tensor, "B S"]) -> Tensor:
    """True where there is a token, False where there is padding."""
    return tokens != PAD
