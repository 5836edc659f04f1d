"""More room for what has been learned: a network takes over the weights of a smaller one.

Its decoder's hidden states may be wider and its encoder deeper; at first it says what the smaller
one says (after Net2Net, Chen et al. 2016).
"""

from math import sqrt

import torch
from torch import Tensor, nn

from regard.model.attention import Additive, General, Scaled
from regard.model.encoder import Encoder
from regard.model.network import EncoderDecoder
from regard.model.recurrence import SSRU, Recurrence
from regard.shapes import Int


def unit_indices(hidden: int, wider: int, heads: int) -> Int[Tensor, " H"]:
    """Where the numbers of a hidden state stand in a wider one; each head keeps its own slice."""
    unit = torch.arange(hidden)
    return unit + unit // (hidden // heads) * ((wider - hidden) // heads)


def widened_indices(size: int, wider: int, kept: Int[Tensor, " H"], growth: int) -> Tensor:
    """The same along one side of a weight: hidden states first (four of them for the gates of an
    LSTM), then what has not grown. A side that has grown by less than a state is one head's slice.
    """
    states, place = (wider - size) // growth, torch.arange(size)
    return torch.cat(
        [state * (len(kept) + growth) + kept for state in range(states)]
        + [place[states * len(kept) :] + states * growth]
    )


@torch.no_grad()
def copy_smaller(ready: EncoderDecoder, network: EncoderDecoder) -> None:
    """Give `network` the weights of `ready`, which may be narrower and less deep (module)."""
    widen(ready, network)
    if network.sizes.encoder_layers > ready.sizes.encoder_layers:
        deepen(ready.encoder, network.encoder)


def widen(ready: EncoderDecoder, network: EncoderDecoder) -> None:
    """Take over what both have; the decoder's hidden states may be wider.

    The new units read what the old ones do, with the fresh weights of `network`; nothing reads
    them yet.
    """
    hidden, wider = ready.sizes.decoder_size, network.sizes.decoder_size
    kept, growth = unit_indices(hidden, wider, ready.sizes.heads), wider - hidden
    own = dict(network.named_parameters())
    for name, old in ready.named_parameters():
        new = own[name]
        if new.shape == old.shape:
            new.copy_(old)
            continue
        rows = widened_indices(len(old), len(new), kept, growth)
        if old.dim() == 1:
            new[rows] = old.to(new.device)
            continue
        columns = widened_indices(old.size(1), new.size(1), kept, growth)
        new[rows] = 0
        new[rows[:, None], columns] = old.to(new.device)
    for layer in network.decoder.stack:
        score = layer.score
        if isinstance(score, General) and not isinstance(score, Additive):
            score.key.weight[torch.isin(torch.arange(wider), kept, invert=True)] = 0
        if isinstance(score, Scaled):
            score.key.weight *= sqrt(wider / hidden)


def deepen(ready: Encoder, encoder: Encoder) -> None:
    """Begin with new layers that add nothing yet to what the layers of `ready` have read.

    What is normalised twice is normalised once, so the gain and the bias of the last layer of
    `ready` move up to the last of all, and those between them scale and move nothing.
    """
    known = len(ready.layers)
    for part in encoder.layers[known:].modules():
        if isinstance(part, Recurrence):
            zero_init(part)
    for part in encoder.norms[known - 1 : -1].modules():
        if isinstance(part, nn.LayerNorm):
            part.reset_parameters()
    encoder.norms[-1].load_state_dict(ready.norms[-1].state_dict())


def zero_init(recurrence: Recurrence) -> None:
    """Let it write nothing, and learn to: what it would carry is zero, its gates are open.

    An SSRU writes a thousandth of what it would: at nothing its ReLU has no gradient.
    """
    if isinstance(recurrence, SSRU):
        for weight in recurrence.gate_and_candidate.parameters():
            weight[recurrence.hidden_size :] *= 0.001
        return
    for weight in recurrence.parameters():
        weight[2 * recurrence.hidden_size : 3 * recurrence.hidden_size] = 0
