"""From what the alignment head of a model says of tokens to the probabilities of links."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from regard.alignment.links import Posterior, of_one_model
from regard.shapes import Float
from regard.special import Ids


class TokenVectors(NamedTuple):
    """Of the tokens of one side of a sentence, </s> excluded."""

    vectors: Float[np.ndarray, "T D"]
    none: Float[np.ndarray, " T"]
    """The logit that a token's word has no link."""

    def of_words(self, words: Sequence[Ids]) -> "TokenVectors":
        """The means over the tokens of each word, which are given by their indices."""
        if not words:
            return TokenVectors(self.vectors[:0], self.none[:0])
        sizes = np.array([len(word) for word in words])
        vectors, none = (sums_of_words(part, words) for part in self)
        return TokenVectors(vectors / sizes[:, None].astype(np.float32), none / sizes)


def sums_of_words(
    numbers: Float[np.ndarray, "T *rest"], words: Sequence[Ids]
) -> Float[np.ndarray, "J *rest"]:
    """Of numbers that each token has: the sums over the tokens of each word, of which there is at
    least one, as they are given by their indices."""
    sizes = np.array([len(word) for word in words])
    tokens = np.concatenate([np.asarray(word) for word in words])
    return np.add.reduceat(numbers[tokens], np.cumsum(sizes) - sizes)


class HeadOutput(NamedTuple):
    """Of a sentence and its translation."""

    source: TokenVectors
    target: TokenVectors


def head_outputs(
    source: Float[np.ndarray, "B S _"],
    target: Float[np.ndarray, "B T _"],
    sources: Sequence[Ids],
    targets: Sequence[Ids],
) -> list[HeadOutput]:
    """Of a batch, from the vectors of its padded tokens, each followed by the logit of no link."""
    return [
        HeadOutput(*(TokenVectors(side[:, :-1], side[:, -1]) for side in both))
        for both in (
            (source[row, : len(own)], target[row, : len(translation)])
            for row, (own, translation) in enumerate(zip(sources, targets, strict=True))
        )
    ]


def head_posterior(
    output: HeadOutput, source_words: Sequence[Ids], target_words: Sequence[Ids]
) -> Posterior:
    """Of words that are given by the indices of their tokens."""
    source, target = output.source.of_words(source_words), output.target.of_words(target_words)
    size = np.float32(output.source.vectors.shape[1])
    scores = source.vectors @ target.vectors.T / np.sqrt(size)
    forward = softmax_or_none(scores.T, target.none).T
    return of_one_model(forward, softmax_or_none(scores, source.none))


def softmax_or_none(
    scores: Float[np.ndarray, "N M"], none: Float[np.ndarray, " N"]
) -> Float[np.ndarray, "N M"]:
    """The softmax over each row and the logit that belongs to none of its columns."""
    logits = np.column_stack([scores, none])
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (exponentials / exponentials.sum(axis=1, keepdims=True))[:, :-1].astype(np.float32)
