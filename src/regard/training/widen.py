"""More room for what has been learned: a network takes over the weights of a narrower one."""

from math import sqrt

import torch
from jaxtyping import Int
from torch import Tensor

from regard.model.attention import Additive, General, Scaled
from regard.model.network import EncoderDecoder


def places(hidden: int, wider: int, heads: int) -> Int[Tensor, " H"]:
    """Where the numbers of a hidden state stand in a wider one; each head keeps its own slice."""
    unit = torch.arange(hidden)
    return unit + unit // (hidden // heads) * ((wider - hidden) // heads)


def along(size: int, wider: int, kept: Int[Tensor, " H"], growth: int) -> Tensor:
    """The same along one side of a weight: hidden states first (four of them for the gates of an
    LSTM), then what has not grown. A side that has grown by less than a state is one head's slice.
    """
    states, place = (wider - size) // growth, torch.arange(size)
    return torch.cat(
        [state * (len(kept) + growth) + kept for state in range(states)]
        + [place[states * len(kept) :] + states * growth]
    )


@torch.no_grad()
def take_over(ready: EncoderDecoder, network: EncoderDecoder) -> None:
    """Give `network` the weights of `ready`, whose decoder may have narrower hidden states.

    The new units read what the old ones do, with the fresh weights of `network`; nothing reads
    them yet. So `network` says what `ready` says, but for rounding, and has room to learn more
    (after Net2Net, Chen et al. 2016).
    """
    hidden, wider = ready.sizes.hidden, network.sizes.hidden
    kept, growth = places(hidden, wider, ready.sizes.heads), wider - hidden
    own = dict(network.named_parameters())
    for name, old in ready.named_parameters():
        new = own[name]
        if new.shape == old.shape:
            new.copy_(old)
            continue
        rows = along(len(old), len(new), kept, growth)
        if old.dim() == 1:
            new[rows] = old.to(new.device)
            continue
        columns = along(old.size(1), new.size(1), kept, growth)
        new[rows] = 0
        new[rows[:, None], columns] = old.to(new.device)
    for layer in network.decoder.stack:
        score = layer.score
        if isinstance(score, General) and not isinstance(score, Additive):
            score.key.weight[torch.isin(torch.arange(wider), kept, invert=True)] = 0
        if isinstance(score, Scaled):
            score.key.weight *= sqrt(wider / hidden)
