"""Learn which target tokens a source token is likely to need (IBM model 1, Brown et al. 1993)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from regard.shapes import Float, Int
from regard.special import END, UNKNOWN, Ids
from regard.storage.model_file import Shortlist
from regard.text.vocabulary import Vocabulary

LIKELY_PER_TOKEN = 40
"""Target tokens kept for each source token."""
COMMON_TOKENS = 150
"""Most frequent target tokens, open to every sentence."""
MAX_PAIRS = 24_000_000
"""Pairs of a source and a target token that the statistics are made of; 20 bytes each."""
CHUNK_SENTENCES = 4096
"""Sentences that are counted at a time."""
EM_ITERATIONS = 4
"""Times that the probabilities are estimated anew."""
COPIES_PER_TOKEN = 8
"""Target tokens that write a source token as it is, at most."""


def learn_shortlist(
    sources: Sequence[Ids], targets: Sequence[Ids], source: Vocabulary, target: Vocabulary
) -> Shortlist:
    """From sentences and their translations, as tokens."""
    kind = np.uint16 if len(target) <= 1 << 16 else np.uint32
    count = np.bincount(np.concatenate([*targets, [UNKNOWN]]), minlength=len(target))
    count[END] = count.max() + 1  # ends every translation
    common = np.sort(np.argsort(-count, kind="stable")[:COMMON_TOKENS])
    likely = np.full((len(source), LIKELY_PER_TOKEN), END, kind)
    pair, probability = translation_probabilities(sources, targets, len(target))
    owner, token = pair // len(target), pair % len(target)
    order = np.lexsort((-probability, owner))
    order = order[~np.isin(token[order], common)]
    owner, token = owner[order], token[order]
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner)
    is_kept = rank < LIKELY_PER_TOKEN - COPIES_PER_TOKEN
    likely[owner[is_kept], rank[is_kept]] = token[is_kept]
    likely[:, LIKELY_PER_TOKEN - COPIES_PER_TOKEN :] = copy_candidates(source, target)
    return Shortlist(likely, common.astype(kind))


def merge(own: Shortlist, before: Shortlist) -> Shortlist:
    """The tokens of both shortlists, which are of the same vocabularies."""
    return Shortlist(
        np.hstack([own.likely, before.likely]),
        np.union1d(own.common, before.common).astype(own.common.dtype),
    )


class CooccurringPairs(NamedTuple):
    """Each pair of a source and a target token of one sentence pair, of some sentences."""

    pair: Int[np.ndarray, " C"]
    """source * target_tokens + target; or its index among all different ones."""
    word: Int[np.ndarray, " C"]
    """The index of the target token among all those of these sentences."""


def translation_probabilities(
    sources: Sequence[Ids], targets: Sequence[Ids], target_tokens: int
) -> tuple[Int[np.ndarray, " P"], Float[np.ndarray, " P"]]:
    """Every pair of tokens in the text, source * target_tokens + target, and p(target | source).

    IBM model 1 (Brown et al. 1993, section 4.2) without its empty word.
    """
    begins = range(0, len(sources), CHUNK_SENTENCES)
    chunks = [slice(begin, begin + CHUNK_SENTENCES) for begin in begins]
    counted = [cooccurring_pairs(sources[part], targets[part], target_tokens) for part in chunks]
    all_pairs = np.unique(np.concatenate([np.unique(part.pair) for part in counted]))
    cooccurring = [
        CooccurringPairs(np.searchsorted(all_pairs, pair).astype(np.int32), word)
        for pair, word in counted
    ]
    del counted
    owner, probability = all_pairs // target_tokens, np.ones(len(all_pairs))
    for _ in range(EM_ITERATIONS):
        count = np.zeros(len(all_pairs))
        for pair, word in cooccurring:
            expected = probability[pair]
            expected /= np.bincount(word, expected)[word]
            count += np.bincount(pair, expected, len(all_pairs))
        probability = count / np.bincount(owner, count)[owner]
    return all_pairs, probability


def cooccurring_pairs(
    sources: Sequence[Ids], targets: Sequence[Ids], target_tokens: int
) -> CooccurringPairs:
    pairs, words, written = [], [], 0
    for source, target in zip(sources, targets, strict=True):
        both = np.array(source)[None] * target_tokens + np.array(target, np.int64)[:, None]
        pairs.append(both.ravel())
        words.append(np.repeat(written + np.arange(len(target), dtype=np.int32), len(source)))
        written += len(target)
    return CooccurringPairs(np.concatenate(pairs), np.concatenate(words))


def copy_candidates(source: Vocabulary, target: Vocabulary) -> Int[np.ndarray, "_ _"]:
    """For each source token the target tokens that spell it, so that names can be copied."""
    pieces = source.pieces(range(len(source)))
    ids = dict(zip(target.pieces(range(len(target))), range(len(target)), strict=True))
    spelled = target.encode([piece.replace("▁", " ").strip() for piece in pieces])
    table = np.full((len(pieces), COPIES_PER_TOKEN), END, np.int64)
    for row, (piece, tokens) in enumerate(zip(pieces, spelled, strict=True)):
        same = [ids[piece]] if piece in ids else []
        copies = (same + [token for token in tokens if token not in same])[:COPIES_PER_TOKEN]
        table[row, : len(copies)] = copies
    return table
