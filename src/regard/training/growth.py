"""Initialise a network with the weights of a smaller one that computes the same.

The hidden states of the decoder may be wider and the encoder deeper; before training the outputs
are those of the smaller network (after Net2Net, Chen et al. 2016).
"""

from math import sqrt

import torch
from torch import Tensor, nn

from regard.model.encoder import Encoder, RecurrentEncoder
from regard.model.layers import FeedForward
from regard.model.network import EncoderDecoder
from regard.model.recurrence import SSRU, Recurrence
from regard.model.scores import Additive, General, Scaled
from regard.model.self_attention import SelfAttention
from regard.shapes import Int


def unit_indices(hidden: int, wider: int, heads: int) -> Int[Tensor, " H"]:
    """The index of each unit of a hidden state in a wider one; each head keeps its own slice."""
    unit = torch.arange(hidden)
    return unit + unit // (hidden // heads) * ((wider - hidden) // heads)


def widened_indices(size: int, wider: int, kept: Int[Tensor, " H"], growth: int) -> Tensor:
    """The same along one dimension of a weight, of `size` that becomes `wider`.

    It has one or more hidden states (four for the gates of an LSTM), then what has not grown. A
    dimension that has grown by less than a hidden state is one head's slice.
    """
    states, index = (wider - size) // growth, torch.arange(size)
    return torch.cat(
        [state * (len(kept) + growth) + kept for state in range(states)]
        + [index[states * len(kept) :] + states * growth]
    )


@torch.no_grad()
def copy_smaller(smaller: EncoderDecoder, network: EncoderDecoder) -> None:
    """Give `network` the weights of `smaller`, which may be narrower and have fewer layers."""
    widen(smaller, network)
    if network.sizes.encoder_layers > smaller.sizes.encoder_layers:
        deepen(smaller.encoder, network.encoder)


def widen(smaller: EncoderDecoder, network: EncoderDecoder) -> None:
    """Copy the weights; the decoder's hidden states may be wider.

    The new units have the same inputs as the old ones, with the initial weights of `network`; the
    weights that read them are zero.
    """
    hidden, wider = smaller.sizes.decoder_size, network.sizes.decoder_size
    kept, growth = unit_indices(hidden, wider, smaller.sizes.heads), wider - hidden
    weights = dict(network.named_parameters())
    for name, old in smaller.named_parameters():
        new = weights[name]
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


def deepen(smaller: Encoder, encoder: Encoder) -> None:
    """Initialise the new layers such that they add nothing to the states of the last old layer."""
    first_new = len(smaller.layers)
    for part in (encoder.layers[first_new:], encoder.feed_forwards[first_new:]):
        for module in part.modules():
            if isinstance(module, Recurrence):
                zero_init(module)
            elif isinstance(module, SelfAttention):
                zero_weights(module.join)
            elif isinstance(module, FeedForward):
                zero_weights(module.outer)
    if isinstance(smaller, RecurrentEncoder) and isinstance(encoder, RecurrentEncoder):
        move_last_norm(smaller.norms, encoder.norms)


def move_last_norm(smaller: nn.ModuleList, norms: nn.ModuleList) -> None:
    """Normalising twice is the same as once, so the gain and the bias of the last norm of the
    smaller encoder move to the last norm, and the norms between them get a gain of 1 and no bias.
    """
    for norm in norms[len(smaller) - 1 : -1].modules():
        if isinstance(norm, nn.LayerNorm):
            norm.reset_parameters()
    norms[-1].load_state_dict(smaller[-1].state_dict())


def zero_weights(module: nn.Module) -> None:
    for weight in module.parameters():
        nn.init.zeros_(weight)


def zero_init(recurrence: Recurrence) -> None:
    """Set the weights of the candidate to zero: the output is zero, and its gradient is not.

    Those of an SSRU are divided by 1,000 instead, for its ReLU has no gradient at zero.
    """
    if isinstance(recurrence, SSRU):
        for weight in recurrence.gate_and_candidate.parameters():
            weight[recurrence.hidden_size :] *= 0.001
        return
    for weight in recurrence.parameters():
        weight[2 * recurrence.hidden_size : 3 * recurrence.hidden_size] = 0
