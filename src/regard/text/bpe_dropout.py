"""BPE-dropout: the same text cut into other subwords each time it is read (Provilkov et al. 2020).

SentencePiece can do this too, but its chance differs from process to process, so a run that stops
could not go on bit for bit. Here all words are cut side by side, in numpy.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from regard.shapes import Int
from regard.special import RESERVED, UNKNOWN

SPACE = "▁"
"""How SentencePiece writes a space; a word begins with it."""

VARIANTS = 8
"""Ways in which a word is cut at most within one pool; a frequent word draws among them."""

GROUP = 1 << 18
"""Characters that are cut at a time, padding included: what bounds the memory of it."""

NEVER = np.iinfo(np.int64).max
FIRST_PIECE = UNKNOWN + 1 + len(RESERVED) + 256
"""The first token that is a piece of text; before it stand special ones, symbols and bytes."""


class Merges(NamedTuple):
    """What the pieces of a vocabulary say about which neighbours may become one."""

    letters: dict[str, int]
    """The token of each single character."""
    pairs: Int[np.ndarray, " P"]
    """left · size + right of every pair of tokens that together are a token; ascending."""
    merged: Int[np.ndarray, " P"]
    """That token; the smaller, the earlier it is merged."""
    size: int
    """Tokens in the vocabulary."""


def make_merges(pieces: Sequence[str]) -> Merges:
    """From all pieces of a vocabulary, in the order of their numbers."""
    number = {piece: token for token, piece in enumerate(pieces) if token >= FIRST_PIECE}
    letters = {piece: token for piece, token in number.items() if len(piece) == 1}
    found = [
        (number[piece[:cut]] * len(pieces) + number[piece[cut:]], token)
        for piece, token in number.items()
        for cut in range(1, len(piece))
        if piece[:cut] in number and piece[cut:] in number
    ]
    table = np.array(sorted(found), np.int64).reshape(-1, 2)
    return Merges(letters, table[:, 0].copy(), table[:, 1].copy(), len(pieces))


def cut_words(
    words: Sequence[str], merges: Merges, dropout: float, random: np.random.Generator
) -> list[list[int]]:
    """Each word as tokens, cut with words of like length, at most GROUP characters at a time."""
    cut: list[list[int]] = [[]] * len(words)
    by_length = sorted(range(len(words)), key=lambda place: len(words[place]))
    while by_length:
        rows = max(1, GROUP // len(words[by_length[-1]]))
        group, by_length = by_length[-rows:], by_length[:-rows]
        found = cut_group([words[place] for place in group], merges, dropout, random)
        for place, tokens in zip(group, found, strict=True):
            cut[place] = tokens
    return cut


def cut_group(
    words: Sequence[str], merges: Merges, dropout: float, random: np.random.Generator
) -> list[list[int]]:
    """Each word as tokens: of all neighbours that may merge the earliest do, again and again.

    At each step each possible merge is left out with probability `dropout` (algorithm 1). A
    character that the vocabulary lacks becomes its bytes.
    """
    foreign: dict[str, int] = {}
    rows = [
        [merges.letters.get(c, -1 - foreign.setdefault(c, len(foreign))) for c in word]
        for word in words
    ]
    nothing = -1 - len(foreign)
    width = max(map(len, rows), default=0) + 1
    tokens = np.full((len(rows), width), nothing, np.int64)
    for row, ids in zip(tokens, rows, strict=True):
        row[: len(ids)] = ids
    active, places = np.arange(len(rows)), np.arange(width - 1)
    while len(active):
        here = tokens[active]
        rank = rank_of_pairs(here, merges)
        rank[random.random(rank.shape, np.float32) < dropout] = NEVER
        best = rank.argmin(axis=1)[:, None]
        merged = np.take_along_axis(rank, best, axis=1)
        live = merged[:, 0] < NEVER
        active, here, best, merged = active[live], here[live], best[live], merged[live]
        after = np.take_along_axis(here, places + (places > best), axis=1)
        np.put_along_axis(after, best, merged, axis=1)
        tokens[active, :-1] = after
        tokens[active, -1] = nothing
    byte_of = {-1 - place: letter for letter, place in foreign.items()}
    return [
        [part for token in row for part in spell(token, byte_of)]
        for row in (ids[ids != nothing].tolist() for ids in tokens)
    ]


def rank_of_pairs(tokens: Int[np.ndarray, "N L"], merges: Merges) -> Int[np.ndarray, "N _"]:
    """For each two neighbours the token that they may become, or NEVER."""
    if not len(merges.pairs):
        return np.full((len(tokens), tokens.shape[1] - 1), NEVER)
    pairs = tokens[:, :-1] * merges.size + tokens[:, 1:]
    pairs[(tokens[:, :-1] < 0) | (tokens[:, 1:] < 0)] = -1
    place = np.searchsorted(merges.pairs, pairs).clip(max=len(merges.pairs) - 1)
    return np.where(merges.pairs[place] == pairs, merges.merged[place], NEVER)


def spell(token: int, letters: dict[int, str]) -> list[int]:
    """A token, or the bytes of a character for which there is none."""
    if token >= 0:
        return [token]
    if letters[token] in RESERVED:
        return [UNKNOWN + 1 + RESERVED.index(letters[token])]
    first_byte = FIRST_PIECE - 256
    return [first_byte + byte for byte in letters[token].encode()]


def sample(texts: Sequence[str], merges: Merges, dropout: float, seed: int) -> list[list[int]]:
    """The tokens of each text; a function of the arguments alone."""
    random = np.random.default_rng(seed)
    number: dict[str, int] = {}
    words = [[SPACE + word for word in text.split(" ") if word] for text in texts]
    types = [number.setdefault(word, len(number)) for text in words for word in text]
    of_type = np.array(types, np.int64)
    variants = np.minimum(np.bincount(of_type, minlength=len(number)), VARIANTS)
    first = np.cumsum(variants) - variants
    every = list(number)
    repeated = [every[one] for one in np.repeat(np.arange(len(every)), variants)]
    cut = cut_words(repeated, merges, dropout, random)
    drawn = (random.random(len(of_type)) * variants[of_type]).astype(np.int64)
    chosen = iter((first[of_type] + drawn).tolist())
    return [[token for _ in text for token in cut[next(chosen)]] for text in words]
