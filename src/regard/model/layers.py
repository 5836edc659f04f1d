"""The small parts that encoder and decoder share: embedding, and what makes depth trainable."""

import torch
from torch import Tensor, nn

from regard.shapes import Float, Int
from regard.special import PAD


class Dropout(nn.Module):
    """Leave each number out with probability `p`, rounded to a 65,536th; scale up the others.

    Four numbers share one draw of 64 random bits, which makes it 3 times as fast as PyTorch's own
    on a CPU (benchmarks/training.py).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.left_out = min(round(p * 65_536), 65_535)

    def forward(self, numbers: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        if not self.training or self.left_out == 0:
            return numbers
        draws = torch.empty(numbers.numel() // 4 + 1, dtype=torch.int64, device=numbers.device)
        bits = draws.random_(-(2**63), None).view(torch.int16)[: numbers.numel()]
        kept = (bits >= self.left_out - 32_768).view(numbers.shape)
        return numbers * (kept * (65_536 / (65_536 - self.left_out))).to(numbers.dtype)


class Embedding(nn.Module):
    """The embedding of each token, with dropout on its numbers and on whole tokens."""

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


class Replace(nn.Module):
    """A single layer: what it wrote takes the place of what it read."""

    def forward(
        self, read: Float[Tensor, "B T _"], written: Float[Tensor, "B T D"]
    ) -> Float[Tensor, "B T D"]:
        return written


class Normalise(nn.Module):
    """The first of several layers, where the sizes differ: what it wrote, normalised."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size)

    def forward(
        self, read: Float[Tensor, "B T _"], written: Float[Tensor, "B T D"]
    ) -> Float[Tensor, "B T D"]:
        return self.norm(written)


class AddAndNormalise(Normalise):
    """One of several layers: read and written are added (He et al. 2016) and normalised."""

    def forward(
        self, read: Float[Tensor, "B T D"], written: Float[Tensor, "B T D"]
    ) -> Float[Tensor, "B T D"]:
        return self.norm(read + written)


def is_token(tokens: Int[Tensor, "B S"]) -> Tensor:
    """True where there is a token, False where there is padding."""
    return tokens != PAD
