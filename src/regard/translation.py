"""Lines of any length: cut into sentences, translated, and put together again."""

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from regard.search.beam import FinishReason
from regard.search.protocols import Forced
from regard.text import sentences
from regard.text.normalize import normalize
from regard.translator import Translation, Translator

REASON_ORDER: tuple[FinishReason, ...] = ("repetition", "length", "eos")
"""A line's ending is that of its sentences that comes first here."""


def translate_lines(translator: Translator, lines: Sequence[str]) -> list[Translation]:
    """The best translation of each line, sentence by sentence, with the white space between them as
    it was."""
    cut = [sentences.split_sentences(normalize(line), translator.languages[0]) for line in lines]
    found = iter(translator.translate([part.text for parts in cut for part in parts]))
    return [
        join([next(found) for _ in parts], [part.whitespace for part in parts]) for parts in cut
    ]


def join(parts: Sequence[Translation], gaps: Sequence[str]) -> Translation:
    """One translation from those of a line's sentences; `gaps` stand behind each."""
    if len(parts) == 1:
        return parts[0]
    endings = {part.finish_reason for part in parts}

    def look() -> Forced:
        looks = [part._forced() for part in parts]
        log_probs = np.concatenate([one.log_probs for one in looks])
        return Forced(log_probs, block_diagonal([one.weights for one in looks]))

    return Translation(
        "".join(interleave([part.source for part in parts], gaps)),
        "".join(interleave([part.text for part in parts], fill_gaps(parts, gaps))),
        sum(part.log_prob for part in parts),
        next(ending for ending in REASON_ORDER if ending in endings),
        [token for part in parts for token in part.tokens],
        [token for part in parts for token in part.source_tokens],
        look,
    )


def fill_gaps(parts: Sequence[Translation], gaps: Sequence[str]) -> list[str]:
    """The gaps as they were; a space where the source needed none, and this language does."""
    found = list(gaps)
    for number, (part, follows) in enumerate(pairwise(parts)):
        is_apart = gaps[number] or not part.text or is_wide(part.text[-1])
        if not is_apart and not sentences.splits_a_word(part.source, follows.source):
            found[number] = " "
    return found


def is_wide(letter: str) -> bool:
    """Whether it is as wide as a Chinese letter; none of these has spaces around it."""
    return unicodedata.east_asian_width(letter) in "WF"


def interleave(texts: Sequence[str], gaps: Sequence[str]) -> Iterator[str]:
    for text, gap in zip(texts, gaps, strict=True):
        yield text
        yield gap


def block_diagonal(blocks: Sequence[np.ndarray]) -> np.ndarray:
    """Weights [L A T S] of sentences as those of one text: none looks at another's."""
    layers, heads = blocks[0].shape[:2]
    rows, columns = sum(b.shape[2] for b in blocks), sum(b.shape[3] for b in blocks)
    whole = np.zeros((layers, heads, rows, columns), blocks[0].dtype)
    row = column = 0
    for block in blocks:
        whole[:, :, row : row + block.shape[2], column : column + block.shape[3]] = block
        row, column = row + block.shape[2], column + block.shape[3]
    return whole
