"""The scores: how much does each encoder state matter for the token that comes next?

A score compares the decoder's hidden state with each encoder state. All else in the decoder is the
same for every score, `none` included, so models that differ in `attention` differ in this alone.
"""

from math import sqrt

import torch
from torch import Tensor, nn

from regard.shapes import Bool, Float

Hidden = Float[Tensor, "B T H"]
"""The decoder's hidden states."""
Keys = Float[Tensor, "B S K"]
"""What a score keeps of each encoder state."""
MayAttend = Bool[Tensor, "#B #T S"]
"""True where a target token may attend to a source token: not where that is padding, or later."""
Scores = Float[Tensor, "B A T S"]
"""One for each head, target token and source token."""


def split_heads(vectors: Float[Tensor, "B T D"], heads: int) -> Float[Tensor, "B A T C"]:
    """Cut every vector into one slice a head."""
    return vectors.unflatten(-1, (heads, -1)).transpose(1, 2)


def join_heads(slices: Float[Tensor, "B A T C"]) -> Float[Tensor, "B T D"]:
    """Put the slices of all heads side by side again."""
    return slices.transpose(1, 2).flatten(2)


class Score(nn.Module):
    """Compares hidden states with encoder states; what may not be attended to scores -inf."""

    compares: bool = True
    """Whether the scores depend on the hidden states at all."""

    def __init__(self, hidden_size: int, state_size: int, heads: int) -> None:
        super().__init__()
        self.hidden_size, self.state_size, self.heads = hidden_size, state_size, heads

    def keys(self, states: Float[Tensor, "B S E"]) -> Keys:
        """What `raw_scores` needs of the states, computed once for a sentence."""
        return states

    def raw_scores(self, hidden: Hidden, keys: Keys, may_attend: MayAttend) -> Scores:
        raise NotImplementedError(f"{type(self).__name__} has no raw_scores")

    def forward(self, hidden: Hidden, keys: Keys, may_attend: MayAttend) -> Scores:
        scores = self.raw_scores(hidden, keys, may_attend)
        return scores.masked_fill(~may_attend[:, None], -torch.inf)


class Final(Score):
    """No attention: 0 at the final state and -inf elsewhere (Sutskever et al. 2014).

    The softmax is then 1 there, and the final hidden state is all that the decoder sees.
    """

    compares = False

    def raw_scores(self, hidden: Hidden, keys: Keys, may_attend: MayAttend) -> Scores:
        position = torch.arange(may_attend.size(-1), device=may_attend.device)
        is_final = position == may_attend.sum(-1, keepdim=True) - 1
        scores = hidden.new_zeros(is_final.shape).masked_fill(~is_final, -torch.inf)
        return scores[:, None].expand(-1, self.heads, hidden.size(1), -1)


class Uniform(Score):
    """All the states, and no focus: every token gets the same score."""

    compares = False

    def raw_scores(self, hidden: Hidden, keys: Keys, may_attend: MayAttend) -> Scores:
        return hidden.new_zeros(len(hidden), self.heads, hidden.size(1), may_attend.size(-1))


class Dot(Score):
    """hidden · state, which must be of one size (Luong et al. 2015, eq. 8, dot)."""

    def raw_scores(self, hidden: Hidden, keys: Keys, may_attend: MayAttend) -> Scores:
        return split_heads(hidden, self.heads) @ split_heads(keys, self.heads).mT


class General(Dot):
    """hidden · W · state (Luong et al. 2015, eq. 8, general)."""

    def __init__(self, hidden_size: int, state_size: int, heads: int) -> None:
        super().__init__(hidden_size, state_size, heads)
        self.key = nn.Linear(state_size, hidden_size, bias=False)

    def keys(self, states: Float[Tensor, "B S E"]) -> Keys:
        return self.key(states)


class ScaledDot(Dot):
    """hidden · state / sqrt(size of a head's slice) (Vaswani et al. 2017, eq. 1)."""

    def raw_scores(self, hidden: Hidden, keys: Keys, may_attend: MayAttend) -> Scores:
        return super().raw_scores(hidden, keys, may_attend) / sqrt(self.hidden_size / self.heads)


class Scaled(General, ScaledDot):
    """hidden · W · state / sqrt(size of a head's slice)."""


class Additive(General):
    """v · tanh(W hidden + U state) (Bahdanau et al. 2015, A.1.2), with a `v` for each head."""

    def __init__(self, hidden_size: int, state_size: int, heads: int) -> None:
        super().__init__(hidden_size, state_size, heads)
        self.query = nn.Linear(hidden_size, hidden_size)
        self.energy = nn.Parameter(
            torch.randn(heads, hidden_size // heads) / sqrt(hidden_size / heads)
        )

    def raw_scores(self, hidden: Hidden, keys: Keys, may_attend: MayAttend) -> Scores:
        query = split_heads(self.query(hidden), self.heads)
        both = torch.tanh(query[:, :, :, None] + split_heads(keys, self.heads)[:, :, None])
        return (both @ self.energy[:, None, :, None].to(both.dtype)).squeeze(-1)


SCORES: dict[str, type[Score]] = {
    "none": Final,
    "uniform": Uniform,
    "dot": Dot,
    "general": General,
    "scaled": Scaled,
    "additive": Additive,
}
