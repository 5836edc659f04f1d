"""The alignment head: which source word each target word translates, and the other way round.

On each side a recurrent network reads what a trained model has of every token: the states of its
encoder, and the embeddings of its target tokens. The product of the vectors of two words is their
score. One matrix of scores gives both directions, and each word may come from none, as in
Mask-Align (Chen, Sun & Liu 2021).

Letters: B sentences, S source tokens, T target tokens, I source words, J target words, V the size
of a vector (D) and the logit after it.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from regard.model.encoder import Bidirectional, reversal_indices
from regard.model.layers import Dropout, Embedding
from regard.model.network import EncoderDecoder
from regard.model.sizes import HeadSizes
from regard.shapes import Bool, Float, Int

AGREEMENT = 5.0
"""The weight of the squared difference between the directions (Chen et al. 2021)."""
SURE_LINK, SURE_NONE = 0.4, 0.8
"""A word is learned from if its likeliest link, or that it has none, is at least so likely."""


class FrozenInputs(NamedTuple):
    """What a trained model has of sentences and their translations."""

    source: Int[Tensor, "B S"]
    """The tokens, with </s>, then padding."""
    target: Int[Tensor, "B T"]
    states: Float[Tensor, "B S E"]
    embedded: Float[Tensor, "B T M"]


@torch.no_grad()
def read_frozen(
    network: EncoderDecoder, source: Int[Tensor, "B S"], target: Int[Tensor, "B T"]
) -> FrozenInputs:
    """The network itself does not learn from it."""
    states, embedded = network.encoder(source).states, network.decoder.embed(target)
    return FrozenInputs(source, target, states, embedded)


class Reader(nn.Module):
    """Reads one side from both ends; returns the vectors of the tokens, and after each of them the
    logit that its word has no link. At </s> they mean nothing."""

    def __init__(self, tokens: int, input_size: int, sizes: HeadSizes, dropout: float) -> None:
        super().__init__()
        self.embed = Embedding(tokens, sizes.embedding_size, 0.0, 0.0)
        self.dropout = Dropout(dropout)
        self.layer = Bidirectional(input_size + sizes.embedding_size, sizes.size, "lstm")
        self.project = nn.Linear(sizes.size, sizes.size + 1)

    def forward(
        self, tokens: Int[Tensor, "B T"], inputs: Float[Tensor, "B T _"]
    ) -> Float[Tensor, "B T V"]:
        both = torch.cat([inputs, self.embed(tokens)], dim=-1)
        states = self.layer(self.dropout(both), reversal_indices(tokens))
        return self.project(self.dropout(states)).float()


class AlignmentHead(nn.Module):
    def __init__(self, sizes: HeadSizes, dropout: float = 0.0) -> None:
        super().__init__()
        self.source = Reader(sizes.source_tokens, sizes.source_size, sizes, dropout)
        self.target = Reader(sizes.target_tokens, sizes.target_size, sizes, dropout)

    def forward(self, inputs: FrozenInputs) -> tuple[Tensor, Tensor]:
        """The vectors of the source [B S V] and of the target [B T V]."""
        source = self.source(inputs.source, inputs.states)
        return source, self.target(inputs.target, inputs.embedded)


class WordScores(NamedTuple):
    scores: Float[Tensor, "B I J"]
    source_none: Float[Tensor, "B I"]
    """The logits that source words have no link."""
    target_none: Float[Tensor, "B J"]


def score_words(
    source: Float[Tensor, "B S V"],
    target: Float[Tensor, "B T V"],
    source_owners: Int[Tensor, "B S"],
    target_owners: Int[Tensor, "B T"],
) -> WordScores:
    """The scaled products (Vaswani et al. 2017, eq. 1) of the means of each word's tokens.

    `owners` are the indices of the words, -1 for a token that is in none.
    """
    sources, targets = word_means(source, source_owners), word_means(target, target_owners)
    products = sources[..., :-1] @ targets[..., :-1].transpose(1, 2)
    scores = products * (source.size(-1) - 1) ** -0.5
    return WordScores(scores, sources[..., -1], targets[..., -1])


def word_means(
    tokens: Float[Tensor, "B T V"], owners: Int[Tensor, "B T"]
) -> Float[Tensor, "B I V"]:
    membership = one_hot(owners + 1)[..., 1:].to(tokens.dtype)
    shares = membership / membership.sum(1, keepdim=True).clamp(min=1)
    return shares.transpose(1, 2) @ tokens


def alignment_loss(
    words: WordScores,
    links: Float[Tensor, "B I J"],
    is_source: Bool[Tensor, "B I"],
    is_target: Bool[Tensor, "B J"],
) -> Float[Tensor, ""]:
    """The cross-entropy of both directions to the probabilities `links`, plus their disagreement;
    summed over the words."""
    forward, forward_loss = direction(
        words.scores.transpose(1, 2), words.target_none, links.transpose(1, 2), is_source, is_target
    )
    backward, backward_loss = direction(
        words.scores, words.source_none, links, is_target, is_source
    )
    difference = (forward.transpose(1, 2) - backward).square().sum()
    return forward_loss + backward_loss + AGREEMENT * difference


def direction(
    scores: Float[Tensor, "B J I"],
    none: Float[Tensor, "B J"],
    links: Float[Tensor, "B J I"],
    is_candidate: Bool[Tensor, "B I"],
    is_word: Bool[Tensor, "B J"],
) -> tuple[Float[Tensor, "B J I"], Float[Tensor, ""]]:
    """The probabilities that each of J words comes from one of I words, and their loss."""
    logits = torch.cat([scores.masked_fill(~is_candidate[:, None], -1e4), none[..., None]], dim=-1)
    log_probs = logits.float().log_softmax(-1)
    without = (1 - links.sum(-1, keepdim=True)).clamp(min=0)
    wanted = torch.cat([links, without], dim=-1)
    is_sure = (links.amax(-1) >= SURE_LINK) | (without.squeeze(-1) >= SURE_NONE)
    loss = -(wanted * log_probs).sum(-1) * (is_sure & is_word)
    probabilities = log_probs[..., :-1].exp() * is_word[..., None]
    return probabilities, loss.sum()
