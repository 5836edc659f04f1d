"""BPE-dropout: random segmentations of a text into subwords (Provilkov et al. 2020).

SentencePiece offers this too, but its random numbers differ between processes, so a resumed run
would not repeat bit for bit. This implementation segments all words in parallel, in numpy.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from regard.shapes import Int
from regard.special import RESERVED, UNKNOWN

SPACE_PIECE = "▁"
"""SentencePiece's symbol for a space; every word begins with it."""

MAX_VARIANTS = 8
"""At most so many segmentations of a word are sampled per call; its occurrences choose among them.
"""

MAX_GROUP_CHARACTERS = 1 << 18
"""Characters that are segmented at a time, padding included; bounds the memory in use."""

NEVER = np.iinfo(np.int64).max
FIRST_BYTE = UNKNOWN + 1 + len(RESERVED)
FIRST_PIECE = FIRST_BYTE + 256
"""The first token that is text; special tokens, reserved symbols and bytes precede it."""


class Merges(NamedTuple):
    """The merges of a vocabulary: which pairs of neighbouring tokens become one token."""

    letters: dict[str, int]
    """The token of each single character."""
    pairs: Int[np.ndarray, " P"]
    """left · size + right for every pair of tokens that form a token; ascending."""
    merged: Int[np.ndarray, " P"]
    """The token that each pair forms; lower tokens are merged first."""
    size: int
    """Tokens in the vocabulary."""


def make_merges(pieces: Sequence[str]) -> Merges:
    """The merges of a vocabulary, given all its pieces in the order of their ids."""
    ids = {piece: token for token, piece in enumerate(pieces) if token >= FIRST_PIECE}
    letters = {piece: token for piece, token in ids.items() if len(piece) == 1}
    merges = [
        (ids[piece[:cut]] * len(pieces) + ids[piece[cut:]], token)
        for piece, token in ids.items()
        for cut in range(1, len(piece))
        if piece[:cut] in ids and piece[cut:] in ids
    ]
    table = np.array(sorted(merges), np.int64).reshape(-1, 2)
    return Merges(letters, table[:, 0].copy(), table[:, 1].copy(), len(pieces))


def cut_words(
    words: Sequence[str], merges: Merges, dropout: float, random: np.random.Generator
) -> list[list[int]]:
    """The tokens of each word. Words of similar length form groups of at most
    `MAX_GROUP_CHARACTERS`."""
    segmented: list[list[int]] = [[]] * len(words)
    by_length = sorted(range(len(words)), key=lambda index: len(words[index]))
    while by_length:
        rows = max(1, MAX_GROUP_CHARACTERS // len(words[by_length[-1]]))
        group, by_length = by_length[-rows:], by_length[:-rows]
        tokens_of_words = cut_group([words[index] for index in group], merges, dropout, random)
        for index, tokens in zip(group, tokens_of_words, strict=True):
            segmented[index] = tokens
    return segmented


def cut_group(
    words: Sequence[str], merges: Merges, dropout: float, random: np.random.Generator
) -> list[list[int]]:
    """The tokens of each word: repeatedly merge the pair whose merge was learned first.

    At each step each possible merge is skipped with probability `dropout` (algorithm 1). A
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
    active, positions = np.arange(len(rows)), np.arange(width - 1)
    while len(active):
        current = tokens[active]
        rank = rank_of_pairs(current, merges)
        rank[random.random(rank.shape, np.float32) < dropout] = NEVER
        best = rank.argmin(axis=1)[:, None]
        merged = np.take_along_axis(rank, best, axis=1)
        live = merged[:, 0] < NEVER
        active, current, best, merged = active[live], current[live], best[live], merged[live]
        after = np.take_along_axis(current, positions + (positions > best), axis=1)
        np.put_along_axis(after, best, merged, axis=1)
        tokens[active, :-1] = after
        tokens[active, -1] = nothing
    characters = {-1 - index: character for character, index in foreign.items()}
    return [
        [part for token in row for part in spell(token, characters)]
        for row in (ids[ids != nothing].tolist() for ids in tokens)
    ]


def rank_of_pairs(tokens: Int[np.ndarray, "N L"], merges: Merges) -> Int[np.ndarray, "N _"]:
    """For each two neighbours the token that they form, or NEVER if they form none."""
    if not len(merges.pairs):
        return np.full((len(tokens), tokens.shape[1] - 1), NEVER)
    pairs = tokens[:, :-1] * merges.size + tokens[:, 1:]
    pairs[(tokens[:, :-1] < 0) | (tokens[:, 1:] < 0)] = -1
    index = np.searchsorted(merges.pairs, pairs).clip(max=len(merges.pairs) - 1)
    return np.where(merges.pairs[index] == pairs, merges.merged[index], NEVER)


def spell(token: int, characters: dict[int, str]) -> list[int]:
    """The token itself; or, if it is negative, the reserved symbol or the bytes of the character
    for which it was a placeholder."""
    if token >= 0:
        return [token]
    if characters[token] in RESERVED:
        return [UNKNOWN + 1 + RESERVED.index(characters[token])]
    first_byte = FIRST_PIECE - 256
    return [first_byte + byte for byte in characters[token].encode()]


def sample_tokens(
    texts: Sequence[str], merges: Merges, dropout: float, seed: int
) -> list[list[int]]:
    """The tokens of each text under BPE-dropout. The result depends on the arguments alone."""
    random = np.random.default_rng(seed)
    ids: dict[str, int] = {}
    words = [[SPACE_PIECE + word for word in text.split(" ") if word] for text in texts]
    types = np.array([ids.setdefault(word, len(ids)) for text in words for word in text], np.int64)
    variants = np.minimum(np.bincount(types, minlength=len(ids)), MAX_VARIANTS)
    first = np.cumsum(variants) - variants
    repeated = [word for word, count in zip(ids, variants, strict=True) for _ in range(count)]
    segmented = cut_words(repeated, merges, dropout, random)
    drawn = (random.random(len(types)) * variants[types]).astype(np.int64)
    chosen = iter((first[types] + drawn).tolist())
    return [[token for _ in text for token in segmented[next(chosen)]] for text in words]
