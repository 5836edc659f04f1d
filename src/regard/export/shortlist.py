"""Learn which target tokens a source token is likely to need (IBM model 1, Brown et al. 1993)."""

from collections.abc import Sequence

import numpy as np

from regard.alignment.ibm1 import translation_probabilities
from regard.shapes import Int
from regard.special import END, UNKNOWN, Ids
from regard.storage.model_file import Shortlist
from regard.text.vocabulary import Vocabulary

LIKELY_PER_TOKEN = 40
"""Target tokens kept for each source token."""
COMMON_TOKENS = 150
"""Most frequent target tokens, open to every sentence."""
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
    pair, probability, _ = translation_probabilities(sources, targets, len(target))
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
