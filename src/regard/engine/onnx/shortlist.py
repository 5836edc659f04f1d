"""Which target tokens a sentence is likely to need: a few hundred instead of a whole vocabulary.

For each source token the target tokens that translate it in the training text (IBM model 1), and
those that every translation may need. Stored in the .regard file (`bundle.Shortlist`).
"""

from collections.abc import Sequence

import numpy as np

from regard.shapes import Int
from regard.special import PAD, Ids
from regard.storage.model_file import Shortlist

BLOCK = 16
"""Tokens asked for are a multiple of this, and at least as many blocks (`candidates.MAX_TOP_K`)."""


def allowed_tokens(shortlist: Shortlist, source: Ids, tokens: int) -> Int[np.ndarray, " W"]:
    """Those of `tokens` target tokens that a sentence may need, in order."""
    is_allowed = np.zeros(tokens, bool)
    is_allowed[shortlist.common] = True
    is_allowed[shortlist.likely[list(source)]] = True
    return np.flatnonzero(is_allowed)


def pad_to_blocks(own: Sequence[Int[np.ndarray, " _"]]) -> Int[np.ndarray, "B W"]:
    """The tokens of each sentence in whole blocks: <pad>, which is never written, stands behind."""
    blocks = max(BLOCK, *(-(-len(tokens) // BLOCK) for tokens in own))
    filled = np.full((len(own), blocks * BLOCK), PAD)
    for row, tokens in zip(filled, own, strict=True):
        row[: len(tokens)] = tokens
    return filled


# Learning
