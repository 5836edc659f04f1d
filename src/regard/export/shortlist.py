"""Learn which target tokens a source token is likely to need (IBM model 1, Brown et al. 1993)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from regard.shapes import Float, Int
from regard.special import END, UNKNOWN, Ids
from regard.storage.model_file import Shortlist
from regard.text.vocabulary import Vocabulary

LIKELY = 40
"""Target tokens kept for each source token."""


COMMON = 150
"""Most frequent target tokens, open to every sentence."""


MAX_PAIRS = 24_000_000
"""Pairs of a source and a target token that the statistics are made of; 20 bytes each."""


CHUNK_SENTENCES = 4096
"""Sentences that are counted at a time."""


EM_ITERATIONS = 4
"""Times that the probabilities are estimated anew."""


COPIED = 8
"""Target tokens that write a source token as it is, at most."""


def learn_shortlist(
    sources: Sequence[Ids], targets: Sequence[Ids], source: Vocabulary, target: Vocabulary
) -> Shortlist:
    """From sentences and their translations, as tokens."""
    kind = np.uint16 if len(target) <= 1 << 16 else np.uint32
    count = np.bincount(np.concatenate([*targets, [UNKNOWN]]), minlength=len(target))
    count[END] = count.max() + 1  # ends every translation
    common = np.sort(np.argsort(-count, kind="stable")[:COMMON])
    likely = np.full((len(source), LIKELY), END, kind)
    pair, chance = translation_probabilities(sources, targets, len(target))
    owner, token = pair // len(target), pair % len(target)
    order = np.lexsort((-chance, owner))
    order = order[~np.isin(token[order], common)]
    owner, token = owner[order], token[order]
    first = np.searchsorted(owner, owner)
    place = np.arange(len(owner)) - first
    kept = place < LIKELY - COPIED
    likely[owner[kept], place[kept]] = token[kept]
    copies = copy_candidates(source, target)
    likely[:, LIKELY - COPIED :] = copies
    return Shortlist(likely, common.astype(kind))


def merge(own: Shortlist, before: Shortlist) -> Shortlist:
    """What a text tells, and what was known before of the same vocabularies."""
    return Shortlist(
        np.hstack([own.likely, before.likely]),
        np.union1d(own.common, before.common).astype(own.common.dtype),
    )


class CooccurringPairs(NamedTuple):
    """Some sentences' pairs of a source and a target token that stand in one sentence."""

    pair: Int[np.ndarray, " C"]
    """source * target_tokens + target; or its place among all of these that were seen."""
    word: Int[np.ndarray, " C"]
    """The number of the target token among those of these sentences."""


def translation_probabilities(
    sources: Sequence[Ids], targets: Sequence[Ids], target_tokens: int
) -> tuple[Int[np.ndarray, " P"], Float[np.ndarray, " P"]]:
    """Every pair of tokens seen, source * target_tokens + target, and p(target | source).

    IBM model 1 (Brown et al. 1993, section 4.2) without its empty word.
    """
    some = [
        slice(begin, begin + CHUNK_SENTENCES) for begin in range(0, len(sources), CHUNK_SENTENCES)
    ]
    seen = [cooccurring_pairs(sources[part], targets[part], target_tokens) for part in some]
    known = np.unique(np.concatenate([np.unique(part.pair) for part in seen]))
    cells = [
        CooccurringPairs(np.searchsorted(known, pair).astype(np.int32), word) for pair, word in seen
    ]
    del seen
    owner, chance = known // target_tokens, np.ones(len(known))
    for _ in range(EM_ITERATIONS):
        count = np.zeros(len(known))
        for pair, word in cells:
            share = chance[pair]
            share /= np.bincount(word, share)[word]
            count += np.bincount(pair, share, len(known))
        chance = count / np.bincount(owner, count)[owner]
    return known, chance


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
    """For each source token the target tokens that write it as it is, so that names can be."""
    pieces = source.pieces(range(len(source)))
    known = dict(zip(target.pieces(range(len(target))), range(len(target)), strict=True))
    spelt = target.encode([piece.replace("▁", " ").strip() for piece in pieces])
    table = np.full((len(pieces), COPIED), END, np.int64)
    for row, (piece, tokens) in enumerate(zip(pieces, spelt, strict=True)):
        same = [known[piece]] if piece in known else []
        found = (same + [token for token in tokens if token not in same])[:COPIED]
        table[row, : len(found)] = found
    return table
