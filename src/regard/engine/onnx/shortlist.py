"""Select the target tokens that a sentence may need: some hundreds instead of a whole vocabulary.

They are, for each source token, the target tokens that translate it in the training text (IBM
model 1), and those that every translation may need. A .regard file stores them (`Shortlist`).
"""

from collections.abc import Sequence

import numpy as np

from regard.engine.onnx.symbols import LEADING
from regard.shapes import Int
from regard.special import PAD, Ids
from regard.storage.model_file import Shortlist

BLOCK = 16
"""A block of allowed tokens; there are at least BLOCK blocks (`candidates.MAX_TOP_K`)."""


def allowed_tokens(shortlist: Shortlist, source: Ids, tokens: int) -> Int[np.ndarray, " W"]:
    """Those of `tokens` target tokens that a sentence may need, in ascending order."""
    is_allowed = np.zeros(tokens, bool)
    is_allowed[shortlist.common] = True
    is_allowed[shortlist.likely[list(source)]] = True
    return np.flatnonzero(is_allowed)


def put_leading_first(allowed: Sequence[Int[np.ndarray, " _"]]) -> list[Int[np.ndarray, " W"]]:
    """The tokens of each sentence in ascending order, those up to the last placeholder symbol in
    the columns of their ids; <pad> is where one of these is not allowed."""
    leading = np.arange(LEADING)
    return [
        np.concatenate(
            [np.where(np.isin(leading, tokens), leading, PAD), tokens[tokens >= LEADING]]
        )
        for tokens in allowed
    ]


def pad_to_blocks(allowed: Sequence[Int[np.ndarray, " _"]]) -> Int[np.ndarray, "B W"]:
    """The tokens of each sentence in full blocks, padded with <pad>, which has a logit of -inf."""
    blocks = max(BLOCK, *(-(-len(tokens) // BLOCK) for tokens in allowed))
    padded = np.full((len(allowed), blocks * BLOCK), PAD)
    for row, tokens in zip(padded, allowed, strict=True):
        row[: len(tokens)] = tokens
    return padded
